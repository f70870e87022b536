"""XML parsing for the readers: streamed, within libxml2's limits, without external entities and network access."""

import html.entities
import re
from collections.abc import Iterable, Iterator

from lxml import etree

from indexer.sources.file import SourceFile
from indexer.sources.limits import MAX_RECORD_CHARACTERS

_DECLARED_ENCODING = re.compile(r"""\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.:-]+)["']""")
_OWN_ENCODINGS = re.compile(r"utf-?(8|16|16le|16be)|us-ascii|ascii", re.IGNORECASE)
"""Declared encodings that ``SourceFile.chunks`` finds itself."""
_LEGACY_ENCODINGS = re.compile(
    r"iso-?8859-\d+|latin-?1|windows-125\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|big5|euc-(jp|kr)|shift_jis",
    re.IGNORECASE,
)
"""Further encodings, in the names that Python and XML share."""
_TOKEN = re.compile(
    r"""<!ENTITY\s+(?P<declared>[^\s%"'&<>]+)\s+["']   # the declaration of an internal entity
    |(?P<open><!\[CDATA\[|<!--|<\?)                    # a section without references
    |&(?P<name>[^\W\d][\w.:-]*);                       # a reference""",
    re.VERBOSE,
)
_CLOSINGS = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>"}
_PREDEFINED = ("lt", "gt", "amp", "quot", "apos")
_MAX_TOKEN_CHARACTERS = 64
"""Characters at the end of a chunk in which a token may begin that the next chunk completes."""
_PLACE = re.compile(r", line \d+, column \d+\s*$")


class MalformedXml(ValueError):
    """The document is not well-formed.

    Attributes:
        line: Number of the line with the error, from 1.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def iter_elements(file: SourceFile, *names: str, document: str | None = None) -> Iterator[etree._Element]:
    """Yields the complete elements with one of these local names, and removes each one afterwards.

    Entities that the document declares are expanded by libxml2. The other names of HTML's entities become their
    characters. A reference to any other entity stays as it is written, with a warning.

    Args:
        file: The file that is read, or that contains the document.
        names: The local names.
        document: The text of the document; None stands for the content of the file.

    Raises:
        MalformedXml: The document is not well-formed, or has too much text without such an element; the elements before
            the error have been yielded.
    """
    parser = etree.XMLPullParser(
        events=("end",), tag=[f"{{*}}{name}" for name in names], encoding="utf-8",
        resolve_entities="internal", no_network=True, load_dtd=False, huge_tree=False,
    )  # fmt: skip
    line = last_line = unmatched = 0
    chunks = _read_chunks(file) if document is None else [(1, document)]
    for line, text in _resolve_entities(file, chunks):
        error = _feed(parser, text)
        unmatched += len(text)
        for _, element in parser.read_events():
            unmatched, last_line = 0, element.sourceline or line
            yield element
            _remove(element)
        if error is not None:
            raise MalformedXml(
                max(error.lineno or 0, line, last_line), f"not well-formed XML: {_PLACE.sub('', str(error.msg))}"
            )
        if unmatched > MAX_RECORD_CHARACTERS:
            raise MalformedXml(line, f"no complete <{names[-1]}> in {MAX_RECORD_CHARACTERS:,} characters")
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        raise MalformedXml(
            max(error.lineno or 0, line, 1), f"not well-formed XML: {_PLACE.sub('', str(error.msg))}"
        ) from None


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


def _read_chunks(file: SourceFile) -> Iterator[tuple[int, str]]:
    declared = _DECLARED_ENCODING.match(file.head())
    if not declared or _OWN_ENCODINGS.fullmatch(declared[1]):
        return file.chunks()
    if not _LEGACY_ENCODINGS.fullmatch(declared[1]):
        raise MalformedXml(1, f"the encoding {declared[1][:40]!r} is not supported; convert the file to UTF-8")
    return file.chunks(declared[1])


def _resolve_entities(file: SourceFile, chunks: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Replaces the references to entities that the document does not declare; see ``iter_elements``."""
    declared, closing, rest = set(_PREDEFINED), "", ""
    for number, chunk in chunks:
        number -= rest.count("\n")
        text, parts, position = rest + chunk, list[str](), 0
        line, counted = number, 0
        while True:
            if closing:
                end = text.find(closing, position)
                if end < 0:
                    end_of_tokens = max(position, len(text) - 2)
                    break
                parts.append(text[position : end + len(closing)])
                position, closing = end + len(closing), ""
            match = _TOKEN.search(text, position)
            if not match:
                end_of_tokens = _find_incomplete_token(text, position)
                break
            parts.append(text[position : match.start()])
            position = match.end()
            if match["name"] and match["name"] not in declared:
                line, counted = line + text.count("\n", counted, match.start()), match.start()
                parts.append(_resolve(file, match["name"], line))
                continue
            parts.append(match[0])
            declared.add(match["declared"] or "")
            closing = _CLOSINGS.get(match["open"] or "", "")
        parts.append(text[position:end_of_tokens])
        rest = text[end_of_tokens:]
        yield number, "".join(parts)
    if rest:
        yield number, rest


def _find_incomplete_token(text: str, start: int) -> int:
    """Where the part of the text starts that may be an incomplete token."""
    first = max(start, len(text) - _MAX_TOKEN_CHARACTERS)
    found = max(text.rfind("<", first), text.rfind("&", first))
    return found if found >= 0 else len(text)


def _resolve(file: SourceFile, name: str, line: int) -> str:
    characters = html.entities.html5.get(name + ";")
    if characters:
        return "".join(f"&#{ord(each)};" for each in characters)
    file.warn(line, "references to entities that the file does not declare were kept as text", f"&{name};")
    return f"&amp;{name};"


def inner_text(element: etree._Element | None) -> str:
    """The text of an element without markup; empty for None."""
    return "".join(str(part) for part in element.itertext(tag=etree.Element) if part) if element is not None else ""


def find_text(element: etree._Element, path: str) -> str:
    """The text of the first element at a path of local names; empty if there is none."""
    return inner_text(element.find("/".join(f"{{*}}{name}" for name in path.split("/"))))


def find_all(element: etree._Element, path: str) -> list[etree._Element]:
    """Returns all elements at a path of local names."""
    return list(element.findall("/".join(f"{{*}}{name}" for name in path.split("/"))))
