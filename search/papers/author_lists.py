"""Lists of names separated by commas, in which a comma may also separate a family name from the given names."""

import re

from search.papers.surnames import is_suffix

_INITIAL = r"[^\W\d_a-z]"  # an upper-case letter, and lower-case ones beyond ASCII
_INITIALS = re.compile(rf"(?:{_INITIAL}\.?[ -]*){{1,4}}")
"""Initials of given names: ``J.``, ``J. A.``, ``JA``, ``J.-P.``"""
_GIVEN_NAME_FIRST = re.compile(rf"(?:{_INITIAL}\.[ -]*)+[^\W\d_]{{2}}")
"""The start of a whole name: ``J. A. Doe``."""


def split_comma_list(parts: list[str]) -> list[list[str]]:
    """Groups the texts between commas into names.

    ``Doe, J., Roe, R.`` are two names of two parts each, ``J. Doe, R. Roe`` are two names of one part. What may be a
    single name, as ``Doe, Jane`` and ``King, Jr., Martin``, is one.

    Args:
        parts: The texts, not empty.

    Returns:
        The parts of each name in the order of the list.
    """
    if len(parts) < 2 or (len(parts) == 3 and any(map(is_suffix, parts))):
        return [parts]
    if all(map(_is_whole_name, parts)):
        return [[part] for part in parts]
    if len(parts) == 2:
        return [parts]
    if (
        len(parts) % 2 == 0
        and all("." in given for given in parts[1::2])
        and not any("." in name for name in parts[::2])
    ):
        return [parts[place : place + 2] for place in range(0, len(parts), 2)]
    if any(map(_is_initials, parts)):
        return _group_by_initials(parts)
    if all(" " in part for part in parts) or (len(parts) > 3 and len(parts) % 2):
        return [[part] for part in parts]
    return [parts] if len(parts) == 3 else [parts[place : place + 2] for place in range(0, len(parts), 2)]


def _group_by_initials(parts: list[str]) -> list[list[str]]:
    """Groups each family name with the initials and the suffix after it."""
    names = list[list[str]]()
    for part in parts:
        is_rest = names and (_is_initials(part) or is_suffix(part)) and not _is_complete(names[-1], part)
        if is_rest:
            names[-1].append(part)
        else:
            names.append([part])
    return names


def _is_complete(name: list[str], part: str) -> bool:
    """Whether a name has what a further part would be: initials, or a suffix."""
    return any(is_suffix(each) == is_suffix(part) for each in name[1:])


def _is_whole_name(part: str) -> bool:
    """Whether a text is certainly a name with given names: ``J. A. Doe``, or two characters of Chinese."""
    return bool(_GIVEN_NAME_FIRST.match(part)) or (len(part) > 1 and part.upper() == part.lower())


def _is_initials(part: str) -> bool:
    return part.isupper() and bool(_INITIALS.fullmatch(part)) and not is_suffix(part)
