"""Backups: the copy of an index in use is whole and gives the same answers; nothing is overwritten or half done."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_call import run
from cli_process import PAPERS
from fake_embedder import FakeEmbedder
from indexer.backup import back_up, restore
from indexer.build import index
from indexer.database import acquire_lock
from indexer.doctor import examine
from indexer.removal import remove
from indexer.removal_selection import select_query
from indexer.writer import IndexWriter
from killed_process import KILLED, run_and_kill
from records import assert_rows_aligned, make_records, open_index, write_records
from search.errors import IndexBusy, IndexDamaged, IndexMissing, InvalidValue
from search.index.layout import Layout
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.query import Query

TESTS = Path(__file__).parent
QUERIES = (
    Query("galaxy cache", limit=100),
    Query("galaxy cache", mode="lexical", limit=100),
    Query("token lattice", Filter(authors=("Byron3",)), mode="semantic", limit=100),
    Query("", Filter(categories=("cs.CL",)), limit=100, facets=True),
)


def answers(directory: Path) -> list[dict[str, Any]]:
    """The pages that answer some queries, as JSON without timings."""
    searcher = open_index(directory)
    pages = [searcher.search(query).to_json() for query in QUERIES]
    return [{name: value for name, value in page.items() if name != "explanation"} for page in pages]


def import_records(directory: Path, start: int, count: int) -> None:
    index([write_records(directory.parent / "papers.jsonl", make_records(start, count))], directory, FakeEmbedder())


def file_contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("papers.sqlite-"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An index of 60 papers, ten of which were replaced."""
    import_records(tmp_path / "index", 0, 60)
    changed = [{**record, "version": 2, "categories": ["cs.IR", "cs.CL"]} for record in make_records(0, 10)]
    index([write_records(tmp_path / "papers.jsonl", changed)], tmp_path / "index", FakeEmbedder())
    return tmp_path / "index"


WRITER_SCRIPT = """
import json, sys
from pathlib import Path
sys.path[:0] = [".", ".."]
from fake_embedder import FakeEmbedder
from indexer import paper_writer
from indexer.build import index
from test_backup import answers
paper_writer.BATCH_PAPERS = 20
for path in sorted(Path(sys.argv[1]).glob("part-*.jsonl")):
    index([path], Path(sys.argv[2]), FakeEmbedder())
    path.with_suffix(".answers").write_text(json.dumps(answers(Path(sys.argv[2]))), "utf-8")
"""


def test_backups_during_imports_answer_as_their_generation_did(tmp_path: Path) -> None:
    directory, backups = tmp_path / "index", []
    import_records(directory, 0, 100)
    for part in range(5):  # half of the papers of each part replace papers of the part before
        records = [{**record, "version": part} for record in make_records(part * 100, 200)]
        write_records(tmp_path / f"part-{part}.jsonl", records)
    searcher = open_index(directory)
    command = [sys.executable, "-c", WRITER_SCRIPT, str(tmp_path), str(directory)]
    writer = subprocess.Popen(command, cwd=TESTS)
    while writer.poll() is None or not backups:
        backups.append(tmp_path / f"backup-{len(backups)}")
        back_up(directory, backups[-1])
        assert searcher.search(Query("galaxy")).total >= 100
    assert writer.returncode == 0
    pages = [json.loads(path.read_text("utf-8")) for path in tmp_path.glob("*.answers")]
    expected = {each[0]["generation"]: each for each in pages}
    assert len(expected) == 5
    for backup in backups:
        assert examine(backup) == []
        found = json.loads(json.dumps(answers(backup)))
        assert found == expected.get(found[0]["generation"], found)  # the first generation has no answers to compare
        assert_rows_aligned(open_index(backup))
    assert {answers(backup)[0]["generation"] for backup in backups} & set(expected)


