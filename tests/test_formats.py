"""Formats: what we write, other programs read where they expect it, and we read back as the same papers."""

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import bibtexparser
import pytest
import rispy
from bibtexparser.middlewares import LatexDecodingMiddleware, SeparateCoAuthors, SplitNameParts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from indexer import sources
from indexer.identity import ensure_id
from indexer.sources.file import SourceFile
from indexer.sources.record import Draft
from search.errors import InvalidValue, SourceError
from search.papers.folding import normalize_whitespace, put_given_name_first
from search.papers.paper import Date, Json, Paper
from search.query.page import Explanation, Highlights, Hit, LegMatch, Page, Span
from service import formats
from service.api.schemas import HitOut
from service.formats import FORMATS, HIT_FIELDS, MEDIA_TYPES, Format, RenderOptions
from service.formats.citation import citation_keys
from service.formats.person import Person
from service.formats.render import hit_json, paper_url

ROOT = Path(__file__).parent.parent
AS_OF = date(2026, 6, 15)
ROUND_TRIP_FORMATS: tuple[Format, ...] = ("bibtex", "ris", "csl-json", "csv", "ndjson")
READERS = {"bibtex": "bibtex", "ris": "ris", "csl-json": "csl-json", "csv": "csv", "ndjson": "jsonl"}
ATOM = "{http://www.w3.org/2005/Atom}"


def make_page(papers: Sequence[Paper]) -> Page:
    hits = tuple(
        Hit(paper, -0.25, LegMatch(1, 0.5), None, band="weak", highlights=Highlights((Span(0, 1),))) for paper in papers
    )
    return Page(hits, len(hits), True, 1.0, "gen-000001", Explanation("rows", 0, 0, ()), interpretation="every paper")


