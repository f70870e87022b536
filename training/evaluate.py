"""Evaluates an encoder alone, without lexical search: known items of the corpus, and judged collections.

    python -m training.evaluate --arrays arrays/ --model small/

prints and writes ``small/results.json``. A known item is the paper for which a question was written; it is searched
among all papers. The collections are those that ``training.prepare --collection`` tokenized.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.encoders import Encoder, embed, load_encoder
from training.kinds import QUESTION_KINDS
from training.queries import Queries
from training.texts import Texts

EVALUATED_SPLITS = ("valid", "fusion", "test")
"""Splits of which no query is used for training."""
DEPTH = 10
"""Hits that nDCG looks at, as in most publications."""
_QUERY_BATCH = 512
"""Queries that are compared with all papers at once."""

Scores = dict[str, float]


def evaluate(encoder: Encoder, arrays: Path, device: torch.device) -> dict[str, Scores]:
    """Returns nDCG@10 by "SPLIT KIND" of questions and "NAME QRELS" of collections, with recalls for questions."""
    return {**_evaluate_questions(encoder, arrays, device), **_evaluate_collections(encoder, arrays, device)}


def _evaluate_questions(encoder: Encoder, arrays: Path, device: torch.device) -> dict[str, Scores]:
    papers = embed(encoder, Texts.load(arrays / "papers.npz", device))
    queries = Queries.load(arrays, device)
    results = {}
    for split in EVALUATED_SPLITS:
        for kind in QUESTION_KINDS:
            chosen = queries.select(split, kind)
            if len(chosen):
                ranks = rank_of_own(embed(encoder, queries.texts, chosen), papers, queries.row[chosen])
                results[f"{split} {kind}"] = known_item_scores(ranks)
    return results


def _evaluate_collections(encoder: Encoder, arrays: Path, device: torch.device) -> dict[str, Scores]:
    results = {}
    for path in sorted(arrays.glob("collection_*.npz")):
        name = path.stem.removeprefix("collection_")
        papers = embed(encoder, Texts.load(path, device))
        queries = embed(encoder, Texts.load(path, device, prefix="query_"))
        with np.load(path) as collection:
            for key in collection.files:
                if key.startswith("qrels_"):
                    score = ndcg(queries, papers, collection[key])
                    results[f"{name} {key.removeprefix('qrels_')}"] = {f"ndcg@{DEPTH}": score}
    return results


def rank_of_own(queries: Tensor, papers: Tensor, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the rank, from 1, of each query's own paper; scores are compared in float32.

    Args:
        queries: (n, dim) unit vectors.
        papers: (m, dim) unit vectors.
        rows: (n,) row of each query's paper.
    """
    own = torch.from_numpy(rows).to(papers.device)
    columns = papers.float().T
    ranks = []
    for start in range(0, len(queries), _QUERY_BATCH):
        part = slice(start, start + _QUERY_BATCH)
        scores = queries[part].float() @ columns
        ranks.append(1 + (scores > scores.gather(1, own[part, None])).sum(1))
    return np.asarray(torch.cat(ranks).cpu().numpy())


def known_item_scores(ranks: NDArray[np.int64]) -> Scores:
    """Returns nDCG@10, recall@10 and recall@100 of queries with one relevant paper each."""
    gain = np.where(ranks <= DEPTH, 1 / np.log2(1 + ranks), 0.0)
    scores = {
        f"ndcg@{DEPTH}": gain.mean(),
        f"recall@{DEPTH}": (ranks <= DEPTH).mean(),
        "recall@100": (ranks <= 100).mean(),
    }
    return {name: round(float(score), 4) for name, score in scores.items()}


def ndcg(queries: Tensor, papers: Tensor, qrels: NDArray[np.int32]) -> float:
    """Returns the mean nDCG@10 of the queries that have relevant papers.

    Args:
        queries: (n, dim) unit vectors.
        papers: (m, dim) unit vectors.
        qrels: (k, 3) rows of query and paper, and the grade; 0 is not relevant.

    Raises:
        ValueError: no paper is relevant.
    """
    relevant = qrels[qrels[:, 2] > 0]
    if not len(relevant):
        raise ValueError("the judgments contain no relevant paper")
    scores = queries.float() @ papers.float().T
    discount = 1 / np.log2(np.arange(2, DEPTH + 2))
    means = []
    for query in np.unique(relevant[:, 0]):
        grades = {int(row): int(grade) for _, row, grade in relevant[relevant[:, 0] == query]}
        hits = scores[int(query)].topk(min(DEPTH, scores.shape[1])).indices.tolist()
        gain = sum(grades.get(row, 0) * discount[rank] for rank, row in enumerate(hits))
        best = np.sort([*grades.values()])[::-1][:DEPTH]
        means.append(gain / float(best @ discount[: len(best)]))
    return round(float(np.mean(means)), 4)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line, prints the results and writes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrays", type=Path, required=True, help="output of training.prepare")
    parser.add_argument("--model", type=Path, required=True, help="folder of the encoder; gets results.json")
    parser.add_argument("--device", default="cuda", help="default: cuda")
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    results = evaluate(load_encoder(options.model).to(device), options.arrays, device)
    (options.model / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print("\n".join(f"{name:16} {scores[f'ndcg@{DEPTH}']:.4f}" for name, scores in results.items()))


if __name__ == "__main__":
    main()
