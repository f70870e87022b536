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

from benchmarks import grown, results
from benchmarks.cells import CELLS, Asked, Fields, recall
from benchmarks.grown import Corpus
from benchmarks.peers import Ours, Source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    grown.options(parser)
    parser.add_argument("--built", type=Path, help="what benchmarks.ann built of ours; else it is built")
    asked = parser.parse_args()
    corpus = Corpus(asked.shared, asked.work, asked.rows)
    fields = Fields.of(corpus)
    source, ours = Source(corpus.vectors, corpus.vectors_path, fields), Ours()
    questions = Asked(corpus, fields)
    with tempfile.TemporaryDirectory() as folder:
        if not asked.built:
            ours.build(source, Path(folder))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        ours.open(source, asked.built or Path(folder))
        figures = {cell: {f"k={k}": _figures(ours, questions, cell, k) for k in (10, 100)} for cell in CELLS}
    for cell, by_k in figures.items():
        for k, figure in by_k.items():
            print(f"{cell:7} {k:6}", "  ".join(f"{name} {value}" for name, value in figure.items()))
    results.save(
        f"recall-{asked.rows}",
        {"cells": figures},
        papers=f"{asked.rows:,} grown vectors, {len(corpus.queries)} real questions, one thread",
    )


def _figures(ours: Ours, questions: Asked, cell: str, k: int) -> dict[str, float]:
    answers, shares, seconds = [], [], []
    truth = questions.truth(cell, k)
    ours.answer(questions.corpus.queries[0], k, questions.conditions(cell)[0])
    for query, condition, best in zip(questions.corpus.queries, questions.conditions(cell), truth, strict=True):
        start = time.perf_counter()
        answers.append(ours.answer(query, k, condition))
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
