"""Responses: a page or a paper in the requested format, with the headers for conditional requests."""

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
"""Parameters that do not change which papers match."""
_QUOTED_TAG = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class ResponseBuilder:
    """Builds the response to one request.

    Attributes:
        request: the request.
        query_key: all that distinguishes its query from others, with dates in place of "30d".
        generation: the index generation that answers.
        format: the format of the response.
        fields: the fields of each paper; empty for all.
        feed_key: identifies the query over all its pages and days.
        added_times: see ``RenderOptions``.
    """

    request: Request
    query_key: str
    generation: str
    format: Format
    fields: tuple[str, ...]
    feed_key: str
    added_times: bool = False

    def page_response(self, run_query: Callable[[], Page]) -> Response:
        """Returns the page in the requested format, or 304 without running the query if the client has it."""
        if self._is_not_modified():
            return Response(status_code=304, headers=self._headers(self.generation))
        page = run_query()
        next_page = self._next_page_query(page.cursor) if page.cursor and self._is_get else ""
        content = formats.render_page(self.format, page, self._render_options(next_page))
        headers = self._headers(page.generation)
        if next_page:
            headers["Link"] = f'<?{next_page}>; rel="next"'
        return self._build_response(content, headers, "papers")

    def paper_response(self, find_paper: Callable[[], Paper]) -> Response:
        """Returns the paper in the requested format, or 304 without looking it up if the client has it."""
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
        """Returns whether If-None-Match contains the ETag of the response (RFC 9110, section 13.1.2)."""
        header = self.request.headers.get("if-none-match", "") if self._is_get else ""
        return bool(header) and self._etag(self.generation)[2:] in _QUOTED_TAG.findall(header)

    def _etag(self, generation: str) -> str:
        """Returns the ETag. It is weak: two equal responses differ in their timings."""
        parts = "\n".join((_VERSION, self.request.url.path, self.format, ",".join(self.fields), self.query_key))
        digest = hashlib.blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
        return f'W/"{generation}-{digest}"'

    def _headers(self, generation: str) -> dict[str, str]:
        headers = {"Cache-Control": "private, no-cache", "Vary": "Accept"}
        return {**headers, "ETag": self._etag(generation)} if self._is_get else headers

    def _next_page_query(self, cursor: str) -> str:
        """Returns the URL's query with the cursor of the next page."""
        pairs = [pair for pair in self.request.url.query.split("&") if pair and not pair.startswith("cursor=")]
        return "&".join([*pairs, f"cursor={cursor}"])

    def _render_options(self, next_page_query: str) -> RenderOptions:
        if self.format != "atom":
            return RenderOptions(self.fields)
        url, is_get = self.request.url, self._is_get
        html_query = url.remove_query_params(_PRESENTATION_PARAMS).query
        return RenderOptions(
            self.fields,
            feed_key=f"{url.path}\n{self.feed_key}",
            self_url=str(url) if is_get else "",
            next_url=str(url.replace(query=next_page_query)) if next_page_query else "",
            html_url=f"{self.request.base_url}?{html_query}" if is_get and url.path.endswith("/v1/search") else "",
            added_times=self.added_times,
        )

    def _build_response(self, content: bytes, headers: dict[str, str], filename: str) -> Response:
        media = MEDIA_TYPES[self.format]
        if media.extension:
            headers["Content-Disposition"] = f'attachment; filename="{filename}.{media.extension}"'
        return Response(content, headers={**headers, "Content-Type": media.content_type})
