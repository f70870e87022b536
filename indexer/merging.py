"""Merging: the fields of a paper as a function of the set of its records.

A record is superseded by a newer version of itself: a record with one of its IDs and a higher version, or with a later
update from the same format. Categories, authors and retraction are those of the records that are not superseded.
"""

from collections.abc import Sequence, Set
from itertools import chain

from indexer.identity import content_id
from search.papers.date import Date
from search.papers.evidence import is_informative, is_notice
from search.papers.identifiers import preference_key
from search.papers.json import Json
from search.papers.paper import Paper


def merge(records: Sequence[Paper], shared_ids: Set[str] = frozenset(), *, has_notice: bool = False) -> Paper:
    """Merges the records of one paper; their order and repetitions do not matter.

    Args:
        records: The records.
        shared_ids: IDs that other papers have too, such as the DOI of a book that chapters have: none of them becomes
            the public ID.
        has_notice: Whether a notice retracts the paper.
    """
    if len(records) == 1 and not (shared_ids or has_notice):
        return records[0]
    best = rank_records(records)
    superseded = find_superseded(best)
    current = [record for record in best if record not in superseded]
    ids = _merge_ids(best, shared_ids)
    author_records = sorted(
        (record for record in best if record.authors),
        key=lambda record: (record.authors_partial, record not in current, -len(record.authors)),
    )
    categorized = [record for record in current if record.categories] or best
    retractions = [record.retraction for record in current if record.retraction] + ["retracted"] * has_notice
    return Paper(
        ids=ids,
        title=next((record.title for record in best if record.title), None),
        abstract=_merge_abstract(best, current),
        authors=author_records[0].authors if author_records else (),
        authors_partial=author_records[0].authors_partial if author_records else False,
        published=_earliest_date([record.published for record in best if record.published]),
        updated=_latest_date([record.updated for record in best if record.updated]),
        categories=tuple(dict.fromkeys(category for record in categorized for category in record.categories)),
        url=next((record.url for record in best if record.url), None),
        version=max((record.version for record in best if record.version and ids[0] in record.ids), default=None),
        retraction=min(retractions, default=None),
        citations=max((record.citations for record in best if record.citations is not None), default=None),
        references=_merge_references(best, ids),
        extra=_merge_extra(best),
        sources=tuple(sorted({source for record in best for source in record.sources})),
    )


def find_superseded(records: Sequence[Paper]) -> list[Paper]:
    """Returns the records that a newer version of the same record supersedes, the newest first."""
    best = rank_records(records)
    return [record for record in best if any(_supersedes(other, record) for other in best)]


def rank_records(records: Sequence[Paper]) -> list[Paper]:
    """Sorts the distinct records of a paper: the most authoritative and newest first."""
    distinct = {repr(record): record for record in records}
    ranked = sorted(distinct.items(), key=lambda item: (_record_sort_key(item[1]), item[0]))
    return [record for _, record in reversed(ranked)]


def _supersedes(one: Paper, other: Paper) -> bool:
    """Whether one record is a newer version of another; dates of different sources are not comparable."""
    if set(one.ids).isdisjoint(other.ids):
        return False
    if one.version and other.version:
        return one.version > other.version
    same_format = not {_format_name(source) for source in one.sources}.isdisjoint(map(_format_name, other.sources))
    return bool(same_format and one.updated and other.updated and one.updated.first_day > other.updated.last_day)


def _format_name(source: str) -> str:
    return source.partition(":")[0]


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


def _merge_abstract(best: Sequence[Paper], current: Sequence[Paper]) -> str | None:
    """The abstract of the best record; of the newest versions even if short, but a notice only if there is no other."""
    abstracts = [record.abstract for record in best if record.abstract]
    newest = [record.abstract for record in current if record.abstract]
    choices = chain(
        filter(is_informative, newest),
        (abstract for abstract in newest if not is_notice(abstract)),
        filter(is_informative, abstracts),
        abstracts,
    )
    return next(choices, None)


def _merge_ids(best: Sequence[Paper], shared_ids: Set[str]) -> tuple[str, ...]:
    """Returns all IDs, the first one that only this paper has before the others; if there is none, a content ID.

    They are in order of their schemes; of one scheme, those of the record that the title is from come first. Only the
    choice of the public ID depends on other papers, which a later import may bring.
    """
    titled_first = sorted(best, key=lambda record: not record.title)
    places = {paper_id: place for place, record in reversed([*enumerate(titled_first)]) for paper_id in record.ids}
    ids = sorted(places, key=lambda paper_id: (preference_key(paper_id)[0], places[paper_id], paper_id))
    public = next((paper_id for paper_id in ids if paper_id not in shared_ids), None) or content_id(best[0])
    return (public, *(paper_id for paper_id in ids if paper_id != public))


def _merge_references(best: Sequence[Paper], own_ids: Sequence[str]) -> tuple[str, ...]:
    """Returns the references of all records, the longest list first.

    Sources name a cited paper by different IDs, and each of them may be the one by which the index has it.
    """
    longest_first = sorted(best, key=lambda record: -len(record.references))
    references = dict.fromkeys(each for record in longest_first for each in record.references)
    return tuple(each for each in references if each not in own_ids)


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
