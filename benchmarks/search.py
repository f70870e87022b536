"""Search on a full index: latency with and without filters, recall of the semantic leg, memory, cold starts.

papers index PAPERS.jsonl.xz --index FULL
python -m benchmarks.search FULL
"""

import argparse
import json
import multiprocessing
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import results
from search.embedding.embedder import load_embedder
from search.papers.date import Date
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.query import Query
from search.rows import Rows
from search.searcher import Searcher
from search.vectors.code_writer import write_codes
from search.vectors.vectors import VectorIndex

ROOT = Path(__file__).parent.parent
_HELD_OUT_PAPERS = 1_000
"""Papers whose titles are the queries of the recall measurement."""
_QUERY_COUNT = 400
"""Queries per latency measurement."""
_ROUNDS = 5
"""Rounds of the throughput measurement."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("index", type=Path)
    arguments = options.parse_args()
    cold_starts = _measure_cold_starts(arguments.index)
    embedder = load_embedder(serving=True)
    searcher = Searcher(arguments.index, lambda _model: embedder)
    searcher.warm()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    papers = _draw_papers(searcher, _HELD_OUT_PAPERS)
    figures = {
        "papers": searcher.snapshot.manifest.live,
        "hybrid": _measure_latency(searcher, papers),
        "full_requests": _measure_full_requests(searcher, papers),
        "queries_per_second": _measure_throughput(arguments.index, papers),
        "recall": _measure_recall(searcher, papers),
        "cold_start_s": cold_starts,
        "peak_memory_mib_after_first_question": round(memory / 1024),
    }
    results.save("search", figures, dataset=f"{searcher.snapshot.manifest.live:,} papers, one process")


def _draw_papers(searcher: Searcher, count: int) -> list[tuple[int, Paper]]:
    """Returns a random sample, with a fixed seed, of papers with title and abstract, and their rows."""
    live = searcher.snapshot.live.ids.tolist()
    rows = random.Random(7).sample(live, 2 * count)
    candidates = zip(rows, searcher.snapshot.store.get(rows), strict=True)
    return [(row, paper) for row, paper in candidates if paper.title and paper.abstract][:count]


def _measure_latency(searcher: Searcher, papers: list[tuple[int, Paper]]) -> dict[str, object]:
    """Returns the latency of hybrid queries with each filter: titles of papers and the known-item questions."""
    questions = [
        json.loads(line)["question"] for line in (ROOT / "tests/known_items.jsonl").read_text("utf-8").splitlines()
    ]
    texts = questions + [str(paper.title) for _, paper in papers[: _QUERY_COUNT - len(questions)]]
    others = [paper for _, paper in papers[-_QUERY_COUNT:] if paper.authors and paper.categories and paper.published]
    filters: dict[str, Callable[[Paper], Filter]] = {
        "no filter": lambda _: Filter(),
        "author": lambda paper: Filter(authors=(paper.authors[0],)),
        "category": lambda paper: Filter(categories=(paper.categories[0],)),
        "archive": lambda paper: Filter(categories=(paper.categories[0].split(".")[0],)),
        "dates": lambda paper: Filter(published_from=_publication_month(paper), published_to=Date(2026, 12)),
        "category and dates": lambda paper: Filter(
            categories=(paper.categories[0],), published_from=_publication_month(paper), published_to=Date(2026, 12)
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in filters}
    for position, text in enumerate(texts):
        for name, make_filter in filters.items():
            query = Query(text, make_filter(others[position % len(others)]))
            start = time.perf_counter()
            searcher.search(query)
            seconds[name].append(time.perf_counter() - start)
    by_filter = {name: results.percentiles(times) for name, times in seconds.items()}
    return {"all": results.percentiles([time for times in seconds.values() for time in times]), **by_filter}


def _measure_full_requests(searcher: Searcher, papers: list[tuple[int, Paper]]) -> dict[str, object]:
    """Returns the latency of text from the search box, including parsing and spelling, in total and by stage.

    The queries run without facets, with facets, and with facets and an author filter.
    """
    texts = [str(paper.title) for _, paper in papers[:_QUERY_COUNT]]
    kinds = {
        "box": Query(),
        "facets": Query(facets=True),
        "facets, author": Query(filter=Filter(("Wang",)), facets=True),
    }
    figures: dict[str, object] = {}
    for name, query in kinds.items():
        seconds, stages = list[float](), defaultdict[str, list[float]](list)
        for text in texts:
            start = time.perf_counter()
            page = searcher.ask(text, query)
            seconds.append(time.perf_counter() - start)
            for stage in page.explanation.stages:
                stages[stage.name].append(stage.milliseconds)
        medians = {stage: round(median(times), 2) for stage, times in stages.items()}
        figures[name] = {**results.percentiles(seconds), "stages_p50_ms": medians}
    return figures


def _measure_throughput(directory: Path, papers: list[tuple[int, Paper]]) -> dict[str, object]:
    """Returns hybrid queries per second in server mode: one thread on one core, and two threads on two cores."""
    texts = [str(paper.title) for _, paper in papers[:_QUERY_COUNT]]
    spawn, cores = multiprocessing.get_context("spawn"), sorted(os.sched_getaffinity(0))
    with (
        ProcessPoolExecutor(1, spawn, _open_worker_searcher, (directory, set(cores[:1]))) as one,
        ProcessPoolExecutor(1, spawn, _open_worker_searcher, (directory, set(cores[:2]))) as two,
    ):
        rounds = [
            (one.submit(_queries_per_second, texts, 1).result(), two.submit(_queries_per_second, texts, 2).result())
            for _ in range(_ROUNDS)
        ]
    return {
        "one_core": round(median(on_one for on_one, _ in rounds), 1),
        "two_cores": round(median(on_two for _, on_two in rounds), 1),
        "ratios_of_rounds": [round(on_two / on_one, 2) for on_one, on_two in rounds],
    }


def _open_worker_searcher(directory: Path, cores: set[int]) -> None:
    """Pins this process to some cores and opens the index in it."""
    global _worker_searcher
    os.sched_setaffinity(0, cores)
    embedder = load_embedder(serving=True)
    _worker_searcher = Searcher(directory, lambda _model: embedder)


_worker_searcher: Searcher


def _queries_per_second(texts: list[str], threads: int) -> float:
    queries = [Query(text) for text in texts]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_worker_searcher.search, queries[: 4 * threads]))
        start = time.perf_counter()
        list(pool.map(_worker_searcher.search, queries))
        return len(queries) / (time.perf_counter() - start)


def _publication_month(paper: Paper) -> Date:
    date = paper.published or Date(2025, 1)
    return Date(date.year, date.month)


def _measure_recall(searcher: Searcher, papers: list[tuple[int, Paper]]) -> dict[str, object]:
    """Returns the recall of the code scan against brute force, for titles of papers that are excluded from both."""
    snapshot = searcher.snapshot
    rows, dim = snapshot.manifest.rows, snapshot.model.dim
    live = snapshot.live.mask.copy()
    live[[row for row, _ in papers]] = False
    path = snapshot.layout.vectors(snapshot.model)
    vectors = np.fromfile(path, np.float16, rows * dim).reshape(rows, dim)
    everything = vectors.astype(np.float32)
    queries = searcher.embedders.get(snapshot.model).encode([str(paper.title) for _, paper in papers])
    with tempfile.TemporaryDirectory() as folder:
        codes = Path(folder) / "codes"
        write_codes(vectors, np.flatnonzero(live), codes, None)
        index, candidates = VectorIndex(path, rows, dim, codes), Rows.from_mask(live)
        top_10, times = [], []
        for query in queries:
            start = time.perf_counter()
            top_10.append(index.nearest(query[None], 10, candidates)[0].rows)
            times.append(time.perf_counter() - start)
        top_200 = [index.nearest(query[None], 200, candidates)[0].rows for query in queries[:200]]
    recall_10, recall_200 = [], []
    for position, query in enumerate(queries):
        scores = np.where(live, everything @ query, -2)
        best = np.argpartition(-scores, 200)[:200]
        best = best[np.argsort(-scores[best])]
        recall_10.append(len(set(best[:10]) & set(top_10[position])) / 10)
        if position < len(top_200):
            recall_200.append(len(set(best) & set(top_200[position])) / 200)
    return {
        "recall@10": round(float(np.mean(recall_10)), 4),
        "recall@200": round(float(np.mean(recall_200)), 4),
        "held_out_titles": len(papers),
        "vector_leg": results.percentiles(times),
    }


def _measure_cold_starts(directory: Path) -> dict[str, float]:
    """Returns the median seconds of commands in a new process, with the files in the page cache."""
    papers = str(Path(sys.executable).with_name("papers"))
    commands = {
        "papers search TEXT": [papers, "search", "KV cache compression", "--index", str(directory)],
        "papers search --category": [papers, "search", "--category", "cs.IR", "--index", str(directory)],
        "papers status": [papers, "status", "--index", str(directory)],
        "papers --help": [papers, "--help"],
    }
    return {name: round(median(_time_command(command) for _ in range(9)), 3) for name, command in commands.items()}


def _time_command(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
