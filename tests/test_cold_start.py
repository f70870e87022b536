"""A command starts without the modules that it does not need, and does not read files whose checksum it knows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from search import known_checksums
from search.known_checksums import KnownChecksums

NOT_FOR_STATUS = {"numpy", "tantivy", "faiss", "lark", "search.query.page"}
NOT_FOR_SEARCH = {"pydantic", "fastapi", "starlette", "uvicorn", "httpx", "httpx2", "openvino", "torch", "textual"}


def test_commands_start_without_modules_they_do_not_need(sample_index: Path) -> None:
    script = f"""
import sys
from service.cli import papers

def run(*arguments):
    papers.main([*arguments, "--index", {str(sample_index)!r}], standalone_mode=False)
    return set(sys.modules)

assert not run("status") & {NOT_FOR_STATUS!r}
assert not run("search", "kv cache", "-n", "1") & {NOT_FOR_SEARCH!r}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose checksum is known."""
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(known_checksums, "_MIN_QUIET_S", -1.0)  # its times are those of now
    path = tmp_path / "large"
    path.write_bytes(bytes(1 << 18))
    _read(path)
    return path


def _read(path: Path) -> str:
    checksums = KnownChecksums.load()
    sha256 = checksums.compute(path)
    checksums.save()
    return sha256


def test_a_checksum_is_known_until_its_file_is_written(file: Path) -> None:
    sha256, before = _read(file), file.stat()
    assert KnownChecksums.load().knows(file, sha256)
    assert not KnownChecksums.load().knows(file, "0" * 64)
    with file.open("r+b") as opened:
        opened.write(b"1")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not KnownChecksums.load().knows(file, sha256)


def test_a_checksum_is_unknown_of_a_file_put_in_its_place(file: Path) -> None:
    sha256, before = _read(file), file.stat()
    other = file.with_name("other")
    other.write_bytes(file.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert not KnownChecksums.load().knows(file, sha256)
    file.unlink()
    assert not KnownChecksums.load().knows(file, sha256)


def test_a_checksum_is_unknown_a_day_later(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = _read(file)
    monkeypatch.setattr(known_checksums, "_MAX_AGE_S", 0.0)
    assert not KnownChecksums.load().knows(file, sha256)


def test_a_file_that_was_just_written_is_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_checksums, "_MIN_QUIET_S", 60.0)
    file.write_bytes(bytes(2 << 18))
    assert not KnownChecksums.load().knows(file, _read(file))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"1:2": 3}', '{"1:2": [["x"], "0", 1]}', "null"])
def test_malformed_checksums_are_unknown(file: Path, content: str) -> None:
    (file.parent / "cache" / "checksums.json").write_text(content)
    assert KnownChecksums.load().known == {}


def test_checksums_that_others_can_write_are_unknown(file: Path) -> None:
    (file.parent / "cache" / "checksums.json").chmod(0o666)
    assert KnownChecksums.load().known == {}
