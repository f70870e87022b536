"""``papers fetch`` on the command line, against local services."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from cli_call import run, run_json
from cli_process import PAPERS
from harvest.corpus import Corpus
from harvest.servers import ServiceServer, slow, unavailable
from harvest.sessions import Session
from indexer.harvest import limits
from search.errors import InvalidValue
from service.cli import papers

Run = Callable[..., subprocess.CompletedProcess[str]]
CATEGORY = ("arxiv", "--category", "information retrieval", "--from", "2026-01")


@pytest.fixture
def fetch(session: Callable[[str], Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    session("arxiv?from=2026")  # sets the addresses of the services
    monkeypatch.delenv("PAPERS_CACHE")  # which has the exported model
    return lambda *arguments: run("fetch", *arguments, "--index", str(tmp_path / "index"))


def test_a_category_is_fetched_and_later_what_is_new(
    fetch: Run, corpus: Corpus, tmp_path: Path, server: ServiceServer
) -> None:
    del corpus.entries[12:]
    planned = fetch(*CATEGORY, "--dry-run")
    assert planned.stdout == (
        "arxiv?category=cs.IR&from=2026-01: 9 records; fetching takes 0:00:03 or longer (1 request)\n"
    )
    assert not (tmp_path / "index").exists()
    server.faults += [None, unavailable(503, "0")]
    first = fetch(*CATEGORY)
    assert first.returncode == 0, first.stderr
    assert "127.0.0.1: it answered 503 Service Unavailable; next try in 0 seconds" in first.stderr
    assert "9 records read: 9 new papers" in first.stderr
    hint = "to keep it up to date with papers update, run: papers follow 'arxiv?category=cs.IR&from=2026-01'"
    assert first.stderr.splitlines()[-1] == hint
    assert "arxiv?category=cs.IR&from=2026-01: nothing new" in fetch(*CATEGORY).stderr
    corpus.today, corpus.entries[0].is_deleted, corpus.entries[0].stamp = "2026-04-20", True, "2026-04-16"
    later = fetch(*CATEGORY)
    assert "1 paper removed, because the service has deleted the record" in later.stderr
    (source,) = run_json("sources", "--index", str(tmp_path / "index"))["sources"]
    assert (source["path"], source["service"], source["licence"]) == (None, "arXiv", "CC0 1.0 for the metadata")
    assert (source["file"], source["papers"]) == ("arxiv?category=cs.IR&from=2026-01", 8)
    shown = run("sources", "--index", str(tmp_path / "index")).stdout
    assert "   arXiv; CC0 1.0 for the metadata https://info.arxiv.org/help/api/tou.html\n" in shown
    removed = run("remove", "--source", source["file"], "--yes", "--index", str(tmp_path / "index"))
    assert "removed 8 papers" in removed.stderr


def test_a_failure_keeps_and_indexes_what_was_fetched(fetch: Run, corpus: Corpus, server: ServiceServer) -> None:
    del corpus.entries[15:]
    server.faults += [None, None, *[unavailable(503, "0")] * limits.MAX_TRIES]
    failed = fetch("arxiv", "--from", "2026")
    assert failed.returncode == 1
    assert "10 records read: 10 new papers" in failed.stderr
    assert failed.stderr.splitlines()[-1].endswith("run the same command later to continue")
    assert "5 new papers" in fetch("arxiv", "--from", "2026").stderr


def test_an_interrupt_keeps_what_was_fetched(fetch: Run, server: ServiceServer, tmp_path: Path) -> None:
    server.faults += [None, None, None, slow(20)]
    command = [PAPERS, "fetch", "oai", f"{server.url}/oai", "--index", str(tmp_path / "index")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    while len(server.requests) < 4:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert "what was fetched is kept; the same command continues" in process.communicate()[1]
    assert process.returncode == 130
    server.faults.clear()
    assert "60 new papers" in fetch("oai", f"{server.url}/oai").stderr


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("arxiv",), "invalid QUERY '': give a query, a category or a date"),
        (("arxiv", "--category", "cs.IX"), "invalid --category 'cs.IX'"),
        (("arxiv", "--from", "soon"), "invalid --from 'soon'"),
        (("arxiv", "x", "--limit", "0"), "0 is not in the range x>=1"),
        (("oai", "zenodo"), "invalid URL 'zenodo': give the base URL"),
    ],
)
def test_invalid_arguments_are_named(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises((InvalidValue, click.UsageError)) as raised:
        papers.main(["fetch", *arguments, "--index", str(tmp_path)], standalone_mode=False)
    assert message in str(raised.value)
