"""Imports papers into an index and publishes them as the next generation."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from indexer import sources
from indexer.calibration import calibrate
from indexer.generations import discard_generation, load_published_manifest, remove_unused_generations, start_generation
from indexer.sources.file import SourceFile
from indexer.writer import ImportCounts, IndexWriter
from search.columns.columns import Columns, ColumnsBuilder
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import ModelUnavailable, SourceError
from search.files import fsync, replace_file
from search.index.calibration import Calibration
from search.index.layout import FileRecord, GenerationLayout, Layout, Manifest
from search.index.lexicon import LexiconBuilder
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


@dataclass(slots=True)
class ImportReport:
    """The outcome of an import.

    Attributes:
        counts: What became of the records.
        skipped: The records and files that could not be read, each with the reason.
        papers: Live papers in the index now.
        generation: Name of the published generation.
    """

    counts: ImportCounts
    skipped: list[SourceError] = field(default_factory=list)
    papers: int = 0
    generation: str = ""

    @property
    def nothing_read(self) -> bool:
        """Whether no record at all could be read. Records that are already indexed count as read."""
        return not self.counts.read


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read files.

    Attributes:
        format: One of ``sources.FORMATS``; None detects the format of each file by its content.
        as_of: Reference date for dates without a year: none of them is later.
        strict: Whether to stop at the first malformed record or unreadable file instead of skipping it.
        codes: Tuning of the vector codes.
    """

    format: str | None = None
    as_of: date = field(default_factory=date.today)
    strict: bool = False
    codes: CodesTuning = DEFAULT_CODES_TUNING


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
    files = sources.discover(paths)
    return index_files(files, directory, embedder, options=options, progress=progress, on_stage=on_stage)


def index_files(
    files: Iterable[Path],
    directory: Path,
    embedder: Embedder,
    *,
    options: ImportOptions | None = None,
    progress: OnProgress = lambda counts, done: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
) -> ImportReport:
    """Imports files that ``sources.discover`` found; see ``index``.

    A file that has disappeared since, or that cannot be read, is skipped and reported; the rest is published.
    """
    options = options or ImportOptions()
    inputs = _Inputs([SourceFile(path, options.as_of, options.format or "") for path in files])

    def report_progress() -> None:
        counts = writer.counts
        progress(counts, inputs.fraction_read * (1 - counts.waiting / max(counts.read, 1)))

    with IndexWriter(directory, embedder, report_progress) as writer:
        report = ImportReport(writer.counts)
        for record in inputs.records():
            if not isinstance(record, SourceError):
                writer.add(record)
            elif options.strict:
                raise record
            else:
                report.skipped.append(record)
            report_progress()
        writer.flush()
        manifest = publish(writer, on_stage=on_stage, codes=options.codes)
    report.papers, report.generation = manifest.live, manifest.generation
    return report


class _Inputs:
    """The files of one import, read one after another."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = files
        self._sizes = [_file_size(file.path) for file in files]
        self._total_bytes = sum(self._sizes) or 1
        self._bytes_read = 0
        self._current: SourceFile | None = None

    def records(self) -> Iterator[Paper | SourceError]:
        for file, size in zip(self._files, self._sizes, strict=True):
            self._current = file
            yield from sources.read(file)
            self._current = None
            self._bytes_read += size

    @property
    def fraction_read(self) -> float:
        """The share of all bytes that was read, 0 to 1."""
        position = self._current.position if self._current else 0
        return min(1.0, (self._bytes_read + position) / self._total_bytes)


def _file_size(path: Path) -> int:
    """Size of a file in bytes; 0 if it is unknown."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


class RowWriter(Protocol):
    """A writer whose rows all have vectors; it holds the writer lock."""

    layout: Layout
    embedder: Embedder
    rows: int

    @property
    def model(self) -> ModelIdentity:
        """The model of the vectors."""
        ...

    @property
    def live(self) -> NDArray[np.bool_]:
        """(rows,) bool: whether each row is live."""
        ...


def publish(
    writer: RowWriter,
    *,
    rebuild: bool = False,
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
    codes: CodesTuning = DEFAULT_CODES_TUNING,
) -> Manifest:
    """Publishes the writer's rows as the next generation; if there are no new rows, the last one stays.

    All files are written to a new folder and fsynced before CURRENT is replaced by rename, so a kill or a full
    disk at any point leaves the last generation live.

    Args:
        writer: The index, with all rows flushed.
        rebuild: Whether to build all files from papers and vectors instead of extending the last generation's.
        on_stage: See ``OnStage``.
        codes: Tuning of the vector codes.
    """
    layout = writer.layout
    before = None if rebuild else load_published_manifest(layout)
    if before and before.rows == writer.rows:
        return before
    files = start_generation(layout)
    try:
        manifest = _write_generation(writer, before, files, on_stage, codes)
        manifest.save(files.manifest)
        replace_file(layout.current, manifest.generation + "\n")
    except BaseException:
        discard_generation(layout, files)
        raise
    remove_unused_generations(layout, manifest.generation)
    return manifest


