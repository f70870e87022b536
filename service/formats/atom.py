"""Atom (RFC 4287): a search as a feed. Its timestamps are those of its papers, so it changes only when they do.

A feed in the order in which papers were added has the times of addition, by which feed readers sort.
"""

import re
import uuid
from datetime import date as calendar_date

from lxml import etree

from search.papers.date import Date
from search.papers.identifiers import id_url
from search.papers.json import replace_surrogates
from search.papers.paper import Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.render import display_title

_NAMESPACE = "http://www.w3.org/2005/Atom"
_UUID_NAMESPACE = uuid.UUID("6c2a9f5e-0d1b-5a39-9d3c-2f6f2c1d7a10")
"""Namespace of the UUIDs (RFC 4122, version 5) of feeds and of papers without a URL."""
_EPOCH = "1970-01-01T00:00:00Z"
"""Value of ``updated``, which is mandatory, if no source gives a date and the time of addition is not known."""
_INVALID_XML_CHARACTERS = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, even escaped; surrogates are among them."""
_URL = re.compile(r"https?://[^\s<>\"{}|\\^`\x00-\x20]+", re.IGNORECASE)


def render_page(page: Page, options: RenderOptions) -> bytes:
    """A feed with one entry per hit."""
    feed = _create_feed(page.interpretation, options)
    papers = [(hit.paper, _updated_timestamp(hit.paper, options)) for hit in page.hits]
    _add_element(feed, "updated", max((updated for _, updated in papers), default=_EPOCH))
    for paper, updated in papers:
        _add_entry(feed, paper, updated)
    return _serialize(feed)


def render_paper(paper: Paper, options: RenderOptions) -> bytes:
    """A feed with one entry."""
    feed = _create_feed(display_title(paper), options)
    updated = _updated_timestamp(paper, options)
    _add_element(feed, "updated", updated)
    _add_entry(feed, paper, updated)
    return _serialize(feed)


def _create_feed(title: str, options: RenderOptions) -> etree._Element:
    feed = etree.Element(f"{{{_NAMESPACE}}}feed", nsmap={None: _NAMESPACE})
    _add_element(feed, "id", f"urn:uuid:{_uuid(options.feed_key or title)}")
    _add_element(feed, "title", f"papers: {title}")
    _add_element(
        _add_element(feed, "author"), "name", "papers"
    )  # RFC 4287 requires one; it applies to entries without authors
    for relation, url in (("self", options.self_url), ("alternate", options.html_url), ("next", options.next_url)):
        if url:
            _add_element(feed, "link", rel=relation, href=url)
    return feed


def _add_entry(feed: etree._Element, paper: Paper, updated: str) -> None:
    entry, url = _add_element(feed, "entry"), paper.link or ""
    _add_element(entry, "id", _entry_id(paper))
    _add_element(entry, "title", display_title(paper))
    _add_element(entry, "updated", updated)
    if paper.published:
        _add_element(entry, "published", _timestamp(paper.published))
    for name in paper.authors:
        _add_element(_add_element(entry, "author"), "name", name)
    for code in paper.categories:
        _add_element(entry, "category", term=code)
    linked = _URL.fullmatch(url)
    if linked:
        _add_element(entry, "link", rel="alternate", href=url)
    if paper.abstract or not linked:  # an entry without a link must have content (RFC 4287, 4.1.2)
        _add_element(entry, "summary" if linked else "content", paper.abstract or "", type="text")


def _add_element(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    found = {key: _INVALID_XML_CHARACTERS.sub("", value) for key, value in attributes.items()}
    element = etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}", found)
    if text:
        element.text = _INVALID_XML_CHARACTERS.sub("", text)
    return element


def _entry_id(paper: Paper) -> str:
    """The URL of the paper's public ID, whatever URL its source gives; a UUID of the ID if it has no resolver."""
    url = id_url(paper.id)
    if url and _URL.fullmatch(url):
        return url
    return f"urn:uuid:{_uuid(paper.id)}"


def _uuid(name: str) -> uuid.UUID:
    return uuid.uuid5(_UUID_NAMESPACE, replace_surrogates(name))


def _updated_timestamp(paper: Paper, options: RenderOptions) -> str:
    last = paper.updated or paper.published
    if paper.added and (options.added_times or not last):
        return f"{paper.added:%Y-%m-%dT%H:%M:%SZ}"
    return _timestamp(last) if last else _EPOCH


def _timestamp(date: Date) -> str:
    """The start of the first day of a date."""
    return f"{calendar_date.fromordinal(date.first_day).isoformat()}T00:00:00Z"


def _serialize(feed: etree._Element) -> bytes:
    content: bytes = etree.tostring(feed, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return content
