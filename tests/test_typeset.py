"""Titles and abstracts as HTML: formulas, highlights, and text that only looks like them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from search.query.page import Span
from service.web.typeset import latex_to_mathml, typeset

MATHML = {
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "msub", "msup", "msubsup", "mfrac", "msqrt", "mroot",
    "mover", "munder", "munderover", "mtable", "mtr", "mtd", "mpadded", "mphantom", "mmultiscripts", "mprescripts",
    "mstyle",
}  # fmt: skip
LATEX_FRAGMENTS = (
    *"ab 12$\\{}^_<>&\"'()[]#~%",
    "\\frac",
    "\\text{",
    "$$",
    "\\(",
    "\\)",
    "\\left",
    "\\begin{matrix}",
    "\u202e",
)
latex_texts = st.lists(st.sampled_from(LATEX_FRAGMENTS), max_size=30).map("".join)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("costs $5 and $10 a day", "costs $5 and $10 a day"),
        ("from $5-$10", "from $5-$10"),
        ("a \\$ sign and $x$", "a $ sign and x"),
        ("\\textbf{bold} and \\emph{slanted}", "bold and slanted"),
        ("unknown $\\foo{x}$ stays", "unknown $\\foo{x}$ stays"),
        ("$\\alpha < \\beta$", "α<β"),
        ("\\(x^2\\)", "x2"),
        ("$\\text{<script>}$", "<script>"),
        ("$\\href{javascript:alert(1)}{x}$", "x"),
        ("$\\mathbf{W}$", "𝐖"),
    ],
)
def test_latex(text: str, shown: str) -> None:
    tree = etree.fromstring(f"<p>{typeset(text)}</p>")
    assert "".join(tree.itertext()) == shown
    assert not tree.xpath("//@href | //script")


@settings(deadline=None, max_examples=300)
@given(st.one_of(latex_texts, st.text()), st.data())
def test_any_text_is_well_formed_and_complete(text: str, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
    spans = tuple(Span(*pair) for pair in zip(ends[::2], ends[1::2], strict=False))
    tree = etree.fromstring(f"<p>{typeset(text, spans)}</p>".encode("utf-8", "strict"))
    assert {element.tag for element in tree.iter()} <= {"p", "mark", *MATHML}
    if "$" not in text and "\\" not in text:
        shown = "".join(tree.itertext())
        assert shown == re.sub("[\r]\n?", "\n", "".join(each for each in text if each in shown or each == "\r"))
        assert len(list(tree.iter("mark"))) == len(spans)


@settings(deadline=None, max_examples=300)
@given(latex_texts)
def test_any_formula_is_harmless_or_text(latex: str) -> None:
    mathml = latex_to_mathml(latex)
    if mathml is not None:
        tree = etree.fromstring(mathml)
        assert {element.tag for element in tree.iter()} <= MATHML
        assert not {name for element in tree.iter() for name in element.attrib} & {"href", "style", "class", "id"}
