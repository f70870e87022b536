"""Query, Filter, Hit, Page: what is asked and what is answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, Self, get_args

from search import names, when
from search.condition import AllOf, AnyOf, Author, Category, Condition, Dated, Not
from search.errors import InvalidValue
from search.fields import author
from search.paper import Date, Paper

Mode = Literal["hybrid", "semantic", "lexical"]
Sort = Literal["relevance", "newest", "oldest"]
Band = Literal["strong", "related", "weak"]

MODES: tuple[Mode, ...] = get_args(Mode)
SORTS: tuple[Sort, ...] = get_args(Sort)
MAX_LIMIT = 1_000
"""Most hits a page can have."""
MAX_TEXT = 20_000
"""Most characters of a question or a pasted abstract."""
MAX_PAPERS = 50
"""Most papers a question can name as examples."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which papers may answer. Every part given must hold; a paper that lacks the field never passes.

    Attributes:
        authors: each name must match one of the paper's authors; ``^Zhou`` the first, ``Zhou$`` the last of them.
        not_authors: names as written that none of the authors may have; a bare surname means all who have it.
        categories: at least one must be among the paper's, cross-lists included; ``cs`` means all of cs.
        published_from, published_to, updated_from, updated_to: the date overlaps this closed interval.
        where: a condition that must hold besides.
    """

    authors: tuple[str, ...] = ()
    not_authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published_from: Date | None = None
    published_to: Date | None = None
    updated_from: Date | None = None
    updated_to: Date | None = None
    where: Condition | None = None

    def __post_init__(self) -> None:
        for prefix, start, end in (
            ("", self.published_from, self.published_to),
            ("updated-", self.updated_from, self.updated_to),
        ):
            if start and end and start.first_day > end.last_day:
                raise InvalidValue(f"{prefix}from", str(start), f"it must not be later than to ({end}); swap the two")

    @classmethod
    def parse(
        cls,
        authors: Iterable[str] = (),
        not_authors: Iterable[str] = (),
        categories: Iterable[str] = (),
        dates: Mapping[str, str | None] | None = None,
    ) -> Self:
        """From what a person typed.

        Args:
            dates: ``from``, ``to``, ``updated-from`` and ``updated-to``, as ``search.when`` reads them.

        Raises:
            InvalidValue: a blank author or category, or a date that is none; it names the field.
        """
        today, days = date.today(), dates or {}
        start, end, updated_start, updated_end = (
            when.read_date(text, today, name) if (text := days.get(name)) else None
            for name in ("from", "to", "updated-from", "updated-to")
        )
        return cls(
            tuple(_worded("author", text) for text in authors),
            tuple(_worded("not-author", text) for text in not_authors),
            tuple(_worded("category", text) for text in categories),
            start,
            end,
            updated_start,
            updated_end,
        )

    @property
    def condition(self) -> AllOf:
        """The same as one condition."""
        parts: list[Condition] = [author(name) for name in self.authors]
        parts += [Not(_left_out(name)) for name in self.not_authors]
        if self.categories:
            codes = tuple(Category(code) for code in self.categories)
            parts.append(codes[0] if len(codes) == 1 else AnyOf(codes))
        if self.published_from or self.published_to:
            parts.append(Dated(self.published_from, self.published_to))
        if self.updated_from or self.updated_to:
            parts.append(Dated(self.updated_from, self.updated_to, "updated"))
        if self.where:
            parts += _parts(self.where)
        return AllOf(tuple(parts))

    @property
    def empty(self) -> bool:
        """Whether every paper passes."""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: words, papers, or neither (the filter alone lists newest first); what may answer, and how.

    Attributes:
        text: the question. pasted: it is an abstract; the paper whose abstract it is comes first, marked ``same``.
        like: ids of papers that answers are to be near. unlike: and of those to stay away from.
        shown: the papers of ``like`` come first, marked ``same``; else they are left out.
        sort: ``newest`` and ``oldest`` put the relevant part of a question in order of publication.
        cursor: of the page before (``Page.cursor``). facets: count them.

    Raises:
        InvalidValue: limit outside 1..MAX_LIMIT, an unknown mode or sort, more than MAX_TEXT characters or MAX_PAPERS
            papers.
    """

    text: str = ""
    filter: Filter = field(default_factory=Filter)
    mode: Mode = "hybrid"
    limit: int = 10
    sort: Sort = "relevance"
    cursor: str = ""
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    pasted: bool = False
    shown: bool = False
    facets: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidValue("limit", self.limit, f"give a whole number from 1 to {MAX_LIMIT}")
        for name, value, allowed in (("mode", self.mode, MODES), ("sort", self.sort, SORTS)):
            if value not in allowed:
                raise InvalidValue(name, value, f"choose one of {', '.join(allowed)}")
        if len(self.text) > MAX_TEXT:
            long = f"it has {len(self.text):,} characters and may have {MAX_TEXT:,}; shorten it"
            raise InvalidValue("text" if self.pasted else "q", self.text, long)
        for name, papers in (("like", self.like), ("unlike", self.unlike)):
            if len(papers) > MAX_PAPERS:
                raise InvalidValue(name, f"{len(papers)} papers", f"give at most {MAX_PAPERS}")


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
class Why:
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
    same: bool = False
    band: Band | None = None
    why: Why = Why()


