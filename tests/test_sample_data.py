"""The sample follows its own rules, and the known-item questions do not repeat the titles of their papers."""

import json
import re
from pathlib import Path

import pytest

from search.papers.date import Date
from search.papers.identifiers import parse
from search.papers.json import Json
from search.papers.paper import Paper

ROOT = Path(__file__).resolve().parents[1]
FIELDS = {
    "id", "title", "abstract", "authors", "authors_partial", "published", "updated", "categories", "url", "extra",
}  # fmt: skip
STOP_WORDS = set(
    re.findall(
        r"\w+",
        "a an and are as at be because been both by can do does each for from get has have how if in instead into is "
        "it its many may more most no non not of on one or other out per should so than that the their them then these "
        "this those through to up use uses using via was were what when where which while who why will with",
    )
)
SUFFIXES = (
    "izations", "ization", "ations", "ation", "ings", "ions", "ally", "ized", "ing", "ion", "ers", "ies",
    "al", "ed", "er", "es", "ly", "or", "e", "s", "y",
)  # fmt: skip


def read_json_lines(path: Path) -> list[dict[str, Json]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


SAMPLE = read_json_lines(ROOT / "data" / "sample.jsonl")
KNOWN_ITEMS = read_json_lines(ROOT / "tests" / "known_items.jsonl")


def row_label(row: dict[str, Json]) -> str:
    return str(row.get("id") or row.get("title") or str(row.get("abstract"))[:40])


def stem(word: str) -> str:
    """Strips suffixes repeatedly: captions, captioning and caption have the same stem."""
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            short = word.removesuffix(suffix)
            return stem(short[:-1] if len(short) > 3 and short[-1] == short[-2] else short)
    return word


def content_stems(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in STOP_WORDS}


@pytest.mark.parametrize("row", SAMPLE, ids=row_label)
def test_a_row_has_only_known_nonempty_fields(row: dict[str, Json]) -> None:
    assert set(row) <= FIELDS
    assert all(value not in (None, "", [], {}, False) for value in row.values())
    assert Paper.from_json(row).to_json() == row


@pytest.mark.parametrize("row", SAMPLE, ids=row_label)
def test_an_abstract_is_a_summary_of_60_to_120_words(row: dict[str, Json]) -> None:
    abstract = str(row["abstract"])
    assert 60 <= len(abstract.split()) <= 120
    assert abstract == " ".join(abstract.split())


@pytest.mark.parametrize("row", SAMPLE, ids=row_label)
def test_dates_are_days_in_order(row: dict[str, Json]) -> None:
    dates = [Date.parse(str(row[name])) for name in ("published", "updated") if name in row]
    assert all(day.precision == 3 for day in dates)
    assert dates == sorted(dates)


@pytest.mark.parametrize("row", SAMPLE, ids=row_label)
def test_ids_are_canonical_and_match_the_url(row: dict[str, Json]) -> None:
    for name in ("id", "url"):
        if name in row:
            found = parse(str(row[name]))
            assert found is not None
            assert found.id == row["id"]


@pytest.mark.parametrize("row", SAMPLE, ids=row_label)
def test_authors_and_categories_have_no_duplicates(row: dict[str, Json]) -> None:
    for name in ("authors", "categories"):
        values = row.get(name, [])
        assert isinstance(values, list)
        assert all(isinstance(value, str) and value == value.strip() for value in values)
        assert len(values) == len({str(value) for value in values})
        assert not any("et al" in str(value) for value in values)
    assert row.get("authors_partial", True) is True
    assert "authors" in row or "authors_partial" not in row


def test_there_are_about_sixty_papers_without_duplicates() -> None:
    assert 55 <= len(SAMPLE) <= 65
    for name in ("id", "title", "abstract"):
        values = [" ".join(str(row[name]).lower().split()) for row in SAMPLE if name in row]
        assert len(values) == len(set(values))


def test_the_readme_lists_every_field() -> None:
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert {name for row in SAMPLE for name in row} <= set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))


def test_there_are_29_questions_for_29_papers() -> None:
    assert len(KNOWN_ITEMS) == 29
    for name in ("question", "abstract_starts", "shared_starts"):
        assert len({str(question[name]) for question in KNOWN_ITEMS}) == 29


@pytest.mark.parametrize("question", KNOWN_ITEMS, ids=lambda question: str(question["question"])[:40])
def test_a_question_identifies_one_paper_of_the_sample(question: dict[str, Json]) -> None:
    papers = [row for row in SAMPLE if str(row["abstract"]).startswith(str(question["abstract_starts"]))]
    assert len(papers) == 1
    assert papers[0].get("title") == question["title"]
    assert papers[0].get("id") == question.get("id")
    assert re.fullmatch("[0-9a-f]{64}", str(question["shared_starts"]))


@pytest.mark.parametrize("question", KNOWN_ITEMS, ids=lambda question: str(question["question"])[:40])
def test_a_question_shares_at_most_two_content_stems_with_the_title(question: dict[str, Json]) -> None:
    text = str(question["question"])
    assert 8 <= len(text.split()) <= 20
    assert len(content_stems(text) & content_stems(str(question["title"] or ""))) <= 2


@pytest.mark.parametrize(
    ("words", "same"),
    [
        ("caption captions captioning", True),
        ("bid bids bidding", True),
        ("compute computation computing", True),
        ("token tokens tokenization", True),
        ("video caption", False),
    ],
)
def test_the_stemmer_strips_suffixes(words: str, same: bool) -> None:
    assert (len({stem(word) for word in words.split()}) == 1) is same
