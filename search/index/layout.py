"""Layout: where everything of an index lies, and the manifest that says what a generation holds."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, IndexMissing
from search.files import replace_file, sha256_of
from search.papers.paper import Json

FORMAT_VERSION = 3
"""Raised with every change of the files that an older version cannot read."""
_GENERATION_NAME = re.compile(r"gen-([0-9]{6}|[1-9][0-9]{6,17})")


def generation_name(number: int) -> str:
    """The name of a generation, as in ``gen-000042``."""
    return f"gen-{number:06}"


def generation_number(name: str) -> int | None:
    """The number in a generation's name, from 1; None for any other name."""
    match = _GENERATION_NAME.fullmatch(name)
    return int(match[1]) or None if match else None


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of an index's files.

    CURRENT holds one line, the name of the published generation. The store and the vectors are append-only and
    shared by all generations; everything else is a generation's own and never changes once published.
    """

    directory: Path

    @property
    def current(self) -> Path:
        return self.directory / "CURRENT"

    @property
    def writer_lock(self) -> Path:
        return self.directory / "WRITER"

    @property
    def store(self) -> Path:
        return self.directory / "papers.sqlite"

    def vectors(self, model: ModelIdentity) -> Path:
        return self.directory / f"vectors-{model.slug}.f16"

    def generation(self, name: str) -> "GenerationLayout":
        return GenerationLayout(self.directory / name)

    def generations(self) -> list[Path]:
        """Every folder named like a generation, oldest first, published or not."""
        found = (path for path in self.directory.glob("gen-*") if path.is_dir() and not path.is_symlink())
        numbers = {path: generation_number(path.name) for path in found}
        return [path for number, path in sorted((number, path) for path, number in numbers.items() if number)]

    def published_generation(self) -> str:
        """The name in CURRENT.

        Raises:
            IndexMissing: nothing was ever published here.
            IndexDamaged: CURRENT does not name a generation.
        """
        try:
            name = self.current.read_text("ascii").strip()
        except FileNotFoundError:
            raise IndexMissing(
                self.directory, "there is no index here; make one with: papers index FILE... --index DIR"
            ) from None
        except UnicodeDecodeError:
            name = ""
        if not generation_number(name):
            raise IndexDamaged(self.directory, "CURRENT names no generation; restore the file from a backup")
        return name


@dataclass(frozen=True, slots=True)
class GenerationLayout:
    """The names of one generation's files."""

    directory: Path

    @property
    def manifest(self) -> Path:
        return self.directory / "manifest.json"

    @property
    def codes(self) -> Path:
        return self.directory / "codes"

    @property
    def columns(self) -> Path:
        return self.directory / "columns"

    @property
    def lexicon(self) -> Path:
        return self.directory / "lexicon"

    @property
    def tombstones(self) -> Path:
        return self.directory / "tombstones.npy"

    @property
    def calibration(self) -> Path:
        return self.directory / "confidence.json"

    def entry_names(self) -> frozenset[str]:
        """The names a writer uses directly in this folder."""
        paths = (self.manifest, self.codes, self.columns, self.lexicon, self.tombstones, self.calibration)
        return frozenset((*(path.name for path in paths), f"{self.manifest.name}.new"))

    def files(self) -> list[Path]:
        """Every file but the manifest, sorted."""
        return sorted(path for path in self.directory.rglob("*") if path.is_file() and path != self.manifest)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What the manifest says of one file: its path within the generation, bytes, and sha256 in hexadecimal."""

    path: str
    bytes: int
    sha256: str

    @classmethod
    def from_file(cls, path: Path, directory: Path) -> Self:
        """Reads the file."""
        return cls(path.relative_to(directory).as_posix(), path.stat().st_size, sha256_of(path))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one generation holds.

    Attributes:
        generation: its name, ``gen-000042``.
        model: identity of the model that made the vectors.
        rows: rows of the store and the vectors that belong to it. live: those no later row replaced.
        trained_on: live rows there were when the codebooks were trained; 0 without codes.
        vectors_sha256, papers_sha256: one checksum per block of ``vectors.BLOCK_ROWS`` rows.
        files: every file of the generation.
    """

    generation: str
    model: ModelIdentity
    rows: int
    live: int
    trained_on: int
    vectors_sha256: tuple[str, ...]
    papers_sha256: tuple[str, ...]
    files: tuple[FileRecord, ...]

    def save(self, path: Path) -> None:
        """Writes the manifest with its own checksum and waits until it is on disk."""
        body = self._to_json()
        text = json.dumps({"manifest": body, "sha256": _digest(body)}, indent=1)
        replace_file(path, text)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a manifest.

        Raises:
            IndexDamaged: it is missing, cut, altered, or of a later format.
        """
        try:
            held = json.loads(path.read_text("utf-8"))
            body = held["manifest"]
            whole = _digest(body) == held["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexDamaged(path, f"the manifest cannot be read ({error}); index the papers again") from None
        if not whole:
            raise IndexDamaged(path, "the manifest does not have its own checksum; index the papers again")
        if body["format"] != FORMAT_VERSION:
            older = "papers doctor --repair brings it up to date and embeds nothing"
            newer = "read it with the version of papers that wrote it"
            what = f"its format is {body['format']}, this version reads {FORMAT_VERSION}"
            raise IndexDamaged(path, f"{what}; {older if body['format'] < FORMAT_VERSION else newer}")
        return cls(
            generation=body["generation"],
            model=ModelIdentity.from_json(body["model"]),
            rows=body["rows"],
            live=body["live"],
            trained_on=body["trained_on"],
            vectors_sha256=tuple(body["vectors_sha256"]),
            papers_sha256=tuple(body["papers_sha256"]),
            files=tuple(FileRecord(**file) for file in body["files"]),
        )

    def _to_json(self) -> dict[str, Json]:
        return {
            "format": FORMAT_VERSION,
            "generation": self.generation,
            "model": self.model.to_json(),
            "rows": self.rows,
            "live": self.live,
            "trained_on": self.trained_on,
            "vectors_sha256": list(self.vectors_sha256),
            "papers_sha256": list(self.papers_sha256),
            "files": [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in self.files],
        }


def find_damaged_files(files: tuple[FileRecord, ...], directory: Path, *, verify_checksums: bool) -> Iterator[str]:
    """The files that are missing, of another size or, where asked, of another checksum: what is wrong, in words."""
    for file in files:
        path = directory / file.path
        if not path.is_file():
            yield f"{file.path} is missing"
        elif path.stat().st_size != file.bytes:
            yield f"{file.path} has {path.stat().st_size:,} bytes and should have {file.bytes:,}"
        elif verify_checksums and FileRecord.from_file(path, directory) != file:
            yield f"{file.path} does not have the checksum it was published with"


def _digest(body: dict[str, Json]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
