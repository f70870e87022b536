"""Commands ask a running server of the same index, and print what they would print without it."""

import fcntl
import stat
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from cli_call import Done, run
from http_server import HttpServer
from search.searcher import Searcher
from service.announcement import Announcement, announce, find_server
from service.api.guard.keys import KeyFile
from service.app import create_app
from service.settings import Settings

TOKEN = "token"
QUESTIONS = [
    ["search", "KV cache compression"],
    ["search", "KV cahce comprssion", "--facets", "-n", "3"],
    ["search", 'au:zhou cat:cs.IR "cache"', "--format", "bibtex"],
    ["search", "--from", "2025", "--format", "atom"],
    ["search", "recommendation", "--to", "2026", "--sort", "newest", "--format", "csv"],
    ["search", "cache", "--kind", "survey", "--mode", "lexical", "-f", "ndjson"],
    ["search", "long context", "--like", "2604.24432", "--not-author", "Gang Zhou", "-f", "ris"],
    ["search", "nothing matches", "--from", "2099"],
    ["search", "au:("],
    ["search", "word " * 80],
    ["similar", "arxiv:2604.24432", "-n", "3"],
    ["similar", "9999.99999"],
]


@pytest.fixture(scope="module")
def server(
    sample_index: Path, sample_searcher: Searcher, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A server of the sample that is announced and requires keys."""
    folder = tmp_path_factory.mktemp("server")
    KeyFile(folder / "keys.json").add("anna")
    settings = Settings(keys=folder / "keys.json", state=folder / "state.sqlite")
    running = HttpServer(create_app(sample_searcher, settings, command_token=TOKEN))
    with announce(sample_index, _announcement(running.client)):
        yield running.client
    running.close()


def _announcement(client: httpx.Client) -> Announcement:
    return Announcement.of_server("0.0.0.0", client.base_url.port or 0, TOKEN, version("papers-search"))


def _ask(index: Path, *arguments: str, server: str = "auto") -> Done:
    return run(*arguments, "--index", str(index), "--server", server)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: " ".join(question)[:40])
def test_a_server_answers_as_the_command_does(server: httpx.Client, sample_index: Path, question: list[str]) -> None:
    assert server
    assert _ask(sample_index, *question) == _ask(sample_index, *question, server="off")


def test_the_explanation_says_who_answers(server: httpx.Client, sample_index: Path) -> None:
    assert server
    answered = "papers: answered by the server on port "  # other tests may have a server of this index too
    assert answered in _ask(sample_index, "search", "cache", "--explain").stderr
    assert answered not in _ask(sample_index, "search", "cache", "--explain", server="off").stderr
    assert answered not in _ask(sample_index, "search", "word " * 80, "--explain").stderr  # another embedder


def test_the_token_is_a_key_for_commands_only(server: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert server.post("/commands/page", json={}, headers=headers).status_code == 422
    assert server.get("/v1/search", headers=headers).status_code == 401
    assert server.post("/commands/page", json={}).status_code == 401
    assert server.post("/commands/page", json={}, headers={"X-API-Key": "another"}).status_code == 401


def test_a_server_of_another_index_or_version_does_not_answer(
    server: httpx.Client, sample_index: Path, random_searcher: Searcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path))
    expected = _ask(sample_index, "search", "cache", server="off")
    other = HttpServer(create_app(random_searcher, Settings(state=tmp_path / "state.sqlite"), command_token=TOKEN))
    current, gone = _announcement(server), "does not answer"
    older = Announcement(current.host, current.port, current.token, "0.0.1", current.machine)
    for announcement in (_announcement(other.client), older, Announcement.of_server("::", 1, TOKEN, current.version)):
        with announce(sample_index, announcement):
            done = _ask(sample_index, "search", "cache", "--explain")
            assert done.stdout == expected.stdout
            assert gone in done.stderr
    other.close()


def test_an_announcement_is_private_and_ends_with_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path))
    first, second = (Announcement.of_server("127.0.0.1", port, TOKEN, "1") for port in (8001, 8002))
    with announce(tmp_path, first):
        with announce(tmp_path / ".", second):
            assert find_server(tmp_path) == first
        (file,) = (tmp_path / "servers").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        content = file.read_bytes()
    assert find_server(tmp_path) is None
    assert not file.exists()
    file.write_bytes(content)
    file.chmod(0o600)
    assert find_server(tmp_path) is None  # a killed server has left it: nobody has it locked
    with file.open() as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        assert find_server(tmp_path) == first
        file.chmod(0o644)
        assert find_server(tmp_path) is None
