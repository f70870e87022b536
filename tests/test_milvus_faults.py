"""Questions and imports survive lost connections, restarts and a full disk of a Milvus server, which is Milvus Lite."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_call import Done, run
from fake_embedder import FakeEmbedder
from indexer import sources
from indexer.build import ImportOptions
from indexer.collections.importing import index_into_collection
from indexer.moving.archive import Archive
from indexer.moving.collection import CollectionSource
from indexer.moving.export import export_index
from indexer.moving.imports import import_archive
from milvus_server import LiteServer, Proxy, containing, let_pass
from records import make_records, open_index, write_records
from search.errors import IndexMissing, IndexUnavailable, InvalidValue
from search.milvus import address as addresses
from search.milvus import source
from search.milvus.address import Address
from search.milvus.requests import COMMAND_TUNING, RequestTuning
from search.query.page import Page
from search.searcher import Searcher
from server_process import ServerProcess
from service.evaluation.index_comparison import compare_indexes, draw_questions
from test_moving import build_index, contents, import_again, load, load_nothing

pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'papers-search[milvus]'")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'papers-search[milvus]'")

TIMEOUT_S = 1.0
"""Seconds for a request in these tests."""
QUESTION = "galaxy cache"


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says that the server is Milvus Lite, and shortens all waits."""
    monkeypatch.setenv("PAPERS_MILVUS_INDEX", "LITE")
    lite = replace(addresses._SERVERS["LITE"], timeout_s=TIMEOUT_S)
    monkeypatch.setitem(addresses._SERVERS, "LITE", lite)
    monkeypatch.setattr(addresses, "COMMAND_TUNING", replace(COMMAND_TUNING, wait_s=0.1, attempts=3))
    monkeypatch.setattr(source, "_POLL_S", 0.2)
    monkeypatch.setattr(source, "_POLL_TIMEOUT_S", TIMEOUT_S)
    monkeypatch.setattr(source, "_RETRY_S", 0.1)
    monkeypatch.setattr(source, "RequestTuning", lambda timeout_s: RequestTuning(timeout_s, pause_s=2))
    monkeypatch.setattr("search.searcher._RETRY_S", 0.1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_index(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteServer]:
    with LiteServer(tmp_path_factory.mktemp("lite") / "data") as started:
        yield started


@pytest.fixture
def proxy(server: LiteServer) -> Iterator[Proxy]:
    with Proxy(server.port) as opened:
        yield opened


def address(port: int, name: str = "papers") -> str:
    return f"milvus://127.0.0.1:{port}/{name}"


@pytest.fixture(scope="module")
def filled(built: Path, server: LiteServer) -> LiteServer:
    """The server with a collection made of the archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAPERS_MILVUS_INDEX", "LITE")
        import_archive(Archive(built / "archive"), address(server.port), load_nothing)
    return server


@pytest.fixture
def searcher(filled: LiteServer, proxy: Proxy) -> Searcher:  # noqa: ARG001  its collection
    """A searcher whose connection the proxy can cut."""
    return Searcher(address(proxy.port), load)


class At:
    """Does something with one of the requests that contain some bytes: that of a number, from 0."""

    def __init__(self, marker: bytes, number: int, action: Callable[[], str]) -> None:
        self._marker, self._number, self._action, self.seen = marker, number, action, 0

    def __call__(self, part: bytes) -> str:
        self.seen += self._marker in part
        return self._action() if self._marker in part and self.seen == self._number + 1 else "pass"


def ids(page: Page) -> list[str]:
    return [hit.paper.id for hit in page.hits]


def until_it_answers(ask: Callable[[], Page], expected: Page) -> None:
    """Asks until the answer is the expected one; fails after ten seconds, or with another answer."""
    end = time.monotonic() + 10
    while True:
        try:
            page = ask()
        except IndexUnavailable:
            assert time.monotonic() < end
            time.sleep(0.05)
            continue
        if not page.notices:
            assert (ids(page), page.total) == (ids(expected), expected.total)
            return
        assert time.monotonic() < end


def test_several_programs_use_one_collection(built: Path, filled: LiteServer, tmp_path: Path) -> None:
    place = address(filled.port)
    local, remote, other = open_index(built / "index"), Searcher(place, load), Searcher(place, load)
    questions = [QUESTION, "token lattice cat:cs.CL", *draw_questions(local, 6)]
    for each in (remote, other):
        comparison = compare_indexes(local, each, questions, limit=10, min_overlap=1)
        assert comparison.agrees, comparison.to_json()
    assert run("export-index", str(tmp_path / "archive"), "--index", place).returncode == 0
    import_again(tmp_path / "archive", tmp_path / "copy")
    assert contents(tmp_path / "copy") == contents(built / "index")


def test_a_relative_path_is_not_taken_for_a_host() -> None:
    with pytest.raises(InvalidValue, match="a relative path; give"):
        Address.parse("milvus://papers.db/papers")


def test_a_server_of_another_kind_is_reported(filled: LiteServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAPERS_MILVUS_INDEX")
    with pytest.raises(IndexUnavailable, match=r"the server is milvus_lite-3.*; set PAPERS_MILVUS_INDEX=LITE"):
        Address.parse(address(filled.port)).connect()


def test_a_question_survives_a_connection_that_is_lost_with_any_of_its_requests(
    searcher: Searcher, proxy: Proxy
) -> None:
    whole, cut = searcher.ask(QUESTION), 0
    while True:
        session, rule = searcher.session(), At(b"", cut, lambda: "cut")
        proxy.rule = rule
        page = session.ask(QUESTION)
        proxy.rule = let_pass
        assert (ids(page), page.total, page.notices) == (ids(whole), whole.total, whole.notices)
        if rule.seen <= cut:
            break
        cut += 1
    assert cut >= 2


@pytest.mark.parametrize("verdict", ["stall", "cut"])
@pytest.mark.parametrize(("field", "search"), [(b"bm25", "by words"), (b"vector", "by meaning")])
def test_one_search_answers_alone_while_the_other_fails(
    searcher: Searcher, proxy: Proxy, field: bytes, search: str, verdict: str
) -> None:
    whole = searcher.ask(QUESTION)
    proxy.rule = containing(b"anns_field\x12" + bytes([len(field)]) + field, verdict)
    page = searcher.ask(QUESTION)
    assert page.hits
    assert page.total == whole.total
    assert any(f"did not answer the search {search}" in notice for notice in page.notices)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.milvus.table.MAX_WHOLE_SET", 3)  # the search by meaning reads all, that by words does not
        counted_over = searcher.people(QUESTION).counted_over
    assert ("without the search by meaning, which Milvus did not answer" in counted_over) == (field == b"vector")
    proxy.rule = let_pass
    until_it_answers(lambda: searcher.ask(QUESTION), whole)


def test_questions_fail_at_once_while_the_server_does_not_answer(searcher: Searcher, proxy: Proxy) -> None:
    whole = searcher.ask(QUESTION)
    proxy.rule = containing(b"papers", "stall")
    problems = []
    for _ in range(3):
        with pytest.raises(IndexUnavailable) as raised:
            searcher.ask(QUESTION)
        problems.append(str(raised.value))
    start = time.monotonic()
    with pytest.raises(IndexUnavailable, match="tried again"):
        searcher.ask(QUESTION)
    assert time.monotonic() - start < TIMEOUT_S / 2
    assert all(problem.startswith(address(proxy.port)) for problem in problems)
    assert "did not answer in time" in problems[0]
    proxy.rule = let_pass
    until_it_answers(lambda: searcher.ask(QUESTION), whole)


def test_a_searcher_survives_a_restart_of_the_server(searcher: Searcher, filled: LiteServer) -> None:
    whole = searcher.ask(QUESTION)
    filled.end()
    with pytest.raises(IndexUnavailable, match="Milvus cannot be reached"):
        searcher.ask(QUESTION)
    filled.start()
    until_it_answers(lambda: searcher.ask(QUESTION), whole)


def test_a_service_is_ready_while_its_collection_can_be_read(filled: LiteServer, tmp_path: Path) -> None:
    with ServerProcess(address(filled.port), WORKERS=1, STATE=tmp_path / "state", MILVUS_INDEX="LITE") as service:

        def ask() -> Any:
            return service.client.get("/v1/search", params={"q": QUESTION})

        def status() -> int:
            return service.client.get("/readyz").status_code

        whole = ask().json()
        assert status() == 200
        filled.end()
        answer = ask()
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert answer.json()["detail"].startswith(f"{address(filled.port)}: Milvus ")
        service.wait_until(lambda: status() == 503)
        assert address(filled.port) in service.client.get("/readyz").json()["detail"]
        filled.start()
        service.wait_until(lambda: status() == 200)
        again = ask()
        assert (again.status_code, again.json()["hits"], again.json()["notices"]) == (200, whole["hits"], [])


def same_papers(place: str, archive: Path, folder: Path) -> None:
    """Asserts that a collection has each paper of an archive once, with its vector, records and time."""
    header = export_index(CollectionSource(Address.parse(place)), folder / "exported")
    one, other = Archive(archive), Archive(folder / "exported")
    assert header.papers == one.header.papers
    assert all_papers(one) == all_papers(other)
    shutil.rmtree(folder / "exported")


def all_papers(archive: Archive) -> list[Any]:
    batches = [archive.read_batch(number) for number in range(archive.header.batches)]
    vectors = np.concatenate([batch.vectors for batch in batches])
    papers = [paper for batch in batches for paper in batch.papers]
    return [
        (each.paper, each.records, each.added, vector.tobytes()) for each, vector in zip(papers, vectors, strict=True)
    ]


def import_into(place: str, archive: Path) -> Done:
    return run("import-index", str(archive), "--index", place, PAPERS_MILVUS_INDEX="LITE")


PAPERS = b"\x12\x03row\x1a"
"""In each request that writes papers: a column, its name and its values."""


def test_an_import_goes_on_after_connections_that_are_lost_for_a_moment(
    built: Path, proxy: Proxy, tmp_path: Path
) -> None:
    place, writes = address(proxy.port, "lost"), 0

    def cut_every_second(part: bytes) -> str:
        nonlocal writes
        writes += PAPERS in part
        return "cut" if PAPERS in part and writes % 2 else "pass"

    proxy.rule = cut_every_second
    done = import_into(place, built / "archive")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert writes == 2 * Archive(built / "archive").header.batches
    same_papers(place, built / "archive", tmp_path)


def test_an_import_whose_server_is_killed_ends_with_a_message_and_is_continued(
    built: Path, server: LiteServer, proxy: Proxy, tmp_path: Path
) -> None:
    place = address(proxy.port, "killed")

    def kill() -> str:
        server.end()
        return "pass"

    for marker, number in ((b"index_type", 4), (PAPERS, 3), (b"current/0*", 0)):
        proxy.rule = At(marker, number, kill)
        done = import_into(place, built / "archive")
        assert (done.returncode, done.stdout) == (1, "")
        assert f"papers: {place}: Milvus cannot be reached (3 attempts); repeat the command" in done.stderr
        proxy.rule = let_pass
        server.start()
        with pytest.raises(IndexUnavailable):
            Searcher(place, load)
    writes = proxy.rule = At(PAPERS, -1, kill)
    done = import_into(place, built / "archive")
    assert done.returncode == 0, done.stderr
    assert writes.seen == 0  # all papers were there
    same_papers(place, built / "archive", tmp_path)


def test_replaced_papers_are_not_found_if_the_server_is_killed_before_they_are_deleted(
    server: LiteServer, proxy: Proxy, tmp_path: Path
) -> None:
    place, records = address(proxy.port, "replaced"), make_records(0, 12)
    import_papers(write_records(tmp_path / "first.jsonl", records), place)
    changed = [{**record, "title": f"changed {record['title']}"} for record in records[:5]]

    def kill() -> str:
        server.end()
        return "cut"

    def wait_for_deletion() -> str:
        proxy.rule = At(b"row in [", 0, kill)
        return "pass"

    proxy.rule = At(b"current/0*", 0, wait_for_deletion)
    with pytest.raises(IndexUnavailable, match="repeat the command"):
        import_papers(write_records(tmp_path / "second.jsonl", changed), place)
    proxy.rule = let_pass
    server.start()
    page = Searcher(place, load).ask("changed", limit=100)
    assert page.total == len(page.hits) == len(set(ids(page))) == 12
    assert CollectionSource(Address.parse(place)).header.papers == 12
    import_papers(tmp_path / "second.jsonl", place)
    assert (ids(again := Searcher(place, load).ask("changed", limit=100)), again.total) == (ids(page), 12)


def import_papers(path: Path, place: str) -> None:
    files = sources.discover([path])
    index_into_collection(files, Address.parse(place), FakeEmbedder(), folders=[], options=ImportOptions())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is full soon."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "papers-test", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def test_an_import_goes_on_after_a_full_disk_was_enlarged(built: Path, disk: Path, tmp_path: Path) -> None:
    with LiteServer(disk / "data") as server:
        place = address(server.port)
        for size in ("120k", "200k", "280k"):
            resize(disk, size)
            done = import_into(place, built / "archive")
            assert (done.returncode, done.stdout) == (1, "")
            assert f"papers: {place}: Milvus reports: " in done.stderr
            assert "No space left on device" in done.stderr
            with pytest.raises(IndexMissing):
                CollectionSource(Address.parse(place))
        resize(disk, "32m")
        done = import_into(place, built / "archive")
        assert done.returncode == 0, done.stderr
        same_papers(place, built / "archive", tmp_path)
        server.end()
        server.start()
        same_papers(place, built / "archive", tmp_path)
