"""Evaluates an encoder alone, without the lexical leg: known items of the corpus, and judged collections."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.encoders import Encoder, Texts, embed
from training.prepare import KINDS, SPLITS


def evaluate(encoder: Encoder, paper_vectors: Tensor, arrays: Path, out: Path) -> dict[str, dict[str, float]]:
    """Returns nDCG@10 and recalls by kind of query and collection, and writes the vectors of the collections."""
    results, device = {}, paper_vectors.device
    queries = np.load(arrays / "queries.npz")
    texts = Texts(queries["tokens"], queries["offsets"], device)
    for split in ("valid", "fusion", "test"):
        for kind in ("q1", "c", "q2", "q3"):
            chosen = (queries["split"] == SPLITS.index(split)) & (queries["kind"] == KINDS.index(kind))
            if chosen.any():
                rows = np.flatnonzero(chosen)
                ranks = rank_of_own(embed(encoder, texts, rows), paper_vectors, queries["row"][rows])
                results[f"{split} {kind}"] = known_item_scores(ranks)
    for path in sorted(arrays.glob("collection_*.npz")):
        name = path.stem.removeprefix("collection_")
        collection = np.load(path)
        documents = embed(encoder, Texts(collection["tokens"], collection["offsets"], device))
        questions = embed(encoder, Texts(collection["query_tokens"], collection["query_offsets"], device))
        np.savez(out / f"vectors_{name}.npz", papers=documents.cpu().numpy(), queries=questions.cpu().numpy())
        for key in collection.files:
            if key.startswith("qrels_"):
                results[f"{name} {key[6:]}"] = {"ndcg@10": ndcg(questions, documents, collection[key])}
    return results


def rank_of_own(queries: Tensor, papers: Tensor, rows: NDArray[np.int32]) -> NDArray[np.int64]:
    """Returns the rank, from 1, of each query's own paper."""
    own = torch.from_numpy(rows.astype(np.int64)).to(papers.device)
    ranks = []
    for start in range(0, len(queries), 512):
        part = slice(start, start + 512)
        scores = queries[part] @ papers.T
        ranks.append(1 + (scores > scores.gather(1, own[part, None])).sum(1))
    return torch.cat(ranks).cpu().numpy()


def known_item_scores(ranks: NDArray[np.int64]) -> dict[str, float]:
    """Returns nDCG@10, recall@10 and recall@100 of queries with one relevant paper each."""
    gain = np.where(ranks <= 10, 1 / np.log2(1 + ranks), 0.0)
    scores = {"ndcg@10": gain.mean(), "recall@10": (ranks <= 10).mean(), "recall@100": (ranks <= 100).mean()}
    return {name: round(float(score), 4) for name, score in scores.items()}


def ndcg(queries: Tensor, papers: Tensor, qrels: NDArray[np.int32], depth: int = 10) -> float:
    """Returns the mean nDCG of a judged collection."""
    scores = (queries @ papers.T).float()
    total = []
    for query in np.unique(qrels[:, 0]):
        judged = {int(row): int(grade) for _, row, grade in qrels[qrels[:, 0] == query] if grade > 0}
        if not judged:
            continue
        best = scores[int(query)].topk(min(depth, scores.shape[1])).indices.tolist()
        discount = 1 / np.log2(np.arange(2, depth + 2))
        gain = sum(judged.get(row, 0) * discount[rank] for rank, row in enumerate(best))
        ideal = sorted(judged.values(), reverse=True)[:depth]
        total.append(gain / float((np.array(ideal) * discount[: len(ideal)]).sum()))
    return round(float(np.mean(total)), 4)
