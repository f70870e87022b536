"""Papers embedded a second: ours against SentenceTransformer(...).encode at its defaults.

Same texts, same limit of tokens, same cores, same process; the two take turns, and the medians are compared.

    python -m benchmarks.embedding --papers PAPERS.jsonl.xz [--count 512] [--rounds 3]
"""

import argparse
import itertools
import time
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import results
from indexer import sources
from indexer.sources.file import SourceFile
from search.embedder import load_embedder
from search.model import MAX_TOKENS, packaged_model
from search.paper import Paper


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--papers", type=Path, default=Path("data/sample.jsonl"))
    options.add_argument("--count", type=int, default=512)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    read = (record for record in sources.read(SourceFile(asked.papers, date.today())) if isinstance(record, Paper))
    texts = [paper.text for paper in itertools.islice(read, asked.count)]

    from sentence_transformers import SentenceTransformer

    ours = load_embedder()
    theirs = SentenceTransformer(str(packaged_model()), device="cpu", local_files_only=True)
    assert theirs.max_seq_length == MAX_TOKENS
    roads = {"ours": ours.encode, "sentence-transformers": theirs.encode}
    seconds: dict[str, list[float]] = {name: [] for name in roads}
    vectors = {}
    for encode in roads.values():
        encode(texts[:32])
    for _ in range(asked.rounds):
        for name, encode in roads.items():
            start = time.perf_counter()
            vectors[name] = np.asarray(encode(texts))
            seconds[name].append(time.perf_counter() - start)
    cosine = (vectors["ours"] * vectors["sentence-transformers"]).sum(axis=1)
    rate = {name: len(texts) / median(each) for name, each in seconds.items()}
    asked_one = [_timed(ours.encode, text) for text in ("KV cache compression", "how do galaxies form") * 50]
    tokens = [len(theirs.tokenizer.encode(text)) for text in texts]
    results.save(
        "embedding",
        {
            "papers_per_second": {name: round(value, 1) for name, value in rate.items()},
            "ratio": round(rate["ours"] / rate["sentence-transformers"], 2),
            "ratios_of_rounds": [
                round(slow / fast, 2)
                for fast, slow in zip(seconds["ours"], seconds["sentence-transformers"], strict=True)
            ],
            "cosine_of_the_two": {"min": round(float(cosine.min()), 6), "mean": round(float(cosine.mean()), 6)},
            "one_question": results.percentiles(asked_one),
        },
        papers=f"{len(texts)} of {asked.papers.name}, median {int(median(tokens))} tokens, cut at {MAX_TOKENS}",
    )


def _timed(encode, text: str) -> float:  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    encode([text])
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
