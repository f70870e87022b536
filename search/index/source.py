"""Opens the backend of an index."""

from dataclasses import dataclass, field
from pathlib import Path

from search.index.layout import Layout
from search.index.snapshot import Snapshot


@dataclass(slots=True)
class FolderSource:
    """The index in a folder.

    Attributes:
        directory: the folder.
        verify_checksums: compare every file with its SHA-256 before a generation is used.
    """

    directory: Path
    verify_checksums: bool = False
    _last_read: tuple[tuple[int, ...], str] = field(default=((), ""), init=False, repr=False, compare=False)

    def published_generation(self) -> str:
        """Returns the name of the published generation; see ``Layout.published_generation``.

        CURRENT is only read again after it was replaced: every question needs its name, and a file takes .1 ms.
        """
        layout, (version, name) = Layout(self.directory), self._last_read
        current = layout.current_version()
        if not current or current != version:
            name = layout.published_generation()
            self._last_read = current, name
        return name

    def open(self) -> Snapshot:
        """Opens the published generation; see ``Snapshot.open``."""
        return Snapshot.open(self.directory, verify_checksums=self.verify_checksums)
