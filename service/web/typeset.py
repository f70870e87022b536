"""Typeset: a title or an abstract as HTML, its formulas as MathML, the words of a question marked.

Nothing of a text is taken for HTML. A formula is between $ and $ or \\( and \\) and the like; what cannot be read as
one, prices among them, stays the text it is.
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter
from markupsafe import Markup

from search.query.page import Span

_FORMULA = re.compile(
    r"(?<![\\$])(?:\$\$([^$]{1,1000})\$\$|\$(?![\s$])((?:[^$\\]|\\.){0,500}?(?:[^\s$\\]|\\.))\$(?!\d))"
    r"|\\\((.{1,500}?)\\\)|\\\[(.{1,1000}?)\\\]",
    re.DOTALL,
)
_CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_ALLOWED_ELEMENTS = frozenset(
    ("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "msub", "msup", "msubsup", "mfrac", "msqrt", "mroot",
     "mover", "munder", "munderover", "mtable", "mtr", "mtd", "mpadded", "mphantom", "mmultiscripts", "mprescripts",
     "mstyle")
)  # fmt: skip
_ALLOWED_ATTRIBUTES = frozenset(
    ("display", "width", "height", "depth", "stretchy", "fence", "separator", "form", "lspace", "rspace",
     "linethickness", "accent", "accentunder", "movablelimits", "displaystyle", "scriptlevel", "largeop", "minsize",
     "maxsize")
)  # fmt: skip
_TEXT_COMMAND = re.compile(r"\\(?:textbf|textit|textsc|textsf|textrm|texttt|emph|text|mbox)\{([^{}$\\]*)\}|\\([%&_#$])")
"""LaTeX around text, of which the text is shown."""
_BOLD_CHARACTERS = {
    ord(first) + place: start + place
    for first, start, many in (("A", 0x1D400, 26), ("a", 0x1D41A, 26), ("0", 0x1D7CE, 10))
    for place in range(many)
}
"""Browsers draw no ``mathvariant`` but ``normal``; the bold letters are characters of their own."""


def typeset(text: str, highlights: tuple[Span, ...] = (), span: Span | None = None) -> Markup:
    """A text as HTML.

    Args:
        marked: words of it to mark, in order. part: what of it is wanted; None for all.
    """
    span = span or Span(0, len(text))
    if "$" not in text and "\\" not in text:
        return Markup("".join(_highlight_spans(text, highlights, span)))  # noqa: S704  made of escaped pieces
    pieces: list[str] = []
    place = span.start
    for match in _FORMULA.finditer(text, span.start, span.end):
        formula = latex_to_mathml("".join(group or "" for group in match.groups()))
        if formula:
            pieces += _render_text(text, highlights, Span(place, match.start()))
            pieces.append(formula)
            place = match.end()
    pieces += _render_text(text, highlights, Span(place, span.end))
    return Markup("".join(pieces))  # noqa: S704  made of escaped pieces


@lru_cache(8_192)
def latex_to_mathml(latex: str) -> str | None:
    """A formula as MathML of elements and attributes that cannot do anything; None where it is not understood."""
    try:
        tree = Converter().convert_to_element(latex)
        return "".join(_serialize_element(tree))
    except Exception:  # whatever a text makes its parser raise, the text is shown as it is  # noqa: BLE001
        return None


def _serialize_element(element: Element, *, only_child: bool = False) -> Iterator[str]:
    """
    Args:
        alone: nothing stands beside it, so an operator is no operation, as in a charge or an excited state.

    Raises:
        ValueError: there is something in it that was not understood, or that is not known to be harmless.
    """
    text = html.unescape(element.text or "")
    if (
        element.tag not in _ALLOWED_ELEMENTS
        or (element.tail or "").strip()
        or "\\" in text
        or _CONTROL_CHARACTERS.search(text)
    ):
        raise ValueError(element.tag)
    variant = element.get("mathvariant")
    if variant == "bold":
        text = text.translate(_BOLD_CHARACTERS)
    attributes = [(name, value) for name, value in element.attrib.items() if name in _ALLOWED_ATTRIBUTES]
    if element.tag == "mo" and only_child:
        attributes += [("lspace", "0"), ("rspace", "0")]
    if variant == "normal" and element.tag == "mi":
        attributes.append(("mathvariant", variant))
    yield f"<{element.tag}" + "".join(f' {name}="{html.escape(value)}"' for name, value in attributes) + ">"
    yield html.escape(text)
    for child in element:
        yield from _serialize_element(child, only_child=element.tag == "mrow" and len(element) == 1)
    yield f"</{element.tag}>"


def _render_text(text: str, spans: tuple[Span, ...], part: Span) -> Iterator[str]:
    """A part without formulas, and without the commands of LaTeX around its words."""
    place = part.start
    for match in _TEXT_COMMAND.finditer(text, part.start, part.end):
        yield from _highlight_spans(text, spans, Span(place, match.start()))
        yield from _highlight_spans(text, spans, Span(*match.span(match.lastindex or 1)))
        place = match.end()
    yield from _highlight_spans(text, spans, Span(place, part.end))


def _highlight_spans(text: str, spans: tuple[Span, ...], part: Span) -> Iterator[str]:
    """A part as it is; a word that only lies in it partly is not marked."""
    place = part.start
    for span in spans:
        if place <= span.start < span.end <= part.end:
            yield _escape(text[place : span.start])
            yield f"<mark>{_escape(text[span.start : span.end])}</mark>"
            place = span.end
    yield _escape(text[place : part.end])


def _escape(text: str) -> str:
    return html.escape(text if text.isprintable() else _CONTROL_CHARACTERS.sub("", text), quote=False)
