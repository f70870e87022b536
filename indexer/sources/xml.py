"""XML parsing for the readers: streamed, within libxml2's limits, without external entities and network access.

Where the document is not well-formed, the parser starts again at the next record.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from lxml import etree

from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.limits import MAX_RECORD_CHARACTERS
from indexer.sources.xml_text import MalformedXml, read_chunks, resolve_entities
from search.errors import SourceError
from search.papers.paper import Paper

_ROOT = re.compile(
    r"""\s*(?:(?:<\?(?:(?!\?>).)*\?>|<!--(?:(?!-->).)*-->|<!DOCTYPE[^\[>]*(?:\[(?:(?!\]\s*>).)*\]\s*)?>)\s*)*
    <(?:[\w.-]+:)?([\w.-]+)[\s/>]""",
    re.DOTALL | re.VERBOSE,
)
_PLACE = re.compile(r", line \d+, column \d+\s*$")
_LINE = re.compile(r"\bline (\d+)")
_MAX_REASON_CHARACTERS = 200
"""Characters of libxml2's message, which may have much of the document."""
_MAX_REREAD_CHARACTERS = 2**28
"""Characters of a file that are parsed again behind errors, so that no file takes quadratic time."""
_MIN_REREADABLE_CHARACTERS = 2**22
"""Characters of a small file that are parsed again behind errors."""
_REREAD_RATIO = 1_024
"""Characters that are parsed again for each one read. Only records that contain one another need more, because each of
them is parsed up to the end of the file."""
_MIN_REREAD_CHARACTERS = 2**14
"""Characters that an error counts at least, because entities make a short text long."""


def read_elements(
    file: SourceFile,
    parse: Callable[[etree._Element], Paper | None],
    *names: str,
    container: str = "",
    top_level: bool = False,
    document: str | None = None,
) -> Iterator[Paper | SourceError]:
    """Yields one record or one error per element; see ``iter_elements``.

    Args:
        file: The file that is read, or that contains the document.
        parse: Converts an element to a paper; None for an element that is not one.
        names: The local names of the elements.
        container: The local name of the elements that contain them, if there is more than one in a document.
        top_level: Whether only children of the root are wanted.
        document: The text of the document; None stands for the content of the file. Its errors have no line numbers.
    """
    for number, found in iter_elements(file, *names, container=container, top_level=top_level, document=document):
        line = number if document is None else None
        if isinstance(found, MalformedXml):
            yield SourceError(file.path, line, str(found))
            continue
        file.record_line = number
        yield from read_record(file, line, partial(parse, found))


def iter_elements(
    file: SourceFile, *names: str, container: str = "", top_level: bool = False, document: str | None = None
) -> Iterator[tuple[int, etree._Element | MalformedXml]]:
    """Yields the complete elements with one of these local names, and removes each one afterwards.

    An element that is not well-formed, or has too much text, is yielded as an error; reading continues at the next
    start tag with one of the names. Each element and error has the number of its line.

    Entities that the document declares are expanded by libxml2. The other names of HTML's entities become their
    characters. A reference to any other entity stays as it is written, with a warning.

    Args:
        file: The file that is read, or that contains the document.
        names: The local names.
        container: The local name of the elements that contain them, if there is more than one in a document.
        top_level: Whether only children of the root are wanted.
        document: The text of the document; None stands for the content of the file.
    """
    parser = _ResumingParser(names, container, top_level)
    try:
        chunks = read_chunks(file) if document is None else [(1, document)]
    except MalformedXml as error:
        yield 1, error
        return
    for line, text in resolve_entities(file, chunks):
        yield from parser.feed(line, text)
        if parser.is_lost:
            return
    yield from parser.close()


