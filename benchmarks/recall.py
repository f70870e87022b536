"""Measures recall, expected recall, rows scored and rows scanned in every filter case.

python -m benchmarks.recall --rows 1000000 --work build/ann
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import mean, median

import numpy as np

from benchmarks import results, synthetic_vectors
from benchmarks.ann_systems import Dataset, PapersSearch
from benchmarks.filter_cases import FILTER_CASES, Fields, Workload, recall
from benchmarks.synthetic_vectors import VectorCorpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    synthetic_vectors.add_arguments(parser)
    parser.add_argument("--built", type=Path, help="folder of the index that benchmarks.ann built; built if omitted")
    options = parser.parse_args()
    corpus = VectorCorpus(options.shared, options.work, options.rows)
    fields = Fields.of(corpus)
    source, ours = Dataset(corpus.vectors, corpus.vectors_path, fields), PapersSearch()
    workload = Workload(corpus, fields)
    with tempfile.TemporaryDirectory() as folder:
        if not options.built:
            ours.build(source, Path(folder))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        ours.open(source, options.built or Path(folder))
        figures = {case: {f"k={k}": _measure_case(ours, workload, case, k) for k in (10, 100)} for case in FILTER_CASES}
    for case, by_k in figures.items():
        for k, figure in by_k.items():
            print(f"{case:7} {k:6}", "  ".join(f"{name} {value}" for name, value in figure.items()))
    results.save(
        f"recall-{options.rows}",
        {"cases": figures},
        dataset=f"{options.rows:,} synthetic vectors, {len(corpus.queries)} real queries, one thread",
    )


def _measure_case(ours: PapersSearch, workload: Workload, case: str, k: int) -> dict[str, float]:
    answers, recalls, seconds = [], [], []
    truth = workload.ground_truth(case, k)
    ours.search_ranked(workload.corpus.queries[0], k, workload.filters(case)[0])
    for query, condition, best in zip(workload.corpus.queries, workload.filters(case), truth, strict=True):
        start = time.perf_counter()
        answers.append(ours.search_ranked(query, k, condition))
        seconds.append(time.perf_counter() - start)
        recalls.append(recall(answers[-1].rows, best))
    return {
        "recall": round(mean(recalls), 4),
        "expected": round(mean(answer.expected_recall for answer in answers), 4),
        "exact_share": round(mean(answer.complete for answer in answers), 3),
        "scored_median": median(answer.scored for answer in answers),
        "scanned_share": round(float(np.mean([answer.scanned for answer in answers])) / workload.corpus.rows, 3),
        **results.percentiles(seconds),
    }


if __name__ == "__main__":
    main()
