"""Moving: an index made of an archive equals the exported one, however often export and import are interrupted."""

import hashlib
import io
import json
import random
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cli_call import run
from fake_embedder import FakeEmbedder
from indexer.build import index
from indexer.compaction import compact
from indexer.corrections import merge_papers
from indexer.doctor import examine
from indexer.generations import find_layout
from indexer.moving.archive import Archive
from indexer.moving.export import export_index
from indexer.moving.imports import ArchiveImport, import_archive
from indexer.moving.paper import ArchiveDamaged, Header
from indexer.moving.source import LocalSource
from indexer.removal import remove
from indexer.removal_selection import select_ids
from indexer.writer import IndexWriter
from killed_process import KILLED, run_and_kill
from records import make_records, open_index, write_records
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, IndexMissing, IndexUnavailable, InvalidValue, ModelMismatch, ModelUnavailable
from search.index.snapshot import Snapshot
from search.papers.json import Json
from search.papers.paper import Paper
from test_histories import QUERIES, record_sets

BATCH = 7
"""Papers of a batch in these tests."""


def load(_model: ModelIdentity) -> Embedder:
    return FakeEmbedder()


def load_nothing(_model: ModelIdentity) -> Embedder:
    raise ModelUnavailable("a text is embedded again")


def export(directory: Path, archive: Path) -> Header:
    source = LocalSource(directory)
    source.header = replace(source.header, batch_papers=BATCH)
    return export_index(source, archive)


def import_again(archive: Path, directory: Path) -> ArchiveImport:
    return import_archive(Archive(archive), directory, load_nothing)


def import_records(directory: Path, records: list[dict[str, Json]]) -> None:
    index([write_records(directory.parent / "papers.jsonl", records)], directory, FakeEmbedder())


def contents(directory: Path) -> dict[str, Any]:
    """The live papers with their records, times and vectors, in order, and the other tables of an index."""
    snapshot = Snapshot.open(directory, verify_checksums=True)
    rows, times = snapshot.live.ids.tolist(), snapshot.added_times
    papers = [(snapshot.store.get([row])[0], snapshot.store.records(row), int(times[row])) for row in rows]
    vectors = snapshot.vectors.get_vectors(np.array(rows, np.int64)).astype(np.float16).tobytes()
    with closing(sqlite3.connect(find_layout(directory).store)) as database:
        decisions = database.execute("SELECT one, other, verdict FROM decisions ORDER BY number").fetchall()
        removed = database.execute("SELECT id, scope, paper FROM removed").fetchall()
        newest = database.execute("SELECT max(time) FROM added").fetchall()
        log = [
            database.execute(f"SELECT * FROM {name}").fetchall()
            for name in ("files", "file_records", "file_stamps", "harvested")
        ]
    calibration = snapshot.calibration.to_json() if snapshot.calibration else None
    return {
        "papers": papers, "vectors": vectors, "decisions": decisions, "removed": removed, "newest": newest, "log": log,
        "calibration": calibration, "model": snapshot.model,
    }  # fmt: skip


def pages(directory: Path) -> list[dict[str, Any]]:
    """The answers of an index without the name of the generation and timings."""
    searcher = open_index(directory)
    found = [searcher.search(query).to_json() for query in QUERIES]
    return [
        {name: value for name, value in page.items() if name not in ("generation", "explanation")} for page in found
    ]


@st.composite
def libraries(draw: st.DrawFn, directory: Path) -> None:
    """Builds an index by imports, of which some papers were made one by the user, and some were removed."""
    records = draw(record_sets())
    middle = draw(st.integers(1, len(records)))
    import_records(directory, records[:middle])
    ids = [paper.id for _, paper in Snapshot.open(directory).store.scan(0)]
    with suppress(InvalidValue):
        if draw(st.booleans()) and len(ids) > 1:
            merge_papers(directory, (ids[0], ids[-1]), load)
    if draw(st.booleans()):
        remove(directory, select_ids(directory, [draw(st.sampled_from(ids))]), load)
    import_records(directory, records[middle:])


