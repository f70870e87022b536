"""Batches of papers that a writer adds to a collection: the name of the datum of each, and its contents."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import orjson

from search.milvus.author_buckets import pack_names, unpack_names
from search.milvus.counts import pack, unpack
from search.milvus.data import DataStore
from search.milvus.entities import BatchData

PENDING = "pending"
"""First part of the name of the datum of a batch, which is deleted once its papers are published."""
_READ_BATCHES = 32
"""Batches that are read at once, some 10 MB; Milvus returns 64 MB."""


class Batch(NamedTuple):
    """A batch, named by what it has.

    Attributes:
        first: its first row.
        end: the row after its last one.
        papers: number of its papers.
        replaced: the lowest of the rows that it replaces; -1 if it replaces none.
    """

    first: int
    end: int
    papers: int
    replaced: int

    @classmethod
    def parse(cls, names: Iterable[str]) -> list[Self]:
        """Reads the names of data; those of earlier versions of this program, which are published, are left out."""
        found = (name.removeprefix(f"{PENDING}/").split("/") for name in names)
        return [cls(*map(int, each)) for each in found if len(each) == len(cls._fields)]

    @property
    def name(self) -> str:
        """The name of its datum."""
        return f"{PENDING}/{self.first:012}/{self.end:012}/{self.papers}/{self.replaced}"


def read_heads(data: DataStore, batches: Iterable[Batch]) -> list[Mapping[str, Any]]:
    """Returns the heads of those batches that replace papers and whose datum was not deleted."""
    names = [batch.name for batch in batches if batch.replaced >= 0]
    parts = (names[first : first + _READ_BATCHES] for first in range(0, len(names), _READ_BATCHES))
    return [_unpack_head(value) for part in parts for value in data.get(part).values()]


def read_replaced(data: DataStore, batches: Iterable[Batch]) -> list[int]:
    """Returns the rows that batches replace; of those whose datum was deleted, none."""
    return [row for head in read_heads(data, batches) for row in head["replaced"]]


def pack_batch(added: BatchData, removed: BatchData, head: Mapping[str, Any]) -> bytes:
    """Returns the datum of a batch: a head, what the batch adds, and what it removes."""
    parts = [_pack_data(added), _pack_data(removed)]
    packed = orjson.dumps({**head, "bytes": list(map(len, parts))})
    return b"".join((len(packed).to_bytes(8, "big"), packed, *parts))


def _unpack_head(value: bytes) -> dict[str, Any]:
    """Returns the first part of ``pack_batch``."""
    fields: dict[str, Any] = orjson.loads(value[8 : 8 + int.from_bytes(value[:8], "big")])
    return fields


def unpack_batch(value: bytes) -> Iterator[dict[str, Any]]:
    """Yields what a batch adds and, if it replaces papers, what it removes, as negative numbers."""
    fields = _unpack_head(value)
    start = 8 + int.from_bytes(value[:8], "big")
    end = start + fields["bytes"][0]
    yield _unpack_data(value[start:end], 1)
    if fields["replaced"]:
        yield _unpack_data(value[end:], -1)


def _pack_data(data: BatchData) -> bytes:
    counts, authors = pack(data.counts), pack_names(data.authors.values())
    head = orjson.dumps({**data.to_json(), "bytes": [len(counts), len(authors)]})
    return b"".join((len(head).to_bytes(8, "big"), head, counts, authors))


def _unpack_data(value: bytes, sign: int) -> dict[str, Any]:
    start = 8 + int.from_bytes(value[:8], "big")
    fields: dict[str, Any] = orjson.loads(value[8:start])
    end = start + fields["bytes"][0]
    counts = unpack(value[start:end]).copy()
    counts["count"] *= sign
    totals = {name: sign * fields[name] for name in ("papers", "cited")}
    return {
        **fields,
        **totals,
        "is_removal": sign < 0,
        "categories": {code: sign * papers for code, papers in fields["categories"].items()},
        "lengths": [sign * length for length in fields["lengths"]],
        "counts": counts,
        "authors": [name._replace(papers=sign * name.papers) for name in unpack_names(value[end:])],
    }
