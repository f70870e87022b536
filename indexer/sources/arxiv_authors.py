"""Lists of authors as arXiv writes them in one text."""

import re

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
