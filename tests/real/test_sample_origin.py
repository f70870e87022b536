"""Compares the sample with its sources: the facts are the same, and no sentence is copied."""

import hashlib
import json
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pytest

from search.papers.json import Json

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
CORPUS = SHARED / "corpora" / "arxiv.jsonl.xz"
PAGES = SHARED / "pages"

pytestmark = pytest.mark.skipif(
    not (CORPUS.exists() and PAGES.is_dir()), reason="needs the author pages and the arXiv corpus in ../shared"
)

LISTING_PATTERN = re.compile(
    r"(?P<score>\d+\.\d)?(?P<code>[A-Z]{2})(?P<day>[A-Z][a-z]{2} \d{1,2})(, (?P<year>\d{4}))?(Code)?"
)
CATEGORIES = {
    "CV": "cs.CV", "CL": "cs.CL", "AI": "cs.AI", "IR": "cs.IR", "LG": "cs.LG", "PF": "cs.PF", "ML": "stat.ML",
    "NI": "cs.NI",
}  # fmt: skip
PAGES_DATE = date(2026, 11, 23)
"""The day the pages were saved; a listing omits the year of dates in the twelve months before."""


@dataclass
class Listing:
    """The facts of one paper from all its listings."""

    abstract: str
    title: str | None = None
    authors: list[str] = field(default_factory=list)
    partial: bool = False
    category: str | None = None
    published: str | None = None
    extra: dict[str, Json] = field(default_factory=dict)


def read_json_lines(path: Path) -> list[dict[str, Json]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


SAMPLE = read_json_lines(ROOT / "data" / "sample.jsonl")
KNOWN_ITEMS = read_json_lines(ROOT / "tests" / "known_items.jsonl")


def abstract_key(abstract: str) -> str:
    """The key ``shared_starts``: SHA-256 of the first 60 characters in lower case with normalized white space."""
    return hashlib.sha256(" ".join(abstract.lower().split())[:60].encode()).hexdigest()


def parse_day(text: str, year: str | None) -> str:
    for guess in [year] if year else ["2026", "2025"]:
        found = datetime.strptime(f"{text} {guess}", "%b %d %Y").date()
        if found <= PAGES_DATE:
            return found.isoformat()
    raise ValueError(f"{text!r} is in the future")


def parse_listings(lines: list[str]) -> Iterator[Listing]:
    for number, line in enumerate(lines):
        if line.startswith("Abstract:"):
            yield Listing(re.sub(r"h-index\d+$", "", line.removeprefix("Abstract:")))
        elif match := LISTING_PATTERN.fullmatch(line.strip()):
            title, people, abstract = (lines[number + step].strip() for step in (1, 3, 5))
            names, _, affiliation = (part.strip() for part in people.partition("·"))
            extra: dict[str, Json] = {"affiliation": affiliation} if affiliation else {}
            if match["score"]:
                extra["score"] = float(match["score"])
            if line.strip().endswith("Code"):
                extra["code"] = True
            cut = names.endswith("et al.")
            authors = list(dict.fromkeys(name.strip() for name in names.removesuffix("et al.").split(",")))
            category, published = CATEGORIES[match["code"]], parse_day(match["day"], match["year"])
            yield Listing(abstract, title, authors, cut, category, published, extra)


@pytest.fixture(scope="module")
def pages() -> dict[str, Listing]:
    """The 29 papers of the pages by ``abstract_key``; a listing with a title replaces one without."""
    found: dict[str, Listing] = {}
    for path in sorted(PAGES.glob("*.txt")):
        for listed in parse_listings(path.read_text(encoding="utf-8").splitlines()):
            known = found.setdefault(abstract_key(listed.abstract), listed)
            extra = {**known.extra, **listed.extra}
            if known.title is None and listed.title is not None:
                found[abstract_key(listed.abstract)] = known = listed
            known.extra = extra
    return found


@pytest.fixture(scope="module")
def corpus() -> dict[str, dict[str, Json]]:
    """The corpus records of the sample's arXiv papers by canonical ID."""
    wanted = {str(row["id"]).removeprefix("arxiv:").encode() for row in SAMPLE if "id" in row}
    found: dict[str, dict[str, Json]] = {}
    with lzma.open(CORPUS) as lines:
        for line in lines:
            if line[:40].split(b'"', 4)[3].removeprefix(b"arXiv:") in wanted:
                record = json.loads(line)
                found[record["id"].lower()] = record
    return found


@pytest.fixture(scope="module")
def listing_of_abstract(pages: dict[str, Listing]) -> dict[str, Listing]:
    """The listings of the pages' 29 papers by their abstracts in the sample."""
    return {
        str(row["abstract"]): pages[str(question["shared_starts"])]
        for question in KNOWN_ITEMS
        for row in SAMPLE
        if str(row["abstract"]).startswith(str(question["abstract_starts"]))
    }


def word_ngrams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}


def test_the_questions_cover_the_papers_of_the_pages(
    pages: dict[str, Listing], listing_of_abstract: dict[str, Listing]
) -> None:
    assert len(pages) == 29
    assert {question["shared_starts"] for question in KNOWN_ITEMS} == set(pages)
    assert len(listing_of_abstract) == 29


def test_papers_only_in_the_pages_have_their_facts(listing_of_abstract: dict[str, Listing]) -> None:
    for row in (row for row in SAMPLE if "id" not in row):
        listed = listing_of_abstract[str(row["abstract"])]
        assert row.get("title") == listed.title
        assert row.get("authors", []) == listed.authors
        assert row.get("authors_partial", False) == listed.partial
        assert row.get("categories", []) == ([listed.category] if listed.category else [])
        assert row.get("published") == listed.published
        assert row.get("extra", {}) == listed.extra
        assert not {"updated", "url"} & set(row)


def test_papers_in_the_corpus_have_its_facts(
    corpus: dict[str, dict[str, Json]], listing_of_abstract: dict[str, Listing]
) -> None:
    for row in (row for row in SAMPLE if "id" in row):
        record, listed = corpus[str(row["id"])], listing_of_abstract.get(str(row["abstract"]))
        assert "authors_partial" not in row
        for name in ("title", "authors", "updated", "categories", "url"):
            assert row.get(name) == record.get(name), (row["id"], name)
        days = [str(record["published"]), *([listed.published] if listed and listed.published else [])]
        assert row["published"] == min(days)
        extra = dict(listed.extra) if listed else {}
        assert row.get("extra", {}) == extra | ({"comment": record["comment"]} if "comment" in record else {})


def test_no_summary_shares_eight_words_in_a_row_with_any_original(
    pages: dict[str, Listing], corpus: dict[str, dict[str, Json]]
) -> None:
    originals = [listed.abstract for listed in pages.values()] + [str(paper["abstract"]) for paper in corpus.values()]
    copied = set().union(*map(word_ngrams, originals))
    for row in SAMPLE:
        assert not word_ngrams(str(row["abstract"])) & copied, row.get("title")
