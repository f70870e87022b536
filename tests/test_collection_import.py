"""Imports straight into a collection of Milvus Lite: the same papers as in a folder after the same imports."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_call import run
from fake_embedder import FakeEmbedder
from indexer import sources
from indexer.build import ImportOptions, ImportReport, index
from indexer.collections.importing import index_into_collection
from indexer.collections.removal import remove as remove_from_collection
from indexer.collections.removal import select_ids as select_collection_ids
from indexer.collections.removal import select_query as select_collection_query
from indexer.collections.rows import CollectionRows
from indexer.corrections import merge_papers
from indexer.moving.archive import Archive
from indexer.moving.collection import CollectionSource
from indexer.moving.export import export_index
from indexer.moving.imports import import_archive
from indexer.removal import remove
from indexer.removal_selection import select_ids, select_query
from killed_process import KILLED, run_and_kill
from records import make_records, open_index, write_records
from search.errors import IndexBusy, IndexDamaged, IndexUnavailable, PaperNotFound
from search.milvus import address as addresses
from search.milvus.address import Address
from search.milvus.data import DataStore
from search.milvus.keys import KeyArrays
from search.milvus.schema import LITE
from search.papers.json import Json
from search.searcher import Searcher
from service.evaluation.index_comparison import compare_indexes, draw_questions
from test_histories import record_sets
from test_moving import contents, export, import_again, load, load_nothing

pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'papers-search[milvus]'")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'papers-search[milvus]'")


def import_into(address: str, *paths: Path, embedder: FakeEmbedder | None = None) -> ImportReport:
    files, folders = sources.discover(paths), sources.find_folders(paths)
    return index_into_collection(
        files, Address.parse(address), embedder or FakeEmbedder(), folders=folders, options=ImportOptions()
    )


def stored(address: str, folder: Path) -> dict[str, Any]:
    """What a collection has, as ``test_moving.contents`` says it of a folder, without times."""
    folder.mkdir(parents=True)
    export_index(CollectionSource(Address.parse(address)), folder / "archive")
    import_again(folder / "archive", folder / "copy")
    return without_times(contents(folder / "copy"))


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """Removes times, which depend on the clock, and the calibration, for which a collection has fewer probes."""
    papers = [(replace(paper, added=None), records) for paper, records, _ in found["papers"]]
    files, *log = found["log"]
    files = [(number, path, source, *others) for number, path, source, _first, _last, *others in files]
    return {**found, "papers": papers, "log": [files, *log], "newest": None, "calibration": None}


@contextmanager
def batches_of(papers: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.paper_writer.BATCH_PAPERS", papers)
        yield


@st.composite
def imports(draw: st.DrawFn) -> list[list[dict[str, Json]]]:
    """The records of several imports: drawn ones, of which some come again."""
    records = draw(record_sets())
    order = draw(st.permutations([*records, *draw(st.lists(st.sampled_from(records), max_size=3))]))
    ends = sorted(draw(st.lists(st.integers(0, len(order)), max_size=2)))
    parts = [order[start:end] for start, end in zip([0, *ends], [*ends, len(order)], strict=True)]
    return [part for part in parts if part]


@settings(max_examples=6)
@given(imports(), st.sampled_from([1, 3, 1_000]), st.booleans())
def test_a_collection_has_the_papers_of_a_folder_after_the_same_imports(
    parts: list[list[dict[str, Json]]], batch: int, has_arrays: bool
) -> None:
    with tempfile.TemporaryDirectory() as name, batches_of(batch), pytest.MonkeyPatch.context() as patch:
        folder, address = Path(name), f"milvus://{name}/papers.db/papers"
        if has_arrays:
            patch.setattr(addresses, "LITE", replace(LITE, keys=KeyArrays()))
        for number, part in enumerate(parts):
            path = write_records(folder / f"papers{number}.jsonl", part)
            local = index([path], folder / "index", FakeEmbedder())
            remote = import_into(address, path)
            # a folder keeps the vectors of replaced papers
            assert replace(remote.counts, embedded=0) == replace(local.counts, embedded=0)
            assert remote.counts.embedded >= local.counts.embedded
            assert (remote.papers, remote.missing) == (local.papers, local.missing)
        assert stored(address, folder / "stored") == without_times(contents(folder / "index"))
        one, other = open_index(folder / "index"), Searcher(address, load)
        comparison = compare_indexes(one, other, draw_questions(one, 4), limit=10, min_overlap=1)
        assert comparison.agrees, comparison.to_json()


def test_a_changed_file_is_updated(tmp_path: Path) -> None:
    address, records = f"milvus://{tmp_path}/papers.db/papers", make_records(0, 12)
    path = write_records(tmp_path / "papers.jsonl", records)
    first = import_into(address, path)
    assert (first.papers, first.counts.new, first.counts.embedded) == (12, 12, 12)
    again = import_into(address, path, embedder=None)
    assert (again.counts.unchanged, again.counts.embedded) == (12, 0)
    assert again.generation == first.generation
    changed = [{**records[3], "version": 2, "abstract": "Whales sing of glaciers."}, *records[5:]]
    assert Searcher(address, load).ask('"glaciers"').total == 0
    report = import_into(address, write_records(path, changed))
    assert (report.papers, report.counts.merged, report.missing) == (12, 1, 4)
    assert report.generation != first.generation
    found = Searcher(address, load).ask('"glaciers"')
    assert [hit.paper.title for hit in found.hits] == [records[3]["title"]]
    folder = tmp_path / "local"
    index([write_records(path, records)], folder, FakeEmbedder())
    index([write_records(path, changed)], folder, FakeEmbedder())
    assert stored(address, tmp_path / "stored")["papers"] == without_times(contents(folder))["papers"]


def test_papers_of_an_archive_are_merged_with_later_imports(tmp_path: Path) -> None:
    """A folder with a decision of the user moves to a collection, into which more records are imported."""
    address, records = f"milvus://{tmp_path}/papers.db/papers", make_records(0, 20)
    index([write_records(tmp_path / "one.jsonl", records[:10])], tmp_path / "index", FakeEmbedder())
    ids = [hit.paper.id for hit in open_index(tmp_path / "index").ask("").hits][:2]
    merge_papers(tmp_path / "index", (ids[0], ids[1]), load)
    export(tmp_path / "index", tmp_path / "archive")
    import_archive(Archive(tmp_path / "archive"), address, load_nothing)
    more = write_records(tmp_path / "more.jsonl", [*records[5:], {**records[0], "version": 3, "title": "Renamed"}])
    local, remote = index([more], tmp_path / "index", FakeEmbedder()), import_into(address, more)
    assert remote.counts == local.counts
    assert stored(address, tmp_path / "stored") == without_times(contents(tmp_path / "index"))
    with pytest.raises(IndexUnavailable, match="it has papers of another index"):
        import_archive(Archive(tmp_path / "archive"), address, load_nothing)


def import_batches(address: str, path: Path, batches: int) -> None:
    """Imports papers in batches of three; the process ends before it makes a further batch complete."""
    put, left = DataStore.put, batches

    def count(store: DataStore, values: Mapping[str, bytes]) -> None:
        nonlocal left
        if any(name.startswith("pending/") for name in values):
            left -= 1
            if left < 0:
                os._exit(KILLED)
        put(store, values)

    with batches_of(3), pytest.MonkeyPatch.context() as patch:
        patch.setattr(DataStore, "put", count)
        import_into(address, path)


def assert_total(address: str, papers: int) -> None:
    assert Searcher(address, load).ask("").total == papers


@pytest.mark.parametrize("batches", [0, 2])
def test_an_import_goes_on_after_a_kill(tmp_path: Path, batches: int) -> None:
    address, records = f"milvus://{tmp_path}/papers.db/papers", make_records(0, 12)
    first = write_records(tmp_path / "first.jsonl", records[:2])
    path = write_records(tmp_path / "papers.jsonl", [{**records[1], "version": 2, "title": "Glaciers"}, *records[2:]])
    assert run_and_kill(import_into, address, first) == 0  # Milvus Lite locks its file for a process
    assert run_and_kill(import_batches, address, path, batches) == KILLED
    assert run_and_kill(assert_total, address, 2) == 0  # as published
    report = import_into(address, path)
    assert report.papers == 12
    assert report.counts.embedded == 11 - 3 * batches
    for each in (first, path):
        index([each], tmp_path / "index", FakeEmbedder())
    papers = stored(address, tmp_path / "stored")["papers"]
    assert papers == without_times(contents(tmp_path / "index"))["papers"]


def test_a_collection_has_one_writer(tmp_path: Path) -> None:
    address = f"milvus://{tmp_path}/papers.db/papers"
    path = write_records(tmp_path / "papers.jsonl", make_records(0, 3))

    class SlowEmbedder(FakeEmbedder):
        def encode(self, texts: Any) -> Any:
            with pytest.raises(IndexBusy, match=r"process \d+ on .* is writing it"):
                import_into(address, path)
            return super().encode(texts)

    assert import_into(address, path, embedder=SlowEmbedder()).papers == 3
    assert import_into(address, path).counts.unchanged == 3


def test_removals_survive_later_imports(tmp_path: Path) -> None:
    address, folder = f"milvus://{tmp_path}/papers.db/papers", tmp_path / "index"
    path = write_records(tmp_path / "papers.jsonl", make_records(0, 12))
    import_into(address, path)
    index([path], folder, FakeEmbedder())
    place = Address.parse(address)
    chosen = select_collection_ids(place, ["2000.00003", "arxiv:2000.00005"])
    assert [each.id for each in chosen.papers] == ["arxiv:2000.00003", "arxiv:2000.00005"]
    report = remove_from_collection(place, chosen, load)
    assert (report.removed, report.changed, report.papers, report.generation) == (2, 0, 10, "gen-000002")
    remove(folder, select_ids(folder, ["2000.00003", "2000.00005"]), load)
    again = import_into(address, write_records(path, make_records(0, 14)))
    assert (again.papers, again.counts.removed, again.counts.new) == (12, 2, 2)
    index([path], folder, FakeEmbedder())
    assert stored(address, tmp_path / "stored") == without_times(contents(folder))
    assert select_collection_ids(place, ["2000.00003"]).removed_before == ("2000.00003",)
    with pytest.raises(PaperNotFound):
        select_collection_ids(place, ["2000.00099"])
    found = select_collection_query(place, "au:Byron1")
    assert {each.id for each in found.papers} == {each.id for each in select_query(folder, "au:Byron1").papers}
    with pytest.raises(IndexBusy, match="since these were selected"):
        remove_from_collection(place, chosen, load)
    remove_from_collection(place, found, load)
    assert Searcher(address, load).ask("au:Byron1").total == 0


def import_and_remove(address: str, path: Path) -> None:
    """Removes a paper; the process ends before it publishes that."""
    import_into(address, path)
    chosen = select_collection_ids(Address.parse(address), ["2000.00003"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CollectionRows, "publish", lambda *_: os._exit(KILLED))
        remove_from_collection(Address.parse(address), chosen, load)


def test_a_removal_that_was_not_published_is_published_by_the_next_import(tmp_path: Path) -> None:
    address = f"milvus://{tmp_path}/papers.db/papers"
    path = write_records(tmp_path / "papers.jsonl", make_records(0, 12))
    assert run_and_kill(import_and_remove, address, path) == KILLED
    again = import_into(address, path)
    assert (again.papers, again.counts.removed, again.counts.unchanged) == (11, 1, 11)


def test_vectors_of_another_model_are_refused(tmp_path: Path) -> None:
    address = f"milvus://{tmp_path}/papers.db/papers"
    path = write_records(tmp_path / "papers.jsonl", make_records(0, 3))
    import_into(address, path)
    with pytest.raises(IndexDamaged, match="its vectors are of fake, not of newer"):
        import_into(address, path, embedder=FakeEmbedder(32, "newer"))


@pytest.mark.parametrize("command", [f"index {__file__}", "remove 2000.00001", "search galaxy", "export-index copy"])
def test_commands_name_the_package_that_is_missing(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("grpc", "pymilvus"):
        monkeypatch.setitem(sys.modules, name, None)
    done = run(
        *command.split(),
        "--index",
        "milvus:///nowhere/papers.db/papers",
    )
    assert done.returncode != 0
    assert done.stderr.rstrip().endswith("it needs the package pymilvus; run: pip install 'papers-search[milvus]'")


def test_the_command_imports_into_a_collection(tmp_path: Path) -> None:
    address = f"milvus://{tmp_path}/papers.db/papers"
    path = write_records(tmp_path / "papers.jsonl", make_records(0, 3))
    imported = run("index", str(path), "--index", address)
    assert "3 new papers" in imported.stderr
    assert "The index has 3 papers (gen-000001)" in imported.stderr
    found = run("search", "galaxy", "--index", address, "--json")
    assert '"total": 3' in found.stdout or '"total":3' in found.stdout
    refused = run(
        "index",
        str(path),
        "--mirror",
        "--index",
        address,
    )
    assert "--mirror needs an index in a folder" in refused.stderr
