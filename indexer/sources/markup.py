"""Markup to text: HTML, JATS (https://jats.nlm.nih.gov/), MathML, and their character references.

Publishers deposit titles and abstracts with such markup at Crossref, from where it reaches all formats. A text may
also contain ``<`` and ``&`` of its own, as in ``a < b``, ``$x<y$``, ``<https://example.org>`` and ``the token <s>``.
So only tags with a known name are removed, and most of these only if the text closes them as well.
"""

import re

from search.papers.character_references import decode_references

_INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "bold", "cite", "code", "del", "dfn", "em", "email",
    "emph", "ext-link", "fixed-case", "font", "i", "inf", "inline-formula", "inline-graphic", "ins", "it",
    "italic", "kbd", "label", "mark", "monospace", "named-content", "nobr", "overline", "q", "roman", "s",
    "samp", "sans-serif", "sc", "scp", "small", "span", "strike", "strong", "styled-content", "sub", "sup",
    "target", "tt", "u", "underline", "uri", "var", "wbr", "xref", "alternatives", "tex-math", "math", "mi",
    "mn", "mo", "ms", "mtext", "mrow", "msub", "msup", "msubsup", "mfrac", "msqrt", "mroot", "mover", "munder",
    "munderover", "mtable", "mtr", "mtd", "mspace", "mstyle", "mfenced", "menclose", "mpadded", "mphantom",
    "mmultiscripts", "mprescripts", "none", "semantics", "annotation", "annotation-xml",
))  # fmt: skip
"""Names of elements that are part of a line: HTML's, JATS's, MathML's, and those of a few publishers."""
_HEADINGS = frozenset(("title", "h1", "h2", "h3", "h4", "h5", "h6"))
"""Elements whose text is the title of what follows."""
_BLOCKS = _HEADINGS | frozenset((
    "abstract", "address", "article", "blockquote", "body", "br", "center", "dd", "disp-formula", "disp-quote",
    "div", "dl", "dt", "fig", "footer", "header", "hr", "html", "li", "list", "list-item", "ol", "p", "para",
    "pre", "sec", "section", "style", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
    "trans-abstract", "ul",
))  # fmt: skip
"""Names of elements that are apart from what precedes and follows."""
_NAMES = _INLINE | _BLOCKS
_DROPPED = frozenset(("annotation", "annotation-xml", "style"))
"""Elements whose content is not part of the text; annotations repeat a formula."""
_FORMULA_FORMS = frozenset(("graphic", "inline-graphic", "math", "tex-math", "textual-form"))
"""Elements of ``alternatives``, of which the first is the text."""
_UNPAIRED = frozenset(("br", "hr", "inf", "sub", "sup", "wbr"))
"""Elements that are removed without their end as well: nobody writes these names in angle brackets otherwise."""
_ENDS_SENTENCE = tuple(".:;,?!–—-")
_TAG = re.compile(
    r"""<(?P<end>/?)(?P<prefix>(?:jats|mml|m|ce|x?html|ns\d):)?(?P<name>[A-Za-z][A-Za-z0-9-]*)
    (?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+))*\s*(?P<empty>/?)>
    |<!--""",
    re.VERBOSE,
)
_TEX_DOCUMENT = re.compile(
    r"\\documentclass(?:(?!\\documentclass).){1,2000}?\\begin\{document\}(.{0,4000}?)\\end\{document\}", re.DOTALL
)
"""A formula as a document of its own, as Springer deposits them."""
_MAX_PASSES = 5
"""Passes until markup that was escaped repeatedly is text; two are usual."""


def markup_to_text(text: str) -> str:
    """The text without markup; a text without markup is unchanged.

    Elements such as paragraphs are separated by a space, section titles by a colon. Applied to its result, the function
    changes nothing.
    """
    if "\\begin{document}" in text:
        text = _TEX_DOCUMENT.sub(lambda match: match[1].strip().replace("$$", "$"), text)
    for _ in range(_MAX_PASSES):
        if "<" not in text and "&" not in text:
            return text
        plain = _remove_tags(decode_references(text))
        if plain == text:
            return text
        text = plain
    return text


def _remove_tags(text: str) -> str:
    if "<" not in text or ">" not in text:
        return text
    last_ends = {match["name"].lower(): match.start() for match in _TAG.finditer(text) if match["end"]}
    first = _TAG.match(text.lstrip())
    is_document = bool(last_ends.keys() & _NAMES) or bool(first and (first["name"] or "").lower() in _BLOCKS)
    return _TagRemover(text, last_ends, is_document).remove()


class _TagRemover:
    """Removes the tags of one text.

    Args:
        text: The text.
        last_ends: For each name of an element in the text, where the last tag is that ends such an element.
        is_document: Whether the text starts with a block or ends an element, so that ends of blocks may be omitted.
    """

    def __init__(self, text: str, last_ends: dict[str, int], is_document: bool) -> None:
        self._text = text
        self._last_ends = last_ends
        self._is_document = is_document
        self._last_comment_end = text.rfind("-->")
        self._parts: list[str] = []
        self._separator = ""
        self._heading_start: int | None = None
        self._skipped_until = ""
        self._formula_form: str | None = None

    def remove(self) -> str:
        """Returns the text without tags."""
        position = 0
        for match in _TAG.finditer(self._text):
            if match.start() < position:
                continue  # within a comment
            if match[0] == "<!--":
                if match.end() <= self._last_comment_end:
                    self._add_text(self._text[position : match.start()])
                    position = self._text.find("-->", match.end()) + 3
                continue
            name = match["name"].lower()
            if self._is_markup(match, name):
                self._add_text(self._text[position : match.start()])
                self._handle_tag(match, name)
                position = match.end()
        self._add_text(self._text[position:])
        return "".join(self._parts)

    def _is_markup(self, match: re.Match[str], name: str) -> bool:
        if not (match["prefix"] or name in _NAMES):
            return False
        if match["prefix"] or match["end"] or match["empty"] or name in _UNPAIRED:
            return True
        if name in _BLOCKS and self._is_document:
            return True
        return self._last_ends.get(name, -1) > match.start()

    def _handle_tag(self, match: re.Match[str], name: str) -> None:
        if self._skipped_until:
            if match["end"] and name == self._skipped_until:
                self._skipped_until = ""
            return
        if match["end"]:
            self._end_element(name)
        elif not match["empty"]:
            self._start_element(name, self._last_ends.get(name, -1) > match.start())
        if name in _BLOCKS:
            self._separator = self._separator or " "

    def _start_element(self, name: str, is_ended: bool) -> None:
        if name in _HEADINGS:
            self._heading_start = len(self._parts)
        elif name == "alternatives":
            self._formula_form = ""
        is_repetition = bool(name in _FORMULA_FORMS and self._formula_form)
        if is_ended and (name in _DROPPED or is_repetition):
            self._skipped_until = name
        elif self._formula_form == "" and name in _FORMULA_FORMS:
            self._formula_form = name

    def _end_element(self, name: str) -> None:
        if name == "alternatives":
            self._formula_form = None
        elif name in _HEADINGS and self._heading_start is not None:
            heading = "".join(self._parts[self._heading_start :]).strip()
            if self._heading_start == 0 and heading.casefold().rstrip(".:") == "abstract":
                self._parts.clear()  # it says nothing about the text
            elif heading:
                self._separator = " " if heading.endswith(_ENDS_SENTENCE) else ": "
            self._heading_start = None

    def _add_text(self, text: str) -> None:
        if self._skipped_until or not text:
            return
        if self._separator and text.strip():
            if self._parts:
                self._parts.append(self._separator)
            self._separator = ""
        self._parts.append(text)
