"""Answers: a page or a paper as a response in the format that was asked for, which a client need not fetch twice."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import Request
from fastapi.responses import Response

from search.papers.paper import Paper
from search.query.page import Page
from service import formats
from service.formats import MEDIA, Format, Wanted

_VERSION = version("papers-search")
_HERE_ONLY = ("cursor", "limit", "format", "fields", "facets")
"""Parameters that do not make it another question."""
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Asking:
    """What was asked over HTTP.

    Attributes:
        request: where. meant: all that tells the question from others, days in place of "30d". generation: which one
            is to answer. format, fields: how the answer is to come. name: of the question, whatever its page and day.
    """

    request: Request
    meant: str
    generation: str
    format: Format
    fields: tuple[str, ...]
    name: str

    def answered(self, ask: Callable[[], Page]) -> Response:
        """The page, in its format; 304 where the client has it, without asking."""
        if self._known():
            return Response(status_code=304, headers=self._headers(self.generation))
        page = ask()
        following = self._following(page.cursor) if page.cursor and self._got else ""
        content = formats.page(self.format, page, self._wanted(following))
        headers = self._headers(page.generation)
        if following:
            headers["Link"] = f'<?{following}>; rel="next"'
        return self._response(content, headers, "papers")

    def shown(self, find: Callable[[], Paper]) -> Response:
        """The same of one paper."""
        if self._known():
            return Response(status_code=304, headers=self._headers(self.generation))
        paper = find()
        content = formats.paper(self.format, paper, self._wanted(""))
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", paper.id).strip("-.")[:80]
        return self._response(content, self._headers(self.generation), name)

    @property
    def _got(self) -> bool:
        return self.request.method == "GET"

    def _known(self) -> bool:
        """Whether the client holds what would be answered (RFC 9110, 13.1.2)."""
        held = self.request.headers.get("if-none-match", "") if self._got else ""
        return self._tag(self.generation)[2:] in _QUOTED.findall(held)

    def _tag(self, generation: str) -> str:
        """Weak, since the same answer says again how long it took."""
        told = "\n".join((_VERSION, self.request.url.path, self.format, ",".join(self.fields), self.meant))
        digest = hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
        return f'W/"{generation}-{digest}"'

    def _headers(self, generation: str) -> dict[str, str]:
        headers = {"Cache-Control": "private, no-cache", "Vary": "Accept"}
        return {**headers, "ETag": self._tag(generation)} if self._got else headers

    def _following(self, cursor: str) -> str:
        """The query of the next page."""
        asked = [pair for pair in self.request.url.query.split("&") if pair and not pair.startswith("cursor=")]
        return "&".join([*asked, f"cursor={cursor}"])

    def _wanted(self, following: str) -> Wanted:
        if self.format != "atom":
            return Wanted(self.fields)
        url, got = self.request.url, self._got
        shown = url.remove_query_params(_HERE_ONLY)
        return Wanted(
            self.fields,
            name=f"{url.path}\n{self.name}",
            here=str(url) if got else "",
            next=str(url.replace(query=following)) if following else "",
            shown=f"{self.request.base_url}?{shown.query}" if got and url.path.endswith("/v1/search") else "",
        )

    def _response(self, content: bytes, headers: dict[str, str], name: str) -> Response:
        media = MEDIA[self.format]
        if media.ending:
            headers["Content-Disposition"] = f'attachment; filename="{name}.{media.ending}"'
        return Response(content, headers={**headers, "Content-Type": media.type})
