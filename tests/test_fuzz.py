"""Random inputs for what reads the texts of strangers: a sample of ``benchmarks.fuzz``, and its command."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import fuzz
from benchmarks.fuzz_targets import TARGETS, Target

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["query", "cursor"])
@given(st.integers(0, 2**32))
@settings(max_examples=3)
def test_random_inputs_are_answered_or_refused(name: str, seed: int) -> None:
    target = TARGETS[name]
    with target.open() as read:
        report = fuzz(read, target, inputs=150, seed=seed)
    assert (report.inputs, report.crashes) == (150, {})


def test_random_request_heads_are_answered_or_refused() -> None:
    with TARGETS["http-head"].open() as read:
        report = fuzz(read, TARGETS["http-head"], inputs=300)
    assert (report.inputs, report.crashes) == (300, {})


def test_crashes_hangs_and_memory_are_reported() -> None:
    bytearray(700 * 2**20)  # an earlier peak of the process, which must not hide what the target takes
    kept = []

    def read(data: bytes) -> None:
        if b"b" in data:
            raise KeyError("b")
        if b"c" in data and not kept:
            kept.append(bytearray(600 * 2**20))  # zeros, which take over a second of CPU time with the sum
            sum(range(60_000_000))

    report = fuzz(read, Target(contextmanager(lambda: iter([read])), (b"a", b"b", b"c")), inputs=300)
    assert report.crashes
    assert report.hangs
    assert report.memory_mib > 512
    assert not report.is_clean


def test_the_command_prints_counts_per_target() -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz", "cursor", "query", "--inputs", "50"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert {name: report["inputs"] for name, report in json.loads(done.stdout).items()} == {"cursor": 50, "query": 50}
