"""Page: the hits of a query, and what describes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from search.papers.json import Json
from search.papers.kinds import Kind
from search.papers.paper import Paper
from search.query.counts import format_count
from search.query.library import Near
from search.query.refinement import Refinement

if TYPE_CHECKING:
    from pandas import DataFrame

Band = Literal["strong", "related", "weak"]


@dataclass(frozen=True, slots=True)
class LegMatch:
    """How one leg ranks a hit.

    Attributes:
        rank: from 1; None beyond the candidates that the leg ranked.
        score: cosine (semantic) or BM25 (lexical).
    """

    rank: int | None
    score: float

    def to_json(self) -> dict[str, Json]:
        """Returns the match as a JSON object."""
        return {"rank": self.rank, "score": self.score}


@dataclass(frozen=True, slots=True)
class Span:
    """A range of characters.

    Attributes:
        start: the first character.
        end: the character after the last.
    """

    start: int
    end: int

    def to_json(self) -> list[Json]:
        """Returns the span as ``[start, end]``."""
        return [self.start, self.end]


@dataclass(frozen=True, slots=True)
class Highlights:
    """Where a paper matches the words of the query, in any inflection.

    Attributes:
        title: matching words of the title.
        abstract: matching words of the abstract.
        sentence: the sentence of the abstract that matches best; None if no sentence contains a word of the query.
    """

    title: tuple[Span, ...] = ()
    abstract: tuple[Span, ...] = ()
    sentence: Span | None = None

    def to_json(self) -> dict[str, Json]:
        """Returns the highlights as a JSON object."""
        return {
            "title": [span.to_json() for span in self.title],
            "abstract": [span.to_json() for span in self.abstract],
            "sentence": self.sentence.to_json() if self.sentence else None,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """A paper on a page.

    Attributes:
        paper: the paper.
        score: what the page is sorted by, higher is better; 0 if the query has only a filter.
        semantic: the semantic leg's rank and cosine; None if the leg did not run.
        lexical: the lexical leg's rank and BM25; None if the leg did not run or no word matches.
        exact_match: the query names this paper, or its text is this paper's abstract.
        band: how close the paper is, relative to random pairs in this index; None if the query has only a filter,
            or ``unlike`` was used (the calibration does not apply).
        highlights: the words of the query in the paper.
        near: the paper of the library that a recommended paper is nearest to; None for other hits.
    """

    paper: Paper
    score: float
    semantic: LegMatch | None = None
    lexical: LegMatch | None = None
    exact_match: bool = False
    band: Band | None = None
    highlights: Highlights = Highlights()
    near: Near | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What the paper is or offers, such as ``survey`` or ``code`` (``search.papers.kinds``)."""
        from search.papers.kind_rules import find_kinds  # compiling the rules takes as long as a search

        return find_kinds(self.paper)

    def __repr__(self) -> str:
        return f"<Hit {self.paper.id}: {self.paper.title!r}, score {self.score:.3f}>"

    def _repr_html_(self) -> str:
        """Returns the paper as notebooks display it."""
        return self.paper._repr_html_()

    def to_json(self) -> dict[str, Json]:
        """Returns the fields of the paper, the score and the match as one JSON object."""
        legs: dict[str, Json] = {
            "semantic": self.semantic.to_json() if self.semantic else None,
            "lexical": self.lexical.to_json() if self.lexical else None,
        }
        return {
            **self.paper.to_dict(),
            "score": self.score,
            "band": self.band,
            "legs": legs,
            "highlights": self.highlights.to_json(),
            "exact_match": self.exact_match,
            "near": self.near.to_json() if self.near else None,
            "kinds": list(self.kinds),
        }


Strategy = Literal["exact", "approximate", "none"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a search; steps may overlap in time.

    Attributes:
        name: the step.
        milliseconds: its wall-clock time.
    """

    name: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """How the hits were found.

    Attributes:
        strategy: of the semantic leg. ``exact``: every paper that matches the filter was scored. ``approximate``: 4-bit
            codes were scanned and the best papers scored. ``none``: the leg did not run.
        codes_scanned: codes scanned.
        papers_scored: papers scored with their full vectors.
        stages: in the order in which they ended.
    """

    strategy: Strategy
    codes_scanned: int
    papers_scored: int
    stages: tuple[Stage, ...]

    def to_json(self) -> dict[str, Json]:
        """Returns the explanation as a JSON object."""
        return {
            "strategy": self.strategy,
            "codes_scanned": self.codes_scanned,
            "papers_scored": self.papers_scored,
            "timings_ms": {stage.name: round(stage.milliseconds, 3) for stage in self.stages},
        }


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
class CategoryCount:
    """A category or archive and the number of papers in it.

    Attributes:
        code: such as ``cs.CL`` or ``cs``.
        name: arXiv's name of it; None if arXiv has no such category.
        papers: the number of papers.
    """

    code: str
    name: str | None
    papers: int

    def to_json(self) -> dict[str, Json]:
        """Returns the count as a JSON object."""
        return {"code": self.code, "name": self.name, "papers": self.papers}


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Completions of a partly typed query, most papers first.

    Attributes:
        authors: names of authors.
        categories: categories and archives.
    """

    authors: tuple[ValueCount, ...]
    categories: tuple[CategoryCount, ...]

    def to_json(self) -> dict[str, Json]:
        """Returns the suggestions as a JSON object."""
        return {
            "authors": [count.to_json() for count in self.authors],
            "categories": [count.to_json() for count in self.categories],
        }


@dataclass(frozen=True, slots=True)
class AuthorMatch:
    """The variants of a name that match an author condition.

    Attributes:
        name: the name in the query.
        variants: spellings and their number of papers that match the filter, most papers first; at most MAX_VARIANTS.
        more_variants: the number of further variants.
        suggestions: names one edit away, if no variant matches.
    """

    name: str
    variants: tuple[ValueCount, ...]
    more_variants: int = 0
    suggestions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Returns the match as a JSON object."""
        return {
            "name": self.name,
            "variants": [count.to_json() for count in self.variants],
            "more_variants": self.more_variants,
            "suggestions": list(self.suggestions),
        }


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts over a set of papers.

    Attributes:
        scope: the papers counted: all that match the filter, or those relevant to the query.
        papers: the number of papers counted.
        years: years of first publication, latest first.
        categories: most frequent first.
        authors: most frequent first.
        sources: most frequent first.
        kinds: kinds of papers, most frequent first; empty if an earlier version wrote the index.
        estimated: all counts are estimates, within about one per cent; False: they are exact.
    """

    scope: Literal["filter", "relevant"]
    papers: int
    years: tuple[ValueCount, ...]
    categories: tuple[ValueCount, ...]
    authors: tuple[ValueCount, ...]
    sources: tuple[ValueCount, ...]
    kinds: tuple[ValueCount, ...] = ()
    estimated: bool = False

    def to_json(self) -> dict[str, Json]:
        """Returns the facets as a JSON object."""
        return {
            "scope": self.scope,
            "papers": self.papers,
            "estimated": self.estimated,
            "years": [count.to_json() for count in self.years],
            "categories": [count.to_json() for count in self.categories],
            "kinds": [count.to_json() for count in self.kinds],
            "authors": [count.to_json() for count in self.authors],
            "sources": [count.to_json() for count in self.sources],
        }


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
        total: papers that match the filter (lexical mode: and contain a word of the query; sorted by date: and are
            relevant).
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
        total_estimated: ``total`` counts relevant papers and is an estimate, within about one per cent.
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
