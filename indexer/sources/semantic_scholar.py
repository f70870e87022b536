"""Papers of Semantic Scholar (https://api.semanticscholar.org/api-docs/graph): a single object, a list, a page with
``data``, or JSON lines."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.json import read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, find_date, select_non_empty
from search.errors import SourceError
from search.papers.paper import Paper

_SCHEMES = {
    "DOI": "doi:", "ArXiv": "arxiv:", "PubMed": "pmid:", "ACL": "acl:", "PubMedCentral": "pmc:", "CorpusId": "corpusid:"
}  # fmt: skip


def sniff(head: str) -> bool:
    """Whether the file is JSON with Semantic Scholar's IDs."""
    fields = record_fields(head, "data[]", "recommendedPapers[]")
    return "paperId" in fields or "corpusid" in fields


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the papers in order."""
    parse = partial(_parse_paper, file=file)
    return read_records(file, parse, "a paper of Semantic Scholar", "data", "recommendedPapers")


def _parse_paper(fields: dict[str, Any], file: SourceFile) -> Paper:
    """Parses one paper; the data sets have the names of the API in lower case."""
    get = {name.lower(): value for name, value in fields.items()}.get
    file.identifier = str(get("paperid") or "")
    found = get("externalids") or (get("openaccessinfo") or {}).get("externalids") or {}  # the latter in ``abstracts``
    external = {name: value for name, value in {"CorpusId": get("corpusid"), **found}.items() if value}
    ids = [f"{scheme}{external[name]}" for name, scheme in _SCHEMES.items() if name in external]
    journal = get("journal") or {}
    extra = {
        "journal": journal.get("name") or get("venue"),
        "volume": journal.get("volume"),
        "pages": journal.get("pages"),
        "citations": get("citationcount"),
        "fields_of_study": get("fieldsofstudy"),
    }
    return Draft(
        file.source,
        ids=[*ids, f"s2:{get('paperid')}" if get("paperid") else ""],
        title=get("title"),
        abstract=get("abstract"),
        authors=[author["name"] for author in get("authors") or []],
        published=find_date(get("publicationdate")) or find_date(get("year")),
        url=get("url"),
        extra=select_non_empty(extra, extra),
    ).to_paper()
