"""Facets: the years, categories, authors, sources and kinds of a set of papers, each with its number of papers."""

from dataclasses import dataclass
from typing import Literal

from search.papers.json import Json

Scope = Literal["filter", "relevant", "closest"]
SCOPE_NOUNS: dict[Scope, str] = {"filter": "matching paper", "relevant": "relevant paper", "closest": "closest paper"}
"""What a paper of each scope is called."""


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value and the number of papers that have it.

    Attributes:
        value: the value.
        papers: the number of papers.
    """

    value: str
    papers: int

    def to_json(self) -> dict[str, Json]:
        """Returns the count as a JSON object."""
        return {"value": self.value, "papers": self.papers}


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts over a set of papers.

    Attributes:
        scope: the papers counted: all that match the filter, those relevant to the query, or in another order than by
            relevance those closest to it.
        papers: the number of papers counted.
        years: years of first publication, latest first.
        categories: most frequent first.
        authors: most frequent first.
        sources: most frequent first.
        kinds: kinds of papers, most frequent first; empty if an earlier version wrote the index.
        estimated: all counts are estimates, within about one per cent; False: they are exact.
        strong: how many of the papers are marked strong; None if bands do not say which papers are counted.
        counted_over: in words, the papers among which these were counted, such as ``the 400 papers closest to the
            question``; empty if among all. Only collections of Milvus have such counts.
    """

    scope: Scope
    papers: int
    years: tuple[ValueCount, ...]
    categories: tuple[ValueCount, ...]
    authors: tuple[ValueCount, ...]
    sources: tuple[ValueCount, ...]
    kinds: tuple[ValueCount, ...] = ()
    estimated: bool = False
    strong: int | None = None
    counted_over: str = ""

    @property
    def strong_text(self) -> str:
        """How many relevant papers are marked strong, in words; empty of other papers, or if this is not known."""
        if self.scope != "relevant" or self.strong is None or not self.papers:
            return ""
        return f"{f'{self.strong:,}' if self.strong else 'none'} strong"

    def to_json(self) -> dict[str, Json]:
        """Returns the facets as a JSON object."""
        return {
            "scope": self.scope,
            "papers": self.papers,
            "strong": self.strong,
            "estimated": self.estimated,
            "counted_over": self.counted_over,
            "years": [count.to_json() for count in self.years],
            "categories": [count.to_json() for count in self.categories],
            "kinds": [count.to_json() for count in self.kinds],
            "authors": [count.to_json() for count in self.authors],
            "sources": [count.to_json() for count in self.sources],
        }
