"""Papers of a collection as an importer reads and writes them: with their records and times, and whole."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from indexer.identity import paper_keys
from indexer.written import to_json_text
from search.milvus.entities import FetchedPaper, PaperSource, pack_paper, pack_records, unpack_paper, unpack_records
from search.milvus.records import LongPaper, LongPapers
from search.milvus.schema import FETCHED
from search.milvus.writer import CollectionWriter
from search.papers.paper import Paper

FIELDS = (*FETCHED, "records")
"""The fields that ``StoredPaper.of`` needs."""
READ_PAPERS = 1_000
"""Papers that are read at once, 5 MB; Milvus accepts 64 MB."""
_NOT_LONG: LongPaper = {"paper": None, "records": None}
"""Stands for a paper whose fields have all of it."""


class StoredPaper(NamedTuple):
    """A paper of a collection.

    Attributes:
        row: Its primary key.
        paper: The paper as JSON text (``Paper.to_json``), its records merged.
        records: Its records as the JSON text of a list; None if it has one record, which is equal to it.
        added: When it was added, in seconds since 1970 (UTC); 0 if that is not known.
        vector: (dim,) float16.
    """

    row: int
    paper: str
    records: str | None
    added: int
    vector: NDArray[np.float16]

    @classmethod
    def of(cls, entity: Mapping[str, Any], long: Mapping[int, LongPaper]) -> "StoredPaper":
        """Reads an entity, of which ``long`` has what its fields do not have."""
        fetched, records = FetchedPaper.of(entity), unpack_records(entity["records"])
        known = long.get(fetched.row, _NOT_LONG)
        fields = [record.to_json() for record in records] or known["records"]
        text = orjson.dumps(known["paper"]).decode() if known["paper"] else to_json_text(fetched.paper)
        records_text = orjson.dumps(fields).decode() if fields else None
        return cls(fetched.row, text, records_text, fetched.added, fetched.vector.astype(np.float16))


class WrittenPaper(NamedTuple):
    """A paper to be written.

    Attributes:
        paper: The paper, its records merged.
        records: Its records.
        record_keys: The ``indexer.identity.keys`` of all of them.
    """

    paper: Paper
    records: Sequence[Paper]
    record_keys: frozenset[int]


def write_papers(
    writer: CollectionWriter,
    long_papers: LongPapers,
    first: int,
    papers: Sequence[WrittenPaper],
    vectors: NDArray[np.float16],
    replaced: Mapping[int, Paper] | None = None,
) -> None:
    """Writes a batch of papers as the rows from ``first``; see ``CollectionWriter.write``."""
    rows = range(first, first + len(papers))
    writer.renew_lease()
    long_papers.put(rows, {row: found for row, each in enumerate(papers, first) if (found := _find_long(each))})
    sources = [PaperSource(list(paper_keys(each.paper, each.record_keys)), each.records) for each in papers]
    writer.write(rows, [each.paper for each in papers], vectors, sources, replaced)


def _find_long(written: WrittenPaper) -> LongPaper | None:
    """Returns what the fields of a collection do not have of a paper; None if they have all."""
    paper, records = written.paper, written.records
    is_long = unpack_paper(pack_paper(paper), 0) != paper
    has_others = list(records) != [paper] and not pack_records(records)
    if not is_long and not has_others:
        return None
    fields = [record.to_json() for record in records]
    return {"paper": paper.to_json() if is_long else None, "records": fields if has_others else None}
