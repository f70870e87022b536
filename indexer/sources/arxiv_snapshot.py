"""The arXiv metadata snapshot on Kaggle: JSON lines with ``authors_parsed`` and ``versions``."""

from collections.abc import Iterator
from functools import partial

from indexer.sources.arxiv_authors import split_authors
from indexer.sources.file import SourceFile
from indexer.sources.json_records import JsonFields, read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, select_non_empty
from search.errors import SourceError
from search.papers.json import Json
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether the file is JSON with records of the snapshot."""
    fields = record_fields(head)
    return "authors_parsed" in fields or ("versions" in fields and "submitter" in fields)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order."""
    return read_records(file, partial(_parse_paper, source=file.source))


def _parse_paper(fields: JsonFields, source: str) -> Paper:
    versions = fields.objects("versions")
    extra: dict[str, Json] = {
        "comment": fields.text("comments"),
        "journal": fields.text("journal-ref"),
        "license": fields.text("license"),
    }
    return Draft(
        source,
        ids=[fields.plain("id"), *fields.text("doi").split()],
        title=fields.text("title"),
        abstract=fields.text("abstract"),
        authors=_author_names(fields),
        published=versions[0].date("created") if versions else None,
        updated=fields.date("update_date") or (versions[-1].date("created") if versions else None),
        categories=fields.text("categories").split(),
        version=len(versions) or None,
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _author_names(fields: JsonFields) -> list[str]:
    """The names in ``authors_parsed``, lists of family name, given name and suffix; else those in ``authors``."""
    parsed = fields.values.get("authors_parsed")
    people = [each for each in parsed if isinstance(each, list)] if isinstance(parsed, list) else []
    names = list[str]()
    for parts in people:
        family, given, suffix = (*(each if isinstance(each, str) else "" for each in parts), "", "", "")[:3]
        names.append(" ".join(filter(None, (given, family, suffix))))
    names = [name for name in names if name.strip()]
    return names or split_authors(fields.text("authors"))
