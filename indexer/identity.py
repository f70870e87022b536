"""Identity: decides which records describe the same paper, and merges them.

The decision is a symmetric relation between records, never between merged papers. A paper is a connected component of
that relation, and its merged fields are a function of the set of its records, so the order of imports does not matter.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from search.papers import names
from search.papers.date import Date
from search.papers.fingerprint import abstract_keys, are_near_duplicates, normalize_words, title_key
from search.papers.identifiers import id_key, preference_key
from search.papers.json import Json
from search.papers.paper import Paper

_MIN_TITLE_WORDS = 4
"""Words a title needs to identify a paper, together with its authors, if one record has no abstract."""
_MAX_YEARS_APART = 2
"""Years between a preprint and its journal version."""


def ensure_id(record: Paper) -> Paper:
    """Returns the record with an ID: its own, or ``h:`` and 12 hex digits that hash its folded title and abstract."""
    if record.ids:
        return record
    content = " ".join(normalize_words(record.title or "")) + "\n" + " ".join(normalize_words(record.abstract or ""))
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return replace(record, ids=("h:" + digest,))


def keys(record: Paper) -> frozenset[int]:
    """Returns the 64-bit keys that the store finds a record by; two records of one paper share at least one."""
    found = {id_key(paper_id) for paper_id in record.ids}
    if record.title:
        found.add(title_key(record.title))
    if record.abstract:
        found |= abstract_keys(record.abstract)
    return frozenset(found)


def is_same_paper(one: Paper, other: Paper) -> bool:
    """Whether two records describe the same paper.

    A shared ID decides for it; otherwise different IDs of one scheme decide against it. Without either, titles,
    authors and abstracts are compared.
    """
    if set(one.ids) & set(other.ids):
        return True
    if _ids_conflict(one.ids, other.ids):
        return False
    similar_abstracts = bool(
        one.abstract
        and other.abstract
        and _abstracts_share_sentence(one, other)
        and are_near_duplicates(one.abstract, other.abstract)
    )
    if not (one.title and other.title):
        return similar_abstracts
    if title_key(one.title) != title_key(other.title) or not _authors_compatible(one, other):
        return False
    if one.abstract and other.abstract:
        return similar_abstracts or are_near_duplicates(one.abstract, other.abstract)
    return (
        bool(one.authors and other.authors)
        and len(normalize_words(one.title)) >= _MIN_TITLE_WORDS
        and _dates_compatible(one, other)
    )


def merge(records: Sequence[Paper]) -> Paper:
    """Merges the records of one paper; their order and repetitions do not matter."""
    if len(records) == 1:
        return records[0]
    ranked = sorted(
        {_canonical_repr(record): record for record in records}.items(),
        key=lambda item: (_record_sort_key(item[1]), item[0]),
    )
    best = [record for _, record in reversed(ranked)]  # most authoritative and newest first
    author_records = sorted((record for record in best if record.authors), key=_author_list_sort_key)
    return Paper(
        ids=tuple(sorted({paper_id for record in best for paper_id in record.ids}, key=_id_sort_key(best))),
        title=next((record.title for record in best if record.title), None),
        abstract=next((record.abstract for record in best if record.abstract), None),
        authors=author_records[0].authors if author_records else (),
        authors_partial=author_records[0].authors_partial if author_records else False,
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
    """Whether two author lists can be of the same paper.

    At most one in ten names of the shorter list may be missing in the longer one (collaborations change between
    versions). An empty list is compatible with any other.
    """
    if not (one.authors and other.authors):
        return True
    shorter, longer = sorted((one, other), key=lambda record: len(record.authors))
    longer_names = [names.parse(author) for author in longer.authors]
    shorter_names = [names.parse(author) for author in shorter.authors]
    missing = sum(not any(names.are_compatible(name, other) for other in longer_names) for name in shorter_names)
    return missing * 10 <= len(shorter_names)


def _dates_compatible(one: Paper, other: Paper) -> bool:
    """Whether two records can be of one paper by their years; an unknown date is compatible with any other."""
    if not (one.published and other.published):
        return True
    return abs(one.published.year - other.published.year) <= _MAX_YEARS_APART


def _record_sort_key(record: Paper) -> tuple[object, ...]:
    """Sort key of records: the most authoritative and newest last."""
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


def _id_sort_key(records: Sequence[Paper]) -> Callable[[str], tuple[int, bool, str]]:
    """Sort key of IDs: by scheme, then IDs of records with a title first."""
    titled = frozenset(paper_id for record in records if record.title for paper_id in record.ids)

    def key(paper_id: str) -> tuple[int, bool, str]:
        scheme, spelling = preference_key(paper_id)
        return scheme, paper_id not in titled, spelling

    return key


def _earliest_date(dates: list[Date]) -> Date | None:
    """The earliest date, or a more precise date within it."""
    if not dates:
        return None
    first = min(dates, key=lambda date: (date.first_day, -date.precision))
    inside = [date for date in dates if date.precision > first.precision and date.first_day <= first.last_day]
    return _earliest_date(inside) if inside else first


def _latest_date(dates: list[Date]) -> Date | None:
    """The latest date, or a more precise date within it."""
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
