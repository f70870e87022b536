"""Lone surrogates in the text of Python callers: every call answers or reports an error, and all output is UTF-8."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.errors import PapersError
from search.papers.paper import Paper
from search.query.condition import ContainsText, HasId
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher
from service.formats.render import page_text

SURROGATES = st.characters(categories=["Cs"])
TEXTS = st.lists(
    SURROGATES | st.sampled_from(["caf", "cache", "zhou", " ", '"', "-", "au:", "ti:", "id:", "arxiv:2401.00001", "é"]),
    min_size=1,
    max_size=8,
).map("".join) | st.text(SURROGATES | st.characters(exclude_categories=()), max_size=30)

SEARCHES: dict[str, Callable[[Searcher, str], Any]] = {
    "box": lambda searcher, text: searcher.ask(text),
    "box with an option": lambda searcher, text: searcher.ask("cache", like=(text,)),
    "text": lambda searcher, text: searcher.search(Query(text)),
    "lexical text": lambda searcher, text: searcher.search(Query(text, mode="lexical")),
    "abstract": lambda searcher, text: searcher.search(Query(text, is_abstract=True)),
    "author": lambda searcher, text: searcher.search(Query(filter=Filter.parse([text]))),
    "excluded author": lambda searcher, text: searcher.search(Query(filter=Filter.parse([], [text]))),
    "category": lambda searcher, text: searcher.search(Query(filter=Filter.parse([], [], [text]))),
    "date": lambda searcher, text: searcher.search(Query(filter=Filter.parse(dates={"from": text}))),
    "words": lambda searcher, text: searcher.search(Query(filter=Filter(where=ContainsText(text)))),
    "phrase": lambda searcher, text: searcher.search(Query(filter=Filter(where=ContainsText(text, phrase=True)))),
    "id": lambda searcher, text: searcher.search(Query(filter=Filter(where=HasId(text)))),
    "like": lambda searcher, text: searcher.search(Query(like=(text,))),
    "unlike": lambda searcher, text: searcher.search(Query("cache", unlike=(text,))),
    "cursor": lambda searcher, text: searcher.search(Query("cache", cursor=text)),
    "author variants": lambda searcher, text: searcher.authors(text),
    "suggestions": lambda searcher, text: searcher.suggest(text),
    "paper": lambda searcher, text: searcher.paper(text),
}


@pytest.mark.parametrize("name", SEARCHES)
@given(text=TEXTS)
@settings(max_examples=30, deadline=None)
def test_surrogates_in_any_argument(random_searcher: Searcher, name: str, text: str) -> None:
    try:
        found = SEARCHES[name](random_searcher, text)
    except PapersError as error:
        str(error).encode()
        return
    assert orjson.dumps(found.to_json())
    if hasattr(found, "hits"):
        assert page_text(found).encode()
        assert found._repr_html_().encode()


@pytest.mark.parametrize("text", ["\udcff", "cache \ud800 \udfff", "\udcff" * 100], ids=["one", "words", "many"])
def test_surrogates_are_ignored_in_ranking(sample_searcher: Searcher, text: str) -> None:
    words = sample_searcher.search(Query("cache"))
    with_surrogates = sample_searcher.search(Query("cache " + text.removeprefix("cache")))
    assert [hit.paper.id for hit in with_surrogates.hits] == [hit.paper.id for hit in words.hits]
    assert len(sample_searcher.ask(text).hits) == 10


def test_surrogates_are_replaced_in_the_interpretation(random_searcher: Searcher) -> None:
    query = Query("caf\udce9", Filter(authors=("Zhou\udc00",)))
    assert random_searcher.search(query).interpretation == "au:Zhou\ufffd, about 'caf\ufffd'"
    assert random_searcher.authors("Zhou\udc00").name == "Zhou\ufffd"
    joined = random_searcher.search(Query("cache \ud83d\ude00"))
    assert joined.interpretation == "about 'cache \U0001f600'"


def test_a_paper_is_found_by_an_id_next_to_a_surrogate(random_searcher: Searcher, random_papers: list[Paper]) -> None:
    assert random_searcher.paper(random_papers[3].id) == random_papers[3]
    with pytest.raises(PapersError, match=r"no paper .*\\udce9"):
        random_searcher.paper(random_papers[3].id + "\udce9")
