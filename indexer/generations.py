"""Folders of generations and of rows: names the next one, loads the published one, removes unused ones.

The folder of an index may contain files of the user. Only folders recognised as written by a writer are removed.
"""

import contextlib
import fcntl
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from search.embedding.model import ModelIdentity, known_identities
from search.errors import IndexDamaged, IndexMissing, ModelMismatch
from search.files import fsync
from search.index.layout import (
    FileRecord,
    GenerationLayout,
    Layout,
    Manifest,
    find_damaged_files,
    generation_name,
    generation_number,
    rows_folder_number,
)


def find_layout(directory: Path) -> Layout:
    """Returns the paths of an index with the folder of rows that its published generation names.

    If its manifest cannot be read, that is the newest folder older than the generation: the folder of a compaction has
    a lower number than the generation that it publishes. Without a name in CURRENT, it is the folder of the newest
    manifest that can be read.
    """
    layout = Layout(directory)
    try:
        published = layout.published_generation()
    except (IndexMissing, IndexDamaged):
        manifests = _load_all_manifests(layout)
        return replace(layout, rows_folder=manifests[0].rows_folder if manifests else "")
    try:
        folder = Manifest.load(layout.generation(published).manifest).rows_folder
    except IndexDamaged:
        number = generation_number(published) or 0
        older = [name for name in layout.rows_folders() if (rows_folder_number(name) or 0) < number]
        folder = older[-1] if older else ""
    return replace(layout, rows_folder=folder)


def load_published_manifest(layout: Layout) -> Manifest | None:
    """Loads the manifest of the published generation for the next one to extend.

    All its files are compared with their checksums, since the next generation is written from them; the files of the
    lexicon are linked, but tantivy reads them to merge segments.

    Returns:
        The manifest; None if nothing is published or a file is damaged. Everything is then rebuilt from papers and
        vectors.
    """
    try:
        manifest = Manifest.load(layout.generation(layout.published_generation()).manifest)
    except (IndexMissing, IndexDamaged):
        return None
    directory = layout.directory / manifest.generation
    return None if any(find_damaged_files(manifest.files, directory, verify_checksums=True)) else manifest


def find_model(layout: Layout) -> ModelIdentity | None:
    """The model of the vectors: that of the published manifest, or else of the newest one that can be read.

    Without a manifest of these rows, it is the model of another manifest or the built-in model that a vectors file is
    named after; None if there is none.
    """
    others = (*(manifest.model for manifest in _load_all_manifests(layout)), *known_identities())
    known = (model for model in others if layout.vectors(model).is_file())
    return next((manifest.model for manifest in load_manifests(layout)), next(known, None))


def check_model(layout: Layout, model: ModelIdentity) -> None:
    """Checks that an index has vectors of a model, or none.

    Raises:
        ModelMismatch: It has vectors of another model.
    """
    known = find_model(layout)
    others = set(layout.rows_directory.glob("vectors-*.f16")) - {layout.vectors(model)}
    if model != known if known else others:
        raise ModelMismatch(
            layout.directory,
            f"its vectors were made with a model or precision other than {model.name} in {model.precision}; omit "
            "--model and --precision to use those of the index, use another folder with --index, or move the "
            f"index with: papers reindex --model {model.name} --precision {model.precision}",
        )


def load_manifests(layout: Layout) -> list[Manifest]:
    """Loads the manifests of the layout's rows that can be read: the published one first, the others newest first."""
    return [each for each in _load_all_manifests(layout) if each.rows_folder == layout.rows_folder]


def _load_all_manifests(layout: Layout) -> list[Manifest]:
    names = [path.name for path in reversed(layout.generations())]
    with contextlib.suppress(IndexMissing, IndexDamaged):
        names.insert(0, layout.published_generation())
    manifests = []
    for name in dict.fromkeys(names):
        with contextlib.suppress(IndexDamaged, PermissionError):  # a folder without access is the user's
            manifests.append(Manifest.load(layout.generation(name).manifest))
    return manifests


def start_generation(layout: Layout) -> GenerationLayout:
    """Removes what killed writers left, and creates the folder of the next generation.

    Its number is one more than the highest number of anything that is named like a generation or a folder of rows.
    """
    published = _published_number(layout)
    if published is not None:  # without CURRENT, any of them may have the only manifest that identifies the model
        _remove(path for path in layout.generations() if (generation_number(path.name) or 0) > published)
        _remove_unused_rows(layout)
    files = layout.generation(generation_name(next_number(layout)))
    files.directory.mkdir()
    return files


def record_files(
    files: GenerationLayout, old: GenerationLayout | None, known: tuple[FileRecord, ...]
) -> Iterator[FileRecord]:
    """Yields the record of every file.

    A file that is linked from the last generation keeps its record; the others are fsynced and their checksums
    computed. Then the folders are fsynced.
    """
    records = {record.path: record for record in known}
    for path in files.files():
        record = records.get(path.relative_to(files.directory).as_posix())
        if record and old and path.samefile(old.directory / record.path):
            yield record
        else:
            fsync(path)
            yield FileRecord.from_file(path, files.directory)
    for directory in {path.parent for path in files.files()}:
        fsync(directory)