@settings(max_examples=3)
@given(st.data())
def test_an_imported_archive_equals_the_index(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data.draw(libraries(folder / "index"))
        header = export(folder / "index", folder / "archive")
        done = import_again(folder / "archive", folder / "copy")
        assert done.counts is None
        assert examine(folder / "copy") == []
        assert contents(folder / "copy") == contents(folder / "index")
        compact(folder / "index", load)  # the spelling of a name that is shown may be that of a replaced row
        assert pages(folder / "copy") == pages(folder / "index")
        assert export(folder / "copy", folder / "again").papers == header.papers
        files = [path.name for path in (folder / "archive").iterdir() if path.name != "archive.json"]
        for file in files:  # everything but the name of the generation
            assert (folder / "again" / file).read_bytes() == (folder / "archive" / file).read_bytes(), file


def chapter(number: int) -> dict[str, Json]:
    """A chapter of a book, whose DOI all chapters have."""
    words = " ".join(str(make_records(100 + number, 1)[0]["abstract"]).split()[2:])
    title = ("Bees and the empty flower", "Wheat under lamps in winter")[number]
    return {"doi": "10.1000/978-3-16-148410-0", "title": title, "abstract": f"{title}, chapter {number}. {words}"}


def build_index(folder: Path) -> Path:
    """Builds an index of 40 papers, of which one was replaced, one merged and one removed, and its archive.

    One paper has long records. Two have one record, whose ID is that of the book and therefore not theirs.
    """
    directory, letters = folder / "index", random.Random(1)
    import_records(directory, [*make_records(0, 40), *(chapter(number) for number in range(2))])
    for version in range(2, 6):
        comment = letters.randbytes(15_000).hex()
        import_records(directory, [{**make_records(20, 1)[0], "version": version, "extra": {"comment": comment}}])
    import_records(directory, [{**make_records(3, 1)[0], "version": 2, "abstract": "A proof of galaxies and tokens."}])
    merge_papers(directory, ("2000.00005", "2000.00009"), load)
    remove(directory, select_ids(directory, ["2000.00011"]), load)
    export(directory, folder / "archive")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_index(tmp_path_factory.mktemp("moving"))


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built / "index", tmp_path / "index")
    shutil.copytree(built / "archive", tmp_path / "archive")
    return tmp_path


def test_an_archive_has_files_that_other_programs_read(built: Path) -> None:
    names = sorted(path.name for path in (built / "archive").iterdir())
    batches = [
        f"{name}-00000{number}.{end}"
        for name, end in (("papers", "jsonl.zst"), ("vectors", "npy"))
        for number in range(6)
    ]
    tables = [
        f"{name}.table.jsonl.zst"
        for name in ("decisions", "file_records", "file_stamps", "files", "harvested", "removed")
    ]
    assert names == sorted(["archive.json", *batches, *tables])
    manifest = json.loads((built / "archive" / "archive.json").read_text("utf-8"))["archive"]
    described = (Path(__file__).parent.parent / "docs" / "archive.md").read_text("utf-8")
    assert all(f"`{name}`" in described for name in manifest)
    assert (manifest["papers"], manifest["batch_papers"], manifest["model"]["name"]) == (40, BATCH, "fake")
    assert np.load(built / "archive" / "vectors-000005.npy", allow_pickle=False).shape == (5, 32)


def test_an_interrupted_export_is_continued(folder: Path) -> None:
    expected = (folder / "archive" / "archive.json").read_bytes()
    statuses, kept = [], []
    for after in (60, 1_000):
        copy = folder / f"copy-{after}"
        statuses.append(run_and_kill(export, folder / "index", copy, after=after))
        aside = copy.with_name(f"{copy.name}.incomplete")
        kept.append({path.name: path.stat().st_ino for path in aside.glob("papers-*.zst")})
        if statuses[-1] == KILLED:
            assert not copy.exists()
            export(folder / "index", copy)
        assert (copy / "archive.json").read_bytes() == expected
        assert kept[-1].items() <= {path.name: path.stat().st_ino for path in copy.iterdir()}.items()
    assert statuses == [KILLED, 0]
    assert any(kept)


