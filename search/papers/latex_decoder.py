"""Converts LaTeX to the text that it prints, in one pass: linear time, and no error for any input.

TeX would run the commands. This decoder knows what the frequent ones print (``latex_commands``), and of all others
prints the arguments, because a word too many does less harm in a search engine than a word lost.
"""

import re

from search.papers.latex_commands import CHARACTERS, UNKNOWN_ARGUMENTS, Argument, find_command

_MAX_NESTED_ACTIONS = 20
"""Arguments within arguments that are converted; deeper ones are printed as they are. Real texts have three."""
_ENVIRONMENTS = "(?:equation|align|alignat|eqnarray|gather|multline|displaymath|math|flalign|dmath)"
_MATHEMATICS = rf"""
    (?P<display>\$\$(?P<displayed>[^$]+)\$\$|\\\[(?P<bracketed>(?:(?!\\\[).)*?)\\\])
    |(?P<environment>\\begin\{{(?P<kind>{_ENVIRONMENTS}\*?)\}}(?P<body>(?:(?!\\begin\{{).)*?)\\end\{{(?P=kind)\}})
    |(?P<math>\$(?:[^$\\]|\\.)*\$|\\\((?:(?!\\\().)*?\\\))
    |"""
_COMMANDS = r"""
    (?P<verbatim>\\(?:url|path|nolinkurl)\s*\{(?P<address>(?:[^{}\\]|\\.|\{[^{}]*\})*)\}|\\verb\*?(?P<mark>[|!+/"@=;:,.])
        (?P<code>.*?)(?P=mark))
    |(?P<length>\\(?:kern|hskip|vskip|mskip|mkern|raise|lower)\s*-?[\d.]+\s*[a-z]{2}|\\\\\*?(?:\[-?[\d.]+\s*[a-z]{2}\])?)
    |(?P<command>\\(?P<name>[A-Za-z]+)\*?(?P<space>\s*))
    |(?P<escaped>\\(?P<character>.))
    |(?P<open>\{)
    |(?P<close>\})"""
_TYPOGRAPHY = r"|(?P<typography>~|---?|``|'')"
_TEXT = re.compile(_MATHEMATICS + _COMMANDS + _TYPOGRAPHY, re.VERBOSE | re.DOTALL)
_LITERAL = re.compile(_COMMANDS, re.VERBOSE | re.DOTALL)
_TEXT_ACTIVE = re.compile(r"[\\{}$~`'-]")
_LITERAL_ACTIVE = re.compile(r"[\\{}]")
"""The first characters of tokens: a search for one of these is ten times faster than one for a token."""
_OPTIONS = re.compile(r"(?:\[[^\[\]{}]{0,200}\])+(?=\s*\{)")
"""Optional arguments, which are settings."""
_ESCAPED = re.compile(r"\\([_%#&{}~$^])")
TYPOGRAPHY = {"---": "\u2014", "--": "\u2013", "``": "\u201c", "''": "\u201d", "~": " "}
"""Typographic characters for their ASCII forms, the longest first."""


