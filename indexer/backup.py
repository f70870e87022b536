"""Backups: verified copies of an index, made while servers read it and a writer extends it.

A backup is an index with one generation, the one that was published when the copy began. A copy is written to a folder
next to its target, verified, and renamed, so a kill or a full disk never leaves an incomplete one under its name.
The copy of the state, with lists and saved searches, is in the folder of the backup.
"""

import contextlib
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from indexer.database import acquire_lock, count_rows, open_database
from indexer.doctor import examine
from indexer.folders_aside import is_free, written_aside
from indexer.state import StateDatabase
from search.errors import IndexDamaged, InvalidValue
from search.files import fsync
from search.index.layout import Layout, Manifest
from search.index.snapshot import Snapshot

_REPLACED_SUFFIX = ".replaced"
"""Added to the name of a folder that a restored index replaces."""
STATE_COPY = "state.sqlite"
"""Name of the copy of the state in a backup."""


def back_up(directory: Path, folder: Path, on_step: Callable[[str], None] = lambda step: None) -> Manifest:  # noqa: ARG005
    """Copies the published generation of an index, with its papers and vectors, and its state to a new folder.

    Papers that a writer has added but not published are not part of the copy.

    Args:
        directory: The index; it may be read and written meanwhile.
        folder: The folder to create; an empty folder is replaced.
        on_step: Called with the name of each step.

    Returns:
        The manifest of the copied generation.

    Raises:
        InvalidValue: The folder is not empty.
        IndexMissing: There is no index.
        IndexDamaged: The index is damaged; there is no copy.
        StateUnavailable: The state cannot be read, or is damaged; there is no copy.
        IndexBusy: Another process is writing a copy to the same folder.
    """
    folder = folder.resolve()
    if not is_free(folder):
        raise InvalidValue("folder", str(folder), "it exists already; give the name of a new folder")
    with written_aside(folder) as aside:
        manifest = _copy(directory, aside, on_step)
        StateDatabase.of_index(directory).copy_to(aside / STATE_COPY)
        aside.rename(folder)
    return manifest


def restore(
    backup: Path,
    directory: Path,
    *,
    replace: bool = False,
    on_step: Callable[[str], None] = lambda step: None,  # noqa: ARG005
) -> tuple[Manifest, Path | None]:
    """Creates an index from a backup, which is verified before the index appears.

    The state of the backup is restored only if the index has none: lists may have changed since the backup.

    Args:
        backup: The backup, or any other index.
        directory: The index to create.
        replace: Whether the folder may contain files; they are then moved to a folder next to it and not deleted.
        on_step: Called with the name of each step.

    Returns:
        The manifest of the index, and the folder that the previous content was moved to, if there was any.

    Raises:
        InvalidValue: The folder is not empty and ``replace`` is false, or the folder for its content exists already.
        IndexMissing: There is no backup.
        IndexDamaged: The backup is damaged; the folder is unchanged.
        IndexBusy: Another process is writing the index, or is restoring it.
    """
    directory = directory.resolve()
    previous = None if is_free(directory) else directory.with_name(directory.name + _REPLACED_SUFFIX)
    if previous and not replace:
        allowed = f"it is not empty; use another folder, or move its content to {previous.name} with --replace"
        raise InvalidValue("directory", str(directory), allowed)
    if previous and previous.exists():
        raise InvalidValue("directory", str(directory), f"{previous} exists already; delete or rename it first")
    with written_aside(directory) as aside, contextlib.ExitStack() as cleanup:
        manifest = _copy(backup, aside, on_step)
        state = StateDatabase.of_index(directory)
        if not state.path.exists():
            StateDatabase(backup / STATE_COPY).copy_to(state.path)
        if previous:
            cleanup.callback(os.close, acquire_lock(Layout(directory)))
            directory.rename(previous)
        aside.rename(directory)
    return manifest, previous


def _copy(source: Path, target: Path, on_step: Callable[[str], None]) -> Manifest:
    """Copies the published generation of an index to an empty folder, and verifies and fsyncs the copy."""
    on_step("copying")
    snapshot = Snapshot.open(source)  # locks the generation, which therefore is not removed meanwhile
    copy = Layout(target, snapshot.manifest.rows_folder)
    copy.rows_directory.mkdir(exist_ok=True)
    _copy_files(snapshot, copy)
    _copy_rows(snapshot, copy)
    if problems := examine(target, lambda step: on_step(f"checking {step}")):
        hint = f"no copy was made; check it with: papers doctor --index {source}"
        raise IndexDamaged(source, f"{'; '.join(problems)}; {hint}")
    open_database(copy.store).close()  # removes the files that the check needed next to the database
    for path in (*target.rglob("*"), target):
        fsync(path)
    return snapshot.manifest


def _copy_files(snapshot: Snapshot, copy: Layout) -> None:
    """Copies the files of the generation."""
    files = copy.generation(snapshot.manifest.generation)
    for name in (files.manifest.name, *(file.path for file in snapshot.manifest.files)):
        (files.directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(snapshot.files.directory / name, files.directory / name)
    copy.current.write_text(f"{snapshot.manifest.generation}\n", "ascii")


def _copy_rows(snapshot: Snapshot, copy: Layout) -> None:
    """Copies the papers and vectors up to the last row of the generation."""
    rows, model = snapshot.manifest.rows, snapshot.model
    shutil.copyfile(snapshot.layout.vectors(model), copy.vectors(model))
    os.truncate(copy.vectors(model), rows * model.dim * 2)
    snapshot.store.copy_to(copy.store)
    with closing(open_database(copy.store)) as database, database:
        if count_rows(database) > rows:
            database.execute("DELETE FROM papers WHERE row >= ?", [rows])
            database.execute("DELETE FROM keys WHERE row >= ?", [rows])
            database.execute("DELETE FROM replaced WHERE by >= ?", [rows])
            database.execute("DELETE FROM decisions WHERE row >= ?", [rows])
            database.execute("DELETE FROM removed WHERE row >= ?", [rows])
            database.execute("DELETE FROM file_stamps")  # a file may have been read whose papers are deleted above
            database.execute("DELETE FROM added WHERE row >= ?", [rows])
