"""The text of files: encodings, XML entities and long integers; nothing is lost or changed without a warning."""

import html
import json
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.errors import SourceError
from search.papers.paper import Paper
from source_mutations import SAMPLES
from source_samples import ACL, ATOM, PUBMED, WriteSource, read, read_papers, read_with_warnings

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
XML_SAMPLES = {"arxiv-atom": (ATOM, "We keep less"), "acl": (ACL, "We keep less"), "pubmed": (PUBMED, "Good.")}
"""By format: a valid file, and a text in the abstract of its first paper."""


@pytest.mark.parametrize("format_", SAMPLES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_papers_do_not_depend_on_the_encoding(tmp_path: Path, format_: str, encoding: str) -> None:
    content = SAMPLES[format_].replace("García", "Ångström").replace("Ada Byron", "Ada Býron").replace("keep", "“keep”")
    content = content.replace("Byron, Ada", "Býron, Ada").replace(
        "Second", "Śecond" if encoding != "cp1252" else "Sécond"
    )
    path = tmp_path / "file"
    path.write_bytes(content.encode("utf-8"))
    expected = read_papers(path)
    path.write_bytes(content.encode(encoding))
    found, warnings = read_with_warnings(path)
    assert found == expected
    found_warnings = [warning for warning in warnings if "bytes that are not UTF-8" in warning]
    assert len(found_warnings) == (encoding == "cp1252" and not content.isascii())
    assert all("read as Windows-1252" in warning for warning in found_warnings)


def test_a_warning_names_file_line_and_byte(write_source: WriteSource) -> None:
    path = write_source(
        "a.bib", "@misc{a, title = {Über}}\n@misc{b,\n title = {Über\n die Straße}}\n".encode("latin-1")
    )
    found, warnings = read_with_warnings(path)
    assert [paper.title for paper in found if isinstance(paper, Paper)] == ["Über", "Über die Straße"]
    assert warnings == [
        f"{path}:1: bytes that are not UTF-8 were read as Windows-1252; if the text is wrong, convert the file to "
        "UTF-8 (first 0xDC; 3 in the file)"
    ]


def test_valid_utf8_next_to_other_bytes_stays(write_source: WriteSource) -> None:
    path = write_source("a.jsonl", '{"title": "Über 深"}\n'.encode() + b'{"title": "\xdcber \x80 \xe6\xb7\xb1"}\n')
    found, warnings = read_with_warnings(path)
    assert [paper.title for paper in found if isinstance(paper, Paper)] == ["Über 深", "Über € 深"]
    assert [warning.split(": ")[0] for warning in warnings] == [f"{path}:2"]


WORDS = st.sampled_from(
    ["Größe", "Käse", "Ähnlichkeit", "Lefèvre", "cœur", "Étude", "São", "Gonçalves", "Muñoz", "García", "Ångström",
     "Sørensen", "Guðmundur", "Façade", "plain", "a", "m²", "20°C", "“quoted”", "it’s", "5€", "«non»"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=12).map(" ".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_words_of_western_languages_are_read_from_windows_1252(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f'title,note\n"A {text}",b\n'.encode("cp1252"))
    (paper,), warnings = read_with_warnings(path)
    assert isinstance(paper, Paper)
    assert paper.title == f"A {text}".strip()
    assert any("Windows-1252" in warning for warning in warnings) != text.isascii()


def test_invalid_utf16_is_replaced_with_a_warning(write_source: WriteSource) -> None:
    content = "title,note\nA,b\n".encode("utf-16") + b"\x00\xd8" + "B,c\n".encode("utf-16-le")
    found, warnings = read_with_warnings(write_source("a.csv", content))
    assert [paper.title for paper in found if isinstance(paper, Paper)] == ["A", "\ufffdB"]
    assert "not UTF-16" in "\n".join(warnings)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "Shift_JIS", "GB18030", "koi8-r"])
def test_xml_may_declare_its_encoding(write_source: WriteSource, encoding: str) -> None:
    text = {"Shift_JIS": "表現", "GB18030": "深度", "koi8-r": "кэш"}.get(encoding, "Straße")
    content = ATOM.replace("utf-8", encoding).replace("We keep", text).replace("José García", "Ada")
    (paper,) = read_papers(write_source("feed", content.encode(encoding)))
    assert paper.abstract == f"{text} less and lose little."


def test_an_unknown_declared_encoding_is_named(write_source: WriteSource) -> None:
    (error,) = read(write_source("feed", ATOM.replace("utf-8", "punycode")))
    assert "the encoding 'punycode' is not supported" in str(error)


DECLARATIONS = '<!ENTITY own "Own &amp; &lt;name>"><!ENTITY outer "(&own;)"><!ENTITY eacute "E">'
ENTITIES = ("eacute", "alpha", "NotEqualTilde", "nbsp", "amp", "lt", "own", "outer", "foo", "b-7", "LT")
ENTITY_TEXTS = st.lists(st.sampled_from([f"&{name};" for name in ENTITIES] + ["caf", " ", "<!-- &foo; -->", "&#233;",
    "<![CDATA[&eacute; <i>]]>"]), max_size=12)  # fmt: skip


def expect_text(piece: str, is_declared: bool) -> str:
    declared = {"&eacute;": "E", "&own;": "Own & <name>", "&outer;": "(Own & <name>)"}
    if piece.startswith("<"):
        return "é <i>" if "CDATA" in piece else ""
    return declared[piece] if is_declared and piece in declared else html.unescape(piece)


@pytest.mark.parametrize(
    "doctype", ["", "<!DOCTYPE r [{}]>", '<!DOCTYPE r PUBLIC "-//NLM//DTD" "https://x.org/x.dtd" [{}]>']
)
@pytest.mark.parametrize("format_", XML_SAMPLES)
@given(pieces=ENTITY_TEXTS, padding=st.sampled_from([0, 65_000, 65_300, 131_000]), shift=st.integers(0, 300))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_lost_at_entities(
    tmp_path: Path, format_: str, doctype: str, pieces: list[str], padding: int, shift: int
) -> None:
    sample, place = XML_SAMPLES[format_]
    body = sample[sample.index("<", sample.index("?>")) :].partition('x.dtd">\n')[2] or sample[sample.index("?>") + 2 :]
    comment = f"<!--{'x' * (padding + shift)}-->"
    path = tmp_path / "file.xml"
    path.write_text(doctype.format(DECLARATIONS) + body.replace(place, comment + "".join(pieces) + place), "utf-8")
    found, warnings = read_with_warnings(path, format_)
    assert isinstance(found[0], Paper), found[0]
    expected = "".join(expect_text(piece, bool(doctype)) for piece in pieces)
    assert " ".join(f"{expected}{place}".split()) in (found[0].abstract or "").replace("BACKGROUND: We keep less. ", "")
    names = {"&foo;", "&b-7;"} | (set() if doctype else {"&own;", "&outer;"})
    assert len(warnings) == any(piece in names for piece in pieces)
    assert all("entities that the file does not declare" in warning for warning in warnings)


def test_an_unknown_entity_is_named_with_its_line(write_source: WriteSource) -> None:
    path = write_source("feed", ATOM.replace("We keep", "\n\n&foo; &bar; &eacute; We keep"))
    (paper,), warnings = read_with_warnings(path)
    assert isinstance(paper, Paper)
    assert (paper.abstract or "").startswith("&foo; &bar; é We keep less")
    line = ATOM[: ATOM.index("We keep")].count("\n") + 3
    assert warnings == [
        f"{path}:{line}: references to entities that the file does not declare were kept as text "
        "(first &foo;; 2 in the file)"
    ]


@pytest.mark.parametrize("lines", [0, 3, 70_000])
@pytest.mark.parametrize("format_", XML_SAMPLES)
@pytest.mark.parametrize("wrong", ["<x></y>", "&#0;", "<", "<x a=b>", "&#;", "\x01"])
def test_xml_errors_name_the_line(write_source: WriteSource, format_: str, lines: int, wrong: str) -> None:
    sample, _ = XML_SAMPLES[format_]
    end = sample.rindex("</", 0, sample.rindex("</"))
    before = sample[:end] + "\n" * lines
    *papers, error = read(write_source("file.xml", before + wrong + sample[end:]), format_)
    assert isinstance(error, SourceError)
    assert error.line == before.count("\n") + 1
    assert error.reason.startswith("not well-formed XML")
    assert all(isinstance(paper, Paper) for paper in papers)


def test_entities_of_a_billion_characters_are_refused(write_source: WriteSource) -> None:
    bomb = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10 if n else "boom" * 25}">' for n in range(10))
    feed = ATOM.replace("?>", f"?><!DOCTYPE feed [{bomb}]>", 1).replace("We keep less", "&b9; We keep less")
    (error,) = read(write_source("feed", feed))
    assert isinstance(error, SourceError)
    assert "amplification" in error.reason