class Decoder:
    """Decodes one text.

    Args:
        is_literal: Whether the text is an address or identifier: dashes, quotes, tildes and dollar signs are ordinary.
    """

    def __init__(self, *, is_literal: bool = False) -> None:
        self._is_literal = is_literal
        self._active, self._pattern = (_LITERAL_ACTIVE, _LITERAL) if is_literal else (_TEXT_ACTIVE, _TEXT)
        self._printed: list[str] = []
        self._groups: list[tuple[int, Argument | None, tuple[Argument, ...]]] = []
        """The open braces: the position in ``_printed``, the argument that it is, and those that the command takes
        after it."""
        self._wanted: tuple[Argument, ...] = ()
        """The arguments that the last command takes next."""
        self._actions = 0
        """Open groups that are converted."""

    def decode(self, text: str) -> str:
        """Returns the text that the LaTeX prints."""
        position = 0
        for found in self._active.finditer(text):
            if found.start() < position or not (match := self._pattern.match(text, found.start())):
                continue
            if match.start() > position:
                self._print_plain(text[position : match.start()], before_group=match.lastgroup == "open")
            position = match.end()
            if match.lastgroup == "open":
                self._open_group()
            elif match.lastgroup == "close":
                self._close_group()
            elif match.lastgroup == "command":
                position = self._print_command(text, match)
            elif match.lastgroup == "escaped":
                self._print_escaped(match["character"])
            else:
                self._print(_decode_simple(match))
        self._print_plain(text[position:], before_group=False)
        while self._groups:
            self._close_group()
        return "".join(self._printed)

    def _print_plain(self, text: str, *, before_group: bool) -> None:
        """Prints a text without commands, whose first letter may be the argument of the last command."""
        if not self._wanted:
            self._printed.append(text)
        elif text.isspace() and (before_group or self._wanted[0].takes_character):
            pass  # white space before an argument
        elif self._wanted[0].takes_character and text:
            text = text.lstrip()
            self._print(text[0])
            self._print_plain(text[1:], before_group=before_group)
        else:
            self._wanted = ()
            self._printed.append(text)

    def _print(self, text: str) -> None:
        """Prints one symbol, which may be the argument of the last command."""
        if self._wanted and self._wanted[0].takes_character:
            argument, *rest = self._wanted
            self._wanted = tuple(rest)
            for action in argument.actions:
                text = action(text)
        else:
            self._wanted = ()
        self._printed.append(text)

    def _print_command(self, text: str, match: re.Match[str]) -> int:
        """Prints a command, or notes the arguments that it takes; returns the position after it."""
        command, position = find_command(match["name"]), match.end()
        if command.text:
            self._print(command.text)
            if len(command.text) > 2 and match["space"]:  # "\LaTeX is": the author meant a space
                self._printed.append(" ")
            return position
        if options := _OPTIONS.match(text, position):
            position = options.end()
        if command.arguments:
            self._want(command.arguments)
        elif not command.is_known:
            self._print_unknown(match["name"] + match["space"], text[position : position + 2])
        return position

    def _print_unknown(self, name: str, following: str) -> None:
        """Notes the arguments of an unknown command, or prints its name if it has none."""
        if following.startswith("{") and following != "{}":
            self._wanted = UNKNOWN_ARGUMENTS
        else:
            self._print(name)

    def _print_escaped(self, character: str) -> None:
        """Prints a character after a backslash, which may be an accent."""
        if self._is_literal:
            self._print(character)
        elif accent := find_command(character).arguments:
            self._want(accent)
        else:
            self._print(CHARACTERS.get(character, character))

    def _want(self, arguments: tuple[Argument, ...]) -> None:
        """Notes the arguments of a command, which may be an argument itself: an accent on an accented letter."""
        if self._wanted and self._wanted[0].takes_character:
            outer, *rest = self._wanted
            if len(outer.actions) < _MAX_NESTED_ACTIONS:
                inner = Argument(arguments[0].actions + outer.actions, takes_character=True)
                arguments = (inner, *arguments[1:], *rest[:_MAX_NESTED_ACTIONS])
        self._wanted = arguments

    def _open_group(self) -> None:
        argument = self._wanted[0] if self._wanted else None
        if argument and argument.actions:
            self._actions += 1
        self._groups.append((len(self._printed), argument, self._wanted[1:]))
        self._wanted = ()

    def _close_group(self) -> None:
        if not self._groups:
            return
        start, argument, self._wanted = self._groups.pop()
        if not argument or not argument.actions:
            return
        self._actions -= 1
        if self._actions < _MAX_NESTED_ACTIONS:
            text = "".join(self._printed[start:])
            for action in argument.actions:
                text = action(text)
            self._printed[start:] = [text]


def _decode_simple(match: re.Match[str]) -> str:
    """The text of a token other than commands with letters, and braces."""
    kind = match.lastgroup
    if kind == "verbatim":
        return _ESCAPED.sub(r"\1", match["address"] or match["code"] or "")
    if kind == "length":
        return " " if match[0].startswith("\\\\") else ""
    if kind == "math":
        return match[0]
    if kind == "typography":
        return TYPOGRAPHY[match[0]]
    return f"${(match['displayed'] or match['bracketed'] or match['body'] or '').strip()}$"
