"""Relevant papers, counted and listed: compared with scoring every paper, exactly or within the stated error."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

import httpx
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import oracle
from fake_embedder import FakeEmbedder
from http_server import HttpServer
from indexer.build import ImportOptions, index
from search.columns.postings import NO_ID, TUNING, Postings
from search.columns.selection import HasAny, HasValue, Selection
from search.index.calibration import CALIBRATION_TUNING
from search.papers.paper import Paper
from search.query.counts import format_count, round_count
from search.query.query import Query
from search.ranking.relevance import NEAREST_PAPERS
from search.rows import Rows
from search.searcher import Searcher
from search.vectors.code_writer import DEFAULT_CODES_TUNING, write_codes
from search.vectors.file import VectorsFile
from search.vectors.threshold import DEFAULT_THRESHOLD_TUNING
from search.vectors.vectors import DEFAULT_SEARCH_TUNING, VectorIndex
from service.agents.quoting import facets_answer, page_answer
from service.app import create_app
from service.formats.render import page_text
from service.settings import Settings
from strategies import AUTHOR_MATCHES, WORDS, filters, write_papers
from web_pages import read_page, text_of

CODES_FROM_ONE_ROW = replace(DEFAULT_SEARCH_TUNING, threshold=replace(DEFAULT_THRESHOLD_TUNING, exact_max_rows=0))
VALUES = 400
"""Values of a field, of which many rows have some and few rows have most."""
TOLERANCE = 1e-6
"""Difference of scores that rounding may cause."""


def draw_vectors(rows: int, dim: int) -> NDArray[np.float16]:
    """Draws unit vectors around a few centres, with a few principal directions, like the vectors of papers."""
    random = np.random.default_rng(5)
    centres = random.normal(size=(rows // 1_000, dim))
    noise = random.normal(size=(rows, 24)) @ random.normal(scale=0.2, size=(24, dim))
    drawn = centres[random.integers(0, len(centres), rows)] + noise
    return oracle.normalize_rows(drawn.astype(np.float32)).astype(np.float16)


@dataclass(frozen=True)
class VectorIndexes:
    """The same vectors without codes and with codes in two numbers of cells.

    Attributes:
        vectors: (rows, dim) float16.
        exact: scores every row.
        coded: scan the codes. The cell of a row is found by comparing all centroids in one index, and groups of them in
            the other.
    """

    vectors: NDArray[np.float16]
    exact: VectorIndex
    coded: tuple[VectorIndex, VectorIndex]


@pytest.fixture(scope="module")
def vector_indexes(tmp_path_factory: pytest.TempPathFactory) -> VectorIndexes:
    rows, folder = draw_vectors(24_000, 64), tmp_path_factory.mktemp("vectors")
    VectorsFile(folder / "v.f16", 64, 0).append(rows)

    def open_index(rows_per_cell: int) -> VectorIndex:
        codes = folder / f"codes-{rows_per_cell}"
        tuning = replace(DEFAULT_CODES_TUNING, rows_per_cell=rows_per_cell)
        write_codes(rows, np.arange(len(rows)), codes, None, tuning)
        return VectorIndex(folder / "v.f16", len(rows), 64, codes, CODES_FROM_ONE_ROW)

    many_cells = len(rows) // (2 * DEFAULT_CODES_TUNING.coarse_ivf_min_cells)
    exact = VectorIndex(folder / "v.f16", len(rows), 64, None)
    return VectorIndexes(rows, exact, (open_index(DEFAULT_CODES_TUNING.rows_per_cell), open_index(many_cells)))


@given(
    row=st.integers(0, 23_999),
    threshold=st.floats(-0.2, 0.95),
    share=st.sampled_from([0.0, 0.001, 0.3, 1.0]),
    seed=st.integers(0, 1_000),
)
@settings(max_examples=50)
def test_rows_above_a_threshold(
    vector_indexes: VectorIndexes, row: int, threshold: float, share: float, seed: int
) -> None:
    vectors = vector_indexes.vectors
    vector = vectors[row].astype(np.float32)
    matching = np.random.default_rng(seed).random(len(vectors)) < share
    scores = vectors.astype(np.float32) @ vector
    assume(not (np.abs(scores - threshold) < TOLERANCE).any())
    expected = np.flatnonzero(matching & (scores >= threshold))
    found = vector_indexes.exact.rows_above(vector, threshold, Rows.from_mask(matching))
    assert found.complete
    assert found.rows.tolist() == expected.tolist()
    for coded in vector_indexes.coded:
        estimate = coded.rows_above(vector, threshold, Rows.from_mask(matching))
        wrong = np.setxor1d(estimate.rows, expected)
        assert (np.diff(estimate.rows) > 0).all()
        assert matching[estimate.rows].all()
        assert len(wrong) <= (0 if estimate.complete else 3 + 0.02 * len(expected))
        assert estimate.expected_errors <= 1 + 0.02 * len(expected)
        if threshold > 0.3 and matching.any():  # scores all rows if the threshold is among the lowest code scores
            assert not estimate.complete


def rows_to_count(searcher: Searcher, papers: list[Paper], query: Query) -> tuple[set[int], set[int]]:
    """Scores every paper. Returns the rows that count for certain, and those that may: the relevant or closest ones."""
    lexicon, calibration = searcher.snapshot.lexicon, searcher.snapshot.calibration
    assert calibration
    matching = [
        row for row, paper in enumerate(papers) if oracle.matches(paper, query.filter.condition, AUTHOR_MATCHES)
    ]
    rows = np.array(matching, np.int64)
    bm25 = lexicon.scores(query.text, rows)
    if query.mode == "lexical":
        return (found := set(rows[bm25 > 0].tolist())), found
    vector, bands = FakeEmbedder().encode([query.text])[0], calibration.queries
    cosines = searcher.snapshot.vectors.get_vectors(np.arange(len(papers))) @ vector
    nearest = np.sort(cosines)[-NEAREST_PAPERS]
    by_field = query.sort != "relevance"
    lowest = np.clip(nearest, bands.related, bands.strong) if by_field else bands.related
    shares = CALIBRATION_TUNING.title_occurrence_share, CALIBRATION_TUNING.single_occurrence_share
    share = bm25 / max(lexicon.max_score(query.text), 1e-9) - shares[not by_field]
    cosine = cosines[rows] - lowest
    margin = cosine if query.mode == "semantic" else np.maximum(cosine, share)
    return set(rows[margin >= TOLERANCE].tolist()), set(rows[margin >= -TOLERANCE].tolist())


def listed_papers(searcher: Searcher, query: Query) -> list[Paper]:
    """Follows the cursors to the end."""
    page = searcher.search(query)
    papers = [hit.paper for hit in page.hits]
    while page.cursor:
        page = searcher.search(replace(query, cursor=page.cursor))
        papers += [hit.paper for hit in page.hits]
    return papers


queries = st.builds(
    Query,
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join),
    filters(),
    st.sampled_from(["hybrid", "semantic", "lexical"]),
)


@settings(max_examples=40)
@given(st.integers(0, 400), st.floats(0, 1), st.integers(1, 6), st.integers(0, 999))
def test_counts_by_value_are_those_of_the_rows(universe: int, share: float, limit: int, seed: int) -> None:
    random = Random(seed)
    value_lists = [{int(VALUES * random.random() ** 4) for _ in range(random.randrange(5))} for _ in range(universe)]
    pairs = np.array([(value, row) for row, each in enumerate(value_lists) for value in sorted(each)], np.int64)
    pairs = pairs.reshape(-1, 2)
    postings = Postings.empty().with_pairs(pairs[:, 0], pairs[:, 1], VALUES, universe)
    rows = Rows.from_mask(np.array([random.random() < share for _ in value_lists], bool))
    expected = Counter(value for row in rows for value in value_lists[row])
    least = sorted(expected.values(), reverse=True)[:limit][-1:]
    some = np.array(sorted(random.sample(range(VALUES), 30)))
    for _ in range(TUNING.scans_before_table // 2 + 1):  # the last counts read another table than the first
        assert postings.count_by_value(rows).tolist() == [expected[value] for value in range(VALUES)]
        assert postings.count_by_value(rows, some).tolist() == [expected[value] for value in some.tolist()]
        values, counts = (each.tolist() for each in postings.most_frequent(rows, limit))
        assert len(set(values)) == len(values)
        assert counts == [expected[value] for value in values]
        assert {value for value, count in expected.items() if [count] >= least} <= set(values)
    having = [row for row, each in enumerate(value_lists) if each & set(some.tolist())]
    selection: Selection = HasAny(postings, some)
    assert selection.ids().tolist() == Rows.from_bitmap(selection.bitmap(), universe).ids.tolist() == having
    lowest = np.array([min(each, default=NO_ID) for each in value_lists], np.uint32)
    selection = HasValue(lowest, some, selection)
    having = np.flatnonzero(np.isin(lowest, some)).tolist()
    assert selection.ids().tolist() == Rows.from_bitmap(selection.bitmap(), universe).ids.tolist() == having


@given(query=queries)
@example(Query("galaxy"))
@example(Query("galaxy spectrum", mode="lexical"))
def test_facets_count_every_relevant_paper_and_in_another_order_the_closest(
    random_searcher: Searcher, random_papers: list[Paper], query: Query
) -> None:
    certain, possible = rows_to_count(random_searcher, random_papers, query)
    facets = random_searcher.search(replace(query, facets=True, limit=0)).facets
    assert facets
    assert (facets.scope, facets.estimated) == ("relevant", False)
    assert len(certain) <= facets.papers <= len(possible)
    by_date = replace(query, sort="newest", limit=40)
    certain, possible = rows_to_count(random_searcher, random_papers, by_date)
    newest = listed_papers(random_searcher, by_date)
    row_of = {paper.id: row for row, paper in enumerate(random_papers)}
    listed = {row_of[paper.id] for paper in newest}
    assert certain <= listed <= possible
    assert len(listed) == len(newest)
    page = random_searcher.search(replace(by_date, facets=True))
    assert page.facets
    assert (page.facets.papers, page.total, page.facets.estimated) == (len(listed), len(listed), False)
    assert page.facets.scope == ("relevant" if query.mode == "lexical" else "closest")
    years = Counter(str(paper.published.year) for paper in newest if paper.published)
    assert {count.value: count.papers for count in page.facets.years} == years
    oldest = listed_papers(random_searcher, replace(query, sort="oldest", limit=40))
    dated = [paper.id for paper in newest if paper.published]
    assert [paper.id for paper in oldest if paper.published] == dated[::-1]


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "lexical"])
@pytest.mark.parametrize("box", ["galaxy", "galaxy spectrum date:2020-2026", "date:2020-2026", ""])
def test_the_relevant_set_has_the_papers_that_facets_count(
    random_searcher: Searcher, box: str, mode: Literal["hybrid", "semantic", "lexical"]
) -> None:
    session = random_searcher.session()
    page = session.ask(box, mode=mode, facets=True, limit=1_000)
    relevant = session.relevant(box, mode=mode, sort="oldest")
    nearest = relevant.nearest(1_000)
    papers = session.snapshot.store.get(nearest.rows.tolist())
    assert page.facets
    assert len(papers) == page.facets.papers == len(relevant.papers.rows) > 0
    scores = {hit.paper.id: hit for hit in page.hits if mode == "lexical" or hit.band != "weak"}
    assert {paper.id for paper in papers} == set(scores)
    assert nearest.scores.tolist() == sorted(nearest.scores.tolist(), reverse=True)
    for paper, score in zip(papers, nearest.scores.tolist(), strict=True):
        leg = scores[paper.id].lexical if mode == "lexical" else scores[paper.id].semantic
        assert score == pytest.approx(leg.score if leg else 1, abs=TOLERANCE)
    assert len(relevant.nearest(2).rows) == 2


@given(query=queries)
def test_every_page_by_relevance_has_the_bands_that_facets_count(random_searcher: Searcher, query: Query) -> None:
    assume(query.mode != "lexical")
    page = random_searcher.search(replace(query, facets=True, limit=1_000))
    assert page.facets
    assert page.facets.papers == sum(hit.band != "weak" for hit in page.hits)
    assert page.facets.strong == sum(hit.band == "strong" for hit in page.hits)


PAPERS = 4_000


@pytest.fixture(scope="module")
def coded_searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """A searcher of papers whose counts are estimates."""
    random, folder, embedder = np.random.default_rng(3), tmp_path_factory.mktemp("coded"), FakeEmbedder(64)
    records: list[dict[str, object]] = [
        {
            "title": " ".join([*random.choice(WORDS, 3), f"w{number}"]),
            "abstract": " ".join(random.choice(WORDS, 10)),
            "published": f"{2020 + number % 7}-{1 + number % 12:02}",
        }
        for number in range(PAPERS)
    ]
    codes = replace(DEFAULT_CODES_TUNING, min_rows=1_000)
    index([write_papers(folder, records)], folder / "index", embedder, options=ImportOptions(codes=codes))
    searcher = Searcher(folder / "index", lambda _model: embedder)
    snapshot = searcher.snapshot
    path = snapshot.layout.vectors(snapshot.model)
    tuning = replace(CODES_FROM_ONE_ROW, exact_max_rows=0)
    snapshot.vectors = VectorIndex(path, PAPERS, 64, snapshot.files.codes, tuning)
    return searcher


@pytest.mark.parametrize("text", ["galaxy", "galaxy spectrum", "token cache compression", "video graph proof lattice"])
def test_estimates_are_close_and_pages_by_date_complete(coded_searcher: Searcher, text: str) -> None:
    snapshot = coded_searcher.snapshot
    rows, vector = np.arange(PAPERS), FakeEmbedder(64).encode([text])[0]
    evidence = snapshot.vectors.scores(vector, rows), snapshot.lexicon.scores(text, rows)
    assert snapshot.calibration
    thresholds, share = snapshot.calibration.queries, evidence[1] / snapshot.lexicon.max_score(text)
    related = (evidence[0] >= thresholds.related) | (share >= CALIBRATION_TUNING.single_occurrence_share)
    lowest = np.clip(np.sort(evidence[0])[-NEAREST_PAPERS], thresholds.related, thresholds.strong)
    close = (evidence[0] >= lowest) | (share >= CALIBRATION_TUNING.title_occurrence_share)
    expected = set(np.flatnonzero(close).tolist())
    page = coded_searcher.search(Query(text, facets=True, limit=0))
    assert page.facets
    assert page.facets.estimated
    assert not page.total_estimated
    assert page.facets.papers == pytest.approx(related.sum(), rel=0.02, abs=3)
    feed = coded_searcher.search(Query(text, sort="newest", limit=10))
    papers = listed_papers(coded_searcher, Query(text, sort="newest", limit=700))
    assert feed.total_estimated
    assert feed.total == len(papers) == len({paper.id for paper in papers})
    dates = [paper.published.first_day for paper in papers if paper.published]
    assert dates == sorted(dates, reverse=True)
    listed = {int(paper.id[-5:]) for paper in papers}
    assert len(listed ^ expected) <= 3 + 0.02 * len(expected)


@given(count=st.integers(0, 10**9), estimated=st.booleans())
@example(1_883, True)
def test_estimates_have_two_significant_digits(count: int, estimated: bool) -> None:
    shown = round_count(count, estimated=estimated)
    assert shown == count or estimated
    assert len(str(shown).rstrip("0")) <= 2 or not estimated
    assert abs(shown - count) <= 0.05 * count
    assert format_count(count, estimated=estimated).startswith("about ") == (estimated and count > 0)
    assert int(re.sub(r"\D", "", format_count(count, estimated=estimated))) == shown


@pytest.fixture(scope="module")
def coded_client(coded_searcher: Searcher) -> Iterator[httpx.Client]:
    server = HttpServer(create_app(coded_searcher, Settings()))
    yield server.client
    server.close()


def about(count: int, noun: str) -> str:
    assert count >= 100
    return f"about {round(count, 2 - len(str(count))):,} {noun}"


def test_every_interface_says_that_a_count_is_an_estimate(coded_searcher: Searcher, coded_client: httpx.Client) -> None:
    page = coded_searcher.ask("galaxy", facets=True, sort="newest")
    assert page.facets
    papers = about(page.total, "papers")
    close = about(page.total, "closest papers")
    assert f"showing 10 of {papers}" in page_text(page)
    assert f"facets of {close}:" in page_text(page)
    assert f"of {papers}" in page_answer(page, full_abstracts=False).text
    assert f"facets of {close}:" in facets_answer(page).text
    assert papers in repr(page)
    tree = read_page(coded_client, "/?q=galaxy&sort=newest", 200)
    assert text_of(tree.xpath('//*[@role="status"]')[0]) == f"A{close[1:]}, newest first"
    assert f"Counts cover {close}." in text_of(tree.xpath('//nav[@aria-label="Filters"]')[0])
    answer = coded_client.get("/v1/search", params={"q": "galaxy", "sort": "newest", "facets": True}).json()
    assert (answer["total"], answer["total_estimated"]) == (page.total, True)
    assert (answer["facets"]["papers"], answer["facets"]["estimated"]) == (page.facets.papers, True)
    filtered = coded_client.get("/v1/search", params={"from": "2024", "facets": True}).json()
    assert (filtered["total_estimated"], filtered["facets"]["estimated"]) == (False, False)


def test_a_feed_contains_every_closest_paper(random_searcher: Searcher, random_papers: list[Paper]) -> None:
    certain, possible = rows_to_count(random_searcher, random_papers, Query("galaxy", sort="newest"))
    server = HttpServer(create_app(random_searcher, Settings()))
    feed = server.client.get("/v1/search", params={"q": "galaxy", "format": "atom", "limit": 1_000}).text
    server.close()
    numbers = {int(number) for number in re.findall(r"arxiv\.org/abs/2401\.(\d{5})", feed)}
    assert certain <= numbers <= possible
