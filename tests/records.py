"""Records for tests of the indexer, and indexes made of them with the fake embedder."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fake_embedder import FakeEmbedder
from search.papers.json import Json
from search.searcher import Searcher

_WORDS = (
    "attention", "cache", "compression", "galaxy", "spectrum", "recommendation", "pruning", "token", "lattice", "proof",
    "video", "graph",
)  # fmt: skip


def make_records(start: int, count: int) -> list[dict[str, Json]]:
    """Returns distinct records; the same numbers give the same records."""
    records: list[dict[str, Json]] = []
    for number in range(start, start + count):
        words = random.Random(number).choices(_WORDS, k=12)
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
    """Writes JSON lines and returns their path."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def open_index(directory: Path) -> Searcher:
    """Opens an index after verifying all its checksums."""
    return Searcher(directory, lambda _model: FakeEmbedder(), verify_checksums=True)


def assert_rows_aligned(searcher: Searcher) -> None:
    """Asserts that a sample of rows has the vectors of its papers, and that each paper is found by its ID."""
    snapshot = searcher.snapshot
    rows = random.sample(range(snapshot.manifest.rows), min(20, snapshot.manifest.rows))
    for row, paper in zip(rows, snapshot.store.get(rows), strict=True):
        expected = FakeEmbedder().encode([paper.text])[0].astype(np.float16)
        assert np.array_equal(snapshot.vectors.get_vector(row).astype(np.float16), expected)
        if row in snapshot.live:
            assert searcher.paper(paper.id) == paper