class _ResumingParser:
    """A parser that starts again behind an error, with the head of the document and the next record.

    Args:
        names: The local names of records.
        container: The local name of the elements that contain them; empty if the head of the document has their start.
        top_level: Whether only children of the root are records.

    Attributes:
        is_lost: Whether the rest of the document cannot be parsed.
    """

    def __init__(self, names: tuple[str, ...], container: str, top_level: bool) -> None:
        tag = r"(?:[\w.-]+:)?(?:{})(?=[\s/>])"
        records = tag.format("|".join(names))
        self._names, self._top_level = names, top_level
        self._start, self._end = re.compile("<" + records), re.compile("</" + records + "[^<>]*>")
        self._container = re.compile("<" + tag.format(container) + "[^<>]*>") if container else None
        self._head: str | None = None
        self._container_tag = ""
        self._pending: list[str] = []  # what follows the last record
        self._pending_size = 0
        self._line = 1  # where this starts
        self._read = self._reread = 0
        self._parser: etree.XMLPullParser | None = self._new_parser()
        self._line_offset = 0  # of the parser's lines
        self.is_lost = False

    def feed(self, line: int, text: str) -> Iterator[tuple[int, etree._Element | MalformedXml]]:
        """Parses the next part of the document, which starts in this line; yields the records that it completes."""
        self._read += len(text)
        yield from self._feed(line, text)

    def _feed(self, line: int, text: str) -> Iterator[tuple[int, etree._Element | MalformedXml]]:
        position = 0
        while position < len(text) and not self.is_lost:
            if self._parser is None:
                start = self._start.search(text, position)
                skipped = text[position : start.start() if start else len(text)]
                self._note_container(skipped)
                line, position = line + skipped.count("\n"), position + len(skipped)
                if start:
                    self._resume(line)
                continue
            end = self._end.search(text, position)
            piece = text[position : end.end() if end else len(text)]
            if not self._pending:
                self._line = line
            self._pending.append(piece)
            self._pending_size += len(piece)
            line, position = line + piece.count("\n"), position + len(piece)
            error = _feed(self._parser, piece)
            is_complete = False
            for _, element in self._parser.read_events():
                if not self._top_level or _is_top_level(element):
                    is_complete = True
                    yield (element.sourceline or 1) + self._line_offset, element
                    _remove(element)
            if error is not None or self._pending_size > MAX_RECORD_CHARACTERS:
                place, reason = self._describe(error)
                line, rest = self._rewind(line)
                yield place, self._malformed(reason)
                text, position = rest + text[position:], 0
            elif is_complete:
                self._finish_record()

    def close(self) -> Iterator[tuple[int, etree._Element | MalformedXml]]:
        """Ends the document; yields what there is behind a part that an error has made part of another."""
        while self._parser is not None and not self.is_lost:
            try:
                self._parser.close()
                return
            except etree.XMLSyntaxError as error:
                place, reason = self._describe(error)
            line, rest = self._rewind(self._line)
            yield place, self._malformed(reason)
            yield from self._feed(line, rest)

    def _new_parser(self) -> etree.XMLPullParser:
        return etree.XMLPullParser(
            events=("end",), tag=[f"{{*}}{name}" for name in self._names], encoding="utf-8",
            resolve_entities="internal", no_network=True, load_dtd=False, huge_tree=False,
        )  # fmt: skip

    def _finish_record(self) -> None:
        text = "".join(self._pending)
        if self._head is None:
            self._head = self._find_head(text)
        self._note_container(text)
        self._pending.clear()
        self._pending_size = 0

    def _find_head(self, text: str) -> str | None:
        """What precedes the first record and its container."""
        found = (self._container.search(text) if self._container else None) or self._start.search(text)
        return text[: found.start()] if found else None

    def _note_container(self, text: str) -> None:
        if self._container and (tags := self._container.findall(text)):
            self._container_tag = tags[-1]

    def _describe(self, error: etree.XMLSyntaxError | None) -> tuple[int, str]:
        """The line of an error, and the reason; None stands for too much text."""
        if error is None:
            return self._line, f"no complete <{self._names[-1]}> in {MAX_RECORD_CHARACTERS:,} characters"
        reason = _LINE.sub(
            lambda match: f"line {int(match[1]) + self._line_offset}",
            _PLACE.sub("", str(error.msg))[:_MAX_REASON_CHARACTERS].strip(),
        )
        return max((error.lineno or 0) + self._line_offset, 1), f"not well-formed XML: {reason}"

    def _malformed(self, reason: str) -> MalformedXml:
        return MalformedXml(f"{reason}; the rest is not read" if self.is_lost else reason)

    def _rewind(self, line: int) -> tuple[int, str]:
        """Abandons the parser after an error.

        Returns:
            The text from the first record on that the error does not affect, and its line; without such a record, no
            text, and the line that is given.
        """
        text = "".join(self._pending)
        self._parser = None
        self._pending.clear()
        self._pending_size = 0
        if self._head is None:
            self._head = self._find_head(text)
            if self._head is None or _feed(self._new_parser(), self._head) is not None:
                self.is_lost = True
                return line, ""
        starts = [match.start() for match in islice(self._start.finditer(text), 2)]
        if starts and not self._is_well_formed(text[: starts[0]]):
            del starts[1:]  # the error is in front of a record
        elif starts:
            del starts[0]
        start = starts[0] if starts else len(text)
        self._note_container(text[:start])
        self._reread += len(self._head) + len(text) + _MIN_REREAD_CHARACTERS
        self.is_lost = self._reread > min(
            _MAX_REREAD_CHARACTERS, _MIN_REREADABLE_CHARACTERS + _REREAD_RATIO * self._read
        )
        return (self._line + text.count("\n", 0, start), text[start:]) if starts else (line, "")

    def _is_well_formed(self, text: str) -> bool:
        """Whether a record can follow this, which follows the head, or starts with it."""
        head = (self._head or "") + self._container_tag
        if text.startswith(head):
            head = ""
        return not text.strip() or _feed(self._new_parser(), head + text + "<record/>;") is None

    def _resume(self, line: int) -> None:
        """Starts a new parser at a record in this line."""
        head = (self._head or "") + self._container_tag
        self._parser = self._new_parser()
        self._line_offset = line - 1 - head.count("\n")
        self.is_lost = _feed(self._parser, head) is not None


