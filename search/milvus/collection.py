"""Collection: reads one publication of a collection. Every call of a method that reads papers is one request.

Requests that run at the same time are one round trip.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache, cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.milvus.author_buckets import AuthorData, unpack_names
from search.milvus.batches import Batch, read_replaced
from search.milvus.buckets import BucketReader
from search.milvus.counts import Counts, first_name_key, unpack
from search.milvus.data import DataStore
from search.milvus.entities import FetchedPaper
from search.milvus.keys import all_of
from search.milvus.manifest import CollectionManifest
from search.milvus.requests import Requests, RequestTuning
from search.milvus.schema import DATA_SUFFIX, FETCHED, ORDERS, Dialect
from search.papers.names import Name

if TYPE_CHECKING:
    from pymilvus import MilvusClient

MAX_RESULTS = 16_384
"""Papers that Milvus returns at most at once."""
_MAX_EXCLUDED = 20_000
"""Papers that expressions exclude by row, 160 kB with each request."""
_CACHED_COUNTS = 1_000
"""Filters whose number of papers is cached."""


class Found:
    """Papers that a search returned, best first.

    Attributes:
        papers: the papers.
        scores: (n,) float32, as Milvus computed them.
    """

    def __init__(self, papers: list[FetchedPaper], scores: NDArray[np.float32]) -> None:
        self.papers, self.scores = papers, scores


class Collection:
    """Reads one publication; safe to use from several threads.

    Papers that the publication has replaced but not yet deleted are left out, unless they are very many.

    Args:
        client: the connection, or its requests.
        name: name of the collection of papers.
        dialect: what the server understands.
        manifest: the publication.

    Attributes:
        name: address of the collection, for messages.
    """

    def __init__(
        self, client: "MilvusClient | Requests", name: str, dialect: Dialect, manifest: CollectionManifest
    ) -> None:
        is_sent = isinstance(client, Requests)
        self._requests = client if is_sent else Requests(client, name, RequestTuning(dialect.timeout_s))
        self._name, self.name = name, self._requests.name
        self.dialect, self.manifest = dialect, manifest
        data = DataStore(self._requests, name + DATA_SUFFIX)
        replaced = read_replaced(data, Batch.parse(manifest.applied))
        without = f"row not in [{', '.join(map(str, replaced))}]" if 0 < len(replaced) <= _MAX_EXCLUDED else ""
        self._published = all_of((f"row < {manifest.rows}", without))
        self._buckets = BucketReader(data, {"counts": unpack, "authors": unpack_names})
        self._lock = Lock()
        self._known_counts: dict[str, int] = {}
        self._overlapping = 0

    @property
    def requests(self) -> int:
        """Number of requests so far."""
        return self._requests.count

    @property
    def round_trips(self) -> int:
        """Number of times so far that a question has waited for requests: those that run together count once."""
        return self._requests.count - self._overlapping

    def run_together(self, requests: Sequence[Callable[[], None]]) -> None:
        """Sends requests at the same time and waits for all of them.

        Raises:
            IndexUnavailable: one of them failed.
        """
        others = [_pool().submit(copy_context().run, request) for request in requests[1:]]
        with self._lock:
            self._overlapping += len(others)
        for request in requests[:1]:
            request()
        for other in others:
            other.result()

    @contextmanager
    def counting(self, expression: str) -> Iterator[None]:
        """Counts the papers that meet an expression at the same time as the request in the context.

        If that fails, the count is not known afterwards.
        """
        if not expression or expression in self._known_counts:
            yield
            return
        count = _pool().submit(copy_context().run, self.request_count, expression)
        with self._lock:
            self._overlapping += 1
        try:
            yield
        finally:
            count.exception()

    @cached_property
    def counts(self) -> Counts:
        """The document frequencies."""
        return Counts(self._buckets, [each.counts for each in self.manifest.segments])

    @cached_property
    def authors(self) -> AuthorData:
        """The names of authors."""
        return AuthorData(self._buckets, [each.authors for each in self.manifest.segments])

    def read_data(self, keys: Iterable[int] = (), names: Iterable[Name] = ()) -> None:
        """Reads counts, and all names of authors with some surnames, at once, unless they were read before.

        Args:
            keys: of the counts.
            names: their surnames, and the counts of their first given names, are read.
        """
        wanted = list(names)
        first_names = [first_name_key(name.given[0]) for name in wanted if name.given]
        counts = self.counts.names_of([*keys, *first_names])
        names_read = self.authors.names_of({name.surname for name in wanted})
        self._buckets.get([*counts, *names_read], also=self.authors.read_along)

    def count(self, expression: str) -> int:
        """Returns the number of papers that meet an expression, which is exact; of a known one without a request."""
        if not expression:
            return self.manifest.papers
        known = self._known_counts.get(expression)
        return self.request_count(expression) if known is None else known

    def request_count(self, expression: str) -> int:
        """Returns the number of papers that meet an expression."""
        found = self._requests.query(self._name, filter=self._restrict(expression), output_fields=["count(*)"])
        papers = int(found[0]["count(*)"])
        self.note_count(expression, papers)
        return papers

    def note_count(self, expression: str, papers: int) -> None:
        """Notes the number of papers that meet an expression, which a search has found."""
        with self._lock:
            if len(self._known_counts) >= _CACHED_COUNTS:
                self._known_counts.clear()
            self._known_counts[expression] = papers

    def get(self, rows: Sequence[int]) -> list[FetchedPaper]:
        """Returns those papers of some primary keys that there are."""
        found = self._requests.get(self._name, ids=list(rows), output_fields=list(FETCHED))
        return sorted(map(FetchedPaper.of, found), key=lambda paper: paper.row)

    def find(self, expression: str, limit: int = MAX_RESULTS) -> list[FetchedPaper]:
        """Returns papers that meet an expression, those with the lowest primary keys first; of too many, any."""
        found = self.values(expression, FETCHED, limit)
        return sorted(map(FetchedPaper.of, found), key=lambda paper: paper.row)

    def values(self, expression: str, fields: Sequence[str], limit: int = MAX_RESULTS) -> Sequence[Mapping[str, Any]]:
        """Returns some fields of the papers that meet an expression, in any order."""
        restricted = self._restrict(expression)
        found: Sequence[Mapping[str, Any]] = self._requests.query(
            self._name, filter=restricted, output_fields=list(fields), limit=limit
        )
        return found

    def nearest(self, vector: NDArray[np.float32], k: int, expression: str) -> Found:
        """Returns the k papers of highest cosine with a vector among those that meet an expression."""
        width = "search_list" if self.dialect.vector_index == "DISKANN" else "ef"
        parameters = {"metric_type": "IP", "params": {width: max(2 * k, 64)}}
        sent = vector.astype(np.float16) if "16" in self.dialect.vector_type else vector
        return self._search(sent, "vector", k, expression, parameters)

    def search_words(self, tokens: Iterable[str], k: int, expression: str) -> Found:
        """Returns the k papers of highest BM25 for some tokens among those that meet an expression."""
        return self._search(" ".join(tokens), "bm25", k, expression, {"metric_type": "BM25"})

    def first_in_order(self, order: str, k: int, expression: str) -> Found:
        """Returns the first k papers in one of ``schema.ORDERS``; of papers with the same value, any."""
        vector = {ORDERS.index(order): 1.0}
        return self._search(vector, "order", k, expression, {"metric_type": "IP"})

    def _search(self, query: Any, field: str, k: int, expression: str, parameters: Mapping[str, Any]) -> Found:
        (hits,) = self._requests.search(
            self._name,
            data=[query],
            anns_field=field,
            limit=min(k, MAX_RESULTS),
            filter=self._restrict(expression),
            search_params=dict(parameters),
            output_fields=list(FETCHED),
        )
        scores = np.array([abs(hit["distance"]) for hit in hits], np.float32)
        return Found([FetchedPaper.of({**hit["entity"], "row": hit["row"]}) for hit in hits], scores)

    def _restrict(self, expression: str) -> str:
        """Returns an expression that only published papers meet."""
        return all_of((expression, self._published))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="milvus")
