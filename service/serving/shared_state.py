"""Board: the few numbers that the parent and its workers tell each other, in memory that they share."""

import mmap
from typing import Literal

WorkerState = Literal["starting", "ready"]

_VERIFIED, _STOPPING, _GLOBAL_CELLS, _CELLS_PER_WORKER = 0, 1, 2, 2
_STARTING, _READY = 0, 1


class SharedState:
    """Shared by all processes forked after this; each number has one writer.

    Args:
        workers: how many there are.
    """

    def __init__(self, workers: int) -> None:
        self._cells = memoryview(mmap.mmap(-1, 8 * (_GLOBAL_CELLS + _CELLS_PER_WORKER * workers))).cast("q")

    @property
    def verified(self) -> bool:
        """Every checksum of the index was compared."""
        return bool(self._cells[_VERIFIED])

    def mark_verified(self) -> None:
        """Written by the parent."""
        self._cells[_VERIFIED] = 1

    @property
    def stopping(self) -> bool:
        """The server was told to stop."""
        return bool(self._cells[_STOPPING])

    def mark_stopping(self) -> None:
        """Written by the parent."""
        self._cells[_STOPPING] = 1

    def reset_worker(self, worker: int) -> None:
        """Written by the parent before it starts a worker."""
        self._cells[_GLOBAL_CELLS + _CELLS_PER_WORKER * worker] = _STARTING
        self._cells[_GLOBAL_CELLS + _CELLS_PER_WORKER * worker + 1] = 0

    def worker_state(self, worker: int) -> WorkerState:
        """Whether a worker answers questions."""
        return "ready" if self._cells[_GLOBAL_CELLS + _CELLS_PER_WORKER * worker] == _READY else "starting"

    def mark_ready(self, worker: int) -> None:
        """Written by the worker: it answers."""
        self._cells[_GLOBAL_CELLS + _CELLS_PER_WORKER * worker] = _READY

    def closed_connections(self, worker: int) -> int:
        """How many of a worker's connections have ended."""
        return self._cells[_GLOBAL_CELLS + _CELLS_PER_WORKER * worker + 1]

    def count_closed(self, worker: int) -> None:
        """Written by the worker: one more has ended."""
        self._cells[_GLOBAL_CELLS + _CELLS_PER_WORKER * worker + 1] += 1
