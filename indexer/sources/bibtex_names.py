"""Lists of names in BibTeX files, in the forms of BibTeX and biblatex and in those that people write instead.

BibTeX separates names with ``and``; a name is ``First von Last``, ``von Last, First`` or ``von Last, Jr, First``
(Oren Patashnik, BibTeXing, section 4). biblatex adds ``given=Hans, family=Harman`` (biblatex manual, section 3.4).
Names in braces have no parts. Lists with commas, semicolons and ampersands are no BibTeX, but frequent.
"""

import re

from indexer.sources.bibtex_syntax import split_outside_braces
from search.papers.author_lists import split_comma_list
from search.papers.folding import join_name_parts, normalize_whitespace
from search.papers.latex import latex_to_text

_SEPARATOR = r" and (?:and )*| *; *| (?:\\?&) "
_LEADING_OR_TRAILING_AND = re.compile(r"^(?:and )+|(?: and)+$|^and$", re.IGNORECASE)
_OTHERS = re.compile(r"(?:others|et\.? al)\.?", re.IGNORECASE)
_TRAILING_OTHERS = re.compile(r"[,\s]{1,3}(?:and others|et\.? al)\.?$", re.IGNORECASE)
_BRACED = re.compile(r"\{(?:\\.|[^{}\\]|\{\})*\}")
"""A text enclosed in one pair of braces."""
_NAME_PART = re.compile(r'"?\s*(given|prefix|family|suffix)\s*=', re.IGNORECASE)
_PARTS_IN_ORDER = ("given", "prefix", "family", "suffix")
_GROUP = re.compile(r"collaborations?|consortium|group|team|project|network|society|committee", re.IGNORECASE)


def parse_names(text: str) -> tuple[list[str], bool]:
    """Parses a list of names.

    Args:
        text: The value of ``author`` or ``editor``, as LaTeX.

    Returns:
        The names in order, given names first, and whether the list ends with ``others`` or ``et al.``
    """
    text = _LEADING_OR_TRAILING_AND.sub("", " ".join(text.replace("\\and ", " and ").split()))
    *elements, last = split_outside_braces(text, _SEPARATOR)
    shortened = "" if _is_others(last) else _TRAILING_OTHERS.sub("", last)
    is_list = bool(elements)
    names = [name for element in (*elements, shortened) if element for name in _parse_element(element, is_list)]
    return names, shortened != last


def parse_collaboration(text: str) -> list[str]:
    """Parses the field ``collaboration`` of REVTeX and INSPIRE: ``ATLAS`` is the ATLAS Collaboration."""
    names = split_outside_braces(" ".join(text.split()), r",| and ")
    found = [normalize_whitespace(latex_to_text(name)).removeprefix("for the ") for name in names]
    return [name if _GROUP.search(name) else f"{name} Collaboration" for name in found if name]


def _is_others(element: str) -> bool:
    """Whether the last element of a list stands for the other authors; in braces it would be a name."""
    return bool(_OTHERS.fullmatch(latex_to_text(element).strip())) and not _BRACED.fullmatch(element)


def _parse_element(element: str, is_list: bool) -> list[str]:
    """Parses what stands between two separators: a name, or several with commas between them.

    In a list with separators one comma is the one between family and given name.
    """
    if element[0] == "{" and _BRACED.fullmatch(element):
        return [latex_to_text(element)]
    parts = [part for part in split_outside_braces(element, ",") if part.strip()]
    if parts and _NAME_PART.match(parts[0].strip()):
        return [_join_named_parts(parts)]
    texts = [latex_to_text(part).strip() for part in parts]
    is_name = is_list and len(texts) == 2 and not all(" " in text for text in texts)  # not J. Doe, R. Roe and E. Poe
    names = [texts] if is_name else split_comma_list(texts)
    return [join_name_parts(name) for name in names]


def _join_named_parts(parts: list[str]) -> str:
    """The name of biblatex's extended format."""
    values = dict[str, str]()
    for part in parts:
        name, _, value = part.strip().strip('"').partition("=")
        values[name.strip().lower()] = latex_to_text(value).strip()
    return " ".join(values[name] for name in _PARTS_IN_ORDER if values.get(name))
