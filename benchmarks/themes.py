"""The time of grouping 2,000 relevant papers into themes, stage by stage, on one core.

The queries are broad enough for 2,000 relevant papers. Times are of the processor, so that other programs on the
machine change them less; the imports and the model are loaded before.

    papers index PAPERS.jsonl.xz --index INDEX
    python -m benchmarks.themes INDEX
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TypeVar

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from benchmarks import results
from search import open_index
from search.session import Session
from search.themes.candidates import CANDIDATE_TUNING, Candidates
from search.themes.clusters import Clusters
from search.themes.phrases import TokenizedTexts
from search.themes.themes import MAX_GROUPED, Themes, group_papers

_TOPICS = (
    "AI agents",
    "adversarial attacks",
    "autonomous driving",
    "code generation",
    "dark matter",
    "diffusion models",
    "federated learning",
    "galaxy formation",
    "graph neural networks",
    "hallucination in large language models",
    "medical image segmentation",
    "reinforcement learning from human feedback",
    "retrieval-augmented generation",
    "robot manipulation",
    "speech recognition",
    "video understanding",
)
_ROUNDS = 3
T = TypeVar("T")


class _Stages:
    """Milliseconds of the processor by stage."""

    def __init__(self) -> None:
        self.times: defaultdict[str, list[float]] = defaultdict(list)

    def time(self, name: str, call: Callable[[], T]) -> T:
        start = time.process_time()
        result = call()
        self.times[name].append((time.process_time() - start) * 1e3)
        return result

    def medians(self) -> dict[str, float]:
        return {name: round(median(times), 1) for name, times in self.times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    session, stages, grouped = open_index(options.index).session(), _Stages(), []
    session.themes("warm")
    for topic in _TOPICS * _ROUNDS:
        grouped.append(_measure(replace(session), topic, stages))
    figures: dict[str, object] = {
        "queries": len(_TOPICS),
        "rounds": _ROUNDS,
        "grouped_papers_min": min(grouped),
        "cpu_ms_p50_by_stage": stages.medians(),
        "cpu_ms_max_of_all": round(max(stages.times["all, without the search"]), 1),
        "cpu_ms_max_of_all_nearest": round(max(stages.times["groups of all nearest papers"]), 1),
        "load_average": [round(each, 1) for each in os.getloadavg()],
    }
    results.save("themes", figures, dataset=f"{len(session.snapshot.live):,} papers of arXiv")


def _measure(session: Session, topic: str, stages: _Stages) -> int:
    """Measures the stages of one query, and returns the number of papers that are grouped."""
    snapshot = session.snapshot
    relevant = stages.time("search for the relevant papers", lambda: session.relevant(topic))
    stages.time("all, without the search", lambda: Themes.find(relevant))
    rows = stages.time("nearest papers", lambda: relevant.nearest(MAX_GROUPED)).rows
    stages.time("groups of all nearest papers", lambda: group_papers(snapshot, rows, known=topic))
    vectors = stages.time("vectors", lambda: snapshot.vectors.get_vectors(rows))
    whitened = stages.time("whitening", lambda: snapshot.whitening.transform(vectors))
    pairs = stages.time("titles and abstracts", lambda: snapshot.store.titles_and_abstracts(rows.tolist()))
    titles, abstracts = [title for title, _ in pairs], [abstract for _, abstract in pairs]
    candidates = stages.time("candidates", lambda: Candidates.find(titles, abstracts, topic))
    cut = [abstract[: CANDIDATE_TUNING.abstract_characters] for abstract in abstracts]
    texts = stages.time("words, part of the candidates", lambda: TokenizedTexts.of(titles, cut))
    stages.time("phrases, part of the candidates", lambda: texts.levels(CANDIDATE_TUNING.phrases))
    stages.time("clusters", lambda: Clusters.find(whitened, candidates, np.ones(len(rows), np.float32)))
    return len(rows)


if __name__ == "__main__":
    main()
