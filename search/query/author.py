"""Reads the name of an author as a query writes it."""

from search.errors import InvalidValue
from search.query.condition import Author


def parse_author(text: str, text_position: int | None = None) -> Author:
    """Reads a name as a person asks for it, in any usual form.

    ``^Zhou`` is the first author and ``Zhou$`` the last. Quotes around the name or ``=`` before it make it exact, as in
    ``="Zhou, Guorui"``. ``zhou_g`` and ``del_maestro_a`` are arXiv's way to write a surname and an initial.

    Args:
        at: where the text stands in a question, from 1.

    Raises:
        InvalidValue: of ``author``: no letter in it, first and last at once, or a wildcard.
    """
    name, first, last, exact = text.strip(), False, False, False
    while name and (name[0] in "^=" or name[-1] == "$" or _is_quoted(name)):
        if name[-1] == "$":
            name, last = name[:-1].strip(), True
        else:
            first, exact = first or name[0] == "^", exact or name[0] != "^"
            name = name[1 : len(name) - _is_quoted(name)].strip()
    if first and last:
        raise InvalidValue("author", text, "^ asks for the first author and $ for the last; choose one")
    if name[:1] in ('"', "“") or name[-1:] in ('"', "”"):
        raise InvalidValue("author", text, 'the quote has no other; close it, as in "Guorui Zhou", or leave it out')
    if "*" in name:
        raise InvalidValue("author", text, "there are no wildcards; write the surname alone to find every given name")
    if not any(character.isalnum() for character in name):
        raise InvalidValue("author", text, 'give a name: zhou, zhou_g or "Guorui Zhou"')
    return Author(_decode_underscores(name), "first" if first else "last" if last else "any", exact, text_position)


def _is_quoted(name: str) -> bool:
    return len(name) > 1 and name[0] in '"“' and name[-1] in '"”'


def _decode_underscores(name: str) -> str:
    """del_maestro_a is Maestro, A. del as arXiv writes it; other underscores are spaces."""
    surname, _, initial = name.rpartition("_")
    if surname and len(initial) == 1 and " " not in name:
        return f"{surname.replace('_', ' ')}, {initial}"
    return " ".join(name.replace("_", " ").split())
