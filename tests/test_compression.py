"""Compressed source files: all frames are read, and a truncated file is reported and not imported silently."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import zstandard

from indexer import sources
from indexer.sources.file import SourceFile
from search.errors import SourceError

LINES = [f'{{"id": "2401.{number:05}", "title": "Paper {number * 7919}"}}\n' for number in range(3_000)]
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
    "bz2": bz2.compress,
}


@pytest.mark.parametrize("extension", COMPRESSORS)
def test_all_frames_of_a_file_are_read(tmp_path: Path, extension: str) -> None:
    compress = COMPRESSORS[extension]
    path = tmp_path / f"papers.jsonl.{extension}"
    path.write_bytes(
        b"".join(compress("".join(lines).encode()) for lines in (LINES[:1], LINES[1:1_000], LINES[1_000:]))
    )
    file = SourceFile(path, date.today())
    assert [line for _, line in file.lines()] == LINES
    assert file.head() == "".join(LINES)[:65_536]


@pytest.mark.parametrize("extension", COMPRESSORS)
@pytest.mark.parametrize("missing", [1, 3, 1_000])
def test_a_truncated_file_is_reported(tmp_path: Path, extension: str, missing: int) -> None:
    path = tmp_path / f"papers.jsonl.{extension}"
    path.write_bytes(COMPRESSORS[extension]("".join(LINES).encode())[:-missing])
    records = list(sources.read(SourceFile(path, date.today(), "jsonl")))
    (error,) = [record for record in records if isinstance(record, SourceError)]
    assert error is records[-1]
    assert "cannot be read to its end" in error.reason


def test_data_after_a_zstandard_frame_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl.zst"
    path.write_bytes(zstandard.compress(LINES[0].encode()) + b"no frame")
    *_, error = sources.read(SourceFile(path, date.today(), "jsonl"))
    assert isinstance(error, SourceError)
