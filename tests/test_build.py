"""Building: what is held is not done again, and whatever goes wrong, the last generation answers."""

import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fake_embedder import FakeEmbedder
from indexer.build import ImportOptions, ImportReport, index
from indexer.writer import ImportCounts, IndexWriter
from search.embedding.embedder import Embedder
from search.errors import IndexBusy, IndexDamaged, IndexMissing, ModelMismatch, ModelUnavailable, SourceError
from search.papers.paper import Json
from search.query.condition import AllOf
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher

TESTS = Path(__file__).parent
WORDS = "attention cache compression galaxy spectrum recommendation pruning token lattice proof video graph".split()  # noqa: SIM905


def make_records(start: int, count: int) -> list[dict[str, Json]]:
    """Records that differ, the same ones for the same numbers."""
    records: list[dict[str, Json]] = []
    for number in range(start, start + count):
        words = random.Random(number).choices(WORDS, k=12)
        records.append(
            {
                "id": f"{2000 + number // 100_000}.{number % 100_000:05}",
                "title": f"{words[0]} {words[1]} {number}",
                "abstract": f"Paper {number}. {' '.join(words[2:])}.",
                "authors": [f"Ada Byron{number % 7}"],
                "categories": ["cs.CL"],
                "published": f"20{10 + number % 15}-0{1 + number % 9}",
            }
        )
    return records


