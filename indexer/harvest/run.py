"""Runs a harvest: fetches its pages to the spool, imports and publishes them, and carries deletions through."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.build import ImportOptions, ImportReport, OnProgress, OnStage, index_inputs
from indexer.harvest.service import Harvest
from indexer.harvest.spool import Position, Spool
from indexer.removal import remove
from indexer.removal_selection import select_deleted
from indexer.sources.file import SourceFile
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexMissing

if TYPE_CHECKING:
    from indexer.harvest.client import Client

OnFetched = Callable[[int, float | None], None]
"""Called after each page with the records of the round so far and, if it is known, the share that is done."""


def fetch(
    harvest: Harvest,
    spool: Spool,
    client: "Client",
    *,
    limit: int | None = None,
    on_fetched: OnFetched = lambda records, done: None,  # noqa: ARG005
) -> int:
    """Fetches pages to the spool until the round is complete.

    Args:
        harvest: The harvest.
        spool: Its spool, locked.
        client: Makes the requests.
        limit: Records in the spool after which no further page is fetched; None for no limit.
        on_fetched: See ``OnFetched``.

    Returns:
        The number of records fetched.

    Raises:
        HarvestFailed: A page could not be fetched; those before it are in the spool.
    """
    fetched = 0
    if limit is not None and spool.pages():  # what an earlier run has left comes first
        return 0
    for page in harvest.pages(client, spool.position.state):
        spool.add(page)
        fetched += page.records
        on_fetched(spool.position.records, page.done if page.total is None else _share(spool.position))
        if page.is_last or (limit is not None and fetched >= limit):
            break
    return fetched


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
    unread = set(report.unread)
    spool.remove(page for page in pages if page.path not in unread)
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
    return remove(directory, selection, load, on_stage=on_stage).removed if selection.removals else 0


def _share(position: Position) -> float | None:
    return min(1.0, position.records / position.total) if position.total else None