Road = Literal["rows", "codes", "none"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the work and how long it took; parts may run side by side."""

    name: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """How an answer came about.

    Attributes:
        road: of the vector leg. ``rows``: every passing paper was scored exactly. ``codes``: 4-bit codes were scanned
            and the best papers scored exactly. ``none``: it was not asked.
        scanned: codes looked at. scored: papers scored exactly. stages: in the order they ended.
    """

    road: Road
    scanned: int
    scored: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Count:
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

    authors: tuple[Count, ...]
    categories: tuple[CategoryCount, ...]


@dataclass(frozen=True, slots=True)
class AuthorMatch:
    """The name variants that an author who was asked for matches.

    Attributes:
        asked: as it was written. variants: with their papers among those that pass, most first; at most MAX_VARIANTS.
        others: how many more variants there are. meant: names one letter off, where none matches.
    """

    asked: str
    variants: tuple[Count, ...]
    others: int = 0
    meant: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts over all papers that pass a filter, or over the relevant part of a question.

    Attributes:
        of: which of the two. papers: how many papers were counted.
        years: of first publication, the latest first. categories, authors, sources: the most frequent first.
    """

    of: Literal["filter", "relevant"]
    papers: int
    years: tuple[Count, ...]
    categories: tuple[Count, ...]
    authors: tuple[Count, ...]
    sources: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what the box asks.

    Attributes:
        said: in words. without: the box as it would be without it, which asks for all else.
    """

    said: str
    without: str


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
        reading: what was understood, in words. parts: of the box (``search.parts``).
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
    reading: str = ""
    close: bool = True
    correction: str | None = None
    authors: tuple[AuthorMatch, ...] = ()
    facets: Facets | None = None
    cursor: str | None = None
    parts: tuple[Part, ...] = ()

    def _repr_html_(self) -> str:
        """How a notebook shows it: a table."""
        from search.table import page_html

        return page_html(self)


def _worded(field_name: str, text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise InvalidValue(field_name, text, "give a name, or leave it out")
    return text


def _parts(condition: Condition) -> list[Condition]:
    """The conditions that must all hold, without an AllOf in an AllOf."""
    if not isinstance(condition, AllOf):
        return [condition]
    return [each for part in condition.parts for each in _parts(part)]


def _left_out(text: str) -> Author:
    """The very name that is written, so that one variant can be left out; of a bare surname all who have it."""
    leaf = author(text)
    return replace(leaf, exact=leaf.exact or bool(names.parse(leaf.name).given))
