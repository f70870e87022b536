"""Query, Filter, Hit, Page: what is asked and what is answered."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Self, get_args

from search.errors import InvalidValue
from search.paper import Date, Paper

Mode = Literal["hybrid", "semantic", "lexical"]

MODES: tuple[Mode, ...] = get_args(Mode)
MAX_LIMIT = 1_000
"""Most hits a page can have."""
MAX_TEXT = 20_000
"""Most characters of a question or a pasted abstract."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which papers may answer. Every part given must hold; a paper that lacks the field never passes.

    Attributes:
        authors: each name must match one of the paper's authors (``search.names``).
        categories: at least one must be among the paper's, cross-lists included; ``cs`` means all of cs.
        published_from, published_to: first publication overlaps this closed interval.
    """

    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published_from: Date | None = None
    published_to: Date | None = None

    def __post_init__(self) -> None:
        start, end = self.published_from, self.published_to
        if start and end and start.first_day > end.last_day:
            raise InvalidValue("from", str(start), f"it must not be later than to ({end}); swap the two")

    @classmethod
    def parse(cls, authors: Iterable[str], categories: Iterable[str], start: str | None, end: str | None) -> Self:
        """From what a person typed.

        Raises:
            InvalidValue: a blank author or category, or a date that is none; it names the field.
        """
        return cls(
            tuple(_worded("author", text) for text in authors),
            tuple(_worded("category", text) for text in categories),
            _dated("from", start),
            _dated("to", end),
        )

    @property
    def empty(self) -> bool:
        """Whether every paper passes."""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Query:
    """A question: its words (may be empty: the filter alone lists newest first), what may answer, and how.

    Raises:
        InvalidValue: limit outside 1..MAX_LIMIT, an unknown mode, or more than MAX_TEXT characters.
    """

    text: str = ""
    filter: Filter = field(default_factory=Filter)
    mode: Mode = "hybrid"
    limit: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidValue("limit", self.limit, f"give a whole number from 1 to {MAX_LIMIT}")
        if self.mode not in MODES:
            raise InvalidValue("mode", self.mode, f"choose one of {', '.join(MODES)}")
        check_length("q", self.text)


def check_length(field_name: str, text: str) -> None:
    """
    Raises:
        InvalidValue: the text has more than MAX_TEXT characters.
    """
    if len(text) > MAX_TEXT:
        raise InvalidValue(field_name, text, f"it has {len(text):,} characters and may have {MAX_TEXT:,}; shorten it")


@dataclass(frozen=True, slots=True)
class LegMatch:
    """A hit's place in one leg: rank from 1 (None beyond the candidates that leg ranked) and its score there."""

    rank: int | None
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper on a page.

    Attributes:
        score: the value the page is ordered by, higher is better; 0 where nothing was asked but a filter.
        semantic: cosine of question and paper. lexical: BM25. None where the leg was not asked.
        same: the paper is the one whose text was pasted.
    """

    paper: Paper
    score: float
    semantic: LegMatch | None = None
    lexical: LegMatch | None = None
    same: bool = False


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
class Page:
    """The answer.

    Attributes:
        hits: best first.
        total: papers that pass the filter (lexical mode: and match a word).
        exact: the vector leg scored every passing paper exactly; True where that leg was not asked.
        expected_recall: share of the truly nearest papers that the vector leg is expected to have found; 1 where exact.
        generation: name of the generation that answered.
        explanation: the road taken, what was looked at, and the times.
    """

    hits: tuple[Hit, ...]
    total: int
    exact: bool
    expected_recall: float
    generation: str
    explanation: Explanation


def _worded(field_name: str, text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise InvalidValue(field_name, text, f"give a name of the {field_name}, or leave it out")
    return text


def _dated(field_name: str, text: str | None) -> Date | None:
    if not text:
        return None
    try:
        return Date.parse(text)
    except ValueError:
        raise InvalidValue(field_name, text, "write a date that exists: 2026, 2026-04 or 2026-04-27") from None
