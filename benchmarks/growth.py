"""How an index grows end to end: import, disk, memory and questions, from 100,000 papers to three million.

The papers and their texts grow, not only the vectors (``benchmarks.growth_corpus``). Each size is an import of the
papers that the size before lacks, without their embedding; then a new process answers questions on one core. Figures
that grow with the papers get an exponent: 1 is proportional, 0 constant.

    papers index PAPERS.jsonl.xz --index FULL
    python -m benchmarks.growth FULL --work build/growth         # about 12 GB of disk for three million papers
"""

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.filter_cases import folder_bytes
from benchmarks.growth_corpus import GrowthCorpus, NumberedVectors
from indexer.build import index
from search.embedding.embedder import load_embedder
from search.index.snapshot import Snapshot
from search.papers.date import Date
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher

_SIZES = (100_000, 300_000, 1_000_000, 3_000_000)
"""Papers."""
_QUESTIONS = 300
"""Questions of each measurement: half of them titles, half runs of five words of abstracts."""
_RARE_SHARE = 0.002
"""The rare category is the largest that at most this share of the papers have."""
_MIB = 2**20
"""Bytes per MiB."""
_FIGURES_THAT_GROW = (
    "import_ms_per_added_paper",
    "import_peak_mib",
    "disk_mib",
    "open_s",
    "private_mib",
    "none_p50_ms",
    "category_p50_ms",
    "category and dates_p50_ms",
    "rare category_p50_ms",
    "author_p50_ms",
    "facets_p50_ms",
)
"""Figures that get an exponent."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, help="an index of real papers")
    parser.add_argument("--work", type=Path, required=True, help="folder for papers, vectors and the index")
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES, help="numbers of papers, ascending")
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    sizes: dict[int, dict[str, float]] = {}
    with spawn.Pool(1, maxtasksperchild=1) as pool:
        questions = pool.apply(_write_corpus, (options.index, options.work, options.sizes))
    shutil.rmtree(options.work / "index", ignore_errors=True)
    before = 0
    for rows in options.sizes:
        with spawn.Pool(1, maxtasksperchild=1) as pool:
            imported = pool.apply(_measure_import, (options.work, rows, rows - before))
        with spawn.Pool(1, maxtasksperchild=1) as pool:
            answered = pool.apply(_measure_questions, (options.work, questions))
        sizes[rows] = imported | answered
        before = rows
        print(rows, sizes[rows], flush=True)
        figures: dict[str, object] = {"sizes": sizes, "exponents": _fit_exponents(sizes)}
        results.save("growth", figures, dataset="papers made of parts of real ones; one core")


def _write_corpus(source: Path, work: Path, sizes: list[int]) -> list[str]:
    """Writes the corpus and returns questions: texts of papers that it contains parts of."""
    snapshot = Snapshot.open(source)
    GrowthCorpus.write(snapshot, work, sizes)
    rows = random.Random(1).sample(snapshot.live.ids.tolist(), _QUESTIONS)
    return [_question(position, paper) for position, paper in enumerate(snapshot.store.get(rows))]


def _question(position: int, paper: Paper) -> str:
    words = (paper.abstract or "").split()
    if position % 2 or len(words) < 10:
        return paper.title or "neural networks"
    return " ".join(words[len(words) // 2 :][:5])


def _measure_import(work: Path, rows: int, added: int) -> dict[str, float]:
    """Imports the papers of a size, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    corpus, directory = GrowthCorpus(work), work / "index"
    embedder = NumberedVectors(corpus)
    start, cpu_start = time.perf_counter(), time.process_time()
    report = index([corpus.papers_file(rows)], directory, embedder)
    seconds = time.perf_counter() - start
    cpu_seconds = time.process_time() - cpu_start - embedder.cpu_seconds
    return {
        "papers": report.papers,
        "import_cpu_s": round(cpu_seconds, 1),
        "import_ms_per_added_paper": round(cpu_seconds * 1e3 / added, 3),
        "import_wall_s": round(seconds, 1),
        "import_peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "disk_mib": round(folder_bytes(directory) / _MIB),
    }


def _measure_questions(work: Path, questions: list[str]) -> dict[str, float]:
    """Opens the index and answers all questions with each filter."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    embedder = load_embedder(serving=True)
    embedder.encode(questions[:20])
    before, start = results.private_bytes(), time.perf_counter()
    searcher = Searcher(work / "index", lambda _model: embedder)
    searcher.warm()
    searcher.ask(questions[0], Query(facets=True))
    figures = {"open_s": round(time.perf_counter() - start, 2)}
    filters = _choose_filters(searcher)
    seconds = {name: list[float]() for name in filters}
    for query in filters.values():
        for question in questions[:20]:
            searcher.ask(question, query)
    for question in questions:
        for name, query in filters.items():
            begun = time.perf_counter()
            searcher.ask(question, query)
            seconds[name].append(time.perf_counter() - begun)
    figures["private_mib"] = round((results.private_bytes() - before) / _MIB, 1)
    for name, times in seconds.items():
        figures |= {f"{name}_{key}": value for key, value in results.percentiles(times).items()}
    return figures


def _choose_filters(searcher: Searcher) -> dict[str, Query]:
    """Returns no filter, a large category, one with dates, a rare category, an author and no filter with facets."""
    snapshot = searcher.snapshot
    rows = np.random.default_rng(1).choice(snapshot.live.ids, 20_000)
    papers = snapshot.store.get(np.unique(rows).tolist())
    categories = Counter(code for paper in papers for code in paper.categories)
    authors = Counter(name for paper in papers for name in paper.authors)
    large = categories.most_common(1)[0][0]
    rare = next(code for code, count in categories.most_common() if count <= len(papers) * _RARE_SHARE)
    dates = {"published_from": Date(2024, 1), "published_to": Date(2025, 12)}
    return {
        "none": Query(),
        "category": Query(filter=Filter(categories=(large,))),
        "category and dates": Query(filter=Filter(categories=(large,), **dates)),
        "rare category": Query(filter=Filter(categories=(rare,))),
        "author": Query(filter=Filter(authors=(authors.most_common(1)[0][0],))),
        "facets": Query(facets=True),
    }


def _fit_exponents(sizes: dict[int, dict[str, float]]) -> dict[str, float]:
    """Returns the slope of the logarithm of each figure over the logarithm of the papers."""
    if len(sizes) < 2:
        return {}
    papers = np.log(list(sizes))
    logarithms = {name: np.log([max(each[name], 1e-3) for each in sizes.values()]) for name in _FIGURES_THAT_GROW}
    return {name: round(float(np.polyfit(papers, values, 1)[0]), 2) for name, values in logarithms.items()}


if __name__ == "__main__":
    main()
