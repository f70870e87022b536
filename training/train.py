r"""Trains an encoder on queries and their papers, alone or with the vectors of a teacher.

    python -m training.train --arrays arrays/ --model MiniLM/ --out direct/ --steps 900
    python -m training.train --arrays arrays/ --model MiniLM/ --out student/ --teacher teacher.npz --steps 1500 \
        --rate 2e-4 --query-weight 2 --paper-weight 4

Each step draws queries of all kinds (``training.queries.MIXTURE``), their papers, and one mined paper per query, and
minimises ``training.loss.Objective``. The reference is the teacher, if there is one, and else the model before
training. The result is the moving average of the weights.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.encoders import Encoder, embed, load_encoder, save_encoder
from training.loss import Batch, Objective, Reference
from training.queries import Queries, Sampler
from training.texts import Texts

WARM_UP = 0.06
"""Share of the steps in which the learning rate rises; the usual value for BERT."""
AVERAGING = 0.995
"""Largest decay per step of the averaged weights, which then cover some 200 steps."""
WEIGHT_DECAY = 0.01
"""Of AdamW; the usual value for BERT (Devlin et al., NAACL 2019)."""
MAX_NORM = 1.0
"""Norm to which gradients are clipped; the usual value for BERT."""
REPORT_STEPS = 50
"""Steps between lines of progress."""


@dataclass(frozen=True)
class Options:
    """The command line; see ``main``."""

    arrays: Path
    model: Path
    out: Path
    teacher: Path | None
    keep_space: bool
    layers: list[int] | None
    dim: int | None
    steps: int
    batch: int
    rate: float
    query_weight: float
    paper_weight: float
    seed: int
    device: str


@dataclass(frozen=True)
class Data:
    """The training data on the device."""

    papers: Texts
    queries: Queries

    @classmethod
    def load(cls, arrays: Path, device: torch.device) -> "Data":
        """Reads the output of ``training.prepare``."""
        return cls(Texts.load(arrays / "papers.npz", device), Queries.load(arrays, device))


class AveragedWeights:
    """Exponential moving average of the trained weights of a model (Polyak and Juditsky, 1992)."""

    def __init__(self, model: nn.Module) -> None:
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        self._averages = [weight.detach().clone() for weight in self._weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Adds the weights after a step, counted from 1; early steps count less, as the first weights are far off."""
        decay = min(AVERAGING, step / (step + 10))
        for average, weight in zip(self._averages, self._weights, strict=True):
            average.lerp_(weight, 1 - decay)

    @torch.no_grad()
    def apply(self) -> None:
        """Replaces the weights of the model by their averages."""
        for average, weight in zip(self._averages, self._weights, strict=True):
            weight.copy_(average)


class Optimizer:
    """AdamW with clipped gradients and a learning rate that rises, then falls linearly to 0.

    Args:
        model: its weights that require a gradient are trained.
        rate: highest learning rate.
        steps: steps of the training.
    """

    def __init__(self, model: nn.Module, rate: float, steps: int) -> None:
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        is_fused = self._weights[0].device.type == "cuda"
        self._adam = torch.optim.AdamW(self._weights, lr=rate, weight_decay=WEIGHT_DECAY, fused=is_fused)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._adam, lambda step: relative_rate(step, steps))

    def step(self, loss: Tensor) -> None:
        """Changes the weights by the gradient of a loss."""
        self._adam.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._weights, MAX_NORM)
        self._adam.step()
        self._schedule.step()


def relative_rate(step: int, steps: int) -> float:
    """Returns the learning rate of a step, counted from 0, as a share of the highest."""
    warm_up = max(1, round(WARM_UP * steps))
    return min((step + 1) / warm_up, (steps - step) / max(1, steps - warm_up))


