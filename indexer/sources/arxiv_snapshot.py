"""The arXiv metadata snapshot on Kaggle: JSON lines with ``authors_parsed`` and ``versions``."""

from collections.abc import Iterator
from email.utils import parsedate
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.json import parse_json_object
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import Draft, date_from_parts, parse_date, select_non_empty
from search.errors import SourceError
from search.papers.date import Date
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether the first line is a record of the snapshot."""
    line = head.lstrip().partition("\n")[0]
    return line.startswith("{") and ('"authors_parsed"' in line or ('"versions"' in line and '"submitter"' in line))


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records, one per line."""
    for number, line in file.lines():
        if not line.strip():
            continue
        try:
            yield _parse_paper(parse_json_object(line), file.source)
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
        except (TypeError, AttributeError, KeyError, IndexError, ValueError) as error:
            yield SourceError(file.path, number, f"not a record of the arXiv snapshot: {type(error).__name__} {error}")


def _parse_paper(fields: dict[str, Any], source: str) -> Paper:
    versions = fields.get("versions") or []
    updated = parse_date(fields.get("update_date"), "update_date") or (
        _parse_created(versions[-1]) if versions else None
    )
    extra = {
        "comment": fields.get("comments"),
        "journal": fields.get("journal-ref"),
        "license": fields.get("license"),
    }
    return Draft(
        source,
        ids=[fields["id"], *(fields.get("doi") or "").split()],
        title=fields.get("title"),
        abstract=fields.get("abstract"),
        authors=[
            " ".join(part for part in (given, name, suffix) if part)
            for name, given, suffix in _iter_author_names(fields)
        ],
        published=_parse_created(versions[0]) if versions else None,
        updated=updated,
        categories=(fields.get("categories") or "").split(),
        version=len(versions) or None,
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _iter_author_names(fields: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for parts in fields.get("authors_parsed") or []:
        name, given, suffix = (*parts, "", "", "")[:3]
        yield name, given, suffix


def _parse_created(version: dict[str, str]) -> Date | None:
    parsed = parsedate(version["created"])
    return date_from_parts(*parsed[:3]) if parsed else None
