"""Reindexing: an index moves to another model; until then, and after any interruption, the previous model answers."""

import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cli_call import run, run_json
from fake_embedder import FakeEmbedder
from http_server import HttpServer
from indexer import build
from indexer.build import index
from indexer.doctor import examine
from indexer.reindex import reindex
from records import make_records, write_records
from sample import ROOT
from search import open_index
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexBusy, IndexMissing, ModelMismatch
from search.index.layout import Layout
from search.query.query import Query
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings

TESTS = Path(__file__).parent
PAPERS = 2_500


def load_fake(model: ModelIdentity) -> FakeEmbedder:
    return FakeEmbedder(model.dim, model.name)


def old_model() -> FakeEmbedder:
    return FakeEmbedder()


def new_model() -> FakeEmbedder:
    return FakeEmbedder(48, "new")


def import_records(directory: Path, records: Sequence[dict[str, object]], embedder: Embedder) -> None:
    index([write_records(directory.parent / "papers.jsonl", records)], directory, embedder)


def updated_records(count: int) -> list[dict[str, object]]:
    """Other versions of the first records: half of them with another abstract."""
    records: list[dict[str, object]] = [dict(record) for record in make_records(0, count)]
    for number, record in enumerate(records):
        record["id"] = f"{record['id']}v2"
        record["authors"] = ["Grace Hopper"]
        if number % 2:
            record["abstract"] = f"{record['abstract']} Revised."
    return records


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reindex") / "index"
    import_records(folder, make_records(0, PAPERS), old_model())
    import_records(folder, updated_records(40), old_model())
    return folder


@pytest.fixture
def directory(built: Path, tmp_path: Path) -> Path:
    """An index of 2,500 papers, 40 of which have replaced an earlier row."""
    shutil.copytree(built, tmp_path / "index")
    return tmp_path / "index"


def all_ids(directory: Path) -> list[tuple[str, ...]]:
    """The IDs of each row."""
    return [paper.ids for _, paper in Searcher(directory, load_fake).snapshot.store.scan(0)]


def assert_uses_model(directory: Path, embedder: FakeEmbedder) -> None:
    """Asserts that every row has the vector of the model, that all checks pass and that it is the only vectors file."""
    searcher = Searcher(directory, load_fake, verify_checksums=True)
    snapshot = searcher.snapshot
    assert snapshot.model == embedder.model
    papers = [paper for _, paper in snapshot.store.scan(0)]
    expected = embedder.encode([paper.text for paper in papers]).astype(np.float16)
    path = snapshot.layout.vectors(embedder.model)
    assert np.array_equal(np.fromfile(path, np.float16).reshape(expected.shape), expected)
    assert list(directory.glob("vectors-*")) == [path]
    assert examine(directory) == []
    last = papers[-1]
    assert searcher.search(Query(last.text, mode="semantic")).hits[0].paper.id == last.id


def test_ids_rows_and_hits_stay(directory: Path) -> None:
    before, searcher = all_ids(directory), Searcher(directory, load_fake)
    lexical = [hit.paper.id for hit in searcher.search(Query("galaxy cache", mode="lexical")).hits]
    assert searcher.search(Query("galaxy cache")).hits
    embedder, seen = new_model(), []
    report = reindex(directory, embedder, on_embedded=lambda done, rows: seen.append((done, rows)))
    rows = PAPERS + 40
    assert (report.continued, report.embedded, report.manifest.rows, report.manifest.live) == (
        0,
        rows - 20,
        rows,
        PAPERS,
    )
    assert seen == sorted(seen)
    assert seen[-1] == (rows, rows)
    assert searcher.search(Query("galaxy cache")).hits  # a searcher that was open follows
    assert searcher.snapshot.model == embedder.model
    assert [hit.paper.id for hit in searcher.search(Query("galaxy cache", mode="lexical")).hits] == lexical
    assert all_ids(directory) == before
    del searcher
    import_records(directory, make_records(PAPERS, 5), new_model())
    assert_uses_model(directory, embedder)
    with pytest.raises(ModelMismatch, match="papers reindex --model fake --precision float"):
        import_records(directory, make_records(PAPERS + 5, 1), old_model())


