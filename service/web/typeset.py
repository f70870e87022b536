"""Titles and abstracts as HTML, with formulas as MathML and the words of the query highlighted.

All text is escaped, and what LaTeX and PDF leave in it is cleaned (``search.papers.debris``). Formulas are delimited
by $...$, $$...$$, \\(...\\) or \\[...\\]; what does not parse as a formula, such as a price, stays text.
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter
from markupsafe import Markup

from search.papers.debris import FORMULA, find_debris
from search.query.hit import Span

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
_BOLD_CHARACTERS = {
    ord(first) + offset: bold + offset
    for first, bold, count in (("A", 0x1D400, 26), ("a", 0x1D41A, 26), ("0", 0x1D7CE, 10))
    for offset in range(count)
}
"""Bold letters and digits of Unicode: browsers support no ``mathvariant`` other than ``normal``."""


def typeset(text: str, highlights: tuple[Span, ...] = (), span: Span | None = None) -> Markup:
    """Returns a text as HTML.

    Args:
        text: plain text with LaTeX.
        highlights: the spans to highlight, in order.
        span: the part of the text to return; None for all of it.
    """
    span = span or Span(0, len(text))
    pieces: list[str] = []
    position = span.start
    for start, end, shown in _replaced_parts(text):
        if position <= start and end <= span.end:
            pieces += _highlight_spans(text, highlights, Span(position, start))
            pieces.append(shown)
            position = end
    pieces += _highlight_spans(text, highlights, Span(position, span.end))
    return Markup("".join(pieces))  # noqa: S704  all pieces are escaped


@lru_cache(1_024)
def _replaced_parts(text: str) -> tuple[tuple[int, int, str], ...]:
    """Returns the parts of a text that are not shown as they are, in order, each with its HTML."""
    parts = [(start, end, _escape(shown)) for start, end, shown in find_debris(text)]
    for match in FORMULA.finditer(text) if "$" in text or "\\" in text else ():
        if formula := latex_to_mathml("".join(group or "" for group in match.groups())):
            parts.append((*match.span(), formula))
    return tuple(sorted(parts))


@lru_cache(8_192)
def latex_to_mathml(latex: str) -> str | None:
    """Returns a formula as MathML with harmless elements and attributes only, or None if it does not parse."""
    try:
        tree = Converter().convert_to_element(latex)
        return "".join(_serialize_element(tree))
    except Exception:  # the converter raises errors of many kinds; the formula then stays text  # noqa: BLE001
        return None


def _serialize_element(element: Element, *, only_child: bool = False) -> Iterator[str]:
    """Yields an element as HTML.

    Args:
        element: of the converter's MathML.
        only_child: the element has no siblings, so an operator has no operands, as in the charge of an ion, and needs
            no space around it.

    Raises:
        ValueError: the element holds LaTeX that was not converted, or is not among the allowed ones.
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


def _highlight_spans(text: str, highlights: tuple[Span, ...], span: Span) -> Iterator[str]:
    """Yields a span of literal text; a highlight that is only partly inside is not marked."""
    position = span.start
    for highlight in highlights:
        if position <= highlight.start < highlight.end <= span.end:
            yield _escape(text[position : highlight.start])
            yield f"<mark>{_escape(text[highlight.start : highlight.end])}</mark>"
            position = highlight.end
    yield _escape(text[position : span.end])


def _escape(text: str) -> str:
    return html.escape(text if text.isprintable() else _CONTROL_CHARACTERS.sub("", text), quote=False)
