"""Formats: the fields of each, what the documentation lists, and text for people."""

import csv
import dataclasses
import io
import json
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports import make_page, read_export, read_sample
from sample import ROOT
from search.errors import InvalidValue
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.author_match import AuthorMatch
from search.query.hit import Hit, LegMatch
from service import formats
from service.api.schemas import HitOut, PaperFields
from service.formats import FORMATS, HIT_FIELDS, MEDIA_TYPES, PAPER_FIELDS, Format, RenderOptions
from service.formats.render import page_json, page_text, paper_text


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
        "published": None, "updated": None, "added": None, "categories": [],
        "url": "https://arxiv.org/abs/2401.00001", "abstract": None, "version": None, "retraction": None,
        "citations": None, "references": [], "extra": {}, "sources": [],
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
    assert text.startswith("about 'bees'\nshowing 3 of 60 papers\n")
    assert "   exact match · strong · semantic #1 (cosine 0.700) · lexical #2 (BM25 11.54)\n" in text
    assert "   semantic (cosine 0.700)\n" in text
    assert "   sorted by date\n" in text
    assert text.endswith("next page: --cursor abc\n")
    assert "showing 1 of 1 paper\n" in page_text(make_page([paper]))
    assert "   other IDs  doi:10.1000/x\n" in paper_text(paper)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("retraction_of", ["pmid:1", "doi:10.1000/x"], "retraction of  pmid:1, doi:10.1000/x"),
        ("keywords", ["bees, solitary", "wasps"], "keywords  bees, solitary; wasps"),
        ("citations", 12, "citations  12"),
        ("retracted", True, "retracted  yes"),
        ("rating", 4.5, "rating  4.5"),
        ("place", {"city": "Bonn"}, 'place  {"city": "Bonn"}'),
        ("comment", "12 pages", "comment  12 pages"),
        ("code", None, ""),
        ("editors", [], ""),
    ],
)
def test_further_fields_are_shown_as_text(name: str, value: Json, line: str) -> None:
    shown = paper_text(Paper(ids=("h:1",), title="Bees", extra={name: value})).splitlines()
    assert [each.strip() for each in shown[2:]] == ([line] if line else [])
