"""Time to add and publish 1,000 papers to a large index, without embedding, and the memory that serving it takes.

The papers are synthetic: short abstracts of words with a Zipf distribution, four authors, a date, two categories.

    python -m benchmarks.publish --rows 1000000 --work build/publish
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.indexing import LookupEmbedder
from indexer.build import index
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher

_ADDED_PAPERS = 1_000
"""Papers per measured import."""
_VOCABULARY_SIZE = 50_000
"""Distinct words."""
_ABSTRACT_WORDS = 30
"""Words per abstract."""
_GIVEN_NAMES = 2_000
"""Distinct given names."""
_SURNAMES = 40_000
"""Distinct surnames."""
_BLOCK_PAPERS = 10_000
"""Papers generated at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument(
        "--work", type=Path, default=Path("build/publish"), help="directory of the papers and the index"
    )
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    directory = arguments.work / f"index-{arguments.rows}"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    figures: dict[str, object] = {}
    if not (directory / "CURRENT").exists():
        papers = _write_papers(arguments.work, 0, arguments.rows)
        figures["first_import_s"] = round(_time_import(papers, directory), 1)
    rounds = []
    for _ in range(3):
        start = Searcher(directory, lambda _model: LookupEmbedder(None)).snapshot.manifest.rows
        rounds.append(round(_time_import(_write_papers(arguments.work, start, _ADDED_PAPERS), directory), 2))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        figures["serving_private_mib"] = round(pool.apply(_serving_memory, (directory,)) / 2**20, 1)
    figures["add_1000_and_publish_s"] = rounds
    results.save("publish", figures, dataset=f"{arguments.rows:,} synthetic papers, one core, without embedding")


def _time_import(papers: Path, directory: Path) -> float:
    """Returns the seconds that an import takes without embedding."""
    embedder = LookupEmbedder(None)
    start = time.perf_counter()
    index([papers], directory, embedder)
    return time.perf_counter() - start - embedder.cpu_seconds


def _serving_memory(directory: Path) -> int:
    """Returns the private bytes that a process gains by one query of each kind."""
    before = results.private_bytes()
    searcher = Searcher(directory, lambda _model: LookupEmbedder(None))
    for query in (
        Query("w1 w20"),
        Query("w7", Filter(categories=("cs",)), "semantic"),
        Query(filter=Filter(("Planck",))),
    ):
        searcher.search(query)
    return results.private_bytes() - before


def _write_papers(folder: Path, start: int, count: int) -> Path:
    path = folder / f"papers-{start}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for paper in _generate_papers(start, count):
            file.write(json.dumps(paper) + "\n")
    return path


def _generate_papers(start: int, count: int) -> Iterator[dict[str, object]]:
    for first in range(start, start + count, _BLOCK_PAPERS):
        random, size = np.random.default_rng(first), min(_BLOCK_PAPERS, start + count - first)
        words = (random.zipf(1.3, (size, _ABSTRACT_WORDS)) % _VOCABULARY_SIZE).tolist()
        people = np.stack(
            (random.integers(0, _GIVEN_NAMES, (size, 4)), random.integers(0, _SURNAMES, (size, 4))), 2
        ).tolist()
        days = random.integers(0, 10_000, size).astype("datetime64[D]").astype(str).tolist()
        for position in range(size):
            number = first + position
            text = " ".join(f"w{word}" for word in words[position])
            yield {
                "id": f"arxiv:{1000 + number // 90_000:04}.{number % 90_000:05}",
                "title": f"Paper {number} on w{words[position][0]}",
                "abstract": f"Number {number}: {text}.",
                "authors": [f"G{given} S{surname}" for given, surname in people[position]],
                "published": days[position],
                "categories": ["cs.LG" if number % 2 else "math.CO", "stat.ML"],
            }


if __name__ == "__main__":
    main()
