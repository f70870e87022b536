"""NBIB, the tagged text format of PubMed (MEDLINE display format, https://www.nlm.nih.gov/bsd/mms/medlineelements.html)
and of ERIC (https://eric.ed.gov).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

from indexer.sources.dates import find_date, read_date
from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.limits import check_record_size
from indexer.sources.record import Draft, select_non_empty
from search.errors import SourceError
from search.papers import identifiers
from search.papers.folding import put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper
from search.papers.surnames import is_suffix

_PUBMED_START = re.compile(r"PMID *- ?")
_ERIC_START = re.compile(r"OWN *- ?")
_TAG = re.compile(r"([A-Z]{2,4}) *- ?(.*)")
_KIND_OF_ID = re.compile(r"\[(\w+)\]$")
"""What follows the value of LID and AID; publishers' item numbers have [pii]."""
_PMID = re.compile(r"PMID: *(\d+)")
"""The PubMed ID in a citation."""
_NOT_TRANSLATED = re.compile(r"\[?not available\]?\.?", re.IGNORECASE)
"""The title of papers in other languages whose title is not translated."""
_Fields = dict[str, list[str]]


def sniff(head: str) -> bool:
    """Whether a line starts a record of PubMed, or one of ERIC after an empty line."""
    is_start = _is_start()
    return any(is_start(line) and line[4:6] == "- " for line in head.splitlines())


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order; each starts with its PMID, or after an empty line with its owner."""
    for number, lines in file.records(_is_start()):
        yield from read_record(file, number, partial(_parse_record, lines, file))


def _is_start() -> Callable[[str], bool]:
    """Returns a function that tells, for each line in order, whether it starts a record."""
    previous = ""

    def is_start(line: str) -> bool:
        nonlocal previous
        is_after_empty_line, previous = not previous.strip(), line
        return bool(_PUBMED_START.match(line) or (is_after_empty_line and _ERIC_START.match(line)))

    return is_start


def _parse_record(lines: list[str], file: SourceFile) -> Paper | None:
    check_record_size(sum(map(len, lines)))
    fields = _parse_fields(lines)
    return _parse_paper(fields, file) if fields else None


def _parse_fields(lines: list[str]) -> _Fields:
    values = defaultdict[str, list[list[str]]](list)
    last = ""
    for line in lines:
        if match := _TAG.fullmatch(line.rstrip()):
            last = match[1]
            values[last].append([match[2]])
        elif line.startswith("      ") and last:  # continuation of a value
            values[last][-1].append(line.strip())
    return {tag: [" ".join(parts) for parts in found] for tag, found in values.items()}


def _parse_paper(fields: _Fields, file: SourceFile) -> Paper:
    def first(*tags: str) -> str:
        return next((value for tag in tags for value in fields.get(tag, ()) if value.strip()), "")

    title = first("TI")
    locations = [*fields.get("LID", ()), *fields.get("AID", ())]
    extra: dict[str, Json] = {
        "journal": first("JT", "TA") or (first("BTI") if title else ""),
        "keywords": list[Json](fields.get("OT", [])),
        "volume": first("VI"),
        "issue": first("IP"),
        "pages": first("PG"),
        "publisher": first("PB"),
        "retracted": "RIN" in fields or "Retracted Publication" in fields.get("PT", ()),
        "retraction_of": [f"pmid:{pmid}" for text in fields.get("ROF", ()) for pmid in _PMID.findall(text)],
        "editors": [_person(name) for name in fields.get("FED") or fields.get("ED", [])],
    }
    return Draft(
        file.source,
        ids=[
            f"pmid:{first('PMID')}" if first("PMID") else "",
            *_ids(locations),
            f"pmc:{first('PMC')}" if first("PMC") else "",
        ],
        title=first("TT") if _NOT_TRANSLATED.fullmatch(title) and first("TT") else title or first("BTI", "TT"),
        abstract=" ".join(fields.get("AB") or fields.get("OAB", [])),
        authors=[_person(name) for name in fields.get("FAU") or fields.get("AU", [])] + fields.get("CN", []),
        published=find_date(first("DEP")) or read_date(file, "published", first("DP")),
        updated=find_date(first("LR")),
        url=next((value for value in locations if value.startswith("http")), None),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _ids(locations: list[str]) -> Iterator[str]:
    """Yields the DOIs and other IDs among the locations of a record."""
    for text in locations:
        kind = _KIND_OF_ID.search(text)
        value = text[: kind.start()].rstrip() if kind else text
        if (not kind or kind[1] == "doi") and identifiers.parse(value):
            yield value


def _person(name: str) -> str:
    """The name with the given name first; a suffix, which follows the given name, is put last: ``Doe, Jane A Jr``."""
    family, comma, given = name.partition(", ")
    words = given.split()
    if comma and len(words) > 1 and is_suffix(words[-1]):
        return f"{' '.join(words[:-1])} {family} {words[-1]}"
    return put_given_name_first(name)
