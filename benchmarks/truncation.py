"""Where to cut a text: nDCG@10 and recall@100 of the vectors alone at 256, 384 and 512 tokens, and of the mean of two
windows of 256, on a retrieval set in BEIR layout (Thakur and others, "BEIR", NeurIPS 2021).

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
from search.embedding.model import packaged_model_folder

_BATCH = 16
_CLS_ID, _SEP_ID = 101, 102
Vectors = NDArray[np.float32]


class TokenEncoder:
    """The default model on token ids: what the embedder does, with a limit of one's choice."""

    def __init__(self) -> None:
        folder = ensure_exported(packaged_model_folder())
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._network = openvino.Core().compile_model(
            folder / "model.xml", "CPU", {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
        )

    def tokens(self, texts: list[str]) -> list[list[int]]:
        """Ids without the two that mark start and end."""
        return [each.ids for each in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def encode(self, tokens: list[list[int]]) -> Vectors:
        """(n, 384) float32 unit rows."""
        vectors = np.zeros((len(tokens), 384), np.float32)

        def keep(request: openvino.InferRequest, places: list[int]) -> None:
            vectors[places] = request.get_output_tensor(0).data

        queue = openvino.AsyncInferQueue(self._network)
        queue.set_callback(keep)
        order = sorted(range(len(tokens)), key=lambda place: -len(tokens[place]))
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            ids = np.zeros((len(places), len(tokens[places[0]]) + 2), np.int64)
            mask = np.zeros_like(ids)
            for row, place in enumerate(places):
                framed = [_CLS_ID, *tokens[place], _SEP_ID]
                ids[row, : len(framed)] = framed
                mask[row, : len(framed)] = 1
            queue.start_async({0: ids, 1: mask}, places)
        queue.wait_all()
        return vectors


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--split", default="train")
    options.add_argument("--papers", type=int, help="only so many: to try the script")
    asked = options.parse_args()
    network = TokenEncoder()
    with lzma.open(asked.folder / "corpus.jsonl.xz", "rt", encoding="utf-8") as file:
        papers = [json.loads(line) for line in file][: asked.papers]
    names = [str(paper["_id"]) for paper in papers]
    tokens = network.tokens([f"{paper['title']}. {paper['text']}" for paper in papers])
    wanted = read_qrels(asked.folder / "qrels" / f"{asked.split}.tsv")
    texts = {}
    for line in (asked.folder / "queries.jsonl").read_text("utf-8").splitlines():
        query = json.loads(line)
        texts[str(query["_id"])] = query["text"]
    queries = network.encode([each[:254] for each in network.tokens([texts[name] for name in wanted])])
    figures: dict[str, object] = {}
    scored: dict[str, NDArray[np.float64]] = {}
    for way, vectors, seconds in _variants(network, tokens):
        ndcg, recall = score_rankings(queries @ vectors.T, names, list(wanted.values()))
        scored[way] = ndcg
        figures[way] = {
            "ndcg@10": round(float(ndcg.mean()), 4),
            "recall@100": round(float(recall.mean()), 4),
            "seconds": round(seconds, 1),
            "ndcg@10_minus_256, 95%": [round(value, 4) for value in bootstrap_interval(ndcg - scored["256"])],
        }
    lengths = np.array([len(each) for each in tokens])
    results.save(
        "truncation",
        {"share_longer_than_256": round(float((lengths > 254).mean()), 3), **figures},
        dataset=f"{asked.folder.name}, {asked.split} split: {len(papers)} papers of median {int(np.median(lengths))} "
        f"tokens, {len(wanted)} queries",
    )


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for line in path.read_text("utf-8").splitlines()[1:]:
        query, paper, grade = line.split("\t")
        found.setdefault(query, {})[paper] = int(grade)
    return found


def _variants(network: TokenEncoder, tokens: list[list[int]]):  # type: ignore[no-untyped-def]
    """Each way's name, the vectors it gives, and how long the embedding took."""
    start = time.perf_counter()
    first = network.encode([each[:254] for each in tokens])
    base = time.perf_counter() - start
    yield "256", first, base
    for limit in (384, 512):
        start = time.perf_counter()
        vectors = network.encode([each[: limit - 2] for each in tokens])
        yield str(limit), vectors, time.perf_counter() - start
    long = [place for place, each in enumerate(tokens) if len(each) > 254]
    start = time.perf_counter()
    second = network.encode([tokens[place][254:508] for place in long])
    seconds = base + time.perf_counter() - start
    share = np.array([min(1.0, (len(tokens[place]) - 254) / 254) for place in long], np.float32)[:, None]
    for way, weight in (("two windows", np.ones_like(share)), ("two windows by length", share)):
        vectors = first.copy()
        vectors[long] += weight * second
        yield way, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), seconds


def score_rankings(
    scores: Vectors, names: list[str], qrels: list[dict[str, int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """nDCG@10 (gains as graded, Jarvelin and Kekalainen, TOIS 2002) and recall@100 of each query."""
    ndcg, recall = [], []
    for row, wanted in zip(scores, qrels, strict=True):
        top = [names[place] for place in np.argsort(-row)[:100]]
        gains = [wanted.get(name, 0) / np.log2(rank + 2) for rank, name in enumerate(top[:10])]
        ideal = [grade / np.log2(rank + 2) for rank, grade in enumerate(sorted(wanted.values(), reverse=True)[:10])]
        ndcg.append(sum(gains) / sum(ideal))
        recall.append(sum(name in wanted for name in top) / len(wanted))
    return np.array(ndcg), np.array(recall)


def bootstrap_interval(differences: NDArray[np.float64]) -> list[float]:
    """Percentile bootstrap over queries, 5,000 draws with a fixed seed."""
    random = np.random.default_rng(0)
    draws = [random.choice(differences, len(differences)).mean() for _ in range(5_000)]
    return [float(each) for each in np.percentile(draws, [2.5, 97.5])]


if __name__ == "__main__":
    main()
