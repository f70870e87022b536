"""Readers of all formats: the records of a file become papers."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from indexer import sources
from search.errors import InvalidValue
from search.papers.date import Date
from search.papers.paper import Paper
from source_samples import (
    ACL,
    ATOM,
    BIBTEX,
    CSL,
    CSV,
    NBIB,
    PAGE,
    PUBMED,
    RIS,
    S2,
    SNAPSHOT,
    WriteSource,
    read,
    read_papers,
)


def test_arxiv_atom(write_source: WriteSource) -> None:
    assert read_papers(write_source("feed", ATOM)) == [
        Paper(
            ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
            title="Small caches & long contexts",
            abstract="We keep less and lose little.",
            authors=("Ada Byron", "José García"),
            published=Date(2024, 1, 1),
            updated=Date(2024, 5, 2),
            categories=("cs.LG", "cs.CL"),
            url="http://arxiv.org/abs/2401.00001v3",
            version=3,
            extra={"comment": "12 pages"},
            sources=("arxiv-atom:feed",),
        )
    ]
    wrapped = read_papers(write_source("wrapped.json", json.dumps({"status": 200, "body": ATOM})))
    assert [paper.title for paper in wrapped] == ["Small caches & long contexts"]


def test_arxiv_snapshot(write_source: WriteSource) -> None:
    assert read_papers(write_source("snapshot.json", SNAPSHOT)) == [
        Paper(
            ids=("arxiv:hep-th/9901001", "doi:10.1000/abc"),
            title="Strings and things",
            abstract="A short abstract.",
            authors=("Ada Byron", "José García Jr."),
            published=Date(1999, 1, 4),
            updated=Date(2008, 11, 26),
            categories=("hep-th", "math.AG"),
            version=2,
            extra={"comment": "4 pages"},
            sources=("arxiv-snapshot:snapshot.json",),
        )
    ]


def test_bibtex(write_source: WriteSource) -> None:
    article, book = read_papers(write_source("zotero", BIBTEX))
    assert article == Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
        title="Small KV caches & $O(n)$ contexts",
        abstract="We keep less, ~5%, and lose little.",
        authors=("Ada Byron", "José García", "The Cache Collaboration"),
        authors_partial=True,
        published=Date(2024, 3, 2),
        categories=("cs.LG",),
        version=3,
        extra={"journal": "Letters", "keywords": ["cache", "context"]},
        sources=("bibtex:zotero",),
    )
    assert (book.title, book.published, book.authors) == ("A book", Date(1999, 2), ())


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"M{\"u}ller", "Müller"),
        (r"\'Elan Nguy\~ên", "Élan Nguyễn"),
        (r"\v{S}ari\'c", "Šarić"),
        (r"Bod\'\i{}n", "Bodín"),
        (r"{\ss} \o re {\aa}", "ß øre å"),
        (r"\c cedilla", "çedilla"),
        (r"caf\'{e} \textit{au \'{e}lan}", "café au élan"),
        (r"a \& b, 5\%, $x_1 \le 2$", r"a & b, 5%, $x_1 \le 2$"),
        (r"``quoted'' pages 1--9", "“quoted” pages 1–9"),
    ],
)
def test_latex_in_bibtex_is_decoded(write_source: WriteSource, latex: str, text: str) -> None:
    (paper,) = read_papers(write_source("a.bib", f"@misc{{a,\n title = {{{latex}}}\n}}\n"))
    assert paper.title == text


def test_ris(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("zotero.txt", RIS))
    assert first == Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
        title="Small caches",
        abstract="We keep less.",
        authors=("Ada Byron", "José García Jr."),
        published=Date(2024, 3, 2),
        url="https://arxiv.org/abs/2401.00001",
        extra={"journal": "Letters", "keywords": ["cache"]},
        sources=("ris:zotero.txt",),
    )
    assert second.title == "Second"


def test_pubmed(write_source: WriteSource) -> None:
    assert read_papers(write_source("export.xml", PUBMED)) == [
        Paper(
            ids=("doi:10.1000/xyz.1", "pmid:123"),
            title="Caches in vivo",
            abstract="BACKGROUND: We keep less. Good.",
            authors=("Ada Byron", "The Group"),
            authors_partial=True,
            published=Date(2018, 1),
            updated=Date(2020, 2, 3),
            extra={"journal": "Letters", "keywords": ["cache"]},
            sources=("pubmed:export.xml",),
        )
    ]


def test_nbib(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("export", NBIB))
    assert first == Paper(
        ids=("doi:10.1000/xyz.1", "pmid:123"),
        title="Caches in vivo",
        abstract="We keep less.",
        authors=("Ada Byron", "The Group"),
        published=Date(2018, 1),
        updated=Date(2020, 2, 3),
        extra={"journal": "Letters", "keywords": ["cache"]},
        sources=("nbib:export",),
    )
    assert second.ids == ("pmid:124",)


@pytest.mark.parametrize("lines", [False, True])
def test_csl_json(write_source: WriteSource, lines: bool) -> None:
    content = "\n".join(map(json.dumps, json.loads(CSL))) if lines else CSL
    first, second = read_papers(write_source("zotero.json", content))
    assert first == Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
        title="Small caches",
        abstract="We keep less.",
        authors=("Ada Byron", "Ludwig van Beethoven Jr.", "The Group"),
        published=Date(2024, 3, 2),
        url="https://arxiv.org/abs/2401.00001v3",
        version=3,
        extra={"comment": "12 pages", "journal": "Letters", "keywords": ["cache", "context"], "pages": "1-9"},
        sources=("csl-json:zotero.json",),
    )
    assert (second.ids, second.published) == (("pmid:123",), Date(2023, 5))


def test_csv(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("zotero.csv", CSV))
    assert first == Paper(
        ids=("doi:10.1000/xyz.1",),
        title="Small; caches",
        abstract="We keep less.",
        authors=("Ada Byron", "Ludwig van Beethoven"),
        published=Date(2024, 3),
        extra={"journal": "Letters", "shelf": "7"},
        sources=("csv:zotero.csv",),
    )
    assert second.title == "Second"
    (tabbed,) = read_papers(write_source("a.tsv", "\ufeffid\ttitle\n2401.00001v2\tA, b\n"))
    assert (tabbed.ids, tabbed.title, tabbed.version) == (("arxiv:2401.00001",), "A, b", 2)


def test_a_score_is_stored_unless_it_belongs_to_a_hit(write_source: WriteSource) -> None:
    (own,) = read_papers(write_source("own.csv", "title,score\nA,97.1\n"))
    assert own.extra == {"score": "97.1"}
    (hit,) = read_papers(write_source("hits.csv", "title,score,band\nA,.7,strong\n"))
    assert hit.extra == {}
    (hit_without_band,) = read_papers(write_source("listed.csv", "title,score,band\nA,0.0,\n"))
    assert hit_without_band.extra == {}
    (line,) = read_papers(
        write_source("hits.jsonl", '{"title": "A", "score": 0.7, "legs": {}, "exact_match": true, "shelf": 7}\n')
    )
    assert line.extra == {"shelf": 7}


@pytest.mark.parametrize("shape", ["{}", "[{}]", '{{"total": 1, "data": [{}]}}', "{}\n{}\n"])
def test_semantic_scholar(write_source: WriteSource, shape: str) -> None:
    content = shape.replace("{{", "{").replace("}}", "}").replace("{}", S2)
    found = read_papers(write_source("s2.json", content))
    assert found[0] == Paper(
        ids=(
            "arxiv:2401.00001",
            "doi:10.1000/xyz.1",
            "corpusid:5",
            "s2:649def34f8be52c8b66281af98ae884c09aef38b",
        ),
        title="Small caches",
        authors=("Ada Byron",),
        published=Date(2024, 3, 2),
        extra={"journal": "Letters"},
        citations=7,
        sources=("semantic-scholar:s2.json",),
    )
    assert len(found) == (2 if "\n" in shape else 1)


def test_acl(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("2022.acl.xml", ACL))
    assert first == Paper(
        ids=("doi:10.18653/v1/2022.acl-long.1", "acl:2022.acl-long.1"),
        title="KV caches n^2",
        abstract="We keep less.",
        authors=("Ada Byron",),
        published=Date(2022, 5),
        url="https://aclanthology.org/2022.acl-long.1/",
        extra={"journal": "Proceedings", "pages": "1-9"},
        sources=("acl:2022.acl.xml",),
    )
    assert second.ids == ("acl:2022.acl-long.2",)


def test_author_page(write_source: WriteSource) -> None:
    first, second, third, bare = read_papers(write_source("page.txt", PAGE))
    assert first == Paper(
        title="Small caches for ranking",
        abstract="We keep less and lose little, across every length we tried it on.",
        authors=("Ada Byron", "José García"),
        authors_partial=True,
        published=Date(2026, 6, 4),
        categories=("cs.IR",),
        extra={"score": 97.1, "affiliation": "pku"},
        sources=("author-page:page.txt",),
    )
    assert (second.published, second.categories, second.extra) == (Date(2023, 2, 28), ("cs.CV",), {"code": True})
    assert (third.published, third.categories) == (Date(2025, 6, 16), ("stat.ML",))  # June 16 is after as_of
    assert bare.title is None
    assert bare.abstract == "A bare paragraph without any title, which is a paper all the same."


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress, zstandard.compress])
def test_compressed_files_are_decompressed(write_source: WriteSource, compress: Callable[[bytes], bytes]) -> None:
    assert [p.title for p in read_papers(write_source("no-ending", compress(ATOM.encode())))] == [
        "Small caches & long contexts"
    ]


def test_folders_are_walked_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b/2.ris", "a/1.bib", ".git/x.bib", "b/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(RIS, "utf-8")
    found = sources.discover([tmp_path, tmp_path / "b" / "2.ris"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a/1.bib", "b/2.ris"]
    with pytest.raises(InvalidValue, match="nowhere"):
        sources.discover([tmp_path / "nowhere"])


def test_format_overrides_detection(write_source: WriteSource) -> None:
    path = write_source("snapshot.json", SNAPSHOT)
    assert read_papers(path, "arxiv-snapshot")[0].version == 2
    assert (
        "authors_parsed" not in read_papers(path, "jsonl")[0].extra
    )  # unknown fields are kept if they are plain values
    with pytest.raises(InvalidValue, match="choose one of"):
        read(path, "arxiv")


def test_authors_may_be_objects_with_a_name(write_source: WriteSource) -> None:
    path = write_source(
        "other.jsonl", '{"title": "Bees", "authors": [{"name": "Jane Doe", "orcid": null}, "Rick Roe"]}\n'
    )
    assert read_papers(path)[0].authors == ("Jane Doe", "Rick Roe")
