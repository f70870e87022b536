"""Imports papers into an index and publishes them as the next generation."""

import contextlib
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from indexer import sources
from indexer.added_times import load_times, set_new_times
from indexer.calibration import calibrate
from indexer.database import checkpoint, named_errors, record_database
from indexer.garbage_collection import rare_collections
from indexer.generations import (
    find_layout,
    load_published_manifest,
    move_aside,
    record_files,
    remove_unused_generations,
    start_generation,
)
from indexer.import_counts import ImportCounts
from indexer.import_log import ImportLog
from indexer.inputs import Inputs, source_files
from indexer.paper_writer import CONCURRENT_SLICES, PaperWriter
from indexer.row_checksums import write_row_checksums
from indexer.row_writer import RowWriter
from indexer.sources.file import SourceFile
from indexer.sources.guard import Deletion
from indexer.writer import IndexWriter
from search.columns.builder import ColumnsBuilder
from search.columns.columns import Columns
from search.embedding.embedder import Embedder
from search.errors import ModelUnavailable, SourceError, UnreadFile
from search.files import fsync, link_or_copy, save_array, write_aside
from search.index.calibration import Calibration
from search.index.database_checksums import paper_block_checksums
from search.index.layout import GenerationLayout, Manifest
from search.index.lexicon_builder import LexiconBuilder
from search.index.snapshot import Snapshot
from search.index.store import PaperStore
from search.papers.paper import Paper
from search.vectors.code_writer import DEFAULT_CODES_TUNING, CodesTuning, write_codes
from search.vectors.file import BLOCK_ROWS, block_checksums

Stage = Literal["building columns and lexicon", "compressing vectors", "calibrating confidence", "computing checksums"]
PUBLISH_STAGES: tuple[Stage, ...] = get_args(Stage)
"""The stages of a publish, in order."""

OnProgress = Callable[[ImportCounts, float], None]
"""Called after each record and while texts are embedded, with the counts and the share of the input done, 0 to 1."""

OnStage = Callable[[Stage], None]
"""Called with one of PUBLISH_STAGES when that stage starts."""


MAX_KEPT_MESSAGES = 10_000
"""Skipped records, and warnings, of which an import keeps the messages, about 5 MB; further ones are only counted."""


