"""URLs of pages, and the URLs that differ from one by a parameter."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self
from urllib.parse import quote, quote_plus, urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request

_DEFAULT_PARAMS = {("sort", "relevance"), ("mode", "hybrid"), ("limit", "10"), ("facets", "true"), ("facets", "false")}
"""Parameters that forms submit with their default value."""
_PAGE_PARAMS = ("cursor", "page")
"""Parameters that say which page of an answer it is."""
_REMEMBERED_PARAMS = ("show",)
"""Parameters that a cookie remembers, so that no link needs them."""


@dataclass(frozen=True, slots=True)
class PageUrl:
    """The URL of a page; ``str`` returns it percent-encoded.

    Attributes:
        path: decoded.
        params: decoded names and values in order; a name may occur more than once.
    """

    path: str = "/"
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_request(cls, request: Request) -> Self:
        """Returns the URL of a request; see ``of``."""
        return cls.of(request.url.path, request.query_params)

    @classmethod
    def of(cls, path: str, params: QueryParams) -> Self:
        """Returns a URL without empty, default, repeated and remembered parameters."""
        given = (pair for pair in params.multi_items() if pair[1].strip() and pair not in _DEFAULT_PARAMS)
        kept = (pair for pair in given if pair[0] not in _REMEMBERED_PARAMS)
        return cls(path, tuple(dict.fromkeys(kept)))

    def __str__(self) -> str:
        path = _encode_path(self.path)
        return f"{path}?{'&'.join(map(_encode_param, self.params))}" if self.params else path

    def get_all(self, name: str) -> tuple[str, ...]:
        """Returns all values of a parameter."""
        return tuple(value for key, value in self.params if key == name)

    def get_first(self, name: str) -> str:
        """Returns the first value of a parameter, or an empty string."""
        return next(iter(self.get_all(name)), "")

    def include_param(self, name: str, value: str) -> Self:
        """Returns the URL with one more value of a parameter."""
        others = tuple(pair for pair in self._params_of_query if pair != (name, value))
        return self._with_params((*others, (name, value)))

    def remove_param(self, name: str, value: str | None = None) -> Self:
        """Returns the URL without one value of a parameter, or without all its values."""
        others = (pair for pair in self._params_of_query if pair[0] != name or value not in (None, pair[1]))
        return self._with_params(tuple(others))

    def replace_param(self, name: str, value: str) -> Self:
        """Returns the URL with this single value of a parameter; an empty value removes the parameter."""
        if not value or name not in dict(self.params):
            url = self.remove_param(name)
            return url.include_param(name, value) if value else url
        changed = ((key, value if key == name else old) for key, old in self._params_of_query)
        return self._with_params(tuple(dict.fromkeys(changed)))

    def replace_value(self, name: str, old: str, new: str) -> Self:
        """Returns the URL with one value of a parameter replaced where it is."""
        changed = ((name, new) if pair == (name, old) else pair for pair in self._params_of_query)
        return self._with_params(tuple(dict.fromkeys(changed)))

    def with_page(self, number: int) -> Self:
        """Returns the URL of a page of the same query, from 1."""
        page = (("page", str(number)),) if number > 1 else ()
        return self._with_params((*self._params_of_query, *page))

    def with_path(self, path: str) -> Self:
        """Returns the URL of the same query at another path."""
        return type(self)(path, self._params_of_query)

    def _with_params(self, params: tuple[tuple[str, str], ...]) -> Self:
        return type(self)(self.path, params)

    @property
    def _params_of_query(self) -> tuple[tuple[str, str], ...]:
        """The parameters without the number or the cursor of the page: a changed query starts at its first page."""
        return tuple(pair for pair in self.params if pair[0] not in _PAGE_PARAMS)


@lru_cache(4_096)
def _encode_param(pair: tuple[str, str]) -> str:
    """Encodes one parameter; cached because a page has about a hundred links that share most of theirs."""
    return "=".join(quote_plus(text, errors="replace") for text in pair)


@lru_cache(4_096)
def _encode_path(path: str) -> str:
    """Encodes a path; cached like parameters."""
    return quote(path, safe="/:@", errors="replace")


def paper_page_url(paper_id: str) -> str:
    """Returns the URL of a paper's page."""
    return str(PageUrl(f"/paper/{paper_id}"))


def author_page_url(name: str, person: str = "") -> str:
    """Returns the URL of an author's page; with a paper, that of the one person of the name who wrote it."""
    return str(PageUrl("/author", (("name", name), *((("person", person),) if person else ()))))


def list_url(name: str, *more: str) -> str:
    """Returns the URL of a list, or of one of its forms."""
    return _page_path("lists", name, *more)


def watch_url(name: str, *more: str) -> str:
    """Returns the URL of a saved search, or of one of its forms."""
    return _page_path("watches", name, *more)


def _page_path(*parts: str) -> str:
    """Returns a path whose parts may contain any characters."""
    return "".join(f"/{quote(part, safe='', errors='replace')}" for part in parts)


def is_http_url(text: str) -> bool:
    """Whether a text is an absolute HTTP or HTTPS URL, and not a script or a path."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return text.lower().startswith(("http://", "https://")) and bool(parts.hostname) and " " not in text