def test_papers_that_are_not_published_are_not_copied(directory: Path, tmp_path: Path) -> None:
    expected = answers(directory)
    with IndexWriter(directory, FakeEmbedder()) as writer:
        for record in make_records(5, 100):
            writer.add(Paper.from_json({"ids": [f"arxiv:{record['id']}"], "title": record["title"]}))
        writer.flush()  # new rows, and rows that replace published ones
        back_up(directory, tmp_path / "backup")
    assert examine(tmp_path / "backup") == []
    assert answers(tmp_path / "backup") == expected
    import_records(tmp_path / "backup", 60, 20)  # the backup is an index, which a writer extends
    assert open_index(tmp_path / "backup").search(Query("")).total == 80
    assert examine(tmp_path / "backup") == []


def test_a_restored_index_equals_the_original(directory: Path, tmp_path: Path) -> None:
    expected = answers(directory)
    back_up(directory, tmp_path / "backup")
    shutil.rmtree(directory)
    manifest, previous = restore(tmp_path / "backup", directory)
    assert (manifest.live, previous) == (60, None)
    assert answers(directory) == expected
    assert sorted(path.name for path in directory.iterdir()) == sorted(p.name for p in (tmp_path / "backup").iterdir())
    import_records(directory, 60, 20)
    assert examine(directory) == []


