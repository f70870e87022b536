"""Atom (RFC 4287): a question as a feed. All stamps are the papers' own, so that a feed changes when its papers do."""

import re
import uuid
from datetime import date as day

from lxml import etree

from search.papers.paper import Date, Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.render import display_title, paper_url

_NAMESPACE = "http://www.w3.org/2005/Atom"
_UUID_NAMESPACE = uuid.UUID("6c2a9f5e-0d1b-5a39-9d3c-2f6f2c1d7a10")
"""Under which ids are made of names (RFC 4122, version 5)."""
_EPOCH = "1970-01-01T00:00:00Z"
"""An entry must have been updated once; here no source says when."""
_INVALID_XML_CHARACTERS = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not."""
_URL = re.compile(r"https?://[^\s<>\"{}|\\^`\x00-\x20]+", re.IGNORECASE)


def render_page(answer: Page, wanted: RenderOptions) -> bytes:
    """A feed, an entry a hit."""
    feed = _create_feed(answer.interpretation, wanted)
    papers = [hit.paper for hit in answer.hits]
    _add_element(feed, "updated", max(map(_updated_timestamp, papers), default=_EPOCH))
    for each in papers:
        _add_entry(feed, each)
    return _serialize(feed)


def render_paper(answer: Paper, wanted: RenderOptions) -> bytes:
    """A feed of one entry."""
    feed = _create_feed(display_title(answer), wanted)
    _add_element(feed, "updated", _updated_timestamp(answer))
    _add_entry(feed, answer)
    return _serialize(feed)


def _create_feed(title: str, wanted: RenderOptions) -> etree._Element:
    feed = etree.Element(f"{{{_NAMESPACE}}}feed", nsmap={None: _NAMESPACE})
    _add_element(feed, "id", f"urn:uuid:{uuid.uuid5(_UUID_NAMESPACE, wanted.feed_key or title)}")
    _add_element(feed, "title", f"papers: {title}")
    _add_element(_add_element(feed, "author"), "name", "papers")  # of entries without any, as RFC 4287 asks for one
    for relation, address in (("self", wanted.self_url), ("alternate", wanted.html_url), ("next", wanted.next_url)):
        if address:
            _add_element(feed, "link", rel=relation, href=address)
    return feed


def _add_entry(feed: etree._Element, paper: Paper) -> None:
    entry, address = _add_element(feed, "entry"), paper_url(paper) or ""
    _add_element(entry, "id", _entry_id(paper))
    _add_element(entry, "title", display_title(paper))
    _add_element(entry, "updated", _updated_timestamp(paper))
    if paper.published:
        _add_element(entry, "published", _timestamp(paper.published))
    for name in paper.authors:
        _add_element(_add_element(entry, "author"), "name", name)
    for code in paper.categories:
        _add_element(entry, "category", term=code)
    linked = _URL.fullmatch(address)
    if linked:
        _add_element(entry, "link", rel="alternate", href=address)
    if paper.abstract or not linked:  # an entry that links nowhere must have content (RFC 4287, 4.1.2)
        _add_element(entry, "summary" if linked else "content", paper.abstract or "", type="text")


def _add_element(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    found = {key: _INVALID_XML_CHARACTERS.sub("", value) for key, value in attributes.items()}
    element = etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}", found)
    if text:
        element.text = _INVALID_XML_CHARACTERS.sub("", text)
    return element


def _entry_id(paper: Paper) -> str:
    """The paper's address by its id, wherever a source says that it is read; of others a UUID of the id."""
    address = paper_url(Paper(ids=paper.ids))
    if address and _URL.fullmatch(address):
        return address
    return f"urn:uuid:{uuid.uuid5(_UUID_NAMESPACE, paper.id)}"


def _updated_timestamp(paper: Paper) -> str:
    last = paper.updated or paper.published
    return _timestamp(last) if last else _EPOCH


def _timestamp(date: Date) -> str:
    """The beginning of its first day."""
    return f"{day.fromordinal(date.first_day).isoformat()}T00:00:00Z"


def _serialize(feed: etree._Element) -> bytes:
    content: bytes = etree.tostring(feed, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return content
