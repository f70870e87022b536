"""Papers embedded per second: our embedder in float and int8, and SentenceTransformer(...).encode.

With its defaults, SentenceTransformer computes in the type of the stored weights: float16, which is slow on a CPU that
has no instructions for it. So it is measured in f32 as well.

Each is measured on one core and on all cores, with the same texts and token limit, and one process per number of cores.
The measurements take turns; their medians are compared.

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
from search.embedding.model import DEFAULT_MODEL, MAX_TOKENS
from search.papers.paper import Paper

_OWN = ("float", "int8")
_DEFAULTS = "sentence-transformers, defaults"
_REFERENCE = "sentence-transformers, f32"
_EMBEDDER_NAMES = (*_OWN, _DEFAULTS, _REFERENCE)


@cache
def _load(name: str) -> Embedder:
    """Returns an embedder, loaded once per process."""
    if name in _OWN:
        return load_embedder(precision=name)
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    reference = SentenceTransformer(str(DEFAULT_MODEL.folder()), device="cpu", local_files_only=True)
    assert reference.max_seq_length == MAX_TOKENS
    return reference.float() if name == _REFERENCE else reference  # type: ignore[no-any-return]


def _time_encode(name: str, texts: list[str]) -> tuple[float, NDArray[np.float32]]:
    start = time.perf_counter()
    vectors = np.asarray(_load(name).encode(texts))
    return time.perf_counter() - start, vectors


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--papers", type=Path, default=Path("data/sample.jsonl"))
    options.add_argument("--count", type=int, default=512)
    options.add_argument("--rounds", type=int, default=3)
    arguments = options.parse_args()
    records = sources.read(SourceFile(arguments.papers, date.today()))
    papers = (record for record in records if isinstance(record, Paper))
    texts = [paper.text for paper in itertools.islice(papers, arguments.count)]
    cores = sorted(os.sched_getaffinity(0))
    executors = {count: _pinned_executor(cores[:count]) for count in sorted({1, len(cores)})}
    figures = _measure(executors, texts, arguments.rounds)
    for executor in executors.values():
        executor.shutdown()
    results.save(
        "embedding",
        figures,
        dataset=f"{len(texts)} of {arguments.papers.name}, {_describe_token_counts(texts)}, cut at {MAX_TOKENS}",
    )


def _measure(executors: dict[int, ProcessPoolExecutor], texts: list[str], rounds: int) -> dict[str, object]:
    """Measures every embedder on every number of cores.

    Args:
        executors: one process per number of cores.
        texts: the texts to embed.
        rounds: number of measurements of each combination; they take turns.
    """
    seconds: dict[tuple[str, int], list[float]] = {
        combination: [] for combination in itertools.product(_EMBEDDER_NAMES, executors)
    }
    vectors = {}
    for name, cores in seconds:
        executors[cores].submit(_time_encode, name, texts[:32]).result()
    for _ in range(rounds):
        for name, cores in seconds:
            elapsed, vectors[name] = executors[cores].submit(_time_encode, name, texts).result()
            seconds[name, cores].append(elapsed)
    rate = {combination: len(texts) / median(times) for combination, times in seconds.items()}
    most = max(executors)
    queries = ["KV cache compression", "how do galaxies form"] * 50
    latency = {
        name: results.percentiles([executors[1].submit(_time_encode, name, [query]).result()[0] for query in queries])
        for name in _EMBEDDER_NAMES
    }
    return {
        "papers_per_second": {
            name: {f"{n} cores": round(rate[name, n], 1) for n in executors} for name in _EMBEDDER_NAMES
        },
        "speedup_over_sentence_transformers": {
            f"{name} over {other}": {f"{n} cores": round(rate[name, n] / rate[other, n], 2) for n in executors}
            for name in _OWN
            for other in (_DEFAULTS, _REFERENCE)
        },
        "speedup_all_cores_over_one": {name: round(rate[name, most] / rate[name, 1], 2) for name in _EMBEDDER_NAMES},
        "seconds_per_round": {
            f"{name}, {n} cores": [round(each, 1) for each in times] for (name, n), times in seconds.items()
        },
        "cosine_to_sentence_transformers": {name: _cosine_summary(vectors[name], vectors[_REFERENCE]) for name in _OWN},
        "one_query_one_core": latency,
    }


def _pinned_executor(cores: list[int]) -> ProcessPoolExecutor:
    """Returns an executor with one process that uses only these cores."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, spawn, initializer=os.sched_setaffinity, initargs=(0, cores))


def _cosine_summary(one: NDArray[np.float32], other: NDArray[np.float32]) -> dict[str, float]:
    cosine = (one * other).sum(axis=1)
    return {"min": round(float(cosine.min()), 6), "mean": round(float(cosine.mean()), 6)}


def _describe_token_counts(texts: list[str]) -> str:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(DEFAULT_MODEL.folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    return f"median {int(median(len(tokenizer.encode(text).ids) for text in texts))} tokens"


if __name__ == "__main__":
    main()
