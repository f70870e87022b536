"""The training loss: cross-entropy to reference similarities, and distance to reference vectors."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.kinds import KINDS

SOFT_SHARE = {"q1": 0.5, "c": 0.6, "motivation": 0.6, "q2": 0.6, "keywords": 0.7, "abstract": 0.8}
"""Share of the reference in the target by kind of query, chosen by hand: the less a query says which paper it belongs
to, the more other papers are relevant."""
OTHER_SOFT_SHARE = 0.25
"""The same for other kinds."""
TEMPERATURE = 0.04
"""Divides the similarities of the trained model, chosen by hand; all-MiniLM-L6-v2 was trained with 0.05."""
REFERENCE_TEMPERATURE = 0.05
"""Divides the similarities of the reference, chosen by hand."""
CORPUS_WEIGHT = 0.5
"""Weight of the cross-entropy over all papers, beside 1 for that over the papers of the batch."""
MINED_RANKS = (3, 30)
"""Ranks, from 0, in the reference's ranking of a query, from which its mined paper is drawn; the last is not included.
The first papers are often relevant."""
_EXCLUDED = -10.0
"""Similarity of papers that must not be ranked; cosines are -1 at least."""
_EXCLUDED_LOGIT = -1e4
"""The same for a similarity that was divided by a temperature."""
_QUERY_BATCH = 2_048
"""Queries that are compared with all papers at once; needs 1.3 GB of memory for 155,000 papers."""


class Reference:
    """Vectors of all papers and training queries by one model.

    Args:
        papers: (n, dim) float16.
        queries: (m, dim) float16.
        test_papers: rows of papers that are neither mined nor ranked.
        is_teacher: whether a query's own vector is a better target than the vector of its paper.
    """

    def __init__(self, papers: Tensor, queries: Tensor, test_papers: NDArray[np.int64], *, is_teacher: bool) -> None:
        self.papers = papers
        self.queries = queries
        self.is_teacher = is_teacher
        self._test_papers = torch.from_numpy(test_papers).to(papers.device)

    def similarities(self, vectors: Tensor) -> Tensor:
        """Returns (n, papers) float32 similarities to all papers; those of test papers are very low."""
        scores = (vectors.half() @ self.papers.T).float()
        scores[:, self._test_papers] = _EXCLUDED
        return scores

    def target_vectors(self, queries: Tensor, rows: Tensor) -> Tensor:
        """Returns the vectors whose similarities are the soft target: those of the queries, or of their papers."""
        return self.queries[queries] if self.is_teacher else self.papers[rows]

    def mine(self, queries: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows of papers near each query, without its own paper.

        Args:
            queries: (n,) positions of queries.
            rows: (n,) rows of their papers.

        Returns:
            (n, ranks); the ranks are MINED_RANKS, or fewer in a small collection.
        """
        low, high = MINED_RANKS
        device = self.papers.device
        found = []
        for start in range(0, len(queries), _QUERY_BATCH):
            part = slice(start, start + _QUERY_BATCH)
            scores = self.similarities(self.queries[torch.from_numpy(queries[part]).to(device)])
            scores.scatter_(1, torch.from_numpy(rows[part]).to(device)[:, None], _EXCLUDED)
            found.append(scores.topk(min(high, len(self.papers) - 1), dim=1).indices[:, low:].cpu().numpy())
        return np.concatenate(found)


@dataclass(frozen=True)
class Batch:
    """One step's queries and papers, on the device.

    Attributes:
        queries: (n,) positions of the queries.
        papers: (2n,) rows of the papers: the own ones in the order of the queries, then the mined ones.
        soft_share: (n,) share of the reference in the target.
    """

    queries: Tensor
    papers: Tensor
    soft_share: Tensor

    @classmethod
    def build(
        cls, queries: NDArray[np.int64], papers: NDArray[np.int64], kinds: NDArray[np.uint8], device: torch.device
    ) -> "Batch":
        """Moves a batch to the device; ``kinds`` are those of the queries."""
        shares = np.array([SOFT_SHARE.get(kind, OTHER_SOFT_SHARE) for kind in KINDS], np.float32)
        return cls(*(torch.from_numpy(each).to(device) for each in (queries, papers, shares[kinds])))


@dataclass(frozen=True)
class Objective:
    """What is minimised: the sum of these parts.

    candidates  cross-entropy of query-paper similarities over the papers of the batch. Its target mixes the query's own
                paper with a softmax of the similarities of ``ranking``, so that other relevant papers are not pushed
                away.
    corpus      the same over the vectors of all papers in ``space``, times CORPUS_WEIGHT.
    vectors     1 - cosine of query and paper vectors to those in ``space``, times ``query_weight`` and
                ``paper_weight``.

    Attributes:
        ranking: the reference whose ranking is learnt.
        space: the reference whose vectors are kept or approached.
        query_weight: see above.
        paper_weight: see above.
    """

    ranking: Reference
    space: Reference
    query_weight: float
    paper_weight: float

    def loss(self, batch: Batch, query_vectors: Tensor, paper_vectors: Tensor) -> Tensor:
        """Returns the loss of (n, dim) query and (2n, dim) paper vectors."""
        rows = batch.papers[: len(batch.queries)]
        own = torch.arange(len(rows), device=rows.device)
        is_copy = batch.papers[None] == rows[:, None]
        is_copy[own, own] = False
        target = self.ranking.target_vectors(batch.queries, rows)
        similarities = (target @ self.ranking.papers[batch.papers].T).float().masked_fill(is_copy, _EXCLUDED)
        logits = (query_vectors @ paper_vectors.T / TEMPERATURE).masked_fill(is_copy, _EXCLUDED_LOGIT)
        candidates = soft_cross_entropy(logits, similarities, own, batch.soft_share)
        corpus_logits = self.space.similarities(query_vectors) / TEMPERATURE
        corpus = soft_cross_entropy(corpus_logits, self.ranking.similarities(target), rows, batch.soft_share)
        to_queries = _mean_distance(query_vectors, self.space.queries[batch.queries])
        to_papers = _mean_distance(paper_vectors, self.space.papers[batch.papers])
        return candidates + CORPUS_WEIGHT * corpus + self.query_weight * to_queries + self.paper_weight * to_papers


def soft_cross_entropy(logits: Tensor, reference: Tensor, own: Tensor, share: Tensor) -> Tensor:
    """Returns the mean cross-entropy to a mix of the own paper and the softmax of the reference similarities.

    Args:
        logits: (n, m) similarities of the trained model over its temperature.
        reference: (n, m) similarities of the reference.
        own: (n,) column of the own paper.
        share: (n,) share of the reference in the target.
    """
    log_probability = functional.log_softmax(logits, dim=1)
    soft = functional.softmax(reference / REFERENCE_TEMPERATURE, dim=1)
    hard_loss = -log_probability.gather(1, own[:, None])[:, 0]
    soft_loss = -(soft * log_probability).sum(1)
    return ((1 - share) * hard_loss + share * soft_loss).mean()


def _mean_distance(vectors: Tensor, target: Tensor) -> Tensor:
    return (1 - (vectors * target.float()).sum(1)).mean()
