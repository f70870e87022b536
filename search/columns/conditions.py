"""Evaluates the conditions that the columns answer."""

import numpy as np

from search import budget
from search.columns.columns import Columns
from search.columns.dates import OverlapsRange
from search.columns.selection import Fixed, HasAny, HasValue, Selection
from search.errors import InvalidValue
from search.query.condition import AddedBetween, Author, Category, ColumnLeaf, HasKind
from search.rows import Rows


def select(columns: Columns, leaf: ColumnLeaf) -> Selection:
    """Returns the rows that meet a condition, including replaced rows.

    Args:
        columns: the columns.
        leaf: the condition.

    Raises:
        InvalidValue: the category exists neither in arXiv's taxonomy nor in this index; an author has a paper; see
            also ``KindColumn.id_of``.
    """
    budget.check()
    if isinstance(leaf, Author):
        return _select_author(columns, leaf)
    if isinstance(leaf, Category):
        categories = columns.categories
        in_any_position = HasAny(categories.postings, categories.ids_of(leaf.code))
        if not leaf.primary:
            return in_any_position
        return HasValue(categories.primary, categories.primary_ids_of(leaf.code), in_any_position)
    if isinstance(leaf, HasKind):
        return HasAny(columns.kinds.postings, [columns.kinds.id_of(leaf.kind)])
    if isinstance(leaf, AddedBetween):
        start, end = leaf.seconds
        # numpy compares integers beyond uint32 exactly
        return Fixed(Rows.from_mask(np.asarray((columns.added >= max(start, 1)) & (columns.added <= end), bool)))
    return OverlapsRange(columns.date_column(leaf.field), leaf.start, leaf.end)


def _select_author(columns: Columns, leaf: Author) -> Selection:
    if leaf.paper:  # nobody's papers are to be selected for those of a namesake
        raise InvalidValue("author", f"{leaf.name} @ {leaf.paper}", "only a search tells people apart; omit @")
    values = columns.author_ids(leaf)
    in_any_position = HasAny(columns.author_postings, values)
    if leaf.position == "any":
        return in_any_position
    column = columns.first_author if leaf.position == "first" else columns.last_author
    return HasValue(column, values, in_any_position)
