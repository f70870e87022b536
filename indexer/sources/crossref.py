"""Works of Crossref's REST API (https://github.com/CrossRef/rest-api-doc/blob/master/api_format.md): a response with
one work or ``items``, a file of the public data with ``items``, a list, or one work per line."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.json import read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, date_from_parts, select_non_empty
from search.errors import SourceError
from search.papers.date import Date
from search.papers.paper import Paper

_DATES = ("issued", "published", "published-online", "published-print", "posted")
"""Fields with dates of publication. ``issued`` is the earliest one, and may be empty."""
_RETRACTIONS = frozenset(("retraction", "partial_retraction", "removal", "withdrawal"))
"""Types of updates (https://www.crossref.org/documentation/crossmark/version-control-corrections-and-retractions/)
that take a work back."""


def sniff(head: str) -> bool:
    """Whether the file is JSON with works of Crossref; in CSL-JSON, which is similar, a title is not a list."""
    fields = record_fields(head, "message.items[]", "message", "items[]")
    lists = ("title", "container-title", "short-container-title", "subtitle")
    return "DOI" in fields and any(fields.get(name, "").startswith("[") for name in lists)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the works in order."""
    parse = partial(_parse_paper, file=file)
    return read_records(file, parse, "a work of Crossref", "message.items", "message", "items")


def _parse_paper(fields: dict[str, Any], file: SourceFile) -> Paper:
    file.identifier = doi = str(fields.get("DOI") or "")
    title = _first(fields.get("title"))
    subtitle = _first(fields.get("subtitle"))
    updates = fields.get("update-to") or []
    retracted = [each.get("DOI") or "" for each in updates if each.get("type") in _RETRACTIONS]
    extra = {
        "journal": _first(fields.get("container-title")),
        "volume": fields.get("volume"),
        "issue": fields.get("issue"),
        "pages": fields.get("page") or fields.get("article-number"),
        "publisher": fields.get("publisher"),
        "keywords": fields.get("subject"),
        "citations": fields.get("is-referenced-by-count"),
        "retracted": any(each.get("type") in _RETRACTIONS for each in fields.get("updated-by") or [])
        or doi.lower() in (each.lower() for each in retracted),
        "retraction_of": [each for each in retracted if each.lower() != doi.lower()],
    }
    return Draft(
        file.source,
        ids=[doi],
        title=f"{title}: {subtitle}" if subtitle and subtitle.casefold() not in title.casefold() else title,
        abstract=fields.get("abstract"),
        authors=[_author_name(each) for each in fields.get("author") or []],
        published=next((day for name in _DATES if (day := _parse_date(fields.get(name)))), None),
        url=fields.get("URL"),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _first(texts: Any) -> str:
    return (texts[0] if isinstance(texts, list) and texts else texts) or ""


def _author_name(author: dict[str, Any]) -> str:
    parts = (author.get(name) for name in ("given", "family", "suffix"))
    return " ".join(part for part in parts if part) or author.get("name") or author.get("literal") or ""


def _parse_date(value: Any) -> Date | None:
    parts = ((value or {}).get("date-parts") or [[None]])[0]
    return date_from_parts(*parts[:3]) if parts else None
