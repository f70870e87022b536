"""Recall of ours, measured and as its answers say to expect, in every filter cell; and what was looked at for it.

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
from benchmarks.filter_cases import FILTER_CASES, Fields, Workload, recall
from benchmarks.peers import Dataset, PapersSearch
from benchmarks.synthetic_vectors import VectorCorpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    synthetic_vectors.add_arguments(parser)
    parser.add_argument("--built", type=Path, help="what benchmarks.ann built of ours; else it is built")
    asked = parser.parse_args()
    corpus = VectorCorpus(asked.shared, asked.work, asked.rows)
    fields = Fields.of(corpus)
    source, ours = Dataset(corpus.vectors, corpus.vectors_path, fields), PapersSearch()
    questions = Workload(corpus, fields)
    with tempfile.TemporaryDirectory() as folder:
        if not asked.built:
            ours.build(source, Path(folder))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        ours.open(source, asked.built or Path(folder))
        figures = {
            cell: {f"k={k}": _measure_case(ours, questions, cell, k) for k in (10, 100)} for cell in FILTER_CASES
        }
    for cell, by_k in figures.items():
        for k, figure in by_k.items():
            print(f"{cell:7} {k:6}", "  ".join(f"{name} {value}" for name, value in figure.items()))
    results.save(
        f"recall-{asked.rows}",
        {"cells": figures},
        dataset=f"{asked.rows:,} grown vectors, {len(corpus.queries)} real questions, one thread",
    )


def _measure_case(ours: PapersSearch, questions: Workload, cell: str, k: int) -> dict[str, float]:
    answers, shares, seconds = [], [], []
    truth = questions.ground_truth(cell, k)
    ours.search_ranked(questions.corpus.queries[0], k, questions.filters(cell)[0])
    for query, condition, best in zip(questions.corpus.queries, questions.filters(cell), truth, strict=True):
        start = time.perf_counter()
        answers.append(ours.search_ranked(query, k, condition))
        seconds.append(time.perf_counter() - start)
        shares.append(recall(answers[-1].rows, best))
    return {
        "recall": round(mean(shares), 4),
        "expected": round(mean(answer.expected_recall for answer in answers), 4),
        "exact_share": round(mean(answer.complete for answer in answers), 3),
        "scored_median": median(answer.scored for answer in answers),
        "scanned_share": round(float(np.mean([answer.scanned for answer in answers])) / questions.corpus.rows, 3),
        **results.percentiles(seconds),
    }


if __name__ == "__main__":
    main()
