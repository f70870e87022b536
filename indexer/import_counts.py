"""ImportCounts: what became of the records of an import."""

from dataclasses import dataclass


@dataclass(slots=True)
class ImportCounts:
    """Counts of an import so far.

    Attributes:
        read: Records passed to ``IndexWriter.add``.
        new: Records that became a new paper.
        merged: Records that were merged with a paper.
        unchanged: Records that were already indexed.
        removed: Records that were left out because their paper was removed (``indexer.removed_papers``).
        outside: Records that were left out because they do not meet the conditions of the import; not in ``read``.
        embedded: Texts that the model embedded.
        waiting: Papers that are not embedded yet.
    """

    read: int = 0
    new: int = 0
    merged: int = 0
    unchanged: int = 0
    removed: int = 0
    outside: int = 0
    embedded: int = 0
    waiting: int = 0
