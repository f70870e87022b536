"""Fields of a question: their names, as arXiv and ADS spell them too, and what a value of each asks for."""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from search.errors import InvalidValue
from search.papers import categories, identifiers
from search.query import dates
from search.query.author import parse_author
from search.query.condition import AnyOf, Author, Category, Condition, ContainsText, HasId, InDateRange, TextField

Field = Literal[
    "author", "first", "title", "abstract", "any", "category", "primary", "id", "year", "published", "updated"
]

_FIELD_NAMES: dict[Field, str] = {
    "author": "au author a",
    "first": "first_author",
    "title": "ti title",
    "abstract": "abs abstract",
    "any": "all",
    "category": "cat category arxiv_class",
    "primary": "primary primary_category",
    "id": "id doi arxiv identifier pmid acl",
    "year": "year",
    "published": "date published submitteddate pubdate",
    "updated": "updated lastupdateddate",
}
FIELD_BY_NAME: dict[str, Field] = {name: field for field, names in _FIELD_NAMES.items() for name in names.split()}
"""The field that each name means; in lower case."""

TEXT_FIELDS: dict[Field, TextField] = {"title": "title", "abstract": "abstract", "any": "any"}
"""The fields whose values are words, and so are ranked by, and where each looks."""

FILTER_FIELDS = frozenset(FIELD_BY_NAME.values()) - TEXT_FIELDS.keys() - {"id"}
"""The fields that count even in a pasted abstract: one speaks of ids, and often begins "Abstract:"."""

JOIN_HINT = 'put OR or AND in capitals between values, or "quotes" around a value of several words'
"""What to do about words or values side by side in a field that is not of words."""

_UNAMBIGUOUS_NAMES = frozenset(
    ("au", "ti", "abs", "doi", "first_author", "arxiv_class", "primary_category", "submitteddate", "pubdate",
     "lastupdateddate")
)  # fmt: skip
_UNSUPPORTED_FIELD_HINTS = {
    "bibcode": "papers have no bibcode here; give their doi: or arxiv: id",
    "jr": "journals are not searched; look for its words with all:",
    "co": "comments are not searched; look for their words with all:",
    "rn": "report numbers are not kept; give an id:",
    "full": "full texts are not kept; look in titles and abstracts with all:",
    "body": "full texts are not kept; look in titles and abstracts with all:",
    "keyword": "keywords are not kept; look in titles and abstracts with all:",
    "from": "write date:>=2024-03",
    "since": "write date:>=2024-03",
    "until": "write date:<=2024-03",
    "to": "write date:<=2024-03",
}


def find_field(name: str) -> Field | None:
    """The field a name means, in any case; Ti: and Au: are titanium and gold, and A: is no author."""
    return None if name in ("Ti", "Au", "A") else FIELD_BY_NAME.get(name.lower())


def is_unambiguous(name: str) -> bool:
    """Whether a name in lower case is no word of prose, so that a space after its colon is a slip."""
    return name.lower() in _UNAMBIGUOUS_NAMES and name[0].islower()


def unknown_field_hint(name: str) -> str:
    """What to write instead of a name that is no field's."""
    if name in _UNSUPPORTED_FIELD_HINTS:
        return f"{_UNSUPPORTED_FIELD_HINTS[name]}."
    close = difflib.get_close_matches(name, FIELD_BY_NAME, n=1, cutoff=0.6)
    known = "the fields are au, ti, abs, all, cat, primary, id, doi, year, date and updated."
    return f"did you mean {close[0]}:?" if close else known


@dataclass(frozen=True, slots=True)
class ValueParser:
    """Reads values of fields.

    Attributes:
        today: what relative dates start from. categories: codes known beyond arXiv's.
    """

    today: date
    categories: Collection[str]

    def parse(self, field: Field, value: str, text_position: int, *, phrase: bool = False) -> Condition:
        """What a field asks for with this value.

        Args:
            at: where it stands in the question, from 1. phrase: it stood in quotes.

        Raises:
            InvalidValue: of some field: the value is none of this field's.
        """
        if field in TEXT_FIELDS:
            return _parse_text(field, value, text_position, phrase)
        if field in ("author", "first"):
            name = parse_author("^" + value if field == "first" and not value.startswith("^") else value)
            return Author(name.name, name.position, name.exact, text_position)
        if field in ("category", "primary"):
            return self._parse_category(value, field == "primary", text_position)
        return _parse_id(value) if field == "id" else self._parse_dates(field, value)

    def _parse_category(self, value: str, primary: bool, at: int) -> Condition:
        """One name of two categories, such as Machine Learning, asks for either; two codes of one ask for that one."""
        codes: list[str] = []
        for code in categories.resolve_codes(value, self.categories):
            if categories.find_category_alias(code) not in codes:
                codes.append(code)
        leaves = tuple(Category(code, primary, at) for code in codes)
        return leaves[0] if len(leaves) == 1 else AnyOf(leaves)

    def _parse_dates(self, field: Field, value: str) -> InDateRange:
        span = dates.parse_range(value, self.today)
        if field == "year" and any(each and each.precision > 1 for each in span):
            raise InvalidValue("year", value, f"write a year or years, 2020 or 2020-2024, or date:{value}")
        return InDateRange(span.start, span.end, "updated" if field == "updated" else "published")


def _parse_text(field: Field, value: str, at: int, phrase: bool) -> ContainsText:
    name = _FIELD_NAMES[field].split()[0]
    if value.startswith("="):
        raise InvalidValue(name, value, "only the name of an author can be exact; leave out =")
    if "*" in value and not phrase:
        raise InvalidValue(name, value, "there are no wildcards; a word is found in every inflection of it")
    if not re.search(r"[^\W_]", value):
        raise InvalidValue(name, value, "there is no word in it")
    return ContainsText(value, TEXT_FIELDS[field], phrase, at)


def _parse_id(value: str) -> HasId:
    for text in (value, f"pmid:{value}", f"acl:{value}"):
        if (found := identifiers.parse(text)) and any(character.isdigit() for character in found.id):
            return HasId(found.id)
    raise InvalidValue("id", value, "give an id such as 2604.24432, hep-th/9901001, 10.1145/3292500 or pmid:29768149")
