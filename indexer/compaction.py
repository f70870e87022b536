"""Compaction: rewrites an index without the rows of removed papers and of replaced ones.

Papers and vectors are copied to a new folder of rows, from which the next generation is built. Until CURRENT names it,
the published generation and its rows stay as they are; what a killed run has left is removed by the next writer. The
previous rows are removed with the last generation that names them, that is, when no reader has it locked.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.build import OnStage, publish
from indexer.copied_rows import CopiedRows
from indexer.database import named_errors, open_database
from indexer.doctor import LazyEmbedder
from indexer.generations import find_layout, has_unused_rows, load_published_manifest, next_number
from indexer.published import PublishedRows
from indexer.row_insertion import RowInsertion
from indexer.writer import IndexWriter
from search.columns.kinds import KindColumn
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexUnavailable
from search.files import fsync, make_directory
from search.index.layout import Layout, Manifest, rows_folder_name
from search.vectors.code_writer import DEFAULT_CODES_TUNING, CodesTuning
from search.vectors.file import VectorsFile

_COPIED_ROWS = 8_192
"""Rows copied in one transaction."""
_OWN_TABLES = ("papers", "replaced", "keys", "added")
"""Tables with row numbers, which change; all others are copied as they are."""

OnCopied = Callable[[int, int], None]
"""Called while rows are copied, with the number of rows copied, and that of all rows to copy."""


@dataclass(frozen=True, slots=True)
class CompactionReport:
    """The outcome of a compaction.

    Attributes:
        manifest: The published generation.
        removed_rows: Rows that it has no more.
        is_rebuilt: Whether it has columns that an earlier version had not written.
        freed_bytes: Size of the index before, less that after.
        is_in_use: Whether readers still use an earlier generation, whose files therefore are not removed yet.
    """

    manifest: Manifest
    removed_rows: int
    is_rebuilt: bool
    freed_bytes: int
    is_in_use: bool


def compact(
    directory: Path,
    load: Callable[[ModelIdentity], Embedder],
    *,
    on_copied: OnCopied = lambda done, rows: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
    codes: CodesTuning = DEFAULT_CODES_TUNING,
) -> CompactionReport:
    """Rewrites an index without dead rows and publishes it; without any, only removes files that are not in use.

    If an earlier version wrote the columns, without some of today's, all files are built anew from papers and vectors.
    No paper is embedded again. The calibration embeds up to 256 titles; without the model the last one is kept.

    Args:
        directory: The index.
        load: Loads the embedder of the index's model.
        on_copied: See ``OnCopied``.
        on_stage: See ``indexer.build.OnStage``.
        codes: Tuning of the vector codes.

    Raises:
        IndexMissing: There is no index.
        IndexBusy: Another process is writing the index.
        IndexDamaged: The manifest, papers or vectors are damaged.
        IndexUnavailable: The disk has not enough free space.
    """
    layout, before = find_layout(directory), _count_bytes(directory)
    model = Manifest.load(layout.generation(layout.published_generation()).manifest).model
    with named_errors(layout), IndexWriter(directory, LazyEmbedder(model, load)) as writer:
        live = writer.live
        removed_rows = int(len(live) - live.sum())
        published = layout.generation(layout.published_generation())
        is_rebuilt = _lacks_columns(published.columns, len(live))
        if removed_rows:
            _check_space(writer, live)
            writer.published.check_all()
            manifest = _rewrite(writer, live, on_copied, on_stage, codes)
        else:
            old = published.calibration
            manifest = publish(writer, rebuild=is_rebuilt, calibration=old, on_stage=on_stage, codes=codes)
        is_in_use = has_unused_rows(find_layout(directory))
    return CompactionReport(manifest, removed_rows, is_rebuilt, before - _count_bytes(directory), is_in_use)


def _lacks_columns(directory: Path, rows: int) -> bool:
    """Whether an earlier version wrote the columns, without some of today's."""
    return not (KindColumn.open(directory, rows).is_complete and (directory / "citations.npy").exists())


