"""Removal: takes papers out of an index and publishes the rest as the next generation.

The rows of removed papers stay on disk until the index is compacted (``indexer.compaction``).
"""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path

from indexer import harvested_records
from indexer.build import OnStage, publish
from indexer.database import named_errors
from indexer.doctor import LazyEmbedder
from indexer.generations import find_layout
from indexer.identity import content_id
from indexer.logged_files import load_records
from indexer.paper_writer import PaperWriter
from indexer.removal_selection import Selection
from indexer.removed_papers import ANY_FILE, ExcludedId, insert_excluded_ids
from indexer.writer import IndexWriter
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexBusy
from search.index.layout import Manifest
from search.papers.identifiers import id_key
from search.papers.paper import Paper
from search.vectors.code_writer import DEFAULT_CODES_TUNING, CodesTuning


@dataclass(frozen=True, slots=True)
class RemovalReport:
    """The outcome of a removal.

    Attributes:
        removed: Papers that were removed.
        changed: Papers that lost records and stay; without these, one may have become several.
        papers: Papers in the index now.
        generation: Name of the published generation.
    """

    removed: int
    changed: int
    papers: int
    generation: str


def remove(
    directory: Path,
    selection: Selection,
    load: Callable[[ModelIdentity], Embedder],
    *,
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
    codes: CodesTuning = DEFAULT_CODES_TUNING,
) -> RemovalReport:
    """Removes the papers of a selection.

    A kill leaves each paper as it was or removed; the next run removes the others, and the next publish includes what
    was removed.

    Args:
        directory: The index.
        selection: The papers.
        load: Loads the embedder of the index's model; called if a paper that stays has another text than before.
        on_stage: See ``indexer.build.OnStage``.
        codes: Tuning of the vector codes.

    Raises:
        IndexBusy: Another process is writing the index, or has written it since the selection was made.
        IndexDamaged: The index is damaged.
        ModelUnavailable: The model is needed and cannot be loaded.
    """
    layout = find_layout(directory)
    model = Manifest.load(layout.generation(layout.published_generation()).manifest).model
    with named_errors(layout), IndexWriter(directory, LazyEmbedder(model, load)) as writer:
        if writer.layout.published_generation() != selection.generation:
            raise IndexBusy(directory, "another process has changed it since the papers were selected; try again")
        remover = Remover(writer, selection)
        remover.run()
        manifest = publish(writer, on_stage=on_stage, codes=codes)
    return RemovalReport(remover.removed, remover.changed, manifest.live, manifest.generation)


class Remover:
    """Removes a selection from the rows of a writer, which may be more than those that are published.

    Attributes:
        removed: Papers that were removed.
        changed: Papers that lost records.
    """

    def __init__(self, writer: PaperWriter, selection: Selection) -> None:
        self._writer, self._selection = writer, selection
        self.removed = self.changed = 0

    def run(self) -> None:
        """Removes the records."""
        database, selection = self._writer.database, self._selection
        selector = selection.selector(database.execute, self._writer.is_live)
        whole, changed = dict[int, list[ExcludedId]](), dict[int, list[ExcludedId]]()
        self._load_papers()
        for removal in selection.removals:
            row = self._newest_row(removal.row)
            records = load_records(database.execute, row) if row is not None else []
            dropped = selector(records)
            if row is not None and any(dropped):
                entries = self._entries(removal.id, row, compress(records, dropped))
                (whole if all(dropped) else changed)[row] = entries
        with database:  # first: an import after a kill must not add again what is removed
            insert_excluded_ids(database, chain.from_iterable(changed.values()), self._writer.rows)
        for row in changed:
            records = load_records(database.execute, row)
            self._writer.replace(row, list(compress(records, map(operator.not_, selector(records)))))
        self._writer.flush()
        if whole:
            self._writer.remove(sorted(whole), chain.from_iterable(whole.values()))
        with database:
            files = "SELECT file FROM files WHERE file = ? OR source = ?"
            database.execute(f"DELETE FROM file_records WHERE file IN ({files})", [selection.records_of] * 2)  # noqa: S608
            harvested_records.forget(database, selection.records)
        self.removed, self.changed = len(whole), len(changed)

    def _load_papers(self) -> None:
        """Makes the database contain the papers of the selection, and others that share an ID with them."""
        rows, select = [removal.row for removal in self._selection.removals], self._writer.database.execute
        self._writer.load(row for row in rows if self._writer.is_live(row))
        if self._selection.scope == ANY_FILE:
            records = (record for row in rows for record in load_records(select, row))
            self._writer.load_rows({id_key(paper_id) for record in records for paper_id in record.ids})

    def _newest_row(self, row: int) -> int | None:
        """Returns the live row that has replaced a row since it was published; None if its paper was removed."""
        while not self._writer.is_live(row):
            sql = "SELECT by FROM replaced WHERE row = ?"
            ((newer,),) = self._writer.database.execute(sql, [row])
            if newer == row:
                return None
            row = newer
        return row

    def _entries(self, paper: str, row: int, dropped: Iterable[Paper]) -> list[ExcludedId]:
        """Returns what imports recognise the removed records by: IDs that no other paper has, or else content IDs."""
        scope = self._selection.scope
        if scope is None:
            return []
        ids = list[str]()
        for record in dropped:
            own = [each for each in record.ids if scope != ANY_FILE or not self._is_shared(each, row)]
            ids += own or [content_id(record)]
        return [ExcludedId(each, scope, paper) for each in dict.fromkeys(ids)]

    def _is_shared(self, paper_id: str, row: int) -> bool:
        """Whether another live row has an ID."""
        select = self._writer.database.execute
        rows = [other for (other,) in select("SELECT row FROM keys WHERE key = ?", [id_key(paper_id)])]
        others = (load_records(select, other) for other in rows if other != row and self._writer.is_live(other))
        return any(paper_id in record.ids for records in others for record in records)
