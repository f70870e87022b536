"""Archive: a folder with the papers, vectors and decisions of an index, which any backend can write and read.

``docs/archive.md`` describes the files. All of them are in formats that other programs read: JSON lines (RFC 8259, one
object per line) compressed with Zstandard (RFC 8878), and arrays in NumPy's format (NEP 1).
"""

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO

import numpy as np
import orjson
import zstandard

from indexer.batch import LENGTH_TOLERANCE
from indexer.folders_aside import empty_folder
from indexer.moving.paper import ArchiveDamaged, Batch, Header, ParsedBatch, ParsedPaper, Table, Value
from indexer.sources.decompression import decompress
from search.errors import IndexDamaged, IndexMissing
from search.files import fsync, replace_file, sha256_of, sha256_of_bytes
from search.index.json_object import JsonObject
from search.index.layout import FileRecord, read_model
from search.papers.json import Json

FORMAT_VERSION = 1
"""Increases with every change that earlier versions cannot read."""
_MANIFEST = "archive.json"
"""The file that lists all others with their checksums, written last."""
_STARTED = "started.json"
"""The header of an archive that is being written."""
_TABLE_SUFFIX = ".table.jsonl.zst"
"""Ends the name of the file of a table."""
_COPY_AGAIN = "copy the archive again, or export the index again"
"""What to do about a damaged archive."""
_OTHER_CHECKSUM = "does not have the checksum it was written with"
"""What is wrong with a file whose content has changed."""


def papers_file(number: int) -> str:
    """Returns the name of the file with the papers of a batch, from 0."""
    return f"papers-{number:06}.jsonl.zst"


def vectors_file(number: int) -> str:
    """Returns the name of the file with the vectors of a batch."""
    return f"vectors-{number:06}.npy"


class ArchiveWriter:
    """Writes an archive into a folder; continues one of the same generation that was begun there.

    Args:
        folder: A folder that ``written_aside`` provided.
        header: What is exported.

    Attributes:
        written: The batches that are complete on disk.
    """

    def __init__(self, folder: Path, header: Header) -> None:
        self._folder, self._header = folder, header
        started = json.dumps(_header_to_json(header))
        if not (folder / _STARTED).is_file() or (folder / _STARTED).read_text("utf-8") != started:
            empty_folder(folder)  # of another generation
            replace_file(folder / _STARTED, started)
        numbers = range(header.batches)
        self.written = next((each for each in numbers if not (folder / papers_file(each)).is_file()), header.batches)
        self._records = [FileRecord.from_file(folder / name, folder) for name in self._batch_files(self.written)]

    def write(self, batch: Batch) -> None:
        """Writes the next batch, which is complete on disk afterwards."""
        vectors = io.BytesIO()
        np.lib.format.write_array(vectors, np.ascontiguousarray(batch.vectors, np.float16), allow_pickle=False)
        lines = b"".join(paper.to_line() for paper in batch.papers)
        self._save(vectors_file(self.written), vectors.getvalue())
        self._save(papers_file(self.written), zstandard.compress(lines))  # last: its name says that both are complete
        self.written += 1

    def write_table(self, table: Table) -> None:
        """Writes a table."""
        path = self._folder / f"{table.name}{_TABLE_SUFFIX}"
        with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as stream:
            stream.write(orjson.dumps(table.columns) + b"\n")
            for row in table.rows:
                stream.write(orjson.dumps(tuple(row)) + b"\n")
        fsync(path)
        self._records.append(FileRecord.from_file(path, self._folder))

    def finish(self) -> None:
        """Writes the list of all files, after which the archive is complete."""
        body = {"format": FORMAT_VERSION, **_header_to_json(self._header), "files": [*map(asdict, self._records)]}
        replace_file(self._folder / _MANIFEST, json.dumps({"archive": body, "sha256": _digest(body)}, indent=1))
        (self._folder / _STARTED).unlink()
        fsync(self._folder)

    def _save(self, name: str, content: bytes) -> None:
        replace_file(self._folder / name, content)
        self._records.append(FileRecord(name, len(content), sha256_of_bytes(content)))

    @staticmethod
    def _batch_files(batches: int) -> Iterator[str]:
        for number in range(batches):
            yield from (vectors_file(number), papers_file(number))