def test_an_interrupted_export_of_another_generation_starts_again(folder: Path) -> None:
    assert run_and_kill(export, folder / "index", folder / "new", after=60) == KILLED
    import_records(folder / "index", make_records(50, 2))
    assert export(folder / "index", folder / "new").papers == 42
    import_again(folder / "new", folder / "copy")
    assert contents(folder / "copy") == contents(folder / "index")


@pytest.mark.parametrize("after", [25, 90])
def test_an_interrupted_import_is_continued(folder: Path, after: int) -> None:
    assert run_and_kill(import_again, folder / "archive", folder / "copy", after=after) == KILLED
    with pytest.raises(IndexMissing):
        open_index(folder / "copy")
    import_again(folder / "archive", folder / "copy")
    assert examine(folder / "copy") == []
    assert contents(folder / "copy") == contents(folder / "index")


def test_a_damaged_index_is_not_exported(folder: Path) -> None:
    path = next((folder / "index").glob("vectors-*"))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(IndexDamaged, match=path.name):
        export(folder / "index", folder / "new")
    assert not (folder / "new").exists()


def test_the_archive_of_an_index_without_papers_is_complete(folder: Path) -> None:
    ids = [paper.id for paper in map(open_index(folder / "index").paper, _live_ids(folder / "index"))]
    remove(folder / "index", select_ids(folder / "index", ids), load)
    export(folder / "index", folder / "empty")
    import_again(folder / "empty", folder / "copy")
    assert examine(folder / "copy") == []
    assert contents(folder / "copy")["papers"] == []
    import_records(folder / "copy", make_records(11, 1))  # what was removed stays removed
    assert _live_ids(folder / "copy") == []


def _live_ids(directory: Path) -> list[str]:
    snapshot = Snapshot.open(directory, verify_checksums=True)
    return [paper.id for row, paper in snapshot.store.scan(0) if row in snapshot.live]


def test_unpublished_papers_are_not_exported(folder: Path) -> None:
    expected = contents(folder / "index")
    with IndexWriter(folder / "index", FakeEmbedder()) as writer:
        for record in make_records(5, 60):
            writer.add(Paper.from_json({"ids": [f"arxiv:{record['id']}"], "title": record["title"]}))
        writer.flush()
        export(folder / "index", folder / "new")
    import_again(folder / "new", folder / "copy")
    found = contents(folder / "copy")
    assert found["papers"] == expected["papers"]
    assert examine(folder / "copy") == []


def test_each_damaged_file_is_named(folder: Path) -> None:
    for path in sorted((folder / "archive").iterdir()):
        content = path.read_bytes()
        for damaged in (content[:-1], content[:40] + bytes([content[40] ^ 1]) + content[41:], None):
            path.unlink() if damaged is None else path.write_bytes(damaged)
            expected = IndexMissing if damaged is None and path.name == "archive.json" else ArchiveDamaged
            with pytest.raises(expected, match="archive" if path.name == "archive.json" else path.name):
                import_again(folder / "archive", folder / "copy")
            path.write_bytes(content)
    import_again(folder / "archive", folder / "copy")  # the complete batches of the failed runs are kept
    assert contents(folder / "copy") == contents(folder / "index")


