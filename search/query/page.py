"""Page: the answer to a query, and the parts that it is made of."""

from dataclasses import dataclass
from typing import Literal

from search.papers.paper import Paper

Band = Literal["strong", "related", "weak"]


@dataclass(frozen=True, slots=True)
class LegMatch:
    """A hit's place in one leg: rank from 1 (None beyond the candidates that leg ranked) and its score there."""

    rank: int | None
    score: float


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a text, from ``start`` to before ``end``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Highlights:
    """Where a paper answers.

    Attributes:
        title, abstract: the words of the question there, inflected in any way.
        sentence: of the abstract the one that answers best; None where no sentence holds a word of the question.
    """

    title: tuple[Span, ...] = ()
    abstract: tuple[Span, ...] = ()
    sentence: Span | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper on a page.

    Attributes:
        score: the value the page is ordered by, higher is better; 0 where nothing was asked but a filter.
        semantic: cosine of question and paper. lexical: BM25. None where the leg was not asked.
        same: the paper is the one whose text was pasted, or that was asked for.
        band: how near the paper is, by what is usual in this index; None where nothing was asked but a filter,
            or papers are stayed away from: no pair of papers tells what is usual then.
        why: the words of the question in it.
    """

    paper: Paper
    score: float
    semantic: LegMatch | None = None
    lexical: LegMatch | None = None
    exact_match: bool = False
    band: Band | None = None
    highlights: Highlights = Highlights()


Strategy = Literal["exact", "approximate", "none"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the work and how long it took; parts may run side by side."""

    name: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """How an answer came about.

    Attributes:
        road: of the vector leg. ``exact``: every passing paper was scored exactly. ``approximate``: 4-bit codes were
        scanned
            and the best papers scored exactly. ``none``: it was not asked.
        scanned: codes looked at. scored: papers scored exactly. stages: in the order they ended.
    """

    strategy: Strategy
    codes_scanned: int
    papers_scored: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class ValueCount:
    """How many papers have a value."""

    value: str
    papers: int


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """How many papers have a category, or lie in an archive; its name is None where arXiv has none such."""

    code: str
    name: str | None
    papers: int


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What someone who types can mean: authors and categories that papers have, most papers first."""

    authors: tuple[ValueCount, ...]
    categories: tuple[CategoryCount, ...]


@dataclass(frozen=True, slots=True)
class AuthorMatch:
    """The name variants that an author who was asked for matches.

    Attributes:
        asked: as it was written. variants: with their papers among those that pass, most first; at most MAX_VARIANTS.
        others: how many more variants there are. meant: names one letter off, where none matches.
    """

    name: str
    variants: tuple[ValueCount, ...]
    more_variants: int = 0
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts over all papers that pass a filter, or over the relevant part of a question.

    Attributes:
        of: which of the two. papers: how many papers were counted.
        years: of first publication, the latest first. categories, authors, sources: the most frequent first.
    """

    scope: Literal["filter", "relevant"]
    papers: int
    years: tuple[ValueCount, ...]
    categories: tuple[ValueCount, ...]
    authors: tuple[ValueCount, ...]
    sources: tuple[ValueCount, ...]


@dataclass(frozen=True, slots=True)
class QueryPart:
    """A part of what the box asks.

    Attributes:
        said: in words. without: the box as it would be without it, which asks for all else.
    """

    description: str
    remaining_query: str


@dataclass(frozen=True, slots=True)
class Page:
    """The answer.

    Attributes:
        hits: best first, or in order of date.
        total: papers that pass the filter (lexical mode: and match a word; in order of date: the relevant part).
        exact: the vector leg scored every passing paper exactly; True where that leg was not asked.
        expected_recall: share of the truly nearest papers that the vector leg is expected to have found; 1 where exact.
        generation: name of the generation that answered.
        explanation: the road taken, what was looked at, and the times.
        reading: what was understood, in words. parts: of the box (``search.language.parts``).
        close: something in the index is near the question; False: what is here is only the nearest there is.
        correction: the question with its misspelt words mended, where it seems to have some.
        authors: the variants of each author asked for. facets: where they were asked for.
        cursor: where the next page starts; None on the last one.
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

    def _repr_html_(self) -> str:
        """The page as a notebook shows it: a table with one row per hit."""
        from html import escape

        from search.papers.html import table_html

        rows = [
            (
                str(rank),
                hit.paper.title_html,
                escape(hit.paper.byline),
                f'<span style="white-space: nowrap">{hit.paper.published or ""}</span>',
                escape(" ".join(hit.paper.categories)),
                hit.band or "",
            )
            for rank, hit in enumerate(self.hits, 1)
        ]
        return table_html(self._caption, ("", "Paper", "Authors", "Published", "Categories", "Close"), rows)

    @property
    def _caption(self) -> str:
        counted = "1 paper matches" if self.total == 1 else f"{self.total:,} papers match"
        close = "" if self.has_close_match or not self.hits else "; no close match, these are the nearest papers"
        return f"{self.interpretation}; {counted}, showing {len(self.hits):,}{close}"
