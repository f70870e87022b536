"""What int8 costs in quality: nDCG@10 and recall@100 of float and int8, vectors alone, on retrieval sets in BEIR
layout, and how near the two precisions' vectors and neighbours are on a corpus.

A set's train split is asked; of one that has none, the queries with an even id, so that the others stay unseen.

    python -m benchmarks.precision SCIFACT CRANFIELD --papers PAPERS.jsonl.xz [--count 3000]
"""

import argparse
import itertools
import json
import lzma
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from benchmarks.truncation import bootstrap_interval, read_qrels, score_rankings
from indexer import sources
from indexer.sources.file import SourceFile
from search.embedding import quantize
from search.embedding.embedder import Embedder, load_embedder
from search.embedding.export import export_folder
from search.papers.paper import Paper

_NEIGHBOUR_QUERIES = 500


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folders", type=Path, nargs="*")
    options.add_argument("--papers", type=Path, default=Path("data/sample.jsonl"))
    options.add_argument("--count", type=int, default=3_000)
    asked = options.parse_args()
    embedders = {name: load_embedder(precision=name) for name in ("float", "int8")}
    read = (record for record in sources.read(SourceFile(asked.papers, date.today())) if isinstance(record, Paper))
    texts = [paper.text for paper in itertools.islice(read, asked.count)]
    results.save(
        "precision",
        {
            "said_beside_an_import": asdict(quantize.Quality.load(export_folder("int8"))),
            "corpus": _compare_vectors(*(each.encode(texts) for each in embedders.values())),
            **{folder.name: _evaluate_retrieval(folder, embedders) for folder in asked.folders},
        },
        dataset=f"{len(texts)} of {asked.papers.name}; {', '.join(folder.name for folder in asked.folders)}",
    )


def _compare_vectors(before: NDArray[np.float32], after: NDArray[np.float32]) -> dict[str, float]:
    """Cosine, and the share of the first papers' ten nearest that are the same."""
    cosine, asked = (before * after).sum(axis=1), range(min(_NEIGHBOUR_QUERIES, len(before)))

    def nearest(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        scores = vectors[asked] @ vectors.T
        scores[asked, asked] = -1
        return np.argsort(-scores, axis=1)[:, :10]

    both = [len(set(one) & set(other)) for one, other in zip(nearest(before), nearest(after), strict=True)]
    return {
        "mean_cosine": round(float(cosine.mean()), 4),
        "least_cosine": round(float(cosine.min()), 4),
        "recall@10": round(float(np.mean(both)) / 10, 4),
    }


def _evaluate_retrieval(folder: Path, embedders: dict[str, Embedder]) -> dict[str, object]:
    with lzma.open(folder / "corpus.jsonl.xz", "rt", encoding="utf-8") as file:
        papers = [json.loads(line) for line in file]
    split = "train" if (folder / "qrels" / "train.tsv").exists() else "test"
    wanted = read_qrels(folder / "qrels" / f"{split}.tsv")
    if split == "test":
        wanted = {name: grades for name, grades in wanted.items() if int(name) % 2 == 0}
    lines = (json.loads(line) for line in (folder / "queries.jsonl").read_text("utf-8").splitlines())
    queries = {str(query["_id"]): query["text"] for query in lines}
    names, texts = [str(paper["_id"]) for paper in papers], [f"{paper['title']}. {paper['text']}" for paper in papers]
    figures: dict[str, object] = {"papers": len(papers), "queries": len(wanted), "split": f"{split}, even queries"}
    if split == "train":
        figures["split"] = split
    scored = {}
    for name, embedder in embedders.items():
        asked = embedder.encode([queries[query] for query in wanted])
        ndcg, recall = score_rankings(asked @ embedder.encode(texts).T, names, list(wanted.values()))
        scored[name] = ndcg
        figures[name] = {"ndcg@10": round(float(ndcg.mean()), 4), "recall@100": round(float(recall.mean()), 4)}
    figures["ndcg@10_int8_minus_float, 95%"] = [
        round(each, 4) for each in bootstrap_interval(scored["int8"] - scored["float"])
    ]
    return figures


if __name__ == "__main__":
    main()
