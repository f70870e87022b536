"""Comparison of indexes: equal ones agree, and what differs is found."""

import json
from pathlib import Path

import pytest

from cli_call import run, run_json
from fake_embedder import FakeEmbedder
from indexer.build import index
from records import make_records, open_index, write_records
from search.errors import InvalidValue
from search.searcher import Searcher
from service.evaluation.index_comparison import Answer, ComparedQuestion, compare_indexes, draw_questions

QUESTIONS = ["galaxy cache", "token lattice cat:cs.CL", 'au:"Ada Byron3"', "video year:2012", "cat:nothing"]


def build(folder: Path, name: str, count: int, *, without: int | None = None) -> Searcher:
    records = [record for number, record in enumerate(make_records(0, count)) if number != without]
    index([write_records(folder / f"{name}.jsonl", records)], folder / name, FakeEmbedder())
    return open_index(folder / name)


@pytest.fixture(scope="module")
def searchers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Searcher, Searcher, Searcher]:
    """Two equal indexes, and one without a paper of Ada Byron3, from 2012, about galaxies."""
    folder = tmp_path_factory.mktemp("comparison")
    equal = build(folder, "one", 60), build(folder, "other", 60)
    return *equal, build(folder, "less", 60, without=17)


def test_equal_indexes_agree(searchers: tuple[Searcher, Searcher, Searcher]) -> None:
    one, other, _ = searchers
    questions = [*QUESTIONS, *draw_questions(one, 20)]
    comparison = compare_indexes(one, other, questions, limit=10, min_overlap=1)
    assert comparison.agrees
    assert (comparison.overlap, comparison.different) == (1, [])
    found = comparison.to_json()
    assert found["same_order"] == found["same_totals"] == found["same_bands"] == 25
    assert min(comparison.median_ms) > 0


def test_a_missing_paper_is_found(searchers: tuple[Searcher, Searcher, Searcher]) -> None:
    one, _, less = searchers
    paper = one.paper("2000.00017")
    (author,) = paper.authors
    questions = [f'au:"{author}"', "cat:cs.CL", "year:1999"]
    comparison = compare_indexes(one, less, questions, limit=100, min_overlap=0)
    first, second, third = comparison.questions
    assert next(first.differences()) == "only in A: arxiv:2000.00017"
    assert "total in A: 60 papers; in B: 59 papers" in list(second.differences())
    assert list(third.differences()) == []
    assert not comparison.agrees  # whatever the overlap


def test_drawn_questions_find_papers(searchers: tuple[Searcher, Searcher, Searcher]) -> None:
    one, _, less = searchers
    questions = draw_questions(one, 20)
    assert (len(questions), questions) == (20, draw_questions(one, 20))
    assert {each.partition(":")[0].rpartition(" ")[2] for each in questions if ":" in each} == {"cat", "year", "au"}
    assert all(one.ask(each).total for each in questions)
    with pytest.raises(InvalidValue, match="there are none"):
        compare_indexes(one, less, [], limit=10, min_overlap=0)


def test_the_order_of_equal_scores_does_not_matter() -> None:
    one = Answer(("a", "b", "c"), (0.5, 0.5, 0.2), (None, None, None), 3)
    other = Answer(("b", "a", "c"), (0.5, 0.5, 0.2), (None, None, None), 3)
    assert list(ComparedQuestion("x", one, other).differences()) == []
    swapped = Answer(("a", "c", "b"), (0.5, 0.5, 0.2), (None, "strong", None), 3)
    assert list(ComparedQuestion("x", one, swapped).differences()) == [
        "order in A: a, b, c; in B: a, c, b",
        "band of c in A: none; in B: strong",
    ]


def test_estimated_totals_may_differ() -> None:
    one, other = Answer(total=30_000, is_estimated=True), Answer(total=29_500)
    assert ComparedQuestion("x", one, other).has_same_total
    assert not ComparedQuestion("x", one, Answer(total=20_000)).has_same_total
    errors = ComparedQuestion("x", Answer(error="no such category"), Answer())
    assert list(errors.differences()) == ["error in A: no such category; in B: none"]


def test_the_command_says_whether_indexes_agree(sample_index: Path, tmp_path: Path) -> None:
    (tmp_path / "questions.txt").write_text("summaries of papers\n\ncat:cs.CL\n", "utf-8")
    files = "--questions", str(tmp_path / "questions.txt")
    done = run("compare-indexes", str(sample_index), str(sample_index), *files)
    assert done.returncode == 0, done.stderr
    assert "2 questions, first 10 papers of each: overlap 1.000 (limit 0.97)" in done.stdout
    assert done.stdout.endswith("The indexes agree.\n")
    archive, copy = str(tmp_path / "archive"), str(tmp_path / "copy")
    assert run("export-index", archive, "--index", str(sample_index)).returncode == 0
    assert run("import-index", archive, "--index", copy).returncode == 0
    done = run("compare-indexes", str(sample_index), copy, "--draw", "8", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["agrees"], answer["different"]) == (0, True, [])
    first = run_json("search", "summaries of papers", "--index", copy)
    assert run("remove", "--yes", first["hits"][0]["id"], "--index", copy).returncode == 0
    done = run("compare-indexes", str(sample_index), copy, *files)
    assert done.returncode == 1
    assert "The indexes do not agree." in done.stdout
    assert run("compare-indexes", copy, copy, "--questions", str(tmp_path / "absent")).returncode == 2
