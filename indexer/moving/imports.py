"""Imports an archive into an index: a new one becomes equal to the exported one, an existing one takes its papers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from indexer.build import OnStage
from indexer.database import named_errors
from indexer.doctor import LazyEmbedder
from indexer.generations import find_layout, find_model
from indexer.import_counts import ImportCounts
from indexer.moving.archive import Archive
from indexer.moving.existing_index import ExistingLocalIndex
from indexer.moving.export import OnMoved
from indexer.moving.paper import describe_mismatch
from indexer.moving.target import NewLocalIndex, Target
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import ModelMismatch
from search.index.layout import Layout


@dataclass(frozen=True, slots=True)
class ArchiveImport:
    """The outcome of an import.

    Attributes:
        generation: The published generation.
        counts: What became of the records, if the index existed before; None for a new index.
    """

    generation: str
    counts: ImportCounts | None


def import_archive(
    archive: Archive,
    directory: Path | str,
    load: Callable[[ModelIdentity], Embedder],
    *,
    on_moved: OnMoved = lambda done, papers: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
) -> ArchiveImport:
    """Imports an archive into an index; continues an interrupted import.

    Args:
        archive: The archive.
        directory: The index: a folder, or the address of a collection of Milvus, which has to be new. A new one becomes
            equal to the exported one. Into an existing one, the papers are imported as from files.
        load: Loads the embedder of the archive's model; called for texts that the archive does not have: of papers
            that are merged with those of an existing index, and for a calibration.
        on_moved: See ``OnMoved``.
        on_stage: See ``indexer.build.OnStage``.

    Raises:
        ArchiveDamaged: A file of the archive is damaged. What was imported before is kept and not published.
        ModelMismatch: The index has vectors of another model.
        IndexBusy: Another process is writing the index.
        IndexUnavailable: The index is new, but its folder has papers of another import; or it is a collection that has
            papers or cannot be reached.
    """
    if isinstance(directory, str):
        from indexer.moving.collection import NewCollection
        from search.milvus.address import Address

        with NewCollection(Address.parse(directory), archive) as collection:
            return ArchiveImport(import_batches(archive, collection, on_moved), None)
    layout = find_layout(directory)
    known, model = find_model(layout), archive.header.model
    if known and known != model:
        raise ModelMismatch(directory, describe_mismatch(known, model))
    embedder = LazyEmbedder(model, load)
    with named_errors(layout):
        if not Layout(directory).current.exists():
            with NewLocalIndex(directory, archive, embedder, on_stage) as new:
                return ArchiveImport(import_batches(archive, new, on_moved), None)
        with ExistingLocalIndex(directory, archive, embedder, on_stage) as existing:
            return ArchiveImport(import_batches(archive, existing, on_moved), existing.counts)


def import_batches(archive: Archive, target: Target, on_moved: OnMoved) -> str:
    """Writes all batches of an archive and returns the published generation."""
    header = archive.header
    for number in range(header.batches):
        on_moved(number * header.batch_papers, header.papers)
        target.write(number, archive.read_batch(number))
    on_moved(header.papers, header.papers)
    return target.finish()
