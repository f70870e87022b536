"""Papers of Semantic Scholar (https://api.semanticscholar.org/api-docs/graph): a single object, a list, a page with
``data``, or JSON lines."""

from collections.abc import Iterator
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.json import iter_values, parse_json
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import Draft, date_from_parts, parse_date, select_non_empty
from search.errors import SourceError
from search.papers.paper import Paper

_SCHEMES = {"DOI": "doi:", "ArXiv": "arxiv:", "PubMed": "pmid:", "ACL": "acl:"}


def sniff(head: str) -> bool:
    """Whether the file is JSON with Semantic Scholar's IDs."""
    return head.lstrip()[:1] in ("{", "[") and ('"paperId"' in head or '"corpusid"' in head)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the papers in order."""
    for each in iter_values(file):
        if isinstance(each, SourceError):
            yield each
            continue
        number, text = each
        try:
            papers = _list_papers(parse_json(text))
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
            continue
        for fields in papers:
            try:
                yield _parse_paper(fields, file.source)
            except MalformedRecord as error:
                yield SourceError(file.path, number, str(error))
            except (TypeError, AttributeError, KeyError, ValueError) as error:
                yield SourceError(file.path, number, f"not a paper of Semantic Scholar: {type(error).__name__} {error}")


def _list_papers(value: Any) -> list[Any]:
    """The papers of a value: those of a page or list, or the value itself."""
    papers = value.get("data", value) if isinstance(value, dict) else value
    return papers if isinstance(papers, list) else [papers]


def _parse_paper(fields: dict[str, Any], source: str) -> Paper:
    if not isinstance(fields, dict):
        raise MalformedRecord(f"{str(fields)[:40]!r} is not a JSON object")
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
