"""arXiv's API over a corpus (https://info.arxiv.org/help/api/user-manual.html)."""

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

from harvest.corpus import Corpus, Entry
from harvest.servers import Reply

_TERM = re.compile(r"\(|\)|AND(?:NOT)?\b|OR\b|\w+:\[[^\]]*\]|\w+:\"[^\"]*\"|[^\s()]+")


@dataclass
class ArxivApi:
    """The API.

    Attributes:
        corpus: Its papers.
        empty_pages: Pages that the API gives without entries before it gives any again.
    """

    corpus: Corpus
    empty_pages: int = 0

    def __call__(self, parameters: dict[str, str]) -> Reply:
        start, size = parameters.get("start", "0"), parameters.get("max_results", "10")
        if not (start.isdecimal() and size.isdecimal()):
            return _error(f"start and max_results must be integers, not {start} and {size}")
        if int(size) > 2_000 or int(start) + int(size) > 30_000:
            return _error("max_results is too large")
        try:
            found = [each for each in self.corpus.entries if _matches(each, parameters["search_query"])]
        except ValueError as error:
            return _error(f"malformed query: {error}")
        by_change = parameters.get("sortBy") == "lastUpdatedDate"
        found.sort(key=lambda each: (each.versions[-1] if by_change else each.versions[0], each.id))
        if parameters.get("sortOrder") == "descending":
            found.reverse()
        page = found[int(start) : int(start) + int(size)]
        if self.empty_pages:
            self.empty_pages -= 1
            page = []
        return Reply(_feed(page, len(found), int(start)), "application/atom+xml; charset=utf-8")


def _feed(page: list[Entry], total: int, start: int) -> bytes:
    entries = "".join(map(_entry, page))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"
 xmlns:arxiv="http://arxiv.org/schemas/atom"><id>http://arxiv.org/api/x</id><title>arXiv Query</title>
<updated>2026-04-15T00:00:00Z</updated><opensearch:totalResults>{total}</opensearch:totalResults>
<opensearch:startIndex>{start}</opensearch:startIndex><opensearch:itemsPerPage>{len(page)}</opensearch:itemsPerPage>
{entries}</feed>
""".encode()


def _entry(entry: Entry) -> str:
    authors = "".join(f"<author><name>{escape(name)}</name></author>" for name in entry.authors)
    categories = "".join(f'<category term="{code}"/>' for code in entry.categories)
    return f"""<entry><id>http://arxiv.org/abs/{entry.id}v{len(entry.versions)}</id>
<updated>{entry.versions[-1]}T10:00:00Z</updated><published>{entry.versions[0]}T10:00:00Z</published>
<title>{escape(entry.title)}</title><summary>{escape(entry.abstract)}</summary>{authors}
<arxiv:primary_category term="{entry.categories[0]}"/>{categories}</entry>
"""


def _error(text: str) -> Reply:
    """Section 3.4 of the manual."""
    entry = f"""<entry><id>http://arxiv.org/api/errors#x</id><title>Error</title><summary>{escape(text)}</summary></entry>"""
    body = _feed([], 1, 0).replace(b"</feed>", entry.encode() + b"</feed>")
    return Reply(body, "application/atom+xml", 400)


def _matches(entry: Entry, query: str) -> bool:
    """Evaluates the operators from left to right, as the API does within parentheses."""
    tokens = _TERM.findall(query)

    def expression() -> bool:
        value = operand()
        while tokens and tokens[0] != ")":
            operator = tokens.pop(0) if tokens[0] in ("AND", "OR", "ANDNOT") else "OR"
            other = operand()
            value = (value or other) if operator == "OR" else value and other != (operator == "ANDNOT")
        return value

    def operand() -> bool:
        if not tokens:
            raise ValueError("an operand is missing")
        token = tokens.pop(0)
        if token != "(":
            return _has(entry, token)
        value = expression()
        if not tokens:
            raise ValueError("a parenthesis is not closed")
        tokens.pop(0)
        return value

    return expression()


def _has(entry: Entry, term: str) -> bool:
    name, _, value = term.partition(":")
    value = value.strip('"').casefold()
    if name == "cat":
        return any(re.fullmatch(re.escape(value).replace(r"\*", ".*"), each.casefold()) for each in entry.categories)
    if name == "submittedDate":
        first, last = re.findall(r"[0-9]+", value)
        return first <= entry.versions[0].replace("-", "") + "1000" <= last
    texts = {"ti": entry.title, "au": " ".join(entry.authors), "abs": entry.abstract}
    return value in " ".join(texts.values() if name == "all" else [texts[name]]).casefold()