def _write_generation(
    writer: RowWriter, before: Manifest | None, files: GenerationLayout, on_stage: OnStage, codes: CodesTuning
) -> Manifest:
    layout, model = writer.layout, writer.model
    old = layout.generation(before.generation) if before else None
    on_stage("building columns and lexicon")
    with closing(PaperStore(layout.store, writer.rows)) as store:
        np.save(files.tombstones, np.array(store.replaced_rows(), np.uint32))
        _write_columns_and_lexicon(store, files, old, before.rows if before else 0)
        papers_sha256 = store.block_checksums(BLOCK_ROWS, before.papers_sha256 if before else ())
    on_stage("compressing vectors")
    trained_on = _write_codes(writer, before, files, codes)
    vectors = layout.vectors(model)
    manifest = Manifest(
        generation=files.directory.name,
        model=model,
        rows=writer.rows,
        live=int(writer.live.sum()),
        trained_on=trained_on,
        vectors_sha256=block_checksums(vectors, writer.rows, model.dim, before.vectors_sha256 if before else ()),
        papers_sha256=papers_sha256,
        files=(),
    )
    on_stage("calibrating confidence")
    _write_calibration(Snapshot(layout, files, manifest), writer.embedder, old)
    on_stage("computing checksums")
    return replace(manifest, files=tuple(_record_files(files, old, before.files if before else ())))


def _write_calibration(snapshot: Snapshot, embedder: Embedder, old: GenerationLayout | None) -> None:
    """Links the last generation's calibration while it is fresh, else measures a new one if the model is available."""
    file = snapshot.files.calibration
    if old and old.calibration.is_file():
        known = Calibration.load(old.calibration)
        if known.is_fresh(len(snapshot.live)):
            os.link(old.calibration, file)
            return
    with closing(snapshot.store), contextlib.suppress(ModelUnavailable):
        calibrate(snapshot, embedder).save(file)


def _record_files(
    files: GenerationLayout, old: GenerationLayout | None, known: tuple[FileRecord, ...]
) -> Iterator[FileRecord]:
    """Yields the record of every file.

    A file that is linked from the last generation keeps its record; the others are fsynced and their checksums
    computed.
    """
    records = {record.path: record for record in known}
    for path in files.files():
        record = records.get(path.relative_to(files.directory).as_posix())
        if record and old and path.samefile(old.directory / record.path):
            yield record
        else:
            fsync(path)
            yield FileRecord.from_file(path, files.directory)


def _write_columns_and_lexicon(
    store: PaperStore, files: GenerationLayout, old: GenerationLayout | None, start: int
) -> None:
    """Extends the last generation's columns and lexicon by the rows from ``start``.

    The segments of the lexicon with rows that were replaced since are written anew.
    """
    columns = ColumnsBuilder(Columns.open(old.columns) if old else None)
    lexicon = LexiconBuilder(files.lexicon, old.lexicon if old else None)
    replaced = store.replaced_rows()
    removed, dead = lexicon.remove(replaced, start), set(replaced)
    for row, paper in store.scan(min(removed, default=start)):
        if row < start:
            if row in removed:
                lexicon.add(row, paper, columns.ids_of(paper))
        else:
            ids = columns.add(paper)
            if row not in dead:
                lexicon.add(row, paper, ids)
    columns.save(files.columns)
    lexicon.save()


def _write_codes(writer: RowWriter, before: Manifest | None, files: GenerationLayout, tuning: CodesTuning) -> int:
    """Writes the codes of all rows; an index of fewer than ``tuning.min_rows`` rows has none.

    The codebooks are trained again when the number of live rows has doubled.

    Returns:
        Live rows there were when the codebooks were trained; 0 without codes.
    """
    if writer.rows < tuning.min_rows:
        return 0
    live, model = writer.live, writer.model
    trained_on = before.trained_on if before and int(live.sum()) < 2 * before.trained_on else 0
    old = writer.layout.generation(before.generation).codes if before and trained_on else None
    vectors = np.memmap(writer.layout.vectors(model), np.float16, "r", shape=(len(live), model.dim))
    write_codes(vectors, np.flatnonzero(live), files.codes, old, tuning)
    return trained_on or int(live.sum())
