"""Answers of the arXiv API: an Atom feed (RFC 4287; https://info.arxiv.org/help/api/user-manual.html), by itself or
as the ``body`` of a JSON object."""

from collections.abc import Iterator

from lxml import etree

from indexer.sources.file import SourceFile
from indexer.sources.jsonl import json_object
from indexer.sources.record import Draft, Malformed, date, extra_of
from indexer.sources.xml import BrokenXml, document, elements, find, find_all
from search.errors import SourceError
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether a file is an Atom feed or a JSON object that wraps one."""
    return "http://www.w3.org/2005/Atom" in head and "<feed" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """The entries of the feed in order."""
    try:
        for entry in _wrapped(file) if file.head().lstrip().startswith("{") else elements(file, "entry"):
            try:
                yield _paper(entry, file.source)
            except Malformed as error:
                yield SourceError(file.path, entry.sourceline, str(error))
    except BrokenXml as error:
        yield SourceError(file.path, error.line, str(error))
    except Malformed as error:
        yield SourceError(file.path, None, str(error))


def _wrapped(file: SourceFile) -> list[etree._Element]:
    body = json_object(file.text()).get("body")
    if not isinstance(body, str):
        raise Malformed("the JSON object has no body that is a text, where the feed should stand")
    return find_all(document(body), "entry")


def _paper(entry: etree._Element, source: str) -> Paper:
    terms = [*find_all(entry, "primary_category"), *find_all(entry, "category")]
    url = find(entry, "id").strip()
    told = {"comment": find(entry, "comment"), "journal": find(entry, "journal_ref")}
    return Draft(
        source,
        ids=[url, *find(entry, "doi").split()],
        title=find(entry, "title"),
        abstract=find(entry, "summary"),
        authors=[find(author, "name") for author in find_all(entry, "author")],
        published=date(find(entry, "published"), "published"),
        updated=date(find(entry, "updated"), "updated"),
        categories=[str(each.get("term", "")) for each in terms],
        url=url,
        extra=extra_of(told, told),
    ).paper()
