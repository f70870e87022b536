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
from service.formats import MEDIA_TYPES, Format, RenderOptions

_VERSION = version("papers-search")
_PRESENTATION_PARAMS = ("cursor", "limit", "format", "fields", "facets")
"""Parameters that do not make it another question."""
_QUOTED_TAG = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class ResponseBuilder:
    """What was asked over HTTP.

    Attributes:
        request: where. meant: all that tells the question from others, days in place of "30d". generation: which one
            is to answer. format, fields: how the answer is to come. name: of the question, whatever its page and day.
    """

    request: Request
    query_key: str
    generation: str
    format: Format
    fields: tuple[str, ...]
    feed_key: str

    def page_response(self, run_query: Callable[[], Page]) -> Response:
        """The page, in its format; 304 where the client has it, without asking."""
        if self._is_not_modified():
            return Response(status_code=304, headers=self._headers(self.generation))
        page = run_query()
        following = self._next_page_query(page.cursor) if page.cursor and self._is_get else ""
        content = formats.render_page(self.format, page, self._render_options(following))
        headers = self._headers(page.generation)
        if following:
            headers["Link"] = f'<?{following}>; rel="next"'
        return self._build_response(content, headers, "papers")

    def paper_response(self, find_paper: Callable[[], Paper]) -> Response:
        """The same of one paper."""
        if self._is_not_modified():
            return Response(status_code=304, headers=self._headers(self.generation))
        paper = find_paper()
        content = formats.render_paper(self.format, paper, self._render_options(""))
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", paper.id).strip("-.")[:80]
        return self._build_response(content, self._headers(self.generation), name)

    @property
    def _is_get(self) -> bool:
        return self.request.method == "GET"

    def _is_not_modified(self) -> bool:
        """Whether the client holds what would be answered (RFC 9110, 13.1.2)."""
        held = self.request.headers.get("if-none-match", "") if self._is_get else ""
        return self._etag(self.generation)[2:] in _QUOTED_TAG.findall(held)

    def _etag(self, generation: str) -> str:
        """Weak, since the same answer says again how long it took."""
        told = "\n".join((_VERSION, self.request.url.path, self.format, ",".join(self.fields), self.query_key))
        digest = hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
        return f'W/"{generation}-{digest}"'

    def _headers(self, generation: str) -> dict[str, str]:
        headers = {"Cache-Control": "private, no-cache", "Vary": "Accept"}
        return {**headers, "ETag": self._etag(generation)} if self._is_get else headers

    def _next_page_query(self, cursor: str) -> str:
        """The query of the next page."""
        asked = [pair for pair in self.request.url.query.split("&") if pair and not pair.startswith("cursor=")]
        return "&".join([*asked, f"cursor={cursor}"])

    def _render_options(self, next_page_query: str) -> RenderOptions:
        if self.format != "atom":
            return RenderOptions(self.fields)
        url, got = self.request.url, self._is_get
        shown = url.remove_query_params(_PRESENTATION_PARAMS)
        return RenderOptions(
            self.fields,
            feed_key=f"{url.path}\n{self.feed_key}",
            self_url=str(url) if got else "",
            next_url=str(url.replace(query=next_page_query)) if next_page_query else "",
            html_url=f"{self.request.base_url}?{shown.query}" if got and url.path.endswith("/v1/search") else "",
        )

    def _build_response(self, content: bytes, headers: dict[str, str], filename: str) -> Response:
        media = MEDIA_TYPES[self.format]
        if media.extension:
            headers["Content-Disposition"] = f'attachment; filename="{filename}.{media.extension}"'
        return Response(content, headers={**headers, "Content-Type": media.content_type})
