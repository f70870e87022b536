"""The interface of the systems that ``benchmarks.ann`` compares, and the two that read the vectors file itself."""

import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.filter_cases import Fields, RowFilter, author_name, date_of, region_name
from benchmarks.synthetic_vectors import DIM, Vectors
from search.rows import Ranked

Setting = Mapping[str, float]
RowIds = NDArray[np.int64]

_BATCH_ROWS = 10_000
"""Rows per block that a system is built from."""


def parameter_grid(**values: Sequence[float]) -> tuple[Setting, ...]:
    """Returns every combination of the values."""
    return tuple(dict(zip(values, each, strict=True)) for each in itertools.product(*values.values()))


@dataclass(frozen=True)
class Dataset:
    """What every system indexes.

    Attributes:
        vectors: (rows, DIM) float16 unit rows.
        path: the file that contains them.
        fields: the fields of the rows.
    """

    vectors: NDArray[np.float16]
    path: Path
    fields: Fields

    def __len__(self) -> int:
        return len(self.vectors)

    def iter_blocks(self) -> Iterator[tuple[range, Vectors]]:
        """Yields the row numbers and float32 vectors of consecutive blocks."""
        for start in range(0, len(self), _BATCH_ROWS):
            block = np.asarray(self.vectors[start : start + _BATCH_ROWS], np.float32)
            yield range(start, start + len(block)), block


class System(Protocol):
    """A system under test.

    Attributes:
        package: the distribution whose version is reported.
        supports_filters: whether ``search`` accepts conditions.
        thread_env: environment variables, besides OMP_NUM_THREADS, that limit a query to one thread.
    """

    package: ClassVar[str]
    supports_filters: ClassVar[bool]
    thread_env: ClassVar[Mapping[str, str]]

    def settings(self, source: Dataset) -> tuple[Setting, ...]:
        """Returns the grid of settings; the best of them is reported for each filter case."""
        ...

    def build(self, source: Dataset, folder: Path) -> None:
        """Writes the index into an empty folder, using all cores."""
        ...

    def open(self, source: Dataset, folder: Path) -> None:
        """Opens the index in a folder for searching."""
        ...

    def search(self, query: Vectors, k: int, condition: RowFilter, setting: Setting) -> RowIds:
        """Evaluates the condition and returns the nearest matching rows, best first.

        Args:
            query: (DIM,) float32 unit vector.
            k: number of rows.
            condition: the filter.
            setting: one of ``settings``.
        """
        ...


def recreate_folder(folder: Path) -> Path:
    """Creates an empty folder, replacing an existing one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


class FaissExact:
    """Exact scan of float16 rows. numpy evaluates the filter; matching rows are gathered or selected by a bitmap."""

    package = "faiss-cpu"
    supports_filters = True
    thread_env: ClassVar[Mapping[str, str]] = {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return parameter_grid(gather=(0, 1))

    def build(self, source: Dataset, folder: Path) -> None:
        faiss.write_index(_exact_index(source.vectors), str(folder / "rows.faiss"))

    def open(self, source: Dataset, folder: Path) -> None:
        faiss.omp_set_num_threads(1)
        self._source, self._index = source, faiss.read_index(str(folder / "rows.faiss"))

    def search(self, query: Vectors, k: int, condition: RowFilter, setting: Setting) -> RowIds:
        if condition.is_empty:
            return self._index.search(query[None], k)[1][0]
        mask = self._source.fields.matching_mask(condition)
        if setting["gather"]:
            ids = np.flatnonzero(mask)
            if not len(ids):
                return ids
            return ids[_exact_index(self._source.vectors[ids]).search(query[None], min(k, len(ids)))[1][0]]
        bits = np.packbits(mask, bitorder="little")
        selected = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        return self._index.search(query[None], k, params=selected)[1][0]


def _exact_index(rows: NDArray[np.float16]) -> faiss.IndexScalarQuantizer:
    scorer = faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    scorer.is_trained = True
    if len(rows):
        scorer.add_sa_codes(np.ascontiguousarray(rows).view(np.uint8))
    return scorer


class PapersSearch:
    """This project: ``search.columns`` evaluates the filter and ``search.vectors`` finds the nearest rows."""

    package = "papers-search"
    supports_filters = True
    thread_env: ClassVar[Mapping[str, str]] = {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return ({},)

    def build(self, source: Dataset, folder: Path) -> None:
        from search.columns.builder import ColumnsBuilder
        from search.papers.date import Date
        from search.papers.paper import Paper
        from search.vectors.code_writer import write_codes

        vectors = np.memmap(source.path, np.float16, "r", shape=(len(source), DIM))
        write_codes(vectors, np.arange(len(source)), folder / "codes", None)
        builder, fields = ColumnsBuilder(), source.fields
        for day, region, author in zip(fields.days, fields.regions, fields.authors, strict=True):
            published = Date.parse(date_of(day).isoformat())
            builder.add(Paper(published=published, categories=(region_name(region),), authors=(author_name(author),)))
        builder.save(folder / "columns")

    def open(self, source: Dataset, folder: Path) -> None:
        from search.columns.columns import Columns
        from search.rows import Rows
        from search.vectors.vectors import VectorIndex

        self._live, self._columns = Rows.from_mask(np.ones(len(source), bool)), Columns.open(folder / "columns")
        self._index = VectorIndex(source.path, len(source), DIM, folder / "codes")

    def search(self, query: Vectors, k: int, condition: RowFilter, _setting: Setting) -> RowIds:
        return self.search_ranked(query, k, condition).rows

    def search_ranked(self, query: Vectors, k: int, condition: RowFilter) -> Ranked:
        """Returns the ranking, with the rows scored and the expected recall."""
        from search.columns.conditions import select
        from search.columns.selection import Intersection

        parts = [select(self._columns, part) for part in _to_filter(condition).condition.parts]
        rows = Intersection(parts, self._live).rows() if parts else self._live
        return self._index.nearest(query[None], k, rows)[0]


def _to_filter(condition: RowFilter) -> Any:
    from search.papers.date import Date
    from search.query.filter import Filter

    if condition.region is not None:
        return Filter(categories=(region_name(condition.region),))
    if condition.author is not None:
        return Filter(authors=(author_name(condition.author),))
    if condition.first_day is None or condition.last_day is None:
        return Filter()
    first, last = date_of(condition.first_day), date_of(condition.last_day)
    return Filter(
        published_from=Date(first.year, first.month, first.day), published_to=Date(last.year, last.month, last.day)
    )
