"""Progress of long commands where standard error is not a terminal."""

import re

import pytest

from indexer.import_counts import ImportCounts
from service.commands.progress import Progress


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("workers", "shown"), [(None, ""), (1, ", 1 worker"), (2, ", 2 workers")])
def test_a_pipe_gets_one_plain_line_every_ten_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, workers: int | None, shown: str
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    clock = Clock()
    with Progress(clock) as progress:
        progress.count_workers = None if workers is None else lambda: workers
        for step in range(1, 201):
            clock.now += 0.125
            progress.show(ImportCounts(read=step * 10, embedded=step * 5), step / 1_000)
    written = capsys.readouterr()
    assert written.out == ""
    first, second = written.err.splitlines()
    assert re.fullmatch(rf"800 read, 400 embedded, 80 papers/s{shown}, 8%, 0:01:5[56] left", first)
    assert re.fullmatch(rf"1,600 read, 800 embedded, 80 papers/s{shown}, 16%, 0:01:4[56] left", second)


def test_a_short_command_writes_nothing_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Progress(clock) as progress:
        progress.show(ImportCounts(read=1), 0.5)
        clock.now = 9.9
        progress.show_queries(3, 3)
    assert capsys.readouterr() == ("", "")


def test_stages_and_messages_are_lines_on_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Progress(clock) as progress:
        progress.stage("building the lexicon")
        progress.print("skipped a.jsonl:3: not JSON")
        clock.now = 10
        progress.show_queries(150, 300)
    assert capsys.readouterr().err.splitlines() == [
        "building the lexicon",
        "skipped a.jsonl:3: not JSON",
        "150 of 300 queries, 50%",
    ]


def test_an_import_after_fetching_has_a_rate_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Progress(clock) as progress:
        for _ in range(3):
            clock.now += 20
            progress.show_fetched(100, None)
        clock.now += 20
        progress.show(ImportCounts(), 0.0)
        clock.now += 20
        progress.show(ImportCounts(read=40), 0.5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "100 records fetched"
    assert lines[-1].startswith("40 read, 0 embedded, 2 papers/s, 50%")
