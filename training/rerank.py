r"""Trains and evaluates a cross-encoder that ranks the first hits of a query again.

    python -m training.embed --arrays arrays/ --model direct/ --out direct.npz
    python -m training.rerank --arrays arrays/ --model direct/ --vectors direct.npz --layers 0 1 3 5 --steps 1500 \
        --batch 96 --out rerank/

A cross-encoder reads a query and a paper together and returns one score (Nogueira and Cho, "Passage re-ranking with
BERT", 2019). Each step takes queries of all kinds with their paper and papers drawn from the first hits, and minimises
the cross-entropy of the own paper. ``rerank/results.json`` contains nDCG@10 of the first hits as they are (``dense``),
and as ``DEPTH WEIGHT``: the first DEPTH hits, ranked by cosine + WEIGHT * score.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.encoders import Backbone, load_encoder
from training.evaluate import DEPTH, EVALUATED_SPLITS, known_item_scores
from training.loss import Reference
from training.queries import Queries, Sampler
from training.texts import Texts
from training.train import MAX_NORM, WEIGHT_DECAY, Data, read_reference
from training.weights import read_configuration, write_weights

NEGATIVES = 15
"""Papers beside the own one per query and step."""
WARM_UP_STEPS = 60
"""Steps in which the learning rate rises."""
QUESTION_KINDS = ("q1", "q2", "q3")
"""Kinds of queries that are evaluated."""
RERANKED = (20, 30)
"""Numbers of first hits that are ranked again."""
WEIGHTS = (0.005, 0.01, 0.02, 0.05, 1.0)
"""Weights of the score beside the cosine that are evaluated; 1 ranks by the score alone."""
SEED = 14
"""Seed of weights and draws."""
REPORT_STEPS = 100
"""Steps between lines of progress."""
_FIRST_HITS = 100
"""Hits per query that are fetched; an own paper below them counts as not found."""
_NOT_FOUND = 10_000
"""Rank of an own paper that is not among the first hits."""
_QUERY_BATCH = 32
"""Queries whose pairs are scored at once."""
_BERT_SEP = 102
"""Token ID of [SEP] in BERT's uncased vocabulary."""


