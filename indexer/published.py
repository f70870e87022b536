"""PublishedRows: the rows of the index that were published, and the checksums they must still have."""

from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path

from search.checksums import NOT_PUBLISHED, BlockChecksums, ReadRows, check_block
from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged
from search.index.database_checksums import count_keys, find_outdated, read_paper_rows
from search.index.json_object import REPAIR_HINT
from search.index.layout import Layout, Manifest
from search.index.store import PaperStore
from search.vectors.file import BLOCK_ROWS, read_rows


class PublishedRows:
    """Compares published papers and vectors with their checksums before a writer reuses them.

    A block of rows is compared once, when a row of it is reused for the first time.

    Args:
        layout: The index.
        model: The model of the writer.
        manifests: Manifests that can be read, the published one or else the newest one first; rows are only added, so
            each of them describes the first rows.
        rows: Rows that the database has.

    Attributes:
        manifest: The first manifest, if any.
        papers: Checksums of the papers.
        vectors: Checksums of the vectors of the model.
    """

    def __init__(self, layout: Layout, model: ModelIdentity, manifests: Iterable[Manifest], rows: int) -> None:
        manifests = list(manifests)
        self.manifest = next(iter(manifests), None)
        same_model = next((each for each in manifests if each.model == model), None)
        self.papers = (
            BlockChecksums(self.manifest.rows, self.manifest.papers_sha256) if self.manifest else NOT_PUBLISHED
        )
        self.vectors = BlockChecksums(same_model.rows, same_model.vectors_sha256) if same_model else NOT_PUBLISHED
        self._layout, self._rows = layout, rows
        self._vectors_path = layout.vectors(model)
        self._read_vectors = read_rows(self._vectors_path, model.dim)
        self._checked: set[int] = set()

    def check_database(self, *, accept_lost_rows: bool) -> None:
        """Checks that the database is the published one or a later one.

        Args:
            accept_lost_rows: Whether it may have fewer rows, but not none.

        Raises:
            IndexDamaged: It is an older one, or another one.
        """
        if not self.manifest or (accept_lost_rows and 0 < self._rows < self.papers.rows):
            return
        with closing(PaperStore(self._layout.store, self.papers.rows)) as store:
            problem = find_outdated(store, self.manifest.database)
        if problem and 0 < self._rows < self.papers.rows:
            raise IndexDamaged(self._layout.directory, f"{problem}; {REPAIR_HINT}")
        if problem:
            raise IndexDamaged(self._layout.directory, problem)

    def check_keys(self) -> None:
        """Checks the keys of the published rows, by which an import recognises papers.

        Raises:
            IndexDamaged: They differ.
        """
        if self.manifest and (record := self.manifest.database):
            with closing(PaperStore(self._layout.store, self.papers.rows)) as store:
                found = count_keys(store)
            if found != (record.keys, record.keys_checksum):
                raise IndexDamaged(self._layout.store, f"its keys are not those of its papers; {REPAIR_HINT}")

    def check(self, rows: Iterable[int]) -> None:
        """Compares the blocks of some rows with their checksums, unless that was done before.

        Raises:
            IndexDamaged: Papers or vectors differ.
        """
        for block in sorted({row // BLOCK_ROWS for row in rows} - self._checked):
            with closing(PaperStore(self._layout.store, self.papers.rows)) as store:
                self._compare(self._layout.store, partial(read_paper_rows, store), block, self.papers)
            self._compare(self._vectors_path, self._read_vectors, block, self.vectors)
            self._checked.add(block)

    def check_all(self) -> None:
        """Compares all published rows with their checksums.

        Raises:
            IndexDamaged: Papers or vectors differ.
        """
        self.check(range(0, max(self.papers.rows, self.vectors.rows), BLOCK_ROWS))

    def _compare(self, path: Path, read: ReadRows, block: int, published: BlockChecksums) -> None:
        """Compares a block if it was published and, unless it is full, has not lost rows."""
        end = min((block + 1) * BLOCK_ROWS, published.rows)
        if block < len(published.sha256) and end <= self._rows:
            if not path.is_file():
                raise IndexDamaged(path, "it is missing; restore it from a backup, or index the papers again")
            check_block(path, read, block, BLOCK_ROWS, published)
