"""Papers of Semantic Scholar (https://api.semanticscholar.org/api-docs/graph): a single object, a list, a page with
``data``, or JSON lines."""

from collections.abc import Iterator
from functools import partial

from indexer.sources.file import SourceFile
from indexer.sources.json_records import JsonFields, read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, select_non_empty
from search.errors import SourceError
from search.papers.json import Json
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
    return read_records(file, partial(_parse_paper, file=file), "data", "recommendedPapers")


def _parse_paper(fields: JsonFields, file: SourceFile) -> Paper:
    """Parses one paper; the data sets have the names of the API in lower case."""
    fields = JsonFields({name.lower(): value for name, value in fields.values.items()}, fields.warn)
    has_ids = "externalids" in fields.values  # not in the data set abstracts
    external = (fields if has_ids else fields.object("openaccessinfo")).object("externalids")
    ids = _external_ids(external)
    ids += [f"corpusid:{text}" for text in [fields.plain("corpusid")] if text]
    file.identifier, journal = fields.text("paperid"), fields.object("journal")
    extra: dict[str, Json] = {
        "journal": journal.text("name") or fields.text("venue"),
        "volume": journal.plain("volume"),
        "pages": journal.plain("pages"),
        "citations": fields.number("citationcount"),
        "fields_of_study": [*fields.texts("fieldsofstudy")],
    }
    return Draft(
        file.source,
        ids=[*ids, f"s2:{file.identifier}" if file.identifier else ""],
        title=fields.text("title"),
        abstract=fields.text("abstract"),
        authors=fields.people("authors", lambda author: author.text("name")),
        published=fields.date("publicationdate", "year"),
        url=fields.text("url"),
        extra=select_non_empty(extra, extra),
        references=[_reference_id(each) for each in fields.objects("references")],
    ).to_paper()


def _external_ids(external: JsonFields) -> list[str]:
    return [f"{scheme}{text}" for name, scheme in _SCHEMES.items() if (text := external.plain(name))]


def _reference_id(reference: JsonFields) -> str:
    """The ID of a cited paper that the index is most likely to have: that of arXiv, else the DOI, else another one."""
    ids = sorted(_external_ids(reference.object("externalIds")), key=lambda each: each[:6] != "arxiv:")
    own = reference.text("paperId")
    return next(iter(ids), f"s2:{own}" if own else "")
