"""Responses of the search API of NASA's Astrophysics Data System (https://ui.adsabs.harvard.edu/help/api/): an object
with ``response.docs``, a list of documents, or one document per line."""

from collections.abc import Iterator
from functools import partial

from indexer.sources.file import SourceFile
from indexer.sources.json_records import JsonFields, read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, select_non_empty
from search.errors import SourceError
from search.papers import identifiers
from search.papers.folding import put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether the file is JSON with bibcodes."""
    return "bibcode" in record_fields(head, "response.docs[]", "docs[]")


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the documents in order."""
    return read_records(file, partial(_parse_paper, source=file.source), "response.docs", "docs")


def _parse_paper(fields: JsonFields, source: str) -> Paper:
    bibcode = fields.text("bibcode")
    others = [each for each in fields.texts("identifier") if identifiers.parse(each)]
    extra: dict[str, Json] = {
        "journal": fields.text("pub"),
        "volume": fields.plain("volume"),
        "issue": fields.plain("issue"),
        "pages": fields.plain("page_range") or " ".join(fields.texts("page")),
        "keywords": [*fields.texts("keyword")],
        "comment": " ".join(fields.texts("comment")),
        "citations": fields.number("citation_count"),
    }
    return Draft(
        source,
        ids=[*fields.texts("doi"), *others, bibcode],
        title=": ".join(fields.texts("title")),
        abstract=fields.text("abstract"),
        authors=[put_given_name_first(name) for name in fields.texts("author")],
        published=fields.date("pubdate", "date", "year"),
        categories=fields.texts("arxiv_class"),
        url=f"https://ui.adsabs.harvard.edu/abs/{bibcode}/abstract" if bibcode else None,
        extra=select_non_empty(extra, extra),
    ).to_paper()
