"""Formats: other programs find every field where they expect it, and importing an export restores the papers."""

import csv
import dataclasses
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import bibtexparser
import orjson
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
from search.query.page import AuthorMatch, Explanation, Highlights, Hit, LegMatch, Page, Span
from service import formats
from service.api.schemas import HitOut, PaperFields
from service.formats import FORMATS, HIT_FIELDS, MEDIA_TYPES, PAPER_FIELDS, Format, RenderOptions
from service.formats.citation import citation_keys
from service.formats.person import Person
from service.formats.render import page_json, page_text, paper_text

ROOT = Path(__file__).parent.parent
AS_OF = date(2026, 6, 15)
ROUND_TRIP_FORMATS: tuple[Format, ...] = ("bibtex", "ris", "csl-json", "csv", "ndjson")
READERS = {"bibtex": "bibtex", "ris": "ris", "csl-json": "csl-json", "csv": "csv", "ndjson": "jsonl"}
ATOM = "{http://www.w3.org/2005/Atom}"


def make_page(papers: Sequence[Paper]) -> Page:
    hits = tuple(
        Hit(paper, -0.25, LegMatch(1, 0.5), None, band="weak", highlights=Highlights((Span(0, 1),))) for paper in papers
    )
    return Page(hits, len(hits), True, 1.0, "gen-000001", Explanation("exact", 0, 0, ()), interpretation="every paper")


