"""Trains an encoder on queries and their papers, alone or with the vectors of a teacher.

    python -m training.train --arrays arrays/ --model MODEL/ --out trained/ --steps 800 --batch 320 --rate 6e-5
    python -m training.train --arrays arrays/ --model MODEL/ --out student/ --teacher teacher.npz --steps 1500

Each step draws queries of all kinds (``MIXTURE``), their papers, and one mined paper per query. The loss has these parts:

    candidates   cross-entropy of query-paper similarities over all papers of the batch. Its target mixes the query's own
                 paper with a softmax of reference similarities, so that other relevant papers are not pushed away.
    corpus       the same over the reference vectors of all papers, which stay fixed between refreshes.
    reference    1 - cosine of query and paper vectors to the reference vectors.

The reference is the teacher, if there is one, and else the model before training.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from training.encoders import Encoder, Texts, embed, load_encoder
from training.evaluate import evaluate
from training.prepare import KINDS, SPLITS

MIXTURE = {
    "summary": 2.0,
    "motivation": 2.0,
    "method": 0.5,
    "result": 1.5,
    "keywords": 0.3,
    "title": 1.0,
    "abstract": 0.5,
    "q1": 2.6,
    "c": 1.4,
    "q2": 1.4,
    "q3": 1.8,
}
"""Parts of a batch by kind of query."""
SOFT_SHARE = {"q1": 0.5, "c": 0.6, "motivation": 0.6, "q2": 0.6, "keywords": 0.7, "abstract": 0.8}
"""Share of the reference in the target, by kind; 0.25 for other kinds."""
OTHER_SOFT_SHARE = 0.25
TEMPERATURE = 0.04
"""Divides the similarities of the trained model."""
REFERENCE_TEMPERATURE = 0.05
"""Divides the similarities of the reference."""
MINED_RANKS = (3, 30)
"""Ranks, in the reference's ranking of a query, from which its mined paper is drawn."""
WARM_UP = 0.06
"""Share of the steps in which the learning rate rises."""
AVERAGING = 0.995
"""Decay per step of the averaged weights, which are the result."""


