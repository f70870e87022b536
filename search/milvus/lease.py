"""WriterLease: keeps a second writer from a collection while the first one is at work.

Milvus has no locks. A lease is a datum that names its owner and the time of its last renewal. Two writers that begin in
the same moment may both believe that they own it; the one whose datum was replaced notices it with its next renewal,
before it writes into the collection (Gray and Cheriton, "Leases", SOSP 1989).
"""

import os
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from search.errors import IndexBusy, IndexUnavailable
from search.milvus.data import DataStore

_NAME = "writer"
"""Name of the datum."""
_EXPIRES_S = 900
"""Seconds without a renewal after which another writer takes over; a slow machine embeds a batch in a few minutes."""

_RENEWED_AFTER_S = 60
"""Seconds after which a writer that writes nothing renews it."""

_own_leases = set[str]()
"""The IDs of the leases that this process has not given up."""


class WriterLease:
    """The right to write a collection.

    Args:
        data: the data of the collection.
        address: of the collection, for messages.

    Raises:
        IndexBusy: another process has it.
    """

    def __init__(self, data: DataStore, address: str) -> None:
        self._data, self._address, self._id = data, address, uuid4().hex
        known = self._read()
        if known and not _is_expired(known):
            owner = f"process {known['process']} on {known['host']}"
            since = datetime.fromtimestamp(known["renewed"], UTC).isoformat(" ", "seconds")
            problem = (
                f"{owner} is writing it, last at {since}; wait until it has finished. If it has ended, try again in "
                f"{_EXPIRES_S // 60} minutes"
            )
            raise IndexBusy(address, problem)
        self._write()
        _own_leases.add(self._id)

    def renew(self) -> None:
        """Extends the lease.

        Raises:
            IndexBusy: another process has taken it over.
        """
        known = self._read()
        if not known or known["id"] != self._id:
            raise IndexBusy(self._address, "another process has begun to write it; wait until it has finished")
        self._write()

    def keep(self) -> None:
        """Extends the lease if that was not done for a minute.

        Raises:
            IndexBusy: another process has taken it over.
        """
        if time.monotonic() > self._renewed + _RENEWED_AFTER_S:
            self.renew()

    def end(self) -> None:
        """Gives up the lease, unless another process has taken it over. If Milvus does not answer, it expires."""
        _own_leases.discard(self._id)
        with suppress(IndexUnavailable):
            known = self._read()
            if known and known["id"] == self._id:
                self._data.delete([_NAME])

    def _read(self) -> dict[str, Any] | None:
        found = self._data.get([_NAME])
        return orjson.loads(found[_NAME]) if found else None

    def _write(self) -> None:
        self._renewed = time.monotonic()
        owner = {"id": self._id, "host": socket.gethostname(), "process": os.getpid(), "renewed": int(time.time())}
        self._data.put({_NAME: orjson.dumps(owner)})


def _is_expired(lease: dict[str, Any]) -> bool:
    """Whether a lease was not renewed in time, or its owner on this machine has ended without giving it up."""
    if lease["renewed"] + _EXPIRES_S < time.time():
        return True
    if lease["host"] != socket.gethostname():
        return False
    if lease["process"] == os.getpid():
        return lease["id"] not in _own_leases
    try:
        os.kill(lease["process"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
