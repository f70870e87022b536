"""Web of Science's plain text export, with tags of two letters ("Web of Science Core Collection Field Tags",
https://images.webofknowledge.com/images/help/WOS/hs_wos_fieldtags.html)."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from indexer.sources.dates import find_date
from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.limits import check_record_size
from indexer.sources.record import Draft, select_non_empty
from search.errors import SourceError
from search.papers.folding import put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper

_RECORD_START = re.compile(r"\s*PT [A-Z]")
_FIELD = re.compile(r"([A-Z][A-Z0-9])(?: (.*))?")
_INITIALS = re.compile(r"(?<=, )[A-Z]{1,4}$")
"""Initials in AU, as in ``Doe, JA``."""
_Fields = dict[str, list[str]]


def sniff(head: str) -> bool:
    """Whether a line has the type of a publication, and another one its title."""
    return bool(re.search(r"^\ufeff?PT [A-Z]\s*$", head, re.MULTILINE) and re.search(r"^TI \S", head, re.MULTILINE))


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order; each starts with its type."""
    for number, lines in file.records(_RECORD_START.match):
        if not _RECORD_START.match(lines[0]):
            continue  # the name and the version of the format
        yield from read_record(file, number, partial(_parse_record, lines, file.source))


def _parse_record(lines: list[str], source: str) -> Paper:
    check_record_size(sum(map(len, lines)))
    return _parse_paper(_parse_fields(lines), source)


def _parse_fields(lines: list[str]) -> _Fields:
    """The lines of each field by tag; a line that starts with a space continues a field."""
    values = defaultdict[str, list[str]](list)
    last = ""
    for line in lines:
        match = _FIELD.fullmatch(line.rstrip())
        if match and match[1] == "ER":
            break
        if match:
            last = match[1]
            values[last].append(match[2] or "")
        elif last:
            values[last].append(line.strip())
    return values


def _parse_paper(fields: _Fields, source: str) -> Paper:
    def text(tag: str) -> str:
        return " ".join(fields.get(tag, []))

    def names(*tags: str) -> list[str]:
        found = next((fields[tag] for tag in tags if fields.get(tag)), [])
        return [put_given_name_first(_INITIALS.sub(_space_initials, name)) for name in found if name != "[Anonymous]"]

    keywords: list[Json] = [word.strip() for tag in ("DE", "ID") for word in text(tag).split(";") if word.strip()]
    editors: list[Json] = [*names("BE", "ED")]
    extra: dict[str, Json] = {
        "journal": text("SO"),
        "volume": text("VL"),
        "issue": text("IS"),
        "pages": "-".join(filter(None, (text("BP"), text("EP")))) or text("AR"),
        "publisher": text("PU"),
        "keywords": list(dict.fromkeys(keywords)),
        "citations": int(text("TC")) if text("TC").isascii() and text("TC").isdigit() else None,
        "editors": editors,
        "retracted": "Retracted Publication" in text("DT") or None,
    }
    return Draft(
        source,
        ids=[text("DI"), f"pmid:{text('PM')}" if fields.get("PM") else "", text("UT")],
        title=text("TI"),
        abstract=text("AB"),
        authors=[*names("AF", "AU", "BF", "BA"), *fields.get("CA", [])],
        published=find_date(f"{text('PD')} {text('PY')}") or find_date(text("EA")),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _space_initials(match: re.Match[str]) -> str:
    return " ".join(f"{letter}." for letter in match[0])
