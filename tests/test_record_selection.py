"""``papers index --category | --from | --sample``: conditions that are applied while files are read."""

from datetime import date
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_call import run
from fake_embedder import FakeEmbedder
from indexer.build import ImportOptions, index
from indexer.record_selection import RecordSelection, find_largest_hash
from indexer.removal_selection import select_missing
from indexer.sources.file import SourceFile
from indexer.sources.jsonl import read
from records import make_records, write_records
from search.errors import InvalidValue
from search.papers.date import Date
from search.papers.paper import Paper
from service.cli import papers

ALL = RecordSelection()


def read_papers(paths: list[Path]) -> list[Paper]:
    files = [SourceFile(path, date(2026, 6, 15), "jsonl") for path in paths]
    return [each for file in files for each in read(file) if isinstance(each, Paper)]


def sample(paths: list[Path], size: int, selection: RecordSelection = ALL) -> set[str]:
    options = ImportOptions(accepts=selection)
    chosen = RecordSelection(selection.categories, selection.published_from, find_largest_hash(paths, options, size))
    return {paper.id for paper in read_papers(paths) if chosen(paper)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("files")
    records = make_records(0, 300)
    for number, record in enumerate(records):
        record["categories"] = [("cs.CL", "cs.IR", "math.NA", "astro-ph.CO")[number % 4]]
    parts = (records[:100], [*records[100:200], *records[:50]], records[200:])  # some records are in two files
    return [write_records(folder / f"{number}.jsonl", part) for number, part in enumerate(parts)]


@settings(max_examples=8)
@given(st.integers(1, 320), st.integers(1, 320))
def test_a_sample_has_its_size_and_contains_smaller_ones(files: list[Path], one: int, other: int) -> None:
    small, large = sorted((one, other))
    found = sample(files, large)
    assert len(found) == min(large, 300)
    assert sample(files, small) <= found
    assert sample(files[::-1], large) == found


def test_a_sample_is_of_the_records_that_meet_the_conditions(files: list[Path]) -> None:
    selection = RecordSelection(("cs.IR",), Date(2020))
    matching = {paper.id for paper in read_papers(files) if selection(paper)}
    assert len(matching) > 20
    assert len(sample(files, 20, selection)) == 20
    assert sample(files, 20, selection) < matching


@pytest.mark.parametrize(
    ("categories", "start", "accepted"),
    [
        (("cs",), None, {"cs.CL", "cs.IR"}),
        (("cs.C",), None, set()),
        (("math.NA", "cs.NA"), None, {"math.NA"}),
        (("astro-ph",), None, {"astro-ph.CO"}),
        ((), Date(2024, 9), set()),
    ],
)
def test_conditions_are_those_of_a_search(
    files: list[Path], categories: tuple[str, ...], start: Date | None, accepted: set[str]
) -> None:
    selection = RecordSelection(categories, start)
    assert {paper.categories[0] for paper in read_papers(files) if selection(paper)} == accepted or start
    if start:
        found = [paper for paper in read_papers(files) if selection(paper)]
        assert {str(paper.published) for paper in found} == {"2024-09"}
    assert not RecordSelection(published_from=Date(1900))(Paper(title="without a date"))


def test_a_file_that_is_read_in_part_has_no_missing_papers(tmp_path: Path) -> None:
    directory, path = tmp_path / "index", write_records(tmp_path / "a.jsonl", make_records(0, 12))
    index([path], directory, FakeEmbedder())
    options = ImportOptions(accepts=RecordSelection(published_from=Date(2020)))
    report = index([path], directory, FakeEmbedder(), options=options)
    assert report.counts.outside > 0
    assert report.missing == 0
    assert select_missing(directory, [path]).papers == []
    write_records(path, make_records(0, 6))
    assert index([path], directory, FakeEmbedder()).missing == 6


def test_the_options_of_the_command(tmp_path: Path, files: list[Path]) -> None:
    arguments = ("index", *map(str, files), "--index", str(tmp_path / "index"))
    done = run(*arguments, "--category", "information retrieval", "--from", "2015", "--sample", "15")
    assert done.returncode == 0, done.stderr
    assert ": 15 new papers, " in done.stderr
    assert "records left out because they do not meet the conditions: " in done.stderr
    for more, message in (
        (("--category", "cs.XX"), "invalid --category 'cs.XX'"),
        (("--from", "soon"), "invalid --from 'soon'"),
        (("--sample", "0"), "0 is not in the range x>=1"),
        (("--sample", "5", "--mirror"), "--mirror needs all records of the files"),
    ):
        with pytest.raises((InvalidValue, click.UsageError)) as raised:
            papers.main([*arguments, *more], standalone_mode=False)
        assert message in str(raised.value)


def test_the_data_sets_of_semantic_scholar_are_sampled_and_merged(tmp_path: Path) -> None:
    identifiers = [{"ArXiv": f"2401.{number:05}", "PubMed": str(number or "")} for number in range(40)]
    papers = [
        {
            "corpusid": 1_000 + number,
            "externalids": {**each, "CorpusId": str(1_000 + number)},
            "title": f"Title {number}",
        }
        for number, each in enumerate(identifiers)
    ]
    abstracts = [
        {"corpusid": 1_000 + number, "openaccessinfo": {"externalids": {"MAG": "1"}}, "abstract": f"We show {number}."}
        for number in range(40)
    ]
    paths = [write_records(tmp_path / "p.jsonl", papers), write_records(tmp_path / "a.jsonl", abstracts)]
    largest = find_largest_hash(paths, ImportOptions(), 12)
    options = ImportOptions(accepts=RecordSelection(largest_hash=largest))
    report = index(paths, tmp_path / "index", FakeEmbedder(), options=options)
    assert (report.papers, report.counts.merged) == (12, 12)
