"""Responses of the search API of NASA's Astrophysics Data System (https://ui.adsabs.harvard.edu/help/api/): an object
with ``response.docs``, a list of documents, or one document per line."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.json import read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, find_date, select_non_empty
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
    parse = partial(_parse_paper, source=file.source)
    return read_records(file, parse, "a document of ADS", "response.docs", "docs")


def _parse_paper(fields: dict[str, Any], source: str) -> Paper:
    bibcode = fields.get("bibcode") or ""
    others = [each for each in _texts(fields.get("identifier")) if identifiers.parse(each)]
    keywords: list[Json] = [*_texts(fields.get("keyword"))]
    extra: dict[str, Json] = {
        "journal": fields.get("pub"),
        "volume": fields.get("volume"),
        "issue": fields.get("issue"),
        "pages": fields.get("page_range") or " ".join(_texts(fields.get("page"))),
        "keywords": keywords,
        "comment": " ".join(_texts(fields.get("comment"))),
        "citations": fields.get("citation_count"),
    }
    return Draft(
        source,
        ids=[*_texts(fields.get("doi")), *others, bibcode],
        title=": ".join(_texts(fields.get("title"))),
        abstract=fields.get("abstract"),
        authors=[put_given_name_first(name) for name in _texts(fields.get("author"))],
        published=find_date(fields.get("pubdate") or fields.get("date")) or find_date(fields.get("year")),
        categories=_texts(fields.get("arxiv_class")),
        url=f"https://ui.adsabs.harvard.edu/abs/{bibcode}/abstract" if bibcode else None,
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _texts(value: Any) -> list[str]:
    """The texts of a field that is a list, a text or absent."""
    return [value] if isinstance(value, str) else list(value or [])
