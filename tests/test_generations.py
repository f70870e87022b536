"""Generations: whatever goes wrong, the last published one stays live, and files of the user are never removed."""

import errno
import gc
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from answers import answer_all
from fake_embedder import FakeEmbedder
from indexer.build import ImportReport, index
from indexer.doctor import examine, repair
from records import assert_rows_aligned, make_records, open_index, write_records
from search.columns.columns import Columns
from search.errors import IndexDamaged
from search.index.lexicon import Lexicon
from search.index.term_postings import TermPostings
from search.query.query import Query

TESTS = Path(__file__).parent


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A folder with an index of five papers."""
    import_records(tmp_path / "index", 0, 5)
    return tmp_path / "index"


def import_records(directory: Path, start: int, count: int) -> ImportReport:
    path = write_records(directory.parent / "papers.jsonl", make_records(start, count))
    return index([path], directory, FakeEmbedder())


def generation_names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("gen-*"))


def test_a_new_generation_is_picked_up_and_an_old_one_stays_while_it_is_read(directory: Path) -> None:
    searcher = open_index(directory)
    snapshot = searcher.snapshot
    assert searcher.search(Query("")).total == 5
    import_records(directory, 5, 5)
    assert searcher.search(Query("")).total == 10
    assert len(snapshot.lexicon.indexed_rows()) == 5
    assert len(snapshot.store.get(list(range(5)))) == 5
    del snapshot
    import_records(directory, 10, 5)
    assert generation_names(directory) == ["gen-000002", "gen-000003"]


def find_parts() -> list[object]:
    """The parts of generations that are in memory."""
    return [each for each in gc.get_objects() if type(each) in (Columns, Lexicon, TermPostings)]


def test_a_replaced_generation_is_freed_without_a_collection_of_garbage(directory: Path) -> None:
    import_records(directory, 5, 15)
    gc.collect()
    gc.disable()  # a server seldom collects garbage, and never that of its first generation
    try:
        others = {id(part) for part in find_parts()}
        searcher = open_index(directory)
        answer_all(searcher)
        parts = [weakref.ref(part) for part in find_parts() if id(part) not in others]
        import_records(directory, 20, 5)
        answer_all(searcher)
        left = {type(part()) for part in parts} - {type(None)}
    finally:
        gc.enable()
    assert len(parts) >= 3
    assert not left


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("of the user")


def make_file(path: Path) -> None:
    path.write_text("of the user")


def make_link(path: Path) -> None:
    make_folder(path.parent / "elsewhere")
    path.symlink_to(path.parent / "elsewhere", target_is_directory=True)


def copy_generation(path: Path) -> None:
    shutil.copytree(path.parent / "gen-000001", path)


def copy_generation_with_notes(path: Path) -> None:
    copy_generation(path)
    (path / "notes.txt").write_text("of the user")


@pytest.mark.parametrize("make", [make_folder, make_file, make_link, copy_generation, copy_generation_with_notes])
@pytest.mark.parametrize(
    "name",
    ["gen-foo", "gen-000003.bak", "gen-000009", "gen-1", "gen-", "gen-000000", "gen-²", "gen-00000012", "general"],
)
def test_what_a_writer_did_not_write_is_left_alone(directory: Path, name: str, make: Callable[[Path], None]) -> None:
    make(directory / name)
    before = {path: path.read_bytes() for path in (directory / name).rglob("*") if path.is_file()}
    for start in (5, 10):
        import_records(directory, start, 5)
    assert (directory / name).exists()
    assert {path: path.read_bytes() for path in (directory / name).rglob("*") if path.is_file()} == before
    published = "gen-000011" if name == "gen-000009" else "gen-000003"
    assert set(generation_names(directory)) == {name, published} - {"general"}
    assert open_index(directory).search(Query("galaxy", limit=20)).total == 15
    assert examine(directory) == []


def test_a_published_generation_with_a_user_file_is_not_deleted(directory: Path) -> None:
    (directory / "gen-000001" / "notes.txt").write_text("of the user")
    import_records(directory, 5, 5)
    assert generation_names(directory) == ["gen-000001", "gen-000002"]
    assert (directory / "gen-000001" / "notes.txt").read_text() == "of the user"


def test_generations_are_ordered_by_number(directory: Path) -> None:
    (directory / "gen-000001").rename(directory / "gen-999999")
    (directory / "CURRENT").write_text("gen-999999\n")
    for start, name in ((5, "gen-1000000"), (10, "gen-1000001")):
        assert import_records(directory, start, 5).generation == name
    assert open_index(directory).search(Query("")).total == 15


@pytest.mark.parametrize("current", ["gen-foo", "gen-1", "gen-000001/..", "../gen-000001", "", "gen-" + "9" * 5_000])
def test_a_current_file_without_the_name_of_a_generation_is_damage(directory: Path, current: str) -> None:
    (directory / "CURRENT").write_text(current + "\n")
    with pytest.raises(IndexDamaged, match="CURRENT does not contain the name of a generation"):
        open_index(directory)
    repair(directory, lambda _model: FakeEmbedder())
    assert open_index(directory).search(Query("")).total == 5


@pytest.mark.parametrize("content", ["codes/codes.faiss", "manifest.json.new", "manifest.json", ""])
def test_leftovers_of_a_killed_writer_are_removed(directory: Path, content: str) -> None:
    half = directory / "gen-000002"
    half.mkdir()
    if content:
        (half / content).parent.mkdir(exist_ok=True)
        (half / content).write_bytes(b"half")
    (vectors,) = directory.glob("vectors-*.f16")
    with vectors.open("ab") as file:
        file.write(b"\1" * 100)
    assert open_index(directory).search(Query("")).total == 5
    report = import_records(directory, 5, 5)
    assert (report.papers, report.generation) == (10, "gen-000002")
    assert generation_names(directory) == ["gen-000002"]
    assert open_index(directory).search(Query("galaxy", limit=20)).total == 10


@pytest.mark.parametrize("failure", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_a_failure_after_publishing_keeps_the_new_generation(
    directory: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    synced, fsync = [], os.fsync

    def fail_once_published(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(descriptor)
        if (directory / "CURRENT").read_text() == "gen-000002\n":
            raise failure

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail_once_published)
        with pytest.raises(type(failure)):
            import_records(directory, 5, 5)
    assert len(synced) > 5
    assert open_index(directory).search(Query("")).total == 10
    assert generation_names(directory) == ["gen-000001", "gen-000002"]
    import_records(directory, 5, 5)  # nothing new, but the generation that stayed is removed
    assert generation_names(directory) == ["gen-000002"]


def test_vectors_stay_when_the_new_manifest_cannot_be_read(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_text = Path.read_text

    def fail(path: Path, encoding: str = "utf-8") -> str:
        if path == directory / "gen-000002" / "manifest.json":
            raise OSError(errno.EIO, "Input/output error", str(path))
        return read_text(path, encoding)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", fail)
        with pytest.raises(OSError, match="Input/output error"):
            import_records(directory, 5, 5)
    assert open_index(directory).search(Query("galaxy", mode="semantic")).total == 10
    assert examine(directory) == []


def test_a_full_disk_keeps_the_last_generation_live(directory: Path, tmp_path: Path) -> None:
    more = write_records(tmp_path / "more.jsonl", make_records(50, 3_000))
    for room in (1_000, 50_000, 400_000, 1_500_000):  # bytes a file may grow to: fails in each kind of file
        done = subprocess.run(
            [sys.executable, "-c", CHILD_SCRIPT, str(more), str(directory)],
            capture_output=True,
            text=True,
            check=False,
            cwd=TESTS,
            preexec_fn=lambda room=room: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        )
        assert done.returncode == 1, room
        assert open_index(directory).search(Query("galaxy")).total == 5
    index([more], directory, FakeEmbedder())
    assert open_index(directory).search(Query("galaxy")).total == 3_005


CHILD_SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [".", ".."]
from answers import answer_all
from fake_embedder import FakeEmbedder
from indexer.build import index
for path in sorted(Path(sys.argv[1]).parent.glob(Path(sys.argv[1]).name)):
    print(index([path], Path(sys.argv[2]), FakeEmbedder()).papers, flush=True)
"""


