"""A searcher and a server keep answering from the open generation while the published one cannot be opened."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from answers import answer_all
from fake_embedder import FakeEmbedder
from indexer.build import index
from records import make_records, write_records
from search.searcher import Searcher
from server_process import ServerProcess

NEW = "gen-000002"


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the index ``first`` of one generation, and ``second``, which has a further one."""
    folder = tmp_path_factory.mktemp("published")
    index([write_records(folder / "papers.jsonl", make_records(0, 40))], folder / "first", FakeEmbedder())
    shutil.copytree(folder / "first", folder / "second")
    index([write_records(folder / "papers.jsonl", make_records(40, 40))], folder / "second", FakeEmbedder())
    return folder


@pytest.fixture
def directory(indexes: Path, tmp_path: Path) -> Path:
    """A copy of the index of one generation."""
    return Path(shutil.copytree(indexes / "first", tmp_path / "index"))


def add_generation(indexes: Path, directory: Path) -> None:
    """Adds the files of the second generation, but does not publish it."""
    for name in ("papers.sqlite", *(path.name for path in (indexes / "second").glob("vectors-*"))):
        shutil.copyfile(indexes / "second" / name, directory / f"{name}.new")
        (directory / f"{name}.new").replace(directory / name)
    shutil.copytree(indexes / "second" / NEW, directory / NEW)


def write_current(content: bytes) -> Callable[[Path], object]:
    return lambda directory: (directory / "CURRENT").write_bytes(content)


def remove_current(directory: Path) -> None:
    (directory / "CURRENT").unlink()


def make_current_a_folder(directory: Path) -> None:
    (directory / "CURRENT").unlink()
    (directory / "CURRENT").mkdir()


def publish_with(edit: Callable[[Path], object]) -> Callable[[Path], None]:
    """Publishes the second generation after one of its files was altered."""

    def damage(directory: Path) -> None:
        edit(directory / NEW)
        (directory / "CURRENT").write_text(NEW, "ascii")

    return damage


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": write_current(b""),
    "NUL": write_current(b"gen-000001\0"),
    "not ASCII": write_current(b"\xff\xfe"),
    "long": write_current(b"gen-" + b"1" * 300),
    "no such generation": write_current(b"gen-000009"),
    "missing": remove_current,
    "folder": make_current_a_folder,
    "manifest cut": publish_with(lambda files: (files / "manifest.json").write_bytes(b"{")),
    "manifest missing": publish_with(lambda files: (files / "manifest.json").unlink()),
    "columns missing": publish_with(lambda files: shutil.rmtree(files / "columns")),
    "columns flipped": publish_with(lambda files: flip(files / "columns" / "authors-rows.npy")),
    "lexicon flipped": publish_with(lambda files: flip(next((files / "lexicon").glob("*.idx")))),
    "tombstones flipped": publish_with(lambda files: flip(files / "tombstones.npy")),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_open_generation_answers_until_publication_is_repaired(indexes: Path, directory: Path, name: str) -> None:
    add_generation(indexes, directory)
    problems: list[str] = []
    searcher = Searcher(directory, lambda _model: FakeEmbedder())
    searcher.on_problem = problems.append
    before = answer_all(searcher)
    DAMAGES[name](directory)
    for _ in range(2):
        assert answer_all(searcher) == before
    assert problems == [searcher.problem]
    assert str(directory) in searcher.problem
    if (directory / "CURRENT").is_dir():
        (directory / "CURRENT").rmdir()
    (directory / "CURRENT").write_text("gen-000001", "ascii")
    assert answer_all(searcher) == before
    assert problems == [problems[0], ""]


def test_a_server_reports_the_problem_and_recovers(indexes: Path, directory: Path) -> None:
    with ServerProcess(directory, WORKERS=1) as server:
        ready = lambda: server.client.get("/readyz").json()  # noqa: E731
        before = server.client.get("/v1/search", params={"q": "galaxy"}).json()
        (directory / "CURRENT").write_bytes(b"gen-000001\0")
        after = server.client.get("/v1/search", params={"q": "galaxy"})
        assert (after.status_code, after.json()["hits"]) == (200, before["hits"])
        assert ready()["status"] == "degraded"
        assert "CURRENT does not contain the name of a generation" in ready()["problem"]
        assert "papers_generation_problem 1.0" in server.client.get("/metrics").text
        server.wait_until(
            lambda: any("gen-000001 answers until this is repaired" in line for line in server.stderr_lines)
        )
        add_generation(indexes, directory)
        (directory / "CURRENT").write_text(NEW, "ascii")
        server.wait_until(lambda: ready() == {"status": "ok", "generation": NEW})
        assert "papers_generation_problem 0.0" in server.client.get("/metrics").text
        assert server.client.get("/v1/search", params={"q": "galaxy"}).status_code == 200
