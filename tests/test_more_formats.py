"""Readers of databases' and reference managers' formats: records become papers, and unknown files are described."""

import io
import json
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from indexer import sources
from indexer.sources.file import SourceFile
from more_source_samples import (
    ADS,
    ARXIV_NEWS_ATOM,
    ARXIV_RSS,
    ARXIV_RSS_1,
    CROSSREF,
    DBLP,
    ENDNOTE_XML,
    MODS,
    OAI_ARXIV,
    OAI_ARXIV_RAW,
    OAI_DUBLIN_CORE,
    OPENALEX,
    PUBMED_BOOK,
    REFER,
    WEB_OF_SCIENCE,
    ZOTERO_JSON,
    ZOTERO_RDF,
)
from sample import ROOT
from search.errors import SourceError
from search.papers.date import Date
from search.papers.paper import Paper
from source_samples import AS_OF, ATOM, WriteSource, read, read_papers

CACHES = Paper(
    ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
    title="Small caches",
    abstract="We keep less.",
    authors=("Ada Byron", "José García"),
    published=Date(2024, 3, 2),
    extra={"journal": "Letters", "keywords": ["cache"], "pages": "1-9"},
)


def test_openalex(write_source: WriteSource) -> None:
    (paper,) = read_papers(write_source("works.json", OPENALEX))
    assert "openalex" in f"{paper.ids}{paper.extra.get('source_id')}".lower()
    extra = {name: value for name, value in paper.extra.items() if name != "source_id"}
    assert replace(paper, ids=tuple(each for each in paper.ids if "openalex" not in each), extra=extra) == replace(
        CACHES,
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1", "pmid:123"),
        abstract="We keep less, and keep it.",
        authors_partial=True,
        url="https://doi.org/10.1000/XYZ.1",
        extra={**CACHES.extra, "retracted": True},
        citations=7,
        retraction="retracted",
        sources=("openalex:works.json",),
    )


@pytest.mark.parametrize("shape", ["page", "list", "lines", "single"])
def test_openalex_in_every_shape(write_source: WriteSource, shape: str) -> None:
    (work,) = json.loads(OPENALEX)["results"]
    shapes = {"page": OPENALEX, "list": json.dumps([work, work], indent=1), "lines": f"{json.dumps(work)}\n" * 2}
    path = write_source("works", shapes.get(shape, json.dumps(work, indent=2)))
    assert {paper.title for paper in read_papers(path)} == {"Small caches"}
    assert len(read_papers(path)) == (1 if shape in ("page", "single") else 2)
    text = json.dumps({**work, "abstract_inverted_index": json.dumps(work["abstract_inverted_index"])})
    assert read_papers(write_source("text", text))[0].abstract == "We keep less, and keep it."


def test_crossref(write_source: WriteSource) -> None:
    paper, notice = read_papers(write_source("works.json", CROSSREF))
    assert paper == Paper(
        ids=("doi:10.1000/xyz.1",),
        title="Small caches: Less is more",
        abstract="We keep less.",
        authors=("Ada Byron Jr.", "The Group"),
        published=Date(2024, 3),
        url="https://doi.org/10.1000/xyz.1",
        extra={"journal": "Letters", "keywords": ["cache"], "pages": "1-9", "retracted": True},
        citations=7,
        retraction="retracted",
        sources=("crossref:works.json",),
    )
    assert notice.extra == {"retraction_of": ["10.1000/XYZ.1"]}


@pytest.mark.parametrize("shape", ["work", "file", "list", "lines", "pages"])
def test_crossref_in_every_shape(write_source: WriteSource, shape: str) -> None:
    works = json.loads(CROSSREF)["message"]["items"]
    shapes = {
        "work": json.dumps({"status": "ok", "message-type": "work", "message": works[0]}, indent=2),
        "file": json.dumps({"items": works}),
        "list": json.dumps(works),
        "lines": "\n".join(map(json.dumps, works)),
        "pages": f"{CROSSREF}\n{CROSSREF}\n",
    }
    found = read_papers(write_source("works", shapes[shape]))
    assert [paper.id for paper in found] == {
        "work": ["doi:10.1000/xyz.1"], "pages": ["doi:10.1000/xyz.1", "doi:10.1000/note"] * 2
    }.get(shape, ["doi:10.1000/xyz.1", "doi:10.1000/note"])  # fmt: skip


def test_a_retraction_in_place_marks_the_paper(write_source: WriteSource) -> None:
    update = {"DOI": "10.1000/A", "type": "retraction"}
    other = {"DOI": "10.1000/A", "type": "correction"}
    for updates, extra in (([update], {"retracted": True}), ([other], {})):
        work = {"DOI": "10.1000/a", "title": ["A"], "update-to": updates}
        assert read_papers(write_source("a.json", json.dumps(work)))[0].extra == extra


