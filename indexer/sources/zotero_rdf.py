"""Zotero's RDF export (https://github.com/zotero/translators, "Zotero RDF.js"): items, and the journals and books that
contain them, are elements of one list and refer to one another."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from lxml import etree

from indexer.sources.dates import find_date
from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, select_non_empty
from indexer.sources.xml import find_all, find_text, inner_text, iter_elements, local_name, read_elements, root_name
from indexer.sources.xml_text import MalformedXml
from search.errors import SourceError
from search.papers.folding import normalize_whitespace
from search.papers.json import Json
from search.papers.paper import Paper

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_ITEMS = (
    "Article", "Book", "BookSection", "ConferenceProceedings", "Data", "Description", "Document", "Legislation",
    "Letter", "Manuscript", "Patent", "Recording", "Report", "Thesis",
)  # fmt: skip
"""Elements of items. Some of them are containers as well, without an ``itemType``."""
_JOURNALS = ("Journal", "Periodical", "Newspaper")
"""Containers that have the DOI of the article, because Zotero writes one for each article."""
_CONTAINERS = (*_JOURNALS, "Book", "Website", "Blog", "Forum")
_OTHER_ITEM_TYPES = frozenset(("attachment", "note", "annotation"))
_AUTHOR_LISTS = ("authors", "presenters", "inventors", "programmers")
EXTRA_ID = re.compile(r"^(arXiv|PMID|DOI|PMCID):\s*(\S+)", re.MULTILINE)
"""An identifier in the field "Extra" of Zotero."""


def sniff(head: str) -> bool:
    """Whether the file is RDF with the names of Zotero."""
    return root_name(head) == "RDF" and "http://www.zotero.org/namespaces/export#" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the items in order, without attachments and notes; reads the file twice, first for the containers."""
    containers: dict[str, _Container] = {}
    uses: Counter[str] = Counter()
    for _, element in iter_elements(file, *dict.fromkeys((*_CONTAINERS, *_ITEMS)), top_level=True):
        if not isinstance(element, MalformedXml):
            uses.update(_reference(part) for part in find_all(element, "isPartOf"))
            if local_name(element) in _CONTAINERS:
                containers[str(element.get(f"{_RDF}about"))] = _parse_container(element)
    for name in (name for name, count in uses.items() if count > 1 and name in containers):
        containers[name] = _Container(containers[name].title)
    yield from read_elements(
        file, partial(_parse_paper, source=file.source, containers=containers), *_ITEMS, top_level=True
    )


@dataclass(frozen=True, slots=True)
class _Container:
    """What contains an item.

    Attributes:
        title: Its title.
        volume: The volume with the item.
        issue: The issue with the item.
        doi: The DOI of the item; empty if it may be that of the container.
    """

    title: str
    volume: str = ""
    issue: str = ""
    doi: str = ""


def _parse_container(element: etree._Element) -> _Container:
    is_journal = local_name(element) in _JOURNALS
    return _Container(
        _text(element, "title"), _text(element, "volume"), _text(element, "number"),
        _find_doi(element) if is_journal else "",
    )  # fmt: skip


def _parse_paper(item: etree._Element, source: str, containers: dict[str, _Container]) -> Paper | None:
    kind = _text(item, "itemType")
    if not kind or kind in _OTHER_ITEM_TYPES:
        return None
    container = next(_iter_containers(item, containers), _Container(""))
    urls = [_text(each, "value") for each in find_all(item, "identifier/URI")]
    more_ids = EXTRA_ID.findall(find_text(item, "description"))
    keywords: list[Json] = [normalize_whitespace(inner_text(each)) for each in find_all(item, "subject")]
    editors: list[Json] = [*_names(item, "editors")]
    extra: dict[str, Json] = {
        "journal": container.title,
        "volume": container.volume or _text(item, "volume"),
        "issue": container.issue or _text(item, "number"),
        "publisher": _text(item, "publisher/Organization/name"),
        "pages": _text(item, "pages"),
        "keywords": keywords,
        "comment": _text(item, "description"),
        "editors": editors,
    }
    return Draft(
        source,
        ids=[
            _find_doi(item) or container.doi,
            *(f"{scheme.lower()}:{name}" for scheme, name in more_ids),
        ],
        title=_text(item, "title"),
        abstract=_text(item, "abstract"),
        authors=next((names for group in _AUTHOR_LISTS if (names := _names(item, group))), []),
        published=find_date(_text(item, "date")),
        url=next(iter(urls), None),
        links=urls,
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _iter_containers(item: etree._Element, containers: dict[str, _Container]) -> Iterator[_Container]:
    """Yields what an item is part of, whether the element is inside of it or elsewhere."""
    for part in item.iter("{*}isPartOf"):
        if (name := _reference(part)) in containers:
            yield containers[name]
        for element in part.iterchildren(tag=etree.Element):
            if local_name(element) in _CONTAINERS:
                yield _parse_container(element)


def _reference(element: etree._Element) -> str:
    return str(element.get(f"{_RDF}resource") or element.get(f"{_RDF}nodeID") or "")


def _find_doi(element: etree._Element) -> str:
    identifiers = (normalize_whitespace(inner_text(each)) for each in find_all(element, "identifier"))
    return next((each.removeprefix("DOI ") for each in identifiers if each.startswith("DOI ")), "")


def _names(item: etree._Element, group: str) -> list[str]:
    return [
        " ".join(filter(None, (_text(person, "givenName") or _text(person, "givenname"), _text(person, "surname"))))
        for person in find_all(item, f"{group}/Seq/li/Person")
    ]


def _text(element: etree._Element, path: str) -> str:
    return normalize_whitespace(find_text(element, path))