def train(encoder: Encoder, data: Data, objective: Objective, options: Options) -> None:
    """Trains an encoder in place."""
    device = data.papers.device
    sampler = Sampler(data.queries, options.seed)
    mined = _mine_all(objective.ranking, data.queries)
    optimizer = Optimizer(encoder, options.rate, options.steps)
    averaged = AveragedWeights(encoder)
    encoder.train()
    start = time.monotonic()
    for step in range(1, options.steps + 1):
        drawn = sampler.draw(options.batch)
        near = sampler.generator.integers(0, mined.shape[1], len(drawn))
        papers = np.concatenate((data.queries.row[drawn], mined[drawn, near]))
        with torch.autocast(device.type, torch.bfloat16):
            query_vectors = encoder(*data.queries.texts.batch(drawn))
            paper_vectors = encoder(*data.papers.batch(papers))
        batch = Batch.build(drawn, papers, data.queries.kind[drawn], device)
        loss = objective.loss(batch, query_vectors, paper_vectors)
        optimizer.step(loss)
        averaged.update(step)
        if step % REPORT_STEPS == 0 or step == options.steps:
            print(f"step {step} loss {loss.item():.4f} {(time.monotonic() - start) / step:.3f} s/step", flush=True)
    averaged.apply()


def _mine_all(reference: Reference, queries: Queries) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Returns (queries, ranks) rows of mined papers; those of other splits are 0."""
    training = queries.training()
    found = reference.mine(training, queries.row[training])
    mined = np.zeros((len(queries.row), found.shape[1]), np.int64)
    mined[training] = found
    return mined


def build_objective(encoder: Encoder, data: Data, options: Options) -> Objective:
    """Returns what an encoder is trained for, before its first step."""
    weights = (options.query_weight, options.paper_weight)
    if options.teacher is None:
        own = _reference_of(encoder, data)
        return Objective(own, own, *weights)
    teacher = read_reference(options.teacher, data.queries, data.papers.device)
    return Objective(teacher, _reference_of(encoder, data) if options.keep_space else teacher, *weights)


def read_reference(path: Path, queries: Queries, device: torch.device) -> Reference:
    """Reads the vectors of a teacher, the output of ``training.embed``."""
    with np.load(path) as stored:
        vectors = [torch.from_numpy(stored[name]).to(device) for name in ("papers", "queries")]
    return Reference(vectors[0], vectors[1], queries.test_papers, is_teacher=True)


def _reference_of(encoder: Encoder, data: Data) -> Reference:
    papers, training = embed(encoder, data.papers), data.queries.training()
    queries = torch.zeros(len(data.queries.row), papers.shape[1], dtype=papers.dtype, device=papers.device)
    queries[torch.from_numpy(training).to(papers.device)] = embed(encoder, data.queries.texts, training)
    return Reference(papers, queries, data.queries.test_papers, is_teacher=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--arrays", type=Path, required=True, help="output of training.prepare")
    add("--model", type=Path, required=True, help="folder of the encoder to start from")
    add("--out", type=Path, required=True, help="folder to write")
    add("--teacher", type=Path, help="output of training.embed")
    add("--keep-space", action="store_true", help="learn the teacher's ranking, and keep the vectors of --model")
    add("--layers", type=int, nargs="+", metavar="N", help="layers of --model to keep, from 0; default: all")
    add("--dim", type=int, help="components of the vectors; default: those of --model")
    add("--steps", type=int, default=1000, help="default: 1000")
    add("--batch", type=int, default=640, help="queries per step; default: 640")
    add("--rate", type=float, default=1.5e-4, help="highest learning rate; default: 1.5e-4")
    add("--query-weight", type=float, default=1.0, help="weight of the distance of query vectors; default: 1")
    add("--paper-weight", type=float, default=2.0, help="weight of the distance of paper vectors; default: 2")
    add("--seed", type=int, default=14, help="default: 14")
    add("--device", default="cuda", help="default: cuda")
    options = Options(**vars(parser.parse_args(arguments)))
    device = torch.device(options.device)
    torch.manual_seed(options.seed)
    data = Data.load(options.arrays, device)
    encoder = load_encoder(options.model, options.layers, options.dim).to(device)
    train(encoder, data, build_objective(encoder, data, options), options)
    save_encoder(encoder, options.model, options.out)


if __name__ == "__main__":
    main()
