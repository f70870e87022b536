"""Token limit of a text: nDCG@10 and recall@100 of semantic search at 256, 384 and 512 tokens.

The mean of two windows of 256 tokens is measured too. The retrieval set is in BEIR layout (Thakur and others, "BEIR",
NeurIPS 2021).

    python -m benchmarks.truncation SCIFACT --split train
"""

import argparse
import json
import lzma
import time
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks import results
from search.embedding.export import ensure_exported
from search.embedding.model import DEFAULT_MODEL

_BATCH = 16
"""Texts per inference."""
_CLS_ID = 101
"""Token that marks the start of a text."""
_SEP_ID = 102
"""Token that marks the end of a text."""
_WINDOW = 254
"""Tokens of a text within the limit of 256; the other two mark start and end."""
Vectors = NDArray[np.float32]


class TokenEncoder:
    """The default model on token IDs, with any token limit."""

    def __init__(self) -> None:
        folder = ensure_exported(DEFAULT_MODEL)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._network = openvino.Core().compile_model(
            folder / "model.xml", "CPU", {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
        )

    def tokens(self, texts: list[str]) -> list[list[int]]:
        """Returns the token IDs of each text, without those that mark start and end."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def encode(self, tokens: list[list[int]]) -> Vectors:
        """Returns (n, 384) float32 unit rows."""
        vectors = np.zeros((len(tokens), 384), np.float32)

        def store(request: openvino.InferRequest, positions: list[int]) -> None:
            vectors[positions] = request.get_output_tensor(0).data

        queue = openvino.AsyncInferQueue(self._network)
        queue.set_callback(store)
        order = sorted(range(len(tokens)), key=lambda position: -len(tokens[position]))
        for start in range(0, len(order), _BATCH):
            positions = order[start : start + _BATCH]
            ids = np.zeros((len(positions), len(tokens[positions[0]]) + 2), np.int64)
            mask = np.zeros_like(ids)
            for row, position in enumerate(positions):
                framed = [_CLS_ID, *tokens[position], _SEP_ID]
                ids[row, : len(framed)] = framed
                mask[row, : len(framed)] = 1
            queue.start_async({0: ids, 1: mask}, positions)
        queue.wait_all()
        return vectors


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--split", default="train")
    options.add_argument("--papers", type=int, help="use only the first N papers, to try the script")
    arguments = options.parse_args()
    network = TokenEncoder()
    with lzma.open(arguments.folder / "corpus.jsonl.xz", "rt", encoding="utf-8") as file:
        papers = [json.loads(line) for line in file][: arguments.papers]
    names = [str(paper["_id"]) for paper in papers]
    tokens = network.tokens([f"{paper['title']}. {paper['text']}" for paper in papers])
    qrels = read_qrels(arguments.folder / "qrels" / f"{arguments.split}.tsv")
    texts = {}
    for line in (arguments.folder / "queries.jsonl").read_text("utf-8").splitlines():
        query = json.loads(line)
        texts[str(query["_id"])] = query["text"]
    queries = network.encode([ids[:_WINDOW] for ids in network.tokens([texts[name] for name in qrels])])
    figures: dict[str, object] = {}
    ndcg_by_variant: dict[str, NDArray[np.float64]] = {}
    for variant, vectors, seconds in _variants(network, tokens):
        ndcg, recall = score_rankings(queries @ vectors.T, names, list(qrels.values()))
        ndcg_by_variant[variant] = ndcg
        differences = bootstrap_interval(ndcg - ndcg_by_variant["256"])
        figures[variant] = {
            "ndcg@10": round(float(ndcg.mean()), 4),
            "recall@100": round(float(recall.mean()), 4),
            "seconds": round(seconds, 1),
            "ndcg@10_minus_256, 95%": [round(bound, 4) for bound in differences],
        }
    lengths = np.array([len(ids) for ids in tokens])
    results.save(
        "truncation",
        {"share_longer_than_256": round(float((lengths > _WINDOW).mean()), 3), **figures},
        dataset=f"{arguments.folder.name}, {arguments.split} split: {len(papers)} papers of median "
        f"{int(np.median(lengths))} tokens, {len(qrels)} queries",
    )


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Returns the grade of each judged paper of each query."""
    qrels: dict[str, dict[str, int]] = {}
    for line in path.read_text("utf-8").splitlines()[1:]:
        query, paper, grade = line.split("\t")
        qrels.setdefault(query, {})[paper] = int(grade)
    return qrels


def _variants(network: TokenEncoder, tokens: list[list[int]]):  # type: ignore[no-untyped-def]
    """Yields the name of each variant, its vectors, and the seconds that embedding took."""
    start = time.perf_counter()
    first = network.encode([ids[:_WINDOW] for ids in tokens])
    first_seconds = time.perf_counter() - start
    yield "256", first, first_seconds
    for limit in (384, 512):
        start = time.perf_counter()
        vectors = network.encode([ids[: limit - 2] for ids in tokens])
        yield str(limit), vectors, time.perf_counter() - start
    long = [position for position, ids in enumerate(tokens) if len(ids) > _WINDOW]
    start = time.perf_counter()
    second = network.encode([tokens[position][_WINDOW : 2 * _WINDOW] for position in long])
    seconds = first_seconds + time.perf_counter() - start
    share = np.array([min(1.0, (len(tokens[position]) - _WINDOW) / _WINDOW) for position in long], np.float32)[:, None]
    for variant, weight in (("two windows", np.ones_like(share)), ("two windows by length", share)):
        vectors = first.copy()
        vectors[long] += weight * second
        yield variant, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), seconds


def score_rankings(
    scores: Vectors, names: list[str], qrels: list[dict[str, int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns nDCG@10 (grades as gains, Järvelin and Kekäläinen, TOIS 2002) and recall@100 of each query.

    Args:
        scores: (queries, papers) float32.
        names: IDs of the papers.
        qrels: grades of the judged papers of each query.
    """
    ndcg, recall = [], []
    for row, grades in zip(scores, qrels, strict=True):
        top = [names[position] for position in np.argsort(-row)[:100]]
        gains = [grades.get(name, 0) / np.log2(rank + 2) for rank, name in enumerate(top[:10])]
        ideal = [grade / np.log2(rank + 2) for rank, grade in enumerate(sorted(grades.values(), reverse=True)[:10])]
        ndcg.append(sum(gains) / sum(ideal))
        recall.append(sum(name in grades for name in top) / len(grades))
    return np.array(ndcg), np.array(recall)


def bootstrap_interval(differences: NDArray[np.float64]) -> list[float]:
    """Returns the 95% percentile bootstrap interval of a mean over queries, from 5,000 resamples with a fixed seed."""
    random = np.random.default_rng(0)
    means = [random.choice(differences, len(differences)).mean() for _ in range(5_000)]
    return [float(bound) for bound in np.percentile(means, [2.5, 97.5])]


if __name__ == "__main__":
    main()
