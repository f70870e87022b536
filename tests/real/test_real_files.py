"""Readers and identity on files written by other programs; needs ../shared."""

import lzma
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from fake_embedder import FakeEmbedder
from indexer import sources
from indexer.build import ImportOptions, index
from indexer.sources.file import SourceFile
from search.errors import SourceError
from search.papers.paper import Paper
from search.searcher import Searcher

SHARED = Path(__file__).parents[2].parent / "shared"
FORMATS, PAGES = SHARED / "formats", SHARED / "pages"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real files in ../shared")


def read(path: Path) -> tuple[str, list[Paper]]:
    file = SourceFile(path, date(2026, 8, 1))
    found = list(sources.read(file))
    assert [each for each in found if isinstance(each, SourceError)] == []
    return file.format, [each for each in found if isinstance(each, Paper)]


@pytest.mark.parametrize(
    ("name", "format_", "records", "title"),
    [
        ("acl_2022.acl.xml", "acl", 774, "AdapLeR: Speeding up Inference by Adaptive Length Reduction"),
        ("arxiv_api_fixture.json", "arxiv-atom", 100, None),
        ("kaggle_arxiv_snippet.json", "arxiv-snapshot", 200,
         "Calculation of prompt diphoton production cross sections at Tevatron and LHC energies"),
        ("pubmed_29768149.xml", "pubmed", 1, None),
        ("s2_paper.json", "semantic-scholar", 1, None),
        ("sample.nbib", "nbib", 1, "Proteomics: A new perspective for cancer."),
        ("zotero.ris", "ris", 100,
         "An open source machine learning framework for efficient and transparent systematic reviews"),
        ("zotero_betterbibtex_1051.bib", "bibtex", 1_051, None),
    ],
)  # fmt: skip
def test_every_record_of_a_real_file_is_read(name: str, format_: str, records: int, title: str | None) -> None:
    detected, papers = read(FORMATS / name)
    assert (detected, len(papers)) == (format_, records)
    assert title is None or papers[0].title == title
    assert all(paper.published for paper in papers if format_ not in ("bibtex", "ris"))
    assert sum(not paper.authors for paper in papers) <= records // 20
    names = {name for paper in papers for name in paper.authors if {"\\", "{", "}"} & set(name)}
    assert names <= {r"Nguy\~ên", "I. Kova{č}ić"}  # exported as {\textbackslash} and {\textbraceleft}


FORMATS_AND_COUNTS = {
    "acl_2022.acl.xml": ("acl", 774, 0),
    "arxiv_api_fixture.json": ("arxiv-atom", 100, 0),
    "crossref_conference.json": ("crossref", 1, 0),
    "crossref_with_abstract.json": ("crossref", 1, 0),
    "dealii2013.bib": ("bibtex", 91, 0),
    "embase.csv": ("csv", 6, 0),
    "endnote.enw": ("refer", 2, 11),  # most of its records have a type only
    "endnote.xml": ("endnote-xml", 2, 0),
    "eric.nbib": ("nbib", 1, 0),
    "generic.tsv": ("csv", 2, 0),
    "ieee.csv": ("csv", 10, 0),
    "iridia_articles.bib": ("bibtex", 1_509, 0),
    "iridia_crossref.bib": ("bibtex", 429, 0),
    "kaggle_arxiv_snippet.json": ("arxiv-snapshot", 200, 0),
    "lens.csv": ("csv", 8, 0),
    "mods.xml": ("mods", 3, 0),
    "nime2003.bib": ("bibtex", 48, 0),
    "openalex.csv": ("csv", 8, 0),
    "pubmed_29768149.xml": ("pubmed", 1, 0),
    "s2_paper.json": ("semantic-scholar", 1, 0),
    "sample.nbib": ("nbib", 1, 0),
    "scopus.csv": ("csv", 8, 0),
    "springer.csv": ("csv", 18, 0),
    "web_of_science.txt": ("web-of-science", 8, 0),
    "wos.isi": ("web-of-science", 2, 0),
    "zotero.ris": ("ris", 100, 0),
    "zotero_betterbibtex_1051.bib": ("bibtex", 1_051, 0),
}
"""Of each file, the format, and the number of records that are papers and that are skipped."""
MACROS = ("iridia_abbrev.bib", "iridia_authors.bib", "iridia_journals.bib")
"""Files with macros of BibTeX only."""


def test_every_real_file_is_listed() -> None:
    assert {path.name for path in FORMATS.iterdir()} == {*FORMATS_AND_COUNTS, *MACROS}


@pytest.mark.parametrize("name", FORMATS_AND_COUNTS)
def test_every_real_file_is_read(name: str) -> None:
    file = SourceFile(FORMATS / name, date(2026, 8, 1))
    found = list(sources.read(file))
    errors = [each for each in found if isinstance(each, SourceError)]
    assert (file.format, len(found) - len(errors), len(errors)) == FORMATS_AND_COUNTS[name]
    assert all(error.line and error.reason for error in errors)


@pytest.mark.parametrize("name", MACROS)
def test_a_file_of_macros_has_no_paper(name: str) -> None:
    found = list(sources.read(SourceFile(FORMATS / name, date(2026, 8, 1))))
    assert [each for each in found if isinstance(each, Paper)] == []


def test_pages_contain_47_listings() -> None:
    papers = [paper for path in sorted(PAGES.iterdir()) for paper in read(path)[1]]
    assert len(papers) == 47
    assert sum(paper.title is None for paper in papers) > 0
    assert all(paper.published and paper.categories and paper.authors for paper in papers if paper.title)


IN_CORPUS = ("2602.09843", "2604.10060", "2603.28460", "2604.24432", "2507.01949", "2509.01563", "2508.14515",
                      "2506.13695")  # fmt: skip


def index_papers(paths: list[Path], directory: Path) -> tuple[int, list[Paper]]:
    """Imports files; returns the number of records read and the resulting papers."""
    report = index(paths, directory, FakeEmbedder(), options=ImportOptions(as_of=date(2026, 8, 1)))
    snapshot = Searcher(directory, lambda _model: FakeEmbedder()).snapshot
    return report.counts.read, [paper for row, paper in snapshot.store.scan(0) if row in snapshot.live]


def test_pages_alone_yield_29_papers(tmp_path: Path) -> None:
    read_, papers = index_papers([PAGES], tmp_path)
    assert (read_, len(papers)) == (47, 29)
    assert index_papers([PAGES], tmp_path)[1] == papers


def test_papers_in_both_pages_and_corpus_are_merged(tmp_path: Path) -> None:
    wanted = re.compile("|".join(f'"arxiv:{re.escape(number)}' for number in IN_CORPUS), re.IGNORECASE)
    with lzma.open(SHARED / "corpora" / "arxiv.jsonl.xz", "rt", encoding="utf-8") as corpus:
        lines = [line for line in corpus if wanted.search(line) or any(f'"{n}"' in line for n in IN_CORPUS)]
    (tmp_path / "corpus.jsonl").write_text("".join(lines), "utf-8")
    results = [
        index_papers(order, tmp_path / str(n))[1]
        for n, order in enumerate(([PAGES, tmp_path / "corpus.jsonl"], [tmp_path / "corpus.jsonl", PAGES]))
    ]
    for papers in results:
        assert len(papers) == 29
        assert {f"arxiv:{number}" for number in IN_CORPUS} == {
            paper.id for paper in papers if paper.id.startswith("arxiv:")
        }
        assert all(len(paper.sources) > 1 for paper in papers if paper.id.startswith("arxiv:"))
    first, second = ({repr(replace(paper, added=None)) for paper in papers} for papers in results)
    assert first == second
