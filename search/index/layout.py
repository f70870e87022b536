"""Layout: the paths of an index's files, and the manifest that lists the contents of one generation."""

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, IndexMissing
from search.files import replace_file, sha256_of
from search.index.json_object import JsonObject, damaged_file
from search.papers.json import Json

FORMAT_VERSION = 5
"""Increases with every change to the files that earlier versions cannot read."""
_MAX_NAME_BYTES = 64
"""Bytes of CURRENT that are read; the name of a generation is shorter."""
_GENERATION_NAME = re.compile(r"gen-([0-9]{6}|[1-9][0-9]{6,17})")
_ROWS_FOLDER_NAME = re.compile(r"rows-([0-9]{6}|[1-9][0-9]{6,17})")


def generation_name(number: int) -> str:
    """Returns the name of a generation, as in ``gen-000042``."""
    return f"gen-{number:06}"


def generation_number(name: str) -> int | None:
    """Returns the number in a generation's name, from 1; None for any other name."""
    match = _GENERATION_NAME.fullmatch(name)
    return int(match[1]) or None if match else None


def rows_folder_name(number: int) -> str:
    """Returns the name of a folder of rows, as in ``rows-000042``."""
    return f"rows-{number:06}"


def rows_folder_number(name: str) -> int | None:
    """Returns the number in the name of a folder of rows, from 1; None for any other name."""
    match = _ROWS_FOLDER_NAME.fullmatch(name)
    return int(match[1]) or None if match else None


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of the files of an index.

    CURRENT contains one line, the name of the published generation. The store and the vectors are append-only and
    shared by all generations with the same folder of rows. All other files belong to one generation and never change
    after it is published.

    Attributes:
        directory: the index.
        rows_folder: name of the folder with the store and the vectors, which a compaction has written; empty for the
            directory itself.
    """

    directory: Path
    rows_folder: str = ""

    @property
    def current(self) -> Path:
        return self.directory / "CURRENT"

    @property
    def writer_lock(self) -> Path:
        return self.directory / "WRITER"

    @property
    def rows_directory(self) -> Path:
        return self.directory / self.rows_folder

    @property
    def store(self) -> Path:
        return self.rows_directory / "papers.sqlite"

    def vectors(self, model: ModelIdentity) -> Path:
        return self.rows_directory / f"vectors-{model.slug}.f16"

    def generation(self, name: str) -> "GenerationLayout":
        return GenerationLayout(self.directory / name)

    def generations(self) -> list[Path]:
        """Returns every directory named like a generation, oldest first, published or not."""
        found = (path for path in self.directory.glob("gen-*") if path.is_dir() and not path.is_symlink())
        numbers = {path: generation_number(path.name) for path in found}
        return [path for number, path in sorted((number, path) for path, number in numbers.items() if number)]

    def rows_folders(self) -> list[str]:
        """Returns the names of all folders of rows, oldest first, whether a manifest names them or not."""
        found = (path for path in self.directory.glob("rows-*") if path.is_dir() and not path.is_symlink())
        numbers = {path.name: rows_folder_number(path.name) for path in found}
        return [name for number, name in sorted((number, name) for name, number in numbers.items() if number)]

    def published_generation(self) -> str:
        """Returns the name in CURRENT.

        Raises:
            IndexMissing: nothing has been published in this directory.
            IndexDamaged: CURRENT does not contain the name of a generation.
        """
        try:
            name = self._read_current().decode("ascii", "replace").strip()
        except FileNotFoundError:
            raise IndexMissing(
                self.directory,
                "there is no index here; create one with papers fetch, or with: papers index FILE... --index DIR",
            ) from None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            name = ""
        if not generation_number(name):
            raise damaged_file(self.directory, "CURRENT does not contain the name of a generation")
        return name

    def current_version(self) -> tuple[int, ...]:
        """Returns numbers that change whenever CURRENT is replaced, in a tenth of the time of reading it; none without
        CURRENT."""
        try:
            status = self.current.stat()
        except OSError:
            return ()
        return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

    def _read_current(self) -> bytes:
        """Returns what CURRENT contains."""
        file = os.open(self.current, os.O_RDONLY | os.O_NONBLOCK)  # opening or reading a pipe would not end
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise damaged_file(self.directory, "CURRENT is not a file")
            return os.read(file, _MAX_NAME_BYTES)
        finally:
            os.close(file)


@dataclass(frozen=True, slots=True)
class GenerationLayout:
    """Paths of the files of one generation."""

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

    @property
    def paper_checksums(self) -> Path:
        return self.directory / "papers-crc32.npy"

    @property
    def vector_checksums(self) -> Path:
        return self.directory / "vectors-checksums.npy"

    def entry_names(self) -> frozenset[str]:
        """The names a writer uses directly in this folder."""
        folders = (self.codes, self.columns, self.lexicon)
        files = (self.manifest, self.tombstones, self.calibration, self.paper_checksums, self.vector_checksums)
        return frozenset((*(path.name for path in (*folders, *files)), f"{self.manifest.name}.new"))

    def files(self) -> list[Path]:
        """Returns all files except the manifest, sorted."""
        return sorted(path for path in self.directory.rglob("*") if path.is_file() and path != self.manifest)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file as recorded in the manifest.

    Attributes:
        path: POSIX path relative to the directory of the generation.
        bytes: size.
        sha256: checksum in hexadecimal.
    """

    path: str
    bytes: int
    sha256: str

    @classmethod
    def from_file(cls, path: Path, directory: Path) -> Self:
        """Reads the file and computes its record."""
        return cls(path.relative_to(directory).as_posix(), path.stat().st_size, sha256_of(path))


