"""Followed sources: ``papers follow`` and ``papers update``."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import click
import pytest

from cli_call import CommandLine, run, run_json
from cli_process import PAPERS
from fake_embedder import FakeEmbedder
from harvest.corpus import Corpus, make_corpus
from harvest.oai_service import OaiRepository
from harvest.servers import ServiceServer, run_server, unavailable
from harvest.sessions import Session
from indexer import sources
from indexer.build import index
from indexer.harvest.spool import Spool
from indexer.import_log import ImportLog
from indexer.sources.file import SourceFile
from indexer.state import StateDatabase
from indexer.updates import find_changed_files, update_files
from indexer.writer import IndexWriter
from records import make_records, write_records
from search.errors import InvalidValue
from search.papers.paper import Paper
from service import cli
from service.state.followed import FollowedSources

Papers = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def server() -> Iterator[ServiceServer]:
    with run_server() as running:
        yield running


@pytest.fixture
def corpus(server: ServiceServer, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """The papers of arXiv, which a local server has."""
    corpus = make_corpus(9)
    server.services["/oai"] = OaiRepository(corpus)
    monkeypatch.setenv("PAPERS_ARXIV_OAI_URL", f"{server.url}/oai")
    return corpus


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def papers(directory: Path, tmp_path: Path) -> Papers:
    return lambda *arguments: run(*arguments, "--index", str(directory), cwd=tmp_path)


def test_updates_bring_what_is_new_and_a_failure_stops_nothing(
    papers: Papers, corpus: Corpus, server: ServiceServer, tmp_path: Path, directory: Path
) -> None:
    (tmp_path / "pages").mkdir()
    write_records(tmp_path / "pages" / "a.jsonl", make_records(0, 3))
    lost = write_records(tmp_path / "lost.jsonl", make_records(5, 1))
    followed = papers("follow", "arxiv?from=2026", "lost.jsonl", "pages")
    assert followed.stdout.splitlines() == [
        *("arxiv?from=2026", "   not updated yet", str(lost), "   not updated yet"),
        *(str(tmp_path / "pages"), "   not updated yet"),
    ]
    lost.unlink()
    first = papers("update")
    assert first.returncode == 1
    assert first.stdout.splitlines() == [
        "arxiv?from=2026: 9 new",
        f"{lost}: failed: there is no such file or folder; check the spelling",
        f"{tmp_path / 'pages'}: 3 new",
    ]
    papers("follow", "--remove", "lost.jsonl")
    corpus.add(500, "2026-04-16")
    corpus.today = "2026-04-18"
    write_records(tmp_path / "pages" / "b.jsonl", make_records(3, 2))
    second = papers("update")
    assert second.returncode == 0, second.stderr
    assert second.stdout.splitlines() == ["arxiv?from=2026: 1 new", f"{tmp_path / 'pages'}: 2 new"]
    third = papers("update")
    assert [line.rpartition(": ")[2] for line in third.stdout.splitlines()] == ["nothing new", "nothing new"]
    server.faults += [unavailable(503, "86400")]
    failed = papers("update")
    assert failed.returncode == 1
    assert failed.stdout.startswith("arxiv?from=2026: failed: ")
    assert failed.stdout.splitlines()[1].endswith("nothing new")
    listed = run_json("follow", "--index", str(directory))["sources"]
    assert [each["source"] for each in listed] == ["arxiv?from=2026", str(tmp_path / "pages")]
    assert "asks to wait 86,400 seconds" in listed[0]["outcome"]
    assert listed[1]["last_update"].endswith("Z")


def test_fetch_and_update_report_a_page_that_cannot_be_read(
    papers: Papers,
    corpus: Corpus,  # noqa: ARG001  which the server has
    directory: Path,
) -> None:
    papers("follow", "arxiv?from=2026")
    for command in (("update",), ("fetch", "arxiv", "--from", "2026")):
        harvest = Session(directory, "arxiv?from=2026")
        harvest.fetch()
        with Spool(directory, harvest.name) as spool:
            damaged = spool.pages()[0].path
        damaged.write_bytes(damaged.read_bytes()[:-9] + b"?" * 9)
        done = papers(*command)
        assert done.returncode == 1
        assert (
            f"pages that cannot be read are kept in {damaged.parent} (*.failed); to fetch" in done.stdout + done.stderr
        )
        shutil.rmtree(damaged.parent)
    assert papers("update").stdout == "arxiv?from=2026: 9 new\n"


def test_an_update_runs_until_it_is_stopped_and_sees_changes(papers: Papers, tmp_path: Path, directory: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    write_records(folder / "a.jsonl", make_records(0, 2))
    papers("follow", "pages")
    command = [PAPERS, "update", "--every", "6h", "--watch", "--index", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    assert process.stdout.readline() == f"{folder}: 2 new\n"
    time.sleep(0.5)
    write_records(folder / "b.jsonl", make_records(2, 3))
    assert process.stdout.readline() == f"{folder}: 3 new\n"
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    process.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("update", "--every", "soon"), "invalid --every 'soon': give a time from 1m on"),
        (("update", "--every", "0m"), "invalid --every"),
        (("follow", "none.bib"), "there is no such file or folder"),
        (("follow", "arxiv?category=cs.XX"), "invalid"),
        (("follow", "arxiv?form=2026"), "arxiv has no parameter 'form'; choose from query, category, from"),
        (("follow", "openalex?query=x&category=cs"), "openalex has no parameter 'category'"),
        (("follow", "zotero?from=2026"), "zotero has no parameter 'from'; choose from library"),
        (("follow", "arxiv?cs.IR"), "arxiv has no parameter 'cs.IR'"),
        (("follow", "arxiv?category="), "give a value: arxiv?category=..."),
        (("follow", "openalex", "kv cache"), "invalid source 'openalex': it is a service; give the name of a harvest"),
        (("follow", ""), "invalid source '': give a file, a folder or the name of a harvest"),
        (("follow", "--remove", "none.bib"), "it is not followed"),
        (("follow", "--remove"), "name the sources"),
    ],
)
def test_invalid_arguments_are_explained(directory: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises((InvalidValue, click.UsageError)) as raised:
        cli.papers.main([*arguments, "--index", str(directory)], standalone_mode=False)
    assert message in str(raised.value)


def test_the_index_is_no_source(directory: Path) -> None:
    (directory / "spool").mkdir(parents=True)
    for folder in (directory, directory / "spool", directory / ".." / directory.name):
        with pytest.raises(InvalidValue, match="it is in the index itself"):
            cli.papers.main(["follow", str(folder), "--index", str(directory)], standalone_mode=False)
    assert FollowedSources.of_index(directory).sources() == []


def test_an_outcome_that_cannot_be_noted_stops_no_other_source(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("indexer.state._BUSY_TIMEOUT_S", 0)
    call = CommandLine(monkeypatch, capfd, "--index", str(directory))
    paths = [write_records(tmp_path / f"{number}\x1b[31m.jsonl", make_records(number, 1)) for number in range(2)]
    index(paths, directory, FakeEmbedder())
    call("follow", *map(str, paths))
    with StateDatabase.of_index(directory).write():
        done = call("update")
    assert done.stdout.splitlines() == [f"{tmp_path}/{number}[31m.jsonl: nothing new" for number in range(2)]
    assert done.stderr.count("the outcome was not noted") == 2
    assert done.returncode == 1
    assert call("update").returncode == 0


def test_only_changed_files_are_read(tmp_path: Path, directory: Path) -> None:
    folder, embedder = tmp_path / "files", FakeEmbedder()
    folder.mkdir()
    paths = [write_records(folder / f"{number}.jsonl", make_records(number, 1)) for number in range(3)]
    assert find_changed_files(directory, paths) == paths
    report = update_files(folder, directory, lambda: embedder)
    assert report
    assert report.counts.new == 3
    assert update_files(folder, directory, lambda: embedder) is None
    time_before = paths[0].stat()
    write_records(paths[0], make_records(7, 1))  # of the same size, and with its old time
    os.utime(paths[0], ns=(time_before.st_atime_ns, time_before.st_mtime_ns))
    paths[1].rename(folder / "renamed.jsonl")
    assert find_changed_files(directory, sorted(folder.iterdir())) == [paths[0], folder / "renamed.jsonl"]
    report = update_files(folder, directory, lambda: embedder)
    assert report
    assert (report.counts.new, report.missing) == (1, 1)


def test_papers_of_a_writer_that_was_killed_are_published(tmp_path: Path, directory: Path) -> None:
    path = write_records(tmp_path / "a.jsonl", make_records(0, 3))
    index([path], directory, FakeEmbedder())
    write_records(path, make_records(0, 5))
    writer = IndexWriter(directory, FakeEmbedder())  # as an import does, up to its end but without publishing
    log, file = ImportLog(writer), SourceFile(path, date(2026, 6, 15))
    log.start(file)
    for record in sources.read(file):
        assert isinstance(record, Paper)
        log.add(record)
    log.end()
    writer.flush()
    log.save()
    writer.close()
    report = update_files(path, directory, FakeEmbedder)
    assert report
    assert (report.counts.unchanged, report.papers) == (5, 5)
    assert update_files(path, directory, FakeEmbedder) is None


def test_macros_of_unchanged_files_are_known(tmp_path: Path, directory: Path) -> None:
    (tmp_path / "strings.bib").write_text('@string{j = "Journal of Lattices"}\n')
    library = tmp_path / "x.bib"
    library.write_text("@article{a, title={One}, journal=j}\n")
    update_files(tmp_path, directory, FakeEmbedder)
    library.write_text("@article{a, title={One}, journal=j}\n@article{b, title={Two}, journal=j}\n")
    report = update_files(tmp_path, directory, FakeEmbedder)
    assert report
    assert not report.warnings
    assert report.counts.new == 1


def test_a_source_is_checked_before_any_is_followed(tmp_path: Path, directory: Path) -> None:
    followed = FollowedSources.of_index(directory)
    with pytest.raises(InvalidValue):
        followed.add([str(tmp_path), "none.bib"])
    assert followed.sources() == []
    followed.add([str(tmp_path), f"{tmp_path}/../{tmp_path.name}", "arxiv?from=2026&category=cs.IR"])
    assert [each.source for each in followed.sources()] == [str(tmp_path), "arxiv?category=cs.IR&from=2026"]
