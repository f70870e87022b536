"""A server verifies its index again while it serves, reports damage, and goes on."""

import os
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fake_embedder import FakeEmbedder
from indexer.build import index
from records import make_records, write_records
from search.index.scrub import find_damage
from search.index.snapshot import Snapshot
from server_process import ServerProcess


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    index([write_records(tmp_path / "papers.jsonl", make_records(0, 40))], tmp_path / "index", FakeEmbedder())
    return tmp_path / "index"


def flip(path: Path) -> None:
    """Flips the last bit in place, as a disk would."""
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read()[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))


def metric(server: ServerProcess, name: str) -> float | None:
    found = re.search(rf"^{name} (\S+)$", server.client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else None


def scrub_pids(server: ServerProcess) -> set[int]:
    """Returns the IDs of the server's processes of the lowest priority."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text("ascii").split()
    return {int(pid) for pid in children if os.getpriority(os.PRIO_PROCESS, int(pid)) == 19}


def test_each_damaged_file_is_named(directory: Path) -> None:
    snapshot, reads = Snapshot.open_unchecked(directory), list[int]()
    assert list(find_damage(snapshot, reads.append)) == []
    size = sum(record.bytes for record in snapshot.manifest.files)
    assert sum(reads) > size + next(directory.glob("vectors-*")).stat().st_size
    flip(directory / "gen-000001" / "columns" / "authors-rows.npy")
    flip(directory / "gen-000001" / "tombstones.npy")
    (directory / "gen-000001" / "papers-crc32.npy").write_bytes(b"")
    flip(next(directory.glob("vectors-*")))
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database:
        database.execute("UPDATE papers SET paper = replace(paper, 'galaxy', 'planet')")
        database.execute("UPDATE keys SET key = key + 1")
        database.commit()
    (directory / "gen-000001" / "confidence.json").unlink()
    problems = list(find_damage(snapshot, lambda _count: None))
    names = ("confidence.json", "authors-rows.npy", "tombstones.npy", "papers-crc32.npy", "papers.sqlite", "vectors-")
    assert len(problems) == len(names) + 1
    assert sum("papers.sqlite: " in problem for problem in problems) == 2  # keys and papers are both in papers.sqlite
    for name in names:
        assert any(name in problem for problem in problems), name
    assert not any("\n" in problem for problem in problems)


def test_a_server_reports_damage_and_goes_on(directory: Path) -> None:
    file = directory / "gen-000001" / "columns" / "authors-rows.npy"
    with ServerProcess(directory, WORKERS=1, FAKE_SCRUB_PAUSE=0.3) as server:
        server.wait_until(lambda: metric(server, "papers_index_verified_timestamp_seconds"))
        assert metric(server, "papers_index_damaged") == 0
        flip(file)
        server.wait_until(lambda: metric(server, "papers_index_damaged") == 1)
        server.wait_until(lambda: any(f"the index is damaged: {file}" in line for line in server.stderr_lines))
        assert server.client.get("/v1/search", params={"q": "galaxy"}).status_code == 200
        flip(file)
        server.wait_until(lambda: metric(server, "papers_index_damaged") == 0)
        assert server.stop() == 0
    assert not any("Traceback" in line for line in server.stderr_lines)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_one_process_starts_again_for_a_new_generation_and_after_a_kill(directory: Path, tmp_path: Path) -> None:
    with ServerProcess(directory, WORKERS=1) as server:
        server.wait_until(lambda: metric(server, "papers_index_verified_timestamp_seconds"))
        (first,) = scrub_pids(server)
        index([write_records(tmp_path / "papers.jsonl", make_records(40, 10))], directory, FakeEmbedder())
        flip(directory / "gen-000002" / "columns" / "authors-rows.npy")
        server.wait_until(lambda: metric(server, "papers_index_damaged") == 1)
        (second,) = scrub_pids(server)
        assert second != first
        os.kill(second, signal.SIGKILL)
        server.wait_until(lambda: scrub_pids(server) - {first, second})
        server.wait_until(lambda: metric(server, "papers_index_damaged") == 1)
        assert server.stop() == 0
