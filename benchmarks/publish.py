"""Adding 1,000 papers to many and publishing, and what serving them takes of memory; embedding left out.

The papers are made up: short abstracts of words drawn as often as words are, four authors, a day, two categories.

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
_VOCABULARY_SIZE, _ABSTRACT_WORDS = 50_000, 30
_GIVEN_NAMES, _SURNAMES = 2_000, 40_000
_BLOCK_PAPERS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--work", type=Path, default=Path("build/publish"), help="where the papers and the index lie")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    directory = asked.work / f"index-{asked.rows}"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    figures: dict[str, object] = {}
    if not (directory / "CURRENT").exists():
        figures["first_import_s"] = round(_time_import(_write_papers(asked.work, 0, asked.rows), directory), 1)
    rounds = []
    for _ in range(3):
        start = Searcher(directory, lambda _model: LookupEmbedder(None)).snapshot.manifest.rows
        rounds.append(round(_time_import(_write_papers(asked.work, start, _ADDED_PAPERS), directory), 2))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        figures["serving_private_mib"] = round(pool.apply(_serving_memory, (directory,)) / 2**20, 1)
    figures["add_1000_and_publish_s"] = rounds
    results.save("publish", figures, dataset=f"{asked.rows:,} made-up papers, one core, embedding left out")


def _time_import(papers: Path, directory: Path) -> float:
    stored = LookupEmbedder(None)
    start = time.perf_counter()
    index([papers], directory, stored)
    return time.perf_counter() - start - stored.cpu_seconds


def _serving_memory(directory: Path) -> int:
    """Private bytes of a process after a question of each kind."""
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
        for place in range(size):
            number = first + place
            text = " ".join(f"w{word}" for word in words[place])
            yield {
                "id": f"arxiv:{1000 + number // 90_000:04}.{number % 90_000:05}",
                "title": f"Paper {number} on w{words[place][0]}",
                "abstract": f"Number {number}: {text}.",
                "authors": [f"G{given} S{surname}" for given, surname in people[place]],
                "published": days[place],
                "categories": ["cs.LG" if number % 2 else "math.CO", "stat.ML"],
            }


if __name__ == "__main__":
    main()