def forge(archive: Path, name: str, content: bytes) -> None:
    """Replaces a file of an archive, or adds one, with the checksums that belong to it."""
    manifest = archive / "archive.json"
    body = json.loads(manifest.read_text("utf-8"))["archive"]
    (archive / name).write_bytes(content)
    record = {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    body["files"] = [*(each for each in body["files"] if each["path"] != name), record]
    checksum = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    manifest.write_text(json.dumps({"archive": body, "sha256": checksum}), "utf-8")


def to_npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


VECTORS, PAPERS, TABLE = "vectors-000000.npy", "papers-000001.jsonl.zst", "removed.table.jsonl.zst"
UNKNOWN, UNEVEN = "a table that this version", "as many values as columns"
HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "a pickle": (VECTORS, to_npy(np.array([{}], object)), "is not an array"),
    "another shape": (VECTORS, to_npy(np.ones((BATCH, 31), np.float16)), r"shape \(7, 31\) float16"),
    "long vectors": (VECTORS, to_npy(np.ones((BATCH, 32), np.float16)), "length is not 1"),
    "infinite vectors": (VECTORS, to_npy(np.full((BATCH, 32), np.inf, np.float16)), "length is not 1"),
    "a bomb": (PAPERS, bytes(2**27), "cannot be decompressed"),
    "other lines": (PAPERS, b"[]\n" * BATCH, "not a paper"),
    "no ID": (PAPERS, b'{"added":0,"paper":{"title":"x"},"records":null}\n' * BATCH, "not a paper"),
    "other records": (PAPERS, b'{"added":0,"paper":{"id":"x"},"records":[1]}\n' * BATCH, "not a paper"),
    "fewer papers": (PAPERS, b"", "has 0 papers instead of 7"),
    "rows of papers": ("papers.table.jsonl.zst", b'["row"]\n[1]\n', UNKNOWN),
    "a made-up table": ('x"; DROP.table.jsonl.zst', b'["row"]\n[1]\n', UNKNOWN),
    "a made-up column": (TABLE, b'["id) --"]\n[1]\n', UNKNOWN),
    "uneven rows": (TABLE, b'["id", "scope"]\n[1]\n', UNEVEN),
    "a value of no column": (TABLE, b'["id"]\n[{}]\n', UNEVEN),
    "a large number": (TABLE, b'["id"]\n[9999999999999999999]\n', UNEVEN),
}
"""Files of an archive, with their content before it is compressed, and the problem that is reported."""


def test_a_forged_archive_is_refused(folder: Path) -> None:
    """Its checksums are right; what is read is checked nevertheless."""
    original = {path: path.read_bytes() for path in (folder / "archive").iterdir()}
    for what, (name, content, problem) in HOSTILE.items():
        forge(folder / "archive", name, content if name == VECTORS else zstandard.compress(content))
        with pytest.raises(ArchiveDamaged, match=problem):
            import_again(folder / "archive", folder / "copy")
        assert not (folder / "copy" / "CURRENT").exists(), what
        (folder / "archive" / name).unlink()
        for path, before in original.items():
            path.write_bytes(before)
    import_again(folder / "archive", folder / "copy")
    assert contents(folder / "copy") == contents(folder / "index")


def test_a_file_outside_the_archive_is_not_read(folder: Path) -> None:
    forge(folder / "archive", "../secret.table.jsonl.zst", zstandard.compress(b'["id"]\n[1]\n'))
    assert "../secret" not in Archive(folder / "archive").tables


def test_a_folder_with_other_unpublished_papers_is_refused(folder: Path) -> None:
    with IndexWriter(folder / "copy", FakeEmbedder()) as writer:
        writer.add(Paper(("arxiv:2401.00001",), "Another paper"))
        writer.flush()
    with pytest.raises(IndexUnavailable, match="papers of another import"):
        import_again(folder / "archive", folder / "copy")


