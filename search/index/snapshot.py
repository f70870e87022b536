"""Snapshot: one published generation, opened read-only. What it names never changes while it is open."""

import fcntl
import json
import os
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from search.columns.columns import Columns
from search.columns.selection import Complement, Fixed, Intersection, Selection, Union
from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged
from search.index.layout import GenerationLayout, Layout, Manifest, find_damaged_files
from search.index.store import PaperStore
from search.query.condition import AllOf, AnyOf, Condition, ContainsText, HasId, Not, searches_text
from search.rows import Rows
from search.vectors.file import BLOCK_ROWS
from search.vectors.file import block_checksums as vector_checksums

if TYPE_CHECKING:  # what a filter alone does without is imported where it is opened
    from search.columns.suggestions import Suggester
    from search.index.calibration import Calibration
    from search.index.lexicon import Lexicon
    from search.vectors.vectors import VectorIndex


@dataclass(eq=False)
class Snapshot:
    """A generation's store, columns, vectors and lexicon; each opened when first used.

    While it is open it holds a shared lock on its manifest, and a writer does not remove what is locked.
    """

    layout: Layout
    files: GenerationLayout
    manifest: Manifest

    @classmethod
    def open(cls, directory: Path, *, verify_checksums: bool = False) -> Self:
        """Opens the published generation.

        Args:
            directory: the index. checksums: read every file and compare its sha256; else sizes only.

        Raises:
            IndexMissing: nothing was published there. IndexDamaged: a file differs from what the manifest says.
        """
        snapshot = cls.open_unchecked(directory)
        for problem in snapshot.find_problems(verify_checksums=verify_checksums):
            raise IndexDamaged(directory, f"{problem}; make it again with: papers doctor --repair")
        return snapshot

    @classmethod
    def open_unchecked(cls, directory: Path) -> Self:
        """Holds the published generation; nothing but its manifest is looked at.

        Raises:
            IndexMissing: nothing was published there. IndexDamaged: the manifest cannot be read.
        """
        layout = Layout(directory)
        while True:
            name = layout.published_generation()
            files = layout.generation(name)
            try:
                lock = os.open(files.manifest, os.O_RDONLY)
            except FileNotFoundError:
                if layout.published_generation() != name:
                    continue  # replaced and removed between two lines: look again
                raise IndexDamaged(directory, f"CURRENT names {name}, which is not there; index again") from None
            fcntl.flock(lock, fcntl.LOCK_SH)
            if layout.published_generation() == name:
                break
            os.close(lock)
        snapshot = cls(layout, files, Manifest.load(files.manifest))
        weakref.finalize(snapshot, os.close, lock)
        return snapshot

    def find_problems(self, *, verify_checksums: bool) -> list[str]:
        """What differs from the manifest, in words: sizes, and the checksums too if asked."""
        files = find_damaged_files(self.manifest.files, self.files.directory, verify_checksums=verify_checksums)
        return [*files, *self.find_source_problems(verify_checksums=verify_checksums)]

    def find_source_problems(self, *, verify_checksums: bool) -> list[str]:
        """The same of papers and vectors alone: all else can be made from them."""
        manifest, vectors, found = self.manifest, self.layout.vectors(self.manifest.model), []
        need = manifest.rows * manifest.model.dim * 2
        if not self.layout.store.is_file():
            found.append(f"{self.layout.store.name} is missing")
        elif verify_checksums and (problem := self.store.find_problem(BLOCK_ROWS, manifest.papers_sha256)):
            found.append(problem)
        if not vectors.is_file() or vectors.stat().st_size < need:
            found.append(f"{vectors.name} is missing or shorter than {need:,} bytes")
        elif (
            verify_checksums and vector_checksums(vectors, manifest.rows, manifest.model.dim) != manifest.vectors_sha256
        ):
            found.append(f"{vectors.name} does not have the checksum it was published with")
        return found

    @property
    def model(self) -> ModelIdentity:
        return self.manifest.model

    @cached_property
    def store(self) -> PaperStore:
        return PaperStore(self.layout.store, self.manifest.rows)

    @cached_property
    def columns(self) -> Columns:
        return Columns.open(self.files.columns)

    @cached_property
    def suggester(self) -> "Suggester":
        """Authors and categories, to be suggested; worked out in a tenth of a second where there are 350,000."""
        from search.columns.suggestions import Suggester

        return Suggester.build(self.columns, self.live)

    @cached_property
    def live(self) -> Rows:
        """The rows that no later row took over."""
        live = np.ones(self.manifest.rows, bool)
        live[np.load(self.files.tombstones, allow_pickle=False)] = False
        return Rows.from_mask(live)

    def rows_matching(self, condition: Condition) -> Rows:
        """The live rows that meet a condition.

        Raises:
            InvalidValue: see ``Columns.selection`` and ``Lexicon.passing``.
        """
        parts = condition.parts if isinstance(condition, AllOf) else (condition,)
        selections = [self._selection(part) for part in parts if not searches_text(part)]
        if words := tuple(part for part in parts if searches_text(part)):
            selections.append(self._selection(AllOf(words)))
        return Intersection(selections, self.live).rows() if selections else self.live

    def _selection(self, condition: Condition) -> Selection:
        """The lexicon answers for words at once, however many they are, and for all that they are joined to."""
        if isinstance(condition, ContainsText) or searches_text(condition):
            return Fixed(Rows.from_ids(self.lexicon.rows_matching(condition), self.manifest.rows))
        if isinstance(condition, AllOf):
            parts = [self._selection(part) for part in condition.parts]
            return Intersection(parts, self.live) if parts else Fixed(self.live)
        if isinstance(condition, AnyOf):
            return Union([self._selection(part) for part in condition.parts], self.manifest.rows)
        if isinstance(condition, Not):
            return Complement(self._selection(condition.part), self.manifest.rows)
        if isinstance(condition, HasId):
            found = np.array(self.store.find(condition.id), np.int64)
            return Fixed(Rows.from_ids(found, self.manifest.rows))
        return self.columns.selection(condition)

    @cached_property
    def vectors(self) -> "VectorIndex":
        """The vectors, with codes where the generation has them."""
        from search.vectors.vectors import VectorIndex

        codes = self.files.codes if self.manifest.trained_on else None
        return VectorIndex(self.layout.vectors(self.model), self.manifest.rows, self.model.dim, codes)

    @cached_property
    def calibration(self) -> "Calibration | None":
        """What tells close from far here; None where no model was at hand when the index was made again."""
        from search.index.calibration import Calibration

        if not self.files.calibration.is_file():
            return None
        return Calibration.from_json(json.loads(self.files.calibration.read_text("utf-8")))

    @cached_property
    def lexicon(self) -> "Lexicon":
        from search.index.lexicon import Lexicon

        return Lexicon(self.files.lexicon, self.columns, self.store.find)