def read_export(content: bytes) -> tuple[str, list[Paper]]:
    """What our own sources make of a file, told by its content alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        path.write_bytes(content)
        file = SourceFile(path, AS_OF)
        found = list(sources.read(file))
    assert [each for each in found if isinstance(each, SourceError)] == []
    return file.format, [each for each in found if isinstance(each, Paper)]


def exported_fields(paper: Paper, name: Format) -> Paper:
    """What a format keeps of a paper (docs/formats.md)."""
    names = paper.authors if name == "ndjson" else tuple(dict.fromkeys(map(put_given_name_first, paper.authors)))
    return replace(paper, authors=names, url=paper_url(paper), sources=())


def read_sample() -> list[Paper]:
    found = sources.read(SourceFile(ROOT / "data" / "sample.jsonl", AS_OF))
    return [ensure_id(each) for each in found if isinstance(each, Paper)]


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
def test_the_sample_is_written_and_read_back_whole(name: Format) -> None:
    papers = read_sample()
    told, back = read_export(formats.render_page(name, make_page(papers)))
    assert told == READERS[name]
    assert [replace(each, sources=()) for each in back] == [exported_fields(paper, name) for paper in papers]


WORDS = st.sampled_from(
    ["KV", "cache", "PA&DA:", "50%", "a_b", "#1", "~5", "x^2", "{", "}", "{KV}", "\\textit{x}", "\\", "\\'e", "$O(n)$",
     "$\\{x$", "$x", "\\$5", "$\\alpha_{i}$", "\\(a_1\\)", "--", "---", "``q''", '"q"', "'", "`", "<b>", "]]>", "&amp;",
     "@misc{x,", "TY  - JOUR", "ER  -", "and", "others", "=1+1", "+1", "-1", "@x", "'=1", ";", ",", "é", "Müller", "李",
     "∂", "\u2014", "\u201cq\u201d", "…", "ø", "\U0001d54f", "%", "n\u0303"]
)  # fmt: skip
TEXTS = (
    st.lists(WORDS | st.text(max_size=6), min_size=1, max_size=8).map(" ".join).map(normalize_whitespace).filter(bool)
)
NAMES = st.one_of(
    st.sampled_from(
        ["Ada Byron", "José García Márquez", "Ludwig van Beethoven", "Rens van de Schoot", "Martin L. King Jr.", "李明",
         "Santiago Ramón y Cajal", "OneRec Team", "The ATLAS Collaboration", "Simon and Schuster", "Plato", "others",
         "Byron, Ada", "King, Jr., Martin", "García-Bellido, Antonio", "Chao-Lin Liu", "J.-P. O'Brien", "DeepSeek-AI",
         "Max Müller", "B. A. {Braces}", "Smith & Sons", "A; B", "Nguyễn Văn A", "et al."]
    ),
    TEXTS.filter(lambda text: "," not in text),
)  # fmt: skip
DATES = st.builds(Date, st.integers(1000, 2100), st.integers(1, 12), st.integers(1, 28)) | st.builds(
    Date, st.integers(1900, 2100), st.integers(0, 12)
)
IDS = st.lists(
    st.sampled_from(["2401.00001v3", "2401.00002", "hep-th/9901001", "10.1000/XYZ.1",
                     "10.1002/(SICI)1<1::AID-1>3.0.CO;2-#", "pmid:123", "acl:2022.acl-long.1", "h:0123456789ab",
                     "10.1000/{x"]),
    min_size=1, max_size=4, unique=True,
)  # fmt: skip
URLS = st.none() | st.sampled_from(
    [
        "https://arxiv.org/abs/2401.00009v2",
        "https://x.org/a;b?c=1&d=%20#e_f~g",
        "http://aclanthology.org/2022.acl-long.1/",
    ]
)
JSON: st.SearchStrategy[Json] = st.recursive(
    TEXTS | st.integers(1, 10**9) | st.floats(0.25, 99) | st.just(True),
    lambda inner: st.lists(inner, min_size=1, max_size=2) | st.dictionaries(TEXTS, inner, min_size=1, max_size=2),
    max_leaves=4,
)
EXTRA = st.fixed_dictionaries(
    {},
    optional={
        "journal": TEXTS, "comment": TEXTS | JSON, "pages": st.sampled_from(["1-9", "e12", "1 - 9", "i--x", "3-"]),
        "keywords": st.lists(TEXTS, min_size=1, max_size=3), "citations": st.integers(1, 99), "affiliation": TEXTS,
        "other": JSON, "score": st.floats(1, 99),
    },
)  # fmt: skip


@st.composite
def papers(draw: st.DrawFn) -> Paper:
    """As a source reads one, so that it is as an index can hold it."""
    title, abstract = draw(st.none() | TEXTS), draw(TEXTS)
    drawn = Draft("", draw(IDS), title, abstract, draw(st.lists(NAMES, max_size=4)), draw(st.booleans()))
    drawn.published, drawn.updated = draw(st.none() | DATES), draw(st.none() | DATES)
    drawn.categories = draw(st.lists(st.sampled_from(["cs.CL", "hep-th", "astro-ph.GA"]), unique=True))
    drawn.url, drawn.extra = draw(URLS), draw(EXTRA)
    drawn.version = draw(st.none() | st.integers(1, 9))
    return drawn.to_paper()


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
@example(
    drawn=[
        Paper(ids=("arxiv:2401.00001",), abstract="KV", authors=("% KV", "A % KV", "{ KV", "KV & Co", "KV % PA&DA:"))
    ]
)
@given(drawn=st.lists(papers(), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_papers_are_written_and_read_back_whole(name: Format, drawn: list[Paper]) -> None:
    told, back = read_export(formats.render_page(name, make_page(drawn)))
    assert told == READERS[name]
    assert [replace(each, sources=()) for each in back] == [exported_fields(paper, name) for paper in drawn]
    listed = replace(make_page(drawn), hits=tuple(Hit(paper, 0.0) for paper in drawn))
    assert read_export(formats.render_page(name, listed))[1] == back
    (alone,) = read_export(formats.render_paper(name, drawn[0]))[1]
    assert replace(alone, sources=()) == exported_fields(drawn[0], name)


@given(drawn=st.lists(papers(), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_bibtexparser_reads_every_entry_where_a_reader_looks_for_it(drawn: list[Paper]) -> None:
    library = bibtexparser.parse_string(formats.render_page("bibtex", make_page(drawn)).decode())
    assert not library.failed_blocks
    assert [entry.key for entry in library.entries] == citation_keys(drawn)
    for entry, paper in zip(library.entries, drawn, strict=True):
        fields = {name: field.value for name, field in entry.fields_dict.items()}
        if paper.published:
            assert fields["year"] == f"{paper.published.year:04}"
            assert ("month" in fields) == bool(paper.published.month)
        arxiv = [each for each in paper.ids if each.startswith("arxiv:")]
        if arxiv:
            assert (fields["eprint"], fields["archiveprefix"]) == (arxiv[0].removeprefix("arxiv:"), "arXiv")
            assert fields.get("primaryclass", "") == "".join(paper.categories[:1])
        assert all(value.count("{") == value.count("}") for value in fields.values())  # as BibTeX itself counts


def test_bibtexparser_decodes_what_we_escape() -> None:
    paper = Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/a_b"),
        title="PA&DA: 50% of {KV} caches_for $O(n_1)$ on ImageNet",
        authors=("José García Márquez", "Ludwig van Beethoven", "Martin King Jr.", "OneRec Team"),
        authors_partial=True,
        published=Date(2024, 3, 2),
    )
    content = formats.render_paper("bibtex", paper).decode()
    assert "title = {{PA\\&DA:} 50\\% of \\{KV\\} caches\\_for $O(n_1)$ on {ImageNet}}" in content
    middleware = [SeparateCoAuthors(), SplitNameParts()]
    (entry,) = bibtexparser.parse_string(content, append_middleware=middleware).entries
    fields = entry.fields_dict
    assert fields["doi"].value == "10.1000/a_b"
    (decoded,) = bibtexparser.parse_string(content, append_middleware=[LatexDecodingMiddleware()]).entries
    assert decoded["title"] == paper.title
    assert [(" ".join(each.first), " ".join(each.von), " ".join(each.last)) for each in fields["author"].value] == [
        ("José", "", "García Márquez"),
        ("Ludwig", "van", "Beethoven"),
        ("Martin", "", "King"),
        ("", "", "{OneRec Team}"),
        ("", "", "others"),
    ]


@given(drawn=st.lists(papers(), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_rispy_reads_every_reference_where_a_reader_looks_for_it(drawn: list[Paper]) -> None:
    references = rispy.loads(formats.render_page("ris", make_page(drawn)).decode())
    assert [each["id"] for each in references] == citation_keys(drawn)
    for reference, paper in zip(references, drawn, strict=True):
        assert reference.get("title") == paper.title
        assert reference.get("abstract") == paper.abstract
        assert reference.get("authors", []) == [Person.parse(name).inverted for name in paper.authors]
        if paper.published:
            year, month, day, _ = reference["date"].split("/")
            assert (int(year), int(month or 0), int(day or 0)) == (
                paper.published.year, paper.published.month, paper.published.day,
            )  # fmt: skip
        dois = [each.removeprefix("doi:") for each in paper.ids if each.startswith("doi:")]
        assert reference.get("doi") == next(iter(dois), None)


@pytest.mark.parametrize(
    ("name", "inverted"),
    [
        ("Ada Byron", "Byron, Ada"),
        ("José García Márquez", "García Márquez, José"),
        ("Ludwig van Beethoven", "van Beethoven, Ludwig"),
        ("Rens van de Schoot", "van de Schoot, Rens"),
        ("Martin L. King Jr.", "King, Jr., Martin L."),
        ("Byron, Ada", "Byron, Ada"),
        ("Santiago Ramón y Cajal", "Ramón y Cajal, Santiago"),
        ("OneRec Team", "OneRec Team"),
        ("The ATLAS Collaboration", "The ATLAS Collaboration"),
        ("Simon and Schuster", "Simon and Schuster"),
        ("李明", "李明"),
        ("Plato", "Plato"),
    ],
)
def test_names_are_inverted_by_their_family_name(name: str, inverted: str) -> None:
    assert Person.parse(name).inverted == inverted


def test_a_citation_key_is_the_papers_own_whatever_it_is_exported_with() -> None:
    papers = read_sample()
    alone = [citation_keys([paper])[0] for paper in papers]
    assert citation_keys(papers) == alone == citation_keys(papers[::-1])[::-1]
    assert len(set(alone)) == len(alone)
    assert all(key.isascii() and key == key.lower() and " " not in key for key in alone)
    named = dict(zip([paper.id for paper in papers], alone, strict=True))
    assert named["arxiv:2412.14838"].startswith("zhou2024dynamickv-")


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''+x", "＝1", '=HYPERLINK("x";"y")'])
def test_no_csv_cell_is_a_formula_and_titles_round_trip(title: str) -> None:
    paper = Paper(ids=("arxiv:2401.00001",), title=title, abstract="-", authors=("=cmd", "-x"))
    content = formats.render_page("csv", make_page([paper]))
    (row,) = csv.DictReader(io.StringIO(content.decode()))
    assert not any(cell[:1] in tuple("=+-@\t\r＝＋－＠") for name, cell in row.items() if name != "score")
    assert all(part.startswith('"') for part in content.decode().splitlines()[1].split(",")[:3])
    (back,) = read_export(content)[1]
    assert (back.title, back.abstract, back.authors) == (paper.title, paper.abstract, paper.authors)


@given(drawn=st.lists(papers(), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_page_is_an_atom_feed_by_its_rules(drawn: list[Paper]) -> None:
    wanted = RenderOptions(
        feed_key="x",
        self_url="http://h/v1/search?q=%3C&format=atom",
        next_url="http://h/?cursor=b",
        html_url="http://h/",
    )
    feed = etree.fromstring(formats.render_page("atom", make_page(drawn), wanted))
    assert feed.tag == f"{ATOM}feed"
    assert {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")} == {
        "self": wanted.self_url, "next": wanted.next_url, "alternate": wanted.html_url,
    }  # fmt: skip
    entries = feed.findall(f"{ATOM}entry")
    stamps = [entry.findtext(f"{ATOM}updated") for entry in entries]
    assert feed.findtext(f"{ATOM}updated") == max(map(str, stamps))
    assert formats.render_page("atom", make_page(drawn), wanted) == formats.render_page(
        "atom", make_page(drawn), wanted
    )
    for entry, paper in zip(entries, drawn, strict=True):
        for name in ("id", "title", "updated"):
            assert len(entry.findall(f"{ATOM}{name}")) == 1
        assert (entry.findtext(f"{ATOM}id") or "").startswith(("https://", "urn:uuid:"))
        assert [each.findtext(f"{ATOM}name") for each in entry.findall(f"{ATOM}author")] == list(paper.authors)
        assert [each.get("term") for each in entry.findall(f"{ATOM}category")] == list(paper.categories)
        assert len(entry.findall(f"{ATOM}content") + entry.findall(f"{ATOM}link")) >= 1
        text = entry.findtext(f"{ATOM}summary") or entry.findtext(f"{ATOM}content") or ""
        assert text == (paper.abstract or "")
        if paper.published:
            assert (entry.findtext(f"{ATOM}published") or "").startswith(str(paper.published))
    told, back = read_export(formats.render_page("atom", make_page(drawn)))
    assert (told, [each.authors for each in back]) == ("arxiv-atom", [paper.authors for paper in drawn])


def test_what_xml_cannot_hold_is_dropped_and_what_it_can_is_escaped() -> None:
    paper = Paper(ids=("h:0123456789ab",), title="a\x00\x1b<b>&\ufffe", abstract="]]>\x0c", authors=("<i>",))
    entry = etree.fromstring(formats.render_paper("atom", paper)).find(f"{ATOM}entry")
    assert entry is not None
    assert [entry.findtext(f"{ATOM}{name}") for name in ("title", "content", "author/{*}name")] == [
        "a<b>&",
        "]]>",
        "<i>",
    ]


def test_fields_are_projected_in_the_order_asked_for() -> None:
    page = make_page(read_sample()[:2])
    wanted = RenderOptions(formats.parse_fields("title, score,id", "json"))
    whole = [hit_json(hit) for hit in page.hits]
    some = [{name: hit[name] for name in ("title", "score", "id")} for hit in whole]
    assert json.loads(formats.render_page("json", page, wanted))["hits"] == some
    assert list(map(json.loads, formats.render_page("ndjson", page, wanted).splitlines())) == some
    rows = list(csv.DictReader(io.StringIO(formats.render_page("csv", page, wanted).decode())))
    assert [list(row.values()) for row in rows] == [[str(value) for value in hit.values()] for hit in some]
    assert tuple(whole[0]) == HIT_FIELDS == tuple(HitOut.model_fields)
    every = formats.render_page("csv", page, RenderOptions(HIT_FIELDS)).decode()
    assert json.loads(next(csv.DictReader(io.StringIO(every)))["legs"]) == whole[0]["legs"]


@pytest.mark.parametrize(
    ("fields", "name", "said"),
    [("id,nme", "json", "the fields are id, ids"), ("id", "bibtex", "choose the format json, ndjson, csv")],
)
def test_unavailable_fields_are_named(fields: str, name: Format, said: str) -> None:
    with pytest.raises(InvalidValue, match=said) as refused:
        formats.parse_fields(fields, name)
    assert refused.value.field == "fields"


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_page_is_an_empty_file_of_its_format(name: Format) -> None:
    content = formats.render_page(name, make_page([]))
    empty = {"ndjson": b"", "bibtex": b"", "ris": b"", "csl-json": b"[]\n"}
    assert content == empty.get(name, content)
    assert content.startswith({"json": b"{", "csv": b'"id"', "atom": b"<?xml"}.get(name, b""))


def test_the_docs_list_every_format() -> None:
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    for name, media in MEDIA_TYPES.items():
        assert f"| `{name}` | `{media.content_type}` |" in page
    for field in ("ids", *(name for name in HIT_FIELDS if name != "id")):
        assert f"`{field}`" in page, field
