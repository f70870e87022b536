"""Calls the command line in this process, which is faster than a process of its own."""

import io
import json
import os
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from search.embedding import embedder
from service.cli import main

_load_embedder = cache(embedder.load_embedder)
"""Loads each model once; it takes longer than a search."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did: its exit status, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class CommandLine:
    """The command line in this process.

    Args:
        monkeypatch: sets the arguments.
        capfd: reads what is printed.
        options: further arguments of every call.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *options: str) -> None:
        self._monkeypatch, self._capfd, self._options = monkeypatch, capfd, options

    def __call__(self, *arguments: str) -> Done:
        self._capfd.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["papers", *arguments, *self._options])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capfd.readouterr()
        status = ended.value.code
        assert isinstance(status, int)
        return Done(status, printed.out, printed.err)


def run(*arguments: str, stdin: str = "", cwd: Path | None = None, **env: str) -> Done:
    """Does what ``cli_process.run`` does in this process."""
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    with (
        redirect_stdout(stdout),
        redirect_stderr(stderr),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")),
        patch.object(sys, "argv", ["papers", *arguments]),
        patch.object(embedder, "load_embedder", _load_embedder),
        patch.dict(os.environ, {"PAPERS_INDEX": "", "COLUMNS": "100", **env}),
        chdir(cwd or Path.cwd()),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    printed = []
    for stream in (stdout, stderr):
        stream.flush()
        printed.append(stream.detach().getvalue().decode())  # type: ignore[attr-defined]
    assert isinstance(ended.value.code, int)
    return Done(ended.value.code, *printed)


def run_json(*arguments: str, **more: Any) -> dict[str, Any]:
    """Runs a command with --json and returns the object that it prints, its only output."""
    done = run(*arguments[:1], "--json", *arguments[1:], **more)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema_version"] == 1
    return dict(answer)
