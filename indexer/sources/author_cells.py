"""Lists of authors in one cell of a table, with the separators that programs put between the names."""

import ast
import re
import warnings
from collections.abc import Iterable

from indexer.sources.given_names import is_given_name
from indexer.sources.json import parse_json
from indexer.sources.limits import MalformedRecord
from indexer.sources.placeholders import is_placeholder
from search.papers.author_lists import are_whole_names
from search.papers.character_references import decode_references
from search.papers.folding import put_given_name_first
from search.papers.surnames import is_suffix

_AND = re.compile(r",? (?:and|&) ", re.IGNORECASE)
_ID = re.compile(r"\(\d+\)$")
"""Scopus's number of a person."""
_TITLES = re.compile(r"^(?:(?:Prof|Dr|PD|Priv|Doz|Dipl|Ing)\.[\s-]*)+")
_PREFIXES = ("Mc", "Mac", "Di", "De", "Del", "Du", "La", "Le", "Van", "Von", "Fitz")
"""Parts of surnames, after which a capital letter follows within the word, as in McDonald."""
_INITIALS = re.compile(r"(?:[^\W\d_](?:[.\s-]|$)[\s-]*)+")
_ET_AL = re.compile(r"(?:\b(?:et\.? al|and others|others)\.?|…|\.\.\.)$", re.IGNORECASE)
SEPARATORS = (";", "|", "\n")
"""Separators that no name contains."""
_WITHIN_NAMES = "family, given"
"""Stands for a comma that separates family and given name."""


def find_separator(cells: Iterable[str]) -> str:
    """The separator of the names in a column.

    Args:
        cells: Some cells of the column.

    Returns:
        One of SEPARATORS; a comma if commas separate whole names; ``family, given`` if a comma is within names; ``Aa``
        if a small letter before a capital one is all that separates them, as in SpringerLink's exports; empty if the
        cells do not tell.
    """
    lists = [cell for cell in map(decode_references, cells) if not cell.startswith("[")]
    for separator in SEPARATORS:
        if any(separator in cell.strip() for cell in lists):
            return separator
    if any(cell.count(",") >= 2 and _are_whole_names(_split_list(cell)) for cell in lists):
        return ","
    pairs = [parts for cell in lists if cell.count(",") == 1 and len(parts := _split_list(cell)) == 2]
    if any(not _are_whole_names(parts) and not are_whole_names(parts[0], parts[1]) for parts in pairs):
        return _WITHIN_NAMES
    is_joined = any(len(_split_joined(cell)) > 1 for cell in lists) and not any("," in cell for cell in lists)
    return "Aa" if is_joined else ""


def split_authors(cell: str, separator: str) -> tuple[list[str], bool]:
    """Splits a cell into names, given names first, and tells whether the list is truncated.

    Args:
        cell: The cell; a list in JSON or as Python writes it is read as well.
        separator: The result of ``find_separator``.
    """
    names = _parse_list(cell)
    if names is None:
        cell = decode_references(cell).strip()
        if separator in SEPARATORS:
            names = cell.split(separator)
        elif separator == "Aa":
            names = [_TITLES.sub("", name) for name in _split_joined(cell)]
        else:
            names = _split_at_commas(cell, separator)
    names = [_ID.sub("", name.strip()).rstrip() for name in names]
    is_partial = any(_ET_AL.search(name) for name in names)
    if is_partial:
        names = [_ET_AL.sub("", name).strip(" ,") for name in names]
    names = [put_given_name_first(name) for name in names if not is_placeholder(name)]
    return [name for name in names if name], is_partial


def split_exported_authors(cell: str) -> list[str]:
    """Splits a cell of our own export: names with semicolons between them, or a JSON list."""
    return [put_given_name_first(name) for name in _parse_list(cell) or cell.split(";")]


def _parse_list(cell: str) -> list[str] | None:
    """The texts of a list in JSON or as Python writes it; None for anything else."""
    if not cell.startswith(("['", '["')):
        return None
    try:
        value = parse_json(cell)
    except MalformedRecord:
        try:
            with warnings.catch_warnings(action="ignore"):  # of unknown escapes
                value = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return list(map(str, value)) if isinstance(value, list) else None


def _split_at_commas(cell: str, separator: str) -> list[str]:
    """Splits a cell without other separators: whole names, or family and given names in turn."""
    people = " ".join(cell.split()).split(" and ")
    if len(people) > 1 and all(part.count(",") == 1 for part in people):
        return people  # Doe, Jane and Roe, Rick
    parts = _split_list(cell)
    if len(parts) < 2:
        return parts
    if len(parts) == 2:
        return parts if len(people) > 1 or _are_two_people(parts[0], parts[1], separator) else [cell]
    if separator == "," or _are_whole_names(parts):
        return parts
    if len(parts) % 2 == 0:
        return [f"{given} {family}" for family, given in zip(parts[::2], parts[1::2], strict=True)]
    return [cell] if len(parts) == 3 and any(map(is_suffix, parts)) else parts


def _are_two_people(first: str, second: str, separator: str) -> bool:
    """Whether the texts around a comma are two names, not the family and the given name of one person.

    Two texts of several words may be either, so the column decides, and without it the given names.
    """
    if are_whole_names(first, second):
        return True
    if separator == _WITHIN_NAMES or not _are_whole_names((first, second)):
        return False
    is_given = all(is_given_name(word) or _INITIALS.fullmatch(word) for word in second.split())
    return separator == "," or not is_given or is_given_name(first.split()[0])


def _split_list(cell: str) -> list[str]:
    """Splits a cell at commas and conjunctions."""
    return [text for part in _AND.sub(", ", " ".join(cell.split())).split(",") if (text := part.strip())]


def _are_whole_names(parts: Iterable[str]) -> bool:
    """Whether each part has a given and a family name, or at least the initials of one."""
    return all(
        len(part.split()) > 1 and not _INITIALS.fullmatch(part.strip())
        for part in parts
        if part.strip() and not _ET_AL.fullmatch(part.strip())
    )


def _split_joined(cell: str) -> list[str]:
    """Splits before each capital letter that follows a small one, if names of several words result."""
    names, start, word_start, is_name = list[str](), 0, 0, False
    for place in range(1, len(cell)):
        if cell[place - 1] == " ":
            word_start, is_name = place, True
        is_joint = cell[place - 1].islower() and cell[place].isupper()
        if is_joint and is_name and cell[word_start:place] not in _PREFIXES:
            names.append(cell[start:place])
            start, word_start, is_name = place, place, False
    return [*names, cell[start:]] if is_name else [cell]
