"""Compaction: no file has the text of a removed paper, and a kill at any point loses nothing."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cli_call import run
from fake_embedder import FakeEmbedder
from indexer import build, compaction
from indexer.backup import back_up, restore
from indexer.build import index
from indexer.compaction import CompactionReport, compact
from indexer.doctor import examine, repair
from indexer.generations import find_layout
from indexer.reindex import reindex
from indexer.removal import remove
from indexer.removal_selection import select_ids
from indexer.writer import IndexWriter
from killed_process import KILLED, run_and_kill
from records import assert_rows_aligned, make_records, open_index, write_records
from search.embedding.model import ModelIdentity
from search.errors import IndexBusy, IndexDamaged, IndexMissing, IndexUnavailable, ModelUnavailable
from search.query.query import Query
from search.searcher import Searcher
from test_histories import answers

SECRET = "zyzzyva"
"""A word of the paper that is removed."""


def load(model: ModelIdentity) -> FakeEmbedder:
    return FakeEmbedder(model.dim, model.name)


def import_records(directory: Path, start: int, count: int) -> int:
    path = write_records(directory.parent / "papers.jsonl", make_records(start, count))
    return index([path], directory, FakeEmbedder()).papers


def compact_with_fake(directory: Path) -> CompactionReport:
    return compact(directory, load)


def files_with(directory: Path, word: str) -> list[str]:
    """The files of an index that contain a word, in any case."""
    found = (path for path in directory.rglob("*") if path.is_file() and word.encode() in path.read_bytes().lower())
    return sorted(path.name for path in found)


def file_names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if not path.name.startswith("papers.sqlite-"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 40 papers, after the removal of one and the replacement of another."""
    directory = tmp_path_factory.mktemp("compact") / "index"
    records = make_records(0, 41)
    secret = {"title": f"About a {SECRET}", "abstract": f"Paper 3. A {SECRET} appears.", "authors": [f"Ann {SECRET}"]}
    records[3] |= secret
    index([write_records(directory.parent / "papers.jsonl", records)], directory, FakeEmbedder())
    for version, word in ((2, "proof"), (3, "token")):
        changed = [{**records[5], "version": version, "extra": {"comment": word}, "abstract": f"A {word} of words."}]
        index([write_records(directory.parent / "papers.jsonl", changed)], directory, FakeEmbedder())
    remove(directory, select_ids(directory, ["2000.00003"]), load)
    assert examine(directory) == []
    return directory


@pytest.fixture
def directory(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "index")
    return tmp_path / "index"


def test_the_text_of_removed_papers_is_gone(directory: Path) -> None:
    assert "papers.sqlite" in files_with(directory, SECRET)
    before, searcher = answers(directory), open_index(directory)
    vector = searcher.snapshot.vectors.get_vector(3).astype(np.float16).tobytes()
    del searcher
    report = compact_with_fake(directory)
    assert (report.removed_rows, report.manifest.rows, report.manifest.live) == (4, 40, 40)
    assert report.freed_bytes > 0
    assert not report.is_in_use
    assert files_with(directory, SECRET) == []
    assert not any(vector in path.read_bytes() for path in directory.rglob("*") if path.is_file())
    assert sorted(path.name for path in directory.iterdir()) == [
        "CURRENT",
        "WRITER",
        report.manifest.generation,
        report.manifest.rows_folder,
    ]
    assert examine(directory) == []
    assert_rows_aligned(open_index(directory))
    assert answers(directory) == before


def test_without_dead_rows_nothing_is_rewritten(directory: Path) -> None:
    first, again = compact_with_fake(directory), compact_with_fake(directory)
    assert (again.removed_rows, again.manifest) == (0, first.manifest)


