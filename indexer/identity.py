"""Identity: which records are the same paper, and what the merged one holds.

Sameness is a symmetric relation between the records of sources, never between merged papers; a paper is a connected
component of it, and what it holds is a function of the set of its records. So the order of imports cannot matter.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from search.papers import names
from search.papers.fingerprint import abstract_keys, are_near_duplicates, normalize_words, title_key
from search.papers.identifiers import id_key, preference_key
from search.papers.paper import Date, Json, Paper

_MIN_TITLE_WORDS = 4
"""Words a title needs to identify a paper together with its authors where an abstract is missing."""


def ensure_id(record: Paper) -> Paper:
    """The record with an id: its own, or ``h:`` and 12 hex digits of its folded title and abstract."""
    if record.ids:
        return record
    content = " ".join(normalize_words(record.title or "")) + "\n" + " ".join(normalize_words(record.abstract or ""))
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return replace(record, ids=("h:" + digest,))


def keys(record: Paper) -> frozenset[int]:
    """The 64-bit keys the store finds a record by; two records that are the same share at least one."""
    found = {id_key(paper_id) for paper_id in record.ids}
    if record.title:
        found.add(title_key(record.title))
    if record.abstract:
        found |= abstract_keys(record.abstract)
    return frozenset(found)


def is_same_paper(one: Paper, other: Paper) -> bool:
    """Whether two records are of one paper: by an id they share, or by title, authors and abstract.

    Ids of one scheme that differ speak against it, whatever the words say; a shared id speaks for it first.
    """
    if set(one.ids) & set(other.ids):
        return True
    if _ids_conflict(one.ids, other.ids):
        return False
    alike = (
        one.abstract
        and other.abstract
        and _abstracts_share_sentence(one, other)
        and are_near_duplicates(one.abstract, other.abstract)
    )
    if not (one.title and other.title):
        return bool(alike)
    if title_key(one.title) != title_key(other.title) or not _authors_compatible(one, other):
        return False
    if one.abstract and other.abstract:
        return bool(alike) or are_near_duplicates(one.abstract, other.abstract)
    return (
        bool(one.authors and other.authors)
        and len(normalize_words(one.title)) >= _MIN_TITLE_WORDS
        and _dates_compatible(one, other)
    )


def merge(records: Sequence[Paper]) -> Paper:
    """The paper of a set of records; it does not depend on their order, nor on repetitions."""
    if len(records) == 1:
        return records[0]
    ranked = sorted(
        {_canonical_repr(record): record for record in records}.items(),
        key=lambda item: (_record_sort_key(item[1]), item[0]),
    )
    best = [record for _, record in reversed(ranked)]  # the newest and most authoritative first
    lists = sorted((record for record in best if record.authors), key=_author_list_sort_key)
    return Paper(
        ids=tuple(sorted({paper_id for record in best for paper_id in record.ids}, key=_id_sort_key(best))),
        title=next((record.title for record in best if record.title), None),
        abstract=next((record.abstract for record in best if record.abstract), None),
        authors=lists[0].authors if lists else (),
        authors_partial=lists[0].authors_partial if lists else False,
        published=_earliest_date([record.published for record in best if record.published]),
        updated=_latest_date([record.updated for record in best if record.updated]),
        categories=tuple(dict.fromkeys(category for record in best for category in record.categories)),
        url=next((record.url for record in best if record.url), None),
        version=max((record.version for record in best if record.version), default=None),
        extra=_merge_extra(best),
        sources=tuple(sorted({source for record in best for source in record.sources})),
    )


def _ids_conflict(one: Sequence[str], other: Sequence[str]) -> bool:
    a, b = _group_by_scheme(one), _group_by_scheme(other)
    return any(scheme in b and not ids & b[scheme] for scheme, ids in a.items())


def _group_by_scheme(ids: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for paper_id in ids:
        scheme = paper_id.split(":", 1)[0]
        if scheme != "h":
            found.setdefault(scheme, set()).add(paper_id)
    return found


def _abstracts_share_sentence(one: Paper, other: Paper) -> bool:
    return bool(abstract_keys(one.abstract or "") & abstract_keys(other.abstract or ""))


def _authors_compatible(one: Paper, other: Paper) -> bool:
    """Whether two author lists can be one: each name of the shorter or cut one is found in the other.

    Of two complete lists at most one in ten names may be missing (collaborations grow between versions).
    """
    if not (one.authors and other.authors):
        return True
    shorter, longer = sorted((one, other), key=lambda record: len(record.authors))
    held = [names.parse(author) for author in longer.authors]
    asked = [names.parse(author) for author in shorter.authors]
    missing = sum(not any(names.are_compatible(name, each) for each in held) for name in asked)
    return missing * 10 <= len(asked)


def _dates_compatible(one: Paper, other: Paper) -> bool:
    """Published within two years of each other, as far as known: a preprint and its journal version."""
    if not (one.published and other.published):
        return True
    return abs(one.published.year - other.published.year) <= 2


def _record_sort_key(record: Paper) -> tuple[object, ...]:
    """Sorts records, the newest and most authoritative last."""
    newest = record.updated or record.published
    return (
        -min((preference_key(paper_id)[0] for paper_id in record.ids), default=9),
        record.version or 0,
        str(newest or ""),
        not record.authors_partial,
        len(record.abstract or ""),
    )


def _author_list_sort_key(record: Paper) -> tuple[bool, int]:
    return record.authors_partial, -len(record.authors)


def _id_sort_key(best: Sequence[Paper]) -> "_IdSortKey":
    return _IdSortKey(frozenset(paper_id for record in best if record.title for paper_id in record.ids))


class _IdSortKey:
    """Sort key of ids: by scheme, and among those of one scheme a titled record's first."""

    def __init__(self, titled: frozenset[str]) -> None:
        self._titled = titled

    def __call__(self, paper_id: str) -> tuple[int, bool, str]:
        scheme, spelled = preference_key(paper_id)
        return scheme, paper_id not in self._titled, spelled


def _earliest_date(dates: list[Date]) -> Date | None:
    """The earliest day; of dates that overlap it, the most precise."""
    if not dates:
        return None
    first = min(dates, key=lambda date: (date.first_day, -date.precision))
    inside = [date for date in dates if date.precision > first.precision and date.first_day <= first.last_day]
    return _earliest_date(inside) if inside else first


def _latest_date(dates: list[Date]) -> Date | None:
    """The latest day; of dates that overlap it, the most precise."""
    if not dates:
        return None
    last = max(dates, key=lambda date: (date.last_day, date.precision))
    inside = [date for date in dates if date.precision > last.precision and date.last_day >= last.first_day]
    return _latest_date(inside) if inside else last


def _merge_extra(best: Sequence[Paper]) -> dict[str, Json]:
    merged: dict[str, Json] = {}
    for record in best:
        for name, value in record.extra.items():
            merged.setdefault(name, value)
    return dict(sorted(merged.items()))


def _canonical_repr(record: Paper) -> str:
    return repr(record)
