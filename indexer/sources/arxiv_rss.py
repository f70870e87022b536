"""arXiv's news feeds (https://info.arxiv.org/help/rss_specifications.html): RSS 2.0, Atom, and the RSS 1.0 of before
2024."""

import re
from collections.abc import Iterator
from functools import partial

from lxml import etree

from indexer.sources.arxiv_authors import split_authors
from indexer.sources.dates import find_date
from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, select_non_empty
from indexer.sources.xml import find_all, find_text, inner_text, read_elements, root_name
from search.errors import SourceError
from search.papers.paper import Paper

_SUMMARY = re.compile(r"\s*arXiv:(?P<id>\S+)\s+Announce Type:\s*(?P<type>[\w-]+)\s*(?:Abstract:\s*)?", re.IGNORECASE)
"""What precedes the abstract in a summary."""
_TITLE_END = re.compile(
    r"\.?\s*\(arXiv:(?P<id>[^\s()]+)(?:\s+\[(?P<category>[\w.-]+)\])?(?:\s+(?P<type>UPDATED|CROSS LISTED))?\)\s*$"
)
"""What follows the title in RSS 1.0."""
_TAG = re.compile(r"<[^<>]*>")
"""Markup around names in RSS 1.0."""
_OAI_PREFIX = "oai:arXiv.org:"


def sniff(head: str) -> bool:
    """Whether the file is RSS of arXiv, or Atom with announcements."""
    root = root_name(head)
    return (root in ("rss", "RDF") and "arxiv.org/" in head and "<item" in head) or (
        root == "feed" and "announce_type>" in head
    )


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the papers in order; the day of a feed is the date of publication only of a new paper."""
    return read_elements(file, partial(_parse_paper, source=file.source), "item", "entry")


def _parse_paper(item: etree._Element, source: str) -> Paper:
    summary, title = find_text(item, "description") or find_text(item, "summary"), find_text(item, "title")
    start, end = _SUMMARY.match(summary), _TITLE_END.search(title)
    links = [find_text(item, "link").strip(), *(str(each.get("href") or "") for each in find_all(item, "link"))]
    names = [find_text(item, "guid"), find_text(item, "id"), *(match["id"] for match in (start, end) if match)]
    types = [find_text(item, "announce_type"), *(match["type"] or "" for match in (start, end) if match)]
    day = find_date(find_text(item, "pubDate") or find_text(item, "published"))
    is_new = next(filter(None, types), "new") == "new"
    extra = {"comment": find_text(item, "comment"), "journal": find_text(item, "journal_reference")}
    return Draft(
        source,
        ids=[*(name.strip().removeprefix(_OAI_PREFIX) for name in names), find_text(item, "DOI"), *links],
        title=title[: end.start()] if end else title,
        abstract=summary[start.end() :] if start else summary,
        authors=split_authors(_TAG.sub("", ", ".join(map(inner_text, find_all(item, "creator")))))
        or [find_text(author, "name") for author in find_all(item, "author")],
        published=day if is_new else None,
        updated=None if is_new else day,
        categories=[str(each.get("term") or inner_text(each)) for each in find_all(item, "category")]
        or [end["category"] or "" if end else ""],
        url=next(filter(None, links), None),
        extra=select_non_empty(extra, extra),
    ).to_paper()
