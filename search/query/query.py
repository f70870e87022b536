"""Query, Filter, Hit, Page: what is asked and what is answered."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from search.errors import InvalidValue
from search.query.filter import Filter

Mode = Literal["hybrid", "semantic", "lexical"]
Sort = Literal["relevance", "newest", "oldest"]

MODES: tuple[Mode, ...] = get_args(Mode)
SORTS: tuple[Sort, ...] = get_args(Sort)
MAX_LIMIT = 1_000
"""Most hits a page can have."""
MAX_TEXT_LENGTH = 20_000
"""Most characters of a question or a pasted abstract."""
MAX_EXAMPLES = 50
"""Most papers a question can name as examples."""


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
    is_abstract: bool = False
    include_like: bool = False
    facets: bool = False

    def __post_init__(self) -> None:
        if type(self.limit) is not int or not 0 <= self.limit <= MAX_LIMIT:
            raise InvalidValue("limit", self.limit, f"give a whole number from 0 to {MAX_LIMIT}")
        for name, value, allowed in (("mode", self.mode, MODES), ("sort", self.sort, SORTS)):
            if value not in allowed:
                raise InvalidValue(name, value, f"choose one of {', '.join(allowed)}")
        if len(self.text) > MAX_TEXT_LENGTH:
            long = f"it has {len(self.text):,} characters and may have {MAX_TEXT_LENGTH:,}; shorten it"
            raise InvalidValue("text" if self.is_abstract else "q", self.text, long)
        for name, papers in (("like", self.like), ("unlike", self.unlike)):
            if len(papers) > MAX_EXAMPLES:
                raise InvalidValue(name, f"{len(papers)} papers", f"give at most {MAX_EXAMPLES}")
