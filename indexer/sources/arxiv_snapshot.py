"""The arXiv metadata snapshot on Kaggle: JSON lines with ``authors_parsed`` and ``versions``."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.json import read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, find_date, select_non_empty
from search.errors import SourceError
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether the file is JSON with records of the snapshot."""
    fields = record_fields(head)
    return "authors_parsed" in fields or ("versions" in fields and "submitter" in fields)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order."""
    return read_records(file, partial(_parse_paper, source=file.source), "a record of the arXiv snapshot")


def _parse_paper(fields: dict[str, Any], source: str) -> Paper:
    versions = fields.get("versions") or []
    updated = find_date(fields.get("update_date")) or (find_date(versions[-1]["created"]) if versions else None)
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
        published=find_date(versions[0]["created"]) if versions else None,
        updated=updated,
        categories=(fields.get("categories") or "").split(),
        version=len(versions) or None,
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _iter_author_names(fields: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for parts in fields.get("authors_parsed") or []:
        name, given, suffix = (*parts, "", "", "")[:3]
        yield name, given, suffix
