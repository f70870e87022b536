"""Headers: the limit on request headers, and the security headers of every response."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import error_response

Header = tuple[bytes, bytes]

_CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY),
    (b"x-content-type-options", b"nosniff"),
    # The URL contains the query, and papers link to other sites. "no-referrer" would also take the Origin from forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def add_missing_headers(headers: list[Header], defaults: Iterable[Header]) -> list[Header]:
    """Returns the headers followed by those defaults whose names are not among them."""
    names = {name.lower() for name, _ in headers}
    return headers + [header for header in defaults if header[0] not in names]


class HeaderLimit:
    """Rejects requests with 414 or 431 whose URL, or URL and headers together, are too long.

    Args:
        app: called with accepted requests.
        max_bytes: most bytes of the URL and the headers.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        if length > self._max_bytes:
            detail = f"the URL exceeds {self._max_bytes:,} bytes; shorten it or use POST"
            return await error_response(scope, 414, detail)(scope, receive, send)
        length += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
        if length > self._max_bytes:
            detail = f"the URL and headers together exceed {self._max_bytes:,} bytes; send fewer or shorter headers"
            return await error_response(scope, 431, detail)(scope, receive, send)
        return await self._app(scope, receive, send)