INTEGERS = st.integers(-(2**70), 2**70) | st.sampled_from([2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**30])


@given(number=INTEGERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_integer_loses_digits(tmp_path: Path, number: int) -> None:
    expected = number if -(2**63) <= number < 2**64 else str(number)
    extra = {"n": number, "list": [number, 0.5, {"deep": number}]}
    kept = {"n": expected, "list": [expected, 0.5, {"deep": expected}]}
    text = json.dumps(extra)
    cell = text.replace('"', '""')
    for name, content in (
        ("a.jsonl", json.dumps({"title": "A", "extra": extra})),
        ("b.jsonl", json.dumps({"title": "A", **extra})),
        ("a.json", json.dumps([{"type": "article", "title": "A", "issued": {}, "custom": {"extra": extra}}])),
        ("a.csv", f'title,extra\nA,"{cell}"\n'),
        ("a.ris", f"TY  - JOUR\nTI  - A\nN1  - extra: {text}\nER  - \n"),
    ):
        path = tmp_path / name
        path.write_text(content, "utf-8")
        (paper,) = read_papers(path)
        assert paper.extra.get("n", 0) == expected
        assert name == "b.jsonl" or paper.extra["list"] == kept["list"]
        assert all(not isinstance(value, float) for value in paper.extra.values())


def test_extra_fields_are_not_nested_without_end(write_source: WriteSource) -> None:
    lines = (json.dumps({"title": "A", "extra": {"x": json.loads("[" * n + "]" * n)}}) for n in (20, 200, 900))
    good, *errors = read(write_source("a.jsonl", "\n".join(lines)))
    assert isinstance(good, Paper)
    assert all(isinstance(error, SourceError) and "nested" in error.reason for error in errors)
    assert len(errors) == 2


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"Bees \href{https://example.org/b}{and hives}", "Bees and hives"),
        (r"\textcolor{red}{a {B} c}", "a B c"),
        (r"see \input file", "see file"),
        (r"A \verb", "A"),
        (r"A\footnote{see {\em x}}", "A (see x)"),
    ],
)
def test_commands_that_cannot_be_decoded_keep_their_text(write_source: WriteSource, latex: str, text: str) -> None:
    (paper,) = read_papers(write_source("a.bib", f"@misc{{a,\n title = {{{latex}}}\n}}\n"))
    assert paper.title == text


