"""Recommendations: papers near a library, their interests, and the same answer from every interface."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import MakeSearcher
from http_server import HttpServer, assert_problem
from indexer.library import find_library, parse_library, read_bibliography, read_library
from sample import KSA
from search.errors import InvalidValue, NameNotFound
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.library import Library
from search.query.query import Query
from search.recommendations.shares import limit_to_shares
from search.searcher import Searcher
from search.vectors.whitening import Whitening
from service.app import create_app
from service.cli import papers
from service.settings import Settings

TOPICS = {
    "cache": "memory compression attention tokens inference latency batch kernel server throughput",
    "galaxy": "redshift dust spectrum survey telescope halo stellar quasar luminosity nebula",
    "protein": "folding residue ligand binding enzyme structure sequence mutation docking peptide",
}


def make_records(count: int = 40) -> list[dict[str, object]]:
    """Papers of three topics, each with words of its own."""
    random = np.random.default_rng(5)
    return [
        {
            "id": f"10.1000/{topic}.{number}",
            "title": " ".join(random.choice(words.split(), 5, replace=False)) + f" {topic} {number}",
            "abstract": " ".join(random.choice(words.split(), 30)),
            "authors": [f"{topic.title()} Author"],
            "categories": ["cs.CL" if topic == "cache" else "astro-ph.GA"],
            "published": f"20{10 + number % 15}-01",
        }
        for topic, words in TOPICS.items()
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def searcher(make_searcher: MakeSearcher) -> Searcher:
    return make_searcher(make_records())


@pytest.fixture(scope="module")
def all_papers(searcher: Searcher) -> list[Paper]:
    return [paper for _, paper in searcher.snapshot.store.scan(0)]


def ids_of(topic: str, numbers: range) -> tuple[str, ...]:
    return tuple(f"doi:10.1000/{topic}.{number}" for number in numbers)


@given(
    library=st.sets(st.integers(0, 119), min_size=1, max_size=40),
    limit=st.integers(0, 130),
    start=st.sampled_from([None, "2015", "2024"]),
)
@settings(max_examples=12, deadline=None)
def test_properties_of_a_page(
    searcher: Searcher, all_papers: list[Paper], library: set[int], limit: int, start: str | None
) -> None:
    """No paper of the library or outside the filter; each hit names the paper of highest cosine; the same each time."""
    session, known = searcher.session(), [all_papers[row] for row in sorted(library)]
    wanted = Filter.parse(dates={"from": start})
    page = session.recommend(Library(tuple(paper.id for paper in known)), filter=wanted, limit=limit)
    allowed = {
        paper.id for paper in all_papers if not start or (paper.published and paper.published.isoformat() >= start)
    } - {paper.id for paper in known}
    assert len({hit.paper.id for hit in page.hits}) == len(page) == min(limit, len(allowed))
    assert {hit.paper.id for hit in page.hits} <= allowed
    assert page.total == len(allowed)
    vectors = {paper.id: session.snapshot.vectors.get_vector(row) for row, paper in enumerate(all_papers)}
    for hit in page.hits:
        cosines = {paper.id: float(vectors[paper.id] @ vectors[hit.paper.id]) for paper in known}
        assert hit.near
        assert hit.near.similarity == pytest.approx(max(cosines.values()), abs=1e-3)
        assert cosines[str(hit.near.id)] == pytest.approx(hit.near.similarity, abs=1e-3)
    again = session.recommend(Library(tuple(paper.id for paper in reversed(known))), filter=wanted, limit=limit)
    first = session.recommend(Library(tuple(paper.id for paper in known)), filter=wanted, limit=limit)
    assert [hit.to_json() for hit in first.hits] == [hit.to_json() for hit in page.hits]
    assert {hit.paper.id for hit in again.hits} <= allowed


def test_one_interest_does_not_fill_the_page(searcher: Searcher) -> None:
    """A library with 12 papers of one topic and 4 of another gets three and one of any four hits."""
    library = Library((*ids_of("cache", range(12)), *ids_of("protein", range(4))))
    page = searcher.session().recommend(library, limit=16)
    assert page.interpretation == "near 16 papers of 2 interests"
    for count in range(1, 17):
        topics = [hit.paper.authors[0].split()[0] for hit in page.hits[:count]]
        assert topics.count("Cache") <= np.ceil(count * 12 / 16)
        assert topics.count("Protein") <= np.ceil(count * 4 / 16)
        assert "Galaxy" not in topics
    assert {hit.near.interest for hit in page.hits if hit.near and "Cache" in hit.paper.authors[0]} == {1}


@given(
    st.lists(st.integers(0, 3), max_size=60), st.lists(st.integers(1, 9), min_size=4, max_size=4), st.integers(0, 70)
)
def test_shares(interests: list[int], sizes: list[int], limit: int) -> None:
    """Each candidate occurs once; the best of each interest first; no interest above its share while others wait."""
    chosen = limit_to_shares(interests, sizes, limit)
    assert len(set(chosen)) == len(chosen) == min(limit, len(interests))
    for interest in range(4):
        own = [position for position in chosen if interests[position] == interest]
        assert own == [position for position, each in enumerate(interests) if each == interest][: len(own)]
    taken = [0, 0, 0, 0]
    for count, position in enumerate(chosen, 1):
        interest = interests[position]
        waiting = {each for at, each in enumerate(interests) if at not in chosen[: count - 1]}
        share = -(-count * sizes[interest] // sum(sizes))
        others_below = [each for each in waiting if taken[each] < -(-count * sizes[each] // sum(sizes))]
        assert taken[interest] < share or not others_below
        taken[interest] += 1


def test_whitened_vectors_vary_equally_in_all_directions() -> None:
    random = np.random.default_rng(2)
    scales = np.linspace(0.7, 1.4, 16)
    sample = (random.normal(size=(20_000, 16)) * scales + 5).astype(np.float32)
    whitening = Whitening.fit(sample)
    white = (sample - whitening.mean) @ whitening.matrix
    assert np.cov(white.T) == pytest.approx(np.eye(16), abs=0.1)
    rows = whitening.transform(sample[:50])
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    constant = Whitening.fit(np.ones((3, 4), np.float32)).transform(np.ones((3, 4), np.float32))
    assert np.isfinite(constant).all()


def test_records_that_the_index_lacks_count_by_title_and_abstract(searcher: Searcher) -> None:
    records = [
        Paper(title="A telescope survey of dust", abstract="Galaxy spectrum, redshift and stellar halo of a quasar."),
        Paper(title="Stellar halo of a galaxy"),
    ]
    page = searcher.session().recommend(find_library(searcher.snapshot, records), limit=10)
    assert all(hit.paper.authors == ("Galaxy Author",) for hit in page.hits)
    assert {hit.near.title for hit in page.hits if hit.near} <= {record.title for record in records}
    assert {hit.near.id for hit in page.hits if hit.near} == {None}


def test_the_same_paper_without_an_id_is_left_out(searcher: Searcher, all_papers: list[Paper]) -> None:
    own = all_papers[3]
    records = [Paper(title=own.title, authors=own.authors, abstract=own.abstract)]
    library = find_library(searcher.snapshot, records)
    assert (library.ids, library.records) == ((own.id,), ())
    version = Paper(title=own.title, authors=own.authors, abstract="An abstract in other words. " * 10)
    assert find_library(searcher.snapshot, [version]).ids == (own.id,)
    other = Paper(title=own.title, authors=("Somebody Else",), abstract="An abstract in other words. " * 10)
    assert find_library(searcher.snapshot, [other]).records == (other,)


@pytest.mark.parametrize(
    "library", [Library(), Library(records=(Paper(("doi:10.1000/none",)),)), Library(("doi:10.1000/none",))]
)
def test_a_library_without_usable_papers_is_an_error(searcher: Searcher, library: Library) -> None:
    with pytest.raises(InvalidValue, match="give IDs of papers in the index, or records with a title"):
        searcher.session().recommend(library)


def test_a_library_with_all_papers_of_the_index_leaves_none(searcher: Searcher, all_papers: list[Paper]) -> None:
    library = Library(tuple(paper.id for paper in all_papers))
    page = searcher.session().recommend(library)
    assert (page.total, page.notices) == (0, ("All papers of the index are in the library.",))
    filtered = searcher.session().recommend(library, filter=Filter.parse(categories=["cs.IR"]))
    assert (filtered.total, filtered.notices) == (0, ())


@pytest.mark.parametrize("options", [{"sort": "newest"}, {"like": ("doi:10.1000/cache.1",)}, {"cursor": "x"}])
def test_options_that_do_not_apply_are_an_error(searcher: Searcher, options: dict[str, object]) -> None:
    with pytest.raises(InvalidValue, match="only a filter and a limit"):
        searcher.session().recommend(Library(ids_of("cache", range(3))), Query(**options))  # type: ignore[arg-type]


def test_a_large_index_is_searched_by_interest(searcher: Searcher) -> None:
    """With few papers compared exactly, the nearest papers of each interest are found by vector search."""
    from search.ranking.filtered_index import FilteredIndex
    from search.recommendations.embedding import embed_library
    from search.recommendations.recommend import recommend
    from search.recommendations.tuning import RecommendationTuning

    library = Library((*ids_of("cache", range(6)), *ids_of("galaxy", range(6))))
    embedded, rows, _ = embed_library(searcher.snapshot, searcher.embedders, library)
    index = FilteredIndex.of(searcher.snapshot, Query().filter.condition, rows)
    tuning = RecommendationTuning(exact_rows=10, nearest_papers=40, min_nearest=5)
    page = recommend(index, embedded, 20, tuning)
    assert not page.exact
    assert {hit.paper.authors[0] for hit in page.hits} == {"Cache Author", "Galaxy Author"}


BIBLIOGRAPHY = """
@article{one, title = {cache memory compression}, doi = {10.1000/cache.1}}
@article{two, title = {galaxy dust survey}, doi = {10.1000/galaxy.1}}
@article{three, title = {Attention and tokens of a batch}, author = {Someone, New}, abstract = {inference latency}}
@article{broken, author = {No Title}}
"""


@pytest.fixture(scope="module")
def bibliography(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "my.bib"
    path.write_text(BIBLIOGRAPHY, "utf-8")
    return path


@pytest.fixture(scope="module")
def client(searcher: Searcher) -> Iterator[httpx.Client]:
    server = HttpServer(create_app(searcher, Settings()))
    yield server.client
    server.close()


def test_a_file_with_unreadable_records_and_its_notice(searcher: Searcher, bibliography: Path) -> None:
    library = read_library(searcher.snapshot, [bibliography])
    assert set(library.ids) == {"doi:10.1000/cache.1", "doi:10.1000/galaxy.1"}
    assert [record.title for record in library.records] == ["Attention and tokens of a batch"]
    assert len(library.left_out) == 1
    page = searcher.session().recommend(library, limit=5)
    assert page.notices[0].startswith("Of 4 papers of the library, 1 was left out: ")
    assert "my.bib:5" in page.notices[0]


def test_http_takes_ids_and_records(searcher: Searcher, client: httpx.Client) -> None:
    entries: list[object] = [
        "10.1000/cache.1",
        {"id": "doi:10.1000/galaxy.1", "score": 1.0, "band": None},
        {"title": "Attention and tokens of a batch", "authors": ["New Someone"], "abstract": "inference latency"},
        "not an id",
        {"authors": ["Without a Title"]},
        "arxiv:2001.00001",
    ]
    answer = client.post("/v1/recommend", json={"library": entries, "limit": 4, "category": ["cs.CL"]})
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert page["interpretation"] == "near 3 papers of 2 interests, cs.CL"
    assert "Of 6 papers of the library, 3 were left out" in page["notices"][0]
    library = parse_library(searcher.snapshot, entries)  # type: ignore[arg-type]
    expected = searcher.session().recommend(library, filter=Filter(categories=("cs.CL",)), limit=4)
    assert [hit["near"] for hit in page["hits"]] == [hit.to_json()["near"] for hit in expected.hits]
    csv = client.post("/v1/recommend", json={"library": entries, "limit": 4, "format": "csv", "fields": "id,near"})
    assert csv.text.splitlines()[0] == '"id","near"'
    assert_problem(client.post("/v1/recommend", json={"library": []}), 422)
    assert_problem(client.post("/v1/recommend", json={"library": ["nothing"]}), 422)
    assert_problem(client.post("/v1/recommend", json={"library": ["10.1000/cache.1"], "like": ["x"]}), 422)


IN_SAMPLE = (KSA, "arxiv:2602.09843", "arxiv:2412.14838")
"""Papers of the sample; a library of these needs no model."""


@pytest.fixture(scope="module")
def thesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bibliography of these."""
    path = tmp_path_factory.mktemp("thesis") / "thesis.bib"
    path.write_text("".join(map(_entry, IN_SAMPLE)), "utf-8")
    return path


