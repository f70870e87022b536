"""Forms: what a page submits with POST, and where the user goes afterwards."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from service.api.profiles import refuse_cross_site

_URLENCODED = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_MAX_FIELDS = 20_000
"""Most fields of a form; a list has at most half as many papers."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a browser submits it.

    Attributes:
        fields: names and values in order; a name may occur more than once.
        file_name: name of the file that was chosen; empty without one.
        file: its content.
    """

    fields: tuple[tuple[str, str], ...]
    file_name: str = ""
    file: bytes = b""

    def get(self, name: str) -> str:
        """Returns the first value of a field, or an empty string."""
        return next(iter(self.get_all(name)), "")

    def get_all(self, name: str) -> list[str]:
        """Returns all values of a field."""
        return [value for key, value in self.fields if key == name]

    def back(self, default: str) -> str:
        """Returns where the user was: the field ``back`` if it is a path of this server, else the default."""
        url = self.get("back")
        return url if is_own_path(url) else default


def is_own_path(url: str) -> bool:
    """Whether a URL stays on this server; browsers take ``//host`` and ``/\\host`` for other hosts."""
    if not url.startswith("/") or url.startswith("//") or "\\" in url or not url.isprintable():
        return False
    parts = urlsplit(url)
    return not (parts.scheme or parts.netloc)


async def require_own_page(request: Request) -> None:
    """Refuses forms that no page of this server submits: another site could change lists with them.

    Raises:
        HTTPException: 403.
    """
    await refuse_cross_site(request)
    if "origin" not in request.headers and "sec-fetch-site" not in request.headers:
        raise HTTPException(403, "form without Origin refused; use the page in a browser, or the API (/docs)")


async def _read_form(request: Request) -> Form:
    """Reads the body.

    Raises:
        HTTPException: 400, it is malformed; 415, it is no form.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == _MULTIPART:
        return await _read_multipart(request)
    if media_type != _URLENCODED:
        raise HTTPException(415, f"unsupported Content-Type {media_type[:60]!r}; send a form")
    try:
        text = (await request.body()).decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise HTTPException(400, f"malformed form; send at most {_MAX_FIELDS:,} fields in UTF-8") from None
    return Form(tuple(pairs))


async def _read_multipart(request: Request) -> Form:
    """Reads a form with a file (RFC 7578)."""
    fields, file_name, file = [], "", b""
    async with request.form(max_files=1, max_fields=_MAX_FIELDS) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                file_name, file = value.filename or "", await value.read()
            else:
                fields.append((name, value))
    return Form(tuple(fields), file_name, file)


FormDependency = Annotated[Form, Depends(_read_form)]
"""The form in the body of a request."""
