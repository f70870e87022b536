"""The fields of the query language, with their arXiv and ADS names, and the parsers of their values."""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from search.errors import InvalidValue
from search.papers import categories, identifiers
from search.papers.kinds import parse_kind
from search.papers.retraction import RETRACTED_ID, WITHDRAWN_ID
from search.query import dates
from search.query.author import parse_author
from search.query.condition import (
    AddedBetween,
    AnyOf,
    Category,
    Condition,
    ContainsText,
    HasId,
    HasKind,
    InDateRange,
    TextField,
)

Field = Literal[
    "author",
    "first",
    "title",
    "abstract",
    "any",
    "category",
    "primary",
    "id",
    "is",
    "kind",
    "year",
    "published",
    "updated",
    "added",
]

_FIELD_NAMES: dict[Field, str] = {
    "author": "au author a",
    "first": "first_author",
    "title": "ti title",
    "abstract": "abs abstract",
    "any": "all",
    "category": "cat category arxiv_class",
    "primary": "primary primary_category",
    "id": "id doi arxiv identifier pmid acl pmc pmcid openalex corpusid s2",
    "is": "is",
    "kind": "kind",
    "year": "year",
    "published": "date published submitteddate pubdate",
    "updated": "updated lastupdateddate",
    "added": "added entdate",
}
FIELD_BY_NAME: dict[str, Field] = {name: field for field, names in _FIELD_NAMES.items() for name in names.split()}
"""Fields by name, in lower case."""

TEXT_FIELDS: dict[Field, TextField] = {"title": "title", "abstract": "abstract", "any": "any"}
"""The fields whose values are words, which also rank, and the text that each searches."""

FILTER_FIELDS = frozenset(FIELD_BY_NAME.values()) - TEXT_FIELDS.keys() - {"id", "is", "kind"}
"""The fields that are syntax even in an abstract; an abstract may mention IDs, and often begins with "Abstract:"."""

JOIN_HINT = 'join values with OR or AND (in capitals), or put a value of several words in "quotes"'
"""What to do about adjacent values of a filter."""

_GENERAL_ID_NAMES = ("id", "identifier", "")
"""Names of the field for IDs that are no scheme, so that an ID without a scheme may be of any."""
_UNAMBIGUOUS_NAMES = frozenset(
    ("au", "ti", "abs", "doi", "first_author", "arxiv_class", "primary_category", "submitteddate", "pubdate",
     "lastupdateddate", "entdate")
)  # fmt: skip
_UNSUPPORTED_FIELD_HINTS = {
    "bibcode": "bibcodes are not indexed; use doi: or arxiv:",
    "jr": "journals are not indexed; search for words with all:",
    "co": "comments are not indexed; search for words with all:",
    "rn": "report numbers are not indexed; use id:",
    "full": "full texts are not indexed; search titles and abstracts with all:",
    "body": "full texts are not indexed; search titles and abstracts with all:",
    "keyword": "keywords are not indexed; search titles and abstracts with all:",
    "from": "write date:>=2024-03",
    "since": "write date:>=2024-03",
    "until": "write date:<=2024-03",
    "to": "write date:<=2024-03",
}


def find_field(name: str) -> Field | None:
    """Returns the field of a name in any case, except Ti and Au, which are chemical symbols, and A; else None."""
    return None if name in ("Ti", "Au", "A") else FIELD_BY_NAME.get(name.lower())


def is_unambiguous(name: str) -> bool:
    """Returns whether a name cannot be a word of prose, so that a space after its colon is a mistake."""
    return name.lower() in _UNAMBIGUOUS_NAMES and name[0].islower()


def unknown_field_hint(name: str) -> str:
    """Returns what to write instead of an unknown field."""
    if name in _UNSUPPORTED_FIELD_HINTS:
        return f"{_UNSUPPORTED_FIELD_HINTS[name]}."
    close = difflib.get_close_matches(name, FIELD_BY_NAME, n=1, cutoff=0.6)
    known = "the fields are au, ti, abs, all, cat, primary, kind, id, doi, is, year, date, updated and added."
    return f"did you mean {close[0]!r}?" if close else known


