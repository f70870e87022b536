"""Grouping: divides records into papers, so that no record joins papers whose IDs or contents contradict each other.

Agglomerative clustering with constraints, as in Davidson and Ravi, "Agglomerative hierarchical clustering with
constraints" (PKDD 2005): pairs of records that are related are joined, the strongest relations first, unless the two
groups contradict each other. Ties are broken by the content of the records, so the papers are a function of the set of
records and decisions, whatever the order of import.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, product

from indexer.decisions import Decisions
from indexer.identity import Relation, are_authors_compatible, compare, compare_ids
from search.papers.evidence import is_informative
from search.papers.paper import Paper


def relate(one: Paper, other: Paper, decisions: Decisions) -> Relation:
    """Returns how two records are related; a decision of the user comes before what they say."""
    decided = decisions.find(one, other) if decisions else None
    if decided is None:
        return compare(one, other)
    return Relation.DECIDED_SAME if decided else Relation.APART


def group_records(records: Mapping[str, Paper], decisions: Decisions) -> list[dict[str, Paper]]:
    """Divides records into papers.

    Args:
        records: The records by their JSON text; all those that are related to one of them, directly or through others.
        decisions: What the user decided.

    Returns:
        The records of each paper.
    """
    if len(records) == 1:
        return [dict(records)]
    texts = sorted(records)
    relations = {(one, other): relate(records[one], records[other], decisions) for one, other in combinations(texts, 2)}
    apart = {pair for pair, relation in relations.items() if relation is Relation.APART}
    groups = {text: _Group.of(text, records[text]) for text in texts}
    for (one, other), relation in sorted(relations.items(), key=lambda item: (item[1], item[0])):
        first, second = groups[one], groups[other]
        if relation.joins and first is not second and _may_join(first, second, relation, apart):
            joined = first.joined(second)
            groups.update(dict.fromkeys(joined.records, joined))
    return [group.records for group in {id(group): group for group in groups.values()}.values()]


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Records that describe the same paper.

    Attributes:
        records: The records by their JSON text.
        ids: The IDs of all of them.
        has_title: Whether one of them has a title.
        has_abstract: Whether one of them has an abstract that identifies the paper.
    """

    records: dict[str, Paper]
    ids: frozenset[str]
    has_title: bool
    has_abstract: bool

    @classmethod
    def of(cls, text: str, record: Paper) -> "_Group":
        return cls({text: record}, frozenset(record.ids), bool(record.title), is_informative(record.abstract))

    def joined(self, other: "_Group") -> "_Group":
        return _Group(
            self.records | other.records,
            self.ids | other.ids,
            self.has_title or other.has_title,
            self.has_abstract or other.has_abstract,
        )


def _may_join(one: _Group, other: _Group, relation: Relation, apart: set[tuple[str, str]]) -> bool:
    """Whether two groups, of which two records are related, can be the same paper.

    IDs must not contradict each other. Equal abstracts do not join two groups that both have a title, nor do equal
    titles join two groups that both have an abstract: these would be related by both if they were the same paper.
    """
    if relation is Relation.DECIDED_SAME:
        return True
    if compare_ids(one.ids, other.ids) is False or _contains_pair(apart, one.records, other.records):
        return False
    if relation is Relation.SHARED_ID:
        return True
    if relation is Relation.TITLE and one.has_abstract and other.has_abstract:
        return False
    if relation is Relation.ABSTRACT and one.has_title and other.has_title:
        return False
    return _have_compatible_authors(one.records.values(), other.records.values())


def _contains_pair(pairs: set[tuple[str, str]], one: Iterable[str], other: Iterable[str]) -> bool:
    return bool(pairs) and any((a, b) in pairs or (b, a) in pairs for a, b in product(one, other))


def _have_compatible_authors(one: Iterable[Paper], other: Iterable[Paper]) -> bool:
    """Whether two groups have compatible author lists, or one of them has none."""
    lists = [[record for record in group if record.authors] for group in (one, other)]
    return not all(lists) or any(are_authors_compatible(a, b) for a, b in product(*lists))
