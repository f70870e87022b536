"""Doctor: finds the problems of an index, and rebuilds what can be derived from its papers and vectors."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer import identity
from indexer.added_times import load_times
from indexer.build import publish
from indexer.database import check_integrity, named_errors
from indexer.generations import find_layout, find_model
from indexer.removed_papers import list_excluded_ids
from indexer.writer import IndexWriter
from search.columns.builder import day_range
from search.columns.postings import NO_ID
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, IndexMissing, ModelUnavailable
from search.index.database_checksums import count_keys, decisions_sha256
from search.index.layout import Manifest
from search.index.snapshot import Snapshot
from search.papers.identifiers import id_key
from search.vectors.code_writer import DEFAULT_CODES_TUNING, CodesTuning
from search.vectors.file import BLOCK_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLED_ROWS = 1_000
"""Rows whose paper, columns and keys are compared with each other."""
_SEED = 20_251
"""Seed of that sample."""


def examine(directory: Path, on_step: Callable[[str], None] = lambda step: None) -> list[str]:  # noqa: ARG005
    """Describes every problem of an index; an intact index has none.

    Compares all files with their checksums, then counts and cross-references with each other.

    Args:
        directory: The index.
        on_step: Called with the name of each step.

    Raises:
        IndexMissing: There is no index.
    """
    layout = find_layout(directory)
    if not layout.current.exists() and not layout.store.exists():
        layout.published_generation()
    try:
        snapshot = Snapshot.open_unchecked(directory)
    except (IndexDamaged, IndexMissing) as error:
        return [str(error).removeprefix(f"{directory}: ")]
    on_step("checksums")
    problems = snapshot.find_problems(verify_checksums=True)
    if problems:
        return problems
    for step, check in _CHECKS.items():
        on_step(step)
        problems.extend(check(snapshot))
    return problems


def repair(
    directory: Path, load: Callable[[ModelIdentity], Embedder], *, codes: CodesTuning = DEFAULT_CODES_TUNING
) -> Manifest:
    """Rebuilds codes, columns, lexicon and calibration from papers and vectors, and publishes them.

    No paper is embedded again. The calibration embeds up to 256 titles; without the model it is omitted.

    Args:
        directory: The index.
        load: Loads the embedder of the index's model.
        codes: Tuning of the vector codes.

    Raises:
        IndexBusy: Another process is writing the index.
        IndexDamaged: Papers or vectors are damaged and can only be restored from a backup, or the index's model is
            unknown.
    """
    layout = find_layout(directory)
    model = find_model(layout)
    if model is None:
        raise IndexDamaged(
            directory, "no manifest can be read, so the model of its vectors is unknown; index the papers again"
        )
    if not layout.store.is_file():
        raise IndexDamaged(directory, f"{layout.store.name} is missing; restore it from a backup, it cannot be rebuilt")
    with named_errors(layout), IndexWriter(directory, LazyEmbedder(model, load), repair=True) as writer:
        check_integrity(writer.database)
        return publish(writer, rebuild=True, codes=codes)


class LazyEmbedder:
    """An embedder that loads its model at the first call of ``encode``.

    Args:
        model: The model it must have.
        load: Loads an embedder of that model.
    """

    def __init__(self, model: ModelIdentity, load: Callable[[ModelIdentity], Embedder]) -> None:
        self.model = model
        self._load = load

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Embeds texts; see ``Embedder.encode``.

        Raises:
            ModelUnavailable: The model cannot be loaded, or is another one.
        """
        embedder = self._load(self.model)
        if embedder.model != self.model:
            raise ModelUnavailable(f"the vectors were made with {self.model}, but the model found is {embedder.model}")
        return embedder.encode(texts)