def run_papers(*arguments: str, stdin: str = "") -> Result:
    """Runs a command in this process: scikit-learn is imported once."""
    return CliRunner().invoke(papers, arguments, input=stdin)


def run_json(*arguments: str, stdin: str = "") -> dict[str, Any]:
    result = run_papers(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.exception
    return dict(json.loads(result.stdout))


def _entry(paper_id: str) -> str:
    number = paper_id.removeprefix("arxiv:")
    return f"@misc{{k{number}, title = {{Paper {number}}}, eprint = {{{number}}}, archiveprefix = {{arXiv}}}}\n"


def test_the_command_names_the_near_paper(index_options: list[str], thesis: Path) -> None:
    arguments = ("recommend", "--library", str(thesis), *index_options, "-n", "3")
    done = run_papers(*arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("near 3 papers of ")
    assert done.stdout.count("(cosine 0.") == done.stdout.count(" near ") == 3
    page = run_json(*arguments, "--from", "2026", "--category", "cs.IR")
    assert all("cs.IR" in hit["categories"] and hit["published"] >= "2026" for hit in page["hits"])
    assert {hit["near"]["id"] for hit in page["hits"]} <= set(IN_SAMPLE)
    assert not {hit["id"] for hit in page["hits"]} & set(IN_SAMPLE)
    assert run_papers(*arguments, "--format", "bibtex").stdout.count("@") == 3


def test_a_list_is_a_library(index_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_STATE", str(tmp_path / "state.sqlite"))
    assert run_papers("list", "add", "thesis", *IN_SAMPLE[:2], *index_options).exit_code == 0
    page = run_json("recommend", "--list", "thesis", *index_options, "--added-from", "7d")
    assert page["interpretation"].startswith("near 2 papers of ")
    assert page["hits"]
    assert not {hit["id"] for hit in page["hits"]} & set(IN_SAMPLE[:2])
    assert "missing library" in run_papers("recommend", *index_options).stderr
    assert isinstance(run_papers("recommend", "--list", "none", *index_options).exception, NameNotFound)
    empty = run_papers("recommend", "--list", "starred", *index_options).exception
    assert str(empty).startswith("invalid --list 'starred': there are no papers on it")


def test_similar_recognises_a_bibliography(index_options: list[str], thesis: Path, tmp_path: Path) -> None:
    """With several papers it answers like recommend; with one, like a search for papers similar to it."""
    expected = run_json("recommend", "--library", str(thesis), *index_options)
    for arguments, stdin in ((("--file", str(thesis)), ""), (("-",), thesis.read_text("utf-8"))):
        page = run_json("similar", *arguments, *index_options, stdin=stdin)
        assert [hit["near"] for hit in page["hits"]] == [hit["near"] for hit in expected["hits"]]
    single = tmp_path / "one.txt"
    single.write_text(f"TY  - JOUR\nTI  - In the index\nUR  - https://arxiv.org/abs/{KSA[6:]}\nER  - \n", "utf-8")
    by_file = run_json("similar", "--file", str(single), *index_options)
    by_id = run_json("similar", KSA, *index_options)
    assert [hit["id"] for hit in by_file["hits"]] == [hit["id"] for hit in by_id["hits"]]
    done = run_papers("similar", "--file", str(thesis), "--unlike", KSA, *index_options)
    assert "is a bibliography" in done.stderr
    assert str(done.exception).startswith("invalid --unlike")


@pytest.mark.parametrize(
    "text",
    [
        "We study the compression of key-value caches, and show that summaries suffice.",
        "Abstract: We study key-value caches. Title and year do not matter.",
        "Title, year, and abstract are compared; see 10.1000/x and @article for details.\nMore, of, the, same",
        "",
    ],
)
def test_an_abstract_is_not_a_bibliography(text: str) -> None:
    assert read_bibliography("abstract.txt", text.encode()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.bib", "there is no such file or folder"),
        ("empty", "the library is empty"),
        ("other.bib", "unknown format"),
    ],
)
def test_a_library_that_cannot_be_used_is_explained(
    index_options: list[str], tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.bib").write_text("Plain text\n", "utf-8")
    done = run_papers("recommend", "--library", str(tmp_path / name), *index_options)
    assert isinstance(done.exception, InvalidValue)
    assert done.exception.field == "--library"
    assert done.exception.value.endswith(f"/{name}")
    assert message in str(done.exception)