def test_ads(write_source: WriteSource) -> None:
    (paper,) = read_papers(write_source("ads.json", ADS))
    assert paper == replace(
        CACHES,
        authors=("Ada Byron",),
        published=Date(2024, 3),
        categories=("astro-ph.GA", "cs.DL"),
        url="https://ui.adsabs.harvard.edu/abs/2024Lett....1....1B/abstract",
        citations=7,
        extra={**CACHES.extra, "pages": "1", "source_id": "2024Lett....1....1B"},
        sources=("ads:ads.json",),
    )


def test_oai_pmh_in_the_format_arxiv(write_source: WriteSource) -> None:
    paper, deleted = read(write_source("oai.xml", OAI_ARXIV))
    assert paper == Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
        title="Small caches",
        abstract="We keep less.",
        authors=("Ada Byron Jr",),
        published=Date(2024, 1, 1),
        updated=Date(2024, 5, 2),
        categories=("cs.LG", "cs.CL"),
        extra={"comment": "12 pages"},
        sources=("oai-pmh:oai.xml",),
    )
    assert isinstance(deleted, SourceError)
    assert deleted.line == 10
    assert "oai:arXiv.org:2401.00002: the repository has deleted the record" in str(deleted)


def test_oai_pmh_in_the_format_arxiv_raw(write_source: WriteSource) -> None:
    (paper,) = read_papers(write_source("oai.xml", OAI_ARXIV_RAW))
    assert paper.authors == ("The Cache Collaboration", "Ada Byron", "José García Jr.", "Li Ming")
    assert (paper.published, paper.updated, paper.version) == (Date(2024, 1, 1), Date(2024, 5, 2), 2)
    assert (paper.ids, paper.categories) == (("arxiv:2401.00001",), ("cs.LG", "cs.CL"))
    assert paper.extra == {"journal": "Letters 1 (2024)"}


def test_oai_pmh_in_dublin_core(write_source: WriteSource) -> None:
    (paper,) = read_papers(write_source("oai.xml", OAI_DUBLIN_CORE))
    assert paper == replace(
        CACHES,
        published=Date(2024, 1, 1),
        updated=Date(2024, 5, 2),
        categories=("math.CO",),
        url="http://arxiv.org/abs/2401.00001",
        extra={"comment": "12 pages", "keywords": ["05A15"]},
        sources=("oai-pmh:oai.xml",),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (OAI_ARXIV.partition("<ListRecords>")[0] + '<error code="noRecordsMatch">None.</error></OAI-PMH>',
         'the repository answered "noRecordsMatch: None."'),
        (OAI_DUBLIN_CORE.replace("oai_dc:dc", "oai_dc:marc"), "metadata: marc is not read"),
        (ATOM.replace("abs/2401.00001v3", "api/errors#start_must_be_non-negative").replace("We keep", "start must"),
         'arXiv answered "start must less and lose little."'),
    ],
)  # fmt: skip
def test_an_error_of_a_repository_is_no_paper(write_source: WriteSource, content: str, message: str) -> None:
    (error,) = read(write_source("answer.xml", content))
    assert isinstance(error, SourceError)
    assert message in str(error)


def test_arxiv_rss(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("feed.xml", ARXIV_RSS))
    assert first == replace(
        CACHES,
        ids=("arxiv:2401.00001",),
        published=Date(2024, 1, 2),
        categories=("cs.LG", "cs.CL"),
        url="https://arxiv.org/abs/2401.00001",
        version=1,
        extra={},
        sources=("arxiv-rss:feed.xml",),
    )
    assert (second.published, second.updated, second.version) == (None, Date(2024, 1, 2), 3)


@pytest.mark.parametrize(("content", "version"), [(ARXIV_NEWS_ATOM, 1), (ARXIV_RSS_1, 2)])
def test_other_news_feeds_of_arxiv(write_source: WriteSource, content: str, version: int) -> None:
    (paper,) = read_papers(write_source("feed.xml", content))
    assert (paper.title, paper.abstract, paper.authors) == (CACHES.title, CACHES.abstract, CACHES.authors)
    assert (paper.ids, paper.version, paper.categories) == (
        ("arxiv:2301.00001" if version == 2 else "arxiv:2401.00001",), version, ("cs.LG",)
    )  # fmt: skip
    assert paper.published == (Date(2024, 1, 2) if version == 1 else None)


