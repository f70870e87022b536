"""The fault reports in ../shared/cases: each input is imported as its command does, and what is expected holds."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli_call import run
from fake_embedder import FakeEmbedder
from indexer.build import ImportReport, index
from search.errors import InvalidValue
from search.papers.date import Date
from search.papers.paper import Paper
from search.query.query import Query
from search.searcher import Searcher
from service import formats
from service.formats import Format

CASES = Path(__file__).parents[2] / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs the fault reports in ../shared/cases")


@dataclass(frozen=True)
class Imported:
    """The result of a report's imports.

    Attributes:
        folder: The folder of the report.
        directory: The index.
        reports: What each import reported.
        papers: The papers, the oldest one first.
    """

    folder: Path
    directory: Path
    reports: list[ImportReport]
    papers: list[Paper]

    @property
    def searcher(self) -> Searcher:
        return Searcher(self.directory, lambda _model: FakeEmbedder())

    @property
    def skipped(self) -> list[str]:
        return [f"{Path(error.path).name}: {error.reason}" for report in self.reports for error in report.skipped]

    def find(self, title: str) -> Paper:
        (paper,) = (paper for paper in self.papers if title in (paper.title or ""))
        return paper

    def titles(self, box: str) -> list[str]:
        """The titles of the papers that match what is typed."""
        try:
            return sorted(hit.paper.title or "" for hit in self.searcher.ask(box, mode="lexical", limit=50).hits)
        except InvalidValue:
            return []

    def export(self, name: Format) -> str:
        return formats.render_page(name, self.searcher.search(Query(limit=50, sort="oldest"))).decode()


def import_case(name: str, directory: Path) -> Imported:
    (folder,) = CASES.glob(f"*-{name}")
    command = (folder / "cmd").read_text("utf-8")
    reports = [
        index([folder / file for file in files.split()], directory, FakeEmbedder())
        for files in re.findall(r"\$P index ([^$]+?) --index \$IX\b(?!\.)", command)
    ]
    found = (
        Searcher(directory, lambda _model: FakeEmbedder()).search(Query(limit=50, sort="oldest")) if reports else None
    )
    return Imported(folder, directory, reports, [hit.paper for hit in found.hits] if found else [])


def check_latex_command_crash(case: Imported) -> None:
    assert len(case.papers) == 3
    case.find("Bees and hives")
    for title in (
        r"\footnote{see {\em x}}", r"\textcolor{red}{a {B} c}", r"\sqrt[3]{2}", r"see \input file", r"\input x",
        r"\title x", r"\date x", r"\author x", r"\footnote{x {y}}",
    ):  # fmt: skip
        path = case.directory.parent / "one.bib"
        path.write_text(f"@misc{{k, title={{t {title}}}}}\n", "utf-8")
        report = index([path], case.directory.parent / "one", FakeEmbedder())
        assert report.counts.read == 1, title


def check_latex_words_lost(case: Imported) -> None:
    abstract = case.find("The bee.II library, version 3").abstract or ""
    for word in ("IEEE", "HoneyKit", "LaTeX", "<", ">", "_", "α", "-comb", "10"):
        assert word in abstract
    assert "%s" not in abstract
    assert "german" not in abstract


def check_string_macros(case: Imported) -> None:
    first, second, third = (case.find(title) for title in ("On hives", "Second of hives", "Third of hives"))
    assert (first.authors, first.extra["journal"]) == (("Jane Doe", "Rick Roe"), "Journal of Bee Studies")
    assert (second.authors, third.authors) == (("Edgar Poe", "Jane Doe"), ("Rick Roe",))


def check_duplicate_field(case: Imported) -> None:
    assert len(case.papers) == 2
    assert sum(len(report.warnings) for report in case.reports) > 0


def check_doi_in_bibtex(case: Imported) -> None:
    sici = "doi:10.1002/(sici)1097-0142(1999)4:2<{}::aid-x>3.0.co;2-y"
    expected = {
        "As dblp": "doi:10.1007/978-3-030-00000-1_7", "As Mendeley": "doi:10.1007/978-3-030-00000-1_8",
        "Double": "doi:10.5555/braced", "In an url": "doi:10.5555/url", "in LaTeX": sici.format(387),
        "with entities": sici.format(388), "Only as": "doi:10.5555/address",
    }  # fmt: skip
    assert {title: case.find(title).id for title in expected} == expected
    assert case.find("As dblp").url == "https://example.org/a_b%20c"
    assert case.searcher.paper("10.1007/978-3-030-00000-1_7")


def check_doi_percent_encoded(case: Imported) -> None:
    address = "https://doi.org/10.1002/(SICI)1097-0142(1999)4:2%3C387::AID-X%3E3.0.CO;2-Y"
    assert case.searcher.paper(address).title == "Sici bees"
    assert case.find("Address bees").id == "doi:10.5555/abc"
    assert case.find("Only UR bees").id == "doi:10.5555/only-ur"


def check_latin1(case: Imported) -> None:
    titles = {paper.title for paper in case.papers}
    assert titles == {"Wurst und Käse", "Käse und Brot", "It’s “Käse”"}
    assert len(case.titles("au:müller")) == 2


def check_date_shadows_year(case: Imported) -> None:
    dates = [str(case.find(title).published) for title in ("at a conference", "about then", "Braced")]
    assert dates[0] in ("2001", "2001-04", "2001-04-01")
    assert dates[1:] == ["2004", "2011-02"]


def check_bibtex_author_lists(case: Imported) -> None:
    three = ("J. Doe", "R. Roe", "E. Poe")
    expected = {
        "Commas only": three, "Commas and one and": three, "Semicolons": ("Jane Doe", "Rick Roe"),
        "Et al in words": ("Jane Doe",), "Extended names": ("Hans Harman", "Simon de Beumont"),
        "Trailing and": ("Jane Doe", "Rick Roe"),
    }  # fmt: skip
    assert {title: case.find(title).authors for title in expected} == expected
    assert case.find("Et al in words").authors_partial


def check_surname_initial_names_exported(case: Imported) -> None:
    bibtex = case.export("bibtex")
    assert "author = {Doe, J. A. and Roe, R.}" in bibtex
    assert "author = {Liu, R. and Adler, D. G.}" in bibtex
    assert re.search(r"^@\w+\{doe2020", bibtex, re.MULTILINE)
    assert re.search(r"^@\w+\{liu2014", bibtex, re.MULTILINE)
    assert '"family": "Doe"' in case.export("csl-json")
    assert "AU  - Doe, J. A." in case.export("ris")


def check_csv_authors_by_commas(case: Imported) -> None:
    assert [len(paper.authors) for paper in case.papers] == [
        2 if paper.title == "PubMed bees" else 3 for paper in case.papers
    ]
    assert len(case.titles("au:Roe")) == 4
    assert {"pmid:11", "pmid:12"} <= {each for paper in case.papers for each in paper.ids}


def check_csv_title_column_unknown(case: Imported) -> None:
    assert len(case.papers) == 6
    assert all(paper.title and paper.authors for paper in case.papers)
    assert {paper.published.year for paper in case.papers if paper.published} == {2018}


def check_csv_date_costs_the_row(case: Imported) -> None:
    assert len(case.papers) == 5
    years = {
        paper.title: paper.published and paper.published.year for paper in case.papers
    }  # an unreadable date is left out
    assert list(years.values()).count(2019) == 3
    assert list(years.values()).count(None) == 2
    assert case.find("a float year").published == Date(2019)


def check_csv_one_cell_too_many(case: Imported) -> None:
    assert {paper.id for paper in case.papers} == {"doi:10.5555/f1", "doi:10.5555/f2"}


def check_placeholder_abstract_merges(case: Imported) -> None:
    for title, doi, year in (
        ("Comment on honey", "one", 2001), ("Winter of the queens", "two", 2005), ("Wax and candles", "three", 2010)
    ):  # fmt: skip
        paper = case.find(title)
        assert (paper.ids, len(paper.authors)) == ((f"doi:10.5555/{doi}",), 1)
        assert paper.published
        assert paper.published.year == year
    assert case.find("Comment on the theory").authors != case.find("Reply about").authors


def check_generic_title_merges(case: Imported) -> None:
    assert [paper.published and paper.published.year for paper in case.papers] == [2018, 2019]


def check_stale_category(case: Imported) -> None:
    (paper,) = case.papers
    assert (paper.categories, paper.authors, paper.version) == (("cs.CV",), ("Jane Doe", "Rick Roe"), 2)
    assert case.titles("cat:cs.CV") == [paper.title]
    assert case.titles("cat:q-bio.TO") == []


def check_html_in_text(case: Imported) -> None:
    titles = {paper.title for paper in case.papers}
    assert titles == {"CO2 uptake by Sphagnum & moss λ", "H2O in Apis bees", "A bee's title"}
    assert not any(mark in (paper.abstract or "") for paper in case.papers for mark in ("<p", "jats", "&lt;"))
    assert len(case.titles("ti:CO2")) == len(case.titles("ti:H2O")) == 1
    assert case.titles("ti:sub") == case.titles("abs:jats") == []


def check_csl_dates(case: Imported) -> None:
    starts = {
        "Literal": "2024", "Raw range": "2000-03-15", "English": "2021", "Pandoc": "2009-01-02", "Flat": "2019",
        "EDTF": "2020-05",
    }  # fmt: skip
    assert all(str(case.find(title).published).startswith(start) for title, start in starts.items())


def check_crossref_json(case: Imported) -> None:
    assert sorted(paper.id for paper in case.papers) == ["doi:10.5555/cr", "doi:10.5555/cr2"]
    assert all(paper.title and paper.authors == ("Jane Doe",) and paper.published for paper in case.papers)


def check_openalex_json(case: Imported) -> None:
    assert len(case.papers) == 2
    for paper in case.papers:
        assert (paper.authors, paper.published) == (("Jane Doe",), Date(2020, 2, 3))
        assert paper.abstract == "Hello bees"
    assert "zenodo.json: unknown format: it looks like JSON of another program" in str(case.skipped)


def check_atom_error_entry(case: Imported) -> None:
    assert case.papers == []
    assert case.skipped == ['in.xml: arXiv answered "incorrect id format for xyz"']


def check_pubmed_lost(case: Imported) -> None:
    by_id = {each: paper for paper in case.papers for each in paper.ids}
    assert "doi:10.5555/eloc" in by_id["pmid:17"].ids
    assert by_id["pmid:20301"].abstract
    assert by_id["pmid:18"].abstract


def check_nbib_variants(case: Imported) -> None:
    assert case.find("by ERIC").authors == ("Jane Doe",)
    assert case.find("by a junior").authors == ("Jane A Doe Jr", "Rick Roe 3rd")


def check_decomposed_letters(case: Imported) -> None:
    for box in ("ti:for\u00eat", "ti:fore\u0302t", "ti:foret", '"for\u00eat"'):
        assert len(case.titles(box)) == 2, box


def check_plural_acronyms(case: Imported) -> None:
    counts = {"ti:LLM": 2, "ti:LLMs": 2, "ti:GNN": 1, "ti:CNN": 1, "ti:RNN": 1, "ti:GAN": 1}
    assert {box: len(case.titles(box)) for box in counts} == counts
    assert not any("LLM" in title for title in case.titles("phones -LLM"))


def check_chinese_japanese_words(case: Imported) -> None:
    (title,) = (paper.title for paper in case.papers if paper.authors)
    for box in ("ti:图像识别", '"图像识别"', "au:王", "au:王小明"):
        assert case.titles(box) == [title], box


def check_bibtex_empty_reason(case: Imported) -> None:
    assert all(re.search(r": .{8,}", message) for message in case.skipped)
    assert not any(message.endswith(": ") for message in case.skipped)
    case.find("Entry after it")
    found = [paper for paper in case.papers if "Missing comma" in (paper.title or "")]
    assert [(paper.title, paper.authors) for paper in found] in ([], [("Missing comma", ("Jane Doe",))])
    assert len(case.papers) + len(case.skipped) == 4


def check_bibtex_subtitle(case: Imported) -> None:
    case.find("Bees: Their queens and winters")
    hives = case.find("Hives")
    assert "Rick Roe" in hives.authors or "Rick Roe" in str(hives.extra)


def check_other_formats(case: Imported) -> None:
    assert len(case.papers) == 8
    assert case.skipped == []


CHECKS: dict[str, Callable[[Imported], None]] = {
    name.removeprefix("check_").replace("_", "-"): check
    for name, check in list(globals().items())
    if name.startswith("check_")
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_report_is_answered(name: str, tmp_path: Path) -> None:
    CHECKS[name](import_case(name, tmp_path / "index"))


@pytest.mark.parametrize("box", ["latest papers on attention", "unet", "Wie viel CO2 nehmen Moore auf?"])
def test_words_that_are_right_are_not_corrected(sample_searcher: Searcher, box: str) -> None:
    assert sample_searcher.ask(box).correction is None


def test_there_is_a_command_that_removes() -> None:
    done = run("remove", "--help")
    assert done.returncode == 0
    assert "--source" in done.stdout


def test_every_report_has_a_check() -> None:
    names = {folder.name.partition("-")[2] for folder in CASES.iterdir() if folder.is_dir()}
    assert names == {*CHECKS, "spelling-of-right-words", "no-way-to-remove"}
