"""Counts of relevant papers: their error against scoring every paper, and the time of facets, on one core.

The queries are the known-item questions and short topics, broad and narrow.

    papers index PAPERS.jsonl.xz --index FULL
    python -m benchmarks.counts FULL
    python -m benchmarks.tiled_index FULL MILLION --rows 1000000
    python -m benchmarks.counts MILLION
"""

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from search.embedding.embedder import load_embedder
from search.index.calibration import CALIBRATION_TUNING
from search.index.snapshot import Snapshot
from search.query.condition import AllOf
from search.query.filter import Filter
from search.ranking.bands import Bands
from search.ranking.facets import count_facets
from search.ranking.filtered_index import FilteredIndex
from search.ranking.legs import LegInput, Ranking
from search.ranking.relevance import find_relevant
from search.searcher import Searcher

ROOT = Path(__file__).parent.parent
_TOPICS = (
    "diffusion models",
    "large language models",
    "graph neural networks",
    "dark matter",
    "click-through rate prediction",
    "KV cache compression for long context inference",
    "zero-shot",
    "fair division of indivisible goods",
    "quantum error correction codes",
    "reinforcement learning from human feedback",
    "protein folding",
    "superconductivity in nickelates",
    "gravitational waves from neutron star mergers",
    "image",
    "retrieval-augmented generation",
    "medical image segmentation",
    "topological insulators",
    "exoplanet atmospheres",
    "traffic forecasting",
    "code generation",
    "black hole",
)
_ROUNDS = 5
"""Rounds of the time measurement."""


@dataclass(frozen=True, slots=True)
class _CountError:
    """The errors of one query: papers that are relevant, missed, wrongly counted, and expected to be either."""

    query: str
    relevant: int
    missed: int
    wrong: int
    expected: float

    @property
    def share(self) -> float:
        """Difference of the count, as a share of the true one."""
        return abs(self.wrong - self.missed) / max(self.relevant, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--note", default="", help="what the papers are; recorded with the results")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    embedder = load_embedder(serving=True)
    searcher = Searcher(options.index, lambda _model: embedder)
    lines = (ROOT / "tests/known_items.jsonl").read_text("utf-8").splitlines()
    queries = [*(json.loads(line)["question"] for line in lines), *_TOPICS]
    vectors = embedder.encode(queries)
    rows = searcher.snapshot.manifest.rows
    filters = {"all papers": Filter(), "computer science": Filter(categories=("cs",))}
    errors: dict[str, list[_CountError]] = {name: [] for name in filters}
    for name, wanted in filters.items():
        for text, vector in zip(queries, vectors, strict=True):
            errors[name].append(_measure_error(FilteredIndex.of(searcher.snapshot, wanted.condition), text, vector))
    figures = {
        "queries": len(queries),
        "errors": {name: _summarize(measured) for name, measured in errors.items()},
        "papers_counted": {each.query: each.relevant for each in errors["all papers"] if each.query in _TOPICS},
        "processor_time": _measure_times(searcher.snapshot, queries, vectors),
    }
    results.save(f"counts-{rows}", figures, dataset=f"{rows:,} papers, one core; {options.note}")


def _measure_error(index: FilteredIndex, text: str, vector: NDArray[np.float32]) -> _CountError:
    snapshot, leg_input = index.snapshot, LegInput(vector, text, word_count=len(text.split()))
    bands = Bands.of(index, leg_input)
    cosine_limit = bands.thresholds.related if bands.thresholds else 1.0
    counted = find_relevant(index, leg_input, bands, Ranking.compute(index, leg_input)).rows.mask
    relevant = snapshot.vectors.scores(vector, np.arange(index.rows.universe)) >= cosine_limit
    ranked = snapshot.lexicon.search(text, index.rows.universe, index.rows)
    share = CALIBRATION_TUNING.single_occurrence_share
    relevant[ranked.rows[ranked.scores >= share * (bands.max_bm25 or np.inf)]] = True
    relevant &= index.rows.mask
    expected = snapshot.vectors.rows_above(vector, cosine_limit, index.rows).expected_errors
    return _CountError(
        text, int(relevant.sum()), int((relevant & ~counted).sum()), int((counted & ~relevant).sum()), expected
    )


def _summarize(errors: list[_CountError]) -> dict[str, object]:
    relevant = sum(each.relevant for each in errors)
    return {
        "relevant_median": median(each.relevant for each in errors),
        "count_error_mean": round(mean(each.share for each in errors), 5),
        "count_error_max": round(max(each.share for each in errors), 5),
        "count_error_max_from_100": round(max(each.share for each in errors if each.relevant >= 100), 5),
        "missed_share": round(sum(each.missed for each in errors) / relevant, 5),
        "wrong_share": round(sum(each.wrong for each in errors) / relevant, 5),
        "expected_error_share": round(sum(each.expected for each in errors) / relevant, 5),
        "largest_errors": [
            f"{each.query}: {each.relevant} relevant, {each.missed} missed, {each.wrong} wrong"
            for each in sorted(errors, key=lambda each: -each.share)[:3]
        ],
    }


def _measure_times(snapshot: Snapshot, queries: list[str], vectors: NDArray[np.float32]) -> dict[str, object]:
    """Returns the milliseconds of processor time that each query takes, best of five rounds.

    All of it is spent on one thread, so that on an idle machine it is the time that passes.
    """
    best: dict[str, tuple[float, float]] = {}
    for text, vector in zip(queries, vectors, strict=True):
        index, leg_input = FilteredIndex.of(snapshot, AllOf(())), LegInput(vector, text, word_count=len(text.split()))
        bands, ranking = Bands.of(index, leg_input), Ranking.compute(index, leg_input)
        rounds = []
        for _ in range(_ROUNDS):
            start = time.thread_time()
            relevant = find_relevant(index, leg_input, bands, ranking)
            found = time.thread_time()
            count_facets(snapshot.columns, relevant.rows)
            rounds.append((found - start, time.thread_time() - found))
        best[text] = min(rounds, key=sum)
    slowest = sorted(best, key=lambda text: -sum(best[text]))[:5]
    return {
        "relevant": results.percentiles([relevant for relevant, _ in best.values()]),
        "facets": results.percentiles([facets for _, facets in best.values()]),
        "both": results.percentiles([sum(each) for each in best.values()]),
        "slowest": {text: round(sum(best[text]) * 1e3, 1) for text in slowest},
    }


if __name__ == "__main__":
    main()
