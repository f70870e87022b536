"""Responses of the arXiv API: Atom feeds (RFC 4287; https://info.arxiv.org/help/api/user-manual.html), plain or as the
``body`` of JSON objects."""

from collections.abc import Iterator
from functools import partial

from lxml import etree

from indexer.sources.dates import find_date
from indexer.sources.file import SourceFile
from indexer.sources.json import iter_values, parse_json_object
from indexer.sources.json_shape import record_fields
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import Draft, select_non_empty
from indexer.sources.xml import find_all, find_text, read_elements, root_name
from search.errors import SourceError
from search.papers.folding import normalize_whitespace
from search.papers.paper import Paper

_ERROR_ID = "arxiv.org/api/errors"
"""Part of the ID of the entry that reports an error (section 3.4 of the manual)."""


def sniff(head: str) -> bool:
    """Whether the file is an Atom feed, plain or in a JSON object."""
    if head.lstrip().startswith("{"):
        return "body" in record_fields(head) and "http://www.w3.org/2005/Atom" in head and "<feed" in head
    return root_name(head) == "feed" and "http://www.w3.org/2005/Atom" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the entries of the feed in order; in a JSON object, they have no line numbers."""
    parse = partial(_parse_paper, source=file.source)
    if not file.head().lstrip().startswith("{"):
        yield from read_elements(file, parse, "entry")
        return
    for each in iter_values(file):
        if isinstance(each, SourceError):
            yield each
            continue
        number, text = each
        try:
            body = _find_body(text)
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
        else:
            yield from read_elements(file, parse, "entry", document=body)


def _find_body(text: str) -> str:
    body = parse_json_object(text).get("body")
    if not isinstance(body, str):
        raise MalformedRecord("body: the JSON object has no text under this name, which the feed is expected in")
    return body


def _parse_paper(entry: etree._Element, source: str) -> Paper:
    url = find_text(entry, "id").strip()
    if _ERROR_ID in url:
        raise MalformedRecord(f'arXiv answered "{normalize_whitespace(find_text(entry, "summary"))}"')
    terms = [*find_all(entry, "primary_category"), *find_all(entry, "category")]
    extra = {"comment": find_text(entry, "comment"), "journal": find_text(entry, "journal_ref")}
    return Draft(
        source,
        ids=[url, *find_text(entry, "doi").split()],
        title=find_text(entry, "title"),
        abstract=find_text(entry, "summary"),
        authors=[find_text(author, "name") for author in find_all(entry, "author")],
        published=find_date(find_text(entry, "published")),
        updated=find_date(find_text(entry, "updated")),
        categories=[str(each.get("term", "")) for each in terms],
        url=url,
        extra=select_non_empty(extra, extra),
    ).to_paper()