def read_export(content: bytes) -> tuple[str, list[Paper]]:
    """Imports an export, detecting its format by content; returns the format and the papers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        path.write_bytes(content)
        file = SourceFile(path, AS_OF)
        found = list(sources.read(file))
    assert [each for each in found if isinstance(each, SourceError)] == []
    return file.format, [each for each in found if isinstance(each, Paper)]


def exported_fields(paper: Paper, name: Format) -> Paper:
    """The paper as it is after an export and an import (docs/formats.md)."""
    names = paper.authors if name == "ndjson" else tuple(dict.fromkeys(map(put_given_name_first, paper.authors)))
    return replace(paper, authors=names, url=paper.link, sources=())


def read_sample() -> list[Paper]:
    found = sources.read(SourceFile(ROOT / "data" / "sample.jsonl", AS_OF))
    return [ensure_id(each) for each in found if isinstance(each, Paper)]


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
def test_the_sample_round_trips(name: Format) -> None:
    papers = read_sample()
    detected, restored = read_export(formats.render_page(name, make_page(papers)))
    assert detected == READERS[name]
    assert [replace(each, sources=()) for each in restored] == [exported_fields(paper, name) for paper in papers]


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
def paper_drafts(draw: st.DrawFn) -> Paper:
    """A paper as a source produces it."""
    title, abstract = draw(st.none() | TEXTS), draw(TEXTS)
    draft = Draft("", draw(IDS), title, abstract, draw(st.lists(NAMES, max_size=4)), draw(st.booleans()))
    draft.published, draft.updated = draw(st.none() | DATES), draw(st.none() | DATES)
    draft.categories = draw(st.lists(st.sampled_from(["cs.CL", "hep-th", "astro-ph.GA"]), unique=True))
    draft.url, draft.extra = draw(URLS), draw(EXTRA)
    draft.version = draw(st.none() | st.integers(1, 9))
    return draft.to_paper()


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
@example(
    papers=[
        Paper(ids=("arxiv:2401.00001",), abstract="KV", authors=("% KV", "A % KV", "{ KV", "KV & Co", "KV % PA&DA:"))
    ]
)
@given(papers=st.lists(paper_drafts(), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
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
    paper = Paper(ids=("arxiv:2401.00001",), title=title, abstract="-", authors=("=cmd", "-x"))
    content = formats.render_page("csv", make_page([paper]))
    (row,) = csv.DictReader(io.StringIO(content.decode()))
    assert not any(cell[:1] in tuple("=+-@\t\r＝＋－＠") for name, cell in row.items() if name != "score")
    assert all(part.startswith('"') for part in content.decode().splitlines()[1].split(",")[:3])
    (restored,) = read_export(content)[1]
    assert (restored.title, restored.abstract, restored.authors) == (paper.title, paper.abstract, paper.authors)


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


def test_fields_are_selected_in_the_requested_order() -> None:
    page = make_page(read_sample()[:2])
    options = RenderOptions(formats.parse_fields("title, score,id", "json"))
    whole = [hit.to_json() for hit in page.hits]
    some = [{name: hit[name] for name in ("title", "score", "id")} for hit in whole]
    assert json.loads(formats.render_page("json", page, options))["hits"] == some
    assert list(map(json.loads, formats.render_page("ndjson", page, options).splitlines())) == some
    rows = list(csv.DictReader(io.StringIO(formats.render_page("csv", page, options).decode())))
    assert [list(row.values()) for row in rows] == [[str(value) for value in hit.values()] for hit in some]
    assert tuple(whole[0]) == HIT_FIELDS
    every = formats.render_page("csv", page, RenderOptions(HIT_FIELDS)).decode()
    assert json.loads(next(csv.DictReader(io.StringIO(every)))["legs"]) == whole[0]["legs"]


@pytest.mark.parametrize(
    ("fields", "name", "message"),
    [("id,nme", "json", "the fields are id, ids"), ("id", "bibtex", "choose the format json, ndjson, csv")],
)
def test_unavailable_fields_are_named(fields: str, name: Format, message: str) -> None:
    with pytest.raises(InvalidValue, match=message) as raised:
        formats.parse_fields(fields, name)
    assert raised.value.field == "fields"


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


def test_every_output_has_the_fields_of_the_paper_class() -> None:
    names = {"id", *(each.name for each in dataclasses.fields(Paper))}
    assert names == set(PAPER_FIELDS) == set(Paper().to_dict()) == set(PaperFields.model_fields)
    assert set(HIT_FIELDS) == set(HitOut.model_fields)
    assert set(json.loads(formats.render_paper("json", FULL_PAPER))) == {"schema_version", *PAPER_FIELDS}
    (row,) = csv.DictReader(io.StringIO(formats.render_paper("csv", FULL_PAPER).decode()))
    assert set(row) == names - {"sources"}
    (restored,) = read_export(formats.render_paper("ndjson", FULL_PAPER))[1]
    assert replace(restored, sources=FULL_PAPER.sources) == FULL_PAPER
    assert all(PaperFields.model_json_schema()["properties"][name]["description"] for name in names)


FULL_PAPER = Paper(
    ids=("arxiv:2401.00001", "doi:10.1000/x"),
    title="Bees",
    abstract="Hives.",
    authors=("Ada Byron",),
    authors_partial=True,
    published=Date(2024),
    updated=Date(2024, 5),
    categories=("cs.CL",),
    url="https://x.org/1",
    version=3,
    extra={"journal": "J"},
    sources=("jsonl:a",),
)


def test_a_paper_as_a_dict_is_complete_and_as_stored_json_is_sparse() -> None:
    empty: dict[str, Json] = {
        "id": "arxiv:2401.00001", "ids": ["arxiv:2401.00001"], "title": None, "authors": [], "authors_partial": False,
        "published": None, "updated": None, "categories": [], "url": "https://arxiv.org/abs/2401.00001",
        "abstract": None, "version": None, "extra": {}, "sources": [],
    }  # fmt: skip
    assert Paper(ids=("arxiv:2401.00001",)).to_dict() == empty
    assert Paper(ids=("arxiv:2401.00001",)).to_json() == {"id": "arxiv:2401.00001"}
    assert json.dumps(FULL_PAPER.to_json(), separators=(",", ":")) == (
        '{"id":"arxiv:2401.00001","ids":["doi:10.1000/x"],"title":"Bees","abstract":"Hives.","authors":["Ada Byron"],'
        '"authors_partial":true,"published":"2024","updated":"2024-05","categories":["cs.CL"],"url":"https://x.org/1",'
        '"version":3,"extra":{"journal":"J"},"sources":["jsonl:a"]}'
    )
    for paper in (FULL_PAPER, Paper(), Paper(ids=("pmid:1",), version=1)):
        assert Paper.from_json(paper.to_json()) == paper


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12) | st.just("caf\udce9 \ud83d\ude00 \udc00")


@given(text=ANY_TEXT, name=st.sampled_from(FORMATS))
@settings(deadline=None)
def test_lone_surrogates_are_replaced_in_every_format(text: str, name: Format) -> None:
    paper = Paper(
        ids=(f"doi:10.1000/{text}",), title=text, abstract=text, authors=(text, f"Ada {text}"), categories=(text,),
        url=text, extra={"journal": text, "keywords": [text], text: {text: text}}, sources=(text,),
    )  # fmt: skip
    for each in (paper, replace(paper, url=None)):
        page = replace(make_page([each]), interpretation=text, correction=text, authors=(AuthorMatch(text, (), 0, ()),))
        options = RenderOptions(feed_key=text)
        for content in (formats.render_page(name, page, options), formats.render_paper(name, each, options)):
            assert content.decode()
        orjson.dumps([page_json(page), each.to_json()])
        for shown in (page_text(page), paper_text(each), each._repr_html_(), page._repr_html_()):
            assert shown.encode()


def test_surrogate_pairs_are_joined_and_lone_ones_replaced() -> None:
    paper = Paper(ids=("h:0123456789ab",), title="\ud83d\ude00 caf\udce9")
    assert json.loads(formats.render_paper("json", paper))["title"] == "😀 caf\ufffd"
    assert "title = {😀 caf\ufffd}" in formats.render_paper("bibtex", paper).decode()


@pytest.mark.parametrize(
    ("paper_id", "url"),
    [
        ("arxiv:hep-th/9901001", "https://arxiv.org/abs/hep-th/9901001"),
        ("doi:10.1000/a<b>;c", "https://doi.org/10.1000/a%3Cb%3E;c"),
        ("pmid:123", "https://pubmed.ncbi.nlm.nih.gov/123/"),
        ("acl:2022.acl-long.1", "https://aclanthology.org/2022.acl-long.1/"),
        ("h:0123456789ab", None),
        ("x:1", None),
    ],
)
def test_a_paper_without_a_url_links_to_its_id(paper_id: str, url: str | None) -> None:
    assert Paper(ids=(paper_id,)).link == Paper(ids=(paper_id,)).to_dict()["url"] == url
    assert Paper(ids=(paper_id,), url="https://x.org").link == "https://x.org"


def test_results_as_text_say_how_each_hit_matched() -> None:
    paper = FULL_PAPER
    hits = (
        Hit(paper, 0.9, LegMatch(1, 0.7), LegMatch(2, 11.54), band="strong", exact_match=True),
        Hit(paper, 0.1, LegMatch(None, 0.7), None),
        Hit(paper, 0.0),
    )
    text = page_text(replace(make_page([]), hits=hits, total=60, cursor="abc", interpretation="about 'bees'"))
    assert text.startswith("about 'bees'\n60 papers match the filters; showing 3\n")
    assert "   exact match · strong · semantic #1 (cosine 0.700) · lexical #2 (BM25 11.54)\n" in text
    assert "   semantic (cosine 0.700)\n" in text
    assert "   sorted by date\n" in text
    assert text.endswith("next page: --cursor abc\n")
    assert "1 paper matches the filters; showing 1\n" in page_text(make_page([paper]))
    assert "   other IDs  doi:10.1000/x\n" in paper_text(paper)
