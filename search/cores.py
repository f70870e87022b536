"""The CPU cores that this process may use."""

import os

CORES_VARIABLE = "PAPERS_CORES"
"""Environment variable that limits the number of cores."""


def available_cores() -> int:
    """Returns the number of cores in the CPU affinity of the process, or PAPERS_CORES if that is less.

    More threads than cores wait for each other; OpenMP threads wait in a busy loop.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get(CORES_VARIABLE, "")
    return min(available, max(1, int(limit))) if limit.isdecimal() else available