@pytest.mark.parametrize(
    ("format_", "part", "impossible"),
    [
        ("arxiv-snapshot", "4 Jan 1999", "4 Jan 199999"),
        ("ris", "PY  - 2024\nDA  - 2024/03/02/", "PY  - 0000"),
        ("bibtex", "year = 1999", "year = 0000"),
        ("nbib", "2018 Jan", "0000 Jan"),
        ("csl-json", '"raw": "2023-05"', '"raw": "0000-05"'),
        ("arxiv-atom", "2401.00001v3", "2401.00001v" + "9" * 5_000),
        ("semantic-scholar", '"ArXiv": "2401.00001"', '"ArXiv": "2401.00001v99999999999999999999"'),
    ],
)
def test_impossible_numbers_do_not_spoil_the_index(
    write_source: WriteSource, format_: str, part: str, impossible: str
) -> None:
    assert part in SAMPLES[format_]
    for paper in read_papers(write_source("file", SAMPLES[format_].replace(part, impossible)), format_):
        assert Paper.from_json(json.loads(orjson.dumps(paper.to_json()))) == paper


TEX_TEXTS = {
    r"On H\"older spaces and Erd\H{o}s \& R\'enyi": "On Hölder spaces and Erdős & Rényi",
    r"\emph{Graphs} of {\bf Poincar\'{e}} with $x<y$": "Graphs of Poincaré with $x<y$",
    r"A 10\% gain at \url{https://example.org/a_b}": "A 10% gain at https://example.org/a_b",
}
TEXTS_WITHOUT_COMMANDS = (
    r"Only $\alpha$ and $\frac{a}{b}$ in {a, b}",
    r"From $5 to $6 -- in C:\users",
    "``Quoted'' ~ and \\",
    r"\unknown{kept}",
)


