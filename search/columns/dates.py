"""Date columns: the publication or update date of every row, and the rows whose date overlaps a range."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.columns.postings import load_array
from search.files import save_array
from search.papers.date import NO_DAY, Date
from search.rows import PaperSet, as_rows, expand_ranges, mask_to_bitmap


@dataclass(frozen=True)
class DateColumn:
    """One date per row. A date of limited precision, such as a year, is an interval of days; many rows share one.

    Attributes:
        intervals: (2, n) int32, the distinct pairs of first and last day (``date.toordinal``), ascending.
        interval_of_row: (rows,) uint16, or uint32 for more than 65,536 intervals: the index of each row's interval.
        offsets: (n + 1,) int64, the start of each interval's rows in ``rows``.
        rows: (rows,) uint32, all rows ordered by interval.
    """

    intervals: NDArray[np.int32]
    interval_of_row: NDArray[np.uint16] | NDArray[np.uint32]
    offsets: NDArray[np.int64]
    rows: NDArray[np.uint32]

    @classmethod
    def from_days(cls, days: NDArray[np.int32]) -> Self:
        """Creates a column from (2, rows) int32 first and last days."""
        order = np.lexsort((days[1], days[0]))
        ordered = days[:, order]
        new = np.ones(len(order), bool)
        new[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
        starts = np.flatnonzero(new)
        interval_of_row = np.empty(len(order), np.uint32)
        interval_of_row[order] = np.cumsum(new) - 1
        interval_of_row = interval_of_row.astype(np.uint16) if len(starts) <= 2**16 else interval_of_row
        return cls(ordered[:, starts], interval_of_row, np.append(starts, len(order)), order.astype(np.uint32))

    def __len__(self) -> int:
        return len(self.interval_of_row)

    def days(self, ids: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.int32]:
        """Returns the first and last day of some rows, (2, n) int32."""
        return self.intervals[:, self.interval_of_row[ids]]

    def overlapping_span(self, start: int, end: int) -> tuple[int, int]:
        """Returns a half-open range of interval indices that contains every interval overlapping days start to end."""
        first = bisect_left(self._max_last_days, start)
        return first, bisect_right(self._first_days, end, first)

    @cached_property
    def _first_days(self) -> "memoryview[int]":
        return memoryview(np.ascontiguousarray(self.intervals[0]).data)

    @cached_property
    def _max_last_days(self) -> "memoryview[int]":
        """The running maximum of the last days, which unlike the last days themselves is sorted."""
        return memoryview(np.maximum.accumulate(self.intervals[1]).data)

    def count_intervals(self, papers: PaperSet) -> NDArray[np.int64]:
        """Returns how many rows of a set have each interval, (n,) int64."""
        return np.bincount(self.interval_of_row[as_rows(papers).ids], minlength=self.intervals.shape[1])

    def count_by_year(self, papers: PaperSet) -> dict[int, int]:
        """Counts rows by the year of their first day, latest year first."""
        counts = np.bincount(self._year_of_interval[self.interval_of_row[as_rows(papers).ids]])
        return {year: int(counts[year]) for year in np.flatnonzero(counts)[::-1].tolist() if year}

    def range_of(self, papers: PaperSet) -> tuple[int, int] | None:
        """Returns the earliest and the latest first day of the rows of a set; None if none of them has a date."""
        days = self.days(as_rows(papers).ids)[0]
        days = days[days != NO_DAY[0]]
        return (int(days.min()), int(days.max())) if len(days) else None

    @cached_property
    def _year_of_interval(self) -> NDArray[np.int64]:
        """(n,) int64, the year of the first day of each interval; 0 without a date."""
        first_days = np.asarray(self.intervals[0], np.int64)
        days = (first_days - date(1970, 1, 1).toordinal()).astype("datetime64[D]")
        return np.where(first_days == NO_DAY[0], 0, days.astype("datetime64[Y]").astype(np.int64) + 1970)

    @classmethod
    def open(cls, directory: Path, name: str) -> Self:
        """Opens the arrays that ``save`` wrote for the date ``name``."""
        return cls(*(load_array(directory, name + part) for part in _PARTS))

    def save(self, directory: Path, name: str) -> None:
        """Writes the arrays of the date ``name`` into a directory."""
        for part, values in zip(_PARTS, (self.intervals, self.interval_of_row, self.offsets, self.rows), strict=True):
            save_array(directory / f"{name}{part}.npy", values)


_PARTS = ("", "-of-row", "-offsets", "-rows")


class OverlapsRange:
    """The rows whose date overlaps a closed range: a ``Selection``.

    Args:
        days: the column.
        first: start of the range; None for no lower bound.
        last: end of the range; None for no upper bound.
    """

    def __init__(self, days: DateColumn, first: Date | None, last: Date | None) -> None:
        start = first.first_day if first else 0
        end = last.last_day if last else NO_DAY[0] - 1
        self._days = days
        self._first, self._end = days.overlapping_span(start, end)
        self._interval_mask = days.intervals[1][self._first : self._end] >= start
        self._all_overlap = bool(self._interval_mask.all())
        offsets = days.offsets[self._first : self._end + 1]
        if self._all_overlap:
            self._spans = offsets[:1], offsets[-1:]
        else:
            self._spans = offsets[:-1][self._interval_mask], offsets[1:][self._interval_mask]
        self.max_count = int((self._spans[1] - self._spans[0]).sum())

    def ids(self) -> NDArray[np.int64]:
        starts, ends = self._spans
        positions = slice(starts[0], ends[0]) if len(starts) == 1 else expand_ranges(starts, ends)
        return np.sort(self._days.rows[positions]).astype(np.int64)

    def bitmap(self) -> NDArray[np.uint8]:
        return mask_to_bitmap(self._overlaps(self._days.interval_of_row))

    def contains(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._overlaps(self._days.interval_of_row[ids])

    def _overlaps(self, intervals: NDArray[np.uint16] | NDArray[np.uint32]) -> NDArray[np.bool_]:
        if self._all_overlap:  # one unsigned comparison: indices below the first wrap to large numbers
            return np.asarray(intervals - intervals.dtype.type(self._first) < self._end - self._first)
        overlapping = np.zeros(len(self._days.offsets) - 1, bool)
        overlapping[self._first : self._end] = self._interval_mask
        return overlapping[intervals]
