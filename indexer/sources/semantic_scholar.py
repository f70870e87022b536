"""Papers of Semantic Scholar (https://api.semanticscholar.org/api-docs/graph): a single object, a list, a page with
``data``, or JSON lines."""

from collections.abc import Iterator
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.jsonl import parse_json, parse_json_object
from indexer.sources.record import Draft, MalformedRecord, date_from_parts, parse_date, select_non_empty
from search.errors import SourceError
from search.papers.paper import Paper

_SCHEMES = {"DOI": "doi:", "ArXiv": "arxiv:", "PubMed": "pmid:", "ACL": "acl:"}


def sniff(head: str) -> bool:
    """Whether the file is JSON with Semantic Scholar's IDs."""
    return head.lstrip()[:1] in ("{", "[") and ('"paperId"' in head or '"corpusid"' in head)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the papers in order."""
    for number, fields in _iter_objects(file):
        try:
            yield fields if isinstance(fields, SourceError) else _parse_paper(fields, file.source)
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            yield SourceError(file.path, number, f"not a paper of Semantic Scholar: {type(error).__name__} {error}")


def _iter_objects(file: SourceFile) -> Iterator[tuple[int | None, dict[str, Any] | SourceError]]:
    """Yields the object of each paper; of JSON lines, with its line number."""
    try:
        whole: Any = parse_json(file.text())
    except MalformedRecord:
        yield from _iter_lines(file)
        return
    papers = whole.get("data", whole) if isinstance(whole, dict) else whole
    for fields in papers if isinstance(papers, list) else [papers]:
        yield None, fields


def _iter_lines(file: SourceFile) -> Iterator[tuple[int, dict[str, Any] | SourceError]]:
    for number, line in file.lines():
        if line.strip():
            try:
                yield number, parse_json_object(line)
            except MalformedRecord as error:
                yield number, SourceError(file.path, number, str(error))


def _parse_paper(fields: dict[str, Any], source: str) -> Paper:
    ids = {name: value for name, value in (fields.get("externalIds") or {}).items() if value}
    extra = {
        "journal": (fields.get("journal") or {}).get("name") or fields.get("venue"),
        "citations": fields.get("citationCount"),
        "fields_of_study": fields.get("fieldsOfStudy"),
        "semantic_scholar_id": fields.get("paperId"),
    }
    return Draft(
        source,
        ids=[f"{scheme}{ids[name]}" for name, scheme in _SCHEMES.items() if name in ids],
        title=fields.get("title"),
        abstract=fields.get("abstract"),
        authors=[author["name"] for author in fields.get("authors") or []],
        published=parse_date(fields.get("publicationDate"), "publicationDate") or date_from_parts(fields.get("year")),
        url=fields.get("url"),
        extra=select_non_empty(extra, extra),
    ).to_paper()
