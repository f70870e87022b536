"""Identity: which records are merged into one paper, and its fields, for any order of the records."""

import json
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_embedder import FakeEmbedder
from indexer import identity
from indexer.build import index
from indexer.doctor import examine
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.query import Query
from search.searcher import Searcher

ABSTRACT = (
    "We measure how far short summaries of past tokens can stand in for the tokens themselves when a context is long. "
    "Across nine tasks a ratio of eight loses little, while a ratio of sixty-four loses a lot. "
    "The summaries are learned with the rest of the network and cost one extra projection for each layer."
)
EDITED = ABSTRACT.replace("nine", "eleven").replace("a lot", "much") + " Code is released."
OTHER = (
    "Galaxies in clusters turn red before those in the field. "
    "With spectra of nine hundred members of forty clusters we date the change and find it early. "
    "Gas that falls in late cannot explain what we see in the most massive ones."
)
TITLE = "Short summaries of long contexts"

SAME_PAPER: dict[str, tuple[dict[str, Json], dict[str, Json]]] = {
    "versions of one arXiv id": ({"id": "arXiv:2401.00001v1", "title": "A"}, {"id": "2401.00001v2", "title": "B"}),
    "an arXiv id and its DOI": ({"id": "2401.00001", "title": "A"}, {"doi": "10.48550/arXiv.2401.00001", "title": "B"}),
    "a DOI in two cases": ({"doi": "10.1000/ABC", "title": "A"}, {"id": "https://doi.org/10.1000/abc", "title": "B"}),
    "title, authors and abstract": (
        {"id": "2401.00001", "title": TITLE, "authors": ["Ada Byron", "José García"], "abstract": ABSTRACT},
        {"doi": "10.1000/x", "title": TITLE.upper() + ".", "authors": ["A. Byron", "Jose Garcia"], "abstract": EDITED},
    ),
    "LaTeX in a title": (
        {"title": r"\emph{Short} s\"ummaries of {L}ong contexts", "authors": ["Ada Byron"], "abstract": ABSTRACT},
        {"id": "2401.00001", "title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
    ),
    "a cut author list": (
        {"title": TITLE, "authors": ["Ada Byron"], "authors_partial": True, "abstract": ABSTRACT},
        {"title": TITLE, "authors": ["Ada Byron", "José García", "Guorui Zhou"], "abstract": ABSTRACT},
    ),
    "a bare abstract": ({"abstract": EDITED}, {"id": "2401.00001", "title": TITLE, "abstract": ABSTRACT}),
    "an abstract cut short": ({"abstract": ABSTRACT[:210]}, {"id": "2401.00001", "title": TITLE, "abstract": ABSTRACT}),
}  # fmt: skip
DIFFERENT_PAPERS: dict[str, tuple[dict[str, Json], dict[str, Json]]] = {
    "two arXiv ids": ({"id": "2401.00001", "title": TITLE}, {"id": "2401.00002", "title": TITLE}),
    "one title, other people": (
        {"title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
        {"title": TITLE, "authors": ["Gang Zhou"], "abstract": EDITED},
    ),
    "one title, other abstracts": (
        {"title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
        {"title": TITLE, "authors": ["Ada Byron"], "abstract": OTHER},
    ),
    "short titles alone": (
        {"title": "Editorial", "authors": ["Ada Byron"]},
        {"id": "2401.00001", "title": "Editorial", "authors": ["Ada Byron"]},
    ),
    "abstracts that share a sentence": ({"abstract": ABSTRACT}, {"abstract": ABSTRACT.split(". ")[0] + ". " + OTHER}),
}  # fmt: skip


def index_papers(folder: Path, records: Sequence[dict[str, Json]]) -> set[str]:
    """Imports the records and returns the resulting papers as JSON."""
    folder.mkdir(parents=True)
    path = folder / "papers.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records), "utf-8")
    index([path], folder / "index", FakeEmbedder())
    snapshot = Searcher(folder / "index", lambda _model: FakeEmbedder()).snapshot
    return {
        json.dumps(paper.to_json(), sort_keys=True) for row, paper in snapshot.store.scan(0) if row in snapshot.live
    }


@pytest.mark.parametrize("why", SAME_PAPER)
def test_records_of_one_paper_become_one(tmp_path: Path, why: str) -> None:
    one, other = SAME_PAPER[why]
    first, second = index_papers(tmp_path / "a", [one, other]), index_papers(tmp_path / "b", [other, one])
    assert len(first) == 1
    assert first == second


@pytest.mark.parametrize("why", DIFFERENT_PAPERS)
def test_records_of_two_papers_stay_two(tmp_path: Path, why: str) -> None:
    assert len(index_papers(tmp_path / "a", DIFFERENT_PAPERS[why])) == 2


def test_a_merged_paper_has_the_best_value_of_each_field(tmp_path: Path) -> None:
    records: list[dict[str, Json]] = [
        {"id": "2401.00001v1", "title": "Old title", "abstract": ABSTRACT, "authors": ["Ada Byron", "José García"],
         "published": "2024-01-02", "updated": "2024-01-02", "categories": ["cs.LG"], "version": 1},
        {"id": "2401.00001v3", "title": TITLE, "abstract": EDITED, "authors": ["Ada Byron", "José García", "Gang Zhou"],
         "published": "2024-01", "updated": "2025-03-04", "categories": ["cs.LG", "cs.CL"], "version": 3},
        {"id": "doi:10.1000/x", "title": TITLE, "abstract": EDITED, "authors": ["A. Byron"], "authors_partial": True,
         "published": "2024-06", "extra": {"citations": 9}},
    ]  # fmt: skip
    results = {frozenset(index_papers(tmp_path / str(n), order)) for n, order in enumerate(permutations(records))}
    assert len(results) == 1
    (text,) = results.pop()
    paper = Paper.from_json(json.loads(text))
    assert paper.ids == ("arxiv:2401.00001", "doi:10.1000/x")
    assert (paper.title, paper.abstract, paper.version) == (TITLE, EDITED, 3)
    assert paper.authors == ("Ada Byron", "José García", "Gang Zhou")
    assert not paper.authors_partial
    assert (paper.published, paper.updated) == (Date(2024, 1, 2), Date(2025, 3, 4))
    assert paper.categories == ("cs.LG", "cs.CL")
    assert paper.extra == {"citations": 9}


def test_every_id_a_paper_ever_had_still_finds_it(tmp_path: Path) -> None:
    path, directory, embedder = tmp_path / "papers.jsonl", tmp_path / "index", FakeEmbedder()
    bare: dict[str, Json] = {"abstract": ABSTRACT}
    path.write_text(json.dumps(bare), "utf-8")
    index([path], directory, embedder)
    searcher = Searcher(directory, lambda _model: embedder)
    (hit,) = searcher.search(Query(ABSTRACT, is_abstract=True)).hits
    assert hit.paper.id.startswith("h:")
    assert len(hit.paper.id) == len("h:0123456789ab")
    path.write_text(json.dumps({"doi": "10.1000/x", "title": TITLE, "abstract": EDITED}), "utf-8")
    index([path], directory, embedder)
    path.write_text(json.dumps({"id": "2401.00001", "doi": "10.1000/x", "title": TITLE, "abstract": EDITED}), "utf-8")
    index([path], directory, embedder)
    for paper_id in (hit.paper.id, hit.paper.id.upper(), "https://doi.org/10.1000/X", "arXiv:2401.00001v9"):
        assert searcher.paper(paper_id).id == "arxiv:2401.00001"


records = st.lists(
    st.builds(
        dict,
        id=st.sampled_from([None, "2401.00001v1", "2401.00001v2", "2401.00002"]),
        doi=st.sampled_from([None, None, "10.1000/x", "10.1000/y"]),
        title=st.sampled_from([None, TITLE, TITLE.upper(), "Another title of enough words"]),
        abstract=st.sampled_from([None, ABSTRACT, EDITED, OTHER]),
        authors=st.sampled_from([None, ["Ada Byron"], ["A. Byron", "José García"], ["Gang Zhou"]]),
        published=st.sampled_from([None, "2024", "2024-01-02", "2025-03"]),
        categories=st.sampled_from([None, ["cs.LG"], ["cs.CL", "cs.LG"]]),
    ).filter(lambda record: record["title"] or record["abstract"]),
    min_size=2,
    max_size=5,
)


@given(records=records, data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_import_gives_the_same_papers(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Json]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("order")
    shuffled = data.draw(st.permutations(records))
    assert index_papers(folder / "a", records) == index_papers(folder / "b", shuffled)
    assert examine(folder / "b" / "index") == []  # which compares the keys with those that follow from the papers


@given(records=records)
@settings(max_examples=200, deadline=None)
def test_records_of_one_paper_share_a_key_and_the_relation_is_symmetric(records: list[dict[str, Json]]) -> None:
    from indexer.sources.jsonl import parse_paper

    papers = [identity.ensure_id(parse_paper(record, "jsonl:test")) for record in records]
    for one in papers:
        for other in papers:
            assert identity.is_same_paper(one, other) == identity.is_same_paper(other, one)
            if identity.is_same_paper(one, other):
                assert identity.keys(one) & identity.keys(other)
