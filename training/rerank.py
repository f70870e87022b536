"""Trains and measures a cross-encoder that ranks the first hits of a query again.

    python -m training.rerank --arrays arrays/ --model student/ --layers 1 3 5 --tokens 128 --vectors student.npz --out rerank/

It reads a query and a paper together and returns one score. Each step takes queries of all kinds with their paper and
papers drawn from the first ones of the bi-encoder, and minimises the cross-entropy of the own paper (listwise softmax).
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from training.encoders import Texts, load_encoder
from training.evaluate import known_item_scores
from training.prepare import KINDS, SPLITS
from training.train import Queries, Reference, mine

_SEP = 102
NEGATIVES = 15
"""Papers beside the own one per query."""


class Pairs:
    """Builds token IDs of pairs of query and paper."""

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
        ids = torch.where(positions == total - 1, _SEP, ids)
        mask = (positions < total).long()
        return ids * mask, mask, (~is_query).long() * mask


class CrossEncoder(nn.Module):
    """Scores pairs by a linear layer over the state of the first token."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.config.hidden_size, 1)

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """Returns (n,) float32 scores."""
        states = self.backbone(input_ids=ids, attention_mask=mask, token_type_ids=segments).last_hidden_state
        return self.head(states[:, 0].float())[:, 0]


def main() -> None:
    """Reads the command line, trains and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrays", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="encoder to start from")
    parser.add_argument("--layers", type=int, nargs="+")
    parser.add_argument("--vectors", type=Path, required=True, help="vectors of the bi-encoder, by training.embed")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    device, generator = torch.device(options.device), np.random.default_rng(14)
    torch.manual_seed(14)
    arrays, stored = np.load(options.arrays / "papers.npz"), np.load(options.vectors)
    papers = Texts(arrays["tokens"], arrays["offsets"], device)
    queries = Queries.load(options.arrays, device)
    vectors = [torch.from_numpy(stored[name]).to(device) for name in ("papers", "queries")]
    reference = Reference(*vectors, queries.unseen, is_teacher=True)
    model = CrossEncoder(load_encoder(options.model, options.layers).backbone).to(device)
    pairs = Pairs(queries.texts, papers, options.tokens)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.01)
    start = time.monotonic()
    model.train()
    for step in range(1, options.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = options.rate * min(step / 60, (options.steps - step + 1) / max(1, options.steps - 60))
        drawn = queries.draw(generator, options.batch)
        near = mine(reference, drawn, queries.row[drawn])
        near = generator.permuted(near, axis=1)[:, :NEGATIVES]
        rows = np.concatenate((queries.row[drawn].astype(np.int64)[:, None], near), axis=1)
        with torch.autocast(device.type, torch.bfloat16):
            scores = model(*pairs.batch(np.repeat(drawn, rows.shape[1]), rows.ravel())).reshape(rows.shape)
        loss = functional.cross_entropy(scores, torch.zeros(len(drawn), dtype=torch.long, device=device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step} loss {loss.item():.4f} {(time.monotonic() - start) / step:.3f} s/step", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(state, options.out / "model.safetensors")
    results = measure(model, pairs, options.arrays, vectors)
    (options.out / "results.json").write_text(json.dumps(results, indent=1))
    print(json.dumps(results))


@torch.no_grad()
def measure(model: CrossEncoder, pairs: Pairs, arrays: Path, vectors: list[Tensor]) -> dict[str, object]:
    """Returns nDCG@10 of the bi-encoder and after re-ranking its first 20 and 30, for several weights of the latter."""
    model.eval()
    queries = np.load(arrays / "queries.npz")
    results: dict[str, object] = {}
    for split in ("valid", "fusion", "test"):
        for kind in ("q1", "q2", "q3"):
            chosen = np.flatnonzero((queries["split"] == SPLITS.index(split)) & (queries["kind"] == KINDS.index(kind)))
            if not len(chosen):
                continue
            own = queries["row"][chosen]
            best = (vectors[1][torch.from_numpy(chosen).to(vectors[0].device)] @ vectors[0].T).float().topk(100)
            rows, cosine = best.indices.cpu().numpy(), best.values.cpu().numpy()
            scores = np.zeros_like(cosine[:, :30])
            for start in range(0, len(chosen), 32):
                part = slice(start, start + 32)
                flat = np.repeat(chosen[part], 30), rows[part, :30].ravel()
                with torch.autocast(vectors[0].device.type, torch.bfloat16):
                    scores[part] = model(*pairs.batch(*flat)).float().reshape(-1, 30).cpu().numpy()
            found: dict[str, object] = {"dense": known_item_scores(_rank(rows, own))["ndcg@10"]}
            for depth in (20, 30):
                for weight in (0.005, 0.01, 0.02, 0.05, 1.0):
                    mixed = cosine[:, :depth] + weight * scores[:, :depth]
                    order = np.argsort(-mixed, axis=1)
                    again = np.concatenate((np.take_along_axis(rows[:, :depth], order, 1), rows[:, depth:]), 1)
                    found[f"{depth} {weight}"] = known_item_scores(_rank(again, own))["ndcg@10"]
            results[f"{split} {kind}"] = found
    return results


def _rank(rows: NDArray[np.int64], own: NDArray[np.int32]) -> NDArray[np.int64]:
    is_own = rows == own[:, None]
    return np.where(is_own.any(1), 1 + is_own.argmax(1), 10_000)


if __name__ == "__main__":
    main()