class SearchingEmbedder(FakeEmbedder):
    """Searches the index before it embeds."""

    def __init__(self, directory: Path) -> None:
        super().__init__(48, "new")
        self.directory = directory

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        searcher = Searcher(self.directory, load_fake)
        assert searcher.snapshot.model == old_model().model
        assert searcher.search(Query("galaxy", mode="semantic", limit=3)).hits
        with pytest.raises(IndexBusy):
            reindex(self.directory, new_model())
        return super().encode(texts)


def test_the_previous_model_answers_while_another_embeds(directory: Path) -> None:
    embedder = SearchingEmbedder(directory)
    reindex(directory, embedder)
    assert len(embedder.texts) > PAPERS
    assert_uses_model(directory, new_model())


CHILD_SCRIPT = """
import os, sys, time
from pathlib import Path
sys.path[:0] = [".", ".."]
from fake_embedder import FakeEmbedder
from indexer.reindex import reindex

directory, limit = Path(sys.argv[1]), int(sys.argv[2])

def rows_on_disk():
    return max((path.stat().st_size // (48 * 2) for path in directory.glob("vectors-new-*")), default=0)

class DyingEmbedder(FakeEmbedder):
    def encode(self, texts):
        patience = time.monotonic() + 5
        while rows_on_disk() < len(self.texts) - 1024 and time.monotonic() < patience:  # the writer catches up
            time.sleep(0.01)
        if len(self.texts) >= limit:
            os._exit(9)
        return super().encode(texts)

reindex(directory, DyingEmbedder(48, "new"))
"""


def kill_after(directory: Path, texts: int) -> None:
    """Reindexes in another process, which dies when it has embedded a number of texts."""
    command = [sys.executable, "-c", CHILD_SCRIPT, str(directory), str(texts)]
    assert subprocess.run(command, cwd=TESTS, check=False).returncode == 9


def test_a_killed_run_is_continued_even_after_an_import(directory: Path) -> None:
    generation = Layout(directory).published_generation()
    for texts in (100, 2_300):
        kill_after(directory, texts)
        searcher = Searcher(directory, load_fake, verify_checksums=True)
        assert searcher.snapshot.manifest.generation == generation
        assert searcher.search(Query("galaxy", mode="semantic")).hits
        assert examine(directory) == []
    del searcher
    import_records(directory, updated_records(1_500)[100:], old_model())
    before = all_ids(directory)
    embedder = new_model()
    report = reindex(directory, embedder)
    assert 0 < report.continued < report.manifest.rows
    assert report.embedded < report.manifest.rows - report.continued
    assert all_ids(directory) == before
    assert_uses_model(directory, new_model())


EVENTS_SCRIPT = """
import os, sys
from pathlib import Path
sys.path[:0] = [".", ".."]
from fake_embedder import FakeEmbedder
from indexer.reindex import reindex

directory, last, count = sys.argv[1], int(sys.argv[2]), 0

def hook(event, arguments):
    global count
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir") and directory in str(arguments[0]):
        count += 1
        if count == last:
            os._exit(9)
        os.write(1, f"{event}\\n".encode())

sys.addaudithook(hook)
reindex(Path(directory), FakeEmbedder(48, "new"))
"""


def file_events(directory: Path, last: int) -> tuple[int, list[str]]:
    """Reindexes in another process, which dies at the given event of a file; returns its status and the events."""
    command = [sys.executable, "-c", EVENTS_SCRIPT, str(directory), str(last)]
    done = subprocess.run(command, cwd=TESTS, check=False, stdout=subprocess.PIPE, text=True)
    return done.returncode, done.stdout.split()


