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
import contextlib
import json
import math
import multiprocessing
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import results, synthetic_vectors
from benchmarks.filter_cases import FILTER_CASES, Fields, Workload, folder_bytes, recall
from benchmarks.peers import SYSTEMS
from benchmarks.synthetic_vectors import VectorCorpus
from benchmarks.systems import Dataset, Setting, System, recreate_folder

TARGET_RECALL = {10: 0.99, 100: 0.98}
"""Recall that a setting must reach, by k."""
_ONE_THREAD_ENV = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1"
)
_TRIAL_QUERIES = 24
"""Queries of the first trial of each setting, which orders the settings by speed."""
_TRIAL_SECONDS = 1.0
"""Time limit of a trial, in seconds."""
_SELECTION_SECONDS = 20.0
"""Time limit for measuring the recall and median time of a setting, in seconds."""
_TURN_SECONDS = 4.0
"""Time limit of a system's turn in a round, in seconds."""
_MIN_QUERIES = 3
"""Queries measured even if the time limit has passed."""
_WARMUP_QUERIES = 3
"""Unmeasured queries before each measurement."""
_WARMUP_SECONDS = 0.2
"""Time limit of the unmeasured queries, in seconds."""
_MAX_FINALISTS = 3
"""Number of settings, fastest first, that reach the recall and whose medians over all queries are compared."""
_VECTORS_FILE_READERS = ("ours", "faiss-exact")
"""Systems that read float16 rows from the vectors file in addition to their index; the others store copies."""


@dataclass(frozen=True)
class Task:
    """One measurement by a worker: the queries of a filter case with one setting.

    Attributes:
        case: the filter case.
        setting: the setting of the system.
        k: number of results.
        stride: measure every ``stride``-th query.
        seconds: time limit.
        target_recall: stop as soon as this mean recall cannot be reached any more; None to never stop early.
    """

    case: str
    setting: Setting
    k: int
    stride: int = 1
    seconds: float = _TURN_SECONDS
    target_recall: float | None = None


@dataclass(frozen=True)
class Measurement:
    """The outcome of a task.

    Attributes:
        seconds: the time of each measured query.
        recalls: the recall of each measured query.
        complete: whether all queries of the task were measured.
        private_bytes: memory of the process that no other process shares.
    """

    seconds: list[float]
    recalls: list[float]
    complete: bool
    private_bytes: int

    @property
    def p50(self) -> float:
        """Median seconds."""
        return median(self.seconds)

    @property
    def recall(self) -> float:
        """Mean recall."""
        return float(np.mean(self.recalls))


@dataclass(frozen=True)
class Choice:
    """The setting that a system is measured with in a filter case.

    Attributes:
        setting: the setting.
        recall: its mean recall.
        query_count: number of queries that the recall is measured on.
        reaches_target: whether the recall reaches the target.
    """

    setting: Setting
    recall: float
    query_count: int
    reaches_target: bool


@dataclass(frozen=True)
class Job:
    """A system and the corpus that it indexes.

    Attributes:
        name: the key of the system in ``SYSTEMS``.
        corpus: the corpus.
    """

    name: str
    corpus: VectorCorpus

    @property
    def folder(self) -> Path:
        """The folder of the index."""
        return self.corpus.work / f"{self.corpus.rows}" / self.name

    @property
    def report_path(self) -> Path:
        """The file with the cost of the build; missing until the build is complete."""
        return self.folder.with_suffix(".json")

    @property
    def dataset(self) -> Dataset:
        """The data that the system indexes."""
        return Dataset(self.corpus.vectors, self.corpus.vectors_path, Fields.of(self.corpus))


