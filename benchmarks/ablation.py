"""Effect of each part of the ranking on retrieval sets in BEIR layout.

    python -m benchmarks.ablation FOLDER_OF_SETS

The folder contains scifact, cranfield, cacm and cisi. Constants were chosen on SciFact's train split and Cranfield's
even queries, which are reported separately. Differences to the default ranking are paired; intervals are 95% bootstrap.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from search.embedding.embedder import Embedder, load_embedder
from search.index.snapshot import Snapshot
from search.papers.words import split_words
from search.query.condition import AllOf
from search.ranking.filtered_index import LEGS_TUNING, FilteredIndex
from search.ranking.legs import LegInput, Ranking
from search.searcher import Searcher
from service.evaluation.beir import RetrievalSet, corpus_ids
from service.evaluation.measure import RunOptions, build_index, run_queries
from service.evaluation.runs import MEASURES, RESAMPLES, Run, compare_runs

HELD_OUT = (("scifact", "test", "all"), ("cranfield", "test", "odd"), ("cacm", "test", "all"), ("cisi", "test", "all"))
TUNED_ON = (("scifact", "train", "all"), ("cranfield", "test", "even"))
_RUN_DEPTH = 100
"""Hits per query."""
_RRF_K = 60
"""Constant of reciprocal rank fusion, from the paper."""

RowIds = NDArray[np.int64]
RankingMethod = Callable[[Snapshot, NDArray[np.float32], str], RowIds]


def rank_semantic(snapshot: Snapshot, vector: NDArray[np.float32], _text: str) -> RowIds:
    return FilteredIndex.of(snapshot, AllOf(())).search_semantic(vector).rows


def rank_lexical(snapshot: Snapshot, _vector: NDArray[np.float32], text: str) -> RowIds:
    return FilteredIndex.of(snapshot, AllOf(())).search_lexical(text).rows


def rank_reciprocal(snapshot: Snapshot, vector: NDArray[np.float32], text: str) -> RowIds:
    """Ranks by reciprocal rank fusion of the same legs (Cormack, Clarke and Buettcher, SIGIR 2009), k = 60."""
    index = FilteredIndex.of(snapshot, AllOf(()))
    scores: dict[int, float] = {}
    for leg in (index.search_semantic(vector), index.search_lexical(text)):
        for row, rank in leg.ranks_of(leg.rows).items():
            scores[row] = scores.get(row, 0.0) + 1 / (_RRF_K + rank)
    return np.array(sorted(scores, key=lambda row: (-scores[row], row)), np.int64)


def rank_fused(
    snapshot: Snapshot,
    vector: NDArray[np.float32],
    text: str,
    *,
    feedback: bool = False,
    smoothing: bool = False,
    model: bool = False,
    keep_repeats: bool = True,
) -> RowIds:
    """Ranks like a hybrid query, without the parts that are turned off."""
    fusion = replace(
        LEGS_TUNING.fusion,
        feedback_papers=LEGS_TUNING.fusion.feedback_papers if feedback else 0,
        smoothed_papers=LEGS_TUNING.fusion.smoothed_papers if smoothing else 0,
        modelled_papers=LEGS_TUNING.fusion.modelled_papers if model else 0,
    )
    index = FilteredIndex.of(snapshot, AllOf(()), tuning=replace(LEGS_TUNING, fusion=fusion))
    words = text if keep_repeats else _deduplicate_words(snapshot, text)
    return Ranking.compute(index, LegInput(vector, words)).fused.rows


def _deduplicate_words(snapshot: Snapshot, text: str) -> str:
    """Returns the text with each word once, whatever its inflection."""
    words: dict[str | None, str] = {}
    for word in split_words(text):
        words.setdefault(snapshot.lexicon.term_by_word[word], word)
    return " ".join(words.values())


RANKING_METHODS: dict[str, RankingMethod] = {
    "semantic alone": rank_semantic,
    "lexical alone": rank_lexical,
    "RRF": rank_reciprocal,
    "fusion": rank_fused,
    "fusion, feedback and smoothing": partial(rank_fused, feedback=True, smoothing=True),
    "fusion and model": partial(rank_fused, model=True),
    "all, words once": partial(rank_fused, feedback=True, smoothing=True, model=True, keep_repeats=False),
}
"""The default ranking, called ``all``, is measured through ``Searcher``."""


def measure_runs(folder: Path, split: str, part: str, embedder: Embedder) -> dict[str, Run]:
    """Returns one run per ranking method, and one of the default ranking."""
    truth = RetrievalSet.read(folder, split, part)  # type: ignore[arg-type]  # read validates it
    corpus = truth.read_corpus_info()
    searcher = Searcher(build_index(truth, corpus, embedder), lambda _model: embedder)
    default = run_queries(searcher, truth, corpus, RunOptions("hybrid", _RUN_DEPTH))
    snapshot = searcher.snapshot
    ids_by_row = {row: corpus_ids(paper) for row, paper in snapshot.store.scan(0)}
    vectors = [embedder.encode([text])[0] for text in truth.queries.values()]
    runs = {"all": default}
    for name, method in RANKING_METHODS.items():
        rankings = {}
        for (query, text), vector in zip(truth.queries.items(), vectors, strict=True):
            rows = method(snapshot, vector, text)[:_RUN_DEPTH].tolist()
            rankings[query] = tuple([paper_id for row in rows for paper_id in ids_by_row[row]][:_RUN_DEPTH])
        runs[name] = Run.from_rankings(replace(default.description, mode=name), rankings, truth)
    return runs


def _summarize_runs(runs: dict[str, Run]) -> Iterator[tuple[str, dict[str, object]]]:
    for name, run in runs.items():
        summary: dict[str, object] = {measure: round(mean, 4) for measure, mean in run.means.items()}
        if name != "all":
            differences = compare_runs(runs["all"], run)
            summary["all minus this, 95%"] = {
                measure: {key: round(value, 4) for key, value in asdict(differences[measure]).items()}
                for measure in MEASURES[:2]
            }
        yield name, summary


def average_over_sets(runs: list[dict[str, Run]]) -> dict[str, object]:
    """Returns the mean of each method over the sets, and the interval of its difference to the default ranking.

    The bootstrap resamples the queries of each set.
    """
    random, figures = np.random.default_rng(0), {}
    for method in runs[0]:
        resampled, means = np.zeros(RESAMPLES), []
        for set_runs in runs:
            measured, default = (set_runs[name].measures["nDCG@10"] for name in (method, "all"))
            differences = np.array([default[query] - measured[query] for query in sorted(default)])
            draws = random.integers(0, len(differences), (RESAMPLES, len(differences)))
            resampled += differences[draws].mean(axis=1) / len(runs)
            means.append(np.mean(list(measured.values())))
        low, high = np.percentile(resampled, [2.5, 97.5])
        figures[method] = {
            "mean": round(float(np.mean(means)), 4),
            "all minus this, 95%": [round(float(value), 4) for value in (low, high)],
        }
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    folder, embedder = options.parse_args().folder, load_embedder()
    figures: dict[str, object] = {}
    held_out: list[dict[str, Run]] = []
    for name, split, part in (*HELD_OUT, *TUNED_ON):
        runs = measure_runs(folder / name, split, part, embedder)
        label = f"{name}, {split}" + ("" if part == "all" else f", {part} queries")
        figures[label] = dict(_summarize_runs(runs))
        if (name, split, part) in HELD_OUT:
            held_out.append(runs)
    results.save(
        "ablation",
        {"nDCG@10 over the four held out": average_over_sets(held_out), **figures},
        dataset="SciFact, Cranfield, CACM, CISI",
    )


if __name__ == "__main__":
    main()
