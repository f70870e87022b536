"""Markup of HTML, JATS and MathML becomes text in every reader; a text's own less-than signs and ampersands stay."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources.markup import markup_to_text
from source_samples import WriteSource, read_papers

TEXTS = {
    "NO<sub>2</sub> in <i>Daphnia</i> &amp; algae &#945;": "NO2 in Daphnia & algae α",
    "The &Aring;ngstr&ouml;m &quot;unit&quot;": 'The Ångström "unit"',
    "Fish &lt;SUP&gt;13&lt;/SUP&gt;C": "Fish 13C",  # escaped once more
    "Fish &amp;lt;sup&amp;gt;13&amp;lt;/sup&amp;gt;C &amp;amp; chips": "Fish 13C & chips",
    "<p>One.</p><p>Two.</p>": "One. Two.",
    "One<br>two<br/>three": "One two three",
    "<P>One<P>two": "One two",
    "<ul><li>one<li>two</ul>": "one two",
    "<jats:title>Abstract</jats:title><jats:p>We know.</jats:p>": "We know.",
    "<jats:sec><jats:title>Aims</jats:title><jats:p>We ask.</jats:p></jats:sec>"
    "<jats:sec><jats:title>Results:</jats:title><jats:p>We found.</jats:p></jats:sec>":
        "Aims: We ask. Results: We found.",
    "<h4>AIMS</h4><p>We ask.": "AIMS: We ask.",
    "<math><mi>x</mi><mo>=</mo><mn>2</mn></math>": "x=2",
    "<mml:math><mml:semantics><mml:mi>x</mml:mi><mml:annotation encoding='tex'>x</mml:annotation></mml:semantics>"
    "</mml:math> y": "x y",
    "<inline-formula><alternatives><tex-math>$x_1$</tex-math><mml:math><mml:mi>x</mml:mi></mml:math></alternatives>"
    "</inline-formula>": "$x_1$",
    r"\documentclass[12pt]{minimal}\usepackage{amsmath}\begin{document}$$\alpha$$\end{document} rays": r"$\alpha$ rays",
    "<!-- copied --><span style='color: red'>Red</span> <scp>DNA</scp>": "Red DNA",
    '<a href="https://example.org/?a=1&amp;b=2">Link</a>': "Link",
    "<title>Alone</title>": "Alone",
}  # fmt: skip
UNCHANGED = (
    "a < b and c > d", "$x<y$", "$p<q$ and $q>r$", "<https://example.org/a>", "the tokens <s> and <mask>", "a<b>c",
    "mean momentum <p> and <q>", "<think> before <answer>", "AT&T; R&D; &foo;", "if i<j and j>k", "x &lt y",
    "<!-- open",
    "C++ <vector> and List<i32>", "1 <2> 3", "<i", "5 & 6", "e-mail <ada@example.org>", "<x y>", r"\begin{document}",
)  # fmt: skip


@pytest.mark.parametrize("markup", TEXTS)
def test_markup_becomes_text(markup: str) -> None:
    assert " ".join(markup_to_text(markup).split()) == TEXTS[markup]


@pytest.mark.parametrize("text", UNCHANGED)
def test_other_texts_are_unchanged(text: str) -> None:
    assert markup_to_text(text) == text


FRAGMENTS = st.sampled_from(
    ["<i>", "</i>", "<sub>", "</sub>", "<p>", "</p>", "<jats:p>", "</jats:p>", "<title>", "</title>", "<h1>", "</h1>",
     "<alternatives>", "</alternatives>", "<tex-math>", "</tex-math>", "<math>", "</math>", "<annotation>",
     "</annotation>",
     "<script>", "</script>", "&", "amp;", "&amp;", "&lt;", "&gt;", "&#60;", "lt;", "<", ">", "/", "i", "<!--",
     "-->", "$",
     "word", " ", ".", "<x>", "<br/>", "<span a='b'>", "</span>"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_the_text_of_a_text_is_the_same(markup: str) -> None:
    text = markup_to_text(markup)
    assert markup_to_text(text) == text


@given(
    st.lists(st.sampled_from(["a", " ", "<", ">", "&", ";", "=", "$", "1", '"', "/", "-", "≤"]), max_size=15).map(
        "".join
    )
)
def test_signs_without_names_of_elements_stay(text: str) -> None:
    assert markup_to_text(text) == text or "<a" in text or "</a" in text


@pytest.mark.parametrize("tag", ["<annotation>", "<alternatives>", "<i>", "<!--", "&amp;amp;", "<span a='", "<p>"])
def test_time_grows_with_the_length(tag: str) -> None:
    assert markup_to_text("</annotation></alternatives>" + tag * 20_000).count("\0") == 0


TITLE, ABSTRACT = "H<sub>2</sub>O &amp; <i>Apis</i> &#955;", "<p>Bees drink <b>water</b> &lt; 5 ml.</p>"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "a.ris",
            f"TY  - JOUR\nTI  - {TITLE}\nAU  - M&uuml;ller, J&ouml;rg\nAB  - {ABSTRACT}\nT2  - A &amp; B\nER  - \n",
        ),
        ("a.nbib", f"PMID- 1\nTI  - {TITLE}\nAB  - {ABSTRACT}\nFAU - M&uuml;ller, J&ouml;rg\nJT  - A &amp; B\n"),
        ("a.csv", f'title,abstract,authors,journal\n"{TITLE}","{ABSTRACT}","M&uuml;ller, J&ouml;rg",A &amp; B\n'),
        ("a.jsonl", json.dumps(
            {"title": TITLE, "abstract": ABSTRACT, "authors": ["J&ouml;rg M&uuml;ller"], "journal": "A &amp; B"})),
        ("a.json", json.dumps([{
            "type": "article", "title": TITLE, "abstract": ABSTRACT, "container-title": "A &amp; B", "issued": {},
            "author": [{"given": "J&ouml;rg", "family": "M&uuml;ller"}]}])),
    ],
)  # fmt: skip
def test_every_reader_removes_markup(write_source: WriteSource, name: str, content: str) -> None:
    (paper,) = read_papers(write_source(name, content))
    assert (paper.title, paper.abstract) == ("H2O & Apis λ", "Bees drink water < 5 ml.")
    assert (paper.authors, paper.extra["journal"]) == (("Jörg Müller",), "A & B")
