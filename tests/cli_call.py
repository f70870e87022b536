"""Calls the command line in this process, which is faster than a process of its own."""

import sys
from dataclasses import dataclass

import pytest

from service.cli import main


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