@dataclass(frozen=True, slots=True)
class DatabaseRecord:
    """What a manifest says of the database, besides the checksums of its papers.

    Attributes:
        last_paper_sha256: checksum of the last row of ``papers``, which identifies the transaction that wrote it;
            empty without rows.
        keys: number of keys of the rows.
        keys_checksum: sum of ``key_checksum`` of the keys.
        decisions_sha256: checksum of the decisions of the user; empty without any.
    """

    last_paper_sha256: str
    keys: int
    keys_checksum: int
    decisions_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of one generation.

    Attributes:
        generation: its name, for example ``gen-000042``.
        model: identity of the model that made the vectors.
        rows: number of rows of the store and of the vectors that belong to the generation.
        live: number of rows that no later row has replaced.
        trained_on: number of live rows when the codebooks were trained; 0 without codes.
        vectors_sha256: one checksum per block of ``search.vectors.file.BLOCK_ROWS`` vectors.
        papers_sha256: one checksum per block of the same number of papers.
        files: one record per file of the generation.
        database: what identifies the database; None in manifests of versions that did not record it.
        rows_folder: see ``Layout``.
    """

    generation: str
    model: ModelIdentity
    rows: int
    live: int
    trained_on: int
    vectors_sha256: tuple[str, ...]
    papers_sha256: tuple[str, ...]
    files: tuple[FileRecord, ...]
    database: DatabaseRecord | None = None
    rows_folder: str = ""

    def save(self, path: Path) -> None:
        """Writes the manifest with its own checksum and flushes it to disk."""
        body = self._to_json()
        text = json.dumps({"manifest": body, "sha256": self.sha256}, indent=1)
        replace_file(path, text)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a manifest.

        Raises:
            IndexDamaged: the file is missing, truncated or altered, a key is missing or has a value of the wrong
                type, or the format is another one.
        """
        file = JsonObject.load(path)
        body = file.child("manifest")
        if file.text("sha256") != _digest(body.fields):
            raise damaged_file(path, "the manifest does not match its own checksum")
        _check_format(path, body.count("format"))
        return cls(
            generation=body.text("generation"),
            model=read_model(body.child("model")),
            rows=body.count("rows"),
            live=body.count("live"),
            trained_on=body.count("trained_on"),
            vectors_sha256=body.texts("vectors_sha256"),
            papers_sha256=body.texts("papers_sha256"),
            files=tuple(
                FileRecord(record.text("path"), record.count("bytes"), record.text("sha256"))
                for record in body.children("files")
            ),
            database=_read_database(body.child("database")) if "database" in body.fields else None,
            rows_folder=_read_rows_folder(path, body) if "rows_folder" in body.fields else "",
        )

    @property
    def sha256(self) -> str:
        """Its checksum in hexadecimal, as in its file; it differs between any two generations of any two indexes."""
        return _digest(self._to_json())

    @staticmethod
    def read_sha256(path: Path) -> str:
        """Reads the checksum in the file of a manifest, which is not checked.

        Raises:
            IndexDamaged: the file is malformed.
        """
        return JsonObject.load(path).text("sha256")

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
            **({"database": asdict(self.database)} if self.database else {}),
            **({"rows_folder": self.rows_folder} if self.rows_folder else {}),
        }


def find_damaged_files(files: tuple[FileRecord, ...], directory: Path, *, verify_checksums: bool) -> Iterator[str]:
    """Yields one description per file that is missing or differs from its record.

    Args:
        files: the records.
        directory: the directory of the generation.
        verify_checksums: read every file and compare its checksum; otherwise only sizes are compared.
    """
    for file in files:
        path = directory / file.path
        if not path.is_file():
            yield f"{file.path} is missing"
        elif path.stat().st_size != file.bytes:
            yield f"{file.path} has {path.stat().st_size:,} bytes instead of {file.bytes:,}"
        elif verify_checksums and FileRecord.from_file(path, directory) != file:
            yield f"{file.path} does not have the checksum it was published with"


def _check_format(path: Path, found: int) -> None:
    if found == FORMAT_VERSION:
        return
    problem = f"its format is {found}, this version reads {FORMAT_VERSION}"
    if found < FORMAT_VERSION:
        raise IndexDamaged(
            path, f"{problem}; papers doctor --repair brings it up to date without embedding papers again"
        )
    raise IndexDamaged(path, f"{problem}; read it with the version of papers that wrote it")


def read_model(fields: JsonObject) -> ModelIdentity:
    """Reads the output of ``ModelIdentity.to_json``."""
    return ModelIdentity(
        name=fields.text("name"),
        weights_sha256=fields.text("weights_sha256"),
        dim=fields.count("dim"),
        max_tokens=fields.count("max_tokens"),
        pooling=fields.text("pooling"),
        normalisation=fields.text("normalisation"),
        template=fields.text("template"),
        precision=fields.text("precision"),
    )


def _read_database(fields: JsonObject) -> DatabaseRecord:
    decisions = fields.text("decisions_sha256") if "decisions_sha256" in fields.fields else ""
    return DatabaseRecord(
        fields.text("last_paper_sha256"), fields.count("keys"), fields.count("keys_checksum"), decisions
    )


def _read_rows_folder(path: Path, fields: JsonObject) -> str:
    name = fields.text("rows_folder")
    if not rows_folder_number(name):
        raise damaged_file(path, "rows_folder is not the name of a folder of rows")
    return name


def _digest(body: Mapping[str, Json]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
