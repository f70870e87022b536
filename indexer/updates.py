"""Updates: brings the papers of a followed file, folder or harvest up to date."""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from indexer import sources
from indexer.build import ImportOptions, ImportReport, OnProgress, OnStage, index_inputs
from indexer.database import has_unpublished_rows
from indexer.logged_files import file_stamp, load_stamps, path_text
from indexer.sources.file import FileGroup, SourceFile
from search.embedding.embedder import Embedder
from search.errors import IndexMissing
from search.index.snapshot import Snapshot


def update_files(
    path: Path,
    directory: Path,
    embedder: Callable[[], Embedder],
    *,
    progress: OnProgress = lambda counts, done: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
) -> ImportReport | None:
    """Imports the files that have changed since they were read last, or were not read yet; None if there are none.

    Args:
        path: A file or folder.
        directory: The index; created if absent. Files in it are no source.
        embedder: Returns the embedder; called if a file has changed.
        progress: See ``indexer.build.OnProgress``.
        on_stage: See ``indexer.build.OnStage``.

    Raises:
        InvalidValue: The path does not exist.
        IndexBusy: Another process is writing the index.
        ModelMismatch: The index has vectors of another model.
        ModelUnavailable: The model cannot be loaded.
    """
    files = sources.discover([path])
    options, group = ImportOptions(), FileGroup(files)  # which may define what a changed file uses
    changed = [SourceFile(each, options.as_of, group=group) for each in find_changed_files(directory, files)]
    if not changed:
        return None
    return index_inputs(changed, directory, embedder(), options, progress=progress, on_stage=on_stage)


def find_changed_files(directory: Path, files: Iterable[Path]) -> list[Path]:
    """Returns the files that the index has not read as they are now."""
    stamps = dict[str, str]()
    with contextlib.suppress(IndexMissing):
        snapshot = Snapshot.open(directory)
        if not has_unpublished_rows(snapshot):  # which a new import publishes
            stamps = load_stamps(snapshot.store.select)
    own = path_text(directory) + "/"
    others = ((file, path) for file in files if not (path := path_text(file)).startswith(own))
    return [file for file, path in others if stamps.get(path, "") != (file_stamp(file) or "gone")]