def _is_top_level(element: etree._Element) -> bool:
    parent = element.getparent()
    return parent is not None and parent.getparent() is None


def _feed(parser: "etree.XMLPullParser", text: str) -> etree.XMLSyntaxError | None:
    try:
        parser.feed(text.encode("utf-8", "replace"))
    except etree.XMLSyntaxError as error:
        return error
    return None


def _remove(element: etree._Element) -> None:
    """Removes the content of an element and all that precedes it, so that the tree does not grow."""
    element.clear(keep_tail=True)
    for each in (element, *element.iterancestors()):
        parent = each.getparent()
        while parent is not None and parent[0] is not each:
            del parent[0]


def root_name(head: str) -> str:
    """The local name of the first element; empty if the text is not the start of an XML document."""
    match = _ROOT.match(head)
    return match[1] if match else ""


def local_name(element: etree._Element) -> str:
    """The name of an element without namespace, and without a prefix that has none."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2]


def inner_text(element: etree._Element | None) -> str:
    """The text of an element without markup; empty for None."""
    return "".join(str(part) for part in element.itertext(tag=etree.Element) if part) if element is not None else ""


def find_text(element: etree._Element, path: str) -> str:
    """The text of the first element at a path of local names; empty if there is none."""
    return inner_text(element.find("/".join(f"{{*}}{name}" for name in path.split("/"))))


def find_all(element: etree._Element, path: str) -> list[etree._Element]:
    """Returns all elements at a path of local names."""
    return list(element.findall("/".join(f"{{*}}{name}" for name in path.split("/"))))
