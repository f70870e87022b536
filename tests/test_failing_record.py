"""A record at which a reader or a library fails: it is named, and costs nothing but itself."""

from pathlib import Path

import pytest

from fake_embedder import FakeEmbedder
from indexer import sources
from indexer.build import index
from indexer.sources.file import SourceFile
from indexer.sources.record import Draft
from search.errors import SourceError
from search.papers.paper import Paper
from source_mutations import SAMPLES
from source_samples import AS_OF, WriteSource, read

FAILURES = (
    KeyError("2"),
    IndexError("list index out of range"),
    RecursionError(),
    AssertionError(),
    ZeroDivisionError(),
)


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int, error: Exception) -> None:
    """Makes the conversion of one record fail, as a bug of a reader or library would."""
    convert, records = Draft.to_paper, iter(range(1_000))

    def to_paper(draft: Draft) -> Paper:
        if next(records) == number:
            raise error
        return convert(draft)

    monkeypatch.setattr(Draft, "to_paper", to_paper)


@pytest.mark.parametrize("format_", SAMPLES)
@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_a_failure_costs_one_record(
    write_source: WriteSource, monkeypatch: pytest.MonkeyPatch, format_: str, error: Exception
) -> None:
    path = write_source("file", SAMPLES[format_])
    before = read(path, format_)
    fail_at(monkeypatch, 0, error)
    first, *others = read(path, format_)
    assert isinstance(first, SourceError)
    assert (first.path, others) == (str(path), before[1:])
    assert "the reader failed at this record" in first.reason
    assert "Error" not in first.reason
    assert ("nested too deep" if isinstance(error, RecursionError) else str(error)) in first.reason


def test_what_was_read_is_published(tmp_path: Path, write_source: WriteSource, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [
        write_source(f"{n}.bib", f"@misc{{a,\n title = {{A{n}}}\n}}\n@misc{{b, title = {{B{n}}}}}\n") for n in range(3)
    ]
    fail_at(monkeypatch, 3, KeyError("2"))
    report = index(paths, tmp_path / "index", FakeEmbedder())
    assert (report.papers, report.skipped_count) == (5, 1)
    assert str(report.skipped[0]).startswith(f"{paths[1]}:4: the reader failed at this record ('2')")


def test_a_failure_outside_of_a_record_costs_the_rest_of_the_file(
    write_source: WriteSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_source("a.bib", "@misc{a, title = {A}}\n@misc{b, title = {B}}\n")

    def fail(*_: object) -> None:
        raise UnicodeError("no such letter")

    read_lines = SourceFile.lines
    monkeypatch.setattr(
        SourceFile,
        "lines",
        lambda file: (fail() if number == 2 else (number, line) for number, line in read_lines(file)),
    )
    (error,) = sources.read(SourceFile(path, AS_OF))
    assert isinstance(error, SourceError)
    assert "the reader failed at the rest of this file (no such letter)" in error.reason
