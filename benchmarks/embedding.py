"""Papers embedded a second: ours, in float and in int8, against SentenceTransformer(...).encode at its defaults,
each on one core and on all.

Same texts, same limit of tokens; a process for each number of cores. All take turns, and the medians are compared.

    python -m benchmarks.embedding --papers PAPERS.jsonl.xz [--count 512] [--rounds 3]
"""

import argparse
import itertools
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from indexer import sources
from indexer.sources.file import SourceFile
from search.embedding.embedder import Embedder, load_embedder
from search.embedding.model import MAX_TOKENS, packaged_model
from search.papers.paper import Paper

_THEIRS = "sentence-transformers"
_ROADS = ("float", "int8", _THEIRS)


@cache
def _road(name: str) -> Embedder:
    """Loaded once a process."""
    if name != _THEIRS:
        return load_embedder(precision=name)
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    theirs = SentenceTransformer(str(packaged_model()), device="cpu", local_files_only=True)
    assert theirs.max_seq_length == MAX_TOKENS
    return theirs  # type: ignore[no-any-return]


def _timed(name: str, texts: list[str]) -> tuple[float, NDArray[np.float32]]:
    start = time.perf_counter()
    vectors = np.asarray(_road(name).encode(texts))
    return time.perf_counter() - start, vectors


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--papers", type=Path, default=Path("data/sample.jsonl"))
    options.add_argument("--count", type=int, default=512)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    read = (record for record in sources.read(SourceFile(asked.papers, date.today())) if isinstance(record, Paper))
    texts = [paper.text for paper in itertools.islice(read, asked.count)]
    cores = sorted(os.sched_getaffinity(0))
    processes = {count: _process(cores[:count]) for count in sorted({1, len(cores)})}
    seconds: dict[tuple[str, int], list[float]] = {way: [] for way in itertools.product(_ROADS, processes)}
    vectors = {}
    for road, count in seconds:
        processes[count].submit(_timed, road, texts[:32]).result()
    for _ in range(asked.rounds):
        for road, count in seconds:
            took, vectors[road] = processes[count].submit(_timed, road, texts).result()
            seconds[road, count].append(took)
    rate = {way: len(texts) / median(took) for way, took in seconds.items()}
    questions = ["KV cache compression", "how do galaxies form"] * 50
    latency = {
        road: results.percentiles([processes[1].submit(_timed, road, [each]).result()[0] for each in questions])
        for road in _ROADS
    }
    for process in processes.values():
        process.shutdown()
    results.save(
        "embedding",
        {
            "papers_per_second": {road: {f"{n} cores": round(rate[road, n], 1) for n in processes} for road in _ROADS},
            "times_sentence_transformers": {
                road: {f"{n} cores": round(rate[road, n] / rate[_THEIRS, n], 2) for n in processes}
                for road in _ROADS[:2]
            },
            "all_cores_to_one": {road: round(rate[road, len(cores)] / rate[road, 1], 2) for road in _ROADS},
            "seconds_of_rounds": {
                f"{road}, {n} cores": [round(each, 1) for each in took] for (road, n), took in seconds.items()
            },
            "cosine_to_sentence_transformers": {
                road: _nearness(vectors[road], vectors[_THEIRS]) for road in _ROADS[:2]
            },
            "one_question_one_core": latency,
        },
        papers=f"{len(texts)} of {asked.papers.name}, {_tokens(texts)}, cut at {MAX_TOKENS}",
    )


def _process(cores: list[int]) -> ProcessPoolExecutor:
    """One that may use these cores and no others."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, spawn, initializer=os.sched_setaffinity, initargs=(0, cores))


def _nearness(one: NDArray[np.float32], other: NDArray[np.float32]) -> dict[str, float]:
    cosine = (one * other).sum(axis=1)
    return {"min": round(float(cosine.min()), 6), "mean": round(float(cosine.mean()), 6)}


def _tokens(texts: list[str]) -> str:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(packaged_model() / "tokenizer.json"))
    tokenizer.no_truncation()
    return f"median {int(median(len(tokenizer.encode(text).ids) for text in texts))} tokens"


if __name__ == "__main__":
    main()
