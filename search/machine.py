"""Machine: what of it this process may use."""

import os


def cores() -> int:
    """Cores this process may use. More threads than that wait for each other: OpenMP's do so in a busy loop."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
