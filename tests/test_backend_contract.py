"""What every backend must do (``search.index.backend``), against brute force over the papers themselves.

A backend takes part with an entry of ``BACKENDS``: a function that makes it from the local index.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from weakref import ref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import oracle
from fake_embedder import FakeEmbedder
from indexer.build import index
from search.embedding.cache import EmbedderCache
from search.errors import InvalidValue, PaperNotFound
from search.index.backend import Backend
from search.index.source import FolderSource
from search.papers.date import NO_DAY
from search.papers.identifiers import id_key
from search.papers.kind_rules import find_kinds
from search.papers.paper import Paper
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, ContainsText, InRows, Not
from search.query.filter import Filter
from search.query.query import Query
from search.query.sort import FieldOrder
from search.session import Session
from strategies import (
    AUTHOR_MATCHES,
    AUTHOR_NAMES,
    CATEGORIES,
    COMMENTS,
    DATES,
    QUERY_CATEGORIES,
    WORDS,
    conditions,
    write_papers,
)

TOLERANCE = 2e-3
"""Difference of two cosines of vectors that a backend stores with half precision."""
EXAMPLES = settings(max_examples=25, deadline=None)
DOI = "10.1000/Cache.7"


def open_folder(directory: Path) -> Backend:
    return FolderSource(directory).open()


def open_collection(directory: Path) -> Backend:
    for package in ("pymilvus", "milvus_lite"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'papers-search[milvus]'")
    from search.milvus.address import Address
    from search.milvus.copying import copy_snapshot
    from search.milvus.source import MilvusSource

    address = Address("", str(directory.parent / "papers.db"), "papers")
    copy_snapshot(FolderSource(directory).open(), address.connect(), address.collection, address.dialect)
    return MilvusSource(address).open()


OpenBackend = Callable[[Path], Backend]
BACKENDS: dict[str, OpenBackend] = {"local": open_folder, "milvus": open_collection}
"""Each backend makes itself from the published generation in a folder."""


def make_records(count: int) -> list[dict[str, object]]:
    random = np.random.default_rng(5)
    return [
        {
            "title": " ".join(random.choice(WORDS, 3)),
            "abstract": " ".join(random.choice(WORDS, 10)),
            "authors": random.choice(AUTHOR_NAMES, random.integers(0, 4), replace=False).tolist(),
            "categories": random.choice(CATEGORIES, random.integers(0, 3), replace=False).tolist(),
            "published": random.choice([*DATES, ""]).item(),
            "updated": random.choice([*DATES, ""]).item(),
            "citations": number % 7,
            "comment": COMMENTS[number % len(COMMENTS)],
        }
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index of 150 papers, whose second import has replaced the rows of ten."""
    folder, records = tmp_path_factory.mktemp("contract"), make_records(150)
    records[7]["doi"] = DOI
    for changed in (records, [{**each, "title": f"pruning {each['title']}"} for each in records[:10]]):
        index([write_papers(folder, changed)], folder / "index", FakeEmbedder())
    return folder / "index"


@pytest.fixture(scope="module", params=BACKENDS)
def open_backend(request: pytest.FixtureRequest) -> OpenBackend:
    return BACKENDS[request.param]


@pytest.fixture(scope="module")
def backend(open_backend: OpenBackend, directory: Path) -> Backend:
    return open_backend(directory).for_session()


@pytest.fixture(scope="module")
def local(directory: Path) -> Backend:
    """The local index, whose scores those of other backends equal."""
    return open_folder(directory)


class Papers(dict[int, Paper]):
    """Papers by row."""

    def __repr__(self) -> str:  # of the arguments of a failing example
        return f"<{len(self)} papers>"


@pytest.fixture(scope="module")
def papers(backend: Backend) -> Papers:
    """All papers of the backend."""
    rows = backend.live.ids.tolist()
    return Papers(zip(rows, backend.store.get(rows), strict=True))


def rows_of(papers: Papers, condition: Condition) -> list[int]:
    """Returns the rows of the papers that match a condition, by brute force."""
    return [row for row, paper in papers.items() if oracle.matches(paper, condition, AUTHOR_MATCHES)]


