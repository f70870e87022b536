"""Parses an author name as users write it in queries and filters."""

from search.errors import InvalidValue
from search.papers import identifiers
from search.query.condition import Author, AuthorPosition


def parse_author(text: str, text_position: int | None = None) -> Author:
    """Parses a name in any usual form.

    ``^Zhou`` matches the first author and ``Zhou$`` the last. Quotes around the name, or ``=`` before it, make it
    exact: ``="Zhou, Guorui"``. ``zhou_g`` and ``del_maestro_a`` are arXiv's form of a surname and an initial.
    ``Yang Liu @ arxiv:2604.24432`` is the Yang Liu who wrote that paper.

    Args:
        text: the name, with its marks.
        text_position: where the name starts in a query, from 1.

    Raises:
        InvalidValue: the name has no letter or digit, has the marks of both the first and the last author, an
            unmatched quote or a wildcard; or no ID follows ``@``. The field is ``author``.
    """
    text, paper = _split_paper(text)
    name, first, last, exact = text.strip(), False, False, False
    while name and (name[0] in "^=" or name[-1] == "$" or _is_quoted(name)):
        if name[-1] == "$":
            name, last = name[:-1].strip(), True
        else:
            first, exact = first or name[0] == "^", exact or name[0] != "^"
            name = name[1 : len(name) - _is_quoted(name)].strip()
    if first and last:
        raise InvalidValue("author", text, "^ selects the first author and $ the last; use only one of them")
    if name[:1] in ('"', "“") or name[-1:] in ('"', "”"):
        raise InvalidValue("author", text, 'unmatched quote; close it, as in "Guorui Zhou", or remove it')
    if "*" in name:
        raise InvalidValue("author", text, "wildcards are not supported; a surname alone matches every given name")
    if not any(character.isalnum() for character in name):
        raise InvalidValue("author", text, 'give a name: zhou, zhou_g or "Guorui Zhou"')
    position: AuthorPosition = "first" if first else "last" if last else "any"
    return Author(_decode_underscores(name), position, exact, paper, text_position)


def _split_paper(text: str) -> tuple[str, str]:
    """Splits ``NAME @ ID`` into both; a mark or quote after the ID is one of the name."""
    name, separator, rest = text.partition("@")
    if not separator:
        return text, ""
    given = rest.rstrip('$"” ')
    parsed = identifiers.parse(given.strip())
    if parsed is None:
        problem = "give the ID of a paper after @, as in Yang Liu @ arxiv:2604.24432, or omit @"
        raise InvalidValue("author", text, problem)
    return name.rstrip() + rest[len(given) :].rstrip(), parsed.id


def _is_quoted(name: str) -> bool:
    return len(name) > 1 and name[0] in '"“' and name[-1] in '"”'


def _decode_underscores(name: str) -> str:
    """Converts arXiv's ``del_maestro_a`` to ``del maestro, a``; other underscores become spaces."""
    surname, _, initial = name.rpartition("_")
    if surname and len(initial) == 1 and " " not in name:
        return f"{surname.replace('_', ' ')}, {initial}"
    return " ".join(name.replace("_", " ").split())
