"""Inheritance between BibTeX entries: ``xdata`` and ``crossref``, by the rules of biblatex.

biblatex manual (https://ctan.org/pkg/biblatex), sections 2.4.1.1 and 3.13, and appendix B: an entry keeps its own
fields; from ``xdata`` it takes all others; from the parent that ``crossref`` names it takes those that describe the
work it is part of, where the parent's title becomes ``booktitle`` or ``journaltitle``. Unlike biblatex, an entry does
not inherit what identifies or describes the parent itself, such as its DOI, URL and abstract.
"""

import re
from collections.abc import Mapping

from indexer.sources.bibtex_definitions import Definitions
from indexer.sources.bibtex_syntax import Entry, split_outside_braces
from indexer.sources.limits import check_record_size

_MAX_ANCESTORS = 100
"""Entries from which one entry inherits; real ones have up to three."""
_PARTS_OF_BOOKS = frozenset(
    "inbook bookinbook suppbook incollection inreference suppcollection inproceedings conference".split()  # noqa: SIM905
)
_ARTICLES = ("article", "suppperiodical")
_TITLES = ("title", "subtitle")
_INHERITED = (
    "author", "editor", "journal", "journaltitle", "journalsubtitle", "booktitle", "booksubtitle", "maintitle", "pages",
)  # fmt: skip
"""The fields that are inherited by name, of those that are read."""
_DATES = ("date", "year", "month", "day")
_REFERENCE = re.compile(r"xdata\s*=\s*(\S+)")
_FIELD_REFERENCE = re.compile(r"(.+?)-([a-z]+)(?:-(\d{1,4}))?", re.IGNORECASE)
"""``key-field``, or ``key-field-number`` for one element of a list."""


_Resolved = dict[int, dict[str, str]]
"""The fields of the entries that one entry inherits from, by identity; empty while they are being resolved, so that an
entry does not inherit from itself."""


def resolve_fields(entry: Entry, definitions: Definitions) -> dict[str, str]:
    """The values of an entry's fields by name, with macros expanded, and with the values that it inherits.

    Raises:
        MalformedRecord: A value is longer than a record may be.
    """
    return _resolve(entry, definitions, {})


def _resolve(entry: Entry, definitions: Definitions, resolved: _Resolved) -> dict[str, str]:
    if id(entry) in resolved or len(resolved) > _MAX_ANCESTORS:
        return resolved.get(id(entry), {})
    resolved[id(entry)] = {}
    fields = {name: definitions.expand(value, entry.line).strip() for name, value in entry.fields.items()}
    for name, text in fields.items():
        if "xdata" in text and name != "xdata":
            fields[name] = _replace_references(text, definitions, resolved)
    for key in fields.get("xdata", "").split(","):
        if parent := definitions.find_entry(key.strip()):
            fields = _resolve(parent, definitions, resolved) | fields
    if parent := definitions.find_entry(fields.get("crossref", "")):
        fields = _inherit(_resolve(parent, definitions, resolved), parent.type, entry.type, fields)
    resolved[id(entry)] = fields
    return fields


def _inherit(parent: Mapping[str, str], parent_type: str, child_type: str, own: dict[str, str]) -> dict[str, str]:
    """An entry's own fields and those that it inherits from the parent that ``crossref`` names."""
    names = [*_INHERITED, *(() if own.get("date") or own.get("year") else _DATES)]
    inherited = {name: parent[name] for name in names if name in parent}
    for name in _TITLES if "booktitle" not in parent else ():
        if name in parent and (target := _inherited_title(name, parent_type, child_type)):
            inherited[target] = parent[name]
    for prefix in ("", "book", "journal", "main"):
        if own.get(f"{prefix}title"):
            inherited.pop(f"{prefix}subtitle", None)
    return inherited | {name: text for name, text in own.items() if text}


def _inherited_title(name: str, parent_type: str, child_type: str) -> str:
    """The field that a parent's title or subtitle becomes; empty if it is not inherited."""
    if child_type in _PARTS_OF_BOOKS:
        return f"book{name}"
    if parent_type.startswith("mv"):
        return f"main{name}"
    if child_type in _ARTICLES:
        return f"journal{name}" if parent_type == "periodical" else ""
    return name


def _replace_references(text: str, definitions: Definitions, resolved: _Resolved) -> str:
    """The value with the field in place of each ``xdata=key-field`` in a list; what is not found stays."""
    elements = split_outside_braces(text, r"\s+and\s+")
    found = [_find_reference(element, definitions, resolved) or element for element in elements]
    check_record_size(sum(map(len, found)))
    return " and ".join(found)


def _find_reference(element: str, definitions: Definitions, resolved: _Resolved) -> str:
    match = _REFERENCE.fullmatch(element.strip())
    reference = _FIELD_REFERENCE.fullmatch(match[1]) if match else None
    parent = definitions.find_entry(reference[1]) if reference else None
    if not reference or not parent:
        return ""
    text = _resolve(parent, definitions, resolved).get(reference[2].lower(), "")
    if not reference[3]:
        return text
    listed = split_outside_braces(text, r"\s+and\s+")
    return dict(enumerate(listed, 1)).get(int(reference[3]), "")
