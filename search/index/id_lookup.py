"""IdLookup: finds the rows of a paper ID, and does not take damaged keys for an unknown ID."""

from contextlib import closing
from functools import cached_property
from pathlib import Path

from search.errors import IndexDamaged
from search.index.database_checksums import count_keys
from search.index.json_object import damaged_file
from search.index.layout import Manifest
from search.index.store import PaperStore
from search.papers.identifiers import id_key
from search.papers.retraction import RETRACTED_ID, WITHDRAWN_ID
from search.rows import Rows

_MAX_ROWS = 1_000_000
"""Rows of the largest index whose keys are compared with their checksum when an ID is not found: 0.8 s, once."""


class IdLookup:
    """Finds rows by ID in one generation.

    Args:
        path: the database.
        manifest: the manifest of the generation.
        store: its papers.
        live: its live rows.
    """

    def __init__(self, path: Path, manifest: Manifest, store: PaperStore, live: Rows) -> None:
        self._path, self._manifest, self._store, self._live = path, manifest, store, live

    def find(self, paper_id: str) -> list[int]:
        """Returns the rows, ascending, that have or had a canonical ID, including replaced rows.

        ``RETRACTED_ID`` finds the papers that were retracted or withdrawn, ``WITHDRAWN_ID`` the live ones of them that
        were withdrawn.

        Raises:
            IndexDamaged: none of them is live, and the keys of the database are damaged.
        """
        if paper_id == WITHDRAWN_ID:
            return self._withdrawn
        is_state = paper_id == RETRACTED_ID
        rows = self._store.rows_for_key(id_key(paper_id)) if is_state else self._store.find(paper_id)
        if not any(row in self._live for row in rows) and not self._are_keys_intact:
            check_keys(self._path, self._manifest)
        return rows

    @cached_property
    def _withdrawn(self) -> list[int]:
        """The live rows whose papers were withdrawn, and not retracted by the journal."""
        rows = [row for row in self.find(RETRACTED_ID) if row in self._live]
        return [row for row, paper in zip(rows, self._store.get(rows), strict=True) if paper.retraction == "withdrawn"]

    @cached_property
    def _are_keys_intact(self) -> bool:
        try:
            check_keys(self._path, self._manifest)
        except IndexDamaged:
            return False
        return True


def check_keys(path: Path, manifest: Manifest) -> None:
    """Compares the keys of the papers with their checksum; those of a larger index are assumed to be intact.

    Args:
        path: the database.
        manifest: the manifest of the generation.

    Raises:
        IndexDamaged: they differ.
    """
    record = manifest.database
    if record is None or manifest.rows > _MAX_ROWS:
        return
    with closing(PaperStore(path, manifest.rows)) as store:
        found = count_keys(store)
    if found != (record.keys, record.keys_checksum):
        raise damaged_file(path, "its keys are not those of its papers")
