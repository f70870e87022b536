"""Runs: the ranking and measures of each query of a retrieval set, and the comparison of two runs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import ir_measures
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from search.errors import InvalidValue
from service.evaluation.beir import RetrievalSet

MEASURES = ("nDCG@10", "R@100", "AP", "RR")
"""The measures of a run, named as in ir-measures."""

RESAMPLES = 10_000
"""Resamples of the bootstrap and of the randomization test."""
_RESAMPLE_BATCH = 1_000
"""Resamples in memory at a time."""
_SEED = 0
"""Fixed, so that the same runs give the same intervals and p-values."""


@dataclass(frozen=True, slots=True)
class RunDescription:
    """The settings of a run. Two runs can be compared if they answer the same queries over the same corpus.

    Attributes:
        name: name of the folder of the retrieval set.
        corpus: SHA-256 of its corpus.
        split: split that the queries come from.
        query_subset: ``all``, ``even`` or ``odd``.
        mode: search mode.
        model: name and precision of the embedding model.
        papers: number of indexed papers.
        depth: number of papers per ranking.
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
    """The rankings of all queries and their measures.

    Attributes:
        description: the settings of the run.
        rankings: corpus IDs by query, best first.
        measures: values by name as in MEASURES, then by query.
    """

    description: RunDescription
    rankings: Mapping[str, tuple[str, ...]]
    measures: Mapping[str, Mapping[str, float]]

    @classmethod
    def from_rankings(
        cls, description: RunDescription, rankings: Mapping[str, tuple[str, ...]], retrieval_set: RetrievalSet
    ) -> Self:
        """Measures rankings against the judgments; a query with an empty ranking counts as 0.

        Computed by ir-measures (MacAvaney, Macdonald and Ounis, "Streamlining Evaluation with ir-measures", ECIR
        2022).
        """
        scores = {
            query: {paper: float(len(ranking) - rank) for rank, paper in enumerate(ranking)}
            for query, ranking in rankings.items()
        }
        judgments = {query: dict(grades) for query, grades in retrieval_set.judgments.items()}
        measures: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
        parsed = [ir_measures.parse_measure(name) for name in MEASURES]
        for each in ir_measures.iter_calc(parsed, judgments, scores):
            measures[str(each.measure)][each.query_id] = float(each.value)
        return cls(description, rankings, measures)

    @property
    def means(self) -> dict[str, float]:
        """The mean of each measure over the queries."""
        return {name: float(np.mean(list(values.values()))) for name, values in self.measures.items()}

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95% interval of each mean, by bootstrap over the queries."""
        return {
            name: confidence_interval(np.array([values[each] for each in sorted(values)]))
            for name, values in self.measures.items()
        }

    def save(self, path: Path) -> None:
        """Writes JSON lines: the description, then one line per query."""
        lines: list[object] = [{"run": asdict(self.description)}]
        for query, ranking in self.rankings.items():
            values = {name: self.measures[name][query] for name in MEASURES}
            lines.append({"query": query, **values, "ranking": ranking})
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a file written by ``save``.

        Raises:
            InvalidValue: the file is missing or is not a run.
        """
        try:
            first, *lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            measures = {name: {line["query"]: float(line[name]) for line in lines} for name in MEASURES}
            return cls(
                RunDescription(**first["run"]), {line["query"]: tuple(line["ranking"]) for line in lines}, measures
            )
        except OSError as error:
            raise InvalidValue("against", str(path), f"cannot read the file: {error.strerror}") from None
        except (ValueError, TypeError, KeyError):
            raise InvalidValue("against", str(path), "not a run; write one with --run-out FILE") from None


@dataclass(frozen=True, slots=True)
class Difference:
    """The paired difference of two runs in the mean of one measure.

    Attributes:
        mean: mean of the differences over the queries.
        low: lower end of its 95% bootstrap interval.
        high: upper end of its 95% bootstrap interval.
        p: two-sided p-value of the paired randomization test.
    """

    mean: float
    low: float
    high: float
    p: float


def compare_runs(run: Run, baseline: Run) -> dict[str, Difference]:
    """Returns the paired difference of each measure, ``run`` minus ``baseline``.

    Raises:
        InvalidValue: the two runs have different corpora or different queries.
    """
    description, other = run.description, baseline.description
    value = f"{other.name}, {other.split} split, queries {other.query_subset}"
    if other.corpus != description.corpus:
        raise InvalidValue("against", value, f"its corpus differs from that of {description.name}")
    if set(baseline.rankings) != set(run.rankings):
        expected = f"give a run of the same queries: {description.split} split, queries {description.query_subset}"
        raise InvalidValue("against", value, expected)
    return {name: paired_difference(values, baseline.measures[name]) for name, values in run.measures.items()}


def paired_difference(values: Mapping[str, float], baseline: Mapping[str, float]) -> Difference:
    """Tests the difference by random sign flips, as if the two runs' values of a query were swapped (Smucker, Allan
    and Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval Evaluation", CIKM 2007).
    All 2^n flips are tested where these are fewer than the resamples."""
    differences = np.array([values[query] - baseline[query] for query in sorted(values)])
    low, high = confidence_interval(differences)
    p = 1.0  # of a single query, whose two flips are equally extreme
    if len(differences) > 1:
        test = stats.permutation_test(
            (differences,),
            np.mean,
            permutation_type="samples",
            n_resamples=RESAMPLES,
            batch=_RESAMPLE_BATCH,
            rng=_SEED,
        )
        p = float(test.pvalue)
    return Difference(float(differences.mean()), low, high, p)


def confidence_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the 95% interval of the mean of (n,) values, by percentile bootstrap."""
    if len(values) == 1:
        return float(values[0]), float(values[0])
    interval = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, batch=_RESAMPLE_BATCH, method="percentile", rng=_SEED
    ).confidence_interval
    return float(interval.low), float(interval.high)
