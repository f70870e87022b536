"""Doctor: says in words what is wrong with an index, and makes again what can be made from its papers and vectors."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.build import publish
from indexer.writer import IndexWriter
from search.columns.columns import NO_ID, day_range
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity, known_identities
from search.errors import IndexDamaged, IndexMissing, ModelUnavailable
from search.index.layout import Layout, Manifest
from search.index.snapshot import Snapshot
from search.query.condition import AllOf
from search.vectors.code_writer import DEFAULT_CODES_TUNING, CodesTuning
from search.vectors.file import BLOCK_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLED_ROWS = 1_000
"""Rows whose paper, columns and keys are compared with each other."""
_SEED = 20_251


def examine(directory: Path, on_step: Callable[[str], None] = lambda step: None) -> list[str]:  # noqa: ARG005
    """Everything that is wrong with an index, in words; nothing where it is whole.

    Every file is compared with its checksum, then counts and cross-references with each other. ``say`` is called
    with the name of each step.

    Raises:
        IndexMissing: there is no index.
    """
    layout = Layout(directory)
    if not layout.current.exists() and not layout.store.exists():
        layout.published_generation()
    try:
        snapshot = Snapshot.open_unchecked(directory)
    except (IndexDamaged, IndexMissing) as error:
        return [str(error).removeprefix(f"{directory}: ")]
    on_step("checksums")
    found = snapshot.find_problems(verify_checksums=True)
    if found:
        return found
    for step, check in _CHECKS.items():
        on_step(step)
        found.extend(check(snapshot))
    return found


def repair(
    directory: Path, load: Callable[[ModelIdentity], Embedder], *, codes: CodesTuning = DEFAULT_CODES_TUNING
) -> Manifest:
    """Makes codes, columns, lexicon and calibration again from papers and vectors, and publishes them.

    No paper is embedded again; for the calibration up to 256 titles are. Without the model there is none.

    Args:
        load: gives the embedder of the index's model.
        codes: the tuning of the codes.

    Raises:
        IndexMissing, IndexBusy: see ``examine`` and ``Library``.
        IndexDamaged: papers or vectors themselves are damaged; they can only come from a backup.
    """
    layout = Layout(directory)
    model, truth = _find_model(layout), []
    with contextlib.suppress(IndexDamaged, IndexMissing):
        snapshot = Snapshot.open_unchecked(directory)
        truth = snapshot.find_source_problems(verify_checksums=True)
    if truth:
        raise IndexDamaged(directory, f"{'; '.join(truth)}; restore that from a backup, nothing else holds it")
    with IndexWriter(directory, LazyEmbedder(model, load)) as library:
        return publish(library, rebuild=True, codes=codes)


class LazyEmbedder:
    """An embedder that is loaded when it is first asked."""

    def __init__(self, model: ModelIdentity, load: Callable[[ModelIdentity], Embedder]) -> None:
        self.model, self._load = model, load

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        embedder = self._load(self.model)
        if embedder.model != self.model:
            raise ModelUnavailable(f"the vectors were made with {self.model}, the model here is {embedder.model}")
        return embedder.encode(texts)


def _find_model(layout: Layout) -> ModelIdentity:
    """The model the vectors were made with: what any manifest says, else what the name of their file says."""
    for generation in reversed(layout.generations()):
        with contextlib.suppress(IndexDamaged):
            return Manifest.load(layout.generation(generation.name).manifest).model
    for model in known_identities():
        if layout.vectors(model).is_file():
            return model
    raise IndexDamaged(layout.directory, "no manifest can be read, so its model is not known; index the papers again")


def _check_counts(snapshot: Snapshot) -> Iterator[str]:
    manifest = snapshot.manifest
    if len(snapshot.columns) != manifest.rows:
        yield f"columns have {len(snapshot.columns):,} rows, the manifest says {manifest.rows:,}"
    if len(snapshot.live) != manifest.live:
        yield f"{len(snapshot.live):,} rows are not replaced, the manifest says {manifest.live:,}"
    if snapshot.store.replaced_rows() != np.load(snapshot.files.tombstones, allow_pickle=False).tolist():
        yield f"{snapshot.files.tombstones.name} does not name the rows that papers.sqlite says are replaced"
    if manifest.trained_on and snapshot.vectors.coded_rows != manifest.rows:
        yield f"codes hold {snapshot.vectors.coded_rows:,} rows, the manifest says {manifest.rows:,}"


def _check_lexicon(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.lexicon.rows_matching(AllOf(())).tolist() != snapshot.live.ids.tolist():
        yield "the lexicon does not hold exactly the rows that are not replaced"


def _check_vector_lengths(snapshot: Snapshot) -> Iterator[str]:
    for start in range(0, snapshot.manifest.rows, BLOCK_ROWS):
        broken = snapshot.vectors.find_non_unit(start, start + BLOCK_ROWS)
        if len(broken):
            yield f"the vector of row {broken[0]:,} is not of length 1, nor are {len(broken) - 1:,} more up to there"


def _check_references(snapshot: Snapshot) -> Iterator[str]:
    """A seeded sample of rows: their dates, their first category, and the row found under their id."""
    live = snapshot.live.ids
    sample = np.random.default_rng(_SEED).choice(live, min(_SAMPLED_ROWS, len(live)), replace=False)
    rows = np.sort(sample).tolist()
    for row, paper in zip(rows, snapshot.store.get(rows), strict=True):
        if row not in snapshot.store.find(paper.id):
            yield f"{paper.id} is not found under its id"
        columns, here = snapshot.columns, np.array([row])
        held = [tuple(days.days(here)[:, 0].tolist()) for days in (columns.published, columns.updated)]
        if held != [day_range(paper.published), day_range(paper.updated)]:
            yield f"the columns have other days than {paper.id} itself"
        primary = int(columns.primary[row])
        if (columns.categories[primary] if primary != NO_ID else None) != next(iter(paper.categories), None):
            yield f"the columns have another first category than {paper.id} itself"


_CHECKS: dict[str, Callable[[Snapshot], Iterator[str]]] = {
    "counts": _check_counts,
    "words": _check_lexicon,
    "vectors": _check_vector_lengths,
    "cross-references": _check_references,
}
