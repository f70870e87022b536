"""Imports of files into a collection survive lost connections, restarts and a full disk of a Milvus Lite server."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fake_embedder import FakeEmbedder
from indexer.build import index
from milvus_server import LiteServer, Proxy, let_pass
from records import make_records, write_records
from search.errors import IndexUnavailable
from search.milvus import address as addresses
from search.milvus.requests import COMMAND_TUNING
from test_collection_import import batches_of, import_into, stored, without_times
from test_milvus_faults import PAPERS, At, disk, resize
from test_moving import contents

pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'papers-search[milvus]'")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'papers-search[milvus]'")

__all__ = ["disk"]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Says that the server is Milvus Lite, shortens all waits, and makes batches of four papers."""
    monkeypatch.setenv("PAPERS_MILVUS_INDEX", "LITE")
    monkeypatch.setattr(addresses, "COMMAND_TUNING", replace(COMMAND_TUNING, wait_s=0.1, attempts=3))
    with batches_of(4):
        yield


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files; the second one changes papers of the first, and repeats and adds others."""
    records = make_records(0, 30)
    changed = [{**record, "version": 2, "title": f"Glaciers {number}"} for number, record in enumerate(records[:5])]
    first = write_records(tmp_path / "first.jsonl", records[:15])
    return [first, write_records(tmp_path / "second.jsonl", [*changed, *records[10:]])]


def assert_as_in_a_folder(place: str, files: list[Path], folder: Path) -> None:
    """Asserts that a collection has each paper once, as a folder after the same imports."""
    for path in files:
        index([path], folder / "index", FakeEmbedder())
    found, expected = stored(place, folder / "stored"), without_times(contents(folder / "index"))
    for papers in (found["papers"], expected["papers"]):
        papers.sort(key=lambda each: each[0].id)
    assert found["papers"] == expected["papers"]
    assert found["removed"] == expected["removed"]


def test_an_import_goes_on_after_its_server_was_killed(files: list[Path], tmp_path: Path) -> None:
    first, second = files
    with LiteServer(tmp_path / "data") as server, Proxy(server.port) as proxy:
        place = f"milvus://127.0.0.1:{proxy.port}/papers"
        import_into(place, first)

        def kill() -> str:
            server.end()
            return "pass"

        for marker, number in ((PAPERS, 0), (PAPERS, 2), (b"table/", 0), (b"current/0*", 0)):
            proxy.rule = At(marker, number, kill)
            with pytest.raises(IndexUnavailable, match=r"Milvus cannot be reached \(3 attempts\)"):
                import_into(place, second)
            proxy.rule = let_pass
            server.start()
        report = import_into(place, second)
        assert report.papers == 30
        assert_as_in_a_folder(place, files, tmp_path)


def test_an_import_goes_on_by_itself_after_lost_connections(files: list[Path], tmp_path: Path) -> None:
    requests = 0

    def cut_every_tenth(_part: bytes) -> str:
        nonlocal requests
        requests += 1
        return "cut" if requests % 10 == 0 else "pass"

    with LiteServer(tmp_path / "data") as server, Proxy(server.port) as proxy:
        place = f"milvus://127.0.0.1:{proxy.port}/papers"
        proxy.rule = cut_every_tenth
        for path in files:
            import_into(place, path)
        proxy.rule = let_pass
        assert requests > 100
        assert_as_in_a_folder(place, files, tmp_path)


def test_an_import_goes_on_after_a_full_disk_was_enlarged(files: list[Path], disk: Path, tmp_path: Path) -> None:
    with LiteServer(disk / "data") as server:
        place = f"milvus://127.0.0.1:{server.port}/papers"

        def import_all() -> None:
            for path in files:
                import_into(place, path)

        for size in ("60k", "120k", "180k"):
            resize(disk, size)
            with pytest.raises(IndexUnavailable, match="No space left on device"):
                import_all()
        resize(disk, "32m")
        import_all()
        assert_as_in_a_folder(place, files, tmp_path)
        server.end()
        server.start()
        assert stored(place, tmp_path / "again")["papers"]
