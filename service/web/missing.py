"""What a reader may have wanted at an address that has no page: a paper, if it looks like an ID, or a search."""

import re
from dataclasses import dataclass

from search.papers import identifiers
from service.web.html import Link
from service.web.urls import PageUrl, paper_page_url

_PREFIXES = re.compile(r"^(?:papers?|abs|pdf|html|doi)/|\.(?:pdf|html?)$", re.IGNORECASE)
"""Parts of the addresses of papers at other sites that are not part of an ID."""
_SEPARATORS = re.compile(r"[\s_+/-]+")
"""Between the words of a title in an address."""
_MAX_TITLE_LENGTH = 300
"""Longest address, in characters, that is shown as a search."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What an address that has no page may stand for.

    Attributes:
        text: what to search for; empty if nothing is known.
        link: the page of the paper, or the search; None without a text.
    """

    text: str = ""
    link: Link | None = None


def guess_wanted(path: str) -> Guess:
    """Returns what the decoded path of an address may stand for."""
    text = _PREFIXES.sub("", path.strip("/ "))
    if found := identifiers.parse(text):
        is_missing = path.startswith("/paper/")  # this very page
        return Guess() if is_missing else Guess(found.id, Link(f"The paper {found.id}", paper_page_url(found.id)))
    words = " ".join(_SEPARATORS.sub(" ", text).split())
    if len(words) > _MAX_TITLE_LENGTH or sum(word.isalpha() and len(word) > 1 for word in words.split()) < 2:
        return Guess()
    return Guess(words, Link(f"Search for “{words}”", str(PageUrl("/", (("q", words),)))))