class Pairs:
    """Token IDs of pairs of a query and a paper: [CLS] query [SEP] paper [SEP].

    Args:
        queries: the queries.
        papers: the papers.
        limit: tokens of a pair; the end of the paper is cut.
    """

    def __init__(self, queries: Texts, papers: Texts, limit: int) -> None:
        self._queries, self._papers, self._limit = queries, papers, limit

    def batch(self, queries: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Returns (n, tokens) IDs, mask and segment IDs."""
        query_ids, query_mask = self._queries.batch(queries)
        paper_ids, paper_mask = self._papers.batch(rows)
        lengths = query_mask.sum(1, keepdim=True)
        total = (lengths + paper_mask.sum(1, keepdim=True) - 1).clamp(max=self._limit)
        positions = torch.arange(self._limit, device=query_ids.device)[None].expand(len(queries), -1)
        in_paper = (positions - lengths + 1).clamp(min=0, max=paper_ids.shape[1] - 1)  # skips the paper's [CLS]
        from_query = query_ids.gather(1, positions.clamp(max=query_ids.shape[1] - 1))
        is_query = positions < lengths
        ids = torch.where(is_query, from_query, paper_ids.gather(1, in_paper))
        ids = torch.where(positions == total - 1, _BERT_SEP, ids)
        mask = (positions < total).long()
        return ids * mask, mask, (~is_query).long() * mask


class CrossEncoder(nn.Module):
    """Scores pairs by a linear layer over the state of the first token."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.config.hidden_size, 1)

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """Returns (n,) scores; bfloat16 under autocast."""
        states = self.backbone(input_ids=ids, attention_mask=mask, token_type_ids=segments).last_hidden_state
        scores: Tensor = self.head(states[:, 0].float())[:, 0]
        return scores


@dataclass(frozen=True)
class Options:
    """The command line; see ``main``."""

    arrays: Path
    model: Path
    vectors: Path
    layers: list[int] | None
    tokens: int
    steps: int
    batch: int
    rate: float
    out: Path
    device: str


@dataclass(frozen=True)
class Candidates:
    """What a cross-encoder ranks.

    Attributes:
        pairs: token IDs of pairs.
        queries: all queries.
        first: vectors whose ranking gives the first hits.
    """

    pairs: Pairs
    queries: Queries
    first: Reference


def train(model: CrossEncoder, candidates: Candidates, options: Options) -> None:
    """Trains a cross-encoder in place."""
    queries, sampler = candidates.queries, Sampler(candidates.queries, SEED)
    device = candidates.first.papers.device
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=WEIGHT_DECAY)
    start = time.monotonic()
    model.train()
    for step in range(1, options.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = options.rate * _relative_rate(step, options.steps)
        drawn = sampler.draw(options.batch)
        near = candidates.first.mine(drawn, queries.row[drawn])
        near = sampler.generator.permuted(near, axis=1)[:, :NEGATIVES]
        rows = np.concatenate((queries.row[drawn][:, None], near), axis=1)
        with torch.autocast(device.type, torch.bfloat16):
            batch = candidates.pairs.batch(np.repeat(drawn, rows.shape[1]), rows.ravel())
            scores = model(*batch).reshape(rows.shape)
        loss = functional.cross_entropy(scores, torch.zeros(len(drawn), dtype=torch.long, device=device))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        if step % REPORT_STEPS == 0 or step == options.steps:
            print(f"step {step} loss {loss.item():.4f} {(time.monotonic() - start) / step:.3f} s/step", flush=True)


def _relative_rate(step: int, steps: int) -> float:
    return min(step / WARM_UP_STEPS, (steps - step + 1) / max(1, steps - WARM_UP_STEPS))


def evaluate(model: CrossEncoder, candidates: Candidates) -> dict[str, dict[str, float]]:
    """Returns nDCG@10 before and after re-ranking, by "SPLIT KIND" of questions; see the module."""
    model.eval()
    results = {}
    for split in EVALUATED_SPLITS:
        for kind in QUESTION_KINDS:
            chosen = candidates.queries.select(split, kind)
            if len(chosen):
                results[f"{split} {kind}"] = _evaluate_queries(model, candidates, chosen)
    return results


def _evaluate_queries(model: CrossEncoder, candidates: Candidates, chosen: NDArray[np.int64]) -> dict[str, float]:
    first, own = candidates.first, candidates.queries.row[chosen]
    queries = first.queries[torch.from_numpy(chosen).to(first.queries.device)].float()
    best = (queries @ first.papers.float().T).topk(min(_FIRST_HITS, len(first.papers)))
    rows, cosines = best.indices.cpu().numpy(), best.values.cpu().numpy()
    scores = _score(model, candidates.pairs, chosen, rows[:, : max(RERANKED)])
    found = {"dense": _ndcg(rows, own)}
    for depth in RERANKED:
        for weight in WEIGHTS:
            order = np.argsort(-(cosines[:, :depth] + weight * scores[:, :depth]), axis=1)
            again = np.take_along_axis(rows[:, :depth], order, axis=1)
            found[f"{depth} {weight}"] = _ndcg(np.concatenate((again, rows[:, depth:]), axis=1), own)
    return found


@torch.no_grad()
def _score(
    model: CrossEncoder, pairs: Pairs, queries: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Returns (n, hits) scores of queries and the (n, hits) rows of their hits."""
    scores = np.zeros(rows.shape, np.float32)
    device = next(model.parameters()).device
    for start in range(0, len(queries), _QUERY_BATCH):
        part = slice(start, start + _QUERY_BATCH)
        batch = pairs.batch(np.repeat(queries[part], rows.shape[1]), rows[part].ravel())
        with torch.autocast(device.type, torch.bfloat16):
            scores[part] = model(*batch).float().reshape(-1, rows.shape[1]).cpu().numpy()
    return scores


def _ndcg(rows: NDArray[np.int64], own: NDArray[np.int64]) -> float:
    is_own = rows == own[:, None]
    ranks = np.where(is_own.any(axis=1), 1 + is_own.argmax(axis=1), _NOT_FOUND)
    return known_item_scores(ranks)[f"ndcg@{DEPTH}"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line, trains and evaluates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--arrays", type=Path, required=True, help="output of training.prepare")
    add("--model", type=Path, required=True, help="folder of the BERT encoder to start from")
    add("--vectors", type=Path, required=True, help="output of training.embed, whose first hits are ranked again")
    add("--layers", type=int, nargs="+", metavar="N", help="layers of --model to keep, from 0; default: all")
    add("--tokens", type=int, default=128, help="tokens of a query and a paper together; default: 128")
    add("--steps", type=int, default=800, help="default: 800")
    add("--batch", type=int, default=64, help="queries per step; default: 64")
    add("--rate", type=float, default=1e-4, help="highest learning rate; default: 1e-4")
    add("--out", type=Path, required=True, help="folder to write")
    add("--device", default="cuda", help="default: cuda")
    options = Options(**vars(parser.parse_args(arguments)))
    device = torch.device(options.device)
    torch.manual_seed(SEED)
    data = Data.load(options.arrays, device)
    first = read_reference(options.vectors, data.queries, device)
    candidates = Candidates(Pairs(data.queries.texts, data.papers, options.tokens), data.queries, first)
    model = CrossEncoder(load_encoder(options.model, options.layers).backbone).to(device)
    train(model, candidates, options)
    configuration = read_configuration(options.model)
    configuration["num_hidden_layers"] = model.backbone.config.num_hidden_layers
    write_weights({name: value.cpu().numpy() for name, value in model.state_dict().items()}, configuration, options.out)
    results = evaluate(model, candidates)
    (options.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
