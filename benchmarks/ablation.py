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
from search.index.lexicon import WORD
from search.index.snapshot import Snapshot
from search.query.condition import AllOf
from search.ranking.fusion import DEPTH, fed_back, fuse, moved, raised
from search.ranking.legs import Scope
from search.rows import Ranked
from search.searcher import Searcher
from service.evaluation.beir import RetrievalSet, ids_of
from service.evaluation.measure import Asking, answered, indexed
from service.evaluation.runs import DRAWS, MEASURES, Run, compared

HELD_OUT = (("scifact", "test", "all"), ("cranfield", "test", "odd"), ("cacm", "test", "all"), ("cisi", "test", "all"))
TUNED_ON = (("scifact", "train", "all"), ("cranfield", "test", "even"))
_MEASURED = 100
_RRF = 60

Rows = NDArray[np.int64]
Way = Callable[[Snapshot, NDArray[np.float32], str], Rows]


def semantic(snapshot: Snapshot, vector: NDArray[np.float32], _text: str) -> Rows:
    return Scope.of(snapshot, AllOf(())).nearest(vector).rows


def lexical(snapshot: Snapshot, _vector: NDArray[np.float32], text: str) -> Rows:
    return Scope.of(snapshot, AllOf(())).words(text).rows


def reciprocal_ranks(snapshot: Snapshot, vector: NDArray[np.float32], text: str) -> Rows:
    """Reciprocal rank fusion of the same legs (Cormack, Clarke and Buettcher, SIGIR 2009), k = 60."""
    scope = Scope.of(snapshot, AllOf(()))
    scores: dict[int, float] = {}
    for leg in (scope.nearest(vector), scope.words(text)):
        for row, rank in leg.ranks().items():
            scores[row] = scores.get(row, 0.0) + 1 / (_RRF + rank)
    return np.array(sorted(scores, key=lambda row: (-scores[row], row)), np.int64)


def fused(
    snapshot: Snapshot, vector: NDArray[np.float32], text: str, *, feedback: bool, raising: bool, repeated: bool = True
) -> Rows:
    """As ``search.ranking.fusion.legs`` does it, with the parts that are asked for."""
    text = text if repeated else _each_once(snapshot, text)
    scope, vectors, lexicon = Scope.of(snapshot, AllOf(())), snapshot.vectors, snapshot.lexicon
    legs: tuple[Ranked, Ranked] = (scope.nearest(vector), scope.words(text))
    bm25_of, cosine_of = partial(lexicon.scores, text), partial(vectors.scores, vector)
    order = fuse(*legs, cosine_of, bm25_of)
    towards = moved(vector, order, vectors.stored) if feedback else None
    if towards is not None:
        found = scope.nearest(towards, DEPTH)
        order = fed_back(order, found, partial(vectors.scores, towards), cosine_of, bm25_of)
    return (raised(order, vectors.stored) if raising else order).rows


def _each_once(snapshot: Snapshot, text: str) -> str:
    """The text with each word once, inflected or not."""
    once: dict[str | None, str] = {}
    for word in WORD.findall(text):
        once.setdefault(snapshot.lexicon.term_of[word], word)
    return " ".join(once.values())


WAYS: dict[str, Way] = {
    "semantic alone": semantic,
    "lexical alone": lexical,
    "RRF": reciprocal_ranks,
    "fusion": partial(fused, feedback=False, raising=False),
    "fusion, words once": partial(fused, feedback=False, raising=False, repeated=False),
    "fusion and feedback": partial(fused, feedback=True, raising=False),
    "fusion and raising": partial(fused, feedback=False, raising=True),
    "all, words once": partial(fused, feedback=True, raising=True, repeated=False),
}
"""What a search does is measured through ``Searcher`` itself, as ``all``."""


def measured(folder: Path, split: str, part: str, embedder: Embedder) -> dict[str, Run]:
    """A run of each way, and one of the search itself."""
    truth = RetrievalSet.read(folder, split, part)  # type: ignore[arg-type]  # read checks it
    corpus = truth.corpus()
    searcher = Searcher(indexed(truth, corpus, embedder), lambda _model: embedder)
    whole = answered(searcher, truth, corpus, Asking("hybrid", _MEASURED))
    snapshot = searcher.snapshot
    names = {row: ids_of(paper) for row, paper in snapshot.store.scan(0)}
    vectors = [embedder.encode([text])[0] for text in truth.queries.values()]
    runs = {"all": whole}
    for name, way in WAYS.items():
        rankings = {}
        for (query, text), vector in zip(truth.queries.items(), vectors, strict=True):
            found = [each for row in way(snapshot, vector, text)[:_MEASURED].tolist() for each in names[row]]
            rankings[query] = tuple(found[:_MEASURED])
        runs[name] = Run.measured(replace(whole.asked, mode=name), rankings, truth)
    return runs


def _figures(runs: dict[str, Run]) -> Iterator[tuple[str, dict[str, object]]]:
    for name, run in runs.items():
        about: dict[str, object] = {measure: round(mean, 4) for measure, mean in run.means.items()}
        if name != "all":
            differences = compared(runs["all"], run)
            about["all minus this, 95%"] = {
                measure: {key: round(value, 4) for key, value in asdict(differences[measure]).items()}
                for measure in MEASURES[:2]
            }
        yield name, about


def over_sets(runs: list[dict[str, Run]]) -> dict[str, object]:
    """Each way's mean over the sets, and how far that of the whole search is above: bootstrap of each set's queries."""
    random, figures = np.random.default_rng(0), {}
    for way in runs[0]:
        drawn, means = np.zeros(DRAWS), []
        for of_set in runs:
            here, whole = (of_set[name].measures["nDCG@10"] for name in (way, "all"))
            differences = np.array([whole[query] - here[query] for query in sorted(whole)])
            places = random.integers(0, len(differences), (DRAWS, len(differences)))
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
        runs = measured(folder / name, split, part, embedder)
        label = f"{name}, {split}" + ("" if part == "all" else f", {part} queries")
        figures[label] = dict(_figures(runs))
        if (name, split, part) in HELD_OUT:
            held_out.append(runs)
    results.save(
        "ablation",
        {"nDCG@10 over the four held out": over_sets(held_out), **figures},
        papers="SciFact, Cranfield, CACM, CISI",
    )


if __name__ == "__main__":
    main()
