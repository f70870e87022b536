"""Related records of a paper: its earlier versions, other papers that may be the same one, and records elsewhere."""

from indexer import identity
from indexer.decisions import Decisions
from indexer.merging import find_superseded
from search.index.backend import Backend
from search.papers.identifiers import id_key
from search.papers.paper import Paper

_MAX_DUPLICATES = 5
"""Papers that are proposed as the same one."""


def find_earlier_versions(snapshot: Backend, paper: Paper) -> list[Paper]:
    """Returns the superseded records of a paper that have another title, other authors or categories, newest first."""
    return [
        record
        for record in find_superseded(snapshot.store.records(_row_of(snapshot, paper)))
        if (record.title, record.authors, record.categories) != (paper.title, paper.authors, paper.categories)
    ]


def find_possible_duplicates(snapshot: Backend, paper: Paper) -> list[Paper]:
    """Returns papers that may be the same as a paper, unless the user decided that they are different."""
    own, store = _row_of(snapshot, paper), snapshot.store
    records = store.records(own)
    keys = frozenset[int]().union(*map(identity.keys, records))
    rows = sorted({row for key in keys for row in store.rows_for_key(key) if row in snapshot.live} - {own})
    decisions = Decisions.from_rows(store.decisions())
    found = [
        row
        for row in rows
        if any(
            identity.is_possible_duplicate(one, other) and decisions.find(one, other) is None
            for other in store.records(row)
            for one in records
        )
    ]
    return store.get(found[:_MAX_DUPLICATES])


def find_described_paper(snapshot: Backend, record: Paper) -> Paper | None:
    """Returns the paper that a record describes, such as an entry of a bibliography; None if the index lacks it.

    A record with which an import would merge it describes the same paper; one that shares an ID counts first.
    """
    keys = [*map(id_key, record.ids), *identity.keys(record)]
    rows = dict.fromkeys(row for key in keys for row in snapshot.store.rows_for_key(key) if row in snapshot.live)
    for row in rows:
        if any(identity.is_same_paper(record, other) for other in snapshot.store.records(row)):
            return snapshot.store.get([row])[0]
    return None


def _row_of(snapshot: Backend, paper: Paper) -> int:
    """Returns the live row of a paper, found by its public ID, which no other paper has."""
    return snapshot.row_of(paper.id)
