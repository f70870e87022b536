"""Build: from the library to the next generation, published atomically."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np

from indexer import sources
from indexer.calibration import calibrate
from indexer.sources.file import SourceFile
from indexer.writer import ImportCounts, IndexWriter
from search.columns.columns import Columns, ColumnsBuilder
from search.embedding.embedder import Embedder
from search.errors import IndexDamaged, IndexMissing, ModelUnavailable, SourceError
from search.index.calibration import Calibration
from search.index.layout import FileRecord, GenerationLayout, Layout, Manifest, find_damaged_files
from search.index.lexicon import LexiconBuilder
from search.index.snapshot import Snapshot
from search.index.store import PaperStore
from search.vectors.code_writer import DEFAULT_CODES_TUNING, CodesTuning, write_codes
from search.vectors.file import BLOCK_ROWS, block_checksums


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        counts: what became of the records. skipped: the records that could not be read, and why.
        papers: live papers in the index now. generation: the one published.
    """

    counts: ImportCounts
    skipped: list[SourceError] = field(default_factory=list)
    papers: int = 0
    generation: str = ""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read: ``format`` overrides what the content says, ``as_of`` dates what has no year, ``strict`` stops
    at the first malformed record; ``codes`` is the tuning of the codes."""

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
    progress: Callable[[ImportCounts, float], None] = lambda counts, done: None,  # noqa: ARG005
) -> ImportReport:
    """Reads files and folders into an index and publishes what came of it.

    Raises:
        InvalidValue: a path that is not there. SourceError: with ``strict``, the first malformed record.
        IndexBusy, ForeignModel: see ``Library``.

    ``progress`` is called after each record, and while texts are embedded, with the counts and the share of the input
    that is done with, 0 to 1.
    """
    options = options or ImportOptions()
    files = [SourceFile(path, options.as_of, options.format or "") for path in sources.discover(paths)]
    read, size = 0, sum(file.path.stat().st_size for file in files) or 1
    file: SourceFile | None = None

    def say() -> None:
        counts = library.counts
        done = (read + (file.position if file else 0)) / size
        progress(counts, done * (1 - counts.waiting / max(counts.read, 1)))

    with IndexWriter(directory, embedder, say) as library:
        report = ImportReport(library.counts)
        for file in files:
            for record in sources.read(file):
                if isinstance(record, SourceError):
                    if options.strict:
                        raise record
                    report.skipped.append(record)
                else:
                    library.add(record)
                say()
            read += file.path.stat().st_size
        file = None
        library.flush()
        manifest = publish(library, codes=options.codes)
    report.papers, report.generation = manifest.live, manifest.generation
    return report


def publish(writer: IndexWriter, *, rebuild: bool = False, codes: CodesTuning = DEFAULT_CODES_TUNING) -> Manifest:
    """Publishes the library's rows as the next generation; where nothing changed, the last one stands.

    Everything is written aside and fsynced before CURRENT is replaced by rename: a kill or a full disk at any
    point leaves the last generation answering. What the last generation has is extended, or made ``anew``.
    """
    layout = writer.layout
    before = None if rebuild else _load_published_manifest(layout)
    if before and before.rows == writer.rows:
        return before
    name = _next_generation_name(layout)
    files = layout.generation(name)
    files.directory.mkdir()
    try:
        manifest = _write_generation(writer, before, files, codes)
        manifest.save(files.manifest)
        _fsync(files.directory)
        _replace_atomically(layout.current, name + "\n")
    except BaseException:
        shutil.rmtree(files.directory, ignore_errors=True)
        raise
    _remove_unused_generations(layout, name)
    return manifest


def _write_generation(
    writer: IndexWriter, before: Manifest | None, files: GenerationLayout, codes: CodesTuning
) -> Manifest:
    layout, live, model = writer.layout, writer.live, writer.model
    old = layout.generation(before.generation) if before else None
    with closing(PaperStore(layout.store, writer.rows)) as store:
        np.save(files.tombstones, np.array(store.replaced_rows(), np.uint32))
        _write_columns_and_lexicon(store, files, old, before.rows if before else 0)
        papers_sha256 = store.block_checksums(BLOCK_ROWS, before.papers_sha256 if before else ())
    trained_on = _write_codes(writer, before, files, codes)
    vectors = layout.vectors(model)
    manifest = Manifest(
        generation=files.directory.name,
        model=model,
        rows=writer.rows,
        live=int(live.sum()),
        trained_on=trained_on,
        vectors_sha256=block_checksums(vectors, writer.rows, model.dim, before.vectors_sha256 if before else ()),
        papers_sha256=papers_sha256,
        files=(),
    )
    _write_calibration(Snapshot(layout, files, manifest), writer.embedder, old)
    return replace(manifest, files=tuple(_record_files(files, old, before.files if before else ())))


def _write_calibration(snapshot: Snapshot, embedder: Embedder, old: GenerationLayout | None) -> None:
    """Keeps that of the generation before while it holds, else measures anew; none where no model is at hand."""
    file = snapshot.files.calibration
    if old and old.calibration.is_file():
        known = Calibration.from_json(json.loads(old.calibration.read_text("utf-8")))
        if known.is_fresh(len(snapshot.live)):
            os.link(old.calibration, file)
            return
    with closing(snapshot.store), contextlib.suppress(ModelUnavailable):
        file.write_text(json.dumps(calibrate(snapshot, embedder).to_json()), "utf-8")


def _record_files(
    files: GenerationLayout, old: GenerationLayout | None, known: tuple[FileRecord, ...]
) -> Iterator[FileRecord]:
    """The record of every file. One that is linked from the generation before keeps its record; others are synced."""
    records = {record.path: record for record in known}
    for path in files.files():
        record = records.get(path.relative_to(files.directory).as_posix())
        if record and old and path.samefile(old.directory / record.path):
            yield record
        else:
            _fsync(path)
            yield FileRecord.from_file(path, files.directory)


def _write_columns_and_lexicon(
    store: PaperStore, files: GenerationLayout, old: GenerationLayout | None, start: int
) -> None:
    columns = ColumnsBuilder(Columns.open(old.columns) if old else None)
    lexicon = LexiconBuilder(files.lexicon, old.lexicon if old else None)
    gone = store.replaced_rows()
    dead = set(gone)
    for row in gone:
        if row < start:
            lexicon.remove(row)
    for row, paper in store.scan(start):
        ids = columns.add(paper)
        if row not in dead:
            lexicon.add(row, paper, ids)
    columns.save(files.columns)
    lexicon.save()


def _write_codes(writer: IndexWriter, before: Manifest | None, files: GenerationLayout, tuning: CodesTuning) -> int:
    """Returns how many live rows the codebooks were trained on."""
    if writer.rows < tuning.min_rows:
        return 0
    live, model = writer.live, writer.model
    trained_on = before.trained_on if before and int(live.sum()) < 2 * before.trained_on else 0
    old = writer.layout.generation(before.generation).codes if before and trained_on else None
    vectors = np.memmap(writer.layout.vectors(model), np.float16, "r", shape=(len(live), model.dim))
    write_codes(vectors, np.flatnonzero(live), files.codes, old, tuning)
    return trained_on or int(live.sum())


def _load_published_manifest(layout: Layout) -> Manifest | None:
    """The published generation; None where there is none, or where it is damaged: rows and vectors are the truth,
    everything else is made again from them.

    Checksums are compared of what the next generation is written from. Files that it links keep theirs.
    """
    try:
        manifest = Manifest.load(layout.generation(layout.published_generation()).manifest)
    except (IndexMissing, IndexDamaged):
        return None
    directory = layout.directory / manifest.generation
    linked = tuple(file for file in manifest.files if file.path.startswith("lexicon/"))
    read = tuple(file for file in manifest.files if file not in linked)
    broken = any(find_damaged_files(linked, directory, verify_checksums=False)) or any(
        find_damaged_files(read, directory, verify_checksums=True)
    )
    return None if broken else manifest


def _next_generation_name(layout: Layout) -> str:
    """One past every generation there is; the leavings of writers that were killed are removed."""
    current = layout.current.read_text("ascii", "replace").strip() if layout.current.exists() else ""
    names = [path.name for path in layout.generations()]
    for name in names:
        if name > current:
            shutil.rmtree(layout.directory / name)
    return f"gen-{max((int(name.removeprefix('gen-')) for name in names), default=0) + 1:06}"


def _remove_unused_generations(layout: Layout, published: str) -> None:
    """Removes the generations that no reader has locked."""
    for path in layout.generations():
        if path.name == published:
            continue
        try:
            lock = os.open(layout.generation(path.name).manifest, os.O_RDONLY)
        except FileNotFoundError:
            shutil.rmtree(path, ignore_errors=True)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
        except BlockingIOError:
            pass  # a reader is still answering from it; the next publish tries again
        finally:
            os.close(lock)


def _replace_atomically(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, "ascii")
    _fsync(aside)
    aside.replace(path)
    _fsync(path.parent)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
