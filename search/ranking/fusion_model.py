"""Fusion model: scores the best candidates again, with weights that follow the query.

The score of a paper is a weighted sum of its fused score and four other features. The weights are linear in seven
features of the query: where lexical hits contain most of what the query says, BM25 counts more; where they do not, as
with a question in everyday words, the cosine does. A weight per query alone gains little; models without the fused
score, and trees, fit the training queries better and other collections worse (``docs/relevance.md``).

``fusion_model.json`` contains the coefficients and where they come from. ``training/fusion.py`` fits them with the
listwise softmax loss (Cao and others, "Learning to rank: from pairwise approach to listwise approach", ICML 2007).
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Self

import numpy as np
from numpy.typing import NDArray

PAPER_FEATURES = ("fused_score", "cosine", "bm25", "coverage", "semantic_rank")
QUERY_FEATURES = (
    "coverage_of_lexical_top",
    "coverage_of_semantic_top",
    "best_bm25_share",
    "terms",
    "cosine_of_lexical_top",
    "best_cosine",
    "overlap",
)
TOP = 10
"""Papers of each leg that describe the query."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelInput:
    """What both legs know about the candidates of one query.

    Attributes:
        fused_score: (n,) float32, score of the fixed fusion.
        cosine: (n,) float32, cosine of query and paper.
        bm25: (n,) float32, BM25 of query and paper.
        coverage: (n,) float32, 0 to 1; share of the inverse document frequency of the query's terms that the paper has.
            It is needed for the papers to score and for the TOP papers of each leg.
        max_bm25: upper bound of the BM25 of the query (``Lexicon.max_score``).
        term_count: number of distinct terms of the query.
    """

    fused_score: NDArray[np.float32]
    cosine: NDArray[np.float32]
    bm25: NDArray[np.float32]
    coverage: NDArray[np.float32]
    max_bm25: float
    term_count: int

    def paper_features(self) -> NDArray[np.float32]:
        """Returns (n, 5) float32, in the order of PAPER_FEATURES."""
        best = float(self.bm25.max(initial=0.0)) or 1.0
        higher_cosines = len(self.cosine) - np.searchsorted(np.sort(self.cosine), self.cosine, side="right")
        columns = (
            self.fused_score,
            self.cosine,
            self.bm25 / np.float32(best),
            self.coverage,
            -np.log1p(higher_cosines) / 5,
        )
        return np.stack(columns, axis=1).astype(np.float32)

    def query_features(self) -> NDArray[np.float32]:
        """Returns (7,) float32, in the order of QUERY_FEATURES."""
        semantic, lexical = (top_of(scores) for scores in (self.cosine, self.bm25))
        return np.array(
            [
                self.coverage[lexical].mean(),
                self.coverage[semantic].mean(),
                float(self.bm25.max()) / (self.max_bm25 or 1.0),
                np.log1p(self.term_count) / 3,
                (self.cosine[lexical].mean() - self.cosine[semantic].mean()) * 5,
                self.cosine.max(),
                len({*semantic.tolist()} & {*lexical.tolist()}) / TOP,
            ],
            np.float32,
        )


@dataclass(frozen=True, slots=True, eq=False)
class FusionModel:
    """The coefficients.

    Attributes:
        lowest: (7,) first percentile of each query feature in training; lower values count as this one.
        highest: (7,) last percentile.
        means: (7,) means of the query features.
        scales: (7,) standard deviations of the query features.
        weights: (5,) weights of the paper features for the mean query.
        effects: (7, 5) change of the weights per standard deviation of a query feature.
        centre: weighted sum that gives a score of 0.5.
        width: weighted sum that moves a score from 0.5 to 0.73.
    """

    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]
    means: NDArray[np.float32]
    scales: NDArray[np.float32]
    weights: NDArray[np.float32]
    effects: NDArray[np.float32]
    centre: float
    width: float

    @classmethod
    @cache
    def load(cls) -> Self:
        """Reads the coefficients of the package."""
        fields = json.loads(files("search.ranking").joinpath("fusion_model.json").read_text("utf-8"))
        names = ("lowest", "highest", "means", "scales", "weights", "effects")
        arrays = {name: np.array(fields[name], np.float32) for name in names}
        return cls(**arrays, centre=fields["centre"], width=fields["width"])

    def score(self, model_input: ModelInput) -> NDArray[np.float32]:
        """Returns the score of each candidate, (n,) float32 between 0 and 1; there is at least one."""
        query = np.clip(model_input.query_features(), self.lowest, self.highest)
        # einsum, since OpenBLAS sets the flag of an invalid operation for some small products, which numpy reports.
        weights = self.weights + np.einsum("q,qp->p", (query - self.means) / self.scales, self.effects)
        total = np.einsum("np,p->n", model_input.paper_features(), weights)
        return np.asarray(1 / (1 + np.exp((self.centre - total) / self.width)), np.float32)


def top_of(scores: NDArray[np.float32], count: int = TOP) -> NDArray[np.int64]:
    """Returns the positions of the highest scores; equal scores in the order given."""
    return np.argsort(-scores, kind="stable")[:count]
