"""What each part of the ranking is worth: with and without it, on retrieval sets in BEIR layout.

    python -m benchmarks.ablation FOLDER_OF_SETS

The folder holds scifact, cranfield, cacm and cisi. Constants were chosen on SciFact's train split and Cranfield's even
queries, which are reported apart. Differences to what a search does are paired, with 95% bootstrap intervals.
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
from search.ranking.fusion import LEG_DEPTH, fuse, rescore_with_feedback, rocchio_query, smooth_over_neighbours
from search.ranking.legs import FilteredIndex
from search.rows import Ranked
from search.searcher import Searcher
from service.evaluation.beir import RetrievalSet, corpus_ids
from service.evaluation.measure import RunOptions, build_index, run_queries
from service.evaluation.runs import MEASURES, RESAMPLES, Run, compare_runs

HELD_OUT = (("scifact", "test", "all"), ("cranfield", "test", "odd"), ("cacm", "test", "all"), ("cisi", "test", "all"))
TUNED_ON = (("scifact", "train", "all"), ("cranfield", "test", "even"))
_RUN_DEPTH = 100
_RRF_K = 60

RowIds = NDArray[np.int64]
RankingMethod = Callable[[Snapshot, NDArray[np.float32], str], RowIds]


def rank_semantic(snapshot: Snapshot, vector: NDArray[np.float32], _text: str) -> RowIds:
    return FilteredIndex.of(snapshot, AllOf(())).search_semantic(vector).rows


def rank_lexical(snapshot: Snapshot, _vector: NDArray[np.float32], text: str) -> RowIds:
    return FilteredIndex.of(snapshot, AllOf(())).search_lexical(text).rows


def rank_reciprocal(snapshot: Snapshot, vector: NDArray[np.float32], text: str) -> RowIds:
    """Reciprocal rank fusion of the same legs (Cormack, Clarke and Buettcher, SIGIR 2009), k = 60."""
    scope = FilteredIndex.of(snapshot, AllOf(()))
    scores: dict[int, float] = {}
    for leg in (scope.search_semantic(vector), scope.search_lexical(text)):
        for row, rank in leg.ranks().items():
            scores[row] = scores.get(row, 0.0) + 1 / (_RRF_K + rank)
    return np.array(sorted(scores, key=lambda row: (-scores[row], row)), np.int64)


def rank_fused(
    snapshot: Snapshot,
    vector: NDArray[np.float32],
    text: str,
    *,
    feedback: bool,
    smoothing: bool,
    keep_repeats: bool = True,
) -> RowIds:
    """As ``search.ranking.fusion.legs`` does it, with the parts that are asked for."""
    text = text if keep_repeats else _deduplicate_words(snapshot, text)
    scope, vectors, lexicon = FilteredIndex.of(snapshot, AllOf(())), snapshot.vectors, snapshot.lexicon
    legs: tuple[Ranked, Ranked] = (scope.search_semantic(vector), scope.search_lexical(text))
    bm25_of, cosine_of = partial(lexicon.scores, text), partial(vectors.scores, vector)
    order = fuse(*legs, cosine_of, bm25_of)
    towards = rocchio_query(vector, order, vectors.get_vectors) if feedback else None
    if towards is not None:
        found = scope.search_semantic(towards, LEG_DEPTH)
        order = rescore_with_feedback(order, found, partial(vectors.scores, towards), cosine_of, bm25_of)
    return (smooth_over_neighbours(order, vectors.get_vectors) if smoothing else order).rows


def _deduplicate_words(snapshot: Snapshot, text: str) -> str:
    """The text with each word once, inflected or not."""
    once: dict[str | None, str] = {}
    for word in split_words(text):
        once.setdefault(snapshot.lexicon.term_by_word[word], word)
    return " ".join(once.values())


RANKING_METHODS: dict[str, RankingMethod] = {
    "semantic alone": rank_semantic,
    "lexical alone": rank_lexical,
    "RRF": rank_reciprocal,
    "fusion": partial(rank_fused, feedback=False, smoothing=False),
    "fusion, words once": partial(rank_fused, feedback=False, smoothing=False, keep_repeats=False),
    "fusion and feedback": partial(rank_fused, feedback=True, smoothing=False),
    "fusion and raising": partial(rank_fused, feedback=False, smoothing=True),
    "all, words once": partial(rank_fused, feedback=True, smoothing=True, keep_repeats=False),
}
"""What a search does is measured through ``Searcher`` itself, as ``all``."""


def measure_runs(folder: Path, split: str, part: str, embedder: Embedder) -> dict[str, Run]:
    """A run of each way, and one of the search itself."""
    truth = RetrievalSet.read(folder, split, part)  # type: ignore[arg-type]  # read checks it
    corpus = truth.read_corpus_info()
    searcher = Searcher(build_index(truth, corpus, embedder), lambda _model: embedder)
    whole = run_queries(searcher, truth, corpus, RunOptions("hybrid", _RUN_DEPTH))
    snapshot = searcher.snapshot
    names = {row: corpus_ids(paper) for row, paper in snapshot.store.scan(0)}
    vectors = [embedder.encode([text])[0] for text in truth.queries.values()]
    runs = {"all": whole}
    for name, way in RANKING_METHODS.items():
        rankings = {}
        for (query, text), vector in zip(truth.queries.items(), vectors, strict=True):
            found = [each for row in way(snapshot, vector, text)[:_RUN_DEPTH].tolist() for each in names[row]]
            rankings[query] = tuple(found[:_RUN_DEPTH])
        runs[name] = Run.from_rankings(replace(whole.description, mode=name), rankings, truth)
    return runs


def _summarize_runs(runs: dict[str, Run]) -> Iterator[tuple[str, dict[str, object]]]:
    for name, run in runs.items():
        about: dict[str, object] = {measure: round(mean, 4) for measure, mean in run.means.items()}
        if name != "all":
            differences = compare_runs(runs["all"], run)
            about["all minus this, 95%"] = {
                measure: {key: round(value, 4) for key, value in asdict(differences[measure]).items()}
                for measure in MEASURES[:2]
            }
        yield name, about


def average_over_sets(runs: list[dict[str, Run]]) -> dict[str, object]:
    """Each way's mean over the sets, and how far that of the whole search is above: bootstrap of each set's queries."""
    random, figures = np.random.default_rng(0), {}
    for way in runs[0]:
        drawn, means = np.zeros(RESAMPLES), []
        for of_set in runs:
            here, whole = (of_set[name].measures["nDCG@10"] for name in (way, "all"))
            differences = np.array([whole[query] - here[query] for query in sorted(whole)])
            places = random.integers(0, len(differences), (RESAMPLES, len(differences)))
            drawn += differences[places].mean(axis=1) / len(runs)
            means.append(np.mean(list(here.values())))
        low, high = np.percentile(drawn, [2.5, 97.5])
        figures[way] = {
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