def words_of(paper: Paper) -> set[str]:
    return {*(paper.title or "").split(), *(paper.abstract or "").split()}


def as_array(rows: Sequence[int]) -> NDArray[np.int64]:
    return np.array(rows, np.int64)


def unit_vector(text: str) -> NDArray[np.float32]:
    return np.asarray(FakeEmbedder().encode([text])[0], np.float32)


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True).map(" ".join)


def test_the_live_papers_are_the_imported_ones(backend: Backend, papers: Papers) -> None:
    ids = sorted(paper_id for paper in papers.values() for paper_id in paper.ids if paper_id.startswith("arxiv:"))
    assert ids == [f"arxiv:2401.{number:05}" for number in range(150)]
    assert len(backend.live) == len(papers)
    assert list(papers) == sorted(papers)
    assert all(row in backend.live for row in papers)


@EXAMPLES
@given(condition=conditions)
def test_a_filter_selects_the_papers_that_match_it(backend: Backend, papers: Papers, condition: Condition) -> None:
    found, expected = backend.rows_matching(condition), rows_of(papers, condition)
    assert len(found) == len(expected)
    assert sorted(found.ids.tolist()) == expected
    every = as_array(list(papers))
    assert every[found.contains(every)].tolist() == expected
    for row in (*expected[:1], next(iter(papers))):
        rest = found.without(row)
        assert row not in rest
        assert len(rest) == len(expected) - (row in expected)


@EXAMPLES
@given(
    condition=st.sampled_from(QUERY_CATEGORIES).map(Category) | st.sampled_from(WORDS).map(ContainsText),
    authors=st.lists(st.sampled_from(sorted(AUTHOR_MATCHES)), min_size=1, max_size=3, unique=True),
)
def test_filters_of_usual_shape_select_the_papers_that_match_them(
    backend: Backend, papers: Papers, condition: Condition, authors: list[str]
) -> None:
    names = tuple(map(Author, authors))
    for combined in (AllOf((condition, AnyOf(names))), AllOf((Not(condition), *names)), AllOf((condition,)), AllOf(())):
        assert len(backend.rows_matching(combined)) == len(rows_of(papers, combined))


def test_an_unknown_category_and_a_text_without_words_are_errors(backend: Backend) -> None:
    for condition in (Category("no-such-category"), ContainsText("?")):
        with pytest.raises(InvalidValue):
            len(backend.rows_matching(condition))


@EXAMPLES
@given(data=st.data())
def test_sets_of_rows(backend: Backend, papers: Papers, data: st.DataObject) -> None:
    some, others, without = (
        data.draw(st.lists(st.sampled_from(list(papers)), max_size=20, unique=True)) for _ in range(3)
    )
    expected = sorted({*some, *others} - {*without})
    found = backend.set_of(as_array(some), as_array(others), without=as_array(without))
    assert (len(found), sorted(found.ids.tolist())) == (len(expected), expected)
    listed = AllOf((InRows(tuple(sorted(some)), "theme"), ContainsText("cache")))
    assert sorted(backend.rows_matching(listed).ids.tolist()) == sorted(
        {*some} & {*rows_of(papers, ContainsText("cache"))}
    )


def test_vectors_are_those_of_the_texts(backend: Backend, papers: Papers) -> None:
    rows = list(reversed(papers))
    vectors = backend.vectors.get_vectors(as_array(rows))
    assert vectors.dtype == np.float32
    assert vectors == pytest.approx(FakeEmbedder().encode([papers[row].text for row in rows]), abs=TOLERANCE)
    assert np.array_equal(backend.vectors.get_vector(rows[0]), vectors[0])
    assert backend.vectors.get_vectors(as_array([])).shape == (0, backend.model.dim)


