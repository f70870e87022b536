"""MilvusSource: where a searcher finds what is published in a collection."""

import time
from threading import Lock

from search.errors import IndexUnavailable
from search.milvus.address import Address
from search.milvus.backend import MilvusBackend
from search.milvus.collection import Collection
from search.milvus.data import DataStore
from search.milvus.manifest import CollectionManifest
from search.milvus.requests import RequestTuning
from search.milvus.schema import DATA_SUFFIX, load_collections

_POLL_S = 5.0
"""Seconds after which the name of the published generation is read again."""
_RETRY_S = 1.0
"""Seconds after which it is, if it could not be read."""
_POLL_TIMEOUT_S = 3.0
"""Seconds in which a server has to tell the name: the question that reads it waits for it."""


class MilvusSource:
    """The index in a collection (``search.index.backend.BackendSource``).

    Args:
        address: where it is.

    Raises:
        IndexUnavailable: it cannot be connected to.
        IndexMissing: there is no such collection.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._requests = address.connect(RequestTuning(address.dialect.timeout_s))
        self._data = DataStore(self._requests, address.collection + DATA_SUFFIX)
        polls = self._requests.within(_POLL_TIMEOUT_S) if address.host else self._requests
        self._polled = DataStore(polls, address.collection + DATA_SUFFIX)
        self._lock = Lock()
        self._generation, self._read_next = "", 0.0
        self._error: IndexUnavailable | None = None
        load_collections(self._requests, address.collection, str(address))

    def published_generation(self) -> str:
        """See ``BackendSource``; another one is noticed within five seconds, and so is that it cannot be read.

        One thread reads it; the others get what was read last.
        """
        if time.monotonic() >= self._read_next and self._lock.acquire(blocking=False):
            try:
                self._generation, self._error = CollectionManifest.read_generation(self._polled), None
            except IndexUnavailable as error:
                self._error = error
            finally:
                self._read_next = time.monotonic() + (_RETRY_S if self._error else _POLL_S)
                self._lock.release()
        if failure := self._error:
            raise failure.with_traceback(None)
        return self._generation

    def open(self) -> MilvusBackend:
        """See ``BackendSource``."""
        manifest = CollectionManifest.load(self._data, str(self._address))
        self._generation, self._error = manifest.generation, None
        self._read_next = time.monotonic() + _POLL_S
        name, dialect = self._address.collection, self._address.dialect
        return MilvusBackend(Collection(self._requests, name, dialect, manifest))
