"""RowIds: the numbers by which the columns and the lexicon refer to the values of a row."""

from dataclasses import dataclass

NO_ID = 2**32 - 1
"""The id of the first or last value of a row that has none."""


@dataclass(frozen=True, slots=True)
class RowIds:
    """The ids of one row's categories, authors and kinds.

    Attributes:
        categories: category ids, ascending.
        primary: id of the first category, or NO_ID.
        authors: author ids, ascending.
        first_author: id of the first author, or NO_ID.
        last_author: id of the last author, or NO_ID.
        kinds: kind ids, ascending.
    """

    categories: tuple[int, ...]
    primary: int
    authors: tuple[int, ...]
    first_author: int
    last_author: int
    kinds: tuple[int, ...]
