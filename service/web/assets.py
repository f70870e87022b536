"""Style sheets, scripts and images, served from memory under URLs that contain a hash of their content."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_STATIC_DIR = Path(__file__).parent / "static"
_MEDIA_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css"}
"""Types that do not depend on the MIME database of the machine."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file.

    Attributes:
        content: the bytes of the file.
        media_type: the value of ``Content-Type``.
        version: the first 12 hexadecimal digits of the SHA-256 of the content.
    """

    content: bytes
    media_type: str
    version: str


@cache
def load_assets() -> dict[str, Asset]:
    """Returns all assets by file name."""
    return {path.name: _read_asset(path) for path in sorted(_STATIC_DIR.iterdir()) if path.is_file()}


def asset_url(name: str) -> str:
    """Returns the URL of an asset, which changes with its content.

    Raises:
        KeyError: there is no asset of this name.
    """
    return f"/static/{name}?v={load_assets()[name].version}"


def _read_asset(path: Path) -> Asset:
    content = path.read_bytes()
    media_type = _MEDIA_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:12])
