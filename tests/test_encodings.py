"""Encodings: files are read in the one that they are in, and what was assumed is reported."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.sources.encoding import ENCODING_NAMES, SAMPLE_BYTES, detect_encoding
from search.papers.paper import Paper
from source_samples import WriteSource, read, read_papers, read_with_warnings

TITLES = {
    "cp1252": "Größe und Höhe der Bäume", "cp1250": "Wpływ temperatury na wzrost roślin",
    "cp1254": "Öğrencilerin başarısı", "cp1257": "Šio darbo tikslas yra poveikį", "cp850": "Größe und Höhe der Bäume",
    "mac_roman": "Étude des systèmes", "iso8859_2": "Źródła światła i ciepła", "cp1251": "Влияние температуры на рост",
    "koi8_r": "Влияние температуры", "cp866": "Влияние температуры на рост", "cp1253": "Επίδραση της θερμοκρασίας",
    "cp932": "表計算ソフトによる分析", "euc_jp": "日本語の研究について", "gb18030": "深度学习在自然语言处理中的应用",
    "big5": "溫度對植物生長之影響", "cp949": "온도가 식물 생장에 미치는 영향", "cp1256": "دراسة خصائص المواد",
    "cp1255": "השפעת הטמפרטורה על גידול צמחים מטרת העבודה הייתה לבחון את השפעת גורמים סביבתיים",
}  # fmt: skip
"""By encoding, a title in a language that is written in it."""
LIBRARIES = {
    "a.bib": "@article{{a, title = {{{title}}}, year = 2001}}\n",
    "a.ris": "TY  - JOUR\nTI  - {title}\nPY  - 2001\nER  - \n",
    "a.csv": "Title,Year\n{title},2001\n",
    "a.tsv": "Title\tYear\n{title}\t2001\n",
    "a.nbib": "PMID- 1\nTI  - {title}\nDP  - 2001\n",
    "a.json": '[{{"type": "article", "title": "{title}", "issued": {{"raw": "2001"}}}}]',
}


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("encoding", TITLES)
def test_the_encoding_is_detected_and_reported(write_source: WriteSource, encoding: str, name: str) -> None:
    title = TITLES[encoding]
    content = LIBRARIES[name].format(title=title)
    (paper,), warnings = read_with_warnings(write_source(name, content.encode(encoding)))
    assert isinstance(paper, Paper)
    assert paper.title == title
    (warning,) = warnings
    assert f"bytes that are not UTF-8 were read as {ENCODING_NAMES[encoding]}" in warning


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf_8_sig"])
def test_unicode_needs_no_warning(write_source: WriteSource, encoding: str, name: str) -> None:
    content = LIBRARIES[name].format(title="“Größe” – 深度 λ 🐝")
    (paper,), warnings = read_with_warnings(write_source(name, content.encode(encoding)))
    assert isinstance(paper, Paper)
    assert paper.title == "“Größe” – 深度 λ 🐝"
    assert warnings == []


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("It’s “why” – 5 €", "cp1252"),
        ("20°C ± 2 µm, m²", "cp1252"),
        ("Łukasiewicz, Józef; Wiśniewski, Michał", "cp1250"),
        ("Dvořák, Jiří; Šťastná, Kateřina", "cp1250"),
        ("különböző növények, Erdős Pál", "cp1250"),
        ("Þórðarson, Guðmundur", "cp1252"),
        ("Sørensen, Åse; Muñoz, José; Gonçalves, João", "cp1252"),
        ("Иванов, Иван", "cp1251"),
        ("Иванов, Иван", "koi8_r"),
        ("Study of ラーメン culture, 山田 太郎", "cp932"),
    ],
)
def test_names_of_one_script_tell_its_encodings_apart(text: str, encoding: str) -> None:
    sample = f"@article{{x, title = {{{text}}}}}".encode(encoding)
    assert sample.decode(detect_encoding(sample)) == sample.decode(encoding)


def test_damaged_utf8_stays_utf8(write_source: WriteSource) -> None:
    content = "title,note\nGröße und Höhe,ä\n".encode() + b"Gr\xf6\xdfe,x\n"
    (first, second), warnings = read_with_warnings(write_source("a.csv", content))
    assert [paper.title for paper in (first, second) if isinstance(paper, Paper)] == ["Größe und Höhe", "Größe"]
    assert any("read as Windows-1252" in warning and "0xF6" in warning for warning in warnings)


def test_undecodable_bytes_are_reported_with_the_assumed_encoding(write_source: WriteSource) -> None:
    good = "TY  - JOUR\nTI  - 深度学习在自然语言处理中的应用\nER  - \n".encode("gb18030")
    content = good * 1_000 + good.replace(b"\nER", b"\xff\xff\nER")
    (*_, paper), warnings = read_with_warnings(write_source("a.ris", content))
    assert isinstance(paper, Paper)
    assert paper.title == "深度学习在自然语言处理中的应用\ufffd\ufffd"
    assert "read as GB18030" in "\n".join(warnings)


def test_the_encoding_of_a_long_file_is_that_of_its_start(write_source: WriteSource) -> None:
    record = "TY  - JOUR\nTI  - Размер {}\nAB  - " + "слово " * 1_000 + "\nER  - \n"
    content = "".join(record.format(number) for number in range(300)).encode("cp1251")
    assert len(content) > SAMPLE_BYTES
    papers = read_papers(write_source("a.ris", content))
    assert [paper.title for paper in papers] == [f"Размер {number}" for number in range(300)]


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_decoded(write_source: WriteSource, content: bytes) -> None:
    content.decode(detect_encoding(content), "replace")
    for each in read(write_source("a.csv", b"title,note\n" + content), "csv"):
        assert str(each)
