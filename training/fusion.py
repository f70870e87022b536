"""Fits the coefficients of the fusion model (``search/ranking/fusion_model.py``) on judged queries.

    python -m training.fusion --set INDEX questions.jsonl 1 --set SCIFACT_INDEX claims.jsonl 3 --out fusion_model.json

Each line of a file of queries is ``{"text": ..., "relevant": {PAPER_ID: GRADE}}``. The questions must belong to papers
whose texts did not train the encoder (the split ``fusion`` of ``training.prepare``): it has learned the others by
heart, and the model would trust it too much. The loss is the cross-entropy of the relevant papers under a softmax over
the candidates (Cao and others, ICML 2007), summed over the sets with the weights given, plus a penalty that keeps the
coefficients near those of the fused score alone.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search import open_index
from search.query.condition import AllOf
from search.ranking.filtered_index import LEGS_TUNING, FilteredIndex
from search.ranking.fusion_model import PAPER_FEATURES, ModelInput
from search.ranking.legs import LegInput, Ranking
from search.session import Session

CANDIDATES = 130
"""Candidates per query, the first by fused score, besides the relevant ones."""
STEPS = 200
"""Steps of Adam over all queries."""
RATE = 0.15
"""Learning rate."""
WEIGHT_PENALTY = 0.01
"""Penalty on the squares of the weights except that of the fused score."""
EFFECT_PENALTY = 0.02
"""Penalty on the squares of the effects."""
CENTRE, WIDTH = 6.0, 3.0
"""Weighted sums of the first hit are 8.8 on average, of the hundredth 3.3."""


@dataclass
class QuerySet:
    """The queries of one set, padded to equal numbers of candidates.

    Attributes:
        papers: (n, CANDIDATES, 5) features of the candidates.
        queries: (n, 7) features of the queries.
        target: (n, CANDIDATES) share of each candidate in the relevant ones.
        is_candidate: (n, CANDIDATES) False for padding.
        weight: weight of the set in the loss.
    """

    papers: Tensor
    queries: Tensor
    target: Tensor
    is_candidate: Tensor
    weight: float


def read_set(index: Path, queries: Path, weight: float) -> QuerySet:
    """Ranks the queries of a file in an index without the fusion model, and returns their features."""
    session = open_index(index).session()
    rows = [row for line in queries.open(encoding="utf-8") if (row := _read_query(session, json.loads(line)))]
    papers, features, target, is_candidate = (torch.from_numpy(np.stack(each)) for each in zip(*rows, strict=True))
    return QuerySet(papers, features, target, is_candidate, weight)


def _read_query(session: Session, query: dict[str, Any]) -> tuple[NDArray[Any], ...] | None:
    """Returns the features and targets of one query; None if no candidate is relevant."""
    fusion = replace(LEGS_TUNING.fusion, modelled_papers=0)
    snapshot, text = session.snapshot, query["text"]
    filtered = FilteredIndex.of(snapshot, AllOf(()), tuning=replace(LEGS_TUNING, fusion=fusion))
    vector = session.embedders.get(snapshot.model).encode([text])[0]
    fused = Ranking.compute(filtered, LegInput(vector, text)).fused
    lexicon = snapshot.lexicon
    coverage = lexicon.coverage(text, fused.rows)
    model_input = ModelInput(
        fused.scores, fused.cosine, fused.bm25, coverage, lexicon.max_score(text), len(lexicon.terms(text))
    )
    grades = {snapshot.find_row(paper): grade for paper, grade in query["relevant"].items()}
    gain = np.array([grades.get(row, 0) for row in fused.rows.tolist()], np.float32)
    if not gain.any():
        return None
    chosen = np.argsort(-gain, kind="stable")[: int((gain > 0).sum())]
    chosen = np.unique(np.concatenate((chosen, np.arange(min(CANDIDATES, len(gain))))))[:CANDIDATES]
    papers = np.zeros((CANDIDATES, len(PAPER_FEATURES)), np.float32)
    target, is_candidate = np.zeros(CANDIDATES, np.float32), np.zeros(CANDIDATES, bool)
    papers[: len(chosen)] = model_input.paper_features(chosen)
    target[: len(chosen)] = gain[chosen] / max(gain[chosen].sum(), 1e-9)
    is_candidate[: len(chosen)] = True
    return papers, model_input.query_features(), target, is_candidate


def fit(sets: list[QuerySet]) -> dict[str, Any]:
    """Returns the coefficients, as in ``fusion_model.json``."""
    queries = torch.cat([each.queries for each in sets])
    means, scales = queries.mean(0), queries.std(0) + 1e-3
    weights = torch.full((len(PAPER_FEATURES),), 5.0, requires_grad=True)
    effects = torch.zeros(queries.shape[1], len(PAPER_FEATURES), requires_grad=True)
    optimizer = torch.optim.Adam([weights, effects], lr=RATE)
    for _ in range(STEPS):
        loss = EFFECT_PENALTY * (effects**2).sum() + WEIGHT_PENALTY * (weights[1:] ** 2).sum()
        for each in sets:
            by_query = weights + (each.queries - means) / scales @ effects
            total = (each.papers * by_query[:, None]).sum(-1).masked_fill(~each.is_candidate, -1e4)
            loss = loss - each.weight * (each.target * torch.log_softmax(total, 1)).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    limits = {name: torch.quantile(queries, share, dim=0) for name, share in (("lowest", 0.01), ("highest", 0.99))}
    found = {**limits, "means": means, "scales": scales, "weights": weights.detach(), "effects": effects.detach()}
    return {
        **{name: np.round(value.numpy(), 4).tolist() for name, value in found.items()},
        "centre": CENTRE,
        "width": WIDTH,
    }


def read_sets(options: argparse.Namespace) -> Iterator[QuerySet]:
    """Reads the sets of the command line."""
    for index, queries, weight in options.set:
        yield read_set(Path(index), Path(queries), float(weight))


def main(arguments: list[str] | None = None) -> None:
    """Reads the command line and writes the coefficients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", nargs=3, action="append", required=True, metavar=("INDEX", "QUERIES", "WEIGHT"))
    parser.add_argument("--source", default="", help="what the coefficients come from; stored with them")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    coefficients = {"source": options.source, **fit(list(read_sets(options)))}
    options.out.write_text(json.dumps(coefficients, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
