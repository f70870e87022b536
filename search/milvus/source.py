"""MilvusSource: where a searcher finds what is published in a collection."""

import time
from threading import Lock

from search.errors import IndexMissing, IndexUnavailable
from search.milvus.address import Address
from search.milvus.backend import MilvusBackend
from search.milvus.collection import Collection
from search.milvus.data import DataStore
from search.milvus.manifest import CollectionManifest
from search.milvus.schema import DATA_SUFFIX

_POLL_S = 5.0
"""Seconds after which the name of the published generation is read again."""


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
        self._client = address.connect()
        self._data = DataStore(self._client, address.collection + DATA_SUFFIX)
        self._lock = Lock()
        self._generation, self._read_at = "", float("-inf")
        if not self._client.has_collection(address.collection):
            raise IndexMissing(str(address), "there is no such collection; import an index into it")
        for name in (address.collection, address.collection + DATA_SUFFIX):
            self._client.load_collection(name)

    def published_generation(self) -> str:
        """See ``BackendSource``; another one is noticed within five seconds."""
        from pymilvus.exceptions import MilvusException

        with self._lock:
            if time.monotonic() >= self._read_at + _POLL_S:
                try:
                    self._generation = CollectionManifest.read_generation(self._data)
                except MilvusException as error:
                    raise IndexUnavailable(str(self._address), f"Milvus reports: {error.message}") from None
                self._read_at = time.monotonic()
            return self._generation

    def open(self) -> MilvusBackend:
        """See ``BackendSource``."""
        manifest = CollectionManifest.load(self._data, str(self._address))
        with self._lock:
            self._generation, self._read_at = manifest.generation, time.monotonic()
        name, dialect = self._address.collection, self._address.dialect
        return MilvusBackend(Collection(self._client, name, dialect, manifest))
