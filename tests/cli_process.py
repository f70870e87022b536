"""Runs the console script ``papers`` in a separate process."""

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
    """Runs a command with --json and returns the object that it prints, its only output."""
    done = run(*arguments[:1], "--json", *arguments[1:], **more)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema_version"] == 1
    return dict(answer)


def run_on_terminal(*arguments: str) -> str:
    """Runs a command on a terminal and returns its output."""
    return answer_on_terminal(None, *arguments)


def answer_on_terminal(answer: str | None, *arguments: str) -> str:
    """Runs a command on a terminal and returns its output, with what is typed there.

    Args:
        answer: What is typed; None if standard input is not the terminal.
        arguments: The command.
    """
    master, slave = pty.openpty()
    stdin = subprocess.DEVNULL if answer is None else slave
    process = subprocess.Popen([PAPERS, *arguments], stdin=stdin, stdout=slave, stderr=slave)
    os.close(slave)
    os.write(master, (answer or "").encode())
    output = b""
    while True:
        try:
            output += os.read(master, 65_536)
        except OSError:  # Linux reports a closed terminal as an error
            break
    os.close(master)
    assert process.wait() == 0
    return output.decode()
