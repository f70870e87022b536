"""Lists: papers by any of their IDs, across rebuilds, merges and removals; each profile has its own."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_call import CommandLine
from fake_embedder import FakeEmbedder
from indexer.build import index
from indexer.state import StateDatabase
from records import open_index, write_records
from search.errors import InvalidValue, NameNotFound, PaperNotFound
from search.papers.paper import Paper
from search.session import Session
from service.formats import Format, render_page
from service.state.bibliography import read_bibliography
from service.state.lists import STARRED, ListEntry, Lists
from service.state.profiles import Profile
from service.state.rendering import entries_page

ANNA, BERT = Profile(name="anna"), Profile(name="bert")
PAPERS = [
    {
        "id": f"2401.0000{number}",
        "title": f"On subject {number} of astronomy",
        "abstract": f"We measure subject {number} with telescope {number} and report what its light tells about stars.",
        "authors": ["Ada Byron", "Max Planck"],
        "published": "2024-01-02",
        "doi": f"10.1000/subject.{number}",
    }
    for number in range(8)
]


def build(folder: Path, records: list[dict[str, object]]) -> Session:
    index([write_records(folder.with_suffix(".jsonl"), records)], folder, FakeEmbedder())
    return open_index(folder).session()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return build(tmp_path_factory.mktemp("lists") / "index", PAPERS)


@pytest.fixture
def state(tmp_path: Path) -> StateDatabase:
    return StateDatabase(tmp_path / "state.sqlite")


def ids_of(entries: tuple[ListEntry, ...]) -> list[str]:
    return [entry.paper.id for entry in entries]


def test_a_paper_is_on_a_list_once_whichever_id_names_it(state: StateDatabase, session: Session) -> None:
    lists = Lists(state, ANNA)
    assert lists.add("thesis", ["2401.00001", "arxiv:2401.00002"], session, note="  read\tagain ") == 2
    assert lists.add("thesis", ["doi:10.1000/subject.1", "https://arxiv.org/abs/2401.00003v2"], session) == 1
    entries = lists.entries("thesis", session)
    assert ids_of(entries) == ["arxiv:2401.00001", "arxiv:2401.00002", "arxiv:2401.00003"]
    assert [entry.note for entry in entries] == ["read again", "read again", ""]
    assert lists.ids("thesis") >= {"arxiv:2401.00001", "doi:10.1000/subject.1"}
    assert lists.containing(session.paper("10.1000/subject.3")) == ("thesis",)
    lists.add("thesis", ["2401.00001"], session, note="cite")
    assert [entry.note for entry in lists.entries("thesis")] == ["cite", "read again", ""]
    assert lists.remove("thesis", ["10.1000/SUBJECT.1", "2401.00003"], session) == 2
    assert ids_of(lists.entries("thesis", session)) == ["arxiv:2401.00002"]


def test_a_list_survives_a_new_index_removal_and_absence(
    state: StateDatabase, session: Session, tmp_path: Path
) -> None:
    lists = Lists(state, ANNA)
    lists.add(STARRED, ["2401.00001", "2401.00002", "2401.00003"], session, note="mine")
    renamed = [{**PAPERS[3], "title": "A better title", "version": 2}, PAPERS[1]]  # another order, one paper missing
    entries = lists.entries(STARRED, build(tmp_path / "index", renamed))
    assert [(entry.paper.title, entry.in_index, entry.note) for entry in entries] == [
        ("On subject 1 of astronomy", True, "mine"),
        ("On subject 2 of astronomy", False, "mine"),
        ("A better title", True, "mine"),
    ]
    missing = entries[1].paper
    assert (missing.authors, str(missing.published)) == (("Ada Byron", "Max Planck"), "2024-01-02")
    assert missing.abstract is None


def test_papers_that_are_merged_later_become_one(state: StateDatabase, tmp_path: Path) -> None:
    apart = [{**PAPERS[1], "doi": None}, {"doi": PAPERS[1]["doi"], "title": "Another text", "abstract": "About cells."}]
    lists, before = Lists(state, ANNA), build(tmp_path / "before", apart)
    assert lists.add("a", ["2401.00001"], before, note="first") == 1
    assert lists.add("a", ["10.1000/subject.1"], before, note="second") == 1
    merged = build(tmp_path / "after", [PAPERS[1]])
    (entry,) = lists.entries("a", merged)
    assert (entry.paper.id, entry.note) == ("arxiv:2401.00001", "first; second")
    assert lists.remove("a", ["2401.00001"], merged) == 1
    assert lists.entries("a", merged) == ()


def test_nobody_reads_or_changes_the_lists_of_another(state: StateDatabase, session: Session) -> None:
    mine, other = Lists(state, ANNA), Lists(state, BERT)
    mine.add("thesis", ["2401.00001"], session)
    mine.add(STARRED, ["2401.00001"], session)
    assert other.summaries() == ()
    assert other.entries(STARRED) == ()
    assert other.containing(session.paper("2401.00001")) == ()
    for action in (lambda: other.entries("thesis"), lambda: other.delete("thesis"), lambda: other.ids("thesis")):
        with pytest.raises(NameNotFound, match="no list 'thesis'; there is none yet"):
            action()
    with pytest.raises(NameNotFound):
        other.remove("thesis", ["2401.00001"], session)
    other.add("thesis", ["2401.00002"], session)
    other.delete("thesis")
    assert ids_of(mine.entries("thesis")) == ["arxiv:2401.00001"]


def test_a_failed_change_changes_nothing(state: StateDatabase, session: Session) -> None:
    lists = Lists(state, ANNA)
    lists.add("thesis", ["2401.00001", "2401.00002"], session)
    with pytest.raises(PaperNotFound, match="9999"):
        lists.add("thesis", ["2401.00003", "2401.99999"], session)
    with pytest.raises(PaperNotFound, match="not on the list 'thesis'"):
        lists.remove("thesis", ["2401.00001", "2401.00003"], session)
    assert ids_of(lists.entries("thesis")) == ["arxiv:2401.00001", "arxiv:2401.00002"]


@pytest.mark.parametrize("name", ["", "  ", "a/b", "..", "x" * 81, "a\x07b", "\ud800"])
def test_invalid_names_are_refused(state: StateDatabase, session: Session, name: str) -> None:
    with pytest.raises(InvalidValue, match="use 1 to 80 printable characters"):
        Lists(state, ANNA).add(name, ["2401.00001"], session)
    with pytest.raises(InvalidValue, match="invalid note"):
        Lists(state, ANNA).add("a", ["2401.00001"], session, note="x" * 1_001)


def test_names_are_compared_in_one_form(state: StateDatabase, session: Session) -> None:
    lists = Lists(state, ANNA)
    lists.add("Caf\u00e9  list", ["2401.00001"], session)
    lists.add(" Cafe\u0301 list", ["2401.00002"], session)
    assert [(each.name, each.papers) for each in lists.summaries()] == [("Caf\u00e9 list", 2)]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.sampled_from("ab"), st.integers(0, 3), st.booleans())))
def test_any_changes_leave_what_a_model_of_sets_has(
    session: Session, tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, int, bool]]
) -> None:
    lists = Lists(StateDatabase(tmp_path_factory.mktemp("state") / "s"), ANNA)
    expected: dict[str, dict[int, None]] = {}
    for action, name, number, by_doi in changes:
        paper_id = f"doi:10.1000/subject.{number}" if by_doi else f"2401.0000{number}"
        if action == "add":
            assert lists.add(name, [paper_id], session) == (number not in expected.get(name, {}))
            expected.setdefault(name, {})[number] = None
        elif number in expected.get(name, {}):
            assert lists.remove(name, [paper_id], session) == 1
            del expected[name][number]
        else:
            with pytest.raises((PaperNotFound, NameNotFound)):
                lists.remove(name, [paper_id], session)
    assert {each.name: each.papers for each in lists.summaries()} == {
        name: len(each) for name, each in expected.items()
    }
    for name, numbers in expected.items():
        assert ids_of(lists.entries(name, session)) == [f"arxiv:2401.0000{number}" for number in numbers]


BIBTEX = """
@article{a, title = {On subject 1 of astronomy}, author = {Byron, Ada and Planck, Max}, year = 2024}
@article{b, title = {Other title}, doi = {10.1000/subject.2}}
@article{c, title = {On subject 1 of astronomy}, author = {Somebody Else}, year = 2024}
@article{d, title = {A paper of another field}, author = {Curie, Marie}, year = 1903, doi = {10.1000/radium}}
@article{e, title = {On subject 1 of astronomy}, eprint = {2401.00001}, archiveprefix = {arXiv}}
@article{f, title =
"""


def test_a_bibliography_is_recognised_by_id_or_title_and_authors(session: Session, tmp_path: Path) -> None:
    (tmp_path / "refs.bib").write_text(BIBTEX, "utf-8")
    read = read_bibliography(tmp_path / "refs.bib", session)
    assert [paper.id for paper in read.papers][:2] == ["arxiv:2401.00001", "arxiv:2401.00002"]
    assert [paper.authors for paper in read.papers[2:]] == [("Somebody Else",), ("Marie Curie",)]
    assert (read.missing, len(read.skipped)) == (2, 1)


@pytest.mark.parametrize("name", ["bibtex", "ris", "csl-json", "csv", "ndjson"])
def test_an_export_is_imported_as_the_same_list(
    state: StateDatabase, tmp_path: Path, session: Session, name: Format
) -> None:
    lists = Lists(state, ANNA)
    missing = Paper(("doi:10.1000/radium",), "Radium", authors=("Marie Curie",))
    lists.add_papers("old", [session.paper("2401.00001"), missing])
    page = entries_page("old", lists.entries("old", session), session.generation)
    (tmp_path / "old").write_bytes(render_page(name, page))
    read = read_bibliography(tmp_path / "old", session)
    assert (read.missing, read.skipped) == (1, ())
    assert lists.add_papers("new", read.papers) == 2
    assert [entry.paper for entry in lists.entries("new")] == [entry.paper for entry in lists.entries("old")]


def test_the_commands_show_lists_of_their_profile(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(session.snapshot.layout.directory, tmp_path / "index")
    call = CommandLine(monkeypatch, capfd, "--index", str(tmp_path / "index"))
    assert call("list").stderr == "papers: no lists yet; create one: papers list add NAME ID\n"
    assert call("list", "add", "thesis", "2401.00001", "--note", "cite").stderr == "papers: 1 added to thesis\n"
    call("list", "add", "thesis", "2401.00002", "--profile", "anna")
    listed = json.loads(call("list", "--json").stdout)
    assert [(each["name"], each["papers"]) for each in listed["lists"]] == [("thesis", 1)]
    assert call("list", "--profile", "anna").stdout == "       1 paper   thesis\n"
    shown = json.loads(call("list", "show", "thesis", "--json").stdout)
    assert [(each["id"], each["note"], each["in_index"]) for each in shown["papers"]] == [
        ("arxiv:2401.00001", "cite", True)
    ]
    assert "cite" in call("list", "show", "thesis").stdout
    (tmp_path / "refs.bib").write_text(call("list", "export", "thesis").stdout + BIBTEX, "utf-8")
    imported = call("list", "import", "refs", str(tmp_path / "refs.bib"))
    assert "skipped" in imported.stderr
    assert "papers: 4 papers read, 4 added to refs; not in the index at present: 2\n" in imported.stderr
    (tmp_path / "one.bib").write_text("@misc{a, title = {On one paper}}\n", "utf-8")
    assert "papers: 1 paper read, 1 added" in call("list", "import", "one", str(tmp_path / "one.bib")).stderr
    call("list", "delete", "one")
    assert call("list", "remove", "refs", "2401.00001").stderr == "papers: 1 removed from refs\n"
    call("list", "delete", "refs")
    missing = call("list", "show", "nothing")
    assert (missing.returncode, missing.stderr) == (4, "papers: no list 'nothing'; choose one of 'thesis'\n")
    assert call("list", "delete", "thesis").returncode == 0
    assert json.loads(call("list", "--json").stdout)["lists"] == []
    assert call("list", "--profile", "a b").returncode == 2
