"""Moving an index into a collection of Milvus and out of it, with Milvus Lite."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli_call import run
from fake_embedder import FakeEmbedder
from indexer.build import index
from indexer.doctor import examine
from indexer.moving.archive import Archive
from indexer.moving.collection import CollectionSource
from indexer.moving.export import export_index
from indexer.moving.imports import import_archive
from records import make_records, open_index, write_records
from search.errors import IndexMissing, IndexUnavailable, ModelMismatch
from search.milvus.address import Address
from search.milvus.data import DataStore
from search.searcher import Searcher
from service.evaluation.index_comparison import compare_indexes, draw_questions
from test_moving import BATCH, build_index, contents, export, import_again, load, load_nothing

pytest.importorskip("pymilvus", reason="pymilvus is not installed: pip install 'papers-search[milvus]'")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: pip install 'papers-search[milvus]'")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_index(tmp_path_factory.mktemp("moving"))


@pytest.fixture(scope="module")
def address(built: Path) -> str:
    """A collection made of the archive."""
    address = f"milvus://{built}/papers.db/papers"
    done = import_archive(Archive(built / "archive"), address, load_nothing)
    assert (done.generation, done.counts) == (Archive(built / "archive").header.generation, None)
    return address


def test_an_index_returns_unchanged_from_a_collection(built: Path, address: str, tmp_path: Path) -> None:
    header = export_index(CollectionSource(Address.parse(address)), tmp_path / "archive")
    assert header.papers == 40
    import_again(tmp_path / "archive", tmp_path / "copy")
    found = contents(tmp_path / "copy")
    assert found == contents(built / "index")
    assert sum(len(records) == 1 and records != [paper] for paper, records, _ in found["papers"]) == 2
    assert max(len(repr(records)) for _, records, _ in found["papers"]) > 100_000  # more than a field can have
    assert examine(tmp_path / "copy") == []


def test_a_collection_gives_the_same_answers(built: Path, address: str) -> None:
    local, remote = open_index(built / "index"), Searcher(address, load)
    questions = ["galaxy cache", "token lattice cat:cs.CL", *draw_questions(local, 12)]
    comparison = compare_indexes(local, remote, questions, limit=10, min_overlap=1)
    assert comparison.agrees, comparison.to_json()
    one, other = (searcher.session().snapshot for searcher in (local, remote))
    for paper_id in ("2000.00003", "2000.00005", "2000.00001"):
        rows = one.row_of(paper_id), other.row_of(paper_id)
        assert one.store.records(rows[0]) == other.store.records(rows[1])
    assert other.store.decisions() == one.store.decisions() != []
    assert other.newest_added == one.newest_added


def test_an_imported_archive_is_not_imported_again(built: Path, address: str, tmp_path: Path) -> None:
    done = import_archive(Archive(built / "archive"), address, load_nothing)
    assert done.generation == Archive(built / "archive").header.generation
    assert export_index(CollectionSource(Address.parse(address)), tmp_path / "archive").papers == 40


class FailingArchive(Archive):
    """An archive of which one batch cannot be read."""

    def read_batch(self, number: int):  # type: ignore[no-untyped-def]
        if number == 3:
            raise KeyboardInterrupt
        return super().read_batch(number)


def test_an_interrupted_import_is_continued(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address, put = f"milvus://{tmp_path}/papers.db/papers", DataStore.put
    with pytest.raises(KeyboardInterrupt):
        import_archive(FailingArchive(built / "archive"), address, load_nothing)
    with pytest.raises(IndexMissing):
        CollectionSource(Address.parse(address))

    def fail(store: DataStore, values: Mapping[str, bytes]) -> None:
        if any(name.startswith(f"pending/{4 * BATCH:012}") for name in values):
            raise KeyboardInterrupt  # the papers of the batch are written, but not that it is complete
        put(store, values)

    monkeypatch.setattr(DataStore, "put", fail)
    with pytest.raises(KeyboardInterrupt):
        import_archive(Archive(built / "archive"), address, load_nothing)
    monkeypatch.undo()
    import_archive(Archive(built / "archive"), address, load_nothing)
    export_index(CollectionSource(Address.parse(address)), tmp_path / "archive")
    import_again(tmp_path / "archive", tmp_path / "copy")
    assert contents(tmp_path / "copy") == contents(built / "index")


def test_a_paper_that_is_too_long_for_a_field_takes_no_others_with_it(tmp_path: Path) -> None:
    letters, records = random.Random(1), make_records(0, 3)
    references = [f"doi:10.1000/{letters.randbytes(12).hex()}" for _ in range(5_000)]
    records[1] |= {"references": [*references], "comment": letters.randbytes(60_000).hex()}
    index([write_records(tmp_path / "papers.jsonl", records)], tmp_path / "index", FakeEmbedder())
    address = f"milvus://{tmp_path}/papers.db/papers"
    export(tmp_path / "index", tmp_path / "archive")
    import_archive(Archive(tmp_path / "archive"), address, load_nothing)
    assert Searcher(address, load).ask("cat:cs.CL").total == 3
    export_index(CollectionSource(Address.parse(address)), tmp_path / "again")
    import_again(tmp_path / "again", tmp_path / "copy")
    found = contents(tmp_path / "copy")
    assert found == contents(tmp_path / "index")
    assert max(len(paper.references) for paper, *_ in found["papers"]) == 5_000


def test_a_collection_with_other_papers_is_refused(built: Path, address: str, tmp_path: Path) -> None:
    index([write_records(tmp_path / "papers.jsonl", make_records(0, 9))], tmp_path / "other", FakeEmbedder())
    export(tmp_path / "other", tmp_path / "archive")
    with pytest.raises(IndexUnavailable, match="it has papers of another index"):
        import_archive(Archive(tmp_path / "archive"), address, load_nothing)
    interrupted = f"milvus://{tmp_path}/papers.db/papers"
    with pytest.raises(KeyboardInterrupt):
        import_archive(FailingArchive(built / "archive"), interrupted, load_nothing)
    with pytest.raises(IndexUnavailable, match="it has papers of another index"):
        import_archive(Archive(tmp_path / "archive"), interrupted, load_nothing)


def test_a_collection_of_another_model_is_refused(address: str, tmp_path: Path) -> None:
    path = write_records(tmp_path / "papers.jsonl", make_records(0, 3))
    index([path], tmp_path / "other", FakeEmbedder(32, "newer"))
    export(tmp_path / "other", tmp_path / "archive")
    with pytest.raises(ModelMismatch, match=r"made with fake .* with newer"):
        import_archive(Archive(tmp_path / "archive"), address, load_nothing)


def test_the_commands_move_an_index_into_a_collection(built: Path, tmp_path: Path) -> None:
    address = f"milvus://{tmp_path}/papers.db/papers"
    done = run("import-index", str(built / "archive"), "--index", address)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert f"papers: imported 40 papers to {address}" in done.stderr
    done = run("export-index", str(tmp_path / "archive"), "--index", address)
    assert "papers: exported 40 papers" in done.stderr
    assert run("export-index", str(tmp_path / "other"), "--index", f"{address}2").returncode == 1
    assert run("export-index", str(tmp_path / "other"), "--index", "milvus://x").returncode == 2
