"""ACL Anthology XML: one collection a file (https://github.com/acl-org/acl-anthology, data/xml)."""

from collections.abc import Iterator

from lxml import etree

from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, Malformed, date_of, extra_of
from indexer.sources.xml import BrokenXml, elements, find, find_all
from search.errors import SourceError
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether a file is a collection of the Anthology."""
    return "<collection id=" in head and "<volume" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """The papers in order; editors of a volume are not authors, and front matter is no paper."""
    year = month = venue = ""
    try:
        for element in elements(file, "meta", "paper"):
            if etree.QName(element).localname == "meta":
                year, month, venue = find(element, "year"), find(element, "month"), find(element, "booktitle")
                continue
            try:
                yield _paper(element, file.source, (year, month, venue))
            except Malformed as error:
                yield SourceError(file.path, element.sourceline, str(error))
    except BrokenXml as error:
        yield SourceError(file.path, error.line, str(error))


def _paper(element: etree._Element, source: str, volume: tuple[str, str, str]) -> Paper:
    year, month, venue = volume
    anthology_id = find(element, "url").strip() or _numbered(element)
    told = {"journal": venue, "pages": find(element, "pages")}
    return Draft(
        source,
        ids=[f"acl:{anthology_id}", find(element, "doi")],
        title=find(element, "title"),
        abstract=find(element, "abstract"),
        authors=[f"{find(author, 'first')} {find(author, 'last')}" for author in find_all(element, "author")],
        published=date_of(year, month),
        url=f"https://aclanthology.org/{anthology_id}/",
        extra=extra_of(told, told),
    ).paper()


def _numbered(element: etree._Element) -> str:
    """The id from where the paper stands: collection, volume and number."""
    volume = element.getparent()
    collection = volume.getparent() if volume is not None else None
    if volume is None or collection is None:
        raise Malformed("the paper stands in no volume of a collection")
    return f"{collection.get('id')}-{volume.get('id')}.{element.get('id')}"