def write_records(path: Path, records: Iterable[dict[str, Json]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def open_index(directory: Path, *, checksums: bool = True) -> Searcher:
    return Searcher(directory, lambda _model: FakeEmbedder(), verify_checksums=checksums)


@pytest.fixture
def build_index(tmp_path: Path) -> Callable[..., ImportReport]:
    """Indexes records into ``tmp_path / "index"``."""

    def build(records: Iterable[dict[str, Json]], embedder: Embedder | None = None, **options: bool) -> ImportReport:
        path = write_records(tmp_path / "papers.jsonl", records)
        return index([path], tmp_path / "index", embedder or FakeEmbedder(), options=ImportOptions(**options))

    return build


BuildIndex = Callable[..., ImportReport]


def embedded_papers(embedder: FakeEmbedder, records: Iterable[dict[str, Json]]) -> list[str]:
    """The papers that an embedder was given; not the titles that an index is measured with."""
    titles = {record["title"] for record in records}
    return [text for text in embedder.texts if text not in titles]


def test_the_same_file_twice_changes_nothing(tmp_path: Path, build_index: BuildIndex) -> None:
    embedder, records = FakeEmbedder(), make_records(0, 30)
    first = build_index(records, embedder)
    files = {path: path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file()}
    second = build_index(reversed(records), embedder)
    assert (first.counts.new, second.counts.new, second.counts.unchanged) == (30, 0, 30)
    assert second.generation == first.generation
    assert len(embedded_papers(embedder, records)) == 30
    assert {path: path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file()} == files


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


def test_codes_are_built_from_20000_papers_and_kept_across_updates(tmp_path: Path, build_index: BuildIndex) -> None:
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
    assert searcher.snapshot.lexicon.rows_matching(AllOf(())).tolist() == searcher.snapshot.live.ids.tolist()


def test_a_new_generation_is_picked_up_and_an_old_one_stays_while_it_is_read(
    tmp_path: Path, build_index: BuildIndex
) -> None:
    build_index(make_records(0, 10))
    searcher = open_index(tmp_path / "index")
    held = searcher.snapshot
    assert searcher.search(Query("")).total == 10
    build_index(make_records(10, 5))
    assert searcher.search(Query("")).total == 15
    assert len(held.lexicon.rows_matching(AllOf(()))) == 10
    assert len(held.store.get(list(range(10)))) == 10
    del held
    build_index(make_records(20, 5))
    assert [path.name for path in sorted((tmp_path / "index").glob("gen-*"))] == ["gen-000002", "gen-000003"]


def test_a_second_writer_is_rejected(tmp_path: Path, build_index: BuildIndex) -> None:
    build_index(make_records(0, 3))
    with IndexWriter(tmp_path / "index", FakeEmbedder()), pytest.raises(IndexBusy, match="another process is writing"):
        build_index(make_records(3, 3))
    assert build_index(make_records(3, 3)).papers == 6


def test_another_model_is_refused_by_name(tmp_path: Path, build_index: BuildIndex) -> None:
    build_index(make_records(0, 3))
    with pytest.raises(ModelMismatch, match="other than another in float"):
        build_index(make_records(3, 3), FakeEmbedder(name="another"))
    searcher = Searcher(tmp_path / "index", lambda _model: FakeEmbedder(name="another"))
    with pytest.raises(ModelMismatch, match="made with"):
        searcher.search(Query("cache"))
    assert searcher.search(Query("cache", mode="lexical")).generation  # words need no model


def test_vectors_of_another_precision_are_refused(
    tmp_path: Path, int8_index: Path, embedder: Embedder, int8_embedder: Embedder
) -> None:
    shutil.copytree(int8_index, tmp_path / "index")
    path = write_records(tmp_path / "papers.jsonl", make_records(0, 3))
    with pytest.raises(ModelMismatch, match=r"other than all-MiniLM-L6-v2 in float; .* leave --model and --precision"):
        index([path], tmp_path / "index", embedder)
    with pytest.raises(ModelMismatch, match="precision='int8'"):
        Searcher(tmp_path / "index", lambda _model: embedder).search(Query("cache"))
    assert index([path], tmp_path / "index", int8_embedder).papers == 63


class BlockingEmbedder(FakeEmbedder):
    """Embeds nothing before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        assert self.go.wait(60)
        return super().encode(texts)


def test_the_next_chunk_is_read_while_one_is_embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.writer.BATCH_PAPERS", 10)
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
    monkeypatch.setattr("indexer.writer.BATCH_PAPERS", 4)
    records = make_records(0, 9)
    again = [records[1], {**records[2], "version": 2, "categories": ["cs.IR"]}, {**records[3], "id": "2999.00001"}]
    path, embedder = write_records(tmp_path / "papers.jsonl", [*records[:4], *again, *records[4:]]), FakeEmbedder()
    counts = index([path], tmp_path / "index", embedder).counts
    assert (counts.read, counts.new, counts.unchanged, counts.merged) == (12, 10, 1, 1)
    assert len(embedded_papers(embedder, records)) == 9  # the same words under another id are not embedded again
    searcher = open_index(tmp_path / "index")
    assert searcher.search(Query("")).total == 10
    assert searcher.paper("2000.00002").version == 2
    assert_rows_aligned(searcher)


@pytest.mark.parametrize("seed", range(5))
def test_chunk_size_does_not_change_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    draw = random.Random(seed)
    records = [
        {**record, "version": draw.randrange(1, 4), "categories": [draw.choice(["cs.CL", "cs.IR"])]}
        for record in make_records(0, 25) * 4
    ]
    draw.shuffle(records)
    path, held = write_records(tmp_path / "papers.jsonl", records), []
    for length in (3, 1_000):
        monkeypatch.setattr("indexer.writer.BATCH_PAPERS", length)
        index([path], tmp_path / f"by {length}", FakeEmbedder())
        searcher = open_index(tmp_path / f"by {length}")
        assert_rows_aligned(searcher)
        held.append({hit.paper.id: hit.paper for hit in searcher.search(Query("", limit=100)).hits})
    assert held[0] == held[1]


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
    with pytest.raises(ModelUnavailable, match=r"length (nan|inf|0) and not 1 for '\w+ \w+ \d\. Paper \d\."):
        build_index(make_records(3, 3), Broken())
    assert open_index(tmp_path / "index").search(Query("cache")).total == 3


def list_files(directory: Path) -> list[str]:
    files = (path for path in directory.rglob("*") if path.is_file() and path.stat().st_size)
    return sorted(path.relative_to(directory).as_posix() for path in files)


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_file_is_named_and_rebuilt(tmp_path: Path, build_index: BuildIndex, damage: str) -> None:
    build_index(make_records(0, 20))
    directory = tmp_path / "index"
    for name in list_files(directory):
        if name.startswith("papers.sqlite-"):
            continue
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(directory, tmp_path / "copy")
        path = tmp_path / "copy" / name
        content = bytearray(path.read_bytes())
        inside = content.find(b"Paper 7.") if name == "papers.sqlite" else len(content) * 2 // 3  # its pages have room
        content[inside] ^= 0xFF
        if damage == "remove":
            path.unlink()
        else:
            path.write_bytes(content if damage == "flip" else content[: len(content) // 2])
        with pytest.raises((IndexDamaged, IndexMissing)) as caught:
            open_index(tmp_path / "copy")
        assert any(word in str(caught.value) for word in (path.name, "CURRENT names", "there is no index")), name


def test_the_next_import_rebuilds_a_damaged_generation(tmp_path: Path, build_index: BuildIndex) -> None:
    build_index(make_records(0, 20))
    directory = tmp_path / "index"
    (directory / "gen-000001" / "tombstones.npy").write_bytes(b"")
    build_index(make_records(0, 20))
    assert open_index(directory).search(Query("galaxy", limit=100)).total == 20


def test_leftovers_of_a_killed_writer_are_removed(tmp_path: Path, build_index: BuildIndex) -> None:
    build_index(make_records(0, 5))
    half = tmp_path / "index" / "gen-000002"
    half.mkdir()
    (half / "codes.faiss").write_bytes(b"half")
    (vectors,) = (tmp_path / "index").glob("vectors-*.f16")
    with vectors.open("ab") as file:
        file.write(b"\1" * 100)
    assert open_index(tmp_path / "index").search(Query("")).total == 5
    assert build_index(make_records(5, 5)).papers == 10
    assert open_index(tmp_path / "index").search(Query("galaxy", limit=20)).total == 10


def test_a_full_disk_keeps_the_last_generation_live(tmp_path: Path, build_index: BuildIndex) -> None:
    build_index(make_records(0, 50))
    more = write_records(tmp_path / "more.jsonl", make_records(50, 3_000))
    for room in (1_000, 50_000, 400_000, 1_500_000):  # bytes a file may grow to: fails in each kind of file
        done = subprocess.run(
            [sys.executable, "-c", CHILD_SCRIPT, str(more), str(tmp_path / "index")],
            capture_output=True,
            text=True,
            check=False,
            cwd=TESTS,
            preexec_fn=lambda room=room: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        )
        assert done.returncode == 1, room
        searcher = open_index(tmp_path / "index")
        assert searcher.search(Query("galaxy")).total == 50
    index([more], tmp_path / "index", FakeEmbedder())
    assert open_index(tmp_path / "index").search(Query("galaxy")).total == 3_050


CHILD_SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [".", ".."]
from fake_embedder import FakeEmbedder
from indexer.build import index
for path in sorted(Path(sys.argv[1]).parent.glob(Path(sys.argv[1]).name)):
    print(index([path], Path(sys.argv[2]), FakeEmbedder()).papers, flush=True)
"""


def test_a_kill_at_any_point_keeps_the_last_generation_intact(tmp_path: Path) -> None:
    parts = [write_records(tmp_path / f"part-{n:02}.jsonl", make_records(n * 1_300, 1_300)) for n in range(16)]
    draw, directory, kills, last = random.Random(17), tmp_path / "index", 0, 0
    while kills < 10:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD_SCRIPT, str(tmp_path / "part-*.jsonl"), str(directory)],
            cwd=TESTS,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            child.wait(draw.uniform(0.3, 1.0 + last / 10_000))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            kills += 1
        said = (child.communicate()[0] or "").split()
        if (directory / "CURRENT").exists():
            searcher = open_index(directory)
            total = searcher.search(Query("galaxy")).total
            assert total >= max([last, *map(int, said)])
            last = total
            assert_rows_aligned(searcher)
        if child.returncode == 0:
            break
    assert kills >= 5
    assert index(parts, directory, FakeEmbedder()).papers == 16 * 1_300
    assert_rows_aligned(open_index(directory))


def assert_rows_aligned(searcher: Searcher) -> None:
    """Rows of papers and of vectors stand side by side, and each paper is found by its id."""
    snapshot = searcher.snapshot
    rows = random.sample(range(snapshot.manifest.rows), min(20, snapshot.manifest.rows))
    for row, paper in zip(rows, snapshot.store.get(rows), strict=True):
        expected = FakeEmbedder().encode([paper.text])[0].astype(np.float16)
        assert np.array_equal(snapshot.vectors.get_vector(row).astype(np.float16), expected)
        if row in snapshot.live:
            assert searcher.paper(paper.id) == paper
