"""Query: what to rank by, which papers may match, and how to present the page."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args

from search.errors import InvalidValue
from search.query.filter import Filter
from search.query.sort import SORTS, Sort

Mode = Literal["hybrid", "semantic", "lexical"]

MODES: tuple[Mode, ...] = get_args(Mode)
MAX_LIMIT = 1_000
"""Most hits per page."""
MAX_OFFSET = 10_000
"""Most hits before a page that is reached by its offset: ranking that many takes 0.2 s of 155,274 papers."""
MAX_TEXT_LENGTH = 20_000
"""Most characters of a query or an abstract."""
MAX_EXAMPLES = 50
"""Most papers in ``like``, and in ``unlike``."""
MAX_QUESTION_WORDS = 60
"""Most words of a question; a text with more words is an abstract, see ``is_abstract_length``."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query: text, example papers, or neither; without either, the filter alone lists the newest papers first.

    Attributes:
        text: what to rank by.
        filter: which papers may match.
        mode: the legs that rank the papers.
        limit: hits per page, from 0 to MAX_LIMIT; 0 returns only counts.
        sort: ``newest`` and ``oldest`` sort the closest papers by date of publication; ``added`` puts those first that
            became part of the index last, ``citations`` those that are cited most; papers without a count come last.
        cursor: ``Page.cursor`` of the previous page.
        offset: hits before the page, from 0 to MAX_OFFSET, for pages that are reached by number; not with a cursor.
        like: IDs of papers; similar papers rank higher.
        unlike: IDs of papers; similar papers rank lower.
        is_abstract: the text is an abstract; the paper it belongs to comes first, marked ``exact_match``.
        include_like: the papers of ``like`` come first, marked ``exact_match``; otherwise they are excluded.
        theme: label of a theme of the same query without it (``Session.themes``); only the papers of the theme match.
        facets: count years, categories, authors and sources.
        verbatim: answer the text as it is, even if nothing is close to it (``Page.answered_query``).

    Raises:
        InvalidValue: ``limit`` is not a whole number from 0 to MAX_LIMIT; ``mode`` or ``sort`` is unknown; the text has
            more than MAX_TEXT_LENGTH characters; ``like`` or ``unlike`` has more than MAX_EXAMPLES papers or is a
            string.
    """

    text: str = ""
    filter: Filter = field(default_factory=Filter)
    mode: Mode = "hybrid"
    limit: int = 10
    sort: Sort = "relevance"
    cursor: str = ""
    offset: int = 0
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    is_abstract: bool = False
    include_like: bool = False
    theme: str = ""
    facets: bool = False
    verbatim: bool = False

    def __post_init__(self) -> None:
        if type(self.limit) is not int or not 0 <= self.limit <= MAX_LIMIT:
            raise InvalidValue("limit", self.limit, f"give a whole number from 0 to {MAX_LIMIT}")
        if type(self.offset) is not int or not 0 <= self.offset <= MAX_OFFSET or (self.offset and self.cursor):
            allowed_offset = "omit it with a cursor" if self.cursor else f"give a whole number from 0 to {MAX_OFFSET}"
            raise InvalidValue("offset", self.offset, allowed_offset)
        for name, value, allowed in (("mode", self.mode, MODES), ("sort", self.sort, SORTS)):
            if value not in allowed:
                raise InvalidValue(name, value, f"choose one of {', '.join(allowed)}")
        if len(self.text) > MAX_TEXT_LENGTH:
            raise InvalidValue("text" if self.is_abstract else "q", self.text, too_long(self.text))
        for name, papers in (("like", self.like), ("unlike", self.unlike)):
            if isinstance(papers, str):
                raise InvalidValue(name, papers, f"give a list of paper IDs, such as [{papers!r}]")
            if len(papers) > MAX_EXAMPLES:
                raise InvalidValue(name, f"{len(papers)} papers", f"give at most {MAX_EXAMPLES}")
            object.__setattr__(self, name, tuple(papers))

    def with_options(self, **options: Any) -> Self:
        """Returns a copy with other values of some fields, except ``text``.

        Raises:
            InvalidValue: a name is not a field, or a value is invalid.
        """
        if not options:
            return self
        allowed = [each.name for each in fields(self) if each.name != "text"]
        for name, value in options.items():
            if name not in allowed:
                raise InvalidValue(name, value, f"unknown option; the options are {', '.join(allowed)}")
        return replace(self, **options)

    @property
    def unpaged(self) -> Self:
        """The query of all papers that it can find: without its theme, facets, order and page."""
        return replace(self, theme="", facets=False, sort="relevance", cursor="", offset=0, limit=1)


def too_long(text: str) -> str:
    """Returns the reason for which a text with more than MAX_TEXT_LENGTH characters is invalid."""
    return f"{len(text):,} characters exceed the limit of {MAX_TEXT_LENGTH:,}; shorten the text"


def is_abstract_length(words: int) -> bool:
    """Returns whether a text with this number of words is an abstract rather than a question."""
    return words > MAX_QUESTION_WORDS
