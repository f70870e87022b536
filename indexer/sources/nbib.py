"""NBIB, the tagged text format of PubMed (MEDLINE display format, https://www.nlm.nih.gov/bsd/mms/medlineelements.html)."""

import re
from collections import defaultdict
from collections.abc import Iterator

from indexer.sources.file import SourceFile
from indexer.sources.limits import MalformedRecord, check_record_size
from indexer.sources.record import Draft, date_from_parts, select_non_empty
from search.errors import SourceError
from search.papers.date import Date
from search.papers.folding import put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper

_RECORD_START = re.compile(r"PMID *- ?")
_TAG = re.compile(r"([A-Z]{2,4}) *- ?(.*)")
_DOI = re.compile(r"(10\.\S+) \[doi\]")
_Fields = dict[str, list[str]]


def sniff(head: str) -> bool:
    """Whether a line starts a record."""
    return bool(re.search(r"^PMID- ", head, re.MULTILINE))


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order; each starts with its PMID."""
    for number, lines in file.records(_RECORD_START.match):
        try:
            check_record_size(sum(map(len, lines)))
            if fields := _parse_fields(lines):
                yield _parse_paper(fields, file.source)
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))


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


def _parse_paper(fields: _Fields, source: str) -> Paper:
    def first(tag: str) -> str:
        return fields[tag][0] if fields.get(tag) else ""

    ids = [match[1] for tag in ("LID", "AID") for value in fields.get(tag, []) if (match := _DOI.fullmatch(value))]
    extra: dict[str, Json] = {"journal": first("JT") or first("TA"), "keywords": list[Json](fields.get("OT", []))}
    return Draft(
        source,
        ids=[f"pmid:{first('PMID')}", *ids],
        title=first("TI") or first("BTI"),
        abstract=first("AB"),
        authors=[put_given_name_first(name) for name in fields.get("FAU") or fields.get("AU", [])]
        + fields.get("CN", []),
        published=_parse_compact_date(first("DEP")) or date_from_parts(*(first("DP").split() or [""])[:3]),
        updated=_parse_compact_date(first("LR")),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _parse_compact_date(text: str) -> Date | None:
    return date_from_parts(text[:4], text[4:6], text[6:8]) if re.fullmatch(r"\d{8}", text) else None