def test_dblp(write_source: WriteSource) -> None:
    first, proceedings, withdrawn = read_papers(write_source("dblp.xml", DBLP.encode("latin-1")))
    assert first == replace(
        CACHES,
        title="Small caches in H2O",
        abstract=None,
        published=Date(2024, 3),
        url="https://doi.org/10.1000/XYZ.1",
        extra={"journal": "Letters", "pages": "1-9", "source_id": "dblp:journals/lett/Byron24"},
        sources=("dblp:dblp.xml",),
    )
    assert (proceedings.authors, proceedings.extra["editors"]) == ((), ["Li Ming"])
    assert withdrawn.retraction == "withdrawn"
    person = DBLP.replace("<dblp>", '<dblpperson name="Ada Byron"><r>').replace("</dblp>", "</r></dblpperson>")
    assert [paper.title for paper in read_papers(write_source("pid.xml", person.encode("latin-1")))] == [
        "Small caches in H2O", "Letters of Computing", "Second"
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig", "utf-16"])
def test_bytes_decide_whether_a_file_is_unicode(write_source: WriteSource, encoding: str) -> None:
    text = DBLP.replace("Small caches", "Käse") if encoding == "latin-1" else DBLP.replace("Small caches", "Käse 深")
    first, *_ = read_papers(write_source("dblp.xml", text.encode(encoding)))
    assert (first.title or "").startswith("Käse in" if encoding == "latin-1" else "Käse 深 in")


def test_quotation_marks_of_windows_are_read_in_latin_1(write_source: WriteSource) -> None:
    first, *_ = read_papers(write_source("dblp.xml", DBLP.replace("Small caches", "“Small” caches").encode("cp1252")))
    assert first.title == "“Small” caches in H2O"


def test_endnote_xml(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("library.xml", ENDNOTE_XML))
    assert first == replace(
        CACHES,
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1", "pmid:123"),
        authors=("Ada Byron", "Cache Group"),
        url="https://arxiv.org/abs/2401.00001",
        extra={**CACHES.extra, "editors": ["Li Ming"]},
        sources=("endnote-xml:library.xml",),
    )
    assert second.title == "Second"


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Jan", Date(2024, 1)),
        ("14 May", Date(2024, 5, 14)),
        ("December 3, 2023", Date(2023, 12, 3)),
        ("2024-05-14", Date(2024, 5, 14)),
        ("2024/05", Date(2024, 5)),
        ("May-Jun", Date(2024, 5)),
        ("Spring", Date(2024)),
        ("", Date(2024)),
    ],
)
def test_dates_of_endnote(write_source: WriteSource, date: str, expected: Date) -> None:
    (paper,) = read_papers(write_source("a.enw", f"%0 Book\n%T A\n%D 2024\n%8 {date}\n"))
    assert paper.published == expected
    (paper, _) = read_papers(write_source("a.xml", ENDNOTE_XML.replace("Mar 2", date)))
    assert paper.published == expected


def test_refer(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("library.enw", REFER))
    assert first == replace(
        CACHES,
        abstract="We keep less, and lose little.",
        authors=("Ada Byron", "Cache Group"),
        url="https://arxiv.org/abs/2401.00001",
        extra={**CACHES.extra, "editors": ["Li Ming"], "keywords": ["cache", "context"]},
        sources=("refer:library.enw",),
    )
    assert second.title == "Second"
    untyped = "%A Ada Byron\n%T Small caches\n%D 2024\n\n%T Second\n%A Li Ming\n"
    assert [paper.title for paper in read_papers(write_source("refs", untyped))] == ["Small caches", "Second"]


def test_web_of_science(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("savedrecs.txt", "\ufeff" + WEB_OF_SCIENCE))
    assert first == Paper(
        ids=("doi:10.1000/xyz.1", "pmid:123"),
        title="Small caches and contexts",
        abstract="We keep less.",
        authors=("Ada Byron", "Li Ming", "Cache Grp"),
        published=Date(2024, 3, 2),
        citations=7,
        extra={"journal": "LETTERS", "keywords": ["cache", "context"], "pages": "1-9",
               "retracted": True, "source_id": "WOS:000000000000001"},
        retraction="retracted",
        sources=("web-of-science:savedrecs.txt",),
    )  # fmt: skip
    assert (second.authors, second.published) == (("J. A. Doe",), Date(2025, 5))


