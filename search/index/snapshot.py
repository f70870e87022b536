"""Snapshot: one published generation, opened read-only. Its contents never change while it is open."""

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from search.columns.columns import Columns, load_added_times
from search.columns.conditions import select
from search.columns.selection import Complement, Fixed, Intersection, Selection, Union
from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, PaperNotFound, PapersError
from search.index.database_checksums import find_outdated, find_problem
from search.index.file_verification import check_files, load_row_checksums
from search.index.id_lookup import IdLookup
from search.index.json_object import REPAIR_HINT, damaged_file
from search.index.layout import GenerationLayout, Layout, Manifest, find_damaged_files
from search.index.read_errors import is_panic, reports_read_errors
from search.index.store import PaperStore
from search.papers import identifiers
from search.query.condition import AllOf, AnyOf, Condition, ContainsText, HasId, InRows, Not
from search.rows import NO_ROWS, PaperSet, Rows
from search.vectors.file import BLOCK_ROWS
from search.vectors.file import block_checksums as vector_checksums

if TYPE_CHECKING:  # imported where they are opened: queries with filters only do not need them
    from search.columns.suggestions import Suggester
    from search.index.calibration import Calibration
    from search.index.lexicon import Lexicon
    from search.vectors.vectors import VectorIndex
    from search.vectors.whitening import Whitening


