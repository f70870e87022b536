"""BibTeX exports typeset as text: no command of a paper reaches TeX but those that print mathematics."""

import re
from collections.abc import Iterator

import bibtexparser
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exports import exported_fields, make_page, read_export, read_sample
from indexer.sources.placeholders import is_placeholder
from search.papers.folding import normalize_whitespace
from search.papers.paper import Paper
from service import formats
from service.formats.latex_math import COMMANDS, ENVIRONMENTS

DANGEROUS = frozenset(
    """input include includeonly openin openout read readline write write18 immediate special directlua latelua
    luadirect luaexec csname endcsname catcode lccode uccode mathcode def edef gdef xdef let futurelet global
    newcommand renewcommand providecommand newenvironment DeclareMathOperator usepackage RequirePackage
    documentclass lstinputlisting verbatiminput VerbatimInput inputminted includegraphics includepdf pdfximage
    pdfobj file href url hyperref expandafter noexpand string meaning jobname scantokens lowercase uppercase
    romannumeral active verb everypar everymath aftergroup afterassignment output shipout dump end endinput endgroup
    begingroup newwrite typein typeout message errmessage ShellEscape pdfshellescape filecontents bibliography
    InputIfFileExists IfFileExists @input @@input makeatletter char mathchar unicode require label ref cite footnote
    item loop repeat""".split()  # noqa: SIM905
)
FRAGMENTS = st.sampled_from(
    [*(f"\\{name}" for name in ("input", "INPUT", "Input", "write18", "csname", "def", "begin", "end", "alpha", "in",
     "i", "frac", "text", "left", "@@input", "immediate")), "{input}", "{array}", "{/etc/passwd}", "{id}", "{", "}",
     "\\", "^^", "^^5c", "^^5Cinput ", "^^M", "^", "%", "#", "$", "\\$", "\\(", "\\)", "\\\\", "\\%", "\\{", "put",
     "x", " ", "é", "θ", "~", "&", "_", "\x0c", "\x7f", "--", "`", "'"]
)  # fmt: skip
FORMULAS = st.lists(FRAGMENTS, max_size=6).map("".join)
TEXTS = (
    st.lists(FRAGMENTS | FORMULAS.map("${}$".format) | FORMULAS.map("\\({}\\)".format), min_size=1, max_size=5)
    .map("".join)
    .map(normalize_whitespace)
    .filter(lambda text: bool(text.strip("\x0c\x7f ")) and not is_placeholder(text))
)
ATTACKS = (
    r"$\input{/etc/passwd}$",
    r"$\immediate\write18{id}$",
    r"\(\input{/etc/passwd}\)",
    r"$x^^5cinput{/etc/passwd}$",
    r"$\^^5cinput{/etc/passwd}$",
    r"$\begin{input}{/etc/passwd}\end{input}$",
    r"$\csname in\endcsname put$",
    r"$\INPUT{/etc/passwd}$",
    r"$x %$ \input{/etc/passwd}",
    r"$\text{\lstinputlisting{/etc/passwd}}$",
    r"$\href{run:id}{x}$",
    r"\input{/etc/passwd}",
)


def commands(latex: str) -> Iterator[str]:
    """Yields the commands that TeX sees, as ``\begin{name}`` if they begin or end an environment."""
    while (decoded := re.sub(r"\^\^(?:([0-9a-f]{2})|(.))", _decode_superscripts, latex)) != latex:
        latex = decoded
    for match in re.finditer(r"\\(?:(begin|end)\s*\{([^}]*)\}|([A-Za-z@]+)|(.|$))", latex, re.DOTALL):
        yield f"\\{match[1]}{{{match[2]}}}" if match[1] else match[3] or match[4]


def _decode_superscripts(match: re.Match[str]) -> str:
    code = int(match[1], 16) if match[1] else ord(match[2])
    return chr(code if match[1] else code ^ 64)


def exported_texts(paper: Paper) -> dict[str, str]:
    (entry,) = bibtexparser.parse_string(formats.render_paper("bibtex", paper).decode()).entries
    return {name: field.value for name, field in entry.fields_dict.items()}


def assert_harmless(latex: str) -> None:
    allowed = COMMANDS | {"textbackslash", "textbraceleft", "textbraceright"}
    environments = {f"\\{end}{{{name}}}" for end in ("begin", "end") for name in ENVIRONMENTS}
    seen = set(commands(latex))
    assert not DANGEROUS & {name.lower() for name in seen}
    assert {name for name in seen if len(name) > 1} <= allowed | environments
    assert not re.search(r"(?<!\\)(?:\\\\)*%", latex)


@pytest.mark.parametrize("text", ATTACKS)
def test_no_command_reads_writes_or_runs(text: str) -> None:
    paper = Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/x^^5cinput"),
        title=text,
        abstract=f"We find {text} here.",
        authors=(f"Ada {text}", f"{text} Team"),
        categories=("cs.CL",),
        url=f"https://example.org/{text.replace(' ', '')}",
        extra={"journal": text, "comment": text, "keywords": [text], "other": text},
    )
    fields = exported_texts(paper)
    for name in fields.keys() - {"url"}:
        assert_harmless(fields[name])
    assert not set("\\^{}") & set(fields["url"])
    assert "doi" not in fields
    (restored,) = read_export(formats.render_paper("bibtex", paper))[1]
    assert (restored.title, restored.abstract, restored.ids) == (paper.title, paper.abstract, paper.ids)
    assert restored.extra == paper.extra


@settings(deadline=None, max_examples=400)
@given(TEXTS, TEXTS)
@example("$\\in^^5cput$", "$\\begin {input}{x}$")
def test_any_text_is_harmless_and_survives(title: str, abstract: str) -> None:
    paper = Paper(ids=("arxiv:2401.00001",), title=title, abstract=abstract)
    fields = exported_texts(paper)
    assert_harmless(fields["title"])
    assert_harmless(fields["abstract"])
    (restored,) = read_export(formats.render_page("bibtex", make_page([paper])))[1]
    assert (restored.title, restored.abstract) == (title, abstract)


def test_no_allowed_command_is_dangerous_even_in_lower_case_or_cut_short() -> None:
    assert not DANGEROUS & {name.lower() for name in COMMANDS}
    assert not [name for name in COMMANDS for danger in DANGEROUS - {"end"} if name.startswith(danger)]
    assert not DANGEROUS & {prefix + name for prefix in ("", "end") for name in ENVIRONMENTS}


@pytest.mark.parametrize(
    "formula",
    [
        r"$O(n \log n)$",
        r"$\mathcal{N}(\mu, \sigma^2)$",
        r"$\sim 10^{-3}\,\mathrm{M}_\odot$",
        r"$99.5\%$",
        r"\(\left\| x \right\|_2 \leq \epsilon\)",
        r"$\hatβ$",
        r"$\begin{pmatrix} a & b \\ c & d \end{pmatrix}$",
        r"$\text{if } x \in \mathbb{R}$",
    ],
)
def test_ordinary_mathematics_is_exported_unchanged(formula: str) -> None:
    assert exported_texts(Paper(ids=("arxiv:2401.00001",), title="A", abstract=f"Of {formula}."))["abstract"] == (
        f"Of {formula}."
    )


def test_mathematics_of_the_sample_is_exported_unchanged() -> None:
    for paper in read_sample():
        abstract = exported_texts(paper)["abstract"]
        formulas = re.findall(r"(?<!\\)\$[^$%]+\$", paper.abstract or "")
        assert [each for each in formulas if each not in abstract] == []
        assert exported_fields(paper, "bibtex").abstract == paper.abstract
