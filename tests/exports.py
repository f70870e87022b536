"""Papers and pages to export, and the papers that an import restores from an export."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from hypothesis import strategies as st

from indexer import sources
from indexer.identity import ensure_id
from indexer.sources.file import SourceFile
from indexer.sources.placeholders import is_placeholder
from indexer.sources.record import Draft
from sample import ROOT
from search.errors import SourceError
from search.papers.date import Date
from search.papers.folding import normalize_whitespace, put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.explanation import Explanation
from search.query.hit import Highlights, Hit, LegMatch, Span
from search.query.page import Page
from service.formats import Format
from service.formats.person import Person

AS_OF = date(2026, 6, 15)
ROUND_TRIP_FORMATS: tuple[Format, ...] = ("bibtex", "ris", "csl-json", "csv", "ndjson")
READERS = {"bibtex": "bibtex", "ris": "ris", "csl-json": "csl-json", "csv": "csv", "ndjson": "jsonl"}
ATOM = "{http://www.w3.org/2005/Atom}"


def make_page(papers: Sequence[Paper]) -> Page:
    hits = tuple(
        Hit(paper, -0.25, LegMatch(1, 0.5), None, band="weak", highlights=Highlights((Span(0, 1),))) for paper in papers
    )
    return Page(hits, len(hits), True, 1.0, "gen-000001", Explanation("exact", 0, 0, ()), interpretation="all papers")


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
    """Returns the paper as an import restores it from an export (docs/formats.md)."""
    restore = {"ndjson": str, "csv": put_given_name_first}.get(name, lambda author: Person.parse(author).name)
    references = () if name in ("bibtex", "ris") else paper.references
    authors = tuple(map(restore, paper.authors))
    return replace(paper, authors=authors, url=paper.link, references=references, sources=())


def read_sample() -> list[Paper]:
    found = sources.read(SourceFile(ROOT / "data" / "sample.jsonl", AS_OF))
    return [ensure_id(each) for each in found if isinstance(each, Paper)]


WORDS = st.sampled_from(
    ["KV", "cache", "PA&DA:", "50%", "a_b", "#1", "~5", "x^2", "{", "}", "{KV}", "\\textit{x}", "\\", "\\'e", "$O(n)$",
     "$\\{x$", "$x", "\\$5", "$\\input{x}$", "$^^5cread$", "\\(\\write18{x}\\)", "$x %$",
     ";=1", "a;'-1", 'b;"=1', "$\\alpha_{i}$", "\\(a_1\\)", "--", "---", "``q''", '"q"', "'", "`", "<b>", "]]>",
     "&amp;",
     "@misc{x,", "TY  - JOUR", "ER  -", "and", "others", "=1+1", "+1", "-1", "@x", "'=1", ";", ",", "é", "Müller", "李",
     "∂", "\u2014", "\u201cq\u201d", "…", "ø", "\U0001d54f", "%", "n\u0303"]
)  # fmt: skip
TEXTS = (
    st.lists(WORDS | st.text(max_size=6), min_size=1, max_size=8)
    .map(" ".join)
    .map(normalize_whitespace)
    .filter(lambda text: bool(text) and not is_placeholder(text))
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
        "keywords": st.lists(TEXTS, min_size=1, max_size=3), "citations": st.integers(0, 99), "affiliation": TEXTS,
        "other": JSON, "score": st.floats(1, 99),
    },
)  # fmt: skip


@st.composite
def paper_drafts(draw: st.DrawFn) -> Paper:
    """Draws a paper as a source produces it."""
    title, abstract = draw(st.none() | TEXTS), draw(TEXTS)
    draft = Draft("", draw(IDS), title, abstract, draw(st.lists(NAMES, max_size=4)), draw(st.booleans()))
    draft.published, draft.updated = draw(st.none() | DATES), draw(st.none() | DATES)
    draft.categories = draw(st.lists(st.sampled_from(["cs.CL", "hep-th", "astro-ph.GA"]), unique=True))
    draft.url, draft.extra = draw(URLS), draw(EXTRA)
    draft.version = draw(st.none() | st.integers(1, 9))
    draft.retraction = draw(st.none() | st.sampled_from(["retracted", "withdrawn"]))
    draft.references = draw(st.lists(st.sampled_from(["doi:10.1000/r1", "arXiv:2301.00001", "W2741809807"])))
    return draft.to_paper()
