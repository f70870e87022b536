"""Verification: a process of its own that compares the index with its checksums once, at the start of the server."""

import logging
import multiprocessing
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection

from search.errors import PapersError

_FORK_CONTEXT = multiprocessing.get_context("fork")
_MAX_ATTEMPTS = 3
"""Processes that are started: a lack of memory can be over when the workers have loaded, but need not be."""
_log = logging.getLogger("papers")


class Verification:
    """Starts the process, and another one if something ends it before it has finished.

    Args:
        find_damage: verifies the index; returns the first problem, or an empty text.
        prepare: called first in the process.

    Attributes:
        receiver: becomes readable when the process has ended.
    """

    def __init__(self, find_damage: Callable[[], str], prepare: Callable[[], None]) -> None:
        self._find_damage, self._prepare = find_damage, prepare
        self._attempts = 0
        self.receiver = self._start()

    def finish(self) -> bool:
        """Handles the end of the process; returns False if another one was started.

        Raises:
            PapersError: the index is damaged, or no process has finished.
        """
        try:
            with closing(self.receiver):
                damage: str = self.receiver.recv()
        except (EOFError, OSError):
            self._process.join()
            reason = (
                f"the process that verifies the checksums of the index exited with status {self._process.exitcode} "
                "before it had finished; status -9 can mean that memory ran out"
            )
            if self._attempts >= _MAX_ATTEMPTS:
                raise PapersError(f"{reason}; gave up after {self._attempts} attempts") from None
            _log.error("%s; it is started again", reason)
            self.receiver = self._start()
            return False
        self._process.join()
        if damage:
            raise PapersError(damage)
        return True

    def _start(self) -> Connection:
        self._attempts += 1
        receiver, sender = _FORK_CONTEXT.Pipe(duplex=False)
        self._process = _FORK_CONTEXT.Process(target=self._run, args=(sender,), daemon=True)
        self._process.start()
        sender.close()
        return receiver

    def _run(self, sender: Connection) -> None:
        """Runs in the process."""
        self._prepare()
        sender.send(self._find_damage())
