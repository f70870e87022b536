"""The state database: private, shared by processes, versioned, backed up, and no danger to searches when damaged."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cli_call import CommandLine
from fake_embedder import FakeEmbedder
from indexer import state as state_module
from indexer.backup import STATE_COPY, back_up, restore
from indexer.build import index
from indexer.state import StateDatabase, state_path
from records import make_records, open_index, write_records
from search.errors import StateDamaged, StateUnavailable
from search.query.query import Query
from service.state.profiles import NOBODY, Profile, Profiles
from service.state.visits import record_visit

INSERT = "INSERT INTO profiles (name, title, created) VALUES (?, '', '')"


def names(state: StateDatabase) -> list[str]:
    with state.read() as database:
        return [name for (name,) in database.execute("SELECT name FROM profiles ORDER BY name")]


@pytest.fixture
def state(tmp_path: Path) -> StateDatabase:
    return StateDatabase(tmp_path / "index.state.sqlite")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    index([write_records(tmp_path / "papers.jsonl", make_records(0, 20))], tmp_path / "index", FakeEmbedder())
    return tmp_path / "index"


def test_reading_a_missing_state_creates_nothing(state: StateDatabase, tmp_path: Path) -> None:
    assert names(state) == []
    assert state.find_problems() == []
    assert list(tmp_path.iterdir()) == []


def test_a_transaction_is_stored_as_a_whole_or_not_at_all(state: StateDatabase) -> None:
    with state.write() as database:
        database.execute(INSERT, ["anna"])
    with pytest.raises(sqlite3.IntegrityError), state.write() as database:
        database.executemany(INSERT, [["bert"], ["anna"]])
    assert names(state) == ["anna"]


def test_shared_reads_see_one_state_until_the_thread_writes(state: StateDatabase) -> None:
    other = StateDatabase(state.path)
    with other.write() as database:
        database.execute(INSERT, ["anna"])
    with state.shared_read():
        assert names(state) == ["anna"]
        with other.write() as database:
            database.execute(INSERT, ["ben"])
        assert names(state) == ["anna"]
        with state.write() as database:
            database.execute(INSERT, ["cora"])
        assert names(state) == ["anna", "ben", "cora"]
    assert names(state) == ["anna", "ben", "cora"]


def test_a_shared_read_of_a_damaged_state_lets_each_read_say_so(state: StateDatabase) -> None:
    state.path.write_bytes(b"no database" * 500)
    with state.shared_read(), pytest.raises(StateDamaged):
        names(state)


def test_other_users_cannot_read_it(state: StateDatabase) -> None:
    with state.write() as database:
        database.execute(INSERT, ["anna"])
        modes = {path.name: path.stat().st_mode & 0o777 for path in state.path.parent.iterdir()}
    assert len(modes) == 3  # with the log and its index
    assert set(modes.values()) == {0o600}
    state.path.chmod(0o644)  # as a copy with a usual umask
    names(state)
    assert state.path.stat().st_mode & 0o777 == 0o600


def test_the_path_follows_the_index_or_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PAPERS_STATE", raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("data/index", "data/index/", "data/x/../index"):
        assert state_path(Path(name)) == tmp_path / "data" / "index.state.sqlite"
    monkeypatch.setenv("PAPERS_STATE", "/srv/lists.sqlite")
    assert state_path(Path("data/index")) == Path("/srv/lists.sqlite")


WRITER = """
import sys
from pathlib import Path
from indexer.state import StateDatabase
state, writer = StateDatabase(Path(sys.argv[1])), int(sys.argv[2])
for number in range(40):
    with state.write() as database:
        database.execute("INSERT INTO profiles (name, title, created) VALUES (?, '', '')", [f"{writer}-{number}"])
    with state.read() as database:
        count, = database.execute("SELECT count(*) FROM profiles WHERE name GLOB ?", [f"{writer}-*"]).fetchone()
        assert count == number + 1
