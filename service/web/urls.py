"""Address: a page's path and parameters, and the addresses that differ from it by one of them."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self
from urllib.parse import quote, quote_plus, urlsplit

from starlette.requests import Request

_DEFAULT_PARAMS = {("sort", "relevance"), ("mode", "hybrid"), ("limit", "10"), ("facets", "true"), ("facets", "false")}
"""What a form sends though nobody chose it."""


@dataclass(frozen=True, slots=True)
class PageUrl:
    """What stands in the bar of the browser; ``str`` writes it, every part encoded.

    Attributes:
        path: decoded. pairs: names and values in order; a name may come again.
    """

    path: str = "/"
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_request(cls, request: Request) -> Self:
        """The address of a request, without parameters that are empty or say what is usual."""
        given = (pair for pair in request.query_params.multi_items() if pair[1].strip() and pair not in _DEFAULT_PARAMS)
        return cls(request.url.path, tuple(dict.fromkeys(given)))

    def __str__(self) -> str:
        path = quote(self.path, safe="/:@", errors="replace")
        return f"{path}?{'&'.join(map(_encode_param, self.params))}" if self.params else path

    def get_all(self, name: str) -> tuple[str, ...]:
        """All values of a parameter."""
        return tuple(value for key, value in self.params if key == name)

    def get_first(self, name: str) -> str:
        """A parameter's value, empty where there is none."""
        return next(iter(self.get_all(name)), "")

    def include_param(self, name: str, value: str) -> Self:
        """With one more value of a parameter."""
        kept = tuple(pair for pair in self._params_without_cursor if pair != (name, value))
        return replace(self, params=(*kept, (name, value)))

    def remove_param(self, name: str, value: str | None = None) -> Self:
        """Without a value of a parameter, or without all of them."""
        kept = (pair for pair in self._params_without_cursor if pair[0] != name or value not in (None, pair[1]))
        return replace(self, params=tuple(kept))

    def replace_param(self, name: str, value: str) -> Self:
        """With a parameter's only value; an empty one removes it."""
        if not value or name not in dict(self.params):
            bare = self.remove_param(name)
            return bare.include_param(name, value) if value else bare
        changed = ((key, value if key == name else old) for key, old in self._params_without_cursor)
        return replace(self, params=tuple(dict.fromkeys(changed)))

    def with_path(self, path: str) -> Self:
        """The same question asked elsewhere."""
        return replace(self, path=path, params=self._params_without_cursor)

    @property
    def _params_without_cursor(self) -> tuple[tuple[str, str], ...]:
        """A changed question starts on its first page."""
        return tuple(pair for pair in self.params if pair[0] != "cursor")


@lru_cache(4_096)
def _encode_param(pair: tuple[str, str]) -> str:
    """A page has a hundred links that share most of their parameters."""
    return "=".join(quote_plus(text, errors="replace") for text in pair)


def paper_page_url(paper_id: str) -> str:
    """The page of a paper."""
    return str(PageUrl(f"/paper/{paper_id}"))


def author_page_url(name: str) -> str:
    """The page of an author."""
    return str(PageUrl("/author", (("name", name),)))


def is_http_url(text: str) -> bool:
    """Whether a text is an address that a browser goes to, and not a script or what else may stand in one's place."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return text.lower().startswith(("http://", "https://")) and bool(parts.hostname) and " " not in text
