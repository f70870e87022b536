"""Compares filtered nearest-neighbour search with its peers on the same vectors, queries and fields, in one run.

For each filter case (``benchmarks.filter_cases``) and system (``benchmarks.peers``), the benchmark selects the fastest
setting that reaches the target recall. If none does, it reports the setting with the best recall. Then the systems take
turns in rounds, one query at a time, and the medians of the rounds are reported. The time of a query covers everything
from the values of the filter to the row numbers. Build times include the indexes of the fields.

Each system runs in its own process, since thread limits are read from the environment when a library is loaded, and
the OpenMP runtimes of several libraries interfere within one process. All processes share one core, which also limits
systems that ignore their thread limit. Only one system is active at a time.

    python -m benchmarks.ann --rows 1000000 --build-only       (uses all cores; the indexes are kept in --work)
    python -m benchmarks.ann --rows 1000000
"""

import argparse
import json
import multiprocessing
import os
from collections.abc import Sequence
from statistics import median

import numpy as np

from benchmarks import results, synthetic_vectors
from benchmarks.ann_worker import TARGET_RECALL, Choice, Job, Measurement, Task, Worker, build_index, installed_version
from benchmarks.filter_cases import FILTER_CASES, Fields, Workload
from benchmarks.peers import SYSTEMS
from benchmarks.synthetic_vectors import VectorCorpus

_ONE_THREAD_ENV = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1"
)
_VECTORS_FILE_READERS = ("ours", "faiss-exact")
"""Systems that read float16 rows from the vectors file in addition to their index; the others store copies."""


def measure_case(workers: Sequence[Worker], case: str, k: int, rounds: int) -> dict[str, dict[str, object]]:
    """Measures every system in a filter case.

    Args:
        workers: the systems.
        case: the filter case.
        k: number of results.
        rounds: number of rounds; each system has one turn per round.

    Returns:
        The figures of each system by name.
    """
    able = [worker for worker in workers if case == "none" or worker.system.supports_filters]
    choices = {worker.job.name: worker.choose_setting(case, k) for worker in able}
    turns: dict[str, list[Measurement]] = {name: [] for name in choices}
    for number in range(rounds):
        first = number % max(1, len(able))
        for worker in able[first:] + able[:first]:
            task = Task(case, choices[worker.job.name].setting, k)
            turns[worker.job.name].append(worker.run(task))
    figures = {name: _summarize(choices[name], turns[name]) for name in choices}
    return {worker.job.name: figures.get(worker.job.name, {"no_filter": True}) for worker in workers}


def _summarize(choice: Choice, turns: list[Measurement]) -> dict[str, object]:
    def at(share: float) -> float:
        return round(median(float(np.quantile(turn.seconds, share)) for turn in turns) * 1e3, 3)

    return {
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "recall": round(choice.recall, 4),
        "reached": choice.reaches_target,
        "setting": dict(choice.setting),
        "queries": choice.query_count,
        "p50_ms_of_rounds": [round(turn.p50 * 1e3, 3) for turn in turns],
    }


def markdown_table(cases: dict[str, dict[str, dict[str, object]]], names: Sequence[str]) -> str:
    """Formats filter cases by systems: median ms and recall, in parentheses where the target was not reached."""
    lines = ["| case | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for case, systems in cases.items():
        columns = []
        for name in names:
            figures = systems[name]
            text = "no filter" if "no_filter" in figures else f"{figures['p50_ms']:.3g} / {figures['recall']:.3f}"
            columns.append(text if figures.get("reached", True) else f"({text})")
        lines.append(f"| {case} | " + " | ".join(columns) + " |")
    return "\n".join(lines)


def _build_missing(jobs: Sequence[Job], rebuild: bool) -> None:
    for job in jobs:
        if job.report_path.exists() and not rebuild:
            continue
        job.report_path.unlink(missing_ok=True)
        process = multiprocessing.get_context("spawn").Process(target=build_index, args=(job,))
        process.start()
        process.join()
        if process.exitcode:
            print(f"{job.name}: build failed with exit code {process.exitcode}", flush=True)


def _measure_systems(
    corpus: VectorCorpus, jobs: Sequence[Job], cases: Sequence[str], k: int, rounds: int
) -> dict[str, object]:
    """Computes the ground truth on all cores, then pins this process and its workers to one core and measures."""
    workload, cores = Workload(corpus, Fields.of(corpus)), os.sched_getaffinity(0)
    for case in cases:
        workload.ground_truth(case, k)
    del workload
    os.sched_setaffinity(0, {max(cores)})
    os.environ.update(_ONE_THREAD_ENV)
    workers = [Worker(job) for job in jobs]
    try:
        measured = {}
        for case in cases:
            measured[case] = measure_case(workers, case, k, rounds)
            print(markdown_table({case: measured[case]}, [job.name for job in jobs]), flush=True)
        memory = {worker.job.name: round(worker.private_bytes / 2**20) for worker in workers}
    finally:
        for worker in workers:
            worker.close()
        os.sched_setaffinity(0, cores)
    systems = {job.name: json.loads(job.report_path.read_text("utf-8")) for job in jobs}
    return {
        "vectors_file_mib": round(corpus.vectors_path.stat().st_size / 2**20, 1),
        "systems": {
            name: {
                **cost,
                "private_mib_with_mapped_files": memory[name],
                "reads_vectors_file": name in _VECTORS_FILE_READERS,
            }
            for name, cost in systems.items()
        },
        "cases": measured,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    synthetic_vectors.add_arguments(parser)
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--cases", nargs="+", choices=FILTER_CASES, default=list(FILTER_CASES))
    parser.add_argument("--queries", type=int, help="number of queries to use, evenly spaced; all by default")
    parser.add_argument("--k", type=int, choices=list(TARGET_RECALL), default=10)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each system per filter case")
    parser.add_argument("--rebuild", action="store_true", help="build indexes that exist already again")
    parser.add_argument("--build-only", action="store_true", help="build the missing indexes and exit")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    corpus = VectorCorpus(options.shared, options.work, options.rows, options.queries)
    missing = [name for name in options.systems if not installed_version(name)]
    jobs = [Job(name, corpus) for name in options.systems if name not in missing]
    _build_missing(jobs, options.rebuild)
    if options.build_only:
        return
    unbuilt = [job.name for job in jobs if not job.report_path.exists()]
    jobs = [job for job in jobs if job.report_path.exists()]
    figures = _measure_systems(corpus, jobs, options.cases, options.k, options.rounds)
    name = f"ann-{options.rows}" + (f"-k{options.k}" if options.k != 10 else "")
    setup = {"k": options.k, "target_recall": TARGET_RECALL[options.k], "not_installed": missing, "not_built": unbuilt}
    results.save(
        name,
        {**setup, **figures},
        dataset=f"{options.rows:,} vectors, {len(corpus.queries)} queries, one at a time, one thread, "
        f"medians of {options.rounds} rounds",
    )
    print(markdown_table(figures["cases"], [job.name for job in jobs]))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
