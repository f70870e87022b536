r"""Debris: what LaTeX and PDF leave in the text of titles and abstracts, and what a reader should see in its place.

Only the display is cleaned, so that it needs no new index and positions of highlights stay valid. Formulas are left
alone, and so is everything that may be meant as it is: ``{0, 1}``, ``x_{1}``, ``--help``, ``5''``, ``pre- and
post-training``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from search.language.english import is_english_word
from search.papers.latex import latex_to_text

_SUSPECT = re.compile(r"[\\{]|``|''|(?<!-)--|`\w|[a-z]- [a-z]")
"""Matches what every text with debris contains; most texts have none of it."""
_ACCENT = (
    r"""\\(?:[`'^"~=.]\s*(?:\{\\?[A-Za-z]\}|\\?[A-Za-z])|[uvHcdbkr]\s*\{\\?[A-Za-z]\}"""
    r"""|(?:ss|ae|AE|oe|OE|aa|AA|o|O|l|L)(?![A-Za-z]))"""
)
_TOKEN = re.compile(
    r"""
    (?=[\\{}`'"\-\ h])(?:  # the characters that a token can start with, tested first to be fast
    (?P<address>https?://[^\s{}\\]+)
    |\\href\s*\{[^{}]*\}\s*(?P<link>\{)
    |\\(?:text(?:bf|it|sc|sf|rm|tt|sl|up|normal|superscript|subscript)?|emph|underline|mbox|url|uline|ul)\s*(?P<font>\{)
    |(?P<declared>\{)\\(?:em|it|bf|sc|tt|rm|sl|sf|itshape|bfseries)(?![A-Za-z])\s*
    |(?P<accent>\{ACCENT\}|ACCENT)
    |\\(?P<escaped>[%&_#$])|\\(?P<space>[,;: ])
    |(?P<symbol>\{\\[A-Za-z]+\}|\\[A-Za-z]+(?![A-Za-z]|\s*\{))
    |(?P<group>\{)|(?:\ *(?=\}(?:[\s:,.;)?!]|$)))?(?P<close>\})
    |(?P<dash>(?<!-)(?:(?<=[^\s<!-])---?(?=[^\s>-])|(?<=\s)---?(?=\s)))
    |(?P<opening>``(?=\S)|(?<![^\s(\[])''(?=\w))|(?P<closing>(?<=\S)''(?!'))|(?P<straight>")
    |(?P<single>(?<![\w`'])`(?=[^\s`'][^`'\n]{0,80}'(?!\w)))|(?P<apostrophe>(?<=\S)'(?![\w']))
    |(?P<hyphen>(?<=[a-z])-\ (?=[a-z])))
    """.replace("ACCENT", _ACCENT),
    re.VERBOSE,
)
_GROUPED_TEXT = re.compile(r"[A-Za-z](?:[\w \-'’.&/{}\ufffc]*[\w\ufffc }])?")
"""Matches the contents of braces that only keep the case of a text or its letters together."""
_ENDS_IN_COMMAND = re.compile(r"\\[A-Za-z]+\s*\Z")
_WORD_BEFORE = re.compile(r"(?<![\w-])[A-Za-z]?[a-z]*\Z")
_WORD = re.compile(r"[a-z]+(?![\w-])")
_CONJUNCTIONS = frozenset(("and", "or", "to", "nor", "versus", "vs"))
"""Words after the hyphen of the first of two words that share their end."""
_BEFORE_GROUP = " \t\n([{-–—/\"'`“‘"
_FORMULA_MARK = "\ufffc"
"""Stands for each character of a formula: neither a letter nor a space."""


class Replacement(NamedTuple):
    """A part of a text, and what to show in its place."""

    start: int
    end: int
    shown: str


@dataclass(slots=True)
class _Cleaner:
    """Reads the debris of one text from its start to its end.

    Attributes:
        text: with formulas masked.
        closing: the position of the brace that closes each opening one.
        removed: the positions of closing braces whose opening ones are not shown.
        is_quoted: a double quotation mark of LaTeX is open.
        is_single_quoted: a single one is.
    """

    text: str
    closing: dict[int, int]
    removed: set[int] = field(default_factory=set)
    is_quoted: bool = False
    is_single_quoted: bool = False

    def replacements(self) -> Iterator[Replacement]:
        """Yields the replacements in order."""
        for match in _TOKEN.finditer(self.text):
            shown = self._show(match, match.lastgroup or "")
            if shown is not None and shown != match[0]:
                yield Replacement(*match.span(), shown)

    def _show(self, match: re.Match[str], kind: str) -> str | None:
        """Returns what to show in place of a token; None to show it as it is."""
        if kind in ("link", "font", "declared", "group"):
            return self._open_group(match.start(kind), is_command=kind != "group")
        if kind == "close":
            return "" if match.start(kind) in self.removed else None
        if kind == "accent":
            return latex_to_text(match[0])
        if kind == "escaped":
            return match[kind]
        if kind == "symbol":
            return _symbol(match[0].strip("{}"))
        if kind in ("opening", "closing", "straight", "single", "apostrophe"):
            return self._quote(match, kind)
        if kind == "hyphen":
            return "" if self._divides_word(match) else None
        return {"space": " ", "dash": "—" if len(match[0]) == 3 else "–"}.get(kind)

    def _open_group(self, brace: int, *, is_command: bool) -> str | None:
        end = self.closing.get(brace)
        if end is None or not (is_command or self._is_plain_group(brace, end)):
            return None
        self.removed.add(end)
        return ""

    def _is_plain_group(self, start: int, end: int) -> bool:
        before, contents, after = self.text[start - 1 : start], self.text[start + 1 : end], self.text[end + 1 : end + 2]
        if _ENDS_IN_COMMAND.search(self.text, max(0, start - 40), start):
            return False
        is_alone = len(contents) == 1 and not after.isalpha()  # a set of one element rather than a capital letter
        return before in _BEFORE_GROUP and not is_alone and bool(_GROUPED_TEXT.fullmatch(contents))

    def _divides_word(self, hyphen: re.Match[str]) -> bool:
        """Whether a line break divided the word around a hyphen, rather than that two words share their end."""
        first, rest = _WORD_BEFORE.search(self.text, 0, hyphen.start()), _WORD.match(self.text, hyphen.end())
        if first is None or rest is None or rest[0] in _CONJUNCTIONS:
            return False
        return is_english_word(f"{first[0]}{rest[0]}".lower())

    def _quote(self, match: re.Match[str], kind: str) -> str | None:
        if kind == "opening":
            self.is_quoted = True
            return "“"
        if kind == "single":
            self.is_single_quoted = True
            return "‘"
        if kind == "apostrophe":
            was_open, self.is_single_quoted = self.is_single_quoted, False
            return "’" if was_open else None
        was_open, self.is_quoted = self.is_quoted, False
        is_mark = was_open or (kind == "closing" and not self.text[match.start() - 1].isdigit())
        return "”" if is_mark else None


@lru_cache(1_024)
def find_debris(text: str, formulas: tuple[tuple[int, int], ...] = ()) -> tuple[Replacement, ...]:
    """Returns what to show differently in a text, in order.

    Args:
        text: a title or an abstract.
        formulas: the start and the end of each formula, in order; no replacement is in one.
    """
    if not _SUSPECT.search(text):
        return ()
    for start, end in formulas:
        text = text[:start] + _FORMULA_MARK * (end - start) + text[end:]
    return tuple(_Cleaner(text, _match_braces(text)).replacements())


def _match_braces(text: str) -> dict[int, int]:
    opened: list[int] = []
    closing = {}
    for match in re.finditer(r"(?<!\\)[{}]", text):
        if match[0] == "{":
            opened.append(match.start())
        elif opened:
            closing[opened.pop()] = match.start()
    return closing


@lru_cache(1_024)
def _symbol(command: str) -> str | None:
    """Returns the character that a command prints; None for a command that prints none, or words."""
    printed = latex_to_text(command)
    return printed if len(printed) == 1 and not printed.isascii() else None
