"""Citations within an index: the papers that a paper cites, and those that cite it.

Both are found by the IDs of the papers when they are asked for, so it does not matter which paper was added first, or
whether their IDs were merged since.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.index.snapshot import Snapshot
from search.papers.identifiers import citation_key, id_key
from search.papers.paper import Paper


@dataclass(frozen=True, slots=True)
class CitedOrCiting:
    """Papers of an index that a paper cites, or that cite it.

    Attributes:
        total: their number.
        papers: the first of them, the most cited first, then the newest.
    """

    total: int
    papers: tuple[Paper, ...]


def find_cited(snapshot: Snapshot, paper: Paper, limit: int) -> CitedOrCiting:
    """Returns the papers of the index that a paper cites.

    Args:
        snapshot: the index.
        paper: a paper of it.
        limit: the most papers to return.
    """
    return _select(snapshot, [id_key(each) for each in paper.references], paper, limit)


def find_citing(snapshot: Snapshot, paper: Paper, limit: int) -> CitedOrCiting:
    """Returns the papers of the index that cite a paper by any of its IDs; see ``find_cited``."""
    return _select(snapshot, [citation_key(each) for each in paper.ids], paper, limit)


def _select(snapshot: Snapshot, keys: Sequence[int], paper: Paper, limit: int) -> CitedOrCiting:
    """Returns the live papers that have one of these keys, without the paper itself.

    Different IDs have the same key once in 10^19 pairs, which is not checked.
    """
    rows = np.array(sorted({*snapshot.store.rows_for_keys(keys)}), np.int64)
    rows = rows[snapshot.live.contains(rows)]
    rows = rows[rows != snapshot.find_row(paper.id)]
    first = snapshot.columns.sort_rows(rows, limit, "citations")
    return CitedOrCiting(len(rows), tuple(snapshot.store.get(first.tolist())))
