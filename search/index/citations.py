"""Citations within an index: the papers that a paper cites, and those that cite it.

Both are found by the IDs of the papers when they are asked for, so it does not matter which paper was added first, or
whether their IDs were merged since.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.index.backend import Backend
from search.papers.identifiers import citation_key, id_key
from search.papers.json import Json
from search.papers.paper import Paper

MAX_CITATIONS = 1_000
"""Most papers of a list that interfaces return; further ones are only counted."""


@dataclass(frozen=True, slots=True)
class CitedOrCiting:
    """Papers of an index that a paper cites, or that cite it.

    Attributes:
        total: their number.
        papers: the first of them, the most cited first, then the newest.
    """

    total: int
    papers: tuple[Paper, ...]

    def to_json(self) -> dict[str, Json]:
        """Returns the papers as a JSON object, without their abstracts."""
        return {"total": self.total, "papers": [_summary_json(paper) for paper in self.papers]}


@dataclass(frozen=True, slots=True)
class Citations:
    """What a paper cites and what cites it, within an index.

    Attributes:
        paper: the paper.
        references: the papers that it cites.
        citing: the papers that cite it.
    """

    paper: Paper
    references: CitedOrCiting
    citing: CitedOrCiting

    def to_json(self) -> dict[str, Json]:
        """Returns both lists as a JSON object."""
        return {"id": self.paper.id, "references": self.references.to_json(), "citing": self.citing.to_json()}


def find_citations(snapshot: Backend, paper: Paper, limit: int = MAX_CITATIONS) -> Citations:
    """Returns what a paper of an index cites there and what cites it, at most ``limit`` papers of each."""
    return Citations(paper, find_cited(snapshot, paper, limit), find_citing(snapshot, paper, limit))


def find_cited(snapshot: Backend, paper: Paper, limit: int) -> CitedOrCiting:
    """Returns the papers of the index that a paper cites.

    Args:
        snapshot: the index.
        paper: a paper of it.
        limit: the most papers to return.
    """
    return _select(snapshot, [id_key(each) for each in paper.references], paper, limit)


def find_citing(snapshot: Backend, paper: Paper, limit: int) -> CitedOrCiting:
    """Returns the papers of the index that cite a paper by any of its IDs; see ``find_cited``."""
    return _select(snapshot, [citation_key(each) for each in paper.ids], paper, limit)


def _select(snapshot: Backend, keys: Sequence[int], paper: Paper, limit: int) -> CitedOrCiting:
    """Returns the live papers that have one of these keys, without the paper itself.

    Different IDs have the same key once in 10^19 pairs, which is not checked.
    """
    rows = np.array(sorted({*snapshot.store.rows_for_keys(keys)}), np.int64)
    rows = rows[snapshot.live.contains(rows)]
    rows = rows[rows != snapshot.find_row(paper.id)]
    first = snapshot.columns.sort(snapshot.set_of(rows), limit, "citations")
    return CitedOrCiting(len(rows), tuple(snapshot.store.get(first.tolist())))


def _summary_json(paper: Paper) -> dict[str, Json]:
    return {
        "id": paper.id,
        "title": paper.title,
        "authors": list(paper.authors),
        "published": str(paper.published) if paper.published else None,
        "citations": paper.citations,
    }