@dataclass(eq=False)
class Snapshot:
    """The store, columns, vectors and lexicon of one generation; each is opened when first used.

    It is the local ``search.index.backend.Backend``.

    An open snapshot holds a shared lock on its manifest. A writer does not remove a generation that is locked.

    Attributes:
        layout: paths of the index.
        files: paths of the generation.
        manifest: contents of the generation.
    """

    layout: Layout
    files: GenerationLayout
    manifest: Manifest

    @classmethod
    def open(cls, directory: Path, *, verify_checksums: bool = False) -> Self:
        """Opens the published generation.

        Args:
            directory: the index.
            verify_checksums: read every file and compare its sha256; otherwise only sizes are compared.

        Raises:
            IndexMissing: nothing has been published in the directory.
            IndexDamaged: a file differs from the manifest.
        """
        snapshot = cls.open_unchecked(directory)
        for problem in snapshot.find_problems(verify_checksums=verify_checksums):
            raise IndexDamaged(directory, f"{problem}; {REPAIR_HINT}")
        return snapshot

    @classmethod
    def open_unchecked(cls, directory: Path) -> Self:
        """Opens the published generation and reads its manifest, without a look at the other files.

        Raises:
            IndexMissing: nothing has been published in the directory.
            IndexDamaged: CURRENT or the manifest cannot be read.
        """
        layout = Layout(directory)
        while True:
            name = layout.published_generation()
            files = layout.generation(name)
            with ExitStack() as cleanup:  # closes the lock's descriptor unless a snapshot takes it over
                try:
                    lock = os.open(files.manifest, os.O_RDONLY)
                except (FileNotFoundError, NotADirectoryError):
                    if layout.published_generation() != name:
                        continue  # replaced and removed after CURRENT was read
                    raise damaged_file(directory, f"CURRENT names {name}, which does not exist") from None
                cleanup.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_SH)
                if layout.published_generation() != name:
                    continue
                manifest = Manifest.load(files.manifest)
                snapshot = cls(Layout(directory, manifest.rows_folder), files, manifest)
                weakref.finalize(snapshot, cleanup.pop_all().close)
                return snapshot

    def find_problems(self, *, verify_checksums: bool) -> list[str]:
        """Returns one description per difference from the manifest.

        Args:
            verify_checksums: read every file and compare its sha256; otherwise only sizes are compared.
        """
        files = find_damaged_files(self.manifest.files, self.files.directory, verify_checksums=verify_checksums)
        problems = [*files, *self.find_source_problems(verify_checksums=verify_checksums)]
        return problems or self._find_content_problems()

    def find_source_problems(self, *, verify_checksums: bool) -> list[str]:
        """Returns the problems of papers and vectors alone; all other files can be rebuilt from these two."""
        manifest, vectors, problems = self.manifest, self.layout.vectors(self.manifest.model), []
        need = manifest.rows * manifest.model.dim * 2
        with closing(self.open_store_unchecked()) as store:
            if not self.layout.store.is_file():
                problems.append(f"{self.layout.store.name} is missing")
            elif problem := find_outdated(store, manifest.database) or (
                find_problem(store, BLOCK_ROWS, manifest.papers_sha256) if verify_checksums else None
            ):
                problems.append(problem)
        if not vectors.is_file() or vectors.stat().st_size < need:
            problems.append(f"{vectors.name} is missing or shorter than {need:,} bytes")
        elif (
            verify_checksums and vector_checksums(vectors, manifest.rows, manifest.model.dim) != manifest.vectors_sha256
        ):
            problems.append(f"{vectors.name} does not have the checksum it was published with")
        return problems

    @contextmanager
    def reports_damage(self) -> Iterator[None]:
        """Reports an unexpected error in the context as damage if a file of the generation is damaged.

        Files that are too large to be compared when they are opened, or that are altered later, cause errors of any
        kind. They are compared after the first unexpected error.

        Raises:
            IndexDamaged: a file differs from the manifest.
        """
        try:
            yield
        except PapersError:
            raise
        except BaseException as error:
            if not (isinstance(error, Exception) or is_panic(error)):
                raise
            for problem in self._damaged_files:
                raise IndexDamaged(self.layout.directory, f"{problem}; {REPAIR_HINT}") from None
            if is_panic(error):
                raise RuntimeError(f"tantivy failed: {error}") from error
            raise

    @cached_property
    def _damaged_files(self) -> list[str]:
        return list(find_damaged_files(self.manifest.files, self.files.directory, verify_checksums=True))

    def _find_content_problems(self) -> list[str]:
        """Returns the problems of files that are as published but cannot be used."""
        try:
            _ = self.calibration
        except IndexDamaged as error:
            return [str(error).removeprefix(f"{self.layout.directory}/").removesuffix(f"; {REPAIR_HINT}")]
        return []

    @property
    def generation(self) -> str:
        return self.manifest.generation

    @property
    def checksum(self) -> str:
        return self.manifest.sha256

    @property
    def notices(self) -> tuple[str, ...]:
        """See ``Backend``: nothing limits the answers of a generation that is open."""
        return ()

    def counted_over(self, papers: PaperSet) -> str:  # noqa: ARG002
        """See ``Backend``: all papers of a set are counted."""
        return ""

    @property
    def model(self) -> ModelIdentity:
        return self.manifest.model

    def count_bytes(self) -> int:
        """Returns the size of the files of the generation, its vectors and the database."""
        files, vectors = self.manifest.files, self.manifest.rows * self.model.dim * 2
        return sum(file.bytes for file in files) + vectors + self.layout.store.stat().st_size

    def for_session(self) -> Self:
        """Returns the snapshot itself, which has no state of a session."""
        return self

    @property
    def shared(self) -> Self:
        return self

    def load(self) -> None:
        """Opens everything, which is otherwise opened when first used.

        Raises:
            IndexUnavailable: a file is damaged or cannot be read.
        """
        _ = self.live, self.columns, self.lexicon, self.calibration, self.vectors.coded_rows
        self.store.replaced_rows()

    def _check(self, path: Path) -> Path:
        """Compares a file, or the files of a folder, with their checksums, and returns its path.

        Raises:
            IndexUnavailable: a file differs or cannot be read.
        """
        name = path.relative_to(self.files.directory).as_posix()
        records = (each for each in self.manifest.files if each.path == name or each.path.startswith(f"{name}/"))
        check_files(records, self.files.directory)
        return path

    def _row_checksums(self, path: Path) -> NDArray[np.uint32] | None:
        """Returns the checksums of all rows; None if an earlier version published the generation."""
        is_listed = any(file.path == path.name for file in self.manifest.files)
        return load_row_checksums(path, self.manifest.rows) if is_listed else None

    def open_store_unchecked(self) -> PaperStore:
        """Opens the papers without their row checksums, which may be damaged while the papers are not."""
        return PaperStore(self.layout.store, self.manifest.rows)

    @cached_property
    def store(self) -> PaperStore:
        checksums = self._row_checksums(self.files.paper_checksums)
        return PaperStore(self.layout.store, self.manifest.rows, checksums=checksums, added=self.added_times)

    @cached_property
    def added_times(self) -> NDArray[np.uint32]:
        """The times at which papers became part of the index; ``Columns.added`` without the other columns."""
        with reports_read_errors(self.files.columns):
            self._check(self.files.columns / "added.npy")
            return load_added_times(self.files.columns, self.manifest.rows)

    @property
    def newest_added(self) -> int:
        return int(self.added_times.max(initial=0))

    @cached_property
    def ids(self) -> IdLookup:
        return IdLookup(self.layout.store, self.manifest, self.store, self.live)

    def find_row(self, paper_id: str) -> int | None:
        """Returns the live row of the paper that has or had this ID, in any usual spelling; None without one."""
        parsed = identifiers.parse(paper_id)
        live = [row for row in self.ids.find(parsed.id) if row in self.live] if parsed else []
        return live[-1] if live else None

    def row_of(self, paper_id: str) -> int:
        """Returns the live row of the paper that has or had this ID, in any usual spelling.

        Raises:
            PaperNotFound: no paper has the ID.
        """
        if identifiers.parse(paper_id) is None:
            raise PaperNotFound(paper_id, "IDs look like arxiv:2604.24432, doi:10.1145/3292500 or h:0123456789ab")
        row = self.find_row(paper_id)
        if row is None:
            raise PaperNotFound(paper_id, "search for its title instead")
        return row

    @cached_property
    def columns(self) -> Columns:
        with reports_read_errors(self.files.columns):
            return Columns.open(self._check(self.files.columns))

    @cached_property
    def suggester(self) -> "Suggester":
        """Suggestions of authors and categories; building it takes 0.1 s for 350,000 authors."""
        from search.columns.suggestions import Suggester

        return Suggester.build(self.columns, self.live)

    @cached_property
    def live(self) -> Rows:
        """The rows that no later row has replaced.

        Raises:
            IndexDamaged: the tombstones cannot be read.
        """
        live = np.ones(self.manifest.rows, bool)
        try:
            with self._check(self.files.tombstones).open("rb") as file:
                live[np.lib.format.read_array(file, allow_pickle=False)] = False
        except (OSError, ValueError, EOFError, IndexError) as error:
            raise damaged_file(self.files.tombstones, f"it cannot be read ({error})") from None
        return Rows.from_mask(live)

    def rows_matching(self, condition: Condition, text: str = "") -> Rows:  # noqa: ARG002
        """Returns the live rows that match a condition; see ``Backend``.

        Raises:
            InvalidValue: see ``search.columns.conditions.select`` and ``Lexicon.rows_matching``.
        """
        parts = condition.parts if isinstance(condition, AllOf) else (condition,)
        selections = [self._selection(part) for part in parts]
        return Intersection(selections, self.live).rows() if selections else self.live

    def set_of(self, *rows: NDArray[np.int64], without: NDArray[np.int64] = NO_ROWS) -> Rows:
        """Returns the set of some rows, in any order and repeated or not, without others."""
        mask = np.zeros(self.manifest.rows, bool)
        for some in rows:
            mask[some] = True
        mask[without] = False
        return Rows.from_mask(mask)

    def _selection(self, condition: Condition) -> Selection:
        """Selects with the columns; words and phrases with the lexicon."""
        if isinstance(condition, ContainsText):
            return Fixed(Rows.from_ids(self.lexicon.rows_matching(condition), self.manifest.rows))
        if isinstance(condition, AllOf):
            parts = [self._selection(part) for part in condition.parts]
            return Intersection(parts, self.live) if parts else Fixed(self.live)
        if isinstance(condition, AnyOf):
            return Union([self._selection(part) for part in condition.parts], self.manifest.rows)
        if isinstance(condition, Not):
            return Complement(self._selection(condition.part), self.manifest.rows)
        if isinstance(condition, HasId):
            rows = np.array(self.ids.find(condition.id), np.int64)
            return Fixed(Rows.from_ids(rows, self.manifest.rows))
        if isinstance(condition, InRows):
            return Fixed(Rows.from_ids(np.array(condition.rows, np.int64), self.manifest.rows))
        return select(self.columns, condition)

    @cached_property
    def vectors(self) -> "VectorIndex":
        """The vectors, with codes if the generation has them."""
        from search.vectors.vectors import VectorIndex

        path, checksums = self.layout.vectors(self.model), self._row_checksums(self.files.vector_checksums)
        codes = self._check(self.files.codes) if self.manifest.trained_on else None
        with reports_read_errors(path):
            return VectorIndex(path, self.manifest.rows, self.model.dim, codes, checksums=checksums)

    @cached_property
    def whitening(self) -> "Whitening":
        """Whitening of the vectors, which recommendations use; computing it takes 0.2 s."""
        from search.vectors.whitening import SAMPLE_ROWS, Whitening

        live = self.live.ids
        sample = live[np.linspace(0, len(live) - 1, min(len(live), SAMPLE_ROWS)).astype(np.int64)]
        return Whitening.fit(self.vectors.get_vectors(sample))

    @cached_property
    def calibration(self) -> "Calibration | None":
        """Thresholds of the bands; None if no model was available when the index was repaired.

        Raises:
            IndexDamaged: the file cannot be read or lacks a key.
        """
        from search.index.calibration import Calibration

        return Calibration.load(self._check(self.files.calibration)) if self.files.calibration.is_file() else None

    @cached_property
    def lexicon(self) -> "Lexicon":
        from search.index.lexicon import Lexicon

        return Lexicon(self._check(self.files.lexicon), self.manifest.rows)