@EXAMPLES
@given(condition=conditions, text=texts, k=st.integers(1, 40))
def test_the_nearest_papers_are_those_of_highest_cosine(
    backend: Backend, papers: Papers, condition: Condition, text: str, k: int
) -> None:
    vector, matching = unit_vector(text), as_array(rows_of(papers, condition))
    (ranked,) = backend.vectors.nearest(vector[None], k, backend.rows_matching(condition))
    cosines = backend.vectors.get_vectors(matching) @ vector
    assert set(ranked.rows.tolist()) <= set(matching.tolist())
    assert len(set(ranked.rows.tolist())) == len(ranked.rows) == min(k, len(matching))
    assert ranked.scores == pytest.approx(np.sort(cosines)[::-1][:k], abs=TOLERANCE)
    assert ranked.scores == pytest.approx(backend.vectors.scores(vector, ranked.rows), abs=TOLERANCE)
    assert set(ranked.rows.tolist()) <= set(ranked.scored_rows.tolist())


def test_several_vectors_have_a_ranking_each(backend: Backend) -> None:
    vectors = np.stack([unit_vector(word) for word in WORDS[:3]])
    for vector, ranked in zip(vectors, backend.vectors.nearest(vectors, 5, backend.live), strict=True):
        (alone,) = backend.vectors.nearest(vector[None], 5, backend.live)
        assert ranked.scores == pytest.approx(alone.scores, abs=TOLERANCE)


@EXAMPLES
@given(text=texts, threshold=st.floats(0.05, 0.8))
def test_all_papers_above_a_cosine_are_found(backend: Backend, papers: Papers, text: str, threshold: float) -> None:
    vector, matching = unit_vector(text), as_array(rows_of(papers, Category("cs")))
    found = backend.vectors.rows_above(vector, threshold, backend.rows_matching(Category("cs"))).rows
    cosines = backend.vectors.scores(vector, matching)
    assert set(matching[cosines > threshold + TOLERANCE].tolist()) <= set(found.tolist())
    assert set(found.tolist()) <= set(matching[cosines > threshold - TOLERANCE].tolist())


@EXAMPLES
@given(condition=conditions, text=texts, k=st.integers(1, 40))
def test_a_lexical_search_returns_the_papers_of_highest_bm25(
    backend: Backend, papers: Papers, condition: Condition, text: str, k: int
) -> None:
    lexicon, among = backend.lexicon, backend.rows_matching(condition)
    matching = as_array(rows_of(papers, condition))
    ranked, scores = lexicon.search(text, k, among), lexicon.scores(text, matching)
    with_term = matching[scores > 0]
    assert with_term.tolist() == [row for row in matching if set(text.split()) & words_of(papers[row])]
    assert set(ranked.rows.tolist()) <= set(with_term.tolist())
    assert ranked.scores == pytest.approx(np.sort(scores[scores > 0])[::-1][:k], rel=1e-4)
    assert ranked.scores == pytest.approx(lexicon.scores(text, ranked.rows), rel=1e-4)
    assert lexicon.count_matches(text, among) == len(lexicon.papers_with_any_term(text, among)) == len(with_term)
    assert sorted(lexicon.papers_with_any_term(text, among).ids.tolist()) == with_term.tolist()


@EXAMPLES
@given(text=texts, share=st.floats(0.1, 0.9))
def test_all_papers_that_reach_a_share_of_bm25_are_found(
    backend: Backend, papers: Papers, text: str, share: float
) -> None:
    lexicon, rows = backend.lexicon, as_array(list(papers))
    scores, limit = lexicon.scores(text, rows), share * lexicon.max_score(text)
    found, bm25 = lexicon.search_reaching(text, share, backend.live)
    assert float(scores.max()) <= lexicon.max_score(text)
    assert (
        set(rows[scores > limit * 1.001].tolist()) <= set(found.tolist()) <= set(rows[scores > limit * 0.999].tolist())
    )
    assert bm25 == pytest.approx(lexicon.scores(text, found), rel=1e-4)


