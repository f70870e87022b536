"""Export and import of the state: nothing is lost, nothing is overwritten, and a bad document changes nothing."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_call import CommandLine
from fake_embedder import FakeEmbedder
from indexer.backup import back_up
from indexer.build import index
from indexer.state import StateDatabase
from records import make_records, write_records
from search.errors import InvalidValue
from search.papers.date import Date
from search.papers.paper import Paper
from service.state.lists import Lists
from service.state.names import parse_name
from service.state.profiles import Profile, Profiles
from service.state.transfer import export_state, import_state

LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
NAMES = LINES.filter(lambda text: "/" not in text and text.strip(".")).map(parse_name)
PAPERS = st.builds(
    Paper,
    ids=st.lists(st.integers(1, 30).map("doi:10.1000/{}".format), min_size=1, max_size=3, unique=True).map(tuple),
    title=st.none() | LINES,
    authors=st.lists(LINES, max_size=3).map(tuple),
    authors_partial=st.booleans(),
    published=st.none() | st.builds(Date, st.integers(1900, 2030)),
    abstract=st.none() | LINES,
)
PROFILES = st.builds(Profile, name=st.sampled_from(["default", "anna", "bert@lab"])) | LINES.map(Profile.of_token)
SEARCHES = st.fixed_dictionaries(
    {}, optional={"q": LINES, "author": st.lists(NAMES, min_size=1), "from": st.just("30d"), "mode": st.just("lexical")}
)


def add_watch(state: StateDatabase, profile: Profile, name: str, search: dict[str, Any], token: str | None) -> None:
    with state.write() as database:
        owner = profile.find_or_create(database)
        sql = "INSERT OR IGNORE INTO watches VALUES (NULL, ?, ?, ?, '2026-01-01T00:00:00Z', 7, 'gen-000001', ?)"
        database.execute(sql, [owner, name, json.dumps(search), token])


@st.composite
def filled_states(draw: st.DrawFn, folder: Path) -> StateDatabase:
    """A state with random profiles, lists, saved searches and sources."""
    number = draw(st.integers(0, 2**60))
    state = StateDatabase(folder / f"{number}-{len(list(folder.iterdir()))}.sqlite")
    for profile in draw(st.lists(PROFILES, max_size=2, unique=True)):
        Profiles(state).rename(profile, draw(LINES))
        for name in draw(st.lists(NAMES, max_size=2)):
            Lists(state, profile).add_papers(name, draw(st.lists(PAPERS, max_size=5)), note=draw(st.none() | LINES))
        for name in draw(st.lists(NAMES, max_size=2)):
            add_watch(state, profile, name, draw(SEARCHES), draw(st.none() | st.uuids().map(str)))
    if draw(st.booleans()):
        with state.write() as database:
            values = ["arxiv", json.dumps({"category": "cs.IR"}), "2026-01-01T00:00:00Z", None, draw(LINES)]
            database.execute("INSERT INTO followed_sources VALUES (?, ?, ?, ?, ?)", values)
    return state


@settings(max_examples=12)
@given(data=st.data())
def test_an_export_is_imported_unchanged_and_twice_like_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("states")
    exported = export_state(data.draw(filled_states(folder)))
    copied = StateDatabase(folder / "copy.sqlite")
    for _ in range(2):
        import_state(copied, json.loads(json.dumps(exported)))
        assert export_state(copied) == exported


@settings(max_examples=6)
@given(data=st.data())
def test_an_import_adds_what_is_missing_and_keeps_the_rest(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("states")
    first, second = data.draw(filled_states(folder)), data.draw(filled_states(folder))
    before, other = export_state(first), export_state(second)
    import_state(first, other)
    merged = list_entries(export_state(first))
    for owner, name, note, ids in list_entries(before):
        (kept,) = (each for each in merged if each[:2] == (owner, name) and ids <= each[3])
        assert note in kept[2]
    for owner, name, _, ids in list_entries(other):
        assert any(each[:2] == (owner, name) and ids <= each[3] for each in merged)


def list_entries(exported: Any) -> list[tuple[str, str, str, set[str]]]:
    """Returns profile, list, note and IDs of each paper."""
    return [
        (profile["name"] or profile["token_sha256"], each["name"], paper["note"], {paper["id"], *paper.get("ids", [])})
        for profile in exported["profiles"]
        for each in profile["lists"]
        for paper in each["papers"]
    ]


def sample_document(folder: Path) -> dict[str, Any]:
    state = StateDatabase(folder / "sample.sqlite")
    Lists(state, Profile(name="anna")).add_papers("a", [Paper(("doi:10.1000/1",), "One")], note="note")
    add_watch(state, Profile(name="anna"), "w", {"q": "cache"}, "token")
    return dict(json.loads(json.dumps(export_state(state))))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["papers_state"], 2),
        (["profiles"], None),
        (["profiles", 0, "name"], None),
        (["profiles", 0, "name"], "../x"),
        (["profiles", 0, "lists", 0, "name"], "a/b"),
        (["profiles", 0, "lists", 0, "papers", 0, "note"], 5),
        (["profiles", 0, "lists", 0, "papers", 0, "authors"], "no list"),
        (["profiles", 0, "watches", 0, "search"], {"q": ["cache"]}),
        (["profiles", 0, "watches", 0, "search"], {"colour": "red"}),
        (["profiles", 0, "watches", 0, "read"], ["soon", "gen-000001"]),
        (["followed_sources"], [{"source": "arxiv"}]),
    ],
)
def test_a_changed_document_is_refused_and_changes_nothing(tmp_path: Path, path: list[Any], value: object) -> None:
    document = copy.deepcopy(sample_document(tmp_path))
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    state = StateDatabase(tmp_path / "state.sqlite")
    with pytest.raises(InvalidValue):
        import_state(state, document)
    assert export_state(state) == {"papers_state": 1, "profiles": [], "followed_sources": []}


def test_the_commands_move_a_state_by_file_or_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    call = CommandLine(monkeypatch, capfd)
    for name in ("one", "two"):
        index([write_records(tmp_path / "papers.jsonl", make_records(0, 3))], tmp_path / name, FakeEmbedder())
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    lists = [Lists(StateDatabase.of_index(tmp_path / name), Profile(name="default")) for name in ("one", "two")]
    lists[0].add_papers("a", [Paper(("doi:10.1000/1",), "One")], note="note")
    file = tmp_path / "lists.json"
    written = "1 list, 0 saved searches, 0 followed sources"
    assert call("state", "export", str(file), "--index", one).stderr == f"papers: wrote {written}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    imported = call("state", "import", str(file), "--index", two)
    assert (imported.returncode, imported.stderr) == (0, f"papers: read {written}; what was missing is added\n")
    assert lists[1].entries("a") == lists[0].entries("a")
    lists[1].delete("a")
    back_up(tmp_path / "one", tmp_path / "backup")
    assert call("state", "import", str(tmp_path / "backup"), "--index", two).returncode == 0
    assert lists[1].entries("a") == lists[0].entries("a")
    file.write_text("{", "utf-8")
    wrong = call("state", "import", str(file), "--index", two)
    assert (wrong.returncode, "it is not JSON" in wrong.stderr) == (2, True)
