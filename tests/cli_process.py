"""Runs the console script ``papers`` in a process of its own."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

PAPERS = Path(sys.executable).with_name("papers")


def run(*arguments: str, stdin: str = "", cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PAPERS, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PAPERS_INDEX": "", "COLUMNS": "100", **env},
    )


def run_json(*arguments: str, **more: Any) -> dict[str, Any]:
    """The JSON object that a command prints, and nothing beside it."""
    done = run(*arguments[:1], "--json", *arguments[1:], **more)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema_version"] == 1
    return dict(answer)


def run_on_terminal(*arguments: str) -> str:
    """What a command writes on a terminal."""
    master, slave = pty.openpty()
    child = subprocess.Popen([PAPERS, *arguments], stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += os.read(master, 65_536)
        except OSError:  # how Linux says that the other side is closed
            break
    os.close(master)
    assert child.wait() == 0
    return shown.decode()
