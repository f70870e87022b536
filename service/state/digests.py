"""Digests: the new papers of several saved searches as text, Markdown, HTML, JSON or one of the export formats."""

import re
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Literal, get_args

from search.errors import InvalidValue
from search.papers.json import Json, replace_surrogates
from search.papers.paper import Paper
from search.query.hit import Hit
from search.query.page import Page
from service import formats
from service.formats import FORMATS, Format, RenderOptions
from service.formats.render import (
    SCHEMA_VERSION,
    best_sentence,
    clean_title,
    dump_json,
    metadata_line,
    page_json,
    page_text,
    sanitize_line,
)
from service.state.watches import Unread

_DocumentFormat = Literal["markdown", "html"]
DigestFormat = Format | _DocumentFormat
DIGEST_FORMATS: tuple[DigestFormat, ...] = (*FORMATS, *get_args(_DocumentFormat))
"""The formats of a digest, besides text."""
_MARKDOWN_SYNTAX = re.compile(r"([\\`*_{}\[\]<>#|~$&!^])")
"""Characters that may start Markdown syntax, HTML or mathematics."""
_MARKDOWN_LINE_START = re.compile(r"^(\d*)([-+=.)])")
"""What starts a list or underlines a heading at the start of a line."""
_URL = re.compile(r"https?://[^\s<>\"\\]+", re.IGNORECASE)
_HTML_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body style="font: 16px/1.5 sans-serif; max-width: 44rem">
<h1 style="font-size: 1.3em">{title}</h1>
{sections}
</body></html>
"""
_HTML_SECTION = """<h2 style="font-size: 1.1em">{name} ({count:,})</h2>
<p style="color: #555">{search}</p>
<ol>
{papers}
</ol>"""
_HTML_PAPER = '<li style="margin-bottom: 1em">{title}<br><span style="color: #555">{facts}</span>{sentence}</li>'


def parse_digest_format(text: str) -> DigestFormat:
    """Returns the format with this name.

    Raises:
        InvalidValue: there is no such format.
    """
    for name in DIGEST_FORMATS:
        if name == text:
            return name
    raise InvalidValue("format", text, f"choose one of {', '.join(DIGEST_FORMATS)}")


def render_digest(name: DigestFormat, found: Sequence[Unread]) -> bytes:
    """Renders a digest, in UTF-8."""
    if name == "json":
        return (dump_json(digest_json(found)) + "\n").encode()
    if name == "markdown":
        return replace_surrogates(_markdown(found)).encode()
    if name == "html":
        return replace_surrogates(digest_html(found)).encode()
    feed_key = "\n".join(["watch", *(unread.watch.name for unread in found)])
    return formats.render_page(name, _joined_page(found), RenderOptions(feed_key=feed_key))


def digest_json(found: Sequence[Unread]) -> dict[str, object]:
    """Returns a digest as a JSON object: each saved search with its page of papers."""
    watches = [unread_json(unread) for unread in found]
    return {"schema_version": SCHEMA_VERSION, "watches": watches}


def unread_json(unread: Unread) -> dict[str, Json]:
    """Returns a saved search and its page of new papers as a JSON object."""
    page = page_json(unread.page)
    return {**unread.to_json(), **{name: value for name, value in page.items() if name != "schema_version"}}


def digest_text(found: Sequence[Unread]) -> str:
    """Returns a digest as plain text; empty if nothing is new."""
    return "\n".join(
        f"{unread.watch.name}: {count_papers(len(unread.page))}\n{page_text(unread.page)}"
        for unread in found
        if unread.page.hits
    )


def digest_title(found: Sequence[Unread]) -> str:
    """Returns what a mail with a digest is about."""
    names = [unread.watch.name for unread in found if unread.page.hits]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    title = count_papers(sum(len(unread.page) for unread in found))
    return f"{title}: {', '.join(names[:3])}{more}" if names else title


def count_papers(number: int) -> str:
    """Returns ``1 new paper``, or the number and ``new papers``."""
    return f"{number:,} new paper{'' if number == 1 else 's'}"


def digest_html(found: Sequence[Unread]) -> str:
    """Returns a digest as an HTML page without scripts or images, which mail programs show too."""
    sections = [
        _HTML_SECTION.format(
            name=_escape_html(unread.watch.name),
            count=len(unread.page),
            search=_escape_html(unread.watch.search.describe()),
            papers="\n".join(_html_paper(hit) for hit in unread.page.hits),
        )
        for unread in found
        if unread.page.hits
    ]
    return _HTML_PAGE.format(title=_escape_html(digest_title(found)), sections="\n".join(sections))


def _html_paper(hit: Hit) -> str:
    title, link, sentence = _escape_html(clean_title(hit.paper)), _link(hit.paper), best_sentence(hit)
    return _HTML_PAPER.format(
        title=f'<a href="{_escape_html(link)}">{title}</a>' if link else title,
        facts=_escape_html(_facts(hit)),
        sentence=f"<br>{_escape_html(sentence)}" if sentence else "",
    )


def _markdown(found: Sequence[Unread]) -> str:
    lines = [f"# {_escape_markdown(digest_title(found))}", ""]
    for unread in found:
        if unread.page.hits:
            lines += [f"## {_escape_markdown(unread.watch.name)} ({len(unread.page):,})", ""]
            lines += [_escape_markdown(unread.watch.search.describe()), ""]
            lines += [line for hit in unread.page.hits for line in _markdown_paper(hit)]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_paper(hit: Hit) -> list[str]:
    title, link, sentence = _escape_markdown(clean_title(hit.paper)), _link(hit.paper), best_sentence(hit)
    lines = [f"- [{title}](<{link}>)" if link else f"- {title}", f"  {_escape_markdown(_facts(hit))}"]
    return [*lines, *([f"  {_escape_markdown(sentence)}"] if sentence else []), ""]


def _facts(hit: Hit) -> str:
    return " · ".join(each for each in (metadata_line(hit.paper), hit.band or "") if each)


def _link(paper: Paper) -> str:
    """The URL of a paper if it is http or https: a link of another scheme could run a script."""
    return paper.link if paper.link and _URL.fullmatch(paper.link) else ""


def _escape_html(text: str) -> str:
    return escape(sanitize_line(text))


def _escape_markdown(text: str) -> str:
    line = _MARKDOWN_SYNTAX.sub(r"\\\1", sanitize_line(" ".join(text.split())))
    return _MARKDOWN_LINE_START.sub(r"\1\\\2", line)


def _joined_page(found: Sequence[Unread]) -> Page:
    """Returns one page with each paper once, for formats that list papers."""
    hits = {hit.paper.id: hit for unread in found for hit in unread.page.hits}
    title = ", ".join(unread.watch.name for unread in found)
    return replace(found[0].page, hits=tuple(hits.values()), total=len(hits), interpretation=f"new papers: {title}")
