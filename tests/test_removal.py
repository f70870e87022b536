"""Removal: a removed paper leaves every answer at the next generation, and stays removed when it is imported again."""

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_call import run, run_json
from fake_embedder import FakeEmbedder
from indexer.backup import back_up
from indexer.build import ImportOptions, ImportReport, index
from indexer.compaction import compact
from indexer.doctor import examine, repair
from indexer.removal import RemovalReport, remove
from indexer.removal_selection import select_ids, select_query, select_source
from indexer.writer import IndexWriter
from killed_process import KILLED, run_and_kill
from records import make_records, open_index, write_records
from search.embedding.model import ModelIdentity
from search.errors import IndexBusy, InvalidValue, PaperNotFound
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.query import Query
from test_histories import answers, records_of_a_paper


def load(_model: ModelIdentity) -> FakeEmbedder:
    return FakeEmbedder()


def import_records(directory: Path, records: list[dict[str, Json]], name: str = "papers.jsonl") -> ImportReport:
    return index([write_records(directory.parent / name, records)], directory, FakeEmbedder())


def remove_ids(directory: Path, *ids: str) -> RemovalReport:
    return remove(directory, select_ids(directory, ids), load)


def ids_in(directory: Path) -> list[str]:
    return sorted(hit.paper.id for hit in open_index(directory).search(Query("", limit=1_000)))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An index of 30 papers; only the fourth has a certain word and author."""
    records = make_records(0, 30)
    records[3] |= {"abstract": f"{records[3]['abstract']} A zyzzyva appears.", "authors": ["Grace Zyzzyvas"]}
    import_records(tmp_path / "index", records)
    return tmp_path / "index"


def test_a_removed_paper_leaves_every_answer(directory: Path, tmp_path: Path) -> None:
    searcher, paper = open_index(directory), "arxiv:2000.00003"
    assert searcher.search(Query("zyzzyva", mode="lexical")).total == 1
    report = remove_ids(directory, "https://arxiv.org/abs/2000.00003v2")
    assert (report.removed, report.changed, report.papers) == (1, 0, 29)
    assert searcher.search(Query("zyzzyva", mode="lexical")).total == 0  # a searcher that was open follows
    assert searcher.search(Query("")).total == 29
    assert paper not in {hit.paper.id for hit in searcher.search(Query("galaxy zyzzyva", limit=100))}
    assert searcher.suggest("zyzz").authors == ()
    assert searcher.authors("Grace Zyzzyvas").variants == ()
    assert searcher.snapshot.lexicon.word_doc_freq("zyzzyva") == 0
    with pytest.raises(PaperNotFound):
        searcher.paper(paper)
    assert examine(directory) == []
    others = [record for record in make_records(0, 30) if record["id"] != "2000.00003"]
    import_records(tmp_path / "others", others)
    assert answers(directory) == answers(tmp_path / "others")  # scores too: BM25 does not count it
    repair(directory, load)
    assert answers(directory) == answers(tmp_path / "others")


def test_a_removed_paper_stays_removed_unless_it_is_restored(directory: Path) -> None:
    remove_ids(directory, "arxiv:2000.00003", "arxiv:2000.00004")
    records = make_records(0, 31)
    report = import_records(directory, records)
    assert (report.counts.read, report.counts.new, report.counts.removed, report.papers) == (31, 1, 2, 29)
    assert import_records(directory, records[3:5], "other.jsonl").counts.removed == 2  # by any file
    compact(directory, load)
    assert import_records(directory, records).counts.removed == 2
    path = write_records(directory.parent / "one.jsonl", [{**records[3], "title": "another title"}])
    restored = index([path], directory, FakeEmbedder(), options=ImportOptions(restore=True))
    assert (restored.counts.new, restored.counts.removed, restored.papers) == (1, 0, 30)
    report = import_records(directory, records)
    assert (report.counts.merged, report.counts.removed) == (1, 1)
    assert examine(directory) == []


def test_papers_without_an_id_are_recognised_by_their_text(tmp_path: Path) -> None:
    directory, records = tmp_path / "index", make_records(0, 5)
    for record in records:
        del record["id"]
    import_records(directory, records)
    local = open_index(directory).search(Query("", limit=1)).hits[0].paper.id
    assert local.startswith("h:")
    remove_ids(directory, local)
    report = import_records(directory, records, "again.jsonl")
    assert (report.counts.removed, report.papers) == (1, 4)


def test_removal_by_any_id_removes_all_records_of_a_paper(tmp_path: Path) -> None:
    directory, first = tmp_path / "index", make_records(0, 2)
    second = [{**first[0], "doi": "10.1000/Zero"}]  # has both IDs and joins the other two
    third = [{"doi": "10.1000/zero", "title": "As a journal printed it", "abstract": "Nothing alike here, at all."}]
    for number, records in enumerate((first, second, third)):
        import_records(directory, records, f"{number}.jsonl")
    assert remove_ids(directory, "10.1000/ZERO").removed == 1
    assert ids_in(directory) == ["arxiv:2000.00001"]
    for number, records in enumerate((first, second, third)):
        import_records(directory, records, f"{number}.jsonl")
    assert ids_in(directory) == ["arxiv:2000.00001"]
    path = write_records(directory.parent / "0.jsonl", first)
    index([path], directory, FakeEmbedder(), options=ImportOptions(restore=True))
    import_records(directory, third, "2.jsonl")  # the whole paper was restored
    assert ids_in(directory) == ["arxiv:2000.00000", "arxiv:2000.00001", "doi:10.1000/zero"]


def test_removal_of_a_file_keeps_what_other_files_have(tmp_path: Path) -> None:
    directory, records = tmp_path / "index", make_records(0, 6)
    files = {
        "a.jsonl": records[:3],
        "b.jsonl": [{**records[2], "doi": "10.1000/two", "authors": ["Bea Byte"]}, *records[3:4]],
        "c.jsonl": [{"doi": "10.1000/two", "title": "The journal version", "abstract": "Other words throughout."}],
    }
    for name, content in files.items():
        import_records(directory, content, name)
    selection = select_source(directory, str(tmp_path / "b.jsonl"))
    assert [each.id for each in selection.papers] == ["arxiv:2000.00003"]
    assert [each.id for each in selection.changed] == ["arxiv:2000.00002"]
    report = remove(directory, selection, load)
    assert (report.removed, report.changed) == (1, 1)
    assert examine(directory) == []
    # the record that had joined the other two is gone, so they are two papers
    assert ids_in(directory) == ["arxiv:2000.00000", "arxiv:2000.00001", "arxiv:2000.00002", "doi:10.1000/two"]
    expected = tmp_path / "expected" / "index"
    expected.parent.mkdir()
    for name in ("a.jsonl", "c.jsonl"):
        import_records(expected, files[name], name)
    assert answers(directory) == answers(expected)
    again = import_records(directory, files["b.jsonl"], "b.jsonl")
    assert (again.counts.removed, again.papers) == (2, 4)
    elsewhere = import_records(directory, files["b.jsonl"], "d.jsonl")  # only that file is left out
    assert (elsewhere.counts.removed, elsewhere.papers) == (0, 4)


def test_files_with_one_name_are_distinct(tmp_path: Path) -> None:
    directory, records = tmp_path / "index", make_records(0, 6)
    for folder, content in (("one", records[:4]), ("two", records[3:])):
        (tmp_path / folder).mkdir()
        import_records(directory, content, f"{folder}/refs.jsonl")
    with pytest.raises(InvalidValue, match=r"several files have this name; give the path of one of them: .*one/refs"):
        select_source(directory, "refs.jsonl")
    assert len(select_source(directory, "jsonl:refs.jsonl").papers) == 6
    one = select_source(directory, str(tmp_path / "one" / "refs.jsonl"))
    assert [each.id for each in one.papers] == [
        f"arxiv:2000.0000{number}" for number in range(3)
    ]  # the fourth is in both
    remove(directory, one, load)
    assert len(ids_in(directory)) == 3
    assert (
        len(select_source(directory, str(tmp_path / "two" / "refs.jsonl")).papers) == 3
    )  # the fourth is only there now
    import_records(directory, records, "two/refs.jsonl")
    assert len(ids_in(directory)) == 6
    (tmp_path / "two" / "refs.jsonl").unlink()
    remove(directory, select_source(directory, "jsonl:refs.jsonl"), load)
    assert ids_in(directory) == []
    with pytest.raises(InvalidValue, match="no such file was imported; list the files with: papers sources"):
        select_source(directory, "other.jsonl")


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("zyzzyva", [3]),
        ("au:zyzzyvas", [3]),
        ("zyzzyva galaxy cache token video", []),
        ("2000.00005", [5]),
        ('"paper 7"', [7]),
        ("date:2013", [3, 18]),
    ],
)
def test_removal_by_query(directory: Path, query: str, numbers: list[int]) -> None:
    selection = select_query(directory, query)
    assert [each.id for each in selection.papers] == [f"arxiv:2000.{number:05}" for number in numbers]


@pytest.mark.parametrize("query", ["", "  ", "au:", 60 * "word " + "more words"])
def test_a_query_that_selects_nothing_certain_is_refused(directory: Path, query: str) -> None:
    with pytest.raises(InvalidValue):
        select_query(directory, query)


def test_unknown_papers_end_a_removal_and_removed_ones_do_not(directory: Path) -> None:
    remove_ids(directory, "arxiv:2000.00003")
    selection = select_ids(directory, ["arxiv:2000.00003", "arxiv:2000.00004", "2000.00004"])
    assert ([each.row for each in selection.removals], selection.removed_before) == ([4], ("arxiv:2000.00003",))
    for unknown in ("arxiv:2501.99999", "nothing"):
        with pytest.raises(PaperNotFound):
            select_ids(directory, ["arxiv:2000.00004", unknown])


def test_an_index_that_has_changed_since_the_selection_is_refused(directory: Path) -> None:
    selection = select_ids(directory, ["arxiv:2000.00003"])
    import_records(directory, make_records(30, 1))
    with pytest.raises(IndexBusy, match="changed it since the papers were selected; try again"):
        remove(directory, selection, load)


def test_rows_that_were_not_published_are_removed_too(directory: Path) -> None:
    newer = {**make_records(3, 1)[0], "version": 2, "abstract": "Rewritten, and never published before a kill."}
    with IndexWriter(directory, FakeEmbedder()) as writer:
        writer.add(Paper.from_json({"id": "arxiv:2000.00003", "title": str(newer["title"]), "version": 2}))
        writer.flush()
    assert remove_ids(directory, "arxiv:2000.00003").removed == 1
    assert "arxiv:2000.00003" not in ids_in(directory)
    assert open_index(directory).search(Query("")).total == 29
    assert examine(directory) == []


def test_all_papers_can_be_removed(directory: Path) -> None:
    remove(directory, select_source(directory, "papers.jsonl"), load)
    assert ids_in(directory) == []
    assert examine(directory) == []
    assert import_records(directory, make_records(0, 30)).papers == 0
    assert import_records(directory, make_records(0, 30), "b.jsonl").papers == 30
    assert examine(directory) == []


def test_the_doctor_finds_a_removed_paper_in_the_index(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database, database:
        database.execute("INSERT INTO removed VALUES ('arxiv:2000.00003', '', 'arxiv:2000.00003', 0)")
    assert examine(directory) == ["arxiv:2000.00003 was removed, but is in the index"]


def test_an_index_of_an_earlier_version_is_extended(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database, database:
        for table in ("files", "file_records", "removed"):
            database.execute(f"DROP TABLE {table}")
    assert examine(directory) == []
    with pytest.raises(InvalidValue, match="for all files of that name, give jsonl:papers"):
        select_source(directory, "papers.jsonl")
    assert len(select_source(directory, "jsonl:papers.jsonl").papers) == 30
    with pytest.raises(PaperNotFound):
        select_ids(directory, ["arxiv:2501.00001"])
    remove_ids(directory, "arxiv:2000.00003")
    assert import_records(directory, make_records(0, 30)).counts.removed == 1
    assert examine(directory) == []


def test_a_backup_has_no_part_of_a_removal_that_is_not_published(directory: Path, tmp_path: Path) -> None:
    with IndexWriter(directory, FakeEmbedder()) as writer:
        from indexer.removed_papers import ExcludedId

        writer.remove([3], [ExcludedId("arxiv:2000.00003", "", "arxiv:2000.00003")])
        back_up(directory, tmp_path / "backup")
    for folder, removed in ((tmp_path / "backup", 0), (directory, 1)):
        assert import_records(folder, make_records(0, 30)).counts.removed == removed
        assert examine(folder) == []


def remove_selection(directory: Path) -> None:
    """Removes a paper by ID, and then a file that shares a paper with another."""
    remove_ids(directory, "arxiv:2000.00003")
    remove(directory, select_source(directory, "b.jsonl"), load)


def test_a_kill_at_any_file_operation_loses_nothing(tmp_path: Path) -> None:
    directory, records = tmp_path / "index", make_records(0, 8)
    import_records(directory, records, "a.jsonl")
    import_records(directory, [{**records[7], "doi": "10.1000/seven"}, *make_records(8, 2)], "b.jsonl")
    whole = shutil.copytree(directory, tmp_path / "whole")
    remove_selection(whole)
    expected, before = answers(whole), answers(directory)
    between = shutil.copytree(directory, tmp_path / "between")
    remove_ids(between, "arxiv:2000.00003")
    allowed = [before, answers(between), expected]
    for after in (70, 437, 470, 738):
        copy = shutil.copytree(directory, tmp_path / f"killed-{after}")
        assert run_and_kill(remove_selection, copy, after=after) == KILLED
        assert answers(copy) in allowed
        remove_selection(copy)
        assert examine(copy) == []
        assert answers(copy) == expected


@st.composite
def removals(draw: st.DrawFn) -> tuple[list[list[dict[str, Json]]], list[int]]:
    """The records of some files, and the files that are removed."""
    papers = [draw(records_of_a_paper(number)) for number in range(draw(st.integers(2, 8)))]
    files: list[list[dict[str, Json]]] = [[], [], []]
    for record in draw(st.permutations([record for records in papers for record in records])):
        files[draw(st.integers(0, 2))].append(record)
    return files, draw(st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True))


@settings(max_examples=4)
@given(removals(), st.booleans())
def test_after_the_removal_of_files_the_index_is_that_of_the_others(
    removal: tuple[list[list[dict[str, Json]]], list[int]], compacts: bool
) -> None:
    files, removed = removal
    with tempfile.TemporaryDirectory() as folder:
        directory, others = Path(folder, "all", "index"), Path(folder, "others", "index")
        for each in (directory, others):
            each.parent.mkdir()
        for number, records in enumerate(files):
            import_records(directory, records, f"{number}.jsonl")
            if number not in removed:
                import_records(others, records, f"{number}.jsonl")
        for number in removed:
            remove(directory, select_source(directory, f"{number}.jsonl"), load)
        if compacts:
            compact(directory, load)
        assert examine(directory) == []
        assert answers(directory) == answers(others)


def test_the_command_previews_and_removes(directory: Path, tmp_path: Path) -> None:
    records, there = make_records(0, 30), ["--index", str(directory)]
    refused = run("remove", "x", "--source", "y", *there)
    assert (refused.returncode, "give one of these" in refused.stderr) == (2, True)
    preview = run("remove", "--source", str(tmp_path / "papers.jsonl"), *there)
    assert preview.returncode == 0
    assert preview.stdout.startswith(f"30 papers to remove:\n   arxiv:2000.00000  {records[0]['title']}\n")
    assert preview.stdout.endswith("   ... and 20 more\n")
    assert "nothing was removed; to remove them, add --yes" in preview.stderr
    shown: dict[str, Any] = run_json("remove", "2000.00004", *there)
    assert (shown["papers"], shown["removed"]) == ([{"id": "arxiv:2000.00004", "title": records[4]["title"]}], False)
    removed = run("remove", "2000.00004", "--yes", *there)
    assert removed.returncode == 0
    assert "removed 1 paper. The index has 29 papers (gen-000002)" in removed.stderr
    again = run("remove", "2000.00004", "--yes", *there)
    assert (again.returncode, "2000.00004 was removed earlier" in again.stderr) == (0, True)
    assert run_json("remove", "--query", "zyzzyva", "--yes", *there)["removed"]
    exported = run("search", "-n", "100", "--format", "ndjson", *there).stdout
    assert len([json.loads(line) for line in exported.splitlines()]) == 28


def test_a_terminal_is_asked(directory: Path) -> None:
    from cli_process import answer_on_terminal

    there = ["--index", str(directory)]
    refused = answer_on_terminal("n\n", "remove", "2000.00003", *there)
    assert "Remove them? [y/N]" in refused
    assert "nothing was removed" in refused
    assert len(ids_in(directory)) == 30
    assert "removed 1 paper" in answer_on_terminal("y\n", "remove", "2000.00003", *there)
    assert len(ids_in(directory)) == 29
