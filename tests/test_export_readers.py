"""Exports: other programs find every field where they expect it, and importing an export restores the papers."""

import csv
import io
from dataclasses import replace

import bibtexparser
import pytest
import rispy
from bibtexparser.middlewares import LatexDecodingMiddleware, SeparateCoAuthors, SplitNameParts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from exports import (
    ATOM,
    READERS,
    ROUND_TRIP_FORMATS,
    exported_fields,
    make_page,
    paper_drafts,
    read_export,
    read_sample,
)
from search.papers.date import Date
from search.papers.paper import Paper
from search.query.hit import Hit
from service import formats
from service.formats import Format, RenderOptions
from service.formats.citation import citation_keys
from service.formats.person import Person


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
def test_the_sample_round_trips(name: Format) -> None:
    papers = read_sample()
    detected, restored = read_export(formats.render_page(name, make_page(papers)))
    assert detected == READERS[name]
    assert [replace(each, sources=()) for each in restored] == [exported_fields(paper, name) for paper in papers]


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
@example(
    papers=[
        Paper(ids=("arxiv:2401.00001",), abstract="KV", authors=("% KV", "A % KV", "{ KV", "KV & Co", "KV % PA&DA:"))
    ]
)
@example(papers=[Paper(ids=("arxiv:2401.00001",), abstract="KV", authors=("\\unknown{x} $O(n)$ $", "$x %$ -- 0"))])
@given(papers=st.lists(paper_drafts(), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_any_papers_round_trip(name: Format, papers: list[Paper]) -> None:
    detected, restored = read_export(formats.render_page(name, make_page(papers)))
    assert detected == READERS[name]
    assert [replace(each, sources=()) for each in restored] == [exported_fields(paper, name) for paper in papers]
    listed = replace(make_page(papers), hits=tuple(Hit(paper, 0.0) for paper in papers))
    assert read_export(formats.render_page(name, listed))[1] == restored
    (alone,) = read_export(formats.render_paper(name, papers[0]))[1]
    assert replace(alone, sources=()) == exported_fields(papers[0], name)


@given(papers=st.lists(paper_drafts(), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_bibtexparser_finds_every_field(papers: list[Paper]) -> None:
    library = bibtexparser.parse_string(formats.render_page("bibtex", make_page(papers)).decode())
    assert not library.failed_blocks
    assert [entry.key for entry in library.entries] == citation_keys(papers)
    for entry, paper in zip(library.entries, papers, strict=True):
        fields = {name: field.value for name, field in entry.fields_dict.items()}
        if paper.published:
            assert fields["year"] == f"{paper.published.year:04}"
            assert ("month" in fields) == bool(paper.published.month)
        arxiv = [each for each in paper.ids if each.startswith("arxiv:")]
        if arxiv:
            assert (fields["eprint"], fields["archiveprefix"]) == (arxiv[0].removeprefix("arxiv:"), "arXiv")
            assert fields.get("primaryclass", "") == "".join(paper.categories[:1])
        assert all(value.count("{") == value.count("}") for value in fields.values())  # as BibTeX itself counts


def test_bibtexparser_decodes_our_escapes() -> None:
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


@given(papers=st.lists(paper_drafts(), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_rispy_finds_every_field(papers: list[Paper]) -> None:
    references = rispy.loads(formats.render_page("ris", make_page(papers)).decode())
    assert [each["id"] for each in references] == citation_keys(papers)
    for reference, paper in zip(references, papers, strict=True):
        assert reference.get("title") == paper.title
        assert reference.get("abstract") == paper.abstract
        assert reference.get("authors", []) == [Person.parse(name).suffix_last for name in paper.authors]
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


def test_a_citation_key_depends_on_the_paper_alone() -> None:
    papers = read_sample()
    alone = [citation_keys([paper])[0] for paper in papers]
    assert citation_keys(papers) == alone == citation_keys(papers[::-1])[::-1]
    assert len(set(alone)) == len(alone)
    assert all(key.isascii() and key == key.lower() and " " not in key for key in alone)
    named = dict(zip([paper.id for paper in papers], alone, strict=True))
    assert named["arxiv:2412.14838"].startswith("zhou2024dynamickv-")


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''+x", "＝1", '=HYPERLINK("x";"y")'])
def test_no_csv_cell_is_a_formula_and_titles_round_trip(title: str) -> None:
    paper = Paper(ids=("arxiv:2401.00001",), title=title, abstract="-y", authors=("=cmd", "-x"))
    content = formats.render_page("csv", make_page([paper]))
    (row,) = csv.DictReader(io.StringIO(content.decode()))
    assert not any(cell[:1] in tuple("=+-@\t\r＝＋－＠") for name, cell in row.items() if name != "score")
    assert all(part.startswith('"') for part in content.decode().splitlines()[1].split(",")[:3])
    (restored,) = read_export(content)[1]
    assert (restored.title, restored.abstract, restored.authors) == (paper.title, paper.abstract, paper.authors)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("title", ["x;=1+1", "x;'@SUM(A1)", 'x;"=1+1', "x\t=1+1", "x\n=1+1", "x;+1;-1;=1"])
def test_no_cell_is_a_formula_whatever_delimiter_a_spreadsheet_expects(title: str, delimiter: str) -> None:
    content = formats.render_paper("csv", Paper(ids=("arxiv:2401.00001",), title=title, abstract="-"))
    cells = [cell for row in csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter) for cell in row]
    assert not any(cell[:1] in tuple("=+-@\t\r＝＋－＠") for cell in cells)
    (restored,) = read_export(content)[1]
    assert restored.title == " ".join(title.split())


@given(papers=st.lists(paper_drafts(), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_page_is_a_valid_atom_feed(papers: list[Paper]) -> None:
    options = RenderOptions(
        feed_key="x",
        self_url="http://h/v1/search?q=%3C&format=atom",
        next_url="http://h/?cursor=b",
        html_url="http://h/",
    )
    feed = etree.fromstring(formats.render_page("atom", make_page(papers), options))
    assert feed.tag == f"{ATOM}feed"
    assert {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")} == {
        "self": options.self_url, "next": options.next_url, "alternate": options.html_url,
    }  # fmt: skip
    entries = feed.findall(f"{ATOM}entry")
    stamps = [entry.findtext(f"{ATOM}updated") for entry in entries]
    assert feed.findtext(f"{ATOM}updated") == max(map(str, stamps))
    assert formats.render_page("atom", make_page(papers), options) == formats.render_page(
        "atom", make_page(papers), options
    )
    for entry, paper in zip(entries, papers, strict=True):
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
    detected, restored = read_export(formats.render_page("atom", make_page(papers)))
    assert (detected, [each.authors for each in restored]) == ("arxiv-atom", [paper.authors for paper in papers])


def test_characters_invalid_in_xml_are_dropped_and_others_escaped() -> None:
    paper = Paper(ids=("h:0123456789ab",), title="a\x00\x1b<b>&\ufffe", abstract="]]>\x0c", authors=("<i>",))
    entry = etree.fromstring(formats.render_paper("atom", paper)).find(f"{ATOM}entry")
    assert entry is not None
    assert [entry.findtext(f"{ATOM}{name}") for name in ("title", "content", "author/{*}name")] == [
        "a<b>&",
        "]]>",
        "<i>",
    ]
