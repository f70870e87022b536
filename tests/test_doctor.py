"""The doctor finds each damaged file, and rebuilds it from papers and vectors without embedding papers again."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fake_embedder
from fake_embedder import FakeEmbedder
from indexer import doctor, generations
from indexer.build import ImportOptions, index
from indexer.doctor import examine, repair
from search.embedding import model
from search.embedding.model import ModelIdentity
from search.errors import IndexDamaged, IndexMissing, ModelUnavailable
from search.index import layout
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher
from search.vectors.code_writer import DEFAULT_CODES_TUNING
from search.vectors.vectors import DEFAULT_SEARCH_TUNING, VectorIndex

CODES_TUNING = replace(DEFAULT_CODES_TUNING, min_rows=300, rows_per_cell=100)
SEARCH_TUNING = replace(DEFAULT_SEARCH_TUNING, exact_max_rows=50)


@pytest.fixture(scope="module")
def intact_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An index with codes in cells, tombstones and every kind of field."""
    folder = tmp_path_factory.mktemp("doctor")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generations, "known_identities", lambda: (FakeEmbedder().model,))
        for start, version in ((0, 1), (0, 2)):
            records = [
                {
                    "id": f"24{1 + n % 12:02}.{n:05}",
                    "version": version,
                    "title": f"On galaxy {n} and cache {n % 7}",
                    "abstract": f"Text {n * version if n < 40 else n} about stars.",
                    "authors": [f"Ada Byron{n % 11}", "Max Planck"],
                    "published": f"2024-{1 + n % 12:02}",
                    "categories": ["cs.CL", "astro-ph.GA"][n % 2 : n % 2 + 1],
                }
                for n in range(start, 400)
            ]
            (folder / "papers.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
            options = ImportOptions(codes=CODES_TUNING)
            index([folder / "papers.jsonl"], folder / "index", FakeEmbedder(), options=options)
        yield folder / "index"


def search_results(directory: Path) -> list[tuple[int, list[Any]]]:
    """Totals, IDs and scores of a semantic, a lexical and a filter-only search."""
    searcher = Searcher(directory, lambda _model: FakeEmbedder(), verify_checksums=True)
    wanted = Filter(authors=("Max Planck",), categories=("cs",))
    queries = [Query("galaxy 17", wanted, "semantic"), Query("cache 3", wanted, "lexical", 400), Query("", wanted)]
    pages = [searcher.search(query) for query in queries]
    ids = [[(hit.paper.id, hit.score) for hit in page.hits] for page in pages]
    found = [(page.total, sorted(each)) for page, each in zip(pages, ids, strict=True)]
    return [*found, approximate_search_results(searcher)]


def approximate_search_results(searcher: Searcher) -> tuple[int, list[str]]:
    """Returns the number of coded rows and the ids of the nearest papers, found with a tuning that uses the codes."""
    snapshot = searcher.snapshot
    path, model = snapshot.layout.vectors(snapshot.model), snapshot.model
    vectors = VectorIndex(path, snapshot.manifest.rows, model.dim, snapshot.files.codes, SEARCH_TUNING)
    (ranked,) = vectors.nearest(FakeEmbedder().encode(["galaxy 17"]), 10, snapshot.live)
    assert not ranked.complete
    return vectors.coded_rows, [paper.id for paper in snapshot.store.get(ranked.rows.tolist())]


def files(directory: Path) -> list[str]:
    found = (path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    return sorted(name for name in found if (directory / name).stat().st_size and not name.startswith("papers.sqlite-"))


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    inside = content.find(b"On galaxy 77") if path.name == "papers.sqlite" else len(content) * 2 // 3
    content[inside] ^= 0xFF
    path.write_bytes(content)


def truncate_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_an_intact_index_has_no_problems(intact_index: Path) -> None:
    steps: list[str] = []
    assert examine(intact_index, steps.append) == []
    assert steps[:5] == ["checksums", "counts", "keys", "decisions", "times of addition"]
    assert steps[5:] == ["removed papers", "lexicon", "vectors", "cross-references"]


DAMAGES = (flip_bit, truncate_file, Path.unlink)


@pytest.mark.parametrize("kind", range(len(DAMAGES)), ids=[damage.__name__ for damage in DAMAGES])
def test_each_damaged_file_is_named_and_rebuilt(intact_index: Path, tmp_path: Path, kind: int) -> None:
    expected = search_results(intact_index)
    for number, name in enumerate(files(intact_index)):
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(intact_index, copy)
        DAMAGES[kind](copy / name)
        problems = " ".join(examine(copy))
        assert any(text in problems for text in ((copy / name).name, "CURRENT", "no index here", "gen-")), name
        with pytest.raises((IndexDamaged, IndexMissing)) as caught:
            Searcher(copy, lambda _model: FakeEmbedder(), verify_checksums=True)
        message = str(caught.value)
        assert any(text in message for text in ((copy / name).name, "CURRENT names", "there is no index")), name
        if name == "papers.sqlite" or name.startswith("vectors-"):
            with pytest.raises(IndexDamaged, match="backup"):
                repair(copy, lambda _model: FakeEmbedder(), codes=CODES_TUNING)
            continue
        if number % len(DAMAGES) != kind:  # each file is rebuilt after one kind of damage: the rebuild is the same
            continue
        embedder = FakeEmbedder()
        repair(copy, lambda _model: embedder, codes=CODES_TUNING)  # noqa: B023  called at once
        assert not [text for text in embedder.texts if " about stars." in text], "a paper was embedded again"
        assert examine(copy) == [], name
        assert search_results(copy) == expected, name


def test_inconsistencies_that_checksums_miss(intact_index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(intact_index, copy)
    files = doctor.Snapshot.open_unchecked(copy).files
    np.save(files.tombstones, np.arange(3, dtype=np.uint32))
    manifest = layout.Manifest.load(files.manifest)
    records = tuple(
        layout.FileRecord.from_file(files.directory / each.path, files.directory) for each in manifest.files
    )
    replace(manifest, files=records).save(files.manifest)
    snapshot = doctor.Snapshot.open_unchecked(copy)
    problems = [problem for check in doctor._CHECKS.values() for problem in check(snapshot)]
    assert any("tombstones.npy and papers.sqlite differ in the rows" in problem for problem in problems)
    assert any("rows are live, expected" in problem for problem in problems)
    assert any("rows of the lexicon are not exactly the live rows" in problem for problem in problems)


def test_without_the_model_all_but_the_calibration_is_rebuilt(intact_index: Path, tmp_path: Path) -> None:
    def missing(_model: ModelIdentity) -> FakeEmbedder:
        raise ModelUnavailable("it is not here")

    copy = tmp_path / "copy"
    shutil.copytree(intact_index, copy)
    (copy / "CURRENT").unlink()
    repair(copy, missing, codes=CODES_TUNING)
    page = Searcher(copy, lambda _model: FakeEmbedder()).search(Query("galaxy"))
    assert {hit.band for hit in page.hits} == {None}
    assert page.has_close_match


def test_missing_index(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="papers index"):
        examine(tmp_path)


def test_every_identity_that_needs_no_manifest_is_tried() -> None:
    assert {each.name for each in model.known_identities()} == {"small", "large", "all-MiniLM-L6-v2"}
    assert isinstance(fake_embedder.FakeEmbedder().model, ModelIdentity)


def test_an_index_of_the_previous_format_is_upgraded(intact_index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(intact_index, copy)
    (manifest,) = copy.glob(f"{(copy / 'CURRENT').read_text('ascii').strip()}/manifest.json")
    content = json.loads(manifest.read_text("utf-8"))
    content["manifest"]["format"] = layout.FORMAT_VERSION - 1
    body = json.dumps(content["manifest"], sort_keys=True, separators=(",", ":")).encode()
    manifest.write_text(json.dumps({**content, "sha256": hashlib.sha256(body).hexdigest()}), "utf-8")
    with pytest.raises(IndexDamaged, match=r"its format is 4, this version reads 5; papers doctor --repair brings it"):
        Searcher(copy, lambda _model: FakeEmbedder())
    repair(copy, lambda _model: FakeEmbedder(), codes=CODES_TUNING)
    assert examine(copy) == []
    assert search_results(copy) == search_results(intact_index)
