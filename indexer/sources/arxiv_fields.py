"""Parts of arXiv's metadata that several of its formats share: lists of authors as one text, and dates of e-mail."""

import re
from email.utils import parsedate

from indexer.sources.record import date_from_parts
from search.papers.date import Date
from search.papers.folding import normalize_whitespace
from search.papers.surnames import is_suffix

_AFFILIATION = re.compile(r"\s*\([^()]*\)")
_SEPARATOR = re.compile(r"[,;:]\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)
_MAX_NESTING = 4
"""Levels of parentheses in affiliations."""


def split_authors(text: str) -> list[str]:
    """Splits a list of authors (https://info.arxiv.org/help/prep.html#author) into names, without affiliations.

    The names are separated by commas or "and"; a colon follows the name of a collaboration.
    """
    text = normalize_whitespace(text)
    for _ in range(_MAX_NESTING):
        text = _AFFILIATION.sub("", text)
    names = list[str]()
    for name in _SEPARATOR.split(text):
        if names and is_suffix(name):
            names[-1] += " " + name
        elif name.strip():
            names.append(name.strip())
    return names


def parse_mail_date(text: str) -> Date | None:
    """Parses a date such as ``Mon, 2 Apr 2007 19:18:42 GMT`` (RFC 5322); None if it is not one."""
    parsed = parsedate(text)
    return date_from_parts(*parsed[:3]) if parsed else None