@pytest.mark.parametrize("latex", [*TEX_TEXTS, *TEXTS_WITHOUT_COMMANDS])
def test_commands_of_latex_are_text_in_every_format(write_source: WriteSource, latex: str) -> None:
    text = TEX_TEXTS.get(latex, latex)
    record = {"title": latex, "abstract": f"We study it: {latex}", "authors": [r"Paul Erd\H{o}s", "Jane Doe"]}
    snapshot = {"id": "2401.00001", "authors_parsed": [[r"Erd\H{o}s", "Paul", ""], ["Doe", "Jane", ""]]}
    for path in (
        write_source("papers.jsonl", json.dumps(record)),
        write_source("snapshot.jsonl", json.dumps({**record, **snapshot, "authors": r"Paul Erd\H{o}s and Jane Doe"})),
        write_source(
            "papers.ris",
            f"TY  - JOUR\nTI  - {latex}\nAB  - We study it: {latex}\n"
            "AU  - Erd\\H{o}s, Paul\nAU  - Doe, Jane\nER  -\n",
        ),
    ):
        (paper,) = read_papers(path)
        assert (paper.title, paper.abstract) == (text, f"We study it: {text}")
        assert paper.authors == ("Paul Erdős", "Jane Doe")


@pytest.mark.parametrize(
    "text",
    [
        "[No abstract available]",
        "No abstract.",
        "Abstract not available",
        "The abstract is missing for this paper.",
        "nan",
        "N/A",
    ],
)
def test_a_text_that_says_there_is_no_abstract_is_none(write_source: WriteSource, text: str) -> None:
    (paper,) = read_papers(write_source("papers.jsonl", json.dumps({"title": "Bees", "abstract": text})))
    assert paper.abstract is None


@pytest.mark.parametrize(
    "text", ["No abstract argument is needed.", "This paper has been withdrawn.", "Abstract nonsense."]
)
def test_other_short_abstracts_are_read(write_source: WriteSource, text: str) -> None:
    (paper,) = read_papers(write_source("papers.jsonl", json.dumps({"title": "Bees", "abstract": text})))
    assert paper.abstract == text


@pytest.mark.parametrize(
    ("name", "expected"),
    [("C. -P. Yuan", "C.-P. Yuan"), ("Y. -T. S. Chang", "Y.-T. S. Chang"), ("Ada -B. Roe", "Ada -B. Roe")],
)
def test_the_hyphen_between_initials_has_no_space(write_source: WriteSource, name: str, expected: str) -> None:
    (paper,) = read_papers(write_source("papers.jsonl", json.dumps({"title": "Bees", "authors": [name]})))
    assert paper.authors == (expected,)


def test_lines_of_extra_have_no_breaks(write_source: WriteSource) -> None:
    record = {
        "title": "Bees",
        "extra": {"comment": "12 pages,\n  2 figures", "note": "A: 1\nB: 2", "keywords": ["a\nb"]},
    }
    (paper,) = read_papers(write_source("papers.jsonl", json.dumps(record)))
    assert paper.extra == {"comment": "12 pages, 2 figures", "note": "A: 1\nB: 2", "keywords": ["a b"]}
