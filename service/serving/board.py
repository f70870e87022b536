"""Board: the few numbers that the parent and its workers tell each other, in memory that they share."""

import mmap
from typing import Literal

State = Literal["starting", "ready"]

_VERIFIED, _STOPPING, _OWN, _EACH = 0, 1, 2, 2
_STARTING, _READY = 0, 1


class Board:
    """Shared by all processes forked after this; each number has one writer.

    Args:
        workers: how many there are.
    """

    def __init__(self, workers: int) -> None:
        self._cells = memoryview(mmap.mmap(-1, 8 * (_OWN + _EACH * workers))).cast("q")

    @property
    def verified(self) -> bool:
        """Every checksum of the index was compared."""
        return bool(self._cells[_VERIFIED])

    def verify(self) -> None:
        """Written by the parent."""
        self._cells[_VERIFIED] = 1

    @property
    def stopping(self) -> bool:
        """The server was told to stop."""
        return bool(self._cells[_STOPPING])

    def stop(self) -> None:
        """Written by the parent."""
        self._cells[_STOPPING] = 1

    def begin(self, worker: int) -> None:
        """Written by the parent before it starts a worker."""
        self._cells[_OWN + _EACH * worker] = _STARTING
        self._cells[_OWN + _EACH * worker + 1] = 0

    def state(self, worker: int) -> State:
        """Whether a worker answers questions."""
        return "ready" if self._cells[_OWN + _EACH * worker] == _READY else "starting"

    def ready(self, worker: int) -> None:
        """Written by the worker: it answers."""
        self._cells[_OWN + _EACH * worker] = _READY

    def closed(self, worker: int) -> int:
        """How many of a worker's connections have ended."""
        return self._cells[_OWN + _EACH * worker + 1]

    def close(self, worker: int) -> None:
        """Written by the worker: one more has ended."""
        self._cells[_OWN + _EACH * worker + 1] += 1
