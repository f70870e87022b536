"""Assets: style sheets, scripts and pictures, held in memory; one named with its content's hash is kept for good."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_STATIC_DIR = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file. ``version``: the beginning of its sha256."""

    content: bytes
    media_type: str
    version: str


@cache
def load_assets() -> dict[str, Asset]:
    """All files by name."""
    return {path.name: _read_asset(path) for path in sorted(_STATIC_DIR.iterdir()) if path.is_file()}


def asset_url(name: str) -> str:
    """Where an asset is had; another address once its content changes.

    Raises:
        KeyError: there is no such asset.
    """
    return f"/static/{name}?v={load_assets()[name].version}"


def _read_asset(path: Path) -> Asset:
    content = path.read_bytes()
    kinds = {".js": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css"}
    media_type = kinds.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:12])
