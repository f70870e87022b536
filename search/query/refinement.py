"""Refinement: a query that a page offers besides the one that it answers."""

from dataclasses import dataclass
from typing import Literal

from search.papers.json import Json
from search.query.sort import Sort

RefinementKind = Literal["author", "filter", "sense", "related"]


@dataclass(frozen=True, slots=True)
class Refinement:
    """A query that the user can accept with one click; a page never applies it by itself.

    Attributes:
        kind: ``author``: the papers of a person whom the query names. ``filter``: a filter or an order that the query
            has in prose. ``sense``: a long form of an acronym in the query. ``related``: a phrase of the nearest
            papers.
        label: what the user accepts, in a few words.
        query: the text of the search box that accepts it.
        sort: the order that it needs besides; None keeps the order.
        papers: papers by the person, or that contain the long form; None for the other kinds.
    """

    kind: RefinementKind
    label: str
    query: str
    sort: Sort | None = None
    papers: int | None = None

    def to_json(self) -> dict[str, Json]:
        """Returns the refinement as a JSON object."""
        return {
            "kind": self.kind,
            "label": self.label,
            "query": self.query,
            "sort": self.sort,
            "papers": self.papers,
        }
