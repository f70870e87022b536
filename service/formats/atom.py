"""Atom (RFC 4287): a question as a feed. All stamps are the papers' own, so that a feed changes when its papers do."""

import re
import uuid
from datetime import date as day

from lxml import etree

from search.papers.paper import Date, Paper
from search.query.page import Page
from service.formats import Wanted
from service.formats.render import title_of, url_of

_NAMESPACE = "http://www.w3.org/2005/Atom"
_IDS = uuid.UUID("6c2a9f5e-0d1b-5a39-9d3c-2f6f2c1d7a10")
"""Under which ids are made of names (RFC 4122, version 5)."""
_NEVER = "1970-01-01T00:00:00Z"
"""An entry must have been updated once; here no source says when."""
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not."""
_ADDRESS = re.compile(r"https?://[^\s<>\"{}|\\^`\x00-\x20]+", re.IGNORECASE)


def page(answer: Page, wanted: Wanted) -> bytes:
    """A feed, an entry a hit."""
    feed = _feed(answer.reading, wanted)
    papers = [hit.paper for hit in answer.hits]
    _add(feed, "updated", max(map(_updated, papers), default=_NEVER))
    for each in papers:
        _entry(feed, each)
    return _serialized(feed)


def paper(answer: Paper, wanted: Wanted) -> bytes:
    """A feed of one entry."""
    feed = _feed(title_of(answer), wanted)
    _add(feed, "updated", _updated(answer))
    _entry(feed, answer)
    return _serialized(feed)


def _feed(title: str, wanted: Wanted) -> etree._Element:
    feed = etree.Element(f"{{{_NAMESPACE}}}feed", nsmap={None: _NAMESPACE})
    _add(feed, "id", f"urn:uuid:{uuid.uuid5(_IDS, wanted.name or title)}")
    _add(feed, "title", f"papers: {title}")
    _add(_add(feed, "author"), "name", "papers")  # of entries without any, as RFC 4287 asks for one
    for relation, address in (("self", wanted.here), ("alternate", wanted.shown), ("next", wanted.next)):
        if address:
            _add(feed, "link", rel=relation, href=address)
    return feed


def _entry(feed: etree._Element, paper: Paper) -> None:
    entry, address = _add(feed, "entry"), url_of(paper) or ""
    _add(entry, "id", _id(paper))
    _add(entry, "title", title_of(paper))
    _add(entry, "updated", _updated(paper))
    if paper.published:
        _add(entry, "published", _stamp(paper.published))
    for name in paper.authors:
        _add(_add(entry, "author"), "name", name)
    for code in paper.categories:
        _add(entry, "category", term=code)
    linked = _ADDRESS.fullmatch(address)
    if linked:
        _add(entry, "link", rel="alternate", href=address)
    if paper.abstract or not linked:  # an entry that links nowhere must have content (RFC 4287, 4.1.2)
        _add(entry, "summary" if linked else "content", paper.abstract or "", type="text")


def _add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    found = {key: _NOT_XML.sub("", value) for key, value in attributes.items()}
    element = etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}", found)
    if text:
        element.text = _NOT_XML.sub("", text)
    return element


def _id(paper: Paper) -> str:
    """The paper's address by its id, wherever a source says that it is read; of others a UUID of the id."""
    address = url_of(Paper(ids=paper.ids))
    if address and _ADDRESS.fullmatch(address):
        return address
    return f"urn:uuid:{uuid.uuid5(_IDS, paper.id)}"


def _updated(paper: Paper) -> str:
    last = paper.updated or paper.published
    return _stamp(last) if last else _NEVER


def _stamp(date: Date) -> str:
    """The beginning of its first day."""
    return f"{day.fromordinal(date.first_day).isoformat()}T00:00:00Z"


def _serialized(feed: etree._Element) -> bytes:
    content: bytes = etree.tostring(feed, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return content
