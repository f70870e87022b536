"""Similar papers: like, unlike, text and filters combined; paper IDs and abstracts as queries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from fake_embedder import FakeEmbedder
from search.errors import InvalidValue, PaperNotFound
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher
from strategies import AUTHOR_MATCHES, WORDS, filters


def paper_vector(searcher: Searcher, row: int) -> np.ndarray:
    return searcher.snapshot.vectors.get_vector(row)


row_lists = st.lists(st.integers(0, 299), max_size=3, unique=True)


@given(
    like=row_lists,
    unlike=row_lists,
    words=st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
    wanted=filters(),
)
@settings(max_examples=60, deadline=None)
def test_like_unlike_text_and_filters_rank_by_rocchio(
    random_searcher: Searcher,
    random_papers: list[Paper],
    like: list[int],
    unlike: list[int],
    words: str,
    wanted: Filter,
) -> None:
    """The expected vector: the mean of the examples and the text, less half the mean of ``unlike`` (Rocchio)."""
    if not (like or words):
        return
    query = Query(
        words,
        wanted,
        "semantic",
        limit=400,
        like=tuple(random_papers[row].id for row in like),
        unlike=tuple(random_papers[row].id for row in unlike),
    )
    positive = [paper_vector(random_searcher, row) for row in like]
    positive += [FakeEmbedder().encode([words])[0]] if words else []
    vector = np.mean(positive, axis=0)
    if unlike:
        vector -= 0.5 * np.mean([paper_vector(random_searcher, row) for row in unlike], axis=0)
    vector /= np.linalg.norm(vector)
    allowed = [
        row
        for row, paper in enumerate(random_papers)
        if oracle.matches(paper, wanted.condition, AUTHOR_MATCHES) and row not in {*like, *unlike}
    ]
    page = random_searcher.search(query)
    best = sorted((float(paper_vector(random_searcher, row) @ vector) for row in allowed), reverse=True)
    assert [hit.score for hit in page.hits] == pytest.approx(best, abs=2e-3)
    assert {hit.paper.id for hit in page.hits} == {random_papers[row].id for row in allowed}
    assert page.total == len(allowed)


def test_unlike_lowers_similar_papers(random_searcher: Searcher, random_papers: list[Paper]) -> None:
    plain = random_searcher.search(Query("galaxy spectrum", limit=300))
    away = plain.hits[0].paper.id
    steered = random_searcher.search(Query("galaxy spectrum", unlike=(away,), limit=300))
    assert away not in {hit.paper.id for hit in steered.hits}
    assert {hit.band for hit in steered.hits} == {None}
    assert steered.has_close_match
    row = {paper.id: row for row, paper in enumerate(random_papers)}
    cosines = [
        float(
            np.mean(
                [
                    paper_vector(random_searcher, row[hit.paper.id]) @ paper_vector(random_searcher, row[away])
                    for hit in page.hits[1:11]
                ]
            )
        )
        for page in (plain, steered)
    ]
    assert cosines[1] < cosines[0]


@pytest.mark.parametrize("box", ["2401.00007", "https://arxiv.org/abs/2401.00007v2", "arXiv:2401.00007"])
def test_an_id_query_returns_the_paper_and_similar_ones(random_searcher: Searcher, box: str) -> None:
    page = random_searcher.ask(box, Query(limit=5))
    assert [hit.exact_match for hit in page.hits] == [True] + [False] * 4
    assert page.hits[0].paper.id == "arxiv:2401.00007"
    similar = random_searcher.search(Query(like=("2401.00007",), limit=4))
    assert [hit.paper.id for hit in page.hits[1:]] == [hit.paper.id for hit in similar.hits]
    assert page.total == 300
    assert page.interpretation == "arxiv:2401.00007 and similar papers"
    rest = random_searcher.ask(box, Query(limit=5, cursor=page.cursor or ""))
    further = random_searcher.search(Query(like=("2401.00007",), limit=9))
    assert [hit.paper.id for hit in rest.hits] == [hit.paper.id for hit in further.hits[4:]]


def test_a_long_query_is_an_abstract(random_searcher: Searcher, random_papers: list[Paper]) -> None:
    text = " ".join([random_papers[3].abstract or ""] * 7)
    page = random_searcher.ask(f"cat:cs.CL {text}", Query())
    assert page.interpretation.startswith("cs.CL, similar to a text of ")
    assert page.total < 300


def test_invalid_similarity_queries_are_rejected(random_searcher: Searcher) -> None:
    with pytest.raises(InvalidValue, match="unlike"):
        random_searcher.search(Query(unlike=("2401.00007",)))
    with pytest.raises(InvalidValue, match="paste an abstract"):
        random_searcher.search(Query(" \n", is_abstract=True))
    with pytest.raises(InvalidValue, match="at most 50"):
        Query(like=("2401.00007",) * 51)
    with pytest.raises(PaperNotFound, match=r"2499\.00001"):
        random_searcher.search(Query("cache", like=("2499.00001",)))


def test_query_conditions_combine_with_the_filter(random_searcher: Searcher, random_papers: list[Paper]) -> None:
    page = random_searcher.ask("cat:cs -token galaxy", Query(filter=Filter(authors=("Guorui Zhou",)), limit=300))
    expected = [
        paper.id
        for paper in random_papers
        if AUTHOR_MATCHES["Guorui Zhou"] & set(paper.authors)
        and any(code.startswith("cs.") for code in paper.categories)
        and "token" not in paper.text.replace(".", " ").split()
    ]
    assert sorted(hit.paper.id for hit in page.hits) == sorted(expected)
    assert page.interpretation == "au:\"Guorui Zhou\", cs, not all:token, about 'galaxy'"
