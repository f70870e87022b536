"""What BibTeX entries refer to: macros, and the entries from which others inherit.

A macro is defined before it is used, but maybe in another file of the same command; a parent comes after its children,
or in another file. Therefore files are read as streams, and only when an entry refers to something unknown, all
BibTeX files of the command are searched for definitions, once.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from indexer.sources.bibtex_syntax import Entry, Macro, Value, has_block, parse_blocks, read_texts
from indexer.sources.file import READ_ERRORS, SourceFile
from indexer.sources.limits import (
    MAX_DEFINITION_CHARACTERS,
    MAX_RECORD_CHARACTERS,
    MalformedRecord,
    check_record_size,
)

_MACRO_START = re.compile(r"@\s*string\s*[{(]", re.IGNORECASE)
_REFERENCES = re.compile(r"\b(?:crossref|xdata)\s*=\s*[\"{]*([^{}\"=]*)", re.IGNORECASE)
_ENTRY_KEY = re.compile(r"@\s*[^\W\d]\w*\s*[{(]\s*([^\s,{}=]+)")
_ALIASES = re.compile(r"\bids\s*=\s*[\"{]([^{}\"]*)", re.IGNORECASE)
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_JOURNALS = {
    "acmcs": "ACM Computing Surveys",
    "acta": "Acta Informatica",
    "cacm": "Communications of the ACM",
    "ibmjrd": "IBM Journal of Research and Development",
    "ibmsj": "IBM Systems Journal",
    "ieeese": "IEEE Transactions on Software Engineering",
    "ieeetc": "IEEE Transactions on Computers",
    "ieeetcad": "IEEE Transactions on Computer-Aided Design of Integrated Circuits",
    "ipl": "Information Processing Letters",
    "jacm": "Journal of the ACM",
    "jcss": "Journal of Computer and System Sciences",
    "scp": "Science of Computer Programming",
    "sicomp": "SIAM Journal on Computing",
    "tcs": "Theoretical Computer Science",
    "tocs": "ACM Transactions on Computer Systems",
    "tods": "ACM Transactions on Database Systems",
    "tog": "ACM Transactions on Graphics",
    "toms": "ACM Transactions on Mathematical Software",
    "toois": "ACM Transactions on Office Information Systems",
    "toplas": "ACM Transactions on Programming Languages and Systems",
}
PREDEFINED_MACROS = {month: month for month in _MONTHS.split()} | _JOURNALS
"""The macros that BibTeX's standard styles define."""
_MAX_MACRO_DEPTH = 50
"""Macros within macros that are expanded; real files have four."""
_MAX_MACRO_CHARACTERS = 2**16
"""Characters of the value of a macro; the longest real ones, titles of proceedings, have about 300. Macros that consist
of macros could grow without end."""


@dataclass(slots=True)
class _SharedDefinitions:
    """The definitions in all BibTeX files of a command.

    Attributes:
        macros: The values of macros by name; of several definitions, the first one.
        entries: The entries to which others refer, by key or alias in lower case, and by file and key.
        texts: The texts of macros that have been expanded.
        characters: Characters of all of these.
    """

    macros: dict[str, Value] = field(default_factory=dict)
    entries: dict[str | tuple[Path, str], Entry] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    characters: int = 0

    def has_room_for(self, characters: int) -> bool:
        """Counts characters, unless the definitions would become too large."""
        fits = self.characters + characters <= MAX_DEFINITION_CHARACTERS
        self.characters += characters if fits else 0
        return fits

    def expand(self, name: str, depth: int = 0) -> str | None:
        """The text of a macro; None if it is undefined, defined by itself or too long."""
        if name not in self.texts and name in self.macros and depth < _MAX_MACRO_DEPTH:
            value = self.macros.pop(name)  # a macro that occurs in itself is undefined there
            parts = [self.expand(each.text.lower(), depth + 1) if each.is_macro else each.text for each in value]
            text = "".join(part or each.text for part, each in zip(parts, value, strict=True))
            if len(text) <= _MAX_MACRO_CHARACTERS and self.has_room_for(len(text)):
                self.texts[name] = text
        return self.texts.get(name, PREDEFINED_MACROS.get(name))


