"""Runs a harvest: fetches its pages to the spool, imports and publishes them, and carries deletions through."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.build import ImportOptions, ImportReport, OnProgress, OnStage, index_inputs
from indexer.database import has_unpublished_rows
from indexer.harvest.service import Harvest
from indexer.harvest.spool import FAILED_SUFFIX, Position, Spool
from indexer.removal import remove
from indexer.removal_selection import select_deleted
from indexer.sources.file import SourceFile
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import HarvestFailed, IndexMissing
from search.index.snapshot import Snapshot

if TYPE_CHECKING:
    from indexer.harvest.client import Client

OnFetched = Callable[[int, float | None], None]
"""Called after each page with the records of the round so far and, if it is known, the share that is done."""


@dataclass(frozen=True, slots=True)
class HarvestReport:
    """The outcome of one run of a harvest.

    Attributes:
        fetched: Records of the pages that were fetched.
        imported: The outcome of the import; None if there was nothing to import.
        deleted: Papers that were removed, because the repository has deleted their only record.
        failure: Why not all pages were fetched; None if the round is complete, or the limit was reached.
    """

    fetched: int
    imported: ImportReport | None
    deleted: int
    failure: HarvestFailed | None

    @property
    def problem(self) -> str:
        """Why not everything was fetched and read, and what to do about it; empty if it was."""
        failed = self.imported.failed if self.imported else []
        unread = [
            f"pages that cannot be read are kept in {path.parent} (*{FAILED_SUFFIX}); to fetch them again, delete this "
            "folder and run the same command"
            for path in failed[:1]
        ]
        return "; ".join([*unread, *([str(self.failure)] if self.failure else [])])


def run_harvest(
    harvest: Harvest,
    client: "Client",
    directory: Path,
    embedder: Embedder,
    *,
    limit: int | None = None,
    on_fetched: OnFetched = lambda records, done: None,  # noqa: ARG005
    progress: OnProgress = lambda counts, done: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
) -> HarvestReport:
    """Fetches what is new, and indexes it; if the service fails, what arrived before.

    Args:
        harvest: The harvest.
        client: Makes the requests.
        directory: The index; created if absent.
        embedder: Embeds texts that the index does not have yet.
        limit: New or changed papers after which the import stops; None for no limit.
        on_fetched: See ``OnFetched``.
        progress: See ``indexer.build.OnProgress``.
        on_stage: See ``indexer.build.OnStage``.

    Raises:
        IndexBusy: Another process fetches the same harvest, or writes the index.
        ModelMismatch: The index has vectors of another model.
        ModelUnavailable: The model cannot be loaded.
    """
    failure = None
    with Spool(directory, harvest.name) as spool:
        before = spool.position.fetched
        try:
            fetch(harvest, spool, client, limit=limit, on_fetched=on_fetched)
        except HarvestFailed as error:
            failure = error
        fetched = spool.position.fetched - before
        imported = index_spool(
            harvest, spool, directory, embedder, ImportOptions(limit=limit), progress=progress, on_stage=on_stage
        )
    deleted = remove_deleted(harvest, directory, lambda _model: embedder, on_stage=on_stage)
    return HarvestReport(fetched, imported, deleted, failure)


def fetch(
    harvest: Harvest,
    spool: Spool,
    client: "Client",
    *,
    limit: int | None = None,
    on_fetched: OnFetched = lambda records, done: None,  # noqa: ARG005
) -> None:
    """Fetches pages to the spool until the round is complete.

    Args:
        harvest: The harvest.
        spool: Its spool, locked.
        client: Makes the requests.
        limit: Records in the spool after which no further page is fetched; None for no limit.
        on_fetched: See ``OnFetched``.

    Raises:
        HarvestFailed: A page could not be fetched; those before it are in the spool.
    """
    if limit is not None and spool.pages():  # what an earlier run has left comes first
        return
    before = spool.position.fetched
    for page in harvest.pages(client, spool.position.state):
        spool.add(page)
        on_fetched(spool.position.records, page.done if page.total is None else _share(spool.position))
        if page.is_last or (limit is not None and spool.position.fetched - before >= limit):
            break


def index_spool(
    harvest: Harvest,
    spool: Spool,
    directory: Path,
    embedder: Embedder,
    options: ImportOptions,
    *,
    progress: OnProgress = lambda counts, done: None,  # noqa: ARG005
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
) -> ImportReport | None:
    """Imports and publishes the pages in the spool, and removes them from it; None if there are none.

    Pages that cannot be read stay in the folder of the spool, see ``Spool.set_aside``.

    Raises:
        IndexBusy: Another process is writing the index.
        ModelMismatch: The index has vectors of another model.
        ModelUnavailable: The model cannot be loaded.
    """
    pages = spool.pages()
    if not pages:
        return None
    files = [SourceFile(page.path, options.as_of, page.format, harvest=harvest.name) for page in pages]
    options = replace(options, accepts=harvest.accepts)
    report = index_inputs(files, directory, embedder, options, progress=progress, on_stage=on_stage)
    failed, unread = set(report.failed), set(report.unread)
    spool.set_aside(page for page in pages if page.path in failed)
    spool.remove(page for page in pages if page.path not in failed | unread)
    return report


def remove_deleted(
    harvest: Harvest,
    directory: Path,
    load: Callable[[ModelIdentity], Embedder],
    *,
    on_stage: OnStage = lambda stage: None,  # noqa: ARG005
) -> int:
    """Removes what the repository has deleted, as it said now or before a run that was killed.

    Returns:
        The papers that no other source has.
    """
    try:
        selection = select_deleted(directory, harvest.name)
    except IndexMissing:  # nothing was fetched yet
        return 0
    if selection.removals or has_unpublished_rows(Snapshot.open(directory)):
        return remove(directory, selection, load, on_stage=on_stage).removed
    return 0


def _share(position: Position) -> float | None:
    return min(1.0, position.records / position.total) if position.total else None