"""


def test_several_processes_write_and_read_at_once(state: StateDatabase) -> None:
    commands = [[sys.executable, "-c", WRITER, str(state.path), str(writer)] for writer in range(4)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert errors == [""] * 4
    assert len(names(state)) == 160
    assert state.find_problems() == []


def test_an_earlier_version_is_brought_up_to_date(state: StateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    with state.write() as database:
        database.execute(INSERT, ["anna"])
    later = (*state_module._MIGRATIONS, ("ALTER TABLE profiles ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'",))
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "_MIGRATIONS", later)
        with state.read() as database:
            assert database.execute("SELECT name, colour FROM profiles").fetchall() == [("anna", "red")]
    with pytest.raises(StateUnavailable, match="a newer version of papers wrote it"):
        names(state)


def test_a_file_of_the_first_version_keeps_its_content(state: StateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "_MIGRATIONS", state_module._MIGRATIONS[:1])
        with state.write() as database:
            database.execute(INSERT, ["anna"])
    assert record_visit(state, Profile(name="anna"), 5) is None
    assert names(state) == ["anna"]


def test_a_visit_begins_after_a_pause_and_knows_what_the_one_before_saw(state: StateDatabase) -> None:
    anna, bert = Profile(name="anna"), Profile(name="bert")
    hour = 3_600
    assert record_visit(state, anna, 10, now=0) is None
    assert record_visit(state, anna, 20, now=300) is None  # the same visit
    assert record_visit(state, anna, 30, now=5 * hour) == 20
    assert record_visit(state, anna, 40, now=5 * hour + 300) == 20
    assert record_visit(state, anna, 40, now=5 * hour + 310) == 20
    assert record_visit(state, anna, 40, now=9 * hour) == 40
    assert record_visit(state, bert, 40, now=9 * hour) is None
    assert record_visit(state, NOBODY, 40, now=9 * hour) is None


def test_a_database_of_another_program_is_refused_and_unchanged(state: StateDatabase) -> None:
    with closing(sqlite3.connect(state.path)) as database, database:
        database.execute("CREATE TABLE notes (text)")
    before = state.path.read_bytes()
    for access in (state.read, state.write):
        with pytest.raises(StateUnavailable, match="a database of another program; set PAPERS_STATE"), access():
            pass
    assert state.path.read_bytes() == before


@pytest.mark.parametrize("damage", ["text", "header", "pages"])
def test_damage_is_named_and_takes_no_search_with_it(directory: Path, damage: str) -> None:
    state = StateDatabase.of_index(directory)
    with state.write() as database:
        database.executemany(INSERT, [[f"user{number}"] for number in range(300)])
    content = bytearray(state.path.read_bytes())
    damaged = {"text": b"Not a database" * 1_000, "header": b"\0" * 100 + content[100:]}
    damaged["pages"] = content[:4096] + os.urandom(len(content) - 4096)
    state.path.write_bytes(damaged[damage])
    with pytest.raises(StateDamaged, match=r"the lists and saved searches are damaged .*; searches work without it"):
        Profiles(state).rename(Profile(name="anna"), "Anna")
    assert open_index(directory).search(Query("galaxy")).total == 20
    assert "index.state.sqlite" in state.find_problems()[0]
    with pytest.raises(StateDamaged):
        back_up(directory, directory.with_name("backup"))
    assert not directory.with_name("backup").exists()


def test_the_doctor_reports_a_damaged_state(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    StateDatabase.of_index(directory).path.write_text("Not a database" * 100)
    doctor = CommandLine(monkeypatch, capfd)("doctor", "--json", "--index", str(directory))
    assert doctor.returncode == 1
    (problem,) = json.loads(doctor.stdout)["problems"]
    assert "index.state.sqlite" in problem
    assert "papers doctor --repair" not in doctor.stderr  # which repairs the index


def test_a_folder_without_permission_is_named(state: StateDatabase) -> None:
    folder = state.path.with_name("file")
    folder.write_text("")
    with (
        pytest.raises(StateUnavailable, match="check the disk and the permissions"),
        StateDatabase(folder / "s").write(),
    ):
        pass


def test_a_backup_has_the_state_and_a_restore_keeps_a_present_one(directory: Path, tmp_path: Path) -> None:
    state, anna, bert = StateDatabase.of_index(directory), Profile(name="anna"), Profile(name="bert")
    Profiles(state).rename(anna, "Anna")
    with state.read() as reader:  # a reader at the same time
        back_up(directory, tmp_path / "backup")
        assert reader.execute("SELECT count(*) FROM profiles").fetchone() == (1,)
    copy = tmp_path / "backup" / STATE_COPY
    assert copy.stat().st_mode & 0o777 == 0o600
    Profiles(state).rename(bert, "Bert")
    restore(tmp_path / "backup", directory, replace=True)
    assert names(state) == ["anna", "bert"]
    restore(tmp_path / "backup", tmp_path / "elsewhere")
    assert names(StateDatabase.of_index(tmp_path / "elsewhere")) == ["anna"]
    assert not (tmp_path / "elsewhere" / STATE_COPY).exists()


def test_an_index_without_a_state_is_backed_up_and_restored_without_one(directory: Path, tmp_path: Path) -> None:
    back_up(directory, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")
    assert not list(tmp_path.glob("**/*state.sqlite*"))
