"""Identity: which records are the same paper, and what the merged one holds.

Sameness is a symmetric relation between the records of sources, never between merged papers; a paper is a connected
component of it, and what it holds is a function of the set of its records. So the order of imports cannot matter.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from search.papers import names
from search.papers.fingerprint import abstract_keys, nearly_equal, title_key, words
from search.papers.identifiers import id_key, preference
from search.papers.paper import Date, Json, Paper

_LEAST_TITLE_WORDS = 4
"""Words a title needs to identify a paper together with its authors where an abstract is missing."""


def named(record: Paper) -> Paper:
    """The record with an id: its own, or ``h:`` and 12 hex digits of its folded title and abstract."""
    if record.ids:
        return record
    content = " ".join(words(record.title or "")) + "\n" + " ".join(words(record.abstract or ""))
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


def same(one: Paper, other: Paper) -> bool:
    """Whether two records are of one paper: by an id they share, or by title, authors and abstract.

    Ids of one scheme that differ speak against it, whatever the words say; a shared id speaks for it first.
    """
    if set(one.ids) & set(other.ids):
        return True
    if _contradict(one.ids, other.ids):
        return False
    alike = (
        one.abstract and other.abstract and _share_sentence(one, other) and nearly_equal(one.abstract, other.abstract)
    )
    if not (one.title and other.title):
        return bool(alike)
    if title_key(one.title) != title_key(other.title) or not _compatible(one, other):
        return False
    if one.abstract and other.abstract:
        return bool(alike) or nearly_equal(one.abstract, other.abstract)
    return (
        bool(one.authors and other.authors)
        and len(words(one.title)) >= _LEAST_TITLE_WORDS
        and _near_in_time(one, other)
    )


def merge(records: Sequence[Paper]) -> Paper:
    """The paper of a set of records; it does not depend on their order, nor on repetitions."""
    if len(records) == 1:
        return records[0]
    ranked = sorted({_line(record): record for record in records}.items(), key=lambda item: (_rank(item[1]), item[0]))
    best = [record for _, record in reversed(ranked)]  # the newest and most authoritative first
    lists = sorted((record for record in best if record.authors), key=_authors_rank)
    return Paper(
        ids=tuple(sorted({paper_id for record in best for paper_id in record.ids}, key=_id_rank(best))),
        title=next((record.title for record in best if record.title), None),
        abstract=next((record.abstract for record in best if record.abstract), None),
        authors=lists[0].authors if lists else (),
        authors_partial=lists[0].authors_partial if lists else False,
        published=_earliest([record.published for record in best if record.published]),
        updated=_latest([record.updated for record in best if record.updated]),
        categories=tuple(dict.fromkeys(category for record in best for category in record.categories)),
        url=next((record.url for record in best if record.url), None),
        version=max((record.version for record in best if record.version), default=None),
        extra=_extra(best),
        sources=tuple(sorted({source for record in best for source in record.sources})),
    )


def _contradict(one: Sequence[str], other: Sequence[str]) -> bool:
    a, b = _by_scheme(one), _by_scheme(other)
    return any(scheme in b and not ids & b[scheme] for scheme, ids in a.items())


def _by_scheme(ids: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for paper_id in ids:
        scheme = paper_id.split(":", 1)[0]
        if scheme != "h":
            found.setdefault(scheme, set()).add(paper_id)
    return found


def _share_sentence(one: Paper, other: Paper) -> bool:
    return bool(abstract_keys(one.abstract or "") & abstract_keys(other.abstract or ""))


def _compatible(one: Paper, other: Paper) -> bool:
    """Whether two author lists can be one: each name of the shorter or cut one is found in the other.

    Of two complete lists at most one in ten names may be missing (collaborations grow between versions).
    """
    if not (one.authors and other.authors):
        return True
    shorter, longer = sorted((one, other), key=lambda record: len(record.authors))
    held = [names.parse(author) for author in longer.authors]
    asked = [names.parse(author) for author in shorter.authors]
    missing = sum(not any(names.compatible(name, each) for each in held) for name in asked)
    return missing * 10 <= len(asked)


def _near_in_time(one: Paper, other: Paper) -> bool:
    """Published within two years of each other, as far as known: a preprint and its journal version."""
    if not (one.published and other.published):
        return True
    return abs(one.published.year - other.published.year) <= 2


def _rank(record: Paper) -> tuple[object, ...]:
    """Sorts records, the newest and most authoritative last."""
    newest = record.updated or record.published
    return (
        -min((preference(paper_id)[0] for paper_id in record.ids), default=9),
        record.version or 0,
        str(newest or ""),
        not record.authors_partial,
        len(record.abstract or ""),
    )


def _authors_rank(record: Paper) -> tuple[bool, int]:
    return record.authors_partial, -len(record.authors)


def _id_rank(best: Sequence[Paper]) -> "_IdRank":
    return _IdRank(frozenset(paper_id for record in best if record.title for paper_id in record.ids))


class _IdRank:
    """Sort key of ids: by scheme, and among those of one scheme a titled record's first."""

    def __init__(self, titled: frozenset[str]) -> None:
        self._titled = titled

    def __call__(self, paper_id: str) -> tuple[int, bool, str]:
        scheme, spelled = preference(paper_id)
        return scheme, paper_id not in self._titled, spelled


def _earliest(dates: list[Date]) -> Date | None:
    """The earliest day; of dates that overlap it, the most precise."""
    if not dates:
        return None
    first = min(dates, key=lambda date: (date.first_day, -date.precision))
    inside = [date for date in dates if date.precision > first.precision and date.first_day <= first.last_day]
    return _earliest(inside) if inside else first


def _latest(dates: list[Date]) -> Date | None:
    """The latest day; of dates that overlap it, the most precise."""
    if not dates:
        return None
    last = max(dates, key=lambda date: (date.last_day, date.precision))
    inside = [date for date in dates if date.precision > last.precision and date.last_day >= last.first_day]
    return _latest(inside) if inside else last


def _extra(best: Sequence[Paper]) -> dict[str, Json]:
    merged: dict[str, Json] = {}
    for record in best:
        for name, value in record.extra.items():
            merged.setdefault(name, value)
    return dict(sorted(merged.items()))


def _line(record: Paper) -> str:
    return repr(record)
