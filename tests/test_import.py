"""Imports of files that cannot be read, and what an import reports."""

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import cli_process
from cli_call import run
from fake_embedder import FakeEmbedder
from indexer import sources
from indexer.build import PUBLISH_STAGES, ImportOptions, ImportReport, index, index_files
from indexer.import_counts import ImportCounts
from records import make_records, open_index, write_records
from search.errors import InvalidValue, SourceError
from search.query.query import Query
from service import formats


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def deny_access(path: Path) -> None:
    path.chmod(0)


def replace_by_broken_archive(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(gzip.compress(content)[: len(content) // 4])


LOSSES = [
    pytest.param(Path.unlink, "cannot be read: No such file or directory", id="removed"),
    pytest.param(replace_by_folder, "cannot be read: Is a directory", id="replaced by a folder"),
    pytest.param(
        deny_access,
        "cannot be read: Permission denied",
        id="permission denied",
        marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything"),
    ),
    pytest.param(replace_by_broken_archive, "cannot be read to its end: ", id="broken archive"),
]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files of five papers each."""
    folder = tmp_path / "files"
    folder.mkdir()
    return [write_records(folder / f"{n}.jsonl", make_records(n * 5, 5)) for n in range(3)]


def assert_only_the_second_file_is_missing(report: ImportReport, directory: Path, second: Path, reason: str) -> None:
    assert [error.path for error in report.skipped] == [str(second)]
    assert report.skipped[0].reason.startswith(reason)
    titles = {hit.paper.title for hit in open_index(directory).search(Query("", limit=20)).hits}
    assert {record["title"] for record in (*make_records(0, 5), *make_records(10, 5))} <= titles
    assert report.papers == len(titles)


@pytest.mark.parametrize(("lose", "reason"), LOSSES)
def test_a_file_lost_during_an_import_is_skipped(
    tmp_path: Path, files: list[Path], lose: Callable[[Path], None], reason: str
) -> None:
    fractions: list[float] = []

    def progress(_counts: ImportCounts, done: float) -> None:
        if not fractions:
            lose(files[1])
        fractions.append(done)

    report = index([tmp_path / "files"], tmp_path / "index", FakeEmbedder(), progress=progress)
    assert_only_the_second_file_is_missing(report, tmp_path / "index", files[1], reason)
    assert fractions[-1] == 1
    assert all(0 <= done <= 1 for done in fractions)


@pytest.mark.parametrize(("lose", "reason"), LOSSES)
def test_a_file_lost_before_it_is_opened_is_skipped(
    tmp_path: Path, files: list[Path], lose: Callable[[Path], None], reason: str
) -> None:
    found = sources.discover([tmp_path / "files"])
    lose(files[1])
    report = index_files(found, tmp_path / "index", FakeEmbedder())
    assert_only_the_second_file_is_missing(report, tmp_path / "index", files[1], reason)


def test_strict_stops_at_a_lost_file(tmp_path: Path, files: list[Path]) -> None:
    found = sources.discover(files)
    files[1].unlink()
    with pytest.raises(SourceError, match="No such file"):
        index_files(found, tmp_path / "index", FakeEmbedder(), options=ImportOptions(strict=True))


def test_a_path_that_never_existed_is_invalid(tmp_path: Path, files: list[Path]) -> None:
    with pytest.raises(InvalidValue, match="there is no such file or folder"):
        index([*files, tmp_path / "nowhere"], tmp_path / "index", FakeEmbedder())


@pytest.mark.usefixtures("files")
def test_a_folder_without_access_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "files" / "closed"
    closed.mkdir()
    scandir = os.scandir

    def deny(path: str | os.PathLike[str] | int) -> object:  # the descriptor of a folder that is removed
        if not isinstance(path, int) and Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    report = index([tmp_path / "files"], tmp_path / "index", FakeEmbedder())
    assert [(error.path, error.reason) for error in report.skipped] == [
        (str(closed), "cannot be read: Permission denied")
    ]
    assert report.papers == 15


def test_a_dangling_link_in_a_folder_is_not_a_file(tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "files" / "link").symlink_to("nowhere")
    assert sources.discover([tmp_path / "files"]) == files


def test_the_stages_after_the_last_paper_are_reported(tmp_path: Path, files: list[Path]) -> None:
    events: list[str] = []

    def progress(_counts: ImportCounts, _done: float) -> None:
        events.append("progress")

    def import_files() -> ImportReport:
        return index(files, tmp_path / "index", FakeEmbedder(), progress=progress, on_stage=events.append)

    import_files()
    assert tuple(events[-len(PUBLISH_STAGES) :]) == PUBLISH_STAGES
    assert set(events[: -len(PUBLISH_STAGES)]) == {"progress"}
    events.clear()
    import_files()
    assert set(events) == {"progress"}  # nothing changed, so nothing is published


UNREADABLE = {
    "an empty folder": [],
    "an empty file": [("empty.jsonl", "")],
    "notes": [("notes.md", "# Notes\n")],
    "malformed records": [("papers.jsonl", '{"title": ""}\n{"title": 5}\n')],
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_import_that_reads_nothing_reports_it(tmp_path: Path, case: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in UNREADABLE[case]:
        (folder / name).write_text(content, "utf-8")
    assert index([folder], tmp_path / "index", FakeEmbedder()).nothing_read
    write_records(folder / "good.jsonl", make_records(0, 1))
    for _ in range(2):  # the second time all records are unchanged
        assert not index([folder], tmp_path / "index", FakeEmbedder()).nothing_read


def test_papers_index_exits_1_only_if_no_record_could_be_read(tmp_path: Path) -> None:
    good, bad, index_option = tmp_path / "good.jsonl", tmp_path / "bad.jsonl", ["--index", str(tmp_path / "index")]
    write_records(good, make_records(0, 3))
    bad.write_text('{"title": ""}\n', "utf-8")
    statuses = []
    for paths in ([bad], [good], [good], [good, bad], [bad]):
        done = run("index", *map(str, paths), *index_option)
        assert done.stdout == ""
        assert ("papers: no record could be read" in done.stderr) == (done.returncode == 1)
        statuses.append(done.returncode)
    assert statuses == [1, 0, 0, 0, 1]
    assert re.search(r"papers +3\n", run("status", *index_option).stdout)


def test_papers_index_prints_the_stages(tmp_path: Path) -> None:
    path = write_records(tmp_path / "papers.jsonl", make_records(0, 3))
    done = run("index", str(path), "--index", str(tmp_path / "index"))
    assert done.returncode == 0
    places = [re.search(stage, done.stderr) for stage in PUBLISH_STAGES]
    assert all(places)


def test_help_completion_and_documentation_list_all_formats() -> None:
    page = (Path(__file__).parents[1] / "docs" / "formats.md").read_text("utf-8")
    export_part, _, import_part = page.partition("## Import\n")
    rows = re.findall(r"^\| (`.+?) \|", import_part, re.MULTILINE)
    assert sorted(re.findall(r"`([\w-]+)`", "".join(rows))) == sorted(sources.FORMATS)
    assert set(re.findall(r"^\| `([\w-]+)` \| `[a-z]+/", export_part, re.MULTILINE)) == set(formats.FORMATS)
    for command, listed in (("index", sources.FORMATS), ("search", formats.FORMATS)):
        assert ",".join(listed) in "".join(run(command, "--help").stdout.split())
        words = f"papers {command} x --format "
        completed = cli_process.run(_PAPERS_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD="4").stdout
        assert completed.split() == [f"plain,{name}" for name in listed]
