"""Import of an archive into an existing index: as from files, but with the vectors of the archive."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray

from indexer.build import OnStage, publish
from indexer.decisions import Decision, Verdict
from indexer.import_counts import ImportCounts
from indexer.moving.archive import Archive
from indexer.moving.import_log import add_import_log
from indexer.moving.paper import ParsedBatch, Value
from indexer.removed_papers import ANY_FILE, ExcludedId, RemovalFilter, insert_excluded_ids
from indexer.writer import IndexWriter
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity


class ExistingLocalIndex:
    """An index in a folder, to which the records of an archive are added; see ``Target``.

    Records of papers that the index has are merged with them. Papers that were removed from the index stay removed.
    New papers are added now: the archive's times are those of another index.

    Args:
        directory: The index.
        archive: The archive.
        embedder: Embeds texts that the archive does not have.
        on_stage: See ``indexer.build.OnStage``.

    Raises:
        IndexBusy: Another process is writing the index.
        IndexDamaged: See ``IndexWriter``.
    """

    def __init__(self, directory: Path, archive: Archive, embedder: Embedder, on_stage: OnStage) -> None:
        self._archive, self._on_stage = archive, on_stage
        self._embedder = _ArchiveEmbedder(embedder)
        self._writer = IndexWriter(directory, self._embedder)
        self._removed = RemovalFilter(self._writer.database)

    def __enter__(self) -> Self:
        self._add_removals()
        self._add_decisions()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    @property
    def counts(self) -> ImportCounts:
        """What became of the records so far."""
        return self._writer.counts

    def write(self, number: int, batch: ParsedBatch) -> None:  # noqa: ARG002  a batch may be written again
        """Adds the records of a batch; see ``Target``."""
        self._embedder.supply([paper.paper.text for paper in batch.papers], batch.vectors)
        for record in (record for paper in batch.papers for record in paper.records.values()):
            if self._removed.contains(record, [ANY_FILE, *record.sources]):
                self.counts.read += 1
                self.counts.removed += 1
            else:
                self._writer.add(record)
        self._writer.flush()

    def finish(self) -> str:
        """Adds the log of imports, and publishes; see ``Target``."""
        with self._writer.database:
            add_import_log(self._writer.database, self._archive)
        return publish(self._writer, on_stage=self._on_stage).generation

    def _add_removals(self) -> None:
        """Adds the removed papers of the archive that the index does not have."""
        writer = self._writer
        entries = [ExcludedId(*map(str, row)) for row in self._read("removed", "id", "scope", "paper")]
        new = [each for each in entries if each.scope != ANY_FILE or not writer.find_papers(each.id)]
        with writer.database:
            insert_excluded_ids(writer.database, new, writer.rows)

    def _add_decisions(self) -> None:
        """Adds the decisions of the archive about pairs for which the index has none."""
        database, writer = self._writer.database, self._writer
        decided = {frozenset(row) for row in database.execute("SELECT one, other FROM decisions")}
        for one, other, verdict in self._read("decisions", "one", "other", "verdict"):
            if frozenset((one, other)) not in decided:
                found = [records for each in (one, other) for _, records in writer.find_papers(str(each))]
                records = {text: record for each in found for text, record in each.items()}
                writer.decide([Decision(str(one), str(other), cast("Verdict", verdict))], records)

    def _read(self, name: str, *columns: str) -> Iterator[Sequence[Value]]:
        """Yields columns of a table of the archive, none if it has no such table."""
        if name in self._archive.tables:
            yield from self._archive.read_table(name).select(*columns)


class _ArchiveEmbedder:
    """An embedder that has the vectors of an archive, and embeds texts that the archive does not have.

    Args:
        embedder: Embeds these texts.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._positions: dict[str, int] = {}
        self._vectors: NDArray[np.float16] = np.empty((0, embedder.model.dim), np.float16)

    @property
    def model(self) -> ModelIdentity:
        return self._embedder.model

    def supply(self, texts: Sequence[str], vectors: NDArray[np.float16]) -> None:
        """Takes the vectors of a batch in place of those of the one before."""
        self._positions, self._vectors = {text: position for position, text in enumerate(texts)}, vectors

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns the vectors of texts; see ``Embedder.encode``.

        Raises:
            ModelUnavailable: The archive does not have a text, and the model cannot be loaded.
        """
        vectors = np.empty((len(texts), self.model.dim), np.float32)
        missing = [place for place, text in enumerate(texts) if text not in self._positions]
        found = [place for place, text in enumerate(texts) if text in self._positions]
        vectors[found] = self._vectors[[self._positions[texts[place]] for place in found]]
        if missing:
            vectors[missing] = self._embedder.encode([texts[place] for place in missing])
        return vectors
