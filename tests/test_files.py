"""Durable files: the old content or the new one, never a part of either."""

import hashlib
import os
from pathlib import Path

import pytest

from search.files import replace_file, sha256_of


@pytest.mark.parametrize("content", ["text, ü", b"\0bytes", ""])
def test_replace_file_writes_all_of_the_content(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "file"
    for before in (None, b"something longer than the new content"):
        if before:
            path.write_bytes(before)
        replace_file(path, content)
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
        assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, "new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_the_mode_applies_from_the_start_even_over_a_leftover(tmp_path: Path) -> None:
    leftover = tmp_path / "file.new"
    leftover.write_text("left by a killed writer")
    leftover.chmod(0o666)
    replace_file(tmp_path / "file", "secret", mode=0o600)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"content").hexdigest()
