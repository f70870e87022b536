"""LaTeX to plain text.

There are five functions because their callers need different results:

- ``latex_to_text`` decodes files that are LaTeX (BibTeX). It applies all of LaTeX, so ``--`` is a dash and ``~`` a
  space, and it keeps mathematics as it is (``search.papers.latex_decoder``).
- ``latex_to_literal`` does the same for addresses and identifiers, in which only commands and braces are LaTeX.
- ``decode_commands`` decodes texts that are not LaTeX files but have commands of LaTeX, as arXiv's titles and
  abstracts do; a text without a command for accents, fonts or escaped characters is unchanged.
- ``decode_accents`` decodes names and queries, which are plain text that may contain LaTeX accents. Dashes and tildes
  are ordinary characters there, an unknown command keeps its letters, and no table of commands is loaded, since names
  are read by the million and queries must start fast.
- ``strip_latex`` prepares a text for fingerprints: an accented letter loses its accent, as it does in Unicode, and a
  command counts as a space. Indexes store these fingerprints, so the result must not change.

All return a text without LaTeX unchanged after a search for a backslash or brace.
"""

import re
import unicodedata

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
_TEXT_COMMAND = re.compile(
    r"""\\(?:['"`^~=.]\s*\{?\\?[A-Za-z]|[uvHcdbkr]\s*\{|(?:ss|ae|AE|oe|OE|aa|AA|o|O|l|L)(?![A-Za-z])|[&%#_]
    |(?:emph|underline|text(?:bf|it|tt|sc|rm|sf|sl|up)|href|url|footnote)\s*\{|(?:em|it|bf|sc|tt|rm)(?![A-Za-z]))""",
    re.VERBOSE,
)
"""Matches commands that print text: accents, letters, escaped characters, fonts and links."""
_MAX_PASSES = 5
"""Passes until no command is left that printed another one, as ``\\textbackslash`` does; one is usual."""
_STRIPPED_ACCENT = re.compile(rf"""\\(?:{_SYMBOL_ACCENT}|[uvHcdbkrt](?![a-zA-Z]))\s*""")
_STRIPPED_COMMAND = re.compile(r"\\[a-zA-Z]+\*?|\\.")


def latex_to_text(text: str) -> str:
    """The text that LaTeX prints: accents and commands decoded, braces removed, mathematics in dollar signs."""
    if not _has_latex(text):
        return text
    from search.papers.latex_decoder import TYPOGRAPHY, Decoder

    if "\\" in text or "$" in text:
        return Decoder().decode(text)
    for latex, character in TYPOGRAPHY.items():  # before the braces are removed, since -{}- is no dash
        text = text.replace(latex, character)
    return text.replace("{", "").replace("}", "")


def _has_latex(text: str) -> bool:
    """Whether ``latex_to_text`` may change a text; ten times as fast as a regular expression."""
    return (
        "\\" in text or "{" in text or "}" in text or "~" in text or "``" in text or "''" in text or "--" in text
        or "$$" in text
    )  # fmt: skip


def decode_commands(text: str) -> str:
    """The text that LaTeX prints if a text has commands for text, else the text unchanged.

    Applied to its result, the function changes nothing, so that an export is read back as the same paper.
    """
    for _ in range(_MAX_PASSES):
        if "\\" not in text or not _TEXT_COMMAND.search(text) or (decoded := latex_to_text(text)) == text:
            break
        text = decoded
    return text


def latex_to_literal(text: str) -> str:
    """The address or identifier in a LaTeX text: in it, dashes, quotes, tildes and dollar signs are ordinary."""
    if "\\" not in text and "{" not in text and "}" not in text:
        return text
    from search.papers.latex_decoder import Decoder

    return Decoder(is_literal=True).decode(text)


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
