"""ACL Anthology XML, one collection per file (https://github.com/acl-org/acl-anthology, data/xml)."""

from collections.abc import Iterator

from lxml import etree

from indexer.sources.file import SourceFile
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import Draft, date_from_parts, select_non_empty
from indexer.sources.xml import MalformedXml, find_all, find_text, iter_elements
from search.errors import SourceError
from search.papers import identifiers
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether the file is a collection of the Anthology."""
    return "<collection id=" in head and "<volume" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the papers in order, without editors and front matter."""
    year = month = venue = ""
    try:
        for element in iter_elements(file, "meta", "paper"):
            if etree.QName(element).localname == "meta":
                year, month, venue = (
                    find_text(element, "year"),
                    find_text(element, "month"),
                    find_text(element, "booktitle"),
                )
                continue
            try:
                yield _parse_paper(element, file.source, (year, month, venue))
            except MalformedRecord as error:
                yield SourceError(file.path, element.sourceline, str(error))
    except MalformedXml as error:
        yield SourceError(file.path, error.line, str(error))


def _parse_paper(element: etree._Element, source: str, volume: tuple[str, str, str]) -> Paper:
    year, month, venue = volume
    anthology_id = find_text(element, "url").strip() or _build_anthology_id(element)
    extra = {"journal": venue, "pages": find_text(element, "pages")}
    return Draft(
        source,
        ids=[f"acl:{anthology_id}", find_text(element, "doi")],
        title=find_text(element, "title"),
        abstract=find_text(element, "abstract"),
        authors=[f"{find_text(author, 'first')} {find_text(author, 'last')}" for author in find_all(element, "author")],
        published=date_from_parts(year, month),
        url=identifiers.id_url(f"acl:{anthology_id}"),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _build_anthology_id(element: etree._Element) -> str:
    """The ID made of collection, volume and number of the paper."""
    volume = element.getparent()
    collection = volume.getparent() if volume is not None else None
    if volume is None or collection is None:
        raise MalformedRecord("the paper is not in a volume of a collection")
    return f"{collection.get('id')}-{volume.get('id')}.{element.get('id')}"