class Archive:
    """Reads an archive; every file is compared with its checksum before anything of it is used.

    Args:
        folder: The archive.

    Attributes:
        folder: The archive.
        header: What was exported.

    Raises:
        IndexMissing: There is no archive.
        ArchiveDamaged: The list of its files cannot be read, or files are missing or have another size.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / _MANIFEST
        if not path.exists():
            hint = "there is no archive here; create one with: papers export-index ARCHIVE"
            raise IndexMissing(folder, hint)
        try:
            body = _load_manifest(path)
            self.header = _read_header(body)
            records = [
                FileRecord(each.text("path"), each.count("bytes"), each.text("sha256"))
                for each in body.children("files")
            ]
        except IndexDamaged as error:
            raise ArchiveDamaged(path, f"it cannot be read; {_COPY_AGAIN}") from error
        self._records = {record.path: record for record in records if Path(record.path).name == record.path}
        expected = [name for each in range(self.header.batches) for name in (papers_file(each), vectors_file(each))]
        for name in (*expected, *self._records):
            self._check_size(name)

    @property
    def tables(self) -> list[str]:
        """The names of its tables."""
        return [name.removesuffix(_TABLE_SUFFIX) for name in self._records if name.endswith(_TABLE_SUFFIX)]

    def read_batch(self, number: int) -> ParsedBatch:
        """Reads a batch, from 0.

        Raises:
            ArchiveDamaged: A file of it is damaged.
        """
        count, dim = self.header.batch_size(number), self.header.model.dim
        name = vectors_file(number)
        try:
            vectors = np.asarray(np.lib.format.read_array(self._read(name), allow_pickle=False))
        except ValueError as error:
            raise self._damaged(name, f"is not an array ({error})") from None
        if vectors.shape != (count, dim) or vectors.dtype != np.float16:
            found = f"{vectors.shape} {vectors.dtype}"
            raise self._damaged(name, f"has vectors of the shape {found} instead of ({count}, {dim}) float16")
        lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)
        if not np.all(np.abs(lengths - 1) < LENGTH_TOLERANCE):  # false for NaN
            raise self._damaged(name, "has vectors whose length is not 1")
        name = papers_file(number)
        try:
            papers = [ParsedPaper.from_line(line) for line in self._lines(name, self._read(name))]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(name, f"has a line that is not a paper ({error})") from None
        if len(papers) != count:
            raise self._damaged(name, f"has {len(papers):,} papers instead of {count:,}")
        return ParsedBatch(papers, vectors)

    def read_table(self, name: str) -> Table:
        """Reads a table; its rows are read while they are iterated over.

        Raises:
            ArchiveDamaged: Its file is damaged; also while the rows are read.
        """
        file = f"{name}{_TABLE_SUFFIX}"
        if sha256_of(self.folder / file) != self._records[file].sha256:
            raise self._damaged(file, _OTHER_CHECKSUM)
        values = self._read_rows(file)
        return Table(name, tuple(map(str, next(values, ()))), values)

    def unknown_table(self, name: str) -> ArchiveDamaged:
        """Returns the error for a table that an index does not have."""
        return self._damaged(f"{name}{_TABLE_SUFFIX}", "is a table that this version does not know")

    def _read_rows(self, name: str) -> Iterator[list[Value]]:
        with (self.folder / name).open("rb") as file:
            columns = 0
            for line in self._lines(name, file):
                try:
                    row = orjson.loads(line)
                except ValueError as error:
                    raise self._damaged(name, f"is not a table ({error})") from None
                if not isinstance(row, list) or len(row) != (columns or len(row)) or not all(map(_is_value, row)):
                    raise self._damaged(name, "has a row that is not a list of as many values as columns")
                columns = len(row)
                yield row

    def _lines(self, name: str, file: IO[bytes]) -> Iterator[bytes]:
        """Yields the lines of a compressed file, within the limits of files that are imported."""
        try:
            yield from decompress(file)
        except (ValueError, EOFError, zstandard.ZstdError) as error:
            raise self._damaged(name, f"cannot be decompressed ({error})") from None

    def _read(self, name: str) -> IO[bytes]:
        """Reads a file into memory and compares it with its checksum."""
        content = (self.folder / name).read_bytes()
        if sha256_of_bytes(content) != self._records[name].sha256:
            raise self._damaged(name, _OTHER_CHECKSUM)
        return io.BytesIO(content)

    def _check_size(self, name: str) -> None:
        path, record = self.folder / name, self._records.get(name)
        if record is None or not path.is_file():
            raise self._damaged(name, "is missing")
        if path.stat().st_size != record.bytes:
            raise self._damaged(name, f"has {path.stat().st_size:,} bytes instead of {record.bytes:,}")

    def _damaged(self, name: str, problem: str) -> ArchiveDamaged:
        return ArchiveDamaged(self.folder, f"{name} {problem}; {_COPY_AGAIN}")


def _is_value(value: object) -> bool:
    """Whether a table may have a value: null, a text, or a whole number of 64 bits."""
    return value is None or isinstance(value, str) or (type(value) is int and -(2**63) <= value < 2**63)


def _load_manifest(path: Path) -> JsonObject:
    """Loads the list of files.

    Raises:
        IndexDamaged: It cannot be read, or does not have its own checksum.
        ArchiveDamaged: A later version has written it.
    """
    file = JsonObject.load(path)
    body = file.child("archive")
    if file.text("sha256") != _digest(body.fields):
        raise IndexDamaged(path, "it does not have its own checksum")
    if body.count("format") != FORMAT_VERSION:
        found = body.count("format")
        problem = f"its format is {found}, this version reads {FORMAT_VERSION}"
        raise ArchiveDamaged(path, f"{problem}; import it with the version of papers that wrote it, or a later one")
    return body


def _header_to_json(header: Header) -> dict[str, Json]:
    return {
        "source": header.source,
        "generation": header.generation,
        "model": header.model.to_json(),
        "papers": header.papers,
        "batch_papers": header.batch_papers,
        "newest_added": header.newest_added,
        "calibration": dict(header.calibration) if header.calibration else None,
    }


def _read_header(body: JsonObject) -> Header:
    calibration = body.child("calibration").fields if body.fields.get("calibration") else None
    if not body.count("batch_papers"):
        raise IndexDamaged(body.path, "its batches have no papers")
    return Header(
        body.text("source"),
        body.text("generation"),
        read_model(body.child("model")),
        body.count("papers"),
        body.count("newest_added"),
        calibration,
        body.count("batch_papers"),
    )


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
