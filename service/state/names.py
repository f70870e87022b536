"""Names of lists and saved searches, and notes: one line of text each."""

import unicodedata
from collections.abc import Iterable

from search.errors import InvalidValue

MAX_NAME_LENGTH = 80
"""Most characters of a name."""
MAX_NOTE_LENGTH = 1_000
"""Most characters of a note."""


def parse_name(text: str, field: str = "name") -> str:
    """Returns a name in its stored form: white space collapsed, characters composed.

    A slash is not allowed and neither is a name of dots: both change the path of a URL.

    Raises:
        InvalidValue: the text is not a name.
    """
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    is_valid = name.isprintable() and "/" not in name and name.strip(".") and len(name) <= MAX_NAME_LENGTH
    if not is_valid:
        raise InvalidValue(field, text, f"use 1 to {MAX_NAME_LENGTH} printable characters other than /, not only dots")
    return name


def parse_note(text: str) -> str:
    """Returns a note as one line.

    Raises:
        InvalidValue: it is too long, or contains control characters.
    """
    note = " ".join(text.split())
    if len(note) > MAX_NOTE_LENGTH or not note.isprintable():
        raise InvalidValue("note", text, f"use one line of at most {MAX_NOTE_LENGTH:,} printable characters")
    return note


def join_notes(notes: Iterable[str]) -> str:
    """Returns the notes on the entries of one paper as one note."""
    return "; ".join(dict.fromkeys(note for note in notes if note))[:MAX_NOTE_LENGTH].rstrip()
