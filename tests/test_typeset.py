"""Titles and abstracts as HTML: formulas, highlights, and text that only looks like them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from search.papers.debris import clean_text
from search.query.hit import Span
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
        ("``minimum KV cache'' of ''two'' kinds", "“minimum KV cache” of “two” kinds"),
        ('``GPT-2" and "x" of 5\'\'', "“GPT-2” and \"x\" of 5''"),
        ("a `small' model isn't `odd'.", "a ‘small’ model isn't ‘odd’."),
        ("Vision--Language, 24--47 -- and --- so", "Vision–Language, 24–47 – and — so"),
        ("$x$--$y$", "x–y"),
        ("cat --help a-b C-- --", "cat --help a-b C-- --"),
        (
            "infer- ence of pre- and post-training, s- and p-waves",
            "inference of pre- and post-training, s- and p-waves",
        ),
        ("{Maintaining Rates k }: a {KV} {C}ache", "Maintaining Rates k: a KV Cache"),
        ("in {0, 1}, {x}, x_{1} and f{x}", "in {0, 1}, {x}, x_{1} and f{x}"),
        ("{\\em ab initio} with {\\pi} and 2\\,cm \\pm 1", "ab initio with π and 2 cm ± 1"),
        ('\\textbf{\\underline{C}O}re M\\"obius na{\\"i}ve', "COre Möbius naïve"),
        ("\\href{https://a.b/c--d}{here} or \\url{https://a.b/c--d}", "here or https://a.b/c--d"),
        ("\\method{} by \\cite{zhou:2024}", "\\method{} by […]"),
        ("as shown~\\citep[see][p. 3]{a,b}, and by\\citet*{c}.", "as shown […], and by […]."),
        ("Fig.~\\ref{f} and (\\eqref{e})\\label{x}", "Fig. […] and ([…])"),
        ("We release code~\\footnote{At \\url{https://a.b/c}}.", "We release code (At https://a.b/c)."),
        ("330~K at $5$~nm, $a$~$b$, et~al., Fig.~2", "330 K at 5 nm, a b, et al., Fig. 2"),
        ("z~6, 5~10, x~y, RMSE~1% and ~/data", "z~6, 5~10, x~y, RMSE~1% and ~/data"),
        ("\\abstract{\\textbf{Aims:} we see.\\\\ Methods}", "Aims: we see. Methods"),
        ("MoS<sub>2</sub> is <i>thin</i>.<br/>Really", "MoS2 is thin. Really"),
        ("<jats:p>An <jats:italic>ab initio</jats:italic> study</jats:p>", "An ab initio study"),
        ("for all <i, j> and <b> or a </i>", "for all <i, j> and <b> or a </i>"),
        ("Q&amp;A on &#946;-decay&nbsp;of AT&T; R&D", "Q&A on β-decay of AT&T; R&D"),
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
    if not set(text) & set("$\\{}`'\"-~<&%"):
        shown = "".join(tree.itertext())
        assert shown == re.sub("[\r]\n?", "\n", "".join(each for each in text if each in shown or each == "\r"))
        assert len(list(tree.iter("mark"))) == len(spans)


def test_plain_text_is_cleaned_as_well() -> None:
    assert clean_text("{KV} ``caches'' of $x--y$ and $\\alpha$--rays") == "KV “caches” of $x--y$ and $\\alpha$–rays"


@pytest.mark.parametrize(("text", "shown"), [
    ("It runs in less memory. %, which helps on phones.", "It runs in less memory, which helps on phones."),
    ("It is faster on phones. %Finally, we sell it.", "It is faster on phones. Finally, we sell it."),
    ("87\\%, 10\\,\\% and a\\!b", "87%, 10 % and ab"),
    ("Ni-2 at. % W, 20 vol. %, 30 %, the %TAE method", "Ni-2 at. % W, 20 vol. %, 30 %, the %TAE method"),
])  # fmt: skip
def test_percent_signs_of_comments_are_not_shown(text: str, shown: str) -> None:
    assert clean_text(text) == shown


debris = st.sampled_from(["``", "''", "--", "---", "{", "}", "\\emph{", "infer- ence", "`a'", "\\%", " ", "word", '"'])
debris_texts = st.lists(debris, max_size=12).map("".join)


@settings(deadline=None, max_examples=200)
@given(debris_texts, debris_texts)
def test_formulas_stay_as_they_are_among_debris(before: str, after: str) -> None:
    formula = "$\\{a--b\\}_{``1''}$"
    shown = typeset(f"{before} {formula} {after}")
    assert latex_to_mathml(formula.strip("$")) is not None
    assert str(latex_to_mathml(formula.strip("$"))) in shown


@settings(deadline=None, max_examples=200)
@given(debris_texts)
def test_cleaning_loses_no_letters(text: str) -> None:
    shown = "".join(etree.fromstring(f"<p>{typeset(text)}</p>").itertext())
    letters = re.sub(r"[^a-z]", "", text.replace("\\emph{", "{") if "\\" not in shown else text)
    assert re.sub(r"[^a-z]", "", shown).replace("emph", "") == letters.replace("emph", "")


@settings(deadline=None, max_examples=300)
@given(latex_texts)
def test_any_formula_is_harmless_or_text(latex: str) -> None:
    mathml = latex_to_mathml(latex)
    if mathml is not None:
        tree = etree.fromstring(mathml)
        assert {element.tag for element in tree.iter()} <= MATHML
        assert not {name for element in tree.iter() for name in element.attrib} & {"href", "style", "class", "id"}
