"""Opens the backend of an index."""

from dataclasses import dataclass
from pathlib import Path

from search.index.layout import Layout
from search.index.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The index in a folder.

    Attributes:
        directory: the folder.
        verify_checksums: compare every file with its SHA-256 before a generation is used.
    """

    directory: Path
    verify_checksums: bool = False

    def published_generation(self) -> str:
        """Returns the name of the published generation; see ``Layout.published_generation``."""
        return Layout(self.directory).published_generation()

    def open(self) -> Snapshot:
        """Opens the published generation; see ``Snapshot.open``."""
        return Snapshot.open(self.directory, verify_checksums=self.verify_checksums)