@EXAMPLES
@given(text=texts)
def test_bm25_and_coverage_are_those_of_the_local_index(
    backend: Backend, local: Backend, papers: Papers, text: str
) -> None:
    rows = as_array(list(papers))
    same = as_array([local.row_of(paper.id) for paper in papers.values()])
    for name in ("scores", "coverage"):
        found, expected = getattr(backend.lexicon, name)(text, rows), getattr(local.lexicon, name)(text, same)
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert backend.lexicon.max_score(text) == pytest.approx(local.lexicon.max_score(text), rel=1e-3)
    has_all = [set(text.split()) <= words_of(paper) for paper in papers.values()]
    assert ((backend.lexicon.coverage(text, rows) > 0.999) == np.array(has_all)).all()


def test_words_have_the_same_terms_and_document_frequencies_everywhere(
    backend: Backend, local: Backend, papers: Papers
) -> None:
    for word in (*WORDS, "caches", "the", "absent"):
        expected = sum(word.removesuffix("s") in words_of(paper) for paper in papers.values())
        assert backend.lexicon.inflected_doc_freq(word) == expected, word
        assert backend.lexicon.word_doc_freq(word) == sum(word in words_of(paper) for paper in papers.values())
    text = "U-Net for LLMs in the cache"
    assert backend.lexicon.terms(text) == local.lexicon.terms(text)
    assert backend.lexicon.highlighted_terms(text).keys() == local.lexicon.highlighted_terms(text).keys()
    for word in ("caches", "the", "LLMs"):
        assert backend.lexicon.term_by_word[word] == local.lexicon.term_by_word[word]
        assert backend.lexicon.terms_by_unit[word] == local.lexicon.terms_by_unit[word]


def test_papers_are_read_in_the_order_of_their_rows(backend: Backend, papers: Papers) -> None:
    rows = [*reversed(papers)][::7]
    assert backend.store.get(rows) == [papers[row] for row in rows]
    read = backend.store.titles_and_abstracts(rows)
    assert read == [(papers[row].title or "", papers[row].abstract or "") for row in rows]
    with_word = sum("galaxy" in papers[row].text for row in rows)
    found = [text for text in backend.store.texts_containing(rows, "Galaxy") if re.search("galaxy", text)]
    assert len(found) == with_word
    assert (backend.store.get([]), backend.store.titles_and_abstracts([])) == ([], [])


def test_a_paper_has_the_records_that_it_was_merged_from(backend: Backend, papers: Papers) -> None:
    for number, count in ((7, 2), (70, 1)):
        row = backend.row_of(f"arxiv:2401.{number:05}")
        titles = [record.title for record in backend.store.records(row)]
        assert len(titles) == count
        assert papers[row].title in titles
    assert backend.store.decisions() == []


def test_papers_are_found_by_the_keys_of_their_ids(backend: Backend, papers: Papers) -> None:
    keys = [id_key(paper.id) for paper in papers.values()]
    rows = [row for row in backend.store.rows_for_keys(keys) if row in backend.live]
    assert sorted(rows) == list(papers)
    for row, key in list(zip(papers, keys, strict=True))[::30]:
        assert [each for each in backend.store.rows_for_key(key) if each in backend.live] == [row]


@pytest.mark.parametrize(
    "spelling",
    ["arXiv:2401.00007", "2401.00007v2", "https://arxiv.org/abs/2401.00007", f"doi:{DOI}", f"https://doi.org/{DOI}"],
)
def test_a_paper_is_found_by_every_spelling_of_its_ids(backend: Backend, papers: Papers, spelling: str) -> None:
    row = backend.find_row(spelling)
    assert row is not None
    assert row == backend.row_of(spelling)
    assert "arxiv:2401.00007" in papers[row].ids


def test_unknown_ids_are_not_found(backend: Backend) -> None:
    for unknown in ("arXiv:2401.99999", "not an id", ""):
        assert backend.find_row(unknown) is None
        with pytest.raises(PaperNotFound):
            backend.row_of(unknown)


