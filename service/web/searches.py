"""Saved searches on the page: the search of a URL, its URL, a name for it, and what it is in words."""

from collections.abc import Collection
from dataclasses import dataclass

from search.papers.words import truncate_words
from search.session import Session
from service.state.names import MAX_NAME_LENGTH
from service.state.searches import SavedSearch
from service.web.html import MODE_LABELS
from service.web.interpretation import quoted_title
from service.web.urls import PageUrl

_SINGLE_PARAMS = ("q", "from", "to", "updated_from", "updated_to", "list", "mode")
_REPEATED_PARAMS = ("author", "not_author", "category", "kind", "like", "unlike")
_LABELS = {
    "author": "author {}",
    "not_author": "not author {}",
    "category": "category {}",
    "kind": "kind {}",
    "from": "from {}",
    "to": "to {}",
    "updated_from": "updated from {}",
    "updated_to": "updated to {}",
    "like": "like {}",
    "unlike": "unlike {}",
    "list": "like the papers of the list “{}”",
    "mode": "by {}",
}
"""What the page calls the parameters of a saved search other than its text."""
_MAX_PROPOSED_LENGTH = 60
"""Characters of a proposed name; a user may type more."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The form that saves the search of a page.

    Attributes:
        name: the name that the form proposes.
        params: its hidden fields.
    """

    name: str
    params: tuple[tuple[str, str], ...]


def search_of_url(url: PageUrl) -> SavedSearch:
    """Returns the search of a URL or a form, without its order, its page and its times of addition.

    Raises:
        InvalidValue: a parameter is invalid.
    """
    single = {name: url.get_first(name) for name in _SINGLE_PARAMS}
    repeated = {name: list(url.get_all(name)) for name in _REPEATED_PARAMS}
    return SavedSearch.from_json({name: value for name, value in (single | repeated).items() if value})


def search_params(search: SavedSearch) -> tuple[tuple[str, str], ...]:
    """Returns the parameters of the URL of a search."""
    pairs = []
    for name, value in search.to_json().items():
        pairs += [(name, str(each)) for each in (value if isinstance(value, list) else [value])]
    return tuple(pairs)


def propose(search: SavedSearch, words: str, taken: Collection[str]) -> Proposal:
    """Returns the form that saves a search.

    Args:
        search: the search.
        words: the search in words, of which the name is made.
        taken: names of other saved searches.
    """
    text = " ".join("".join(each if each.isprintable() and each != "/" else " " for each in words).split())
    if len(text) > _MAX_PROPOSED_LENGTH:
        text = f"{text[: _MAX_PROPOSED_LENGTH - 1].rpartition(' ')[0] or text[: _MAX_PROPOSED_LENGTH - 1]}…"
    base = text if text.strip(".") else "All papers"
    names = (base, *(f"{base[: MAX_NAME_LENGTH - 6]} {number}" for number in range(2, len(taken) + 3)))
    return Proposal(next(name for name in names if name not in taken), search_params(search))


def describe_search(search: SavedSearch, session: Session) -> str:
    """Returns a search in words, in the order of its parameters."""
    parts = []
    for name, value in search_params(search):
        shown = quoted_title(session, value) if name in ("like", "unlike") else value
        shown = MODE_LABELS[value] if name == "mode" else shown
        parts.append(_LABELS[name].format(shown) if name in _LABELS else truncate_words(value, max_words=30))
    return " · ".join(parts) or "All papers"
