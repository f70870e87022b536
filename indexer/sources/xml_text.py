"""The text of an XML document: its encoding, and the entities that it does not declare."""

import html.entities
import re
from collections.abc import Iterable, Iterator

from indexer.sources.encoding import SAMPLE_BYTES, detect_encoding
from indexer.sources.file import SourceFile

_DECLARED_ENCODING = re.compile(r"""\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.:-]+)["']""")
_OWN_ENCODINGS = re.compile(r"utf-?(8|16|16le|16be)|us-ascii|ascii", re.IGNORECASE)
"""Declared encodings that ``SourceFile.chunks`` finds itself."""
_LEGACY_ENCODINGS = re.compile(
    r"iso-?8859-\d+|latin-?1|windows-125\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|big5|euc-(jp|kr)|shift_jis",
    re.IGNORECASE,
)
"""Further encodings, in the names that Python and XML share."""
_LATIN_1 = re.compile(r"iso-?8859-1|latin-?1", re.IGNORECASE)
"""Read as Windows-1252, which has quotation marks in place of control characters (https://encoding.spec.whatwg.org)."""
_TOKEN = re.compile(
    r"""<!ENTITY\s+(?P<declared>[^\s%"'&<>]+)\s+["']   # the declaration of an internal entity
    |(?P<open><!\[CDATA\[|<!--|<\?)                    # a section without references
    |&(?P<name>[^\W\d][\w.:-]*);                       # a reference
    |(?P<ampersand>&)(?=[^\w\#]|\w[\w.:-]*[^\w.:;-])    # an ampersand that starts none""",
    re.VERBOSE,
)
_CLOSINGS = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>"}
_PREDEFINED = ("lt", "gt", "amp", "quot", "apos")
_MAX_TOKEN_CHARACTERS = 64
"""Characters at the end of a chunk in which a token may begin that the next chunk completes."""


class MalformedXml(ValueError):
    """A part of the document is not well-formed."""


def read_chunks(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Reads the text of a document in the encoding that it declares, in chunks with the numbers of their first lines.

    Raises:
        MalformedXml: The encoding is not supported.
    """
    declared = _DECLARED_ENCODING.match(file.head())
    if not declared or _OWN_ENCODINGS.fullmatch(declared[1]):
        return file.chunks()
    if not _LEGACY_ENCODINGS.fullmatch(declared[1]):
        raise MalformedXml(f"the encoding {declared[1][:40]!r} is not supported; convert the file to UTF-8")
    if _is_unicode(file):
        return file.chunks()
    return file.chunks("cp1252" if _LATIN_1.fullmatch(declared[1]) else declared[1])


def _is_unicode(file: SourceFile) -> bool:
    """Whether the bytes tell that a file is Unicode, whatever it declares: programs that convert one keep the rest."""
    with file.open() as stream:
        sample = stream.read(SAMPLE_BYTES)
    return not sample.isascii() and detect_encoding(sample).startswith("utf")


def resolve_entities(file: SourceFile, chunks: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Replaces the references to entities that the document does not declare; see ``xml.iter_elements``."""
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
            if match["ampersand"]:
                line, counted = line + text.count("\n", counted, match.start()), match.start()
                file.warn(line, "ampersands that do not start a reference were kept as text", "&")
                parts.append("&amp;")
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
