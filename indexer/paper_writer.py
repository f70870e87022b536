"""PaperWriter: divides records into papers, embeds these, and adds them to a storage in batches.

While a batch is embedded, the next one is read and the previous one is written, so a kill loses at most one batch that
is being embedded and one that is being written.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil
from types import TracebackType
from typing import Self

import numpy as np

from indexer import identity
from indexer.added_times import AddedTime, earliest, read_times
from indexer.batch import EmbeddingBatch, PendingPaper, PendingPapers
from indexer.decisions import Decision, Decisions
from indexer.grouping import group_records, relate
from indexer.import_counts import ImportCounts
from indexer.merging import merge
from indexer.removed_papers import ExcludedId
from indexer.row_storage import RowStorage
from indexer.written import to_json_text
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.papers.identifiers import id_key
from search.papers.paper import Paper
from search.papers.retraction import retraction_key

BATCH_PAPERS = 1_024
"""Papers embedded and written together, for each _BATCH_SLICES slices in the embedder at once."""
_BATCH_SLICES = 8
"""Slices of BATCH_PAPERS papers. Two batches are in the embedder, so it never waits for the end of one."""
CONCURRENT_SLICES = 2
"""Slices of texts in the embedder at once: while one is finished, the next is tokenized and started."""


class PaperWriter:
    """The only writer of an index; used as a context manager, which closes the storage.

    Args:
        storage: The rows of the index.
        embedder: Embeds the texts that the index does not have yet.
        slices: Slices of texts in the embedder at once.

    Attributes:
        counts: Counts so far.
        on_embedded: Called whenever ``counts.embedded`` has increased.
        decisions: What the user decided about records.
    """

    def __init__(
        self,
        storage: RowStorage,
        embedder: Embedder,
        *,
        slices: int = CONCURRENT_SLICES,
    ) -> None:
        self.embedder = embedder
        self.counts = ImportCounts()
        self.on_embedded: Callable[[], None] = lambda: None
        self._storage = storage
        self.decisions = Decisions.load(storage.database)
        self._pending = PendingPapers()
        self._new_decisions: list[Decision] = []
        self._batch: EmbeddingBatch | None = None
        self._executor = ThreadPoolExecutor(slices, "texts")
        self._batch_papers = BATCH_PAPERS * ceil(slices / _BATCH_SLICES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Releases the index; records that were not flushed are discarded."""
        self._executor.shutdown(wait=False, cancel_futures=True)  # what is being embedded is not needed
        self._storage.close()

    @property
    def model(self) -> ModelIdentity:
        """The model of the vectors."""
        return self.embedder.model

    @property
    def database(self) -> sqlite3.Connection:
        """See ``RowStorage``."""
        return self._storage.database

    @property
    def rows(self) -> int:
        """Rows written; all of them have vectors."""
        return self._storage.rows

    def is_live(self, row: int) -> bool:
        """Whether a row is live, that is, not replaced by a later row."""
        return row not in self._storage.replaced

    @property
    def reads_ahead(self) -> bool:
        """Whether ``expect`` makes an import faster."""
        return self._storage.reads_ahead

    def expect(self, records: Sequence[Paper]) -> None:
        """Announces records that ``add`` is called with next."""
        self._storage.expect(records, self.decisions)

    def load_rows(self, keys: Iterable[int]) -> None:
        """Makes the database contain the rows that have one of some keys."""
        self._storage.select_stored(keys)

    def add(self, record: Paper) -> Paper:
        """Adds one record: as a new paper, or merged with a paper that is written or pending.

        Returns:
            The record as the index has it.

        Raises:
            ModelUnavailable: The model cannot embed a batch, or returned a vector whose length is not 1.
        """
        record = identity.ensure_id(record)
        text = to_json_text(record)
        self.counts.read += 1
        if self._is_unrelated(keys := identity.keys(record)):
            self._replace({text: record}, set(), keys, None)
            known, papers = frozenset[str](), [{text: record}]
        else:
            known, papers = self._regroup({text: record})
        if not papers:
            self.counts.unchanged += 1
        elif any(len(paper) == 1 and text in paper for paper in papers) and text not in known:
            self.counts.new += 1
        else:
            self.counts.merged += 1
        if len(self._pending) >= self._batch_papers:
            self._submit()
        return record

    def replace(self, row: int, records: Sequence[Paper]) -> None:
        """Replaces the paper of a row with some of its records, which may be several papers without the others.

        One transaction writes all of them.

        Args:
            row: A live row.
            records: At least one of its records.

        Raises:
            ModelUnavailable: As in ``add``.
        """
        self._storage.check([row])
        self._storage.replaced.add(row)
        self._regroup({to_json_text(record): record for record in records}, {row})
        if len(self._pending) >= self._batch_papers:
            self._submit()

    def remove(self, rows: Sequence[int], entries: Iterable[ExcludedId]) -> None:
        """Removes the papers of some rows, after all pending papers are written; see ``RowStorage``."""
        self.flush()
        self._storage.remove(rows, entries)

    def load(self, rows: Iterable[int]) -> None:
        """See ``RowStorage``."""
        self._storage.load(rows)

    def find_papers(self, paper_id: str) -> list[tuple[Paper, dict[str, Paper]]]:
        """Returns the written papers that have a canonical ID, each with its records by their JSON text."""
        papers = ((self._storage.read(row), records) for row, records in self._storage.find([id_key(paper_id)]).items())
        return [found for found in papers if paper_id in found[0].ids]

    def decide(self, decisions: Sequence[Decision], records: Mapping[str, Paper]) -> None:
        """Applies decisions of the user to records; they are written with the papers that follow from them.

        Args:
            decisions: The decisions.
            records: The records of the papers that they are about, by their JSON text.
        """
        self._new_decisions += decisions
        for decision in decisions:
            self.decisions.add(decision)
        self._regroup(records)

    def flush(self) -> None:
        """Embeds and writes all pending papers; they then survive a kill.

        Raises:
            ModelUnavailable: As in ``add``.
        """
        self._submit()
        self._finish()

    def _submit(self) -> None:
        """Starts to embed the pending papers, and writes the previous batch meanwhile."""
        self._relate_papers()
        pending_papers, self._pending = self._pending, PendingPapers()
        if not pending_papers:
            return
        papers = [
            merge(list(pending.records.values()), pending.shared_ids, has_notice=pending.has_notice)
            for pending in pending_papers
        ]
        texts = [paper.text for paper in papers]
        if self._batch and not set(texts).isdisjoint(self._batch.texts):
            self._finish()  # texts that are written are not embedded again
        vectors = np.empty((len(texts), self.model.dim), np.float16)
        known = self._storage.find_vectors(texts)
        for position, vector in known.items():
            vectors[position] = vector
        missing = [position for position in range(len(texts)) if position not in known]
        batch = EmbeddingBatch(pending_papers, papers, vectors, missing)
        batch.start(self.embedder, self._executor)
        previous, self._batch = self._batch, batch
        self._write_batch(previous)

    def _finish(self) -> None:
        """Waits for the batch that is being embedded and writes it."""
        batch, self._batch = self._batch, None
        self._write_batch(batch)

    def _write_batch(self, batch: EmbeddingBatch | None) -> None:
        """Writes a batch once it is embedded, vectors first."""
        if not batch:
            return
        for embedded in batch.collect():
            self.counts.embedded += embedded
            self._update_waiting(batch.waiting)
            self.on_embedded()
        batch.check_lengths(self.model.name)
        self._storage.append(list(batch.pending_papers), batch.papers, batch.vectors, self._new_decisions)
        self._new_decisions = []
        self._update_waiting()

    def _update_waiting(self, collecting: int = 0) -> None:
        self.counts.waiting = len(self._pending) + (self._batch.waiting if self._batch else 0) + collecting

    def _regroup(
        self, records: Mapping[str, Paper], replaced: Iterable[int] = ()
    ) -> tuple[frozenset[str], list[dict[str, Paper]]]:
        """Divides records, and all known ones that are related to them, into papers; makes the changed ones pending.

        Args:
            records: The records by their JSON text.
            replaced: Rows that these papers replace besides their own.

        Returns:
            The texts of the known records, and the records of each paper that changed.
        """
        pending, rows, keys = self._collect(records)
        groups = [*(paper.records for paper in pending), *rows.values()]
        known = {text: record for group in groups for text, record in group.items()}
        if len(groups) == len(known) == 1 and known.keys() >= records.keys():
            return frozenset(known), []
        texts = [group.keys() for group in groups]
        papers = [each for each in group_records({**known, **records}, self.decisions) if each.keys() not in texts]
        changed = {text for paper in papers for text in paper}
        times: list[tuple[Iterable[str], AddedTime]] = [(each.records, each.added) for each in pending]
        times += zip(rows.values(), read_times(self.database, rows), strict=True)
        times += ((records, added) for added in read_times(self.database, replaced))
        replaced = {*replaced, *(row for row, group in rows.items() if not changed.isdisjoint(group))}
        for paper in pending:
            if not changed.isdisjoint(paper.records):
                self._pending.remove(paper)
                replaced |= paper.replaced_rows
        for each in papers:
            added = earliest(time for group, time in times if not each.keys().isdisjoint(group))
            self._replace(each, replaced, frozenset[int]().union(*(keys[text] for text in each)), added)
            replaced = set()  # one of them lists the rows: they are all written in one transaction
        return frozenset(known), papers

    def _collect(
        self, records: Mapping[str, Paper]
    ) -> tuple[dict[PendingPaper, None], dict[int, dict[str, Paper]], dict[str, frozenset[int]]]:
        """Finds the papers with a record that is related to one of these records, directly or through other records.

        Args:
            records: The records by their JSON text.

        Returns:
            The pending papers, the rows with their records, and the keys of all of these records by their JSON text.
        """
        pending, rows = dict[PendingPaper, None](), dict[int, dict[str, Paper]]()
        queue, keys_of = dict(records), dict[str, frozenset[int]]()
        while queue:
            text, record = queue.popitem()
            keys_of[text] = identity.keys(record)
            keys = keys_of[text] | self.decisions.keys(record)
            is_related = partial(self._is_related, text, record)
            batch = self._batch
            if batch and (batch.done or any(is_related(paper.records) for paper in batch.pending_papers.find(keys))):
                self._finish()
            papers = [paper for paper in self._pending.find(keys) if is_related(paper.records)]
            written = {row: known for row, known in self._storage.find(keys, rows).items() if is_related(known)}
            pending.update(dict.fromkeys(papers))
            rows |= written
            for known in (*(paper.records for paper in papers), *written.values()):
                queue |= {each: other for each, other in known.items() if each not in keys_of}
        return pending, rows, keys_of

    def _is_unrelated(self, keys: frozenset[int]) -> bool:
        """Whether no paper has one of the keys of a record, as for most records of a first import."""
        if self._batch and self._batch.done:
            self._finish()
        return not (
            self.decisions
            or self._pending.find(keys)
            or (self._batch and self._batch.pending_papers.find(keys))
            or self._storage.select_stored(keys)
        )

    def _is_related(self, text: str, record: Paper, records: Mapping[str, Paper]) -> bool:
        """Whether a record is one of a paper's records, or related to one."""
        return text in records or any(relate(record, each, self.decisions).joins for each in records.values())

    def _relate_papers(self) -> None:
        """Finds what pending papers depend on: IDs that other papers have as well, and notices that retract them.

        A written paper to which one of them makes a difference becomes pending.
        """
        queue = list(self._pending)
        while queue:
            paper = queue.pop()
            ids, retracted = paper.ids, paper.retracted_ids
            for paper_id in ids | retracted:
                if self._has_another(paper, id_key(paper_id)) and paper_id in ids:
                    paper.shared_ids |= {paper_id}
                for row, records in self._storage.find([id_key(paper_id)]).items():
                    known = self._storage.read(row)
                    shares_public_id = paper_id in ids and known.id == paper_id
                    if shares_public_id or (paper_id in retracted and not known.retraction):
                        (added,) = read_times(self.database, [row])
                        row_keys = frozenset[int]().union(*map(identity.keys, records.values()))
                        queue.append(self._replace(records, {row}, row_keys, added))
            paper.has_notice = any(self._has_another(paper, retraction_key(paper_id)) for paper_id in ids)

    def _has_another(self, paper: PendingPaper, key: int) -> bool:
        """Whether another paper has a key."""
        if self._batch and self._batch.pending_papers.find([key]):
            self._finish()
        return any(each is not paper for each in self._pending.find([key])) or bool(self._storage.find([key]))

    def _replace(
        self, records: dict[str, Paper], rows: set[int], keys: frozenset[int], added: AddedTime
    ) -> PendingPaper:
        """Makes records, which have these keys, pending as a paper that replaces rows and was added at a time."""
        self._storage.replaced.update(rows)
        paper = PendingPaper(records, keys, replaced_rows=rows, added=added)
        self._pending.add(paper)
        self._update_waiting()
        return paper