@EXAMPLES
@given(condition=conditions)
def test_values_are_counted_in_the_papers_of_a_set(backend: Backend, papers: Papers, condition: Condition) -> None:
    columns, among = backend.columns, backend.rows_matching(condition)
    matching = [papers[row] for row in rows_of(papers, condition)]
    codes = columns.categories.codes
    counts = columns.categories.postings.count_by_value(among, np.arange(len(codes)))
    for code, count in zip(codes, counts.tolist(), strict=True):
        assert count == sum(oracle.matches(paper, Category(code), {}) for paper in matching)
    authors, found = columns.author_postings.most_frequent(among, 50)
    written = [{"Guorui Zhou" if name == "GUORUI ZHOU" else name for name in paper.authors} for paper in matching]
    names = columns.authors.display_names(authors)
    assert dict(zip(names, found.tolist(), strict=True)) == {
        name: count for name in AUTHOR_NAMES if (count := sum(name in each for each in written))
    }
    years = [paper.published.year for paper in matching if paper.published]
    assert columns.published.count_by_year(among) == {
        year: years.count(year) for year in sorted({*years}, reverse=True)
    }
    assert int(columns.published.count_intervals(among).sum()) == len(matching)
    first_days = [paper.published.first_day for paper in matching if paper.published]
    assert columns.published.range_of(among) == ((min(first_days), max(first_days)) if first_days else None)


@EXAMPLES
@given(condition=conditions, order=st.sampled_from(["newest", "oldest", "added", "citations"]), k=st.integers(1, 200))
def test_papers_are_sorted_by_a_field(
    backend: Backend, papers: Papers, condition: Condition, order: FieldOrder, k: int
) -> None:
    def key(row: int) -> tuple[float, float]:
        paper = papers[row]
        day = paper.published.first_day if paper.published else np.inf if order == "oldest" else -np.inf
        before = {"added": (paper.added or datetime.fromtimestamp(0, UTC)).timestamp()}
        before["citations"] = -1 if paper.citations is None else paper.citations
        return -before.get(order, 0), day if order == "oldest" else -day

    found = backend.columns.sort(backend.rows_matching(condition), k, order).tolist()
    expected = sorted(rows_of(papers, condition), key=key)
    assert [key(row) for row in found] == [key(row) for row in expected][:k]
    assert len(set(found)) == len(found)


def test_values_of_papers_are_those_of_the_papers(backend: Backend, papers: Papers) -> None:
    columns, rows = backend.columns, as_array([*papers][::3])
    positions, authors = columns.author_postings.pairs_of_rows(rows)
    assert positions.tolist() == sorted(positions.tolist())
    for place, row in enumerate(rows.tolist()):
        own = columns.authors.display_names(authors[positions == place])
        assert sorted(own) == sorted({"Guorui Zhou" if n == "GUORUI ZHOU" else n for n in papers[row].authors})
    assert columns.kinds.is_complete
    assert [set(kinds or ()) for kinds in columns.kinds.of_rows(rows)] == [
        set(find_kinds(papers[r])) for r in rows.tolist()
    ]
    primary = columns.categories.primary_of(rows).tolist()
    codes = columns.categories.codes
    assert [codes[each : each + 1] for each in primary] == [papers[row].categories[:1] for row in rows.tolist()]
    days = [(d.first_day, d.last_day) if (d := papers[row].published) else NO_DAY for row in rows.tolist()]
    assert list(zip(*columns.published.days(rows).tolist(), strict=True)) == days
    assert columns.has_citations
    sample = columns.categories.postings.sample(codes.index("cs"), 9)
    assert len(set(sample.tolist())) == 9
    assert set(sample[backend.live.contains(sample)].tolist()) <= set(rows_of(papers, Category("cs")))


@pytest.mark.parametrize("name", [name for name, matched in AUTHOR_MATCHES.items() if matched])
def test_the_papers_of_an_author_are_those_with_a_matching_name(backend: Backend, papers: Papers, name: str) -> None:
    columns = backend.columns
    ids = columns.author_ids(Author(name))
    found = columns.author_postings.ids(ids)
    assert found[backend.live.contains(found)].tolist() == rows_of(papers, Author(name))
    assert set(columns.authors.display_names(ids)) <= AUTHOR_MATCHES[name]
    counts = columns.author_postings.counts_of(ids)
    positions, rows = columns.author_postings.pairs_of_values(ids)
    assert np.bincount(positions, minlength=len(ids)).tolist() == counts.tolist()
    assert set(rows.tolist()) == set(found.tolist())