@dataclass(slots=True)
class ImportReport:
    """The outcome of an import.

    Attributes:
        counts: What became of the records.
        skipped: The first MAX_KEPT_MESSAGES records and files that could not be read, each with the reason.
        skipped_count: The number of all of them.
        warnings: What the readers assumed about the text of files, as ``path:line: problem``; the records were read.
        missing: Papers that only the files of the import had, or files deleted from its folders, and no longer have.
        unread: Files that were not read to their end, because the import reached its limit.
        failed: Files that cannot be read, or not to their end.
        papers: Live papers in the index now.
        generation: Name of the published generation.
    """

    counts: ImportCounts
    skipped: list[SourceError] = field(default_factory=list)
    skipped_count: int = 0
    warnings: list[str] = field(default_factory=list)
    missing: int = 0
    unread: list[Path] = field(default_factory=list)
    failed: list[Path] = field(default_factory=list)
    papers: int = 0
    generation: str = ""

    @property
    def nothing_read(self) -> bool:
        """Whether no record at all could be read. Records that are already indexed count as read."""
        return not self.counts.read

    def add_skipped(self, error: SourceError) -> None:
        """Counts a record or file that could not be read."""
        self.skipped_count += 1
        if isinstance(error, UnreadFile):
            self.failed.append(Path(error.path))
        if len(self.skipped) < MAX_KEPT_MESSAGES:
            self.skipped.append(error)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read files.

    Attributes:
        format: One of ``sources.FORMATS``; None detects the format of each file by its content.
        as_of: Reference date for dates without a year: none of them is later.
        strict: Whether to stop at the first malformed record or unreadable file instead of skipping it.
        codes: Tuning of the vector codes.
        restore: Whether papers that were removed are imported again.
        accepts: Whether a record meets the conditions of the import; others are left out.
        limit: New or changed papers after which the import stops; None for no limit.
        slices: Slices of texts in the embedder at once.
    """

    format: str | None = None
    as_of: date = field(default_factory=date.today)
    strict: bool = False
    codes: CodesTuning = DEFAULT_CODES_TUNING
    restore: bool = False
    accepts: Callable[[Paper], bool] = lambda record: True  # noqa: ARG005
    limit: int | None = None
    slices: int = CONCURRENT_SLICES


def index(
    paths: Iterable[Path],
    directory: Path,
    embedder: Embedder,
    *,
    options: ImportOptions | None = None,
    progress: OnProgress = lambda counts, done: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
) -> ImportReport:
    """Imports files and folders into an index and publishes the result.

    Args:
        paths: Files and folders; folders are searched recursively.
        directory: The index; created if absent.
        embedder: Embeds texts that the index does not have yet.
        options: How to read the files.
        progress: See ``OnProgress``.
        on_stage: See ``OnStage``; not called if there are no new rows.

    Raises:
        InvalidValue: A path does not exist, or the format is unknown.
        SourceError: With ``strict``, the first malformed record or unreadable file.
        IndexBusy: Another process is writing the index.
        ModelMismatch: The index has vectors of another model.
        ModelUnavailable: The model cannot be loaded, or returned a vector whose length is not 1.
    """
    paths = list(paths)
    files, folders = sources.discover(paths), sources.find_folders(paths)
    return index_files(
        files, directory, embedder, folders=folders, options=options, progress=progress, on_stage=on_stage
    )


def index_files(
    files: Iterable[Path],
    directory: Path,
    embedder: Embedder,
    *,
    folders: Iterable[Path] = (),
    options: ImportOptions | None = None,
    progress: OnProgress = lambda counts, done: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
) -> ImportReport:
    """Imports files that ``sources.discover`` found; see ``index``.

    A file that has disappeared since, or that cannot be read, is skipped and reported; the rest is published.
    ``folders`` are those that the files were found in (``sources.find_folders``).
    """
    options = options or ImportOptions()
    inputs = source_files(files, options.as_of, options.format)
    return index_inputs(inputs, directory, embedder, options, folders=folders, progress=progress, on_stage=on_stage)


def index_inputs(
    files: Sequence[SourceFile],
    directory: Path,
    embedder: Embedder,
    options: ImportOptions,
    *,
    folders: Iterable[Path] = (),
    progress: OnProgress = lambda counts, done: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
) -> ImportReport:
    """Imports files, or the pages of a harvest; see ``index_files``."""
    with (
        rare_collections(),
        named_errors(find_layout(directory)),
        IndexWriter(directory, embedder, slices=options.slices) as writer,
    ):
        report = import_records(files, writer, options, folders=folders, progress=progress)
        manifest = publish(writer, on_stage=on_stage, codes=options.codes)
    report.papers, report.generation = manifest.live, manifest.generation
    return report


def import_records(
    files: Sequence[SourceFile],
    writer: PaperWriter,
    options: ImportOptions,
    *,
    folders: Iterable[Path] = (),
    progress: OnProgress = lambda counts, done: None,  # noqa: ARG005
) -> ImportReport:
    """Adds the records of files to an index, with all their papers written, but not published; see ``index_files``."""
    inputs = Inputs(files)

    def report_progress() -> None:
        counts = writer.counts
        progress(counts, inputs.fraction_read * (1 - counts.waiting / max(counts.read, 1)))

    writer.on_embedded = report_progress
    report, log = ImportReport(writer.counts), ImportLog(writer, restore=options.restore)
    for record in inputs.records(log, writer.expect if writer.reads_ahead else None):
        if not isinstance(record, SourceError):
            if options.accepts(record):
                log.add(record)
            else:
                log.leave_out()
        elif isinstance(record, Deletion) and inputs.is_harvest:
            log.delete(record.identifier)
        elif options.strict:
            raise record
        else:
            log.skip(record)
            report.add_skipped(record)
        report_progress()
        if options.limit is not None and writer.counts.new + writer.counts.merged >= options.limit:
            report.unread = inputs.stop(log)
            break
    report.warnings = inputs.warnings[:MAX_KEPT_MESSAGES]
    writer.flush()
    report.missing = log.save(folders)
    return report


def publish(
    writer: RowWriter,
    *,
    rebuild: bool = False,
    calibration: Path | None = None,
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
    codes: CodesTuning = DEFAULT_CODES_TUNING,
) -> Manifest:
    """Publishes the writer's rows as the next generation; if there are no new rows, the last one stays.

    All files are written to a new folder and fsynced before CURRENT is replaced by rename, so a kill or a full
    disk at any point leaves the last generation live.

    Args:
        writer: The index, with all rows flushed.
        rebuild: Whether to build all files from papers and vectors instead of extending the last generation's.
        calibration: The calibration to keep if nothing is extended.
        on_stage: See ``OnStage``.
        codes: Tuning of the vector codes.
    """
    layout = writer.layout
    before = None if rebuild else load_published_manifest(layout)
    if before and before.rows == writer.rows:
        remove_unused_generations(layout, before)  # a kill may have prevented it
        return before
    if not before:
        writer.published.check_all()
    set_new_times(writer.database)
    files = start_generation(layout)
    try:
        if before:
            calibration = layout.generation(before.generation).calibration
        manifest = _write_generation(writer, before, files, calibration, on_stage, codes)
        manifest.save(files.manifest)
        move_aside(layout.current)
        current = write_aside(layout.current, manifest.generation + "\n")
        fsync(layout.directory)
    except BaseException:
        shutil.rmtree(files.directory, ignore_errors=True)
        raise
    current.replace(layout.current)  # from here on CURRENT may name the generation, so nothing is removed
    fsync(layout.directory)
    remove_unused_generations(layout, manifest)
    return manifest


def _write_generation(
    writer: RowWriter,
    before: Manifest | None,
    files: GenerationLayout,
    calibration: Path | None,
    on_stage: OnStage,
    codes: CodesTuning,
) -> Manifest:
    layout, model = writer.layout, writer.model
    old = layout.generation(before.generation) if before else None
    on_stage("building columns and lexicon")
    with closing(PaperStore(layout.store, writer.rows)) as store:
        save_array(files.tombstones, np.array(store.replaced_rows(), np.uint32))
        _write_columns_and_lexicon(store, files, old, before.rows if before else 0)
        papers_sha256 = paper_block_checksums(store, BLOCK_ROWS, writer.published.papers)
        if not (old and old.vector_checksums.is_file()):
            writer.published.check_all()  # all rows are read
        write_row_checksums(files, old, store, _map_vectors(writer))
        database = record_database(writer.database, store, writer.inserted, before)
    checkpoint(writer.database)
    on_stage("compressing vectors")
    trained_on = _write_codes(writer, before, files, codes)
    vectors = layout.vectors(model)
    manifest = Manifest(
        generation=files.directory.name,
        model=model,
        rows=writer.rows,
        rows_folder=layout.rows_folder,
        live=int(writer.live.sum()),
        trained_on=trained_on,
        vectors_sha256=block_checksums(vectors, writer.rows, model.dim, writer.published.vectors),
        papers_sha256=papers_sha256,
        files=(),
        database=database,
    )
    on_stage("calibrating confidence")
    _write_calibration(Snapshot(layout, files, manifest), writer.embedder, calibration)
    on_stage("computing checksums")
    return replace(manifest, files=tuple(record_files(files, old, before.files if before else ())))


def _write_calibration(snapshot: Snapshot, embedder: Embedder, old: Path | None) -> None:
    """Links the last calibration while it is fresh or the model is not available; otherwise measures a new one."""
    file = snapshot.files.calibration
    known = old if old and old.is_file() else None
    if not (known and Calibration.load(known).is_fresh(len(snapshot.live))):
        with closing(snapshot.store), contextlib.suppress(ModelUnavailable):
            calibrate(snapshot, embedder).save(file)
            return
    if known:
        link_or_copy(known, file)


def _write_columns_and_lexicon(
    store: PaperStore, files: GenerationLayout, old: GenerationLayout | None, start: int
) -> None:
    """Extends the last generation's columns and lexicon by the rows from ``start``."""
    columns = ColumnsBuilder(Columns.open(old.columns) if old else None)
    lexicon = LexiconBuilder(files.lexicon, old.lexicon if old else None)
    replaced = store.replaced_rows()
    dead = set(replaced)
    lexicon.remove(replaced, store.titles_and_abstracts)
    for row, paper in store.scan(start):
        columns.add(paper)
        if row not in dead:
            lexicon.add(row, paper)
    columns.save(files.columns, load_times(store.select, len(columns)))
    lexicon.save()


def _write_codes(writer: RowWriter, before: Manifest | None, files: GenerationLayout, tuning: CodesTuning) -> int:
    """Writes the codes of all rows; an index of fewer than ``tuning.min_rows`` live rows has none.

    The codebooks are trained again when the number of live rows has doubled.

    Returns:
        Live rows there were when the codebooks were trained; 0 without codes.
    """
    live = writer.live
    if live.sum() < tuning.min_rows:
        return 0
    trained_on = before.trained_on if before and int(live.sum()) < 2 * before.trained_on else 0
    old = writer.layout.generation(before.generation).codes if before and trained_on else None
    if not old:
        writer.published.check_all()  # all vectors are read
    write_codes(_map_vectors(writer), np.flatnonzero(live), files.codes, old, tuning)
    return trained_on or int(live.sum())


def _map_vectors(writer: RowWriter) -> NDArray[np.float16]:
    """Maps the vectors of all rows, (rows, dim) float16."""
    shape = writer.rows, writer.model.dim
    path = writer.layout.vectors(writer.model)
    return np.memmap(path, np.float16, "r", shape=shape) if writer.rows else np.empty(shape, np.float16)
