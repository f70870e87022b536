"""An index that its reader may not write answers every kind of question."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from answers import answer_all
from fake_embedder import FakeEmbedder
from indexer import doctor
from indexer.build import index
from records import make_records, write_records
from search.errors import IndexDamaged, IndexUnavailable
from search.searcher import Searcher

_OTHER_ACCOUNT = 65_534
"""The user ID of nobody."""

_WRITER = """
import sqlite3, sys
writer = sqlite3.connect(sys.argv[1], isolation_level=None)
writer.execute("INSERT INTO replaced VALUES (100000, 1)")
print("written", flush=True)
sys.stdin.read()
"""
"""Adds a row of this generation to the write-ahead log, and waits until its standard input is closed."""


def open_searcher(directory: Path) -> Searcher:
    return Searcher(directory, lambda _model: FakeEmbedder())


@contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """Takes write permission away, and for a test that runs as root becomes another account."""
    modes = {path: path.stat().st_mode for path in (directory, *directory.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    root = os.geteuid() == 0
    if root:
        os.seteuid(_OTHER_ACCOUNT)
    try:
        assert not os.access(directory, os.W_OK, effective_ids=True)
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that other accounts can enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def published(folder: Path) -> Path:
    """An index of two generations, closed by its writer."""
    for start in (0, 60):
        index([write_records(folder / "papers.jsonl", make_records(start, 60))], folder / "index", FakeEmbedder())
    return folder / "index"


@pytest.fixture(scope="module")
def answers(published: Path) -> dict[str, Any]:
    """The answers of the writable index. This also imports all modules, which another account may not be able to."""
    assert doctor.examine(published) == []
    return answer_all(open_searcher(published))


@pytest.fixture
def directory(published: Path, folder: Path) -> Iterator[Path]:
    """A copy of the index that a test may change."""
    copy = folder / "copy"
    shutil.copytree(published, copy)
    yield copy
    shutil.rmtree(copy)


@pytest.fixture
def directory_in_use(folder: Path) -> Iterator[Path]:
    """A copy whose last published rows are only in the write-ahead log, because a reader kept an older state."""
    original, copy = folder / "original", folder / "in-use"
    index([write_records(folder / "papers.jsonl", make_records(0, 60))], original, FakeEmbedder())
    with closing(sqlite3.connect(original / "papers.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM papers").fetchone()
        index([write_records(folder / "papers.jsonl", make_records(60, 60))], original, FakeEmbedder())
        shutil.copytree(original, copy)
    assert (copy / "papers.sqlite-wal").stat().st_size
    yield copy
    shutil.rmtree(original)
    shutil.rmtree(copy)


def without_times(answers: dict[str, Any]) -> str:
    """Returns answers as text without the times at which their papers were added, which two indexes do not share."""
    return re.sub(r'"added": "[^"]*"', "", json.dumps(answers))


def test_every_question_is_answered(directory: Path, answers: dict[str, Any]) -> None:
    before = sorted(directory.rglob("*"))
    with read_only(directory):
        assert answer_all(open_searcher(directory)) == answers
        assert doctor.examine(directory) == []
    assert sorted(directory.rglob("*")) == before


def test_rows_in_the_write_ahead_log_are_found(directory_in_use: Path, answers: dict[str, Any]) -> None:
    with read_only(directory_in_use):
        assert without_times(answer_all(open_searcher(directory_in_use))) == without_times(answers)
        assert doctor.examine(directory_in_use) == []


@pytest.mark.parametrize("lost", [("-shm",), ("-shm", "-wal")], ids=["unreadable log", "no log"])
def test_rows_that_are_missing_are_reported(
    directory_in_use: Path,
    answers: dict[str, Any],  # noqa: ARG001  imports all modules
    lost: tuple[str, ...],
) -> None:
    for suffix in lost:
        (directory_in_use / f"papers.sqlite{suffix}").unlink()
    message = r"papers\.sqlite has 60 of the 120 papers that were published.*papers\.sqlite-wal"
    with read_only(directory_in_use):
        with pytest.raises(IndexDamaged, match=message):
            open_searcher(directory_in_use).paper("2000.00007")
        assert "60 of the 120 papers" in " ".join(doctor.examine(directory_in_use))


def test_a_log_that_appears_later_is_read(directory: Path, answers: dict[str, Any]) -> None:
    with read_only(directory):
        searcher = open_searcher(directory)
        paper = searcher.paper("2000.00007")
    command = [sys.executable, "-c", _WRITER, str(directory / "papers.sqlite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "written\n"
        with read_only(directory):
            assert searcher.paper("2000.00007") == paper
            assert searcher.snapshot.store.replaced_rows() == [100_000]
            assert answer_all(searcher) == answers
        writer.communicate("")


def test_a_file_without_read_permission_is_named(directory: Path, answers: dict[str, Any]) -> None:  # noqa: ARG001
    lists = directory / "gen-000002" / "lexicon" / "meta.json"
    lists.chmod(0o200)
    with read_only(directory), pytest.raises(IndexUnavailable, match=r"no permission to read .*meta\.json; .*chmod"):
        open_searcher(directory).ask("galaxy")


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_files_are_published_with_the_modes_of_the_umask(tmp_path: Path, umask: int) -> None:
    previous = os.umask(umask)
    try:
        for start in (0, 10):
            index([write_records(tmp_path / "papers.jsonl", make_records(start, 10))], tmp_path / "i", FakeEmbedder())
    finally:
        os.umask(previous)
    files = [path for path in (tmp_path / "i").rglob("*") if path.is_file() and path.name != "WRITER"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o666 & ~umask}
