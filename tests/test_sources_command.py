"""Sources and mirrors: where papers came from, and papers that their file no longer has."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli_call import run, run_json
from fake_embedder import FakeEmbedder
from indexer.build import ImportOptions, ImportReport, index, index_files
from indexer.compaction import compact
from indexer.doctor import examine
from indexer.generations import find_layout
from indexer.removal import remove
from indexer.removal_selection import select_ids, select_missing
from indexer.source_list import Source, list_sources
from indexer.sources import discover
from records import make_records, write_records
from search.embedding.model import ModelIdentity
from search.errors import IndexMissing, SourceError
from search.papers.json import Json


def load(_model: ModelIdentity) -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "index"


def import_records(directory: Path, records: list[dict[str, Json]], name: str = "papers.jsonl") -> ImportReport:
    path = directory.parent / name
    path.parent.mkdir(exist_ok=True)
    return index([write_records(path, records)], directory, FakeEmbedder())


def counts(source: Source) -> tuple[int, ...]:
    file = source.file
    assert file
    return file.read, file.new, file.merged, file.unchanged, file.skipped, file.removed, source.papers


def missing_ids(directory: Path, *names: str) -> list[str]:
    return [each.id for each in select_missing(directory, [directory.parent / name for name in names]).papers]


def test_each_file_is_logged(directory: Path) -> None:
    records = make_records(0, 5)
    import_records(directory, records, "a.jsonl")
    path = directory.parent / "b.bib"
    path.write_text("@misc{x, title={A title of its own}}\n@misc{y, note={no title}}\n@misc{z, eprint={2000.00004}}\n")
    path.write_text(f"{path.read_text()}@misc{{v, title={{{records[4]['title']}}}, eprint={{2000.00004}}}}\n")
    report = index([path], directory, FakeEmbedder())
    a, b = list_sources(directory)
    assert a.file
    assert b.file
    assert (a.source, b.source) == ("jsonl:a.jsonl", "bibtex:b.bib")
    assert b.file.path == os.path.realpath(path)
    assert a.file.first_read == a.file.last_read
    assert a.file.first_read.endswith("+00:00")
    assert counts(a) == (5, 5, 0, 0, 0, 0, 5)
    assert counts(b)[:6] == (2, report.counts.new, report.counts.merged, 0, report.skipped_count, 0)
    remove(directory, select_ids(directory, ["2000.00000"]), load)
    import_records(directory, [*records, *make_records(5, 1)], "a.jsonl")
    a = list_sources(directory)[0]
    assert counts(a) == (6, 6, 0, 4, 0, 1, 5)  # new papers add up; what was read is that of the last time
    compact(directory, load)
    assert list_sources(directory)[0] == a
    assert examine(directory) == []


def test_files_of_one_import_are_counted_apart(directory: Path) -> None:
    files = {f"{number}.jsonl": make_records(number, 3) for number in range(3)}
    paths = [write_records(directory.parent / name, records) for name, records in files.items()]
    broken = directory.parent / "x.bib"
    broken.write_bytes(b"\x1f\x8b broken")
    index_files([*paths, broken, directory.parent / "gone.jsonl"], directory, FakeEmbedder())
    found = {Path(each.file.path).name: counts(each) for each in list_sources(directory) if each.file}
    assert found == {
        "0.jsonl": (3, 3, 0, 0, 0, 0, 3),
        "1.jsonl": (3, 1, 2, 0, 0, 0, 3),
        "2.jsonl": (3, 1, 2, 0, 0, 0, 3),
        "gone.jsonl": (0, 0, 0, 0, 1, 0, 0),
        "x.bib": (0, 0, 0, 0, 1, 0, 0),
    }


def test_sources_that_an_earlier_version_imported_are_listed(directory: Path) -> None:
    import_records(directory, make_records(0, 3))
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database, database:
        for table in ("files", "file_records", "removed"):
            database.execute(f"DROP TABLE {table}")
    assert list_sources(directory) == [Source("jsonl:papers.jsonl", 3)]
    import_records(directory, make_records(0, 3))
    (source,) = list_sources(directory)
    assert counts(source) == (3, 0, 0, 3, 0, 0, 3)
    with pytest.raises(IndexMissing):
        list_sources(directory.parent / "none")


def test_papers_that_are_no_longer_in_their_file_are_found(directory: Path) -> None:
    records = make_records(0, 10)
    assert import_records(directory, records).missing == 0
    import_records(directory, records[8:], "other.jsonl")
    records[1] |= {"abstract": "Another abstract of the same paper.", "version": 2}
    report = import_records(directory, records[:4])
    assert (report.missing, report.counts.unchanged, report.papers) == (4, 3, 10)
    # the second was changed, the last two are in another file
    assert missing_ids(directory, "papers.jsonl") == [f"arxiv:2000.0000{number}" for number in range(4, 8)]
    assert missing_ids(directory, "other.jsonl") == []
    assert import_records(directory, records[:4]).missing == 4  # until they are removed, or in the file again
    assert import_records(directory, records[:6]).missing == 2
    assert remove(directory, select_missing(directory, [directory.parent / "papers.jsonl"]), load).removed == 2
    assert import_records(directory, records[:6]).missing == 0
    report = import_records(directory, records[:7])  # it may come back
    assert (report.counts.new, report.counts.removed, report.papers) == (1, 0, 9)
    assert examine(directory) == []


def test_a_paper_of_several_files_is_missing_once_all_of_them_have_lost_it(directory: Path) -> None:
    records = make_records(0, 4)
    import_records(directory, records, "a.jsonl")
    import_records(directory, records[2:], "b.jsonl")
    assert import_records(directory, records[:2], "a.jsonl").missing == 0
    assert import_records(directory, records[3:], "b.jsonl").missing == 0  # in a.jsonl, as far as this import knows
    assert missing_ids(directory, "a.jsonl", "b.jsonl") == ["arxiv:2000.00002"]


def test_files_of_one_name_do_not_remove_papers_of_each_other(directory: Path) -> None:
    records = make_records(0, 6)
    import_records(directory, records[:4], "one/refs.jsonl")
    import_records(directory, records[2:], "two/refs.jsonl")
    assert import_records(directory, records[:1], "one/refs.jsonl").missing == 1
    assert missing_ids(directory, "one/refs.jsonl") == ["arxiv:2000.00001"]


@pytest.mark.parametrize("name", ["moved/refs.jsonl", "moved/library.jsonl"])
def test_a_renamed_file_counts_as_empty(directory: Path, name: str) -> None:
    records = make_records(0, 4)
    import_records(directory, records, "refs.jsonl")
    (directory.parent / "refs.jsonl").unlink()
    import_records(directory, records, name)
    assert import_records(directory, records[:3], name).missing == 1
    assert remove(directory, select_missing(directory, [directory.parent / name]), load).removed == 1
    assert import_records(directory, records[:3], name).missing == 0


def test_a_file_with_errors_has_lost_nothing(directory: Path) -> None:
    records = make_records(0, 4)
    import_records(directory, records)
    path = write_records(directory.parent / "papers.jsonl", records[:2])
    path.write_text(path.read_text("utf-8") + '{"title": ""}\n', "utf-8")
    report = index([path], directory, FakeEmbedder())
    assert (report.missing, report.skipped_count) == (0, 1)
    with pytest.raises(SourceError):
        index([path], directory, FakeEmbedder(), options=ImportOptions(strict=True))
    path.unlink()
    assert index_files([path], directory, FakeEmbedder()).missing == 0
    assert missing_ids(directory, "papers.jsonl") == []
    assert import_records(directory, records[:2]).missing == 2
    assert import_records(directory, []).missing == 2  # an empty file has no format, which is an error


@pytest.fixture
def folder(directory: Path) -> Path:
    """A folder whose files have been imported; c.jsonl, in a folder of its own, shares a paper with a.jsonl."""
    folder, records = directory.parent / "refs", make_records(0, 7)
    for name, part in {"a": records[:2], "b": records[2:4], "old/c": [records[0], *records[4:]]}.items():
        path = folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_records(path, part)
    assert index([folder], directory, FakeEmbedder()).papers == 7
    return folder


def mirror(directory: Path, folder: Path) -> list[str]:
    """Imports a folder again, and returns the numbers of the papers that are missing."""
    report = index([folder], directory, FakeEmbedder())
    found = sorted(each.id[-1:] for each in select_missing(directory, discover([folder]), [folder]).papers)
    assert report.missing == len(found)
    return found


def test_a_file_deleted_from_a_folder_has_lost_its_papers(directory: Path, folder: Path) -> None:
    text = (folder / "b.jsonl").read_bytes()
    (folder / "b.jsonl").unlink()
    (folder / "notes.txt").write_text("Nothing that is known.\n")
    assert mirror(directory, folder) == ["2", "3"]
    shutil.rmtree(folder / "old")
    assert mirror(directory, folder) == ["2", "3", "4", "5", "6"]
    (folder / "b2.jsonl").write_bytes(text)  # it was renamed
    assert mirror(directory, folder) == ["4", "5", "6"]
    (folder / "a.jsonl").unlink()
    assert mirror(directory, folder) == ["0", "1", "4", "5", "6"]
    selection = select_missing(directory, discover([folder]), [folder])
    assert remove(directory, selection, load).removed == 5
    assert mirror(directory, folder) == []
    assert examine(directory) == []


def test_only_files_of_that_folder_count_as_deleted(directory: Path, folder: Path) -> None:
    (folder / "b.jsonl").unlink()
    assert index([folder / "old"], directory, FakeEmbedder()).missing == 0
    (directory.parent / "refs2").mkdir()
    write_records(directory.parent / "refs2" / "d.jsonl", make_records(8, 1))
    assert mirror(directory, directory.parent / "refs2") == []
    assert mirror(directory, folder) == ["2", "3"]


def test_papers_of_deleted_files_stay_if_another_file_was_not_read_to_its_end(directory: Path, folder: Path) -> None:
    (folder / "b.jsonl").unlink()
    with (folder / "a.jsonl").open("a") as file:
        file.write('{"title": ""}\n')
    assert mirror(directory, folder) == []
    (folder / "a.jsonl").unlink()
    (folder / "d.bib").write_bytes(b"\x1f\x8b broken")
    assert mirror(directory, folder) == []
    (folder / "d.bib").unlink()
    assert mirror(directory, folder) == ["1", "2", "3"]


def test_papers_stay_if_the_folder_may_not_be_mounted(directory: Path, folder: Path) -> None:
    text = (folder / "old" / "c.jsonl").read_bytes()
    (folder / "old" / "c.jsonl").unlink()
    assert mirror(directory, folder) == []
    (folder / "old").rmdir()
    assert mirror(directory, folder) == ["4", "5", "6"]
    shutil.rmtree(folder)
    folder.mkdir()
    assert mirror(directory, folder) == []
    (folder / "old").mkdir()
    (folder / "old" / "c.jsonl").write_bytes(text)
    assert mirror(directory, folder) == ["1", "2", "3"]


def test_a_file_that_is_empty_now_keeps_its_papers_in_the_list(directory: Path) -> None:
    import_records(directory, make_records(0, 3))
    import_records(directory, [])
    (source,) = list_sources(directory)
    assert (source.source, source.papers) == ("jsonl:papers.jsonl", 3)


def test_a_record_that_an_earlier_version_read_differently_counts_as_that_of_the_file(directory: Path) -> None:
    records = make_records(0, 4)
    import_records(directory, [{**record, "title": f"\\emph{{{record['title']}}}"} for record in records])
    with closing(sqlite3.connect(find_layout(directory).store)) as database, database:
        database.execute("DELETE FROM files")
        database.execute("DELETE FROM file_records")
    import_records(directory, records)
    assert import_records(directory, records[:3]).missing == 1
    assert missing_ids(directory, "papers.jsonl") == ["arxiv:2000.00003"]


def test_the_commands(tmp_path: Path) -> None:
    records, there = make_records(0, 12), ["--index", str(tmp_path / "index")]
    (tmp_path / "refs").mkdir()
    file = write_records(tmp_path / "refs" / "my refs.jsonl", records)
    assert run("index", str(file), *there).returncode == 0
    run("remove", "2000.00000", "--yes", *there)
    write_records(file, records[:2])
    again = run("index", str(file), *there)
    command = f"papers index '{file}' --mirror --index {tmp_path / 'index'}"
    assert f"10 papers are no longer in the files that had them; to remove them, run: {command}" in again.stderr
    assert (
        "2 records read: 0 new papers, 0 merged, 1 unchanged, 1 left out; 0 skipped; 0 texts embedded" in again.stderr
    )
    assert "records were left out because their papers had been removed; to import them, add --restore" in again.stderr
    mirrored = run("index", str(file), "--mirror", "--yes", *there)
    assert mirrored.stdout.startswith("10 papers to remove:\n   arxiv:2000.00002  ")
    assert (mirrored.returncode, "removed 10 papers. The index has 1 paper (" in mirrored.stderr) == (0, True)
    (source,) = run_json("sources", *there)["sources"]
    assert source.pop("first_read") <= source.pop("last_read")
    assert source == {
        "source": "jsonl:my refs.jsonl",
        "format": "jsonl",
        "file": "my refs.jsonl",
        "path": str(file.resolve()),
        "service": None,
        "licence": None,
        "licence_url": None,
        "read": 2,
        "new": 12,
        "merged": 0,
        "unchanged": 1,
        "skipped": 0,
        "removed": 1,
        "papers": 1,
    }
    listed = run("sources", *there)
    assert (listed.returncode, listed.stdout.splitlines()[0]) == (0, str(file.resolve()))
    assert (
        "2 records read, 1 left out, 0 skipped; 12 new papers and 0 merged records in all imports; 1 paper in the index"
        in listed.stdout
    )
    file.unlink()
    (tmp_path / "refs" / "notes.txt").write_text("Nothing that is known.\n")
    mirrored = run("index", str(tmp_path / "refs"), "--mirror", "--yes", *there)
    assert mirrored.stdout.startswith("1 paper to remove:\n   arxiv:2000.00001  ")
    assert "removed 1 paper. The index has 0 papers (" in mirrored.stderr
