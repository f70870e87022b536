"""RIS, parsed by rispy one record at a time, so that a malformed record does not affect the others."""

import re
from collections.abc import Iterator
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.json import parse_extra
from indexer.sources.limits import MalformedRecord, check_record_size
from indexer.sources.record import (
    Draft,
    date_from_parts,
    parse_positive_int,
    select_non_empty,
)
from search.errors import SourceError
from search.papers.date import Date
from search.papers.folding import put_given_name_first
from search.papers.paper import Paper

_RECORD_START = re.compile(r"TY  ?- ")
_RECORD_END = "ER  - "
_TAG = re.compile(r"[A-Z][A-Z0-9]  -")
_OWN_NOTE = re.compile(r"(ids|authors|updated|categories|version|retraction|comment|extra): (.*)", re.DOTALL)
_URL_START = re.compile(r"[a-z][a-z0-9+.-]*://|www\.|10\.\d{4,9}/", re.IGNORECASE)


def sniff(head: str) -> bool:
    """Whether a line starts a record."""
    return bool(re.search(r"^TY  ?- ", head, re.MULTILINE))


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order; one without an ``ER`` line ends where the next one starts."""
    import rispy

    for number, lines in file.records(_RECORD_START.match):
        if not _RECORD_START.match(lines[0]):
            continue  # what precedes the first record
        try:
            check_record_size(sum(map(len, lines)))
            parsed = rispy.loads("".join([*_join_lines(lines), _RECORD_END + "\n"]))
            yield _parse_paper(parsed[0], file.source)
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
        except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            yield SourceError(file.path, number, f"not a RIS record: {error}")


def _join_lines(lines: list[str]) -> Iterator[str]:
    """Yields one line per field: rispy takes quadratic time to join the lines of a value."""
    from rispy.parser import RisParser

    separate = {*RisParser.DEFAULT_LIST_TAGS, *RisParser.DEFAULT_DELIMITER_MAPPING}
    parts = list[str]()
    for line in lines:
        text = line.strip()
        if not text or line.startswith(_RECORD_END.rstrip()):
            continue
        if parts and not _TAG.match(line) and parts[0][:2] not in separate:
            parts.append(text)
            continue
        if parts:
            yield " ".join(parts) + "\n"
        parts = [line.rstrip("\n")]
    yield " ".join(parts) + "\n"


def _parse_paper(fields: dict[str, Any], source: str) -> Paper:
    notes = _own_notes(fields.get("notes") or [])
    extra = {
        "journal": fields.get("secondary_title") or fields.get("journal_name") or fields.get("alternate_title3"),
        "keywords": fields.get("keywords"),
        "comment": notes.get("comment"),
        "pages": "-".join(fields[name] for name in ("start_page", "end_page") if fields.get(name)),
    }
    urls = _rejoin_urls(fields.get("urls") or [])
    return Draft(
        source,
        ids=notes.get("ids", "").split() or [fields.get("doi") or "", *(url for url in urls if "arxiv.org/" in url)],
        title=fields.get("title") or fields.get("primary_title"),
        abstract=fields.get("abstract") or fields.get("notes_abstract"),
        authors=[put_given_name_first(name) for name in fields.get("authors") or fields.get("first_authors") or []],
        published=_parse_ris_date(fields.get("date"))
        or _parse_ris_date(fields.get("year"))
        or _parse_ris_date(fields.get("publication_year")),
        authors_partial=notes.get("authors") == "et al.",
        updated=date_from_parts(*notes.get("updated", "").split("-")[:3]),
        categories=notes.get("categories", "").split(),
        url=next(iter(urls), None),
        version=parse_positive_int(notes.get("version")),
        retraction=notes.get("retraction"),
        extra={**select_non_empty(extra, extra), **parse_extra(notes.get("extra"))},
    ).to_paper()


def _own_notes(notes: list[str]) -> dict[str, str]:
    """The notes that our own export writes for fields without a RIS tag, by field."""
    return {match[1]: match[2] for note in notes if (match := _OWN_NOTE.fullmatch(note))}


def _rejoin_urls(parts: list[str]) -> list[str]:
    """Joins the parts of URLs that contain semicolons, at which rispy splits."""
    urls = list[str]()
    for part in parts:
        if urls and not _URL_START.match(part):
            urls[-1] += ";" + part
        else:
            urls.append(part)
    return urls


def _parse_ris_date(text: str | None) -> Date | None:
    parts = (text or "").replace("-", "/").split("/")
    return date_from_parts(*parts[:3])
