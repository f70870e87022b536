"""Similar: papers near several examples and away from others, in one order, under any filter; and the box's ids."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from drawn import AUTHORS, WORDS, filters
from fake_embedder import FakeEmbedder
from search.errors import InvalidValue, PaperNotFound
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher


def vector(library: Searcher, paper: int) -> np.ndarray:
    return library.snapshot.vectors.vector(paper)


papers = st.lists(st.integers(0, 299), max_size=3, unique=True)


@given(
    like=papers,
    unlike=papers,
    words=st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
    wanted=filters(),
)
@settings(max_examples=60, deadline=None)
def test_examples_text_and_filters_give_one_order(
    library: Searcher, held: list[Paper], like: list[int], unlike: list[int], words: str, wanted: Filter
) -> None:
    """Rocchio's vector, by hand: the mean of what to be near, less half the mean of what to stay away from."""
    if not (like or words):
        return
    query = Query(
        words,
        wanted,
        "semantic",
        limit=400,
        like=tuple(held[row].id for row in like),
        unlike=tuple(held[row].id for row in unlike),
    )
    near = [vector(library, row) for row in like] + ([FakeEmbedder().encode([words])[0]] if words else [])
    asked = np.mean(near, axis=0) - (0.5 * np.mean([vector(library, row) for row in unlike], axis=0) if unlike else 0)
    asked = asked / np.linalg.norm(asked)
    allowed = [
        row
        for row, paper in enumerate(held)
        if oracle.passes(paper, wanted.condition, AUTHORS) and row not in {*like, *unlike}
    ]
    page = library.search(query)
    best = sorted((float(vector(library, row) @ asked) for row in allowed), reverse=True)
    assert [hit.score for hit in page.hits] == pytest.approx(best, abs=2e-3)
    assert {hit.paper.id for hit in page.hits} == {held[row].id for row in allowed}
    assert page.total == len(allowed)


def test_staying_away_moves_papers_like_it_down(library: Searcher, held: list[Paper]) -> None:
    plain = library.search(Query("galaxy spectrum", limit=300))
    away = plain.hits[0].paper.id
    steered = library.search(Query("galaxy spectrum", unlike=(away,), limit=300))
    assert away not in {hit.paper.id for hit in steered.hits}
    assert {hit.band for hit in steered.hits} == {None}
    assert steered.close
    row = {paper.id: row for row, paper in enumerate(held)}
    cosines = [
        float(np.mean([vector(library, row[hit.paper.id]) @ vector(library, row[away]) for hit in page.hits[1:11]]))
        for page in (plain, steered)
    ]
    assert cosines[1] < cosines[0]


@pytest.mark.parametrize("asked", ["2401.00007", "https://arxiv.org/abs/2401.00007v2", "arXiv:2401.00007"])
def test_an_id_in_the_box_shows_the_paper_and_what_is_near_it(library: Searcher, asked: str) -> None:
    page = library.ask(asked, Query(limit=5))
    assert [hit.same for hit in page.hits] == [True] + [False] * 4
    assert page.hits[0].paper.id == "arxiv:2401.00007"
    near = library.search(Query(like=("2401.00007",), limit=4))
    assert [hit.paper.id for hit in page.hits[1:]] == [hit.paper.id for hit in near.hits]
    assert page.total == 300
    assert page.reading == "arxiv:2401.00007 and what is similar"
    rest = library.ask(asked, Query(limit=5, cursor=page.cursor or ""))
    further = library.search(Query(like=("2401.00007",), limit=9))
    assert [hit.paper.id for hit in rest.hits] == [hit.paper.id for hit in further.hits[4:]]


def test_a_long_text_in_the_box_is_an_abstract(library: Searcher, held: list[Paper]) -> None:
    text = " ".join([held[3].abstract or ""] * 7)
    page = library.ask(f"cat:cs.CL {text}", Query())
    assert page.reading.startswith("cs.CL, like a text of ")
    assert page.total < 300


def test_what_cannot_be_near_anything_is_refused(library: Searcher) -> None:
    with pytest.raises(InvalidValue, match="unlike"):
        library.search(Query(unlike=("2401.00007",)))
    with pytest.raises(InvalidValue, match="paste an abstract"):
        library.search(Query(" \n", pasted=True))
    with pytest.raises(InvalidValue, match="at most 50"):
        Query(like=("2401.00007",) * 51)
    with pytest.raises(PaperNotFound, match=r"2499\.00001"):
        library.search(Query("cache", like=("2499.00001",)))


def test_what_is_read_in_the_box_holds_beside_the_filter(library: Searcher, held: list[Paper]) -> None:
    page = library.ask("cat:cs -token galaxy", Query(filter=Filter(authors=("Guorui Zhou",)), limit=300))
    expected = [
        paper.id
        for paper in held
        if AUTHORS["Guorui Zhou"] & set(paper.authors)
        and any(code.startswith("cs.") for code in paper.categories)
        and "token" not in paper.text.replace(".", " ").split()
    ]
    assert sorted(hit.paper.id for hit in page.hits) == sorted(expected)
    assert page.reading == "au:\"Guorui Zhou\", cs, not all:token, about 'galaxy'"
