"""Notices: what limits the answer to a query, in sentences."""

from collections.abc import Iterator
from datetime import date

from search.index.backend import Backend
from search.language.english import NOT_ENGLISH, is_english
from search.query.condition import AllOf, AnyOf, Condition, DateField, InDateRange
from search.query.query import Query
from search.ranking.relevance import NEAREST_PAPERS

ONLY_CLOSEST = (
    f"This order lists only the closest papers: those marked strong, and the {NEAREST_PAPERS} nearest of the index."
)
"""Notice of an order other than by relevance."""
_NO_CITATIONS = (
    "No paper of this index has a citation count. Index files that have them, such as those of Semantic Scholar or "
    "OpenAlex; if an earlier version of this program made the index, run: papers compact"
)


def find_notices(
    snapshot: Backend, query: Query, total: int, *, only_closest: bool, counted_over: str = ""
) -> tuple[str, ...]:
    """Returns what limits the answer of a query.

    Args:
        snapshot: the generation that answered.
        query: the query.
        total: the number of papers that it found.
        only_closest: whether these are the closest papers only.
        counted_over: the papers among which these were found (``Backend.counted_over``); empty if among all.
    """
    notices = () if query.mode == "lexical" or is_english(query.text) else (NOT_ENGLISH,)
    fields = () if total else dict.fromkeys(_dated_fields(query.filter.condition))
    if query.sort == "citations" and not snapshot.columns.has_citations:
        notices = (*notices, _NO_CITATIONS)
    if only_closest:
        notices = (*notices, ONLY_CLOSEST, *([f"They are counted over {counted_over}."] if counted_over else ()))
    return (*notices, *snapshot.notices, *(notice for field in fields if (notice := _describe_dates(snapshot, field))))


def _dated_fields(condition: Condition) -> Iterator[DateField]:
    """Yields the dates that a condition requires to be in a range."""
    if isinstance(condition, InDateRange):
        yield condition.field
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _dated_fields(part)


def _describe_dates(snapshot: Backend, field: DateField) -> str | None:
    """Names the newest and the oldest date of the index; None if no paper has one."""
    days = snapshot.columns.date_column(field).range_of(snapshot.live)
    if days is None:
        return None
    oldest, newest = map(date.fromordinal, days)
    return f"The newest paper of this index was {field} on {newest}, the oldest on {oldest}."