def test_mods(write_source: WriteSource) -> None:
    (paper,) = read_papers(write_source("mods.xml", MODS))
    assert paper == replace(
        CACHES,
        ids=("doi:10.1000/xyz.1",),
        title="The small caches: less is more",
        authors=("Ada Byron", "The Group"),
        published=Date(2024, 3),
        url="https://x.org/1",
        extra={**CACHES.extra, "editors": ["Li Ming"]},
        sources=("mods:mods.xml",),
    )
    prefixed = MODS.replace("<mods", "<m:mods").replace("</mods", "</m:mods").replace("xmlns=", "xmlns:m=")
    for name in ("titleInfo", "title", "nonSort", "subTitle"):
        prefixed = prefixed.replace(f"<{name}", f"<m:{name}").replace(f"</{name}", f"</m:{name}")
    assert read_papers(write_source("prefixed.xml", prefixed))[0].title == "The small caches: less is more"


def test_zotero_rdf(write_source: WriteSource) -> None:
    article, section = read_papers(write_source("library.rdf", ZOTERO_RDF))
    assert article == replace(
        CACHES,
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1", "pmid:123"),
        authors=("Ada Byron", "The Group"),
        url="https://arxiv.org/abs/2401.00001",
        extra={**CACHES.extra, "comment": "PMID: 123"},
        sources=("zotero-rdf:library.rdf",),
    )
    assert (section.title, section.ids, section.extra) == ("Second", (), {"journal": "A book"})


def test_zotero_json(write_source: WriteSource) -> None:
    trashed = '{"key": "MNPQ2345", "version": 15, "data": {"itemType": "book", "title": "Third", "deleted": 1}}'
    content = ZOTERO_JSON.removesuffix("]") + f", {trashed}]"
    article, preprint, deleted = read(write_source("library.json", content))
    assert article == replace(
        CACHES,
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1", "pmid:123"),
        authors=("Ada Byron", "The Group"),
        url="https://arxiv.org/abs/2401.00001",
        extra={**CACHES.extra, "comment": "PMID: 123", "volume": "3", "issue": "4", "editors": ["Li Ming"]},
        sources=("zotero-json:library.json",),
    )
    assert isinstance(preprint, Paper)
    assert (preprint.title, preprint.ids) == ("Second", ("arxiv:2402.00002",))
    assert isinstance(deleted, SourceError)
    assert "MNPQ2345: the item is in the trash" in deleted.reason


@pytest.mark.parametrize(
    "value", ['"QRST2345"', "7", "{}", '{"data": 7}', '{"key": 1, "data": {"tags": 7}}', '{"data": {"DOI": []}}']
)
def test_zotero_json_of_other_values_is_reported(write_source: WriteSource, value: str) -> None:
    path = write_source("library.json", f'{{"items": [{value}, {ZOTERO_JSON.strip()[1:-1]}]}}')
    found = list(sources.read(SourceFile(path, AS_OF, "zotero-json")))
    assert [isinstance(each, SourceError) for each in found] == [True, False, False]


def test_the_doi_of_a_journal_of_two_articles_is_nobodys(write_source: WriteSource) -> None:
    start = ZOTERO_RDF.index("<bib:Article")
    article = ZOTERO_RDF[start : ZOTERO_RDF.index("</bib:Article>")] + "</bib:Article>"
    found = read_papers(write_source("library.rdf", ZOTERO_RDF.replace(article, article + article)))
    assert [paper.ids for paper in found[:2]] == [("arxiv:2401.00001", "pmid:123")] * 2
    assert [paper.extra["journal"] for paper in found] == ["Letters", "Letters", "A book"]


def test_pubmed_books(write_source: WriteSource) -> None:
    chapter, book = read_papers(write_source("books.xml", PUBMED_BOOK))
    assert chapter == replace(
        CACHES,
        ids=("doi:10.1000/xyz.1", "pmid:123"),
        abstract="AIM: We keep less.",
        authors=("Ada Byron",),
        published=Date(2021, 3),
        extra={"editors": ["Li Ming"], "journal": "Caches in medicine"},
        sources=("pubmed:books.xml",),
    )
    assert (book.title, book.authors, book.extra) == ("Second", ("The Group",), {})


@pytest.mark.parametrize(
    ("content", "titles"),
    [
        ('{"title": "A", "abstract": "B"}', ["A"]),
        ('{\n "title": "A",\n "authors": ["C"]\n}\n', ["A"]),
        ('[{"title": "A"}, {"title": "B", "ids": ["pmid:1"]}]', ["A", "B"]),
        ('{"title": "A", "shelf": 7}\n{"title": "B"}\n', ["A", "B"]),
    ],
)
def test_our_json_in_every_shape(write_source: WriteSource, content: str, titles: list[str]) -> None:
    assert [paper.title for paper in read_papers(write_source("a.json", content))] == titles


