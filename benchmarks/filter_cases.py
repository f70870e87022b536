"""The workload of ``benchmarks.ann`` and ``benchmarks.recall``: fields of the rows, and filters on them by case.

Each row has a day (uniform over DAYS days), a region (its k-means cluster of about 1.6% of the rows) and an author.
Authors in queries have 47 rows, all others about 200. The filter cases:

    none                 no filter
    U50, U10, ... U.01   uncorrelated with the query: a range of days that matches 50%, 10%, ... 0.01% of the rows
    N                    anti-correlated: the region farthest from the query
    C                    correlated: the query's own region
    author               one author's 47 rows
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.synthetic_vectors import DIM, VectorCorpus, Vectors, assign_regions

DAYS = 10_000
"""Number of distinct days."""
FIRST_DAY = date(1999, 1, 1)
"""The date of day 0."""
UNCORRELATED_WIDTHS = {"U50": 5_000, "U10": 1_000, "U1": 100, "U.1": 10, "U.01": 1}
"""Days in the range of each uncorrelated case."""
FILTER_CASES = ("none", *UNCORRELATED_WIDTHS, "N", "C", "author")
_QUERIED_AUTHORS = 20
"""Number of authors in queries."""
_ROWS_PER_QUERIED_AUTHOR = 47
"""Rows of each author in queries."""
_ROWS_PER_OTHER_AUTHOR = 200
"""Mean number of rows of all other authors."""
_SEED = 20_262
_GATHER_LIMIT = 50_000
"""Matching rows up to which the exact scan copies them; more would take gigabytes."""


@dataclass(frozen=True)
class RowFilter:
    """A filter by a range of days, a region or an author; by none of them, it matches all rows.

    Attributes:
        first_day: first day of the closed range.
        last_day: last day of the closed range.
        region: a region.
        author: an author.
    """

    first_day: int | None = None
    last_day: int | None = None
    region: int | None = None
    author: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the filter matches every row."""
        return self == RowFilter()


@dataclass(frozen=True)
class Fields:
    """The fields of all rows.

    Attributes:
        days: (rows,) int32, days since FIRST_DAY.
        regions: (rows,) int32.
        authors: (rows,) int32.
    """

    days: NDArray[np.int32]
    regions: NDArray[np.int32]
    authors: NDArray[np.int32]

    @classmethod
    def of(cls, corpus: VectorCorpus) -> "Fields":
        """Returns the fields of a corpus, drawn once and cached in its work folder."""
        path = corpus.work / f"fields-{corpus.rows}.npy"
        if not path.exists():
            np.save(path, _draw_fields(corpus))
        return cls(*np.load(path))

    def matching_mask(self, condition: RowFilter) -> NDArray[np.bool_]:
        """Returns which rows match a filter, (rows,) bool."""
        if condition.region is not None:
            return self.regions == condition.region
        if condition.author is not None:
            return self.authors == condition.author
        if condition.first_day is not None:
            return (self.days >= condition.first_day) & (self.days <= condition.last_day)
        return np.ones(len(self.days), bool)


def _draw_fields(corpus: VectorCorpus) -> NDArray[np.int32]:
    random = np.random.default_rng(_SEED)
    days = random.integers(0, DAYS, corpus.rows)
    queried = np.repeat(np.arange(_QUERIED_AUTHORS), _ROWS_PER_QUERIED_AUTHOR)
    other_count = max(1, corpus.rows // _ROWS_PER_OTHER_AUTHOR)
    others = random.integers(0, other_count, corpus.rows - len(queried)) + _QUERIED_AUTHORS
    authors = random.permutation(np.concatenate((queried, others)))
    return np.stack((days, assign_regions(corpus.vectors, corpus.centres()), authors)).astype(np.int32)


def date_of(day: int) -> date:
    """Returns the calendar date of a day."""
    return FIRST_DAY + timedelta(days=int(day))


def region_name(region: int) -> str:
    """Returns the category code of a region."""
    return f"x.R{region}"


def author_name(author: int) -> str:
    """Returns a full name with a unique surname."""
    letters = "".join("bdfgklmnrt"[int(digit)] + "aeiou"[index % 5] for index, digit in enumerate(str(author)))
    return f"Ada {letters.capitalize()}son"


@dataclass(frozen=True)
class Workload:
    """The queries with their filters and exact results in each filter case.

    Attributes:
        corpus: the vectors and queries.
        fields: the fields of the rows.
    """

    corpus: VectorCorpus
    fields: Fields

    def filters(self, case: str) -> list[RowFilter]:
        """Returns one filter per query."""
        count = len(self.corpus.queries)
        if case in UNCORRELATED_WIDTHS:
            width = UNCORRELATED_WIDTHS[case]
            starts = np.random.default_rng(_SEED + width).integers(0, DAYS - width + 1, count).tolist()
            return [RowFilter(first_day=start, last_day=start + width - 1) for start in starts]
        if case in ("N", "C"):
            return [RowFilter(region=int(region)) for region in self._regions_by_distance[:, -1 if case == "N" else 0]]
        if case == "author":
            return [RowFilter(author=number % _QUERIED_AUTHORS) for number in range(count)]
        return [RowFilter()] * count

    def ground_truth(self, case: str, k: int) -> list[NDArray[np.int64]]:
        """Returns the k nearest matching rows of each query, found by an exact scan and cached in the work folder."""
        path = self.corpus.work / f"truth-{self.corpus.rows}-{len(self.corpus.queries)}-{case}-{k}.npy"
        if not path.exists():
            np.save(path, self._scan(case, k))
        return [found[found >= 0] for found in np.load(path)]

    @cached_property
    def _regions_by_distance(self) -> NDArray[np.int64]:
        """(queries, REGIONS) regions, nearest centre first. All regions have 0.7 to 4% of the rows."""
        return np.argsort(-(self.corpus.queries @ self.corpus.centres().T), axis=1)

    @cached_property
    def _exact_index(self) -> faiss.IndexScalarQuantizer:
        exact = faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        exact.is_trained = True
        exact.add_sa_codes(np.ascontiguousarray(self.corpus.vectors).view(np.uint8))
        return exact

    def _scan(self, case: str, k: int) -> NDArray[np.int64]:
        queries, conditions = self.corpus.queries, self.filters(case)
        found = np.empty((len(queries), k), np.int64)
        for condition in set(conditions):
            indices = [index for index, each in enumerate(conditions) if each == condition]
            found[indices] = self._nearest(queries[indices], condition, k)
        return found

    def _nearest(self, queries: Vectors, condition: RowFilter, k: int) -> NDArray[np.int64]:
        if condition.is_empty:
            return self._exact_index.search(queries, k)[1]
        mask = self.fields.matching_mask(condition)
        if np.count_nonzero(mask) > _GATHER_LIMIT:
            bits = np.packbits(mask, bitorder="little")  # a variable, since faiss stores only a pointer
            return self._exact_index.search(
                queries, k, params=faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
            )[1]
        ids = np.flatnonzero(mask)
        scores = queries @ np.asarray(self.corpus.vectors[ids], np.float32).T
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        found = np.full((len(queries), k), -1, np.int64)
        found[:, : best.shape[1]] = ids[best]
        return found


def recall(found: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Returns the share of the true rows that were found."""
    return float(np.isin(truth, found).mean()) if len(truth) else 1.0


def folder_bytes(folder: Path) -> int:
    """Returns the disk space of all files in a folder, in bytes."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
