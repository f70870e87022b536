"""Page: the hits of a query, and what describes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.papers.json import Json
from search.query.author_match import AuthorMatch
from search.query.counts import format_count
from search.query.explanation import Explanation
from search.query.facets import Facets
from search.query.hit import Hit
from search.query.refinement import Refinement

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True)
class QueryPart:
    """A part of the query that can be removed.

    Attributes:
        description: the part in words.
        remaining_query: the query without this part; it keeps the meaning of all other parts.
    """

    description: str
    remaining_query: str

    def to_json(self) -> dict[str, Json]:
        """Returns the part as a JSON object."""
        return {"description": self.description, "remaining_query": self.remaining_query}


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """The hits of a query. A page has a length, iterates over its hits, and ``page[0]`` is the first of them.

    Attributes:
        hits: best first, or in order of date.
        total: papers that match the filter (lexical mode: and contain a word of the query; in another order than by
            relevance: and are the closest to it).
        exact: the semantic leg scored every paper that matches the filter; True if the leg did not run.
        expected_recall: expected share of the truly nearest papers that the semantic leg found; 1 if exact.
        generation: name of the generation that answered.
        explanation: strategy, candidates scored and stage timings.
        interpretation: the parsed query in words.
        has_close_match: some paper is close to the query; False: the hits are only the nearest papers.
        notices: what limits the answer, in sentences.
        correction: the query with likely misspellings corrected; None without any.
        answered_query: the query that the hits answer if it is not the one asked: its correction, or the papers of the
            author whose name it is. Nothing is close to the query as typed then; ``Query.verbatim`` answers it anyway.
        authors: the variants of each author in the query.
        facets: counts, if requested.
        cursor: where the next page starts; None on the last page.
        parts: the removable parts of the query (``search.language.removable_parts``).
        refinements: queries to offer (``search.refinements``); none after the first page.
        total_estimated: ``total`` counts the closest papers and is an estimate, within about one per cent.
    """

    hits: tuple[Hit, ...]
    total: int
    exact: bool
    expected_recall: float
    generation: str
    explanation: Explanation
    interpretation: str = ""
    has_close_match: bool = True
    correction: str | None = None
    authors: tuple[AuthorMatch, ...] = ()
    facets: Facets | None = None
    cursor: str | None = None
    parts: tuple[QueryPart, ...] = ()
    answered_query: str | None = None
    refinements: tuple[Refinement, ...] = ()
    total_estimated: bool = False
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.hits)

    def __bool__(self) -> bool:
        """Always True, so that ``if page`` tells a page from None; use ``len`` to test for hits."""
        return True

    def __getitem__(self, position: int) -> Hit:
        return self.hits[position]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __repr__(self) -> str:
        total = format_count(self.total, estimated=self.total_estimated)
        return f"<Page {self.interpretation!r}: {len(self.hits):,} of {total}, {self.generation}>"

    def to_json(self) -> dict[str, Json]:
        """Returns the page as a JSON object."""
        return {
            "interpretation": self.interpretation,
            "parts": [part.to_json() for part in self.parts],
            "total": self.total,
            "total_estimated": self.total_estimated,
            "has_close_match": self.has_close_match,
            "notices": list(self.notices),
            "correction": self.correction,
            "answered_query": self.answered_query,
            "refinements": [refinement.to_json() for refinement in self.refinements],
            "exact": self.exact,
            "expected_recall": round(self.expected_recall, 4),
            "generation": self.generation,
            "cursor": self.cursor,
            "authors": [match.to_json() for match in self.authors],
            "facets": self.facets.to_json() if self.facets else None,
            "explanation": self.explanation.to_json(),
            "hits": [hit.to_json() for hit in self.hits],
        }

    def to_dataframe(self) -> "DataFrame":
        """Returns a pandas DataFrame with one row per hit.

        The columns are rank (on this page, from 1), id, title, authors, published, categories, citations, score,
        band, url, exact_match and abstract. Several authors or categories are joined by ``"; "``. Dates are strings,
        because a paper may have only a year or a month.

        Raises:
            ImportError: pandas is not installed.
        """
        from search.query.dataframe import hits_dataframe

        return hits_dataframe(self.hits)

    def _repr_html_(self) -> str:
        """Returns the page as notebooks display it: a table with one row per hit."""
        from search.query.page_html import page_html

        return page_html(self)
