"""Folders of generations: names the next one, loads the published one, removes unused ones.

The folder of an index may contain files of the user. Only folders recognised as written by a writer are removed.
"""

import contextlib
import fcntl
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from search.embedding.model import ModelIdentity, known_identities
from search.errors import IndexDamaged, IndexMissing
from search.index.layout import (
    GenerationLayout,
    Layout,
    Manifest,
    find_damaged_files,
    generation_name,
    generation_number,
)


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

    Without a manifest, it is the built-in model that a vectors file is named after; None if there is none.
    """
    known = (model for model in known_identities() if layout.vectors(model).is_file())
    return next((manifest.model for manifest in load_manifests(layout)), next(known, None))


def load_manifests(layout: Layout) -> list[Manifest]:
    """Loads the manifests that can be read: of the published generation first, then of the others, newest first."""
    names = [path.name for path in reversed(layout.generations())]
    with contextlib.suppress(IndexMissing, IndexDamaged):
        names.insert(0, layout.published_generation())
    manifests = []
    for name in dict.fromkeys(names):
        with contextlib.suppress(IndexDamaged):
            manifests.append(Manifest.load(layout.generation(name).manifest))
    return manifests


def start_generation(layout: Layout) -> GenerationLayout:
    """Removes what killed writers left, and creates the folder of the next generation.

    Its number is one more than the highest number of anything that is named like a generation.
    """
    published = _published_number(layout)
    if published is not None:  # without CURRENT, any of them may have the only manifest that identifies the model
        _remove(path for path in layout.generations() if (generation_number(path.name) or 0) > published)
    numbers = [generation_number(path.name) or 0 for path in layout.directory.iterdir()]
    files = layout.generation(generation_name(max([published or 0, *numbers]) + 1))
    files.directory.mkdir()
    return files


def move_aside(path: Path) -> None:
    """Renames a folder that has the name of a file to be written, which may contain files of the user."""
    if path.is_dir() and not path.is_symlink():
        numbers = itertools.count(1)
        path.rename(next(name for n in numbers if not (name := path.with_name(f"{path.name}.moved-{n}")).exists()))


def remove_unused_generations(layout: Layout, published: str) -> None:
    """Removes all generations but the published one and those that readers have locked, and vectors only they use."""
    _remove(
        (path for path in layout.generations() if path.name != published), lambda path: _remove_vectors(layout, path)
    )


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


def _remove_vectors(layout: Layout, directory: Path) -> None:
    """Removes the vectors that a generation names, unless another generation names them too."""
    manifests = load_manifests(layout)
    used = {manifest.model for manifest in manifests if manifest.generation != directory.name}
    for manifest in manifests:
        if manifest.generation == directory.name and manifest.model not in used:
            layout.vectors(manifest.model).unlink(missing_ok=True)


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