def test_names_are_suggested_with_their_papers(backend: Backend, papers: Papers) -> None:
    found = backend.suggester.suggest("byr", 5)
    papers_of_ada = sum("Ada Byron" in paper.authors for paper in papers.values())
    assert [(each.value, each.papers) for each in found.authors] == [("Ada Byron", papers_of_ada)]
    counts = {each.code: each.papers for each in backend.suggester.categories}
    assert counts["cs"] == len(rows_of(papers, Category("cs")))
    with pytest.raises(InvalidValue):
        backend.suggester.suggest("byr", 0)


def test_a_generation_is_stable_and_named(directory: Path, open_backend: OpenBackend, backend: Backend) -> None:
    again = open_backend(directory)
    again.load()
    backend.rows_matching(Category("cs"))
    assert backend.generation == again.generation == backend.for_session().generation
    assert backend.generation.isprintable()
    assert backend.checksum == again.checksum
    assert backend.model == FakeEmbedder().model
    assert backend.count_bytes() >= 0


def test_backends_are_compared_by_identity_and_referred_to_weakly(
    directory: Path, open_backend: OpenBackend, backend: Backend
) -> None:
    again = open_backend(directory)
    assert len({ref(backend), ref(again)}) == 2
    assert again.for_session().shared is again


def test_all_backends_of_a_generation_have_the_same_rows(
    directory: Path, open_backend: OpenBackend, papers: Papers
) -> None:
    again = open_backend(directory).for_session()
    assert again.store.get([*papers][::40]) == [papers[row] for row in [*papers][::40]]
    assert [again.find_row(paper.id) for paper in papers.values()] == list(papers)


def test_the_time_of_the_last_import_is_known(backend: Backend, papers: Papers) -> None:
    newest = max(paper.added for paper in papers.values() if paper.added)
    assert backend.newest_added == int(newest.timestamp())


def test_whitening_is_that_of_the_papers(backend: Backend, papers: Papers) -> None:
    vectors = backend.vectors.get_vectors(as_array(list(papers)))
    assert backend.whitening.mean == pytest.approx(vectors.mean(axis=0), abs=TOLERANCE)
    assert np.linalg.norm(backend.whitening.transform(vectors), axis=1) == pytest.approx(1, abs=TOLERANCE)


def test_errors_of_queries_are_not_reported_as_damage(backend: Backend) -> None:
    with pytest.raises(InvalidValue), backend.reports_damage():
        raise InvalidValue("q", "", "give a word")
    with pytest.raises(ZeroDivisionError), backend.reports_damage():
        raise ZeroDivisionError


@EXAMPLES
@given(condition=conditions, text=st.just("") | texts)
def test_a_session_counts_and_pages_through_what_matches(
    backend: Backend, local: Backend, papers: Papers, condition: Condition, text: str
) -> None:
    expected = {papers[row].id for row in rows_of(papers, condition)}
    pages, cursor, session = list[str](), "", _session(backend)
    while True:
        page = session.search(Query(text, Filter(where=condition), limit=60, cursor=cursor))
        assert (page.total, page.generation) == (len(expected), backend.generation)
        pages += [hit.paper.id for hit in page.hits]
        if not (cursor := page.cursor or ""):
            break
    assert len(pages) == len(expected)
    assert set(pages) == expected
    if text and expected:
        best = _session(local).search(Query(text, Filter(where=condition), limit=10))
        found = session.search(Query(text, Filter(where=condition), limit=10))
        assert [hit.score for hit in found.hits] == pytest.approx([hit.score for hit in best.hits], abs=0.01)


def _session(backend: Backend) -> Session:
    return Session(backend, EmbedderCache(Path(), lambda _model: FakeEmbedder()))
