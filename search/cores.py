"""Machine: what of it this process may use."""

import os

CORES_VARIABLE = "PAPERS_CORES"
"""The variable of the environment that keeps a process to fewer cores than there are."""


def available_cores() -> int:
    """Cores this process may use: those of its affinity, or fewer where PAPERS_CORES says so. More threads than that
    wait for each other: OpenMP's do so in a busy loop."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get(CORES_VARIABLE, "")
    return min(there, max(1, int(asked))) if asked.isdecimal() else there
