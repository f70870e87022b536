"""LaTeX to text: every word and symbol is kept, mathematics stays, and no input raises an error or takes long."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.papers.latex import latex_to_literal, latex_to_text

EXAMPLES = {
    # commands that set their argument
    r"The \texttt{wax.js} tool": "The wax.js tool",
    r"\mbox{GNU} \textsf{Comb} \underline{is} \emph{a \textbf{b}}": "GNU Comb is a b",
    r"{\em in vivo} {\bfseries study} {\sc Abc}": "in vivo study Abc",
    r"\uppercase{nasa} \MakeLowercase{ABC}": "NASA abc",
    r"{\relax Ch}arles": "Charles",
    # commands with arguments that are not text
    r"Drones \href{https://example.org/d_1}{and swarms}": "Drones and swarms",
    r"\textcolor{blue}{a {B} \textit{c}}": "a B c",
    r"\colorbox{red}{x} \fcolorbox{red}{blue}{y}": "x y",
    r"\foreignlanguage{french}{Abeille}": "Abeille",
    r"\raisebox{1ex}{x}\hspace*{2cm}y": "xy",
    r"As in \cite[p.~3]{doe2001}, so \ref{a} here": "As in , so  here",
    r"\noopsort{1999}{van Dyk}": "van Dyk",
    r"\texorpdfstring{$H_2$}{H2} gas": "H2 gas",
    r"L\kern-.36em\raise.3ex\hbox{A}": "LA",
    # commands that are unknown
    r"\colourword{red}{apple} \unknown{x {y}}": "red apple x y",
    r"\HiveKit{} and \HiveKit is": "HiveKit and HiveKit is",
    r"see \input file": "see file",
    r"\title x, \date x, \author x": "x, x, x",
    # symbols
    r"p \textless 0.05; \textgreater{} 9; A\textunderscore B": "p <0.05; > 9; A_B",
    r"3 \textmu m, 5~\textohm, \textalpha-helix, 20\,\textdegree C": "3 µm, 5 Ω, α-helix, 20 °C",
    r"\LaTeX{} and \TeX in \BibTeX": "LaTeX and TeX in BibTeX",
    r"\textregistered \copyright{} \S 5, \P, \dag, \pounds": "®© §5, ¶, †, £",
    r"a \& b, 5\%, \#1, \$2, c\_d, \{x\}": "a & b, 5%, #1, $2, c_d, {x}",
    r"\~{}5 \^{}2 \textbackslash{} \textasciitilde": "~5 ^2 \\ ~",
    r"\alpha\beta \rightarrow \infty": "αβ→∞",
    r"\SI{5}{\milli\metre}, \SIrange{1}{3}{\kilo\hertz}, \num{12}": "5 mm, 1–3 kHz, 12",
    r"\ensuremath{10^{-3}} \nicefrac{1}{2} \frac34 \sqrt[3]{2}": "10^-3 1/2 3/4 √[3]2",
    r"10\textsuperscript{5} Ca\textsuperscript{2+} 1\textsuperscript{st} CO\textsubscript{2}": "10^5 Ca^2+ 1st CO2",
    r"{\apj} \mnras": "Astrophysical Journal Monthly Notices of the Royal Astronomical Society",
    # accents
    r"G{\"o}del G\"odel G\"{o}del Erd{\H o}s \v{C}ech": "Gödel Gödel Gödel Erdős Čech",
    r"na{\"\i}ve \'{\i} \={a} \c{c} \c c \k{a} \d{s} \b{d} \r{a} \u{g} \.{z}": "naïve í ā ç ç ą ṣ ḏ å ğ ż",
    r"\'{\^e} \~\^e {\'{\`{e}}}": "ế ễ è\u0301",
    r"{\L}{\'o}d{\'z} \O re \ss{} \AE{}on \i \j \DJ or\dj evi\'c \TH": "Łódź Øre ß Æon ıȷĐorđević Þ",
    r"\'{} \t{oo} \'": "' o͡o",
    # typography
    "``a'' 3--9 --- b~c d\\ e f\\,g": "“a” 3–9 — b c d e f g",
    r"\enquote{a} \glqq b\grqq{} \guillemotleft c\guillemotright": "“a” „b“ «c»",
    r"line\\break\\[2pt]again\newline x\par y\quad z": "line break again x y z",
    r"auto\-matic \/x\! y\@": "automatic x y",
    # notes, lists, verbatim text
    r"A\footnote{see {\em x}} B\thanks{y}": "A (see x) B (y)",
    r"\begin{itemize}\item A\item B\end{itemize}": "A B",
    r"\url{http://x.org/a_b%20c\_d~e} \verb|a_b$|": "http://x.org/a_b%20c_d~e a_b$",
    # mathematics
    r"$x_{1} \le \frac{a}{b}$ and \(y~z\)": r"$x_{1} \le \frac{a}{b}$ and \(y~z\)",
    r"\[ x^2 \] $$y$$ \begin{align*} a &= b \end{align*}": "$x^2$ $y$ $a &= b$",
    r"$\text{a\$b}$ costs \$5": r"$\text{a\$b}$ costs $5",
    # what is no LaTeX
    "a } b { c \\": "a b c \\",
    "`a' 'b'": "`a' 'b'",
}
LITERALS = {
    r"10.1007/978-3-16-1\_7": "10.1007/978-3-16-1_7",
    r"10.1007/978-3-16-1{\_}8": "10.1007/978-3-16-1_8",
    r"{10.1000/x--y~z$1$}": "10.1000/x--y~z$1$",
    r"\url{https://doi.org/10.1000/x\%20y}": "https://doi.org/10.1000/x%20y",
    r"10.1002/1:2\textless3::AID\textgreater{}3.0": "10.1002/1:2<3::AID>3.0",
    r"http://x.org/\~doe/\~{}roe/{\textasciitilde}poe": "http://x.org/~doe/~roe/~poe",
    r"\href{https://doi.org/10.1000/1}{10.1000/1}": "10.1000/1",
    r"http:\/\/x.org\/a\-b": "http://x.org/a-b",
    "plain": "plain",
}


@pytest.mark.parametrize("latex", EXAMPLES)
def test_latex_is_read_as_it_prints(latex: str) -> None:
    assert " ".join(latex_to_text(latex).split()) == " ".join(EXAMPLES[latex].split())


@pytest.mark.parametrize("latex", LITERALS)
def test_addresses_and_identifiers_keep_their_characters(latex: str) -> None:
    assert latex_to_literal(latex) == LITERALS[latex]


WORDS = st.text("abcdefgh", min_size=2, max_size=5)
COMMANDS = st.sampled_from(
    "textbf emph unknown footnote SI frac textsuperscript enquote mbox SIrange em relax alpha MyOwn item par".split()  # noqa: SIM905
)
LATEX = st.recursive(
    WORDS,
    lambda inner: (
        st.builds(lambda command, texts: f"\\{command}" + "".join(f"{{{text}}}" for text in texts), COMMANDS,
                  st.lists(inner, min_size=1, max_size=3))
        | st.builds("{{{}}}".format, inner)
        | st.lists(inner, min_size=1, max_size=3).map(" ".join)
    ),
    max_leaves=12,
)  # fmt: skip


@given(latex=LATEX)
def test_no_word_of_an_argument_is_lost(latex: str) -> None:
    written = re.findall(r"(?<![\\a-zA-Z])[a-h]+", latex)
    assert re.findall(r"[a-h]{2,}", "".join(latex_to_text(latex).split())) or not written
    printed = latex_to_text(latex)
    position = 0
    for word in written:  # in order; a command may join words, but leaves out none
        position = printed.index(word, position) + len(word)


PIECES = st.sampled_from(
    [*"{}[]$~^_%&#", "\\", "\\'", '\\"', "\\c", "\\i", "\\(", "\\)", "\\[", "\\]", "$$", "--", "``", "\\begin{align}",
     "\\end{align}", "\\begin{itemize}", "\\href", "\\footnote", "\\textcolor", "\\frac", "\\sqrt", "\\input",
     "\\verb|", "\\url{", "\\SI", "\\kern1pt", "\\\\", "\\foo", " ", "x", "é", "\n", "\ud800"]
)  # fmt: skip


@settings(max_examples=500)
@given(text=st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=30))
@example(text="\\'\\'" * 200 + "e")
@example(text="\\'{" * 200 + "e")
def test_any_text_is_decoded(text: str) -> None:
    assert isinstance(latex_to_text(text), str)
    assert isinstance(latex_to_literal(text), str)


@pytest.mark.parametrize(
    "piece", ["{", "}", "\\'", "\\'{", "\\(", "\\[", "$", "$$", "\\begin{equation}", "\\url{", "\\verb|", "\\verb!",
              "\\footnote{", "\\frac", "\\foo[", "[", "\\$", "--", "\\foo{}", "\\ ", "\\", "{-}"]
)  # fmt: skip
def test_repetitions_take_linear_time(piece: str) -> None:
    started = time.process_time()
    latex_to_text(piece * (200_000 // len(piece)) + "x")
    latex_to_literal(piece * (200_000 // len(piece)) + "x")
    assert time.process_time() - started < 2
