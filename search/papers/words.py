"""Words of a text: maximal runs of letters and digits.

The full-text index has words of its own (``search.index.analysis``), and so has the grammar of queries
(``search.language.tokens``), in which hyphens and wildcards belong to a word.
"""

import re

WORD = re.compile(r"[^\W_]+")
"""One word."""
NON_WORD = re.compile(r"[\W_]+")
"""What separates words: white space, punctuation and underscores."""
_ASCII_FOLDING = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}


def split_words(text: str) -> list[str]:
    """The words of a text in order, their case unchanged."""
    return WORD.findall(text)


def split_ascii_words(text: str) -> list[str]:
    """The words of an ASCII text in lower case: ``split_words`` of ``text.lower()`` in half the time."""
    return text.translate(_ASCII_FOLDING).split()


def join_words(text: str) -> str:
    """The text with single spaces between its words in place of whatever separates them."""
    return NON_WORD.sub(" ", text).strip()


def truncate_words(text: str, max_words: int) -> str:
    """The first parts of a text between white space, punctuation included, with " ..." if any are left out."""
    parts = text.split()
    return " ".join(parts[:max_words]) + (" ..." if len(parts) > max_words else "")