def test_a_kill_at_any_file_operation_loses_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    import_records(directory, make_records(0, 250), old_model())
    import_records(directory, updated_records(40), old_model())
    before = all_ids(directory)
    whole = shutil.copytree(directory, tmp_path / "whole")
    status, events = file_events(whole, 0)
    assert status == 0
    changes = [number for number, event in enumerate(events, 1) if event in ("os.rename", "os.remove", "os.mkdir")]
    assert len(changes) >= 4  # the folder of the generation, its manifest, CURRENT, the previous vectors
    opened = random.Random(5).sample(range(1, len(events)), 3)
    for last in sorted({*changes, changes[-1] + 1, *opened}):
        copy = shutil.copytree(directory, tmp_path / f"killed-{last}")
        assert file_events(copy, last)[0] == 9
        searcher = Searcher(copy, load_fake, verify_checksums=True)
        assert searcher.search(Query("galaxy", mode="semantic")).hits
        assert all_ids(copy) == before
        assert examine(copy) == []
        del searcher
        reindex(copy, new_model())
        import_records(copy, make_records(PAPERS, 1), new_model())
        assert_uses_model(copy, new_model())


def test_a_failure_before_the_publish_keeps_the_previous_model(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, content: str) -> Path:
        raise OSError(f"{path} cannot be written: {content}")

    with monkeypatch.context() as patch:
        patch.setattr(build, "write_aside", fail)
        with pytest.raises(OSError, match="cannot be written"):
            reindex(directory, new_model())
    assert Searcher(directory, load_fake).snapshot.model == old_model().model
    import_records(directory, make_records(PAPERS, 5), old_model())
    embedder = new_model()
    reindex(directory, embedder)
    assert len(embedder.texts) < PAPERS
    assert_uses_model(directory, new_model())


def test_vectors_stay_while_a_reader_may_open_them(directory: Path) -> None:
    reader = Searcher(directory, load_fake).snapshot
    reindex(directory, new_model())
    assert len(reader.vectors.get_vector(0)) == old_model().model.dim
    back = old_model()
    report = reindex(directory, back)  # with the vectors that the reader kept
    assert (report.embedded, report.continued) == (0, PAPERS + 40)
    del reader
    import_records(directory, make_records(PAPERS, 5), old_model())
    assert_uses_model(directory, old_model())


def test_the_same_model_publishes_nothing(directory: Path, tmp_path: Path) -> None:
    generation, embedder = Layout(directory).published_generation(), old_model()
    report = reindex(directory, embedder)
    assert (report.embedded, report.manifest.generation, embedder.texts) == (0, generation, [])
    with pytest.raises(IndexMissing, match="papers index"):
        reindex(tmp_path / "none", embedder)
    assert not (tmp_path / "none").exists()


def test_the_command_moves_an_index_and_a_running_server_follows(tmp_path: Path) -> None:
    sample, there = str(ROOT / "data" / "sample.jsonl"), ["--index", str(tmp_path / "index")]
    assert run("index", sample, "--model", "all-MiniLM-L6-v2", *there).returncode == 0
    again = run("index", sample, *there)
    assert "using the model of the index, all-MiniLM-L6-v2 in float" in again.stderr
    assert "60 unchanged" in again.stderr
    server = HttpServer(create_app(open_index(tmp_path / "index"), Settings()))
    search = {"q": "compress the key-value cache", "mode": "semantic", "limit": 60}
    before = server.client.get("/v1/search", params=search).json()
    moved = run("reindex", "--model", "small", *there)
    assert (moved.returncode, moved.stdout) == (0, "")
    assert (
        "60 texts embedded; 0 papers had vectors of small in int8. The index has 60 papers (gen-00000" in moved.stderr
    )
    after = server.client.get("/v1/search", params=search).json()
    server.close()
    assert {hit["id"] for hit in after["hits"]} == {hit["id"] for hit in before["hits"]}
    assert after["generation"] != before["generation"]
    assert run_json("status", *there)["model"]["name"] == "small"
    hit = run_json("search", search["q"], "-m", "semantic", "-n", "60", *there)["hits"][0]
    first = after["hits"][0]  # a command embeds the question in float, a server in int8
    assert (hit["id"], hit["score"]) == (first["id"], pytest.approx(first["score"], abs=0.005))
    assert "0 texts embedded; 60 papers had" in run("reindex", "--model", "small", *there).stderr
    assert "using the model" not in run("index", sample, *there).stderr
    missing = run("reindex", "--model", "small", "--index", str(tmp_path / "none"))
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "there is no index here" in missing.stderr