def _rewrite(
    writer: IndexWriter, live: NDArray[np.bool_], on_copied: OnCopied, on_stage: OnStage, codes: CodesTuning
) -> Manifest:
    """Copies the live rows of a writer to a new folder and publishes them."""
    layout = Layout(writer.layout.directory, rows_folder_name(next_number(writer.layout)))
    make_directory(layout.rows_directory)
    rows = np.flatnonzero(live)
    with closing(open_database(layout.store)) as database:
        try:
            _copy_vectors(writer, layout, rows)
            _copy_papers(database, writer.layout.store, rows, on_copied)
            fsync(layout.rows_directory)
            published = PublishedRows(layout, writer.model, (), len(rows))
            inserted = RowInsertion(database, len(rows))
            compacted = CopiedRows(layout, writer.embedder, published, database, inserted)
            before = load_published_manifest(writer.layout)
            calibration = layout.generation(before.generation).calibration if before else None
            return publish(compacted, rebuild=True, calibration=calibration, on_stage=on_stage, codes=codes)
        except BaseException:
            if find_layout(layout.directory) != layout:  # not published
                shutil.rmtree(layout.rows_directory, ignore_errors=True)
            raise


def _copy_vectors(writer: IndexWriter, layout: Layout, rows: NDArray[np.int64]) -> None:
    dim = writer.model.dim
    copy = VectorsFile(layout.vectors(writer.model), dim, 0)
    if len(rows):
        vectors = np.memmap(writer.layout.vectors(writer.model), np.float16, "r", shape=(writer.rows, dim))
    for start in range(0, len(rows), _COPIED_ROWS):
        copy.append(vectors[rows[start : start + _COPIED_ROWS]])


def _copy_papers(database: sqlite3.Connection, source: Path, rows: NDArray[np.int64], on_copied: OnCopied) -> None:
    """Copies rows with their keys, and all other tables, to a new database."""
    database.execute("ATTACH DATABASE ? AS source", [str(source)])
    database.execute("CREATE TEMPORARY TABLE numbers (old INTEGER PRIMARY KEY, new INTEGER NOT NULL)")
    with database:
        database.executemany("INSERT INTO numbers VALUES (?, ?)", ((row, new) for new, row in enumerate(rows.tolist())))
    for start in range(0, len(rows), _COPIED_ROWS):
        chunk = rows[start : start + _COPIED_ROWS]
        with database:
            database.execute(
                """
                INSERT INTO main.papers SELECT new, paper, records FROM numbers JOIN source.papers ON row = old
                WHERE old BETWEEN ? AND ? ORDER BY old
                """,
                [int(chunk[0]), int(chunk[-1])],
            )
        on_copied(start + len(chunk), len(rows))
    with database:
        database.execute(
            "INSERT INTO main.keys SELECT key, new FROM source.keys JOIN numbers ON row = old ORDER BY key, new"
        )
        database.execute("INSERT INTO main.added SELECT new, time FROM source.added JOIN numbers ON row = old")
        database.execute("INSERT OR REPLACE INTO main.added SELECT -1, max(time) FROM source.added")
        _copy_other_tables(database)
        database.execute("UPDATE main.removed SET row = 0")
        database.execute("UPDATE main.decisions SET row = 0")
    database.execute("DROP TABLE numbers")
    database.execute("DETACH DATABASE source")


def _copy_other_tables(database: sqlite3.Connection) -> None:
    """Copies the tables without row numbers, with their indexes."""
    sql = "SELECT type, name, tbl_name, sql FROM source.sqlite_master WHERE sql > '' ORDER BY type DESC"
    for kind, name, table, definition in database.execute(sql).fetchall():
        if table in _OWN_TABLES or name.startswith("sqlite_"):
            continue
        if not database.execute("SELECT 1 FROM main.sqlite_master WHERE name = ?", [name]).fetchone():
            database.execute(definition)
        if kind == "table":
            database.execute(f'INSERT INTO main."{name}" SELECT * FROM source."{name}"')  # noqa: S608  its own name


def _check_space(writer: IndexWriter, live: NDArray[np.bool_]) -> None:
    """Checks that the disk has space for the copies of live rows and for the files of a generation.

    Raises:
        IndexUnavailable: It has not.
    """
    layout = writer.layout
    files = layout.generation(layout.published_generation()).files()
    rows = layout.store.stat().st_size + layout.vectors(writer.model).stat().st_size
    needed = int(rows * live.mean()) + sum(path.stat().st_size for path in files)
    free = shutil.disk_usage(layout.directory).free
    if free < needed:
        raise IndexUnavailable(
            layout.directory,
            f"its disk has {free:,} free bytes, but a rewritten copy takes up to {needed:,}; free some space and retry",
        )


def _count_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
