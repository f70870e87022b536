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
from search.embedding.model import MAX_TOKENS, packaged_model_folder
from search.papers.paper import Paper

_REFERENCE = "sentence-transformers"
_EMBEDDER_NAMES = ("float", "int8", _REFERENCE)


@cache
def _load(name: str) -> Embedder:
    """Loaded once a process."""
    if name != _REFERENCE:
        return load_embedder(precision=name)
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    theirs = SentenceTransformer(str(packaged_model_folder()), device="cpu", local_files_only=True)
    assert theirs.max_seq_length == MAX_TOKENS
    return theirs  # type: ignore[no-any-return]


def _time_encode(name: str, texts: list[str]) -> tuple[float, NDArray[np.float32]]:
    start = time.perf_counter()
    vectors = np.asarray(_load(name).encode(texts))
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
    processes = {count: _pinned_executor(cores[:count]) for count in sorted({1, len(cores)})}
    seconds: dict[tuple[str, int], list[float]] = {way: [] for way in itertools.product(_EMBEDDER_NAMES, processes)}
    vectors = {}
    for road, count in seconds:
        processes[count].submit(_time_encode, road, texts[:32]).result()
    for _ in range(asked.rounds):
        for road, count in seconds:
            took, vectors[road] = processes[count].submit(_time_encode, road, texts).result()
            seconds[road, count].append(took)
    rate = {way: len(texts) / median(took) for way, took in seconds.items()}
    questions = ["KV cache compression", "how do galaxies form"] * 50
    latency = {
        road: results.percentiles([processes[1].submit(_time_encode, road, [each]).result()[0] for each in questions])
        for road in _EMBEDDER_NAMES
    }
    for process in processes.values():
        process.shutdown()
    results.save(
        "embedding",
        {
            "papers_per_second": {
                road: {f"{n} cores": round(rate[road, n], 1) for n in processes} for road in _EMBEDDER_NAMES
            },
            "times_sentence_transformers": {
                road: {f"{n} cores": round(rate[road, n] / rate[_REFERENCE, n], 2) for n in processes}
                for road in _EMBEDDER_NAMES[:2]
            },
            "all_cores_to_one": {road: round(rate[road, len(cores)] / rate[road, 1], 2) for road in _EMBEDDER_NAMES},
            "seconds_of_rounds": {
                f"{road}, {n} cores": [round(each, 1) for each in took] for (road, n), took in seconds.items()
            },
            "cosine_to_sentence_transformers": {
                road: _cosine_summary(vectors[road], vectors[_REFERENCE]) for road in _EMBEDDER_NAMES[:2]
            },
            "one_question_one_core": latency,
        },
        dataset=f"{len(texts)} of {asked.papers.name}, {_describe_token_counts(texts)}, cut at {MAX_TOKENS}",
    )


def _pinned_executor(cores: list[int]) -> ProcessPoolExecutor:
    """One that may use these cores and no others."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, spawn, initializer=os.sched_setaffinity, initargs=(0, cores))


def _cosine_summary(one: NDArray[np.float32], other: NDArray[np.float32]) -> dict[str, float]:
    cosine = (one * other).sum(axis=1)
    return {"min": round(float(cosine.min()), 6), "mean": round(float(cosine.mean()), 6)}


def _describe_token_counts(texts: list[str]) -> str:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(packaged_model_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    return f"median {int(median(len(tokenizer.encode(text).ids) for text in texts))} tokens"


if __name__ == "__main__":
    main()
