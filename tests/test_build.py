"""Imports: unchanged papers are not processed again, and batches do not affect the index."""

import random
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fake_embedder import FakeEmbedder
from indexer.build import ImportOptions, ImportReport, index
from indexer.import_counts import ImportCounts
from indexer.writer import IndexWriter
from records import assert_rows_aligned, make_records, open_index, write_records
from search.embedding.embedder import Embedder
from search.errors import IndexBusy, IndexMissing, ModelMismatch, ModelUnavailable, SourceError
from search.papers.json import Json
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher


@pytest.fixture
def build_index(tmp_path: Path) -> Callable[..., ImportReport]:
    """Indexes records into ``tmp_path / "index"``."""

    def build(records: Iterable[dict[str, Json]], embedder: Embedder | None = None, **options: bool) -> ImportReport:
        path = write_records(tmp_path / "papers.jsonl", records)
        return index([path], tmp_path / "index", embedder or FakeEmbedder(), options=ImportOptions(**options))

    return build


BuildIndex = Callable[..., ImportReport]


def embedded_papers(embedder: FakeEmbedder, records: Iterable[dict[str, Json]]) -> list[str]:
    """The texts of papers that were embedded, without the titles that the calibration embeds."""
    titles = {record["title"] for record in records}
    return [text for text in embedder.texts if text not in titles]