def test_a_compacted_index_is_an_index(directory: Path, tmp_path: Path) -> None:
    compact_with_fake(directory)
    assert import_records(directory, 0, 50) == 49  # the removed paper stays removed
    back_up(directory, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")
    expected = answers(directory)
    for copy in (tmp_path / "backup", tmp_path / "restored"):
        assert examine(copy) == []
        assert answers(copy) == expected
        assert import_records(copy, 50, 1) == 50
    reindex(directory, FakeEmbedder(48, "new"))
    assert examine(directory) == []
    assert Searcher(directory, load).search(Query("galaxy", mode="semantic")).hits
    reindex(directory, FakeEmbedder())
    remove(directory, select_ids(directory, ["2000.00007"]), load)
    second = compact_with_fake(directory)
    assert (second.manifest.rows, second.is_in_use) == (48, False)
    assert len(list(directory.glob("rows-*"))) == 1
    assert examine(directory) == []


@pytest.mark.parametrize("damage", [b"{", b""])
def test_removals_survive_a_damaged_manifest(directory: Path, damage: bytes) -> None:
    reader = open_index(directory).snapshot  # keeps the previous rows
    compact_with_fake(directory)
    expected = answers(directory)
    layout = find_layout(directory)
    layout.generation(layout.published_generation()).manifest.write_bytes(damage)
    with pytest.raises(IndexDamaged, match="papers doctor --repair"):
        open_index(directory)
    assert find_layout(directory) == layout
    repair(directory, load)
    assert answers(directory) == expected
    assert reader.store.get([3])[0].title == f"About a {SECRET}"
    del reader
    import_records(directory, 60, 1)
    assert files_with(directory, SECRET) == []
    assert examine(directory) == []


def test_open_readers_keep_the_previous_rows_until_they_follow(directory: Path) -> None:
    searcher = open_index(directory)
    snapshot = searcher.snapshot
    total = searcher.search(Query("")).total
    assert compact_with_fake(directory).is_in_use
    assert snapshot.store.get([40])[0].id == "arxiv:2000.00040"
    assert len(snapshot.vectors.get_vector(40)) == 32
    again = compact_with_fake(directory)
    assert again.is_in_use
    assert files_with(directory, SECRET)
    del snapshot
    page = searcher.search(Query("", limit=100))  # follows
    assert (page.total, page.generation) == (total, again.manifest.generation)
    assert not compact_with_fake(directory).is_in_use
    assert files_with(directory, SECRET) == []
    assert searcher.search(Query("galaxy")).hits


def test_a_kill_at_any_file_operation_keeps_the_last_generation(directory: Path, tmp_path: Path) -> None:
    expected = answers(directory)
    events = (27, 33, 87, 238, 245, 297)
    statuses = []
    for after in events:
        copy = shutil.copytree(directory, tmp_path / f"killed-{after}")
        statuses.append(run_and_kill(compact_with_fake, copy, after=after))
        assert answers(copy) == expected
        if after % 2:
            compact_with_fake(copy)
        else:
            import_records(copy, 10, 1)  # the next writer removes what the killed one left
            assert len(list(copy.glob("rows-*"))) <= 1
            compact_with_fake(copy)
        assert examine(copy) == []
        assert answers(copy) == expected
        assert files_with(copy, SECRET) == []
        assert len(list(copy.glob("rows-*"))) == 1
        shutil.rmtree(copy)
    assert statuses.count(KILLED) >= len(events) - 1


def test_a_failure_leaves_no_copy(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, expected = file_names(directory), answers(directory)

    def fail(path: Path, content: str) -> Path:
        raise OSError(f"{path} cannot be written: {content}")

    with monkeypatch.context() as patch:
        patch.setattr(build, "write_aside", fail)
        with pytest.raises(OSError, match="cannot be written"):
            compact_with_fake(directory)
    assert file_names(directory) == names
    assert answers(directory) == expected
    with monkeypatch.context() as patch:
        patch.setattr(compaction.shutil, "disk_usage", lambda _path: SimpleNamespace(free=10_000))
        with pytest.raises(
            IndexUnavailable, match=r"has 10,000 free bytes, but a rewritten copy takes up to [0-9,]+; free"
        ):
            compact_with_fake(directory)
    with IndexWriter(directory, FakeEmbedder()), pytest.raises(IndexBusy):
        compact_with_fake(directory)


def test_without_the_model_the_calibration_stays(directory: Path) -> None:
    def unavailable(_model: ModelIdentity) -> FakeEmbedder:
        raise ModelUnavailable("it is not installed")

    before = open_index(directory).snapshot.calibration
    compact(directory, unavailable)
    after = open_index(directory).snapshot.calibration
    assert before
    assert after
    assert after.to_json() == before.to_json()
    assert examine(directory) == []


def test_tables_that_this_version_does_not_know_are_kept(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database, database:
        database.execute("CREATE TABLE notes (id TEXT PRIMARY KEY, note TEXT) WITHOUT ROWID")
        database.execute("CREATE INDEX notes_by_note ON notes (note)")
        database.execute("INSERT INTO notes VALUES ('a', 'b')")
    compact_with_fake(directory)
    with closing(sqlite3.connect(find_layout(directory).store)) as database:
        assert database.execute("SELECT * FROM notes").fetchall() == [("a", "b")]
        assert database.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes_by_note'").fetchone()
    assert examine(directory) == []


def test_a_folder_of_rows_elsewhere_is_refused(directory: Path) -> None:
    layout = find_layout(directory)
    path = layout.generation(layout.published_generation()).manifest
    body = json.loads(path.read_text("utf-8"))["manifest"] | {"rows_folder": "../index"}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    path.write_text(json.dumps({"manifest": body, "sha256": digest}), "utf-8")
    with pytest.raises(IndexDamaged, match="rows_folder is not the name of a folder of rows"):
        open_index(directory)


def test_files_of_the_user_stay(directory: Path) -> None:
    (directory / "rows-000001").mkdir()
    (directory / "rows-000001" / "notes.txt").write_text("of the user")
    (directory / "rows-notes").mkdir()
    compact_with_fake(directory)
    assert (directory / "rows-000001" / "notes.txt").read_text() == "of the user"
    assert (directory / "rows-notes").is_dir()
    assert examine(directory) == []


def test_the_command(directory: Path, tmp_path: Path) -> None:
    done = run("compact", "--index", str(directory))
    assert (done.returncode, done.stdout) == (0, "")
    assert "left out 4 rows; " in done.stderr
    assert "The index has 40 papers (gen-000006)" in done.stderr
    with pytest.raises(IndexMissing):
        compact_with_fake(tmp_path / "none")