def test_an_index_without_papers_can_be_restored(directory: Path, tmp_path: Path) -> None:
    remove(directory, select_query(directory, "date:>=1900"), lambda _model: FakeEmbedder())
    assert open_index(directory).search(Query("")).total == 0
    back_up(directory, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")
    assert examine(tmp_path / "restored") == []
    import_records(tmp_path / "restored", 100, 5)
    assert open_index(tmp_path / "restored").search(Query("galaxy cache", mode="lexical")).total > 0


def test_a_plain_copy_of_an_index_at_rest_is_a_backup(directory: Path, tmp_path: Path) -> None:
    searcher = open_index(directory)
    expected = answers(directory)
    assert searcher.search(Query("galaxy")).hits  # a reader may have it open
    subprocess.run(["cp", "-r", str(directory), str(tmp_path / "copy")], check=True)
    assert examine(tmp_path / "copy") == []
    assert answers(tmp_path / "copy") == expected
    restore(tmp_path / "copy", tmp_path / "restored")
    assert answers(tmp_path / "restored") == expected


@pytest.mark.parametrize("occupied", ["index", "notes", "file", "link"])
def test_nothing_is_overwritten(directory: Path, tmp_path: Path, occupied: str) -> None:
    target = tmp_path / "target"
    if occupied == "index":
        import_records(target, 0, 3)
    elif occupied == "notes":
        target.mkdir()
        (target / "notes.txt").write_text("of the user")
    elif occupied == "file":
        target.write_text("of the user")
    else:
        target.symlink_to(directory, target_is_directory=True)
    before = file_contents(tmp_path)
    with pytest.raises(InvalidValue, match=r"invalid folder .*give the name of a new folder"):
        back_up(directory, target)
    with pytest.raises(InvalidValue, match=r"invalid directory .*--replace"):
        restore(directory, target)
    assert file_contents(tmp_path) == before
    assert not list(tmp_path.glob("*.incomplete"))


def test_restore_replace_renames_the_previous_index(directory: Path, tmp_path: Path) -> None:
    expected = answers(directory)
    back_up(directory, tmp_path / "backup")
    import_records(directory, 60, 20)
    newer = answers(directory)
    lock = acquire_lock(Layout(directory))
    with pytest.raises(IndexBusy, match="another process is writing"):
        restore(tmp_path / "backup", directory, replace=True)
    os.close(lock)
    assert answers(directory) == newer
    _, previous = restore(tmp_path / "backup", directory, replace=True)
    assert previous == tmp_path / "index.replaced"
    assert (answers(directory), answers(previous)) == (expected, newer)
    with pytest.raises(InvalidValue, match=r"index\.replaced exists already; delete or rename it first"):
        restore(tmp_path / "backup", directory, replace=True)
    assert (answers(directory), answers(previous)) == (expected, newer)


@pytest.mark.parametrize("copy", [back_up, restore])
def test_a_damaged_index_is_not_copied(directory: Path, tmp_path: Path, copy: Callable[..., object]) -> None:
    for name, content in file_contents(directory).items():
        if not content:
            continue
        middle = content.find(b"Paper 7.") if name == "papers.sqlite" else len(content) * 2 // 3
        (directory / name).write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
        with pytest.raises((IndexDamaged, IndexMissing)) as caught:
            copy(directory, tmp_path / "copy")
        assert str(directory) in str(caught.value), name
        (directory / name).write_bytes(content)
        assert not [path for path in tmp_path.iterdir() if path.name.startswith("copy")], name


def test_a_killed_copy_leaves_no_backup_and_the_next_one_succeeds(directory: Path, tmp_path: Path) -> None:
    expected, after, statuses = answers(directory), 0, []
    while KILLED in statuses[-1:] or not statuses:
        backup = tmp_path / f"backup-{after}"
        statuses.append(run_and_kill(back_up, directory, backup, after=after))
        assert answers(directory) == expected
        if backup.exists():
            assert examine(backup) == []
        else:
            back_up(directory, backup)
        assert answers(backup) == expected
        assert not list(tmp_path.glob("*.incomplete"))
        shutil.rmtree(backup)
        after += 1 + after // 3
    assert len(statuses) > 5


def test_an_index_can_be_restored_after_a_kill_at_any_point(directory: Path, tmp_path: Path) -> None:
    back_up(directory, tmp_path / "backup")
    expected, after, status = answers(tmp_path / "backup"), 0, KILLED
    while status == KILLED:
        status = run_and_kill(restore_replacing, tmp_path / "backup", directory, after=after)
        if not directory.exists():  # killed between the two renames
            restore(tmp_path / "backup", directory)
        shutil.rmtree(tmp_path / "index.replaced", ignore_errors=True)
        assert answers(directory) == expected
        assert examine(directory) == []
        after += 1 + after // 3
    assert not (tmp_path / "index.incomplete").exists()


def restore_replacing(backup: Path, directory: Path) -> None:
    restore(backup, directory, replace=True)


def test_a_full_disk_leaves_nothing(directory: Path, tmp_path: Path) -> None:
    # coverage writes a file, and Python 3.11 cuts the compiled file of a module that is imported for the first time
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    for room in (0, 100, 20_000, 100_000):  # bytes a file may grow to: fails in each kind of file
        done = subprocess.run(
            [str(PAPERS), "backup", str(tmp_path / "backup"), "--index", str(directory)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            preexec_fn=lambda room=room: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        )
        assert (done.returncode, done.stdout) == (1, ""), room
        assert "Traceback" not in done.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "papers.jsonl"]
    assert run("backup", str(tmp_path / "backup"), "--index", str(directory)).returncode == 0
    assert answers(tmp_path / "backup") == answers(directory)


def test_backup_keeps_an_existing_incomplete_folder(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "backup.incomplete").mkdir()
    (tmp_path / "backup.incomplete" / "thesis.txt").write_text("of the user")
    with pytest.raises(InvalidValue, match=r"it is needed to write backup; delete or rename it first"):
        back_up(directory, tmp_path / "backup")
    assert (tmp_path / "backup.incomplete" / "thesis.txt").read_text() == "of the user"


def test_the_commands_report_what_they_did(directory: Path, tmp_path: Path) -> None:
    at, backup = ["--index", str(directory)], str(tmp_path / "backups" / "first")
    done = run("backup", backup, *at)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"papers: copied 60 papers (gen-000002) to {backup}" in done.stderr
    again = run("backup", backup, *at)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert again.stderr.startswith("papers: invalid FOLDER ")
    refused = run("restore", backup, *at)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "invalid --index" in refused.stderr
    assert "index.replaced with --replace" in refused.stderr
    restored = run("restore", backup, "--replace", *at)
    assert restored.returncode == 0
    assert f"papers: restored 60 papers (gen-000002) to {directory}" in restored.stderr
    assert f"the previous content of the folder is in {directory}.replaced" in restored.stderr
    assert run("doctor", *at).stdout == "no problems found\n"
    missing = run("restore", str(tmp_path / "nowhere"), "--index", str(tmp_path / "new"))
    assert missing.returncode == 1
    assert "nowhere: there is no index here" in missing.stderr
    assert not (tmp_path / "new").exists()