def file_contents(folder: Path) -> dict[Path, bytes]:
    """The content of all files but the database, in which each import has an entry."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("papers.sqlite"))
    return {path: path.read_bytes() for path in found}


def test_the_same_file_twice_changes_nothing(tmp_path: Path, build_index: BuildIndex) -> None:
    embedder, records = FakeEmbedder(), make_records(0, 30)
    first = build_index(records, embedder)
    files = file_contents(tmp_path / "index")
    second = build_index(reversed(records), embedder)
    assert (first.counts.new, second.counts.new, second.counts.unchanged) == (30, 0, 30)
    assert second.generation == first.generation
    assert len(embedded_papers(embedder, records)) == 30
    assert file_contents(tmp_path / "index") == files


def test_only_texts_that_changed_are_embedded_again(tmp_path: Path, build_index: BuildIndex) -> None:
    embedder, records = FakeEmbedder(), make_records(0, 30)
    build_index(records, embedder)
    records[3] = {**records[3], "version": 2, "categories": ["cs.CL", "cs.IR"]}
    records[4] = {**records[4], "version": 2, "abstract": "Something else entirely, of enough words to be read."}
    report = build_index(records, embedder)
    assert (report.counts.unchanged, report.counts.merged, report.papers) == (28, 2, 30)
    assert len(embedded_papers(embedder, records)) == 31
    searcher = open_index(tmp_path / "index")
    assert [hit.paper.id for hit in searcher.search(Query("", Filter(categories=("cs.IR",)))).hits] == [
        "arxiv:2000.00003"
    ]
    assert searcher.search(Query("entirely", mode="lexical")).total == 1
    assert searcher.search(Query(str(records[3]["title"]), mode="semantic", limit=100)).total == 30
    for row, paper in searcher.snapshot.store.scan(0):
        expected = FakeEmbedder().encode([paper.text])[0].astype(np.float16)
        assert np.array_equal(searcher.snapshot.vectors.get_vector(row).astype(np.float16), expected)


def test_incremental_imports_equal_one_import(tmp_path: Path, build_index: BuildIndex) -> None:
    records = make_records(0, 60)
    for start in range(0, 60, 15):
        build_index(records[start : start + 20])
    searcher = open_index(tmp_path / "index")
    page = searcher.search(Query("galaxy", limit=100))
    write_records(tmp_path / "all.jsonl", records)
    index([tmp_path / "all.jsonl"], tmp_path / "at once", FakeEmbedder())
    once = open_index(tmp_path / "at once").search(Query("galaxy", limit=100))
    assert page.total == once.total == 60
    assert {hit.paper.id: round(hit.score, 5) for hit in page.hits} == {
        hit.paper.id: round(hit.score, 5) for hit in once.hits
    }
    assert [path.name for path in (tmp_path / "index").glob("gen-*")] == ["gen-000004"]


def test_codes_are_built_from_20000_papers_and_reused_across_updates(tmp_path: Path, build_index: BuildIndex) -> None:
    records = make_records(0, 20_050)
    build_index(records[:20_000])
    directory = tmp_path / "index"
    assert (directory / "gen-000001" / "codes" / "codes.faiss").is_file()
    changed = [{**record, "version": 2, "abstract": f"Changed. {record['abstract']}"} for record in records[:40]]
    report = build_index(changed + records[20_000:])
    searcher = open_index(directory)
    assert (report.papers, searcher.snapshot.manifest.rows) == (20_050, 20_090)
    assert searcher.snapshot.manifest.trained_on == 20_000
    for record in (*records[20_000:20_010], *changed[:10]):
        page = searcher.search(Query(f"{record['title']}. {record['abstract']}", mode="semantic"))
        assert page.hits[0].paper.abstract == record["abstract"]
        assert not page.exact
    few = searcher.search(Query("galaxy", Filter(authors=("Byron3",)), "semantic"))
    assert few.exact


def test_a_replaced_paper_is_found_once_by_its_words(tmp_path: Path, build_index: BuildIndex) -> None:
    records = make_records(0, 30)
    build_index(records)
    build_index(
        [{**record, "version": 2, "abstract": f"Revised nebula. {record['abstract']}"} for record in records[:10]]
    )
    searcher = open_index(tmp_path / "index")
    for mode in ("lexical", "hybrid"):
        page = searcher.search(Query("galaxy", mode=mode, limit=100))
        assert page.total == len({hit.paper.id for hit in page.hits}) == len(page.hits)
    assert searcher.search(Query("nebula", mode="lexical")).total == 10
    assert searcher.snapshot.lexicon.indexed_rows().tolist() == searcher.snapshot.live.ids.tolist()


def test_a_second_writer_is_rejected(tmp_path: Path, build_index: BuildIndex) -> None:
    build_index(make_records(0, 3))
    with IndexWriter(tmp_path / "index", FakeEmbedder()), pytest.raises(IndexBusy, match="another process is writing"):
        build_index(make_records(3, 3))
    assert build_index(make_records(3, 3)).papers == 6


def test_another_model_is_rejected_by_name(tmp_path: Path, build_index: BuildIndex) -> None:
    build_index(make_records(0, 3))
    with pytest.raises(ModelMismatch, match="other than another in float"):
        build_index(make_records(3, 3), FakeEmbedder(name="another"))
    searcher = Searcher(tmp_path / "index", lambda _model: FakeEmbedder(name="another"))
    with pytest.raises(ModelMismatch, match="made with"):
        searcher.search(Query("cache"))
    assert searcher.search(Query("cache", mode="lexical")).generation  # lexical search needs no model


def test_vectors_of_another_precision_are_rejected(
    tmp_path: Path, int8_index: Path, embedder: Embedder, int8_embedder: Embedder
) -> None:
    shutil.copytree(int8_index, tmp_path / "index")
    path = write_records(tmp_path / "papers.jsonl", make_records(0, 3))
    with pytest.raises(ModelMismatch, match=r"other than small in float; .*papers reindex --model small"):
        index([path], tmp_path / "index", embedder)
    with pytest.raises(ModelMismatch, match="precision='int8'"):
        Searcher(tmp_path / "index", lambda _model: embedder).search(Query("cache"))
    assert index([path], tmp_path / "index", int8_embedder).papers == 63


class BlockingEmbedder(FakeEmbedder):
    """Blocks until ``go`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        assert self.go.wait(60)
        return super().encode(texts)


def test_the_next_batch_is_read_while_one_is_embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.paper_writer.BATCH_PAPERS", 10)
    embedder = BlockingEmbedder()

    def progress(counts: ImportCounts, _done: float) -> None:
        if counts.read == 19:
            assert (counts.embedded, counts.waiting) == (0, 19)
            embedder.go.set()

    path = write_records(tmp_path / "papers.jsonl", make_records(0, 50))
    report = index([path], tmp_path / "index", embedder, progress=progress)
    assert (report.papers, report.counts.embedded, report.counts.waiting) == (50, 50, 0)
    assert_rows_aligned(open_index(tmp_path / "index"))


def test_a_record_of_a_paper_being_embedded_is_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.paper_writer.BATCH_PAPERS", 4)
    records = make_records(0, 9)
    repeated = [records[1], {**records[2], "version": 2, "categories": ["cs.IR"]}, {**records[3], "id": "2999.00001"}]
    path, embedder = write_records(tmp_path / "papers.jsonl", [*records[:4], *repeated, *records[4:]]), FakeEmbedder()
    counts = index([path], tmp_path / "index", embedder).counts
    assert (counts.read, counts.new, counts.unchanged, counts.merged) == (12, 10, 1, 1)
    assert len(embedded_papers(embedder, records)) == 9  # the same text under another ID is not embedded again
    searcher = open_index(tmp_path / "index")
    assert searcher.search(Query("")).total == 10
    assert searcher.paper("2000.00002").version == 2
    assert_rows_aligned(searcher)


@pytest.mark.parametrize("seed", range(5))
def test_batch_size_does_not_change_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    draw = random.Random(seed)
    records = [
        {**record, "version": draw.randrange(1, 4), "categories": [draw.choice(["cs.CL", "cs.IR"])]}
        for record in make_records(0, 25) * 4
    ]
    draw.shuffle(records)
    path, papers = write_records(tmp_path / "papers.jsonl", records), []
    for size in (3, 1_000):
        monkeypatch.setattr("indexer.paper_writer.BATCH_PAPERS", size)
        index([path], tmp_path / str(size), FakeEmbedder())
        searcher = open_index(tmp_path / str(size))
        assert_rows_aligned(searcher)
        papers.append({hit.paper.id: hit.paper for hit in searcher.search(Query("", limit=100)).hits})
    assert papers[0] == papers[1]


def test_missing_index(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="papers index"):
        open_index(tmp_path / "nowhere")


def test_malformed_records_are_counted_or_stop_the_import(build_index: BuildIndex) -> None:
    records = [*make_records(0, 2), {"authors": ["Ada Byron"]}, *make_records(2, 2)]
    report = build_index(records)
    assert (report.papers, [error.line for error in report.skipped]) == (4, [3])
    with pytest.raises(SourceError, match=r"papers\.jsonl:3: neither title nor abstract"):
        build_index(records, strict=True)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_non_unit_vectors_are_never_indexed(tmp_path: Path, build_index: BuildIndex, bad: float) -> None:
    class Broken(FakeEmbedder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            vectors = super().encode(texts)
            vectors[-1] = bad
            return vectors

    build_index(make_records(0, 3))
    with pytest.raises(ModelUnavailable, match=r"length (nan|inf|0) instead of 1 for '\w+ \w+ \d\. Paper \d\."):
        build_index(make_records(3, 3), Broken())
    assert open_index(tmp_path / "index").search(Query("cache")).total == 3


def test_the_next_import_rebuilds_a_damaged_generation(tmp_path: Path, build_index: BuildIndex) -> None:
    build_index(make_records(0, 20))
    directory = tmp_path / "index"
    (directory / "gen-000001" / "tombstones.npy").write_bytes(b"")
    build_index(make_records(0, 20))
    assert open_index(directory).search(Query("galaxy", limit=100)).total == 20