@dataclass
class Queries:
    """The training queries.

    Attributes:
        texts: their tokens.
        row: (n,) row of each query's paper.
        kind: (n,) position in KINDS.
        by_kind: queries of the training split by kind.
        unseen: rows of papers that training must not use.
    """

    texts: Texts
    row: NDArray[np.int32]
    kind: NDArray[np.uint8]
    by_kind: dict[str, NDArray[np.int64]]
    unseen: NDArray[np.int32]

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> "Queries":
        """Reads ``queries.npz``."""
        arrays = np.load(folder / "queries.npz")
        in_train = arrays["split"] == SPLITS.index("train")
        by_kind = {kind: np.flatnonzero(in_train & (arrays["kind"] == at)) for at, kind in enumerate(KINDS)}
        texts = Texts(arrays["tokens"], arrays["offsets"], device)
        return cls(texts, arrays["row"], arrays["kind"], by_kind, arrays["unseen"])

    def draw(self, generator: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Draws queries of distinct papers according to MIXTURE."""
        kinds = [kind for kind in MIXTURE if len(self.by_kind[kind])]
        parts = np.array([MIXTURE[kind] for kind in kinds])
        counts = generator.multinomial(count, parts / parts.sum())
        drawn = np.concatenate(
            [generator.choice(self.by_kind[kind], number) for kind, number in zip(kinds, counts, strict=True)]
        )
        generator.shuffle(drawn)
        _, first = np.unique(self.row[drawn], return_index=True)
        return drawn[np.sort(first)]


class Reference:
    """Vectors of all papers and queries by the teacher, or by the model before training.

    Args:
        papers: (n, dim) float16.
        queries: (m, dim) float16.
        is_teacher: whether the query vectors rank better than those of the papers they belong to.
        unseen: rows of papers that are neither mined nor candidates.
    """

    def __init__(self, papers: Tensor, queries: Tensor, unseen: NDArray[np.int32], *, is_teacher: bool) -> None:
        self.papers = papers
        self.queries = queries
        self.is_teacher = is_teacher
        self._unseen = torch.from_numpy(unseen.astype(np.int64)).to(papers.device)

    def similarities(self, vectors: Tensor) -> Tensor:
        """Returns (n, papers) float32 similarities to all papers; those of unseen papers are very low."""
        scores = (vectors.half() @ self.papers.T).float()
        scores[:, self._unseen] = -10.0
        return scores

    def target_vectors(self, queries: Tensor, rows: Tensor) -> Tensor:
        """Returns the vectors whose similarities are the soft target: those of the queries, or of their papers."""
        return self.queries[queries] if self.is_teacher else self.papers[rows]


def mine(reference: Reference, queries: NDArray[np.int64], rows: NDArray[np.int32]) -> NDArray[np.int64]:
    """Returns (n, ranks) rows of papers near each query, without its own paper."""
    low, high = MINED_RANKS
    found = np.empty((len(queries), high - low), np.int64)
    device = reference.papers.device
    for start in range(0, len(queries), 2048):
        part = slice(start, start + 2048)
        scores = reference.similarities(reference.queries[torch.from_numpy(queries[part]).to(device)])
        own = torch.from_numpy(rows[part].astype(np.int64)).to(device)
        scores.scatter_(1, own[:, None], -10.0)
        found[part] = scores.topk(high, dim=1).indices[:, low:].cpu().numpy()
    return found


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


def train(options: argparse.Namespace) -> None:
    """Trains and saves one encoder; see the module."""
    device = torch.device(options.device)
    torch.manual_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    arrays = np.load(options.arrays / "papers.npz")
    papers = Texts(arrays["tokens"], arrays["offsets"], device)
    queries = Queries.load(options.arrays, device)
    encoder = load_encoder(options.model, options.layers, options.dim).to(device)
    training_queries = np.sort(np.concatenate(list(queries.by_kind.values())))
    if options.teacher:
        stored = np.load(options.teacher)
        vectors = [torch.from_numpy(stored[name]).to(device) for name in ("papers", "queries")]
        reference = Reference(*vectors, queries.unseen, is_teacher=True)
    else:
        reference = _reference_of(encoder, papers, queries, training_queries)
    anchor = reference
    if options.teacher and options.keep_space:
        anchor = _reference_of(encoder, papers, queries, training_queries)
    corpus = anchor
    position_of = np.zeros(len(queries.row), np.int64)
    position_of[training_queries] = np.arange(len(training_queries))
    mined = mine(reference, training_queries, queries.row[training_queries])
    _log(options, "mined")
    soft_share = torch.tensor([SOFT_SHARE.get(kind, OTHER_SOFT_SHARE) for kind in KINDS], device=device)
    averaged = {name: value.detach().clone() for name, value in encoder.named_parameters() if value.requires_grad}
    trained = [value for value in encoder.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01, fused=device.type == "cuda")
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, options.steps))
    encoder.train()
    start = time.monotonic()
    for step in range(1, options.steps + 1):
        if step in options.refresh:
            fresh = _reference_of(encoder, papers, queries, training_queries)
            corpus = Reference(fresh.papers, fresh.queries, queries.unseen, is_teacher=False)
            mined = mine(corpus, training_queries, queries.row[training_queries])
            _log(options, f"refreshed at step {step}")
        drawn = queries.draw(generator, options.batch)
        rows = queries.row[drawn].astype(np.int64)
        negatives = mined[position_of[drawn], generator.integers(0, mined.shape[1], len(drawn))]
        candidates = np.concatenate((rows, negatives))
        with torch.autocast(device.type, torch.bfloat16):
            query_vectors = encoder(*queries.texts.batch(drawn))
            paper_vectors = encoder(*papers.batch(candidates))
        on_device = [torch.from_numpy(each).to(device) for each in (drawn, rows, candidates)]
        share = soft_share[torch.from_numpy(queries.kind[drawn].astype(np.int64)).to(device)]
        loss = _loss(query_vectors, paper_vectors, *on_device, share, reference, anchor, corpus, options)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        decay = min(AVERAGING, step / (step + 10))
        with torch.no_grad():
            for name, value in encoder.named_parameters():
                if name in averaged:
                    averaged[name].lerp_(value, 1 - decay)
        if step % 50 == 0 or step == options.steps:
            _log(options, f"step {step} loss {loss.item():.4f} {(time.monotonic() - start) / step:.3f} s/step")
    with torch.no_grad():
        for name, value in encoder.named_parameters():
            if name in averaged:
                value.copy_(averaged[name])
    save(encoder, options.model, options.out)
    _log(options, "saved")
    if not options.skip_evaluation:
        vectors = embed(encoder, papers)
        np.savez(options.out / "vectors.npz", papers=vectors.cpu().numpy())
        results = evaluate(encoder, vectors, options.arrays, options.out)
        (options.out / "results.json").write_text(json.dumps(results, indent=1))
        _log(options, json.dumps(results))


def _loss(
    query_vectors: Tensor,
    paper_vectors: Tensor,
    drawn: Tensor,
    rows: Tensor,
    candidates: Tensor,
    share: Tensor,
    reference: Reference,
    anchor: Reference,
    corpus: Reference,
    options: argparse.Namespace,
) -> Tensor:
    """Returns the loss of one batch; see the module."""
    count = len(rows)
    own = torch.arange(count, device=rows.device)
    is_copy = candidates[None] == rows[:, None]
    is_copy[own, own] = False
    target = reference.target_vectors(drawn, rows)
    soft = (target @ reference.papers[candidates].T).float().masked_fill(is_copy, -10.0)
    logits = (query_vectors @ paper_vectors.T / TEMPERATURE).masked_fill(is_copy, -1e4)
    in_batch = soft_cross_entropy(logits, soft, own, share)
    corpus_logits = corpus.similarities(query_vectors) / TEMPERATURE
    in_corpus = soft_cross_entropy(corpus_logits, reference.similarities(target), rows, share)
    to_query = 1 - (query_vectors * anchor.queries[drawn].float()).sum(1)
    to_paper = 1 - (paper_vectors * anchor.papers[candidates].float()).sum(1)
    return (
        in_batch
        + options.corpus_weight * in_corpus
        + options.query_weight * to_query.mean()
        + options.paper_weight * to_paper.mean()
    )


def _reference_of(encoder: Encoder, papers: Texts, queries: Queries, training_queries: NDArray[np.int64]) -> Reference:
    vectors = embed(encoder, papers)
    stored = torch.zeros(len(queries.row), vectors.shape[1], dtype=torch.float16, device=vectors.device)
    stored[torch.from_numpy(training_queries).to(vectors.device)] = embed(encoder, queries.texts, training_queries)
    return Reference(vectors, stored, queries.unseen, is_teacher=False)


def _rate(step: int, steps: int) -> float:
    warm_up = max(1, round(WARM_UP * steps))
    return min((step + 1) / warm_up, (steps - step) / max(1, steps - warm_up))


def save(encoder: Encoder, source: Path, out: Path) -> None:
    """Writes the weights in float32 and the configuration of an encoder."""
    out.mkdir(parents=True, exist_ok=True)
    state = {name: value.contiguous().cpu() for name, value in encoder.backbone.state_dict().items()}
    state = {name: value for name, value in state.items() if value.is_floating_point()}
    if encoder.projection is not None:
        state["projection.weight"] = encoder.projection.weight.detach().contiguous().cpu()
    save_file(state, out / "model.safetensors")
    settings = json.loads((source / "config.json").read_text())
    settings["num_hidden_layers"] = encoder.backbone.config.num_hidden_layers
    (out / "config.json").write_text(json.dumps(settings, indent=1))


def _log(options: argparse.Namespace, message: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {options.out.name}: {message}", flush=True)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrays", type=Path, required=True, help="output of training.prepare")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model to start from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, help="output of training.embed")
    parser.add_argument("--keep-space", action="store_true", help="learn the teacher's ranking, not its vectors")
    parser.add_argument("--layers", type=int, nargs="+", help="layers of the model to keep")
    parser.add_argument("--dim", type=int, help="components of the vectors")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=640, help="queries per step")
    parser.add_argument("--rate", type=float, default=1.5e-4, help="highest learning rate")
    parser.add_argument("--refresh", type=int, nargs="*", default=[], help="steps that embed and mine again")
    parser.add_argument("--corpus-weight", type=float, default=0.5)
    parser.add_argument("--query-weight", type=float, default=1.0)
    parser.add_argument("--paper-weight", type=float, default=2.0)
    parser.add_argument("--skip-evaluation", action="store_true", help="training.embed evaluates too")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--device", default="cuda")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
