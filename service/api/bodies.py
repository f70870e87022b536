"""Bodies of requests."""

from fastapi import Request
from starlette.exceptions import HTTPException


async def require_json(request: Request) -> None:
    """Checks the Content-Type of a body.

    Raises:
        HTTPException: 415, the body is not JSON.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        detail = f"unsupported Content-Type {media_type[:60]!r}; send JSON with Content-Type: application/json"
        raise HTTPException(415, detail)