def test_an_existing_index_takes_the_papers(folder: Path) -> None:
    """A part is the same, a part is new, one was removed there, and one has another abstract there."""
    records = make_records(30, 20)
    records[2]["abstract"] = f"{records[2]['abstract']} And much more of attention and galaxies."
    import_records(folder / "other", records)
    remove(folder / "other", select_ids(folder / "other", ["2000.00031"]), load)
    before = set(_live_ids(folder / "other"))
    newest = open_index(folder / "other").session().newest_added
    done = import_archive(Archive(folder / "archive"), folder / "other", load)
    assert done.counts is not None
    counts = done.counts.new, done.counts.merged, done.counts.removed
    assert counts == (30, 7, 1)  # a further record of a paper is merged
    assert examine(folder / "other") == []
    searcher = open_index(folder / "other")
    assert set(_live_ids(folder / "other")) == before | {*_live_ids(folder / "index")} - {"arxiv:2000.00031"}
    assert searcher.paper("2000.00005") == searcher.paper("2000.00009")  # the user has decided it
    assert all((searcher.paper(f"2000.0000{number}").added or newest) > newest for number in range(9))
    import_records(folder / "other", make_records(11, 1))  # removed from the exported index
    assert "arxiv:2000.00011" not in _live_ids(folder / "other")
    again = import_archive(Archive(folder / "archive"), folder / "other", load_nothing)
    assert again.counts is not None
    assert (again.counts.new, again.counts.merged) == (0, 0)


def import_with_fake(archive: Path, directory: Path) -> None:
    import_archive(Archive(archive), directory, load)


def test_an_interrupted_import_into_an_existing_index_is_continued(folder: Path) -> None:
    import_records(folder / "other", make_records(30, 20))
    shutil.copytree(folder / "other", folder / "killed")
    import_with_fake(folder / "archive", folder / "other")
    assert run_and_kill(import_with_fake, folder / "archive", folder / "killed", after=45) == KILLED
    assert len(_live_ids(folder / "killed")) == 20  # not published
    with closing(sqlite3.connect(find_layout(folder / "killed").store)) as database:
        written = database.execute("SELECT count(*) FROM papers").fetchone()[0]
    assert 20 < written < 60
    import_with_fake(folder / "archive", folder / "killed")
    assert examine(folder / "killed") == []
    one, other = contents(folder / "other"), contents(folder / "killed")
    papers = [sorted(repr((paper.ids, records)) for paper, records, _ in each["papers"]) for each in (one, other)]
    assert papers[0] == papers[1]
    assert [other[name] for name in ("decisions", "removed", "log")] == [
        one[name] for name in ("decisions", "removed", "log")
    ]


def test_an_archive_of_another_model_is_refused(folder: Path) -> None:
    path = write_records(folder / "papers.jsonl", make_records(0, 3))
    index([path], folder / "other", FakeEmbedder(32, "newer"))
    with pytest.raises(
        ModelMismatch, match=r"made with newer \(float.* with fake \(float.*papers reindex --model fake"
    ):
        import_again(folder / "archive", folder / "other")


def test_an_archive_replaces_nothing(folder: Path) -> None:
    with pytest.raises(InvalidValue, match="it exists already"):
        export(folder / "index", folder / "archive")
    with pytest.raises(IndexMissing, match="papers export-index"):
        Archive(folder / "index")


def test_the_commands_move_an_index(tmp_path: Path) -> None:
    index([write_records(tmp_path / "papers.jsonl", make_records(0, 3))], tmp_path / "index", FakeEmbedder())
    done = run("export-index", str(tmp_path / "archive"), "--index", str(tmp_path / "index"))
    assert (done.returncode, done.stdout) == (0, "")
    assert f"papers: exported 3 papers (gen-000001) to {tmp_path / 'archive'}" in done.stderr
    done = run("import-index", str(tmp_path / "archive"), "--index", str(tmp_path / "copy"))
    assert f"papers: imported 3 papers to {tmp_path / 'copy'} (gen-000001)" in done.stderr
    done = run("import-index", str(tmp_path / "archive"), "--index", str(tmp_path / "copy"))
    assert "0 new, 0 merged, 3 records unchanged, 0 left out as removed" in done.stderr
    assert run("import-index", str(tmp_path / "absent"), "--index", str(tmp_path / "copy")).returncode == 1
    assert run("export-index", str(tmp_path / "archive"), "--index", str(tmp_path / "index")).returncode == 2