def build_index(job: Job) -> None:
    """Builds the index and records time, memory, disk space and version."""
    source = job.dataset
    recreate_folder(job.folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    SYSTEMS[job.name]().build(source, job.folder)
    cost = {
        "build_s": round(time.perf_counter() - start, 1),
        "build_peak_mib_more": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024,
        "disk_mib": round(folder_bytes(job.folder) / 2**20, 1),
        "version": installed_version(job.name),
    }
    job.report_path.write_text(json.dumps(cost), "utf-8")
    print(job.name, cost, flush=True)


def installed_version(name: str) -> str | None:
    """Returns the version of a system, or None if it is not installed."""
    try:
        return version(SYSTEMS[name].package) if name != "ours" else "this checkout"
    except PackageNotFoundError:
        return None


def _run_worker(job: Job, pipe: Connection) -> None:
    """Runs in the worker process: opens the system, sends its grid, then answers each Task with a Measurement."""
    system, source = SYSTEMS[job.name](), job.dataset
    system.open(source, job.folder)
    workload = Workload(job.corpus, source.fields)
    pipe.send(system.settings(source))
    while isinstance(task := pipe.recv(), Task):
        try:
            pipe.send(_measure_task(system, workload, task))
        except Exception as error:  # noqa: BLE001  # peers raise anything; the setting counts as failed
            print(job.name, task, repr(error)[:300], flush=True)
            pipe.send(Measurement([math.inf], [0.0], False, 0))


def _measure_task(system: System, workload: Workload, task: Task) -> Measurement:
    queries, conditions = workload.corpus.queries, workload.filters(task.case)
    truth = workload.ground_truth(task.case, task.k)
    indices = range(0, len(queries), task.stride)
    warmup_start = time.perf_counter()
    for index in indices[:_WARMUP_QUERIES]:
        system.search(queries[index], task.k, conditions[index], task.setting)
        if time.perf_counter() - warmup_start > _WARMUP_SECONDS:
            break
    seconds: list[float] = []
    recalls: list[float] = []
    misses_left = len(indices) * (1 - (task.target_recall or -1.0)) + 1e-6
    for index in indices:
        start = time.perf_counter()
        found = system.search(queries[index], task.k, conditions[index], task.setting)
        seconds.append(time.perf_counter() - start)
        recalls.append(recall(found, truth[index]))
        misses_left -= 1 - recalls[-1]
        if (len(seconds) >= _MIN_QUERIES and sum(seconds) > task.seconds) or misses_left < 0:
            break
    return Measurement(seconds, recalls, len(seconds) == len(indices), results.private_bytes(mapped_files=True))


class Worker:
    """A system in its own process, on the same core as this process and limited to one thread where possible.

    Attributes:
        job: the argument.
        system: the class of the system.
        settings: its grid.
        private_bytes: the largest private memory after any task.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.system = job, SYSTEMS[job.name]
        os.environ.update(self.system.thread_env)
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_run_worker, args=(job, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        for name in self.system.thread_env:
            del os.environ[name]
        self.settings: tuple[Setting, ...] = self._pipe.recv()
        self.private_bytes = 0

    def run(self, task: Task) -> Measurement:
        """Sends a task to the process and waits for the measurement."""
        self._pipe.send(task)
        measurement: Measurement = self._pipe.recv()
        self.private_bytes = max(self.private_bytes, measurement.private_bytes)
        return measurement

    def choose_setting(self, case: str, k: int) -> Choice:
        """Returns the fastest setting that reaches the target recall, or the one with the best recall if none does."""
        trials = [(self._trial_p50(case, k, setting), index) for index, setting in enumerate(self.settings)]
        finalists: list[tuple[float, Choice]] = []
        failed: list[tuple[float, int]] = []
        for _, index in sorted(trials):
            task = Task(case, self.settings[index], k, seconds=_SELECTION_SECONDS, target_recall=TARGET_RECALL[k])
            measured = self.run(task)
            if measured.recall >= TARGET_RECALL[k]:
                finalists.append((measured.p50, Choice(task.setting, measured.recall, len(measured.seconds), True)))
            else:
                failed.append((measured.recall, index))
            if len(finalists) == _MAX_FINALISTS:
                break
        if finalists:
            return min(finalists, key=lambda each: each[0])[1]
        setting = self.settings[max(failed)[1]]
        measured = self.run(Task(case, setting, k, seconds=_SELECTION_SECONDS))
        return Choice(setting, measured.recall, len(measured.seconds), False)

    def _trial_p50(self, case: str, k: int, setting: Setting) -> float:
        stride = max(1, self.query_count // _TRIAL_QUERIES)
        return self.run(Task(case, setting, k, stride=stride, seconds=_TRIAL_SECONDS)).p50

    @property
    def query_count(self) -> int:
        """Number of queries."""
        return len(self.job.corpus.queries)

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):  # the process has already ended
            self._pipe.send(None)
        self._process.join(10)
        if self._process.is_alive():
            self._process.terminate()


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
