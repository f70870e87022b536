"""Runs a function in a child process that can be killed at a chosen change of its files."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["indexer.backup", "fake_embedder", "harvest.kills", "search.index.lexicon", "search.vectors.vectors"]
)
_CHANGES = ("open", "os.rename", "os.mkdir", "os.remove", "os.truncate", "os.link", "sqlite3.connect")
"""Audit events before which the process can be killed; each is raised before the call that it names."""
KILLED = 9
"""Exit status of a killed child."""


def run_and_kill(function: Callable[..., object], *arguments: Any, after: int | None = None) -> int:
    """Calls a function in a child process, and kills the process after a number of file events.

    Args:
        function: A function of a module.
        arguments: Its arguments.
        after: Events before the kill; None for no kill.

    Returns:
        The exit status: 0 if the function returned before that many events.
    """
    process = _CONTEXT.Process(target=_run, args=(function, arguments, after))
    process.start()
    process.join()
    code = process.exitcode
    process.close()
    assert code in (0, KILLED), code
    return code


def _run(function: Callable[..., object], arguments: tuple[Any, ...], after: int | None) -> None:
    if after is not None:
        left = after

        def count_down(event: str, _arguments: tuple[Any, ...]) -> None:
            nonlocal left
            if event in _CHANGES:
                left -= 1
                if left < 0:
                    os._exit(KILLED)

        sys.addaudithook(count_down)
    function(*arguments)