@pytest.mark.parametrize("shape", ["lines", "list", "indented"])
def test_json_with_other_names_is_read_by_their_meaning(write_source: WriteSource, shape: str) -> None:
    records = [
        {
            "Title": "Small caches",
            "Author": "Byron, Ada; García, José",
            "Year": 2024,
            "DOI": "10.1000/XYZ.1",
            "Shelf": 7,
        },
        {"Title": "Second", "Author": ["Li Ming", "Ada Byron"], "Year": None, "DOI": None, "Shelf": None},
    ]
    lines = "".join(json.dumps(each) + "\n" for each in records)
    text = lines if shape == "lines" else json.dumps(records, indent=2 if shape == "indented" else None)
    first, second = read_papers(write_source("table.json", text))
    assert first == Paper(
        ids=("doi:10.1000/xyz.1",),
        title="Small caches",
        authors=("Ada Byron", "José García"),
        published=Date(2024),
        extra={"shelf": "7"},
        sources=("json-table:table.json",),
    )
    assert (second.title, second.authors, second.published) == ("Second", ("Li Ming", "Ada Byron"), None)


def test_the_docs_list_every_format() -> None:
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    assert [name for name in sources.FORMATS if f"| `{name}` | " not in page] == []


def word_file() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w:document/>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\nAbstract: Not read.\n", "a PDF; import the bibliographic record"),
        ("a.docx", word_file(), "a Word file; export its references as BibTeX or RIS"),
        ("a.zip", b"PK\x03\x04 damaged", "a zip archive; unpack it first"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "an old Word or Excel file"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0", "an image (PNG)"),
        ("My library.enl", b"\0\1\2\3", "an EndNote library (.enl); export it as XML or RIS"),
        ("a.html", "<!DOCTYPE html>\n<html><body>Abstract: Not read.</body></html>", "an HTML page; download the"),
        ("a.htm", "<HTML>\n<p>Abstract: Not read.</p></HTML>", "an HTML page"),
        ("a.xml", '<?xml version="1.0"?><TEI xmlns="x"><teiHeader/></TEI>', "with the root element <TEI>"),
        ("feed.xml", '<rss version="2.0"><channel><item><title>A</title></item></channel></rss>', "an RSS feed; only"),
        ("a.json", '{"id": 1, "title": "A", "metadata": {"creators": []}}', "the fields id, title, metadata"),
        ("b.json", '{"hits": {"hits": [{"title": "A", "metadata": {"creators": [1]}}]}}', "the fields title, metadata"),
        ("c.json", "[1, 2]", "JSON without objects"),
        ("d.json", json.dumps({"title": "A", "author": [{"name": "B"}]}), "the fields title, author"),
        ("a.tex", "\\documentclass{article}\n\\begin{document}A\\end{document}", "a LaTeX document"),
        ("a.bbl", "\\begin{thebibliography}{9}\n\\bibitem{a} A, B.\n", "a formatted bibliography of LaTeX"),
        ("a.txt", " \n", "the file is empty; export or download it again"),
        ("b.txt", "Nothing that is known.\n", "unknown format; papers index --help lists those that are read"),
    ],
)  # fmt: skip
def test_an_unknown_file_is_described(write_source: WriteSource, name: str, content: str | bytes, message: str) -> None:
    (error,) = read(write_source(name, content))
    assert isinstance(error, SourceError)
    assert message in error.reason
    assert len(error.reason) < 200


def test_a_database_is_described(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "zotero.sqlite") as database:
        database.execute("CREATE TABLE items (title TEXT)")
    database.close()
    (error,) = read(tmp_path / "zotero.sqlite")
    assert isinstance(error, SourceError)
    assert "an SQLite database, such as a library of Zotero" in error.reason


def test_papers_of_the_anthology_have_what_their_volume_has(write_source: WriteSource) -> None:
    meta = (
        "<meta><booktitle>Transactions, Volume 3</booktitle><publisher>The Press</publisher><year>2018</year>"
        "<journal-volume>3</journal-volume><journal-issue>2</journal-issue></meta>"
    )
    paper = '<paper id="1"><title>Small caches</title><pages>1-9</pages></paper>'
    content = f'<collection id="2018.tacl"><volume id="1">{meta}{paper}</volume></collection>'
    (found,) = read_papers(write_source("a.xml", content))
    assert found.extra == {
        "journal": "Transactions, Volume 3", "pages": "1-9", "publisher": "The Press", "volume": "3", "issue": "2"
    }  # fmt: skip
    assert found.ids == ("acl:2018.tacl-1.1",)
