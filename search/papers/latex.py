"""LaTeX to plain text.

There are three functions because their callers need different results:

- ``latex_to_text`` decodes files that are LaTeX (BibTeX). It applies all of LaTeX, so ``--`` is a dash and ``~`` a
  space, and it keeps mathematics as it is. Commands go through pylatexenc.
- ``decode_accents`` decodes names and queries, which are plain text that may contain LaTeX accents. Dashes and tildes
  are ordinary characters there, an unknown command keeps its letters, and pylatexenc is not imported, since names are
  read by the million and queries must start fast.
- ``strip_latex`` prepares a text for fingerprints: an accented letter loses its accent, as it does in Unicode, and a
  command counts as a space. Indexes store these fingerprints, so the result must not change.

All return a text without LaTeX unchanged after a search for a backslash or brace.
"""

import logging
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pylatexenc.latex2text import LatexNodes2Text

_COMBINING_MARKS = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "d": "\u0323", "b": "\u0331", "k": "\u0328",
    "r": "\u030a",
}  # fmt: skip
"""Unicode's combining mark for each accent command of LaTeX."""
_SPECIAL_LETTERS = {"aa": "å", "ae": "æ", "i": "i", "j": "j", "l": "ł", "o": "ø", "oe": "œ", "ss": "ß"}
_SYMBOL_ACCENT = r"""[`'^"~=.]"""
_NAME_ACCENTS = re.compile(
    rf"""\\(?:(?P<mark>{_SYMBOL_ACCENT}|[uvHcdbkr](?![a-zA-Z]))\s*\{{?\\?(?P<base>[a-zA-Z])\}}?"""
    r"""|(?P<letter>aa|ae|oe|ss|[oOlLij])(?![a-zA-Z])\s*|(?=[a-zA-Z]))|[{}]"""
)
_STRIPPED_ACCENT = re.compile(rf"""\\(?:{_SYMBOL_ACCENT}|[uvHcdbkrt](?![a-zA-Z]))\s*""")
_STRIPPED_COMMAND = re.compile(r"\\[a-zA-Z]+\*?|\\.")
_LATEX = re.compile(
    r"""(?P<math>\$[^$]*\$|\\\((?:(?!\\\().)*?\\\))  # mathematics
    |\\['"`^~=.]\s*(?:\{\\?[^\W\d_]*\}|\\?[^\W\d_])  # an accent over a letter
    |\\[cvuHkrbdt](?:\{\\?[^\W\d_]*\}|\s+[^\W\d_])   # an accent command whose name is a letter
    |\\(?:[ijlLoO]|ss|ae|AE|oe|OE|aa|AA)(?:\{\}|\s+|(?![A-Za-z]))  # a special letter and the white space after it
    |\\[A-Za-z]+\*?(?:\{[^{}]*\})*                   # a command and its arguments
    |\\[^A-Za-z]                                     # an escaped character
    |[{}~]|``|''|---?""",
    re.VERBOSE | re.DOTALL,
)
_MAX_CACHED_CHARACTERS = 200
"""Characters of a command whose text is cached; bounds the memory of the cache to a few MB."""
_ARGUMENT = re.compile(r"\{([^{}]*)\}")
_SYMBOLS = {
    r"\~{}": "~", r"\^{}": "^", r"\textbraceleft{}": "{", r"\textbraceright{}": "}", "~": " ",
    "``": "\u201c", "''": "\u201d", "---": "\u2014", "--": "\u2013",
}  # fmt: skip
_ACTIVE_CHARACTERS = ("\\", "{", "}", "~", "``", "''", "--")
"""A text with none of these is its own result in ``latex_to_text``."""


def latex_to_text(text: str) -> str:
    """The text that LaTeX prints: accents and commands decoded, braces removed, mathematics unchanged."""
    if not any(each in text for each in _ACTIVE_CHARACTERS):
        return text
    return _LATEX.sub(lambda match: match["math"] or _SYMBOLS.get(match[0]) or _decode(match[0]), text)


def decode_accents(text: str) -> str:
    """The text with LaTeX's accents and special letters as characters, without braces."""
    return _NAME_ACCENTS.sub(_decode_accent, text) if "\\" in text or "{" in text else text


def strip_latex(text: str) -> str:
    """The text without LaTeX's accents, commands and braces."""
    if "\\" not in text and "{" not in text:
        return text
    return _STRIPPED_COMMAND.sub(" ", _STRIPPED_ACCENT.sub("", text)).replace("{", "").replace("}", "")


def _decode_accent(match: "re.Match[str]") -> str:
    if mark := match["mark"]:
        return unicodedata.normalize("NFC", match["base"] + _COMBINING_MARKS[mark])
    letter = match["letter"] or ""
    decoded = _SPECIAL_LETTERS.get(letter.lower(), "")
    return decoded.upper() if letter.isupper() else decoded


def _decode(latex: str) -> str:
    """``_decode_command``, which is cached for commands as short as those that recur."""
    return _decode_command(latex) if len(latex) <= _MAX_CACHED_CHARACTERS else _decode_command.__wrapped__(latex)


@lru_cache(maxsize=4_096)
def _decode_command(latex: str) -> str:
    """Decodes one command with its arguments: pylatexenc is too slow for whole abstracts.

    Of a command that pylatexenc fails on, such as ``\\href{URL}{text}``, the last of several arguments remains.
    """
    from pylatexenc.latexwalker import LatexWalkerError

    if latex in "{}":
        return ""
    try:
        return str(_latex_decoder().latex_to_text(latex))
    except (AttributeError, LookupError, TypeError, ValueError, LatexWalkerError):
        return latex_to_text(["", *_ARGUMENT.findall(latex)[1:]][-1])


@lru_cache(maxsize=1)
def _latex_decoder() -> "LatexNodes2Text":
    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # malformed commands are frequent
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(math_mode="verbatim", strict_latex_spaces=True)
