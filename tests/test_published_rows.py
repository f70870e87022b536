"""No byte becomes part of a new generation before it is compared with the checksum it was published with."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli_call import run
from fake_embedder import FakeEmbedder
from indexer import generations
from indexer.build import ImportReport, index
from indexer.doctor import examine, repair
from indexer.reindex import reindex
from records import assert_rows_aligned, make_records, open_index, write_records
from search.errors import IndexDamaged
from search.index.layout import Manifest
from search.query.query import Query
from search.searcher import Searcher

PAPERS = 30


@pytest.fixture(scope="module")
def intact_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of two generations' papers, three of which have replaced an earlier row."""
    directory = tmp_path_factory.mktemp("published") / "index"
    import_records(directory, 0, PAPERS - 10)
    import_records(directory, PAPERS - 13, 13, version=2)
    return directory


@pytest.fixture
def directory(intact_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the index that a test may damage."""
    monkeypatch.setattr(generations, "known_identities", lambda: (FakeEmbedder().model,))
    shutil.copytree(intact_index, tmp_path / "index")
    return tmp_path / "index"


def import_records(directory: Path, start: int, count: int, version: int = 1) -> ImportReport:
    records = [{**record, "version": version} for record in make_records(start, count)]
    return index([write_records(directory.parent / "papers.jsonl", records)], directory, FakeEmbedder())


def repair_index(directory: Path) -> Manifest:
    return repair(directory, lambda _model: FakeEmbedder())


def rotate_vectors(directory: Path) -> None:
    """Gives ten papers each other's vectors."""
    (path,) = directory.glob("vectors-*")
    content, row = bytearray(path.read_bytes()), 64
    content[: 10 * row] = content[row : 10 * row] + content[:row]
    path.write_bytes(content)


def flip_vector_bit(directory: Path) -> None:
    (path,) = directory.glob("vectors-*")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def execute(directory: Path, *statements: str) -> None:
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def change_paper(directory: Path) -> None:
    execute(directory, "UPDATE papers SET paper = replace(paper, 'Paper 3.', 'Paper 4.') WHERE row = 3")


def change_records(directory: Path) -> None:
    execute(directory, "UPDATE papers SET records = replace(records, 'Byron', 'Lovelace') WHERE records IS NOT NULL")


DAMAGES = [rotate_vectors, flip_vector_bit, change_paper, change_records]


def keep(_directory: Path) -> None:
    """Damages nothing else."""


def remove_current(directory: Path) -> None:
    (directory / "CURRENT").unlink()


def empty_current(directory: Path) -> None:
    (directory / "CURRENT").write_text("")


def remove_tombstones(directory: Path) -> None:
    (directory / "gen-000002" / "tombstones.npy").unlink()


def keep_older_manifest(directory: Path) -> None:
    """Removes the manifest of the published generation where that of an older one is still there."""
    shutil.copytree(directory / "gen-000002", directory / "gen-000001")
    (directory / "gen-000002" / "manifest.json").unlink()


ALSO = [remove_current, empty_current, remove_tombstones, keep_older_manifest]


@pytest.mark.parametrize(
    ("damage", "also"),
    [
        *((damage, keep) for damage in DAMAGES),
        *((rotate_vectors, also) for also in ALSO),
        (change_paper, remove_current),
        (change_paper, keep_older_manifest),
    ],
)
def test_damage_is_never_published(
    directory: Path, damage: Callable[[Path], None], also: Callable[[Path], None]
) -> None:
    damage(directory)
    also(directory)
    assert examine(directory)
    before = sorted(directory.rglob("*"))
    attempts: list[Callable[[], object]] = [
        lambda: import_records(directory, PAPERS, 1),
        lambda: repair_index(directory),
    ]
    if damage in (change_paper, change_records) and (directory / "CURRENT").exists() and also is not empty_current:
        attempts.append(lambda: reindex(directory, FakeEmbedder(48, "new")))
    for attempt in attempts:
        with pytest.raises(IndexDamaged, match=r"do not have the checksum they were published with; restore"):
            attempt()
    assert examine(directory)
    assert {path for path in before if "sqlite-" not in path.name} <= set(directory.rglob("*"))


@pytest.mark.parametrize("also", ALSO)
def test_without_damage_of_papers_and_vectors_an_import_and_a_repair_succeed(
    directory: Path, also: Callable[[Path], None]
) -> None:
    also(directory)
    import_records(directory, PAPERS, 1)
    assert examine(directory) == []
    repair_index(directory)
    assert examine(directory) == []
    assert open_index(directory).search(Query("")).total == PAPERS + 1


def test_a_damaged_file_of_the_lexicon_is_not_merged_into_the_next(directory: Path) -> None:
    path = max((directory / "gen-000002" / "lexicon").glob("*.store"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    import_records(directory, PAPERS, 1)
    assert examine(directory) == []
    assert len(list((directory / "gen-000003" / "lexicon").glob("*.store"))) == 1  # built anew from the papers


def keep_rows(directory: Path, rows: int) -> None:
    """Removes the later rows, as the loss of a write-ahead log does."""
    tables = {"papers": "row", "replaced": "by", "keys": "row"}
    execute(directory, *(f"DELETE FROM {table} WHERE {column} >= {rows}" for table, column in tables.items()))


@pytest.mark.parametrize("rows", [1, 20, 32])
def test_a_database_that_lost_rows_is_refused_and_repaired(directory: Path, rows: int) -> None:
    keep_rows(directory, rows)
    vectors = next(directory.glob("vectors-*")).read_bytes()
    problem = rf"papers.sqlite has {rows} of the 33 papers that were published: .* or keep the {rows} papers and index"
    for refused in (open_index, lambda each: import_records(each, PAPERS, 5)):
        with pytest.raises(IndexDamaged, match=problem + " the others again; run papers doctor --repair"):
            refused(directory)  # type: ignore[operator]
    with pytest.raises(IndexDamaged, match=problem):
        Searcher(directory, lambda _model: FakeEmbedder())
    assert examine(directory)
    assert next(directory.glob("vectors-*")).read_bytes() == vectors  # a backup of the database still has its vectors
    assert repair_index(directory).rows == rows
    assert examine(directory) == []
    import_records(directory, 0, PAPERS, version=2)
    assert open_index(directory).search(Query("")).total == PAPERS
    assert examine(directory) == []
    assert_rows_aligned(open_index(directory))


def test_other_papers_in_place_of_lost_ones_are_refused(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    import_records(tmp_path / "other" / "index", 0, PAPERS - 10)
    import_records(tmp_path / "other" / "index", 500, 13)
    for path in (tmp_path / "other" / "index").glob("*.*"):
        if path.is_file():
            shutil.copy(path, directory / path.name)
    with pytest.raises(IndexDamaged, match=r"is not the database that was published: its row 32 is another paper"):
        Searcher(directory, lambda _model: FakeEmbedder())
    attempts: list[Callable[[Path], object]] = [lambda each: import_records(each, PAPERS, 5), repair_index]
    for attempt in attempts:
        with pytest.raises(IndexDamaged, match=r"restore it from a backup, or index the papers again into another"):
            attempt(directory)
    assert examine(directory)


@pytest.mark.parametrize("content", [None, b""])
def test_a_missing_database_is_never_replaced_by_an_empty_one(directory: Path, content: bytes | None) -> None:
    (directory / "papers.sqlite").unlink()
    if content is not None:
        (directory / "papers.sqlite").write_bytes(content)
    vectors = next(directory.glob("vectors-*")).read_bytes()
    for attempt in (lambda each: import_records(each, PAPERS, 5), repair_index):
        with pytest.raises(IndexDamaged, match=r"papers\.sqlite .*(backup|missing)"):
            attempt(directory)  # type: ignore[operator]
    assert next(directory.glob("vectors-*")).read_bytes() == vectors


def test_published_rows_are_in_the_database_file_even_while_it_is_read(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "papers.sqlite")) as reader:
        reader.execute("SELECT count(*) FROM papers").fetchall()
        import_records(directory, PAPERS, 5)
        for name in ("papers.sqlite-wal", "papers.sqlite-shm"):
            (directory / name).unlink()
    assert examine(directory) == []
    assert open_index(directory).search(Query("")).total == PAPERS + 5


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM keys",
        "DELETE FROM keys WHERE key = (SELECT max(key) FROM keys)",
        "UPDATE keys SET row = row + 1 WHERE key = (SELECT max(key) FROM keys)",
        "UPDATE keys SET key = key + 4294967296 WHERE key = (SELECT min(key) FROM keys)",
        "INSERT INTO keys VALUES (7, 7)",
    ],
)
def test_every_key_is_verified_and_rebuilt(directory: Path, statement: str) -> None:
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database:
        before = set(database.execute("SELECT * FROM keys"))
    execute(directory, statement)
    assert any("the keys in papers.sqlite are not those of its papers" in problem for problem in examine(directory))
    with pytest.raises(IndexDamaged, match="its keys are not those of its papers; run papers doctor --repair"):
        import_records(directory, 0, PAPERS)
    repair_index(directory)
    assert examine(directory) == []
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database:
        assert set(database.execute("SELECT * FROM keys")) == before
    assert import_records(directory, 0, PAPERS, version=2).counts.new == 0


def test_a_manifest_of_an_earlier_version_is_completed(directory: Path) -> None:
    path = directory / "gen-000002" / "manifest.json"
    manifest = Manifest.load(path)
    Manifest(**{name: getattr(manifest, name) for name in manifest.__slots__ if name != "database"}).save(path)
    assert Manifest.load(path).database is None
    assert open_index(directory).search(Query("")).total == PAPERS
    assert examine(directory) == []
    import_records(directory, PAPERS, 1)
    record = Manifest.load(directory / "gen-000003" / "manifest.json").database
    assert record is not None
    repair_index(directory)
    assert Manifest.load(directory / "gen-000004" / "manifest.json").database == record


@pytest.mark.parametrize("number", [errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP])
def test_without_hard_links_files_are_copied(directory: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", fail)
    import_records(directory, PAPERS, 5)
    assert examine(directory) == []
    assert open_index(directory).search(Query("")).total == PAPERS + 5
    assert not (directory / "gen-000002").exists()


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("of the user")


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def write_text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


def wrong_currents() -> Iterator[Callable[[Path], object]]:
    yield from map(write_text, ("", "gen-000001\0", "g" * 300, "gen-000007\n", "gen-000002/../gen-000002", "é" * 99))
    yield from (make_folder, make_loop, os.mkfifo)
    yield lambda path: path.symlink_to("gen-000002")
    yield lambda path: path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [keep, *wrong_currents()])
def test_any_current_is_repaired(directory: Path, make: Callable[[Path], object]) -> None:
    (directory / "CURRENT").unlink()
    make(directory / "CURRENT")
    assert len(examine(directory)) == 1
    repair_index(directory)
    assert examine(directory) == []
    assert open_index(directory).search(Query("")).total == PAPERS
    if make is make_folder:
        assert (directory / "CURRENT.moved-1" / "notes.txt").read_text() == "of the user"


def test_new_names_are_fsynced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, fsync = set(), os.fsync

    def record(descriptor: int) -> None:
        synced.add(Path(os.readlink(f"/proc/self/fd/{descriptor}")))  # noqa: PTH115
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    directory = tmp_path / "new" / "index"
    papers = write_records(tmp_path / "papers.jsonl", make_records(0, 3))
    index([papers], directory, FakeEmbedder())
    generation = directory / "gen-000001"
    folders = {tmp_path, directory.parent, directory, generation, generation / "columns", generation / "lexicon"}
    files = {path for path in generation.rglob("*") if path.is_file() and path.name != "manifest.json"}
    assert folders | files | set(directory.glob("vectors-*")) <= synced


def test_the_command_names_the_repair(tmp_path: Path) -> None:
    there = ["--index", str(tmp_path / "index")]
    papers = write_records(tmp_path / "papers.jsonl", make_records(0, 8))
    assert run("index", str(papers), *there).returncode == 0
    keep_rows(tmp_path / "index", 5)
    for command in (["index", str(papers)], ["search", "galaxy"]):
        done = run(*command, *there)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "papers.sqlite has 5 of the 8 papers" in done.stderr
    assert run("doctor", "--repair", *there).returncode == 0
    assert run("index", str(papers), *there).returncode == 0
    assert "8" in run("status", *there).stdout
