"""Quality of int8 compared with float: nDCG@10 and recall@100 of semantic search on retrieval sets in BEIR layout.

Papers are embedded in each precision, queries as a server does for both. On a corpus, the vectors and nearest
neighbours of the two precisions are compared as well. The train split of each set is used; of a set without one, the
queries with an even ID, so that the others stay unseen.

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
from search.embedding.model import DEFAULT_MODEL
from search.papers.paper import Paper

_NEIGHBOUR_QUERIES = 500
"""Papers whose nearest neighbours are compared."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folders", type=Path, nargs="*")
    options.add_argument("--papers", type=Path, default=Path("data/sample.jsonl"))
    options.add_argument("--count", type=int, default=3_000)
    arguments = options.parse_args()
    embedders = {name: load_embedder(precision=name) for name in ("float", "int8")}
    records = sources.read(SourceFile(arguments.papers, date.today()))
    papers = (record for record in records if isinstance(record, Paper))
    texts = [paper.text for paper in itertools.islice(papers, arguments.count)]
    results.save(
        "precision",
        {
            "quality_after_import": asdict(quantize.Quality.load(export_folder(DEFAULT_MODEL, "int8"))),
            "corpus": _compare_vectors(*(embedder.encode(texts) for embedder in embedders.values())),
            **{folder.name: _evaluate_retrieval(folder, embedders) for folder in arguments.folders},
        },
        dataset=f"{len(texts)} of {arguments.papers.name}; {', '.join(folder.name for folder in arguments.folders)}",
    )


def _compare_vectors(before: NDArray[np.float32], after: NDArray[np.float32]) -> dict[str, float]:
    """Returns the cosines of the two vectors of each paper, and the overlap of the ten nearest neighbours."""
    cosine, queries = (before * after).sum(axis=1), range(min(_NEIGHBOUR_QUERIES, len(before)))

    def nearest(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        scores = vectors[queries] @ vectors.T
        scores[queries, queries] = -1
        return np.argsort(-scores, axis=1)[:, :10]

    shared = [len(set(one) & set(other)) for one, other in zip(nearest(before), nearest(after), strict=True)]
    return {
        "mean_cosine": round(float(cosine.mean()), 4),
        "least_cosine": round(float(cosine.min()), 4),
        "recall@10": round(float(np.mean(shared)) / 10, 4),
    }


def _evaluate_retrieval(folder: Path, embedders: dict[str, Embedder]) -> dict[str, object]:
    with lzma.open(folder / "corpus.jsonl.xz", "rt", encoding="utf-8") as file:
        papers = [json.loads(line) for line in file]
    split = "train" if (folder / "qrels" / "train.tsv").exists() else "test"
    qrels = read_qrels(folder / "qrels" / f"{split}.tsv")
    if split == "test":
        qrels = {name: grades for name, grades in qrels.items() if int(name) % 2 == 0}
    lines = (json.loads(line) for line in (folder / "queries.jsonl").read_text("utf-8").splitlines())
    queries = {str(query["_id"]): query["text"] for query in lines}
    names = [str(paper["_id"]) for paper in papers]
    texts = [f"{paper['title']}. {paper['text']}" for paper in papers]
    part = split if split == "train" else f"{split}, even queries"
    figures: dict[str, object] = {"papers": len(papers), "queries": len(qrels), "split": part}
    ndcg_by_precision = {}
    vectors = load_embedder(serving=True).encode([queries[query] for query in qrels])
    for name, embedder in embedders.items():
        ndcg, recall = score_rankings(vectors @ embedder.encode(texts).T, names, list(qrels.values()))
        ndcg_by_precision[name] = ndcg
        figures[name] = {"ndcg@10": round(float(ndcg.mean()), 4), "recall@100": round(float(recall.mean()), 4)}
    figures["ndcg@10_int8_minus_float, 95%"] = [
        round(bound, 4) for bound in bootstrap_interval(ndcg_by_precision["int8"] - ndcg_by_precision["float"])
    ]
    return figures


if __name__ == "__main__":
    main()
