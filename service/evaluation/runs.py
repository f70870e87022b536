"""Runs: what was found for each query of a retrieval set, how good that is, and whether one run beats another."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search.errors import InvalidValue
from service.evaluation.beir import RetrievalSet

MEASURES = ("nDCG@10", "R@100", "AP", "RR")
"""By the names that ir-measures gives them."""
RESAMPLES = 10_000
"""Of the bootstrap and of the randomization test."""

_RESAMPLE_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class RunDescription:
    """What a run was: two runs can be compared if they answer the same queries of the same corpus.

    Attributes:
        name: of the set's folder. corpus: sha256 of its papers. model: identity of the embedding model, in short.
        papers: how many there were to be found. depth: how many were asked for, and measured.
    """

    name: str
    corpus: str
    split: str
    query_subset: str
    mode: str
    model: str
    papers: int
    depth: int


@dataclass(frozen=True, slots=True)
class Run:
    """The answers to all queries, and each query's measures.

    Attributes:
        rankings: by query, ids of the corpus, best first.
        measures: by name as in MEASURES and query.
    """

    description: RunDescription
    rankings: Mapping[str, tuple[str, ...]]
    measures: Mapping[str, Mapping[str, float]]

    @classmethod
    def from_rankings(
        cls, description: RunDescription, rankings: Mapping[str, tuple[str, ...]], retrieval_set: RetrievalSet
    ) -> Self:
        """Measures rankings against the judgments, with ir-measures (MacAvaney, Macdonald and Ounis, "Streamlining
        Evaluation with ir-measures", ECIR 2022). A query that nothing was found for counts as 0."""
        import ir_measures

        found = {
            query: {paper: float(len(ranking) - place) for place, paper in enumerate(ranking)}
            for query, ranking in rankings.items()
        }
        judged = {query: dict(grades) for query, grades in retrieval_set.judgments.items()}
        measures: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
        wanted = [ir_measures.parse_measure(name) for name in MEASURES]
        for each in ir_measures.iter_calc(wanted, judged, found):
            measures[str(each.measure)][each.query_id] = float(each.value)
        return cls(description, rankings, measures)

    @property
    def means(self) -> dict[str, float]:
        """Each measure's mean over the queries."""
        return {name: float(np.mean(list(values.values()))) for name, values in self.measures.items()}

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95% interval of each mean, by bootstrap over queries."""
        return {
            name: confidence_interval(np.array([values[each] for each in sorted(values)]))
            for name, values in self.measures.items()
        }

    def save(self, path: Path) -> None:
        """Writes JSON lines: what was asked, then a line a query."""
        lines: list[object] = [{"run": asdict(self.description)}]
        for query, ranking in self.rankings.items():
            values = {name: self.measures[name][query] for name in MEASURES}
            lines.append({"query": query, **values, "ranking": ranking})
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what ``save`` wrote.

        Raises:
            InvalidValue: the file is not there, or no run.
        """
        try:
            first, *lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            measures = {name: {line["query"]: float(line[name]) for line in lines} for name in MEASURES}
            return cls(
                RunDescription(**first["run"]), {line["query"]: tuple(line["ranking"]) for line in lines}, measures
            )
        except OSError as error:
            raise InvalidValue("against", str(path), f"it cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError):
            raise InvalidValue("against", str(path), "it is no run; save one with --run-out FILE") from None


@dataclass(frozen=True, slots=True)
class Difference:
    """How much one run's mean of a measure is above another's, over the same queries.

    Attributes:
        mean: of the differences. low, high: of its 95% interval, by bootstrap over queries. p: of the two-sided
            randomization test, that runs which do not differ are this far apart.
    """

    mean: float
    low: float
    high: float
    p: float


def compare_runs(run: Run, against: Run) -> dict[str, Difference]:
    """Each measure's paired difference.

    Raises:
        InvalidValue: the other run is of another corpus, or of other queries.
    """
    ours, theirs = run.description, against.description
    what = f"{theirs.name}, {theirs.split} split, queries {theirs.query_subset}"
    if theirs.corpus != ours.corpus:
        raise InvalidValue("against", what, f"this is a run over {ours.name}: its papers are others")
    if set(against.rankings) != set(run.rankings):
        raise InvalidValue(
            "against", what, f"these are queries {ours.query_subset} of the {ours.split} split: give the same"
        )
    return {name: _paired_difference(values, against.measures[name]) for name, values in run.measures.items()}


def _paired_difference(ours: Mapping[str, float], theirs: Mapping[str, float]) -> Difference:
    """With a fixed seed.

    The test swaps the two runs' values of a query at random (Smucker, Allan and Carterette, "A Comparison of
    Statistical Significance Tests for Information Retrieval Evaluation", CIKM 2007).
    """
    differences = np.array([ours[query] - theirs[query] for query in sorted(ours)])
    mean, (low, high) = float(differences.mean()), confidence_interval(differences)
    random = np.random.default_rng(0)
    extreme = 0
    for start in range(0, RESAMPLES, _RESAMPLE_BATCH):
        signs = random.choice((-1.0, 1.0), (min(_RESAMPLE_BATCH, RESAMPLES - start), len(differences)))
        extreme += int((np.abs(signs @ differences / len(differences)) >= abs(mean) - 1e-12).sum())
    return Difference(mean, low, high, (extreme + 1) / (RESAMPLES + 1))


def confidence_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95% interval of the mean of (n,) values: percentile bootstrap over them, with a fixed seed."""
    random, means = np.random.default_rng(0), []
    for start in range(0, RESAMPLES, _RESAMPLE_BATCH):
        drawn = random.integers(0, len(values), (min(_RESAMPLE_BATCH, RESAMPLES - start), len(values)))
        means.append(values[drawn].mean(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)