CREATION_SCRIPT = """
import os, sqlite3, sys
from pathlib import Path
sys.path[:0] = [".", ".."]
from answers import answer_all
from fake_embedder import FakeEmbedder
from indexer.build import index

connect = sqlite3.connect


def connect_until(*args, **options):
    connection = connect(*args, **options)
    connection.set_trace_callback(lambda statement: os._exit(9) if statement.strip().startswith(sys.argv[3]) else None)
    return connection


sqlite3.connect = connect_until
index([Path(sys.argv[1])], Path(sys.argv[2]), FakeEmbedder())
"""


@pytest.mark.parametrize("statement", ["CREATE TABLE papers", "CREATE TABLE replaced", "CREATE TABLE keys", "COMMIT"])
def test_a_kill_while_the_database_is_created_leaves_a_usable_folder(tmp_path: Path, statement: str) -> None:
    records = write_records(tmp_path / "papers.jsonl", make_records(0, 3))
    command = [sys.executable, "-c", CREATION_SCRIPT, str(records), str(tmp_path / "index"), statement]
    assert subprocess.run(command, cwd=TESTS, check=False).returncode == 9
    assert index([records], tmp_path / "index", FakeEmbedder()).papers == 3
    assert_rows_aligned(open_index(tmp_path / "index"))


def test_a_kill_at_any_point_keeps_the_last_generation_intact(tmp_path: Path) -> None:
    parts = [write_records(tmp_path / f"part-{n:02}.jsonl", make_records(n * 1_300, 1_300)) for n in range(16)]
    draw, directory, kills, last = random.Random(17), tmp_path / "index", 0, 0
    while kills < 7:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD_SCRIPT, str(tmp_path / "part-*.jsonl"), str(directory)],
            cwd=TESTS,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            child.wait(draw.uniform(0.3, 1.0 + last / 10_000))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            kills += 1
        published = (child.communicate()[0] or "").split()
        if (directory / "CURRENT").exists():
            searcher = open_index(directory)
            total = searcher.search(Query("galaxy")).total
            assert total >= max([last, *map(int, published)])
            last = total
            assert_rows_aligned(searcher)
        if child.returncode == 0:
            break
    assert kills >= 5
    assert index(parts, directory, FakeEmbedder()).papers == 16 * 1_300
    assert_rows_aligned(open_index(directory))
