"""Responses of the arXiv API: Atom feeds (RFC 4287; https://info.arxiv.org/help/api/user-manual.html), plain or as the
``body`` of a JSON object."""

from collections.abc import Iterator

from lxml import etree

from indexer.sources.file import SourceFile
from indexer.sources.json import iter_values, parse_json_object
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import Draft, parse_date, select_non_empty
from indexer.sources.xml import MalformedXml, find_all, find_text, iter_elements
from search.errors import SourceError
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether the file is an Atom feed, plain or in a JSON object."""
    return "http://www.w3.org/2005/Atom" in head and "<feed" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the entries of the feed in order; in a JSON object, they have no line numbers."""
    try:
        body = _read_body(file) if file.head().lstrip().startswith("{") else None
        for entry in iter_elements(file, "entry", document=body):
            try:
                yield _parse_paper(entry, file.source)
            except MalformedRecord as error:
                yield SourceError(file.path, None if body else entry.sourceline, str(error))
    except MalformedXml as error:
        yield SourceError(file.path, error.line, str(error))
    except MalformedRecord as error:
        yield SourceError(file.path, None, str(error))


def _read_body(file: SourceFile) -> str:
    value = next(iter_values(file))
    if isinstance(value, SourceError):
        raise MalformedRecord(value.reason)
    body = parse_json_object(value[1]).get("body")
    if not isinstance(body, str):
        raise MalformedRecord("body: the JSON object has no text under this name, which the feed is expected in")
    return body


def _parse_paper(entry: etree._Element, source: str) -> Paper:
    terms = [*find_all(entry, "primary_category"), *find_all(entry, "category")]
    url = find_text(entry, "id").strip()
    extra = {"comment": find_text(entry, "comment"), "journal": find_text(entry, "journal_ref")}
    return Draft(
        source,
        ids=[url, *find_text(entry, "doi").split()],
        title=find_text(entry, "title"),
        abstract=find_text(entry, "summary"),
        authors=[find_text(author, "name") for author in find_all(entry, "author")],
        published=parse_date(find_text(entry, "published"), "published"),
        updated=parse_date(find_text(entry, "updated"), "updated"),
        categories=[str(each.get("term", "")) for each in terms],
        url=url,
        extra=select_non_empty(extra, extra),
    ).to_paper()
