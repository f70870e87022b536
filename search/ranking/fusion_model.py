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
from math import log1p
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.lazy import lazy_property

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


@dataclass(frozen=True, eq=False)
class ModelInput:
    """What both legs know about the candidates of one query; there is at least one.

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

    @lazy_property
    def semantic_order(self) -> NDArray[np.int64]:
        """(n,) int64, the positions of the papers by descending cosine."""
        return _descending(self.cosine)

    @lazy_property
    def lexical_order(self) -> NDArray[np.int64]:
        """(n,) int64, the positions of the papers by descending BM25."""
        return _descending(self.bm25)

    def paper_features(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the features of some papers, (len(positions), 5) float32, in the order of PAPER_FEATURES."""
        best, cosine = float(self.bm25[self.lexical_order[0]]) or 1.0, self.cosine[positions]
        ascending = self.cosine[self.semantic_order[::-1]]
        higher_cosines = len(ascending) - ascending.searchsorted(cosine, "right")
        features = np.empty((len(positions), len(PAPER_FEATURES)), np.float32)
        features[:, 0] = self.fused_score[positions]
        features[:, 1] = cosine
        features[:, 2] = self.bm25[positions] / np.float32(best)
        features[:, 3] = self.coverage[positions]
        features[:, 4] = -np.log1p(higher_cosines) / 5
        return features

    def query_features(self) -> NDArray[np.float32]:
        """Returns (7,) float32, in the order of QUERY_FEATURES."""
        semantic, lexical = self.semantic_order[:TOP], self.lexical_order[:TOP]
        cosine_of_semantic = self.cosine[semantic]
        return np.array(
            [
                _mean(self.coverage[lexical]),
                _mean(self.coverage[semantic]),
                float(self.bm25[lexical[0]]) / (self.max_bm25 or 1.0),
                log1p(self.term_count) / 3,
                (_mean(self.cosine[lexical]) - _mean(cosine_of_semantic)) * 5,
                cosine_of_semantic[0],
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

    def score(self, model_input: ModelInput, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the scores of some candidates, (len(positions),) float32 between 0 and 1; there is at least one."""
        query = np.minimum(np.maximum(model_input.query_features(), self.lowest), self.highest)
        # einsum, since OpenBLAS sets the flag of an invalid operation for some small products, which numpy reports.
        weights = self.weights + np.einsum("q,qp->p", (query - self.means) / self.scales, self.effects)
        total = np.einsum("np,p->n", model_input.paper_features(positions), weights)
        return np.asarray(1 / (1 + np.exp((self.centre - total) / self.width)), np.float32)


def _descending(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Returns the positions of scores, the highest first; equal scores in the order given."""
    return (-scores).argsort(kind="stable")


def _mean(scores: NDArray[np.float32]) -> np.float32:
    """Returns the mean of scores in half the time of ``numpy.mean``."""
    return np.float32(np.add.reduce(scores) / np.float32(len(scores)))
