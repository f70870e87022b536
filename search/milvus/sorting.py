"""Sorts papers of a collection by a field, which Milvus does not do.

The first papers of an order are those of the highest inner product with one dimension of the field ``order``. More are
read than are wanted: Milvus returns any of the papers with the same value as the last one. If that is also the value of
the last paper that is wanted, all papers with this value are looked up. So the result is that of a local index, of a
small set in one round trip and otherwise in at most three.
"""

import numpy as np
from numpy.typing import NDArray

from search.columns.builder import day_range
from search.milvus.entities import ADDED_STEP, FetchedPaper
from search.milvus.keys import all_of
from search.milvus.table import MAX_WHOLE_SET, READ_IN_ORDER, MatchingPapers, PaperTable
from search.papers.date import NO_DAY
from search.query.sort import FieldOrder
from search.rows import PaperSet

_FIELDS = ("row", "published_first", "added", "citations")


def sort_papers(table: PaperTable, papers: PaperSet, k: int, order: FieldOrder) -> NDArray[np.int64]:
    """Returns the first k papers of a set in order of a field; see ``search.index.backend_fields.Fields.sort``."""
    if k <= 0:
        return np.empty(0, np.int64)
    if not isinstance(papers, MatchingPapers):
        values = [_values_of(fetched) for fetched in table.get(papers.ids.tolist())]
        return np.array(sorted_rows(values, order)[:k], np.int64)
    asked = max(k, MAX_WHOLE_SET) + 1
    table.note_kind(READ_IN_ORDER[order])
    found = table.collection.first_in_order(order, asked, papers.whole_expression).papers
    table.add(found, papers.expression)
    values = sorted(map(_values_of, found), key=lambda each: sort_key(each, order))
    if len(values) < asked:
        papers.note_size(len(values))
    if len(values) < asked or _step(values[k - 1], order) != _step(values[-1], order):
        return np.array([row for row, *_ in values[:k]], np.int64)
    ties = all_of((papers.whole_expression, _same_value(values[k - 1], order)))
    same = table.collection.values(ties, _FIELDS)
    tied = {int(each["row"]): (int(each["row"]), *(int(each[name]) for name in _FIELDS[1:])) for each in same}
    merged = {each[0]: each for each in values} | tied
    return np.array(sorted_rows(list(merged.values()), order)[:k], np.int64)


def sorted_rows(values: list[tuple[int, ...]], order: FieldOrder) -> list[int]:
    """Returns the rows of papers in order; ``values`` are the row, the first day, the time added and the citations."""
    return [each[0] for each in sorted(values, key=lambda each: sort_key(each, order))]


def sort_key(values: tuple[int, ...], order: FieldOrder) -> tuple[int, ...]:
    """Returns what sorts papers ascending; see ``sorted_rows``."""
    row, first_day, added, citations = values
    is_undated = first_day == NO_DAY[0]
    if order == "oldest":
        return is_undated, first_day, row
    primary = {"newest": 0, "added": -added, "citations": -citations}[order]
    return primary, is_undated, -first_day, -row


def _values_of(fetched: FetchedPaper) -> tuple[int, ...]:
    paper = fetched.paper
    added = int(paper.added.timestamp()) if paper.added else 0
    citations = 0 if paper.citations is None else paper.citations + 1
    return fetched.row, day_range(paper.published)[0], added, citations


def _step(values: tuple[int, ...], order: FieldOrder) -> int:
    """Returns what the field ``order`` distinguishes."""
    _, first_day, added, citations = values
    return {"citations": citations, "added": added // ADDED_STEP}.get(order, first_day)


def _same_value(last: tuple[int, ...], order: FieldOrder) -> str:
    """Returns the expression of the papers with the same value of the field ``order`` as one."""
    _, first_day, added, citations = last
    if order in ("newest", "oldest"):
        return f"published_first == {first_day}"
    if order == "citations":
        return f"citations == {citations}"
    start = added // ADDED_STEP * ADDED_STEP
    return f"(added >= {start} and added < {start + ADDED_STEP})"