def _check_counts(snapshot: Snapshot) -> Iterator[str]:
    manifest = snapshot.manifest
    if len(snapshot.columns) != manifest.rows:
        yield f"the columns have {len(snapshot.columns):,} rows, expected {manifest.rows:,} from the manifest"
    if len(snapshot.live) != manifest.live:
        yield f"{len(snapshot.live):,} rows are live, expected {manifest.live:,} from the manifest"
    if snapshot.store.replaced_rows() != np.load(snapshot.files.tombstones, allow_pickle=False).tolist():
        yield f"{snapshot.files.tombstones.name} and papers.sqlite differ in the rows that are replaced"
    if manifest.trained_on and snapshot.vectors.coded_rows != manifest.rows:
        yield f"the codes have {snapshot.vectors.coded_rows:,} rows, expected {manifest.rows:,} from the manifest"


def _check_keys(snapshot: Snapshot) -> Iterator[str]:
    record = snapshot.manifest.database
    if record and count_keys(snapshot.store) != (record.keys, record.keys_checksum):
        yield f"the keys in {snapshot.layout.store.name} are not those of its papers"


def _check_decisions(snapshot: Snapshot) -> Iterator[str]:
    record = snapshot.manifest.database
    if record and decisions_sha256(snapshot.store) != record.decisions_sha256:
        yield f"the decisions in {snapshot.layout.store.name} are not those it was published with"


def _check_added_times(snapshot: Snapshot) -> Iterator[str]:
    if (snapshot.files.columns / "added.npy").is_file():  # an earlier version wrote none
        times = load_times(snapshot.store.select, snapshot.manifest.rows)
        if not np.array_equal(times, snapshot.columns.added):
            yield f"the times at which papers were added differ between {snapshot.layout.store.name} and the columns"


def _check_removals(snapshot: Snapshot) -> Iterator[str]:
    for paper_id in list_excluded_ids(snapshot.store.select, snapshot.manifest.rows):
        rows = [row for row in snapshot.store.rows_for_key(id_key(paper_id)) if row in snapshot.live]
        if any(paper_id in paper.ids for paper in snapshot.store.get(rows)):
            yield f"{paper_id} was removed, but is in the index"


def _check_lexicon(snapshot: Snapshot) -> Iterator[str]:
    if not np.array_equal(snapshot.lexicon.indexed_rows(), snapshot.live.ids):
        yield "the rows of the lexicon are not exactly the live rows"


def _check_vector_lengths(snapshot: Snapshot) -> Iterator[str]:
    for start in range(0, snapshot.manifest.rows, BLOCK_ROWS):
        rows = snapshot.vectors.find_non_unit(start, start + BLOCK_ROWS)
        if len(rows):
            yield f"{len(rows):,} vectors from row {rows[0]:,} to row {rows[-1]:,} do not have length 1"


def _check_references(snapshot: Snapshot) -> Iterator[str]:
    """Compares a seeded sample of papers with their columns, and looks each of them up by its keys."""
    live = snapshot.live.ids
    sample = np.random.default_rng(_SEED).choice(live, min(_SAMPLED_ROWS, len(live)), replace=False)
    rows = np.sort(sample).tolist()
    for row, paper in zip(rows, snapshot.store.get(rows), strict=True):
        if not all(row in snapshot.store.rows_for_key(key) for key in identity.paper_keys(paper, identity.keys(paper))):
            yield f"{paper.id} is not found by all of its keys"
        columns, row_array = snapshot.columns, np.array([row])
        days = [tuple(column.days(row_array)[:, 0].tolist()) for column in (columns.published, columns.updated)]
        if days != [day_range(paper.published), day_range(paper.updated)]:
            yield f"the columns and the store differ in the dates of {paper.id}"
        primary = int(columns.categories.primary[row])
        if (columns.categories.codes[primary] if primary != NO_ID else None) != next(iter(paper.categories), None):
            yield f"the columns and the store differ in the primary category of {paper.id}"


_CHECKS: dict[str, Callable[[Snapshot], Iterator[str]]] = {
    "counts": _check_counts,
    "keys": _check_keys,
    "decisions": _check_decisions,
    "times of addition": _check_added_times,
    "removed papers": _check_removals,
    "lexicon": _check_lexicon,
    "vectors": _check_vector_lengths,
    "cross-references": _check_references,
}