def next_number(layout: Layout) -> int:
    """Returns a number above that of everything that is named like a generation or a folder of rows."""
    names = [path.name for path in layout.directory.iterdir()]
    numbers = [generation_number(name) or rows_folder_number(name) or 0 for name in names]
    return max([_published_number(layout) or 0, *numbers]) + 1


def move_aside(path: Path) -> None:
    """Renames a folder that has the name of a file to be written, which may contain files of the user."""
    if path.is_dir() and not path.is_symlink():
        numbers = itertools.count(1)
        path.rename(next(name for n in numbers if not (name := path.with_name(f"{path.name}.moved-{n}")).exists()))


def remove_unused_generations(layout: Layout, published: Manifest) -> None:
    """Removes all generations but the published one and those that readers have locked, and rows only they use."""
    _remove(
        (path for path in layout.generations() if path.name != published.generation),
        lambda path: _remove_vectors(layout, path, published),
    )
    _remove_unused_rows(layout)


def has_unused_rows(layout: Layout) -> bool:
    """Whether there are rows of earlier generations, which readers have locked."""
    others = [replace(layout, rows_folder=name) for name in ("", *layout.rows_folders()) if name != layout.rows_folder]
    return any(path.exists() for other in others for path in _row_files(other))


def _published_number(layout: Layout) -> int | None:
    try:
        return generation_number(layout.published_generation())
    except (IndexMissing, IndexDamaged):
        return None


def _remove(paths: Iterator[Path], before: Callable[[Path], None] = lambda path: None) -> None:  # noqa: ARG005
    """Removes those of the generations that are a writer's and not locked, each after a call of ``before``."""
    for path in paths:
        if _is_written_by_us(path):
            _remove_unless_locked(path, before)


def _remove_vectors(layout: Layout, directory: Path, published: Manifest) -> None:
    """Removes the vectors that a generation names, unless another generation names them too."""
    manifests = _load_all_manifests(layout)
    others = (manifest for manifest in manifests if manifest.generation != directory.name)
    used = {_vectors(layout, manifest) for manifest in (published, *others)}
    for manifest in manifests:
        if manifest.generation == directory.name and _vectors(layout, manifest) not in used:
            _vectors(layout, manifest).unlink(missing_ok=True)


def _vectors(layout: Layout, manifest: Manifest) -> Path:
    return replace(layout, rows_folder=manifest.rows_folder).vectors(manifest.model)


def _remove_unused_rows(layout: Layout) -> None:
    """Removes the rows that neither the layout nor a generation names.

    Nothing is removed while the manifest of a generation cannot be read: it may name any of them.
    """
    manifests = _load_all_manifests(layout)
    unknown = {path.name for path in layout.generations()} - {manifest.generation for manifest in manifests}
    if any(_is_written_by_us(layout.directory / name) for name in unknown):
        return
    used = {layout.rows_folder, *(manifest.rows_folder for manifest in manifests)}
    for folder in {"", *layout.rows_folders()} - used:
        unused = replace(layout, rows_folder=folder)
        for path in _row_files(unused):
            path.unlink(missing_ok=True)
        if folder:
            with contextlib.suppress(OSError):  # it contains a file of the user
                unused.rows_directory.rmdir()


def _row_files(layout: Layout) -> list[Path]:
    """The files of the rows of a layout: the store with what SQLite has next to it, and the vectors of all models."""
    store = [layout.store.with_name(layout.store.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
    return [*store, *layout.rows_directory.glob("vectors-*.f16")]


def _is_written_by_us(directory: Path) -> bool:
    """Whether a folder is a generation, complete or not: only a writer's files, and no other name in its manifest.

    A renamed copy of a generation, or a generation with a file of the user, is not.
    """
    files = GenerationLayout(directory)
    try:
        if not {path.name for path in directory.iterdir()} <= files.entry_names():
            return False
        return Manifest.load(files.manifest).generation == directory.name
    except IndexDamaged:  # missing, incomplete, or of another format
        return True
    except OSError:  # a folder without access is the user's
        return False


def _remove_unless_locked(directory: Path, before: Callable[[Path], None]) -> None:
    try:
        lock = os.open(GenerationLayout(directory).manifest, os.O_RDONLY)
    except FileNotFoundError:  # its writer was killed, so no reader has it open
        shutil.rmtree(directory, ignore_errors=True)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        before(directory)
        shutil.rmtree(directory, ignore_errors=True)
    except BlockingIOError:
        pass  # a reader still uses it; the next publish tries again
    finally:
        os.close(lock)
