"""A sample of the file operations of every command fails, or kills the process; ``make faults`` fails each of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults import preload
from sample import ROOT

_SAMPLE = 211
"""One operation in this number fails."""


@pytest.mark.skipif(not shutil.which("cc") or sys.platform != "linux", reason="needs Linux and a C compiler")
def test_no_failing_file_operation_loses_or_changes_a_paper(tmp_path: Path) -> None:
    command = preload(["--every", str(_SAMPLE)], tmp_path)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    figures = json.loads(done.stdout)
    assert figures["failures"] == []
    assert figures["injections"] >= 25
    assert {name for name, counts in figures["scenarios"].items() if counts["injections"]} == {
        "import",
        "first import",
        "repair",
        "reindex",
        "remove",
        "compact",
        "open",
        "doctor",
    }
    assert done.returncode == 0, done.stderr
