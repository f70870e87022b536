"""ACL Anthology XML, one collection per file (https://github.com/acl-org/acl-anthology, data/xml)."""

from collections.abc import Iterator

from lxml import etree

from indexer.sources.dates import date_from_parts
from indexer.sources.file import SourceFile
from indexer.sources.limits import MalformedRecord
from indexer.sources.record import Draft, select_non_empty
from indexer.sources.xml import find_all, find_text, local_name, read_elements, root_name
from search.errors import SourceError
from search.papers import identifiers
from search.papers.paper import Paper

_META = ("year", "month", "booktitle", "publisher", "journal-volume", "journal-issue")
"""What the papers of a volume share."""


def sniff(head: str) -> bool:
    """Whether the file is a collection of the Anthology."""
    return root_name(head) == "collection" and "<collection id=" in head and "<volume" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the papers in order, without editors and front matter."""
    volumes: dict[tuple[str, str], dict[str, str]] = {}

    def parse(element: etree._Element) -> Paper | None:
        volume = _identify_volume(element)
        if local_name(element) == "paper":
            return _parse_paper(element, file.source, volume, volumes.get(volume, {}))
        volumes.clear()
        volumes[volume] = {name: find_text(element, name) for name in _META}
        return None

    return read_elements(file, parse, "meta", "paper", container="volume")


def _identify_volume(element: etree._Element) -> tuple[str, str]:
    """The IDs of the collection and the volume that an element is in; empty if there is none."""
    volume = element.getparent()
    collection = volume.getparent() if volume is not None else None
    if volume is None or collection is None:
        return "", ""
    return str(collection.get("id")), str(volume.get("id"))


def _parse_paper(element: etree._Element, source: str, volume: tuple[str, str], meta: dict[str, str]) -> Paper:
    anthology_id = find_text(element, "url").strip() or _build_anthology_id(element, volume)
    extra = {
        "journal": meta.get("booktitle"),
        "pages": find_text(element, "pages"),
        "publisher": meta.get("publisher"),
        "volume": meta.get("journal-volume"),
        "issue": meta.get("journal-issue"),
    }
    return Draft(
        source,
        ids=[f"acl:{anthology_id}", find_text(element, "doi")],
        title=find_text(element, "title"),
        abstract=find_text(element, "abstract"),
        authors=[f"{find_text(author, 'first')} {find_text(author, 'last')}" for author in find_all(element, "author")],
        published=date_from_parts(meta.get("year"), meta.get("month")),
        url=identifiers.id_url(f"acl:{anthology_id}"),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _build_anthology_id(element: etree._Element, volume: tuple[str, str]) -> str:
    """The ID made of collection, volume and number of the paper."""
    if not all(volume):
        raise MalformedRecord("the paper is not in a volume of a collection")
    return f"{volume[0]}-{volume[1]}.{element.get('id')}"