class Definitions:
    """The definitions that the entries of a file see: its macros so far, and what other places of the command define.

    Args:
        file: The file that is read.
    """

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._macros: dict[str, str] = {}
        self._characters = 0

    def add(self, macro: Macro) -> None:
        """Adds a macro of the file, in place of an earlier one with its name.

        Raises:
            MalformedRecord: Its value is too long.
        """
        text = self.expand(macro.value, macro.line)
        self._characters += len(text)
        if len(text) > _MAX_MACRO_CHARACTERS or self._characters > MAX_DEFINITION_CHARACTERS:
            raise MalformedRecord(f"@string {macro.name}: the value is too long, or all macros together are; "
                                  f"{_MAX_MACRO_CHARACTERS:,} characters are allowed for one, "
                                  f"{MAX_DEFINITION_CHARACTERS:,} for all")  # fmt: skip
        self._macros[macro.name] = text

    def expand(self, value: Value, line: int) -> str:
        """The text of a value; a macro that is not defined stands for its name, with a warning.

        Raises:
            MalformedRecord: The text is longer than a record may be.
        """
        if len(value) == 1 and not value[0].is_macro:
            return value[0].text
        texts = [self._find_macro(each.text, line) if each.is_macro else each.text for each in value]
        check_record_size(sum(map(len, texts)))
        return "".join(texts)

    def find_entry(self, key: str) -> Entry | None:
        """Finds an entry by its key or alias, in the same file or else in another one of the command."""
        if not key:
            return None
        entries = self._find_shared().entries
        return entries.get((self._file.path, key.lower())) or entries.get(key.lower())

    def _find_macro(self, name: str, line: int) -> str:
        key = name.lower()
        text = self._macros.get(key)
        if text is None and (key in PREDEFINED_MACROS or not name[0].isalpha()):
            text = PREDEFINED_MACROS.get(key, name)
        if text is None:
            text = self._find_shared().expand(key)
        if text is None:
            self._file.warn(line, "a macro has no @string in the imported files; its name was read as the text", name)
        return name if text is None else text

    def _find_shared(self) -> _SharedDefinitions:
        found = self._file.group.definitions.get("bibtex")
        if not isinstance(found, _SharedDefinitions):
            found = _search_definitions(self._file)
            self._file.group.definitions["bibtex"] = found
        return found


def _search_definitions(file: SourceFile) -> _SharedDefinitions:
    """Reads the BibTeX files of a command twice: for macros and references, then for the entries referred to."""
    paths = dict.fromkeys([file.path, *file.group.paths])
    files = [each for path in paths if _is_bibtex(each := SourceFile(path, file.as_of, "bibtex"))]
    shared, references = _SharedDefinitions(), set[str]()
    for _, text in _read_texts(files):
        references.update(key for match in _REFERENCES.finditer(text) for key in _split_references(match[1]))
        for block in parse_blocks(text, 1) if _MACRO_START.search(text) else ():
            if isinstance(block, Macro) and shared.has_room_for(sum(len(each.text) for each in block.value)):
                shared.macros.setdefault(block.name, block.value)
    for path, text in _read_texts(files) if references else ():
        if not references.isdisjoint(_find_keys(text)) and shared.has_room_for(len(text)):
            for block in parse_blocks(text, 1):
                if isinstance(block, Entry):
                    _add_entry(shared, path, block)
    return shared


def _add_entry(shared: _SharedDefinitions, path: Path, entry: Entry) -> None:
    aliases = "".join(each.text for each in entry.fields.get("ids", ()))
    for key in (entry.key, *aliases.split(",")):
        shared.entries.setdefault((path, key.strip().lower()), entry)
        shared.entries.setdefault(key.strip().lower(), entry)


def _read_texts(files: list[SourceFile]) -> Iterator[tuple[Path, str]]:
    """Yields the text of each record; a file that cannot be read is reported when its own turn comes."""
    for file in files:
        with contextlib.suppress(*READ_ERRORS):
            for _, text in read_texts(file):
                if len(text) <= MAX_RECORD_CHARACTERS:
                    yield file.path, text


def _is_bibtex(file: SourceFile) -> bool:
    try:
        return has_block(file.head())
    except READ_ERRORS:
        return False


def _find_keys(text: str) -> Iterator[str]:
    """Yields the keys and aliases of the entries in a text, in lower case."""
    for match in _ENTRY_KEY.finditer(text):
        yield match[1].lower()
    for match in _ALIASES.finditer(text):
        yield from (key.strip().lower() for key in match[1].split(","))


def _split_references(text: str) -> Iterator[str]:
    """Yields the keys of ``a, b``, and the possible ones of ``key-author-2``, which is one name of an entry."""
    for key in text.lower().replace(",", " ").split():
        yield key
        yield from (key.rsplit("-", count)[0] for count in (1, 2))