@dataclass(frozen=True, slots=True)
class ValueParser:
    """Parses the values of fields.

    Attributes:
        today: the reference of relative dates.
        categories: codes that the index has beyond arXiv's.
        utc_today: the reference of relative dates in ``added``, whose days are those of UTC; None for ``today``.
    """

    today: date
    categories: Collection[str]
    utc_today: date | None = None

    def parse(self, field: Field, value: str, text_position: int, *, phrase: bool = False, name: str = "") -> Condition:
        """Returns the condition of a field and a value.

        Args:
            field: the field.
            value: the value, without quotes.
            text_position: where the term starts in the query, from 1.
            phrase: the value was in quotes.
            name: the name of the field in the query, which for an ID may be its scheme; empty in a group.

        Raises:
            InvalidValue: the value is invalid for the field. The error's field is not always ``q``.
        """
        if field in TEXT_FIELDS:
            return _parse_text(field, value, text_position, phrase)
        if field in ("author", "first"):
            return parse_author("^" + value if field == "first" and not value.startswith("^") else value, text_position)
        if field in ("category", "primary"):
            return self._parse_category(value, field == "primary", text_position)
        if field == "kind":
            return HasKind(parse_kind(value))
        if field == "is":
            return _parse_state(value)
        return _parse_id(value, name) if field == "id" else self._parse_dates(field, value)

    def _parse_category(self, value: str, primary: bool, at: int) -> Condition:
        """Parses a code or a name. A name of two categories, such as Machine Learning, matches both of them."""
        codes: list[str] = []
        for code in categories.resolve_codes(value, self.categories):
            if categories.find_category_alias(code) not in codes:
                codes.append(code)
        leaves = tuple(Category(code, primary, at) for code in codes)
        return leaves[0] if len(leaves) == 1 else AnyOf(leaves)

    def _parse_dates(self, field: Field, value: str) -> InDateRange | AddedBetween:
        if field == "added":
            return AddedBetween(*dates.parse_period(value, self.utc_today or self.today))
        span = dates.parse_range(value, self.today)
        if field == "year" and any(each and each.precision > 1 for each in span):
            raise InvalidValue(
                "year", value, f"give a year or a range of years, such as 2020 or 2020-2024, or use date:{value}"
            )
        return InDateRange(span.start, span.end, "updated" if field == "updated" else "published")


def _parse_text(field: Field, value: str, at: int, phrase: bool) -> ContainsText:
    name = _FIELD_NAMES[field].split()[0]
    if value.startswith("="):
        raise InvalidValue(name, value, "only author names can be exact; remove the =")
    if "*" in value and not phrase:
        raise InvalidValue(name, value, "wildcards are not supported; a word matches all its inflections; remove the *")
    if not re.search(r"[^\W_]", value):
        raise InvalidValue(name, value, "it contains no word; add one")
    return ContainsText(value, TEXT_FIELDS[field], phrase, at)


def _parse_state(value: str) -> HasId:
    state = f"is:{value.lower()}"
    if state not in (RETRACTED_ID, WITHDRAWN_ID):
        allowed = f"write {RETRACTED_ID}, which finds retracted and withdrawn papers, or {WITHDRAWN_ID}"
        raise InvalidValue("is", value, allowed)
    return HasId(state)


def _parse_id(value: str, name: str) -> HasId:
    schemes = ("openalex", "pmid", "pmc", "acl") if name in _GENERAL_ID_NAMES else ()
    for text in (f"{name}:{value}", value, *(f"{scheme}:{value}" for scheme in schemes)):
        if (found := identifiers.parse(text)) and any(character.isdigit() for character in found.id):
            return HasId(found.id)
    raise InvalidValue("id", value, "give an ID such as 2604.24432, hep-th/9901001, 10.1145/3292500 or pmid:29768149")
