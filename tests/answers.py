"""Answers of every kind from an index of ``records.make_records``, to compare with those of another index."""

from collections.abc import Callable
from typing import Any

from search.query.query import Query
from search.searcher import Searcher

QUESTIONS: dict[str, Callable[[Searcher], Any]] = {
    "words": lambda searcher: searcher.ask("galaxy spectrum", limit=5).to_json(),
    "lexical": lambda searcher: searcher.search(Query("token pruning", mode="lexical", limit=5)).to_json(),
    "phrase": lambda searcher: searcher.ask('"graph cache"', limit=5).to_json(),
    "category": lambda searcher: searcher.ask("cat:cs.CL lattice", limit=5).to_json(),
    "author": lambda searcher: searcher.ask("au:byron3", limit=5).to_json(),
    "dates": lambda searcher: searcher.ask("year:2012-2014", limit=5).to_json(),
    "facets": lambda searcher: searcher.ask("proof", limit=3, facets=True).to_json(),
    "paper": lambda searcher: searcher.paper("2000.00007").to_json(),
    "similar": lambda searcher: searcher.search(Query(like=("2000.00012",), limit=5)).to_json(),
    "authors": lambda searcher: searcher.authors("Ada Byron3").to_json(),
    "suggestions": lambda searcher: searcher.suggest("byr").to_json(),
}
"""One question of each kind, by name."""


def answer(searcher: Searcher, name: str) -> Any:
    """Returns the answer of a question as JSON, without the durations."""
    fields = QUESTIONS[name](searcher)
    if isinstance(fields, dict) and "explanation" in fields:
        fields["explanation"].pop("timings_ms")
    return fields


def answer_all(searcher: Searcher) -> dict[str, Any]:
    """Returns the answer of each question as JSON."""
    return {name: answer(searcher, name) for name in QUESTIONS}
