"""Nearest papers under conditions: ours against its peers on the same vectors, queries and fields, in one run.

For each cell (``benchmarks.filter_cases``) and system, the setting of its grid (``benchmarks.peers``) with the lowest
median time that reaches the recall is taken; a cell that no setting reaches is listed with the best recall there was.
Then the systems take turns in rounds, one query at a time, and the medians of the rounds are reported. The time of a
query holds everything from the condition's values to the rows' numbers. A build's time holds its fields' indexes too.

Each system lives in a process of its own: thread limits are read from the environment when a library is loaded, OpenMP
runtimes of several libraries in one process disturb each other, and what ignores its limit is held by the one core that
all these processes share. Only the system whose turn it is has anything to do.

    python -m benchmarks.ann --rows 1000000 --build-only       (uses all cores; what is built is kept in --work)
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
from benchmarks.peers import SYSTEMS, Dataset, Setting, recreate_folder
from benchmarks.synthetic_vectors import VectorCorpus

TARGET_RECALL = {10: 0.99, 100: 0.98}
"""Recall to reach, by k."""
_ONE_THREAD_ENV = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1"
)
_TRIAL_QUERIES, _TRIAL_SECONDS = 24, 1.0
_SELECTION_SECONDS, _TURN_SECONDS = 20.0, 4.0
_MIN_QUERIES = 3
_WARMUP_QUERIES, _WARMUP_SECONDS = 3, 0.2
_MAX_FINALISTS = 3
"""Settings that reach the recall, fastest first, whose medians over all queries are compared."""
_VECTORS_FILE_READERS = ("ours", "faiss-exact")
"""Systems that read float16 rows from the vectors file, beside what their build wrote; the others hold copies."""


@dataclass(frozen=True)
class Task:
    """What a worker does in one turn: queries of a cell at a setting, until the seconds are over.

    Attributes:
        queries: every how-manieth query. target: give up where the misses put this recall out of reach, if not None.
    """

    case: str
    setting: Setting
    k: int
    stride: int = 1
    seconds: float = _TURN_SECONDS
    target_recall: float | None = None


@dataclass(frozen=True)
class Measurement:
    """Seconds and recall of each query asked; ``whole`` where all were."""

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
    """The setting a system is measured with in a cell."""

    setting: Setting
    recall: float
    query_count: int
    reaches_target: bool


@dataclass(frozen=True)
class Job:
    """A system on a corpus, and where its index lies."""

    name: str
    corpus: VectorCorpus

    @property
    def folder(self) -> Path:
        """Of the index."""
        return self.corpus.work / f"{self.corpus.rows}" / self.name

    @property
    def report_path(self) -> Path:
        """What its build took; absent until it is complete."""
        return self.folder.with_suffix(".json")

    @property
    def dataset(self) -> Dataset:
        """What it indexes."""
        return Dataset(self.corpus.vectors, self.corpus.vectors_path, Fields.of(self.corpus))


def build_index(job: Job) -> None:
    """Builds the index and notes what that took."""
    source = job.dataset
    recreate_folder(job.folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    SYSTEMS[job.name]().build(source, job.folder)
    taken = {
        "build_s": round(time.perf_counter() - start, 1),
        "build_peak_mib_more": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024,
        "disk_mib": round(folder_bytes(job.folder) / 2**20, 1),
        "version": installed_version(job.name),
    }
    job.report_path.write_text(json.dumps(taken), "utf-8")
    print(job.name, taken, flush=True)


def installed_version(name: str) -> str | None:
    """The version of a system, None where it is not installed; ours is the version of the checkout."""
    try:
        return version(SYSTEMS[name].package) if name != "ours" else "this checkout"
    except PackageNotFoundError:
        return None


def _run_worker(job: Job, pipe: Connection) -> None:
    """A worker: opens the system, says what its grid is, then does each Task it is sent and answers with a Turn."""
    system, source = SYSTEMS[job.name](), job.dataset
    system.open(source, job.folder)
    asked = Workload(job.corpus, source.fields)
    pipe.send(system.settings(source))
    while isinstance(task := pipe.recv(), Task):
        try:
            pipe.send(_measure_task(system, asked, task))
        except Exception as error:  # noqa: BLE001  # whatever a peer raises: that setting does not answer
            print(job.name, task, repr(error)[:300], flush=True)
            pipe.send(Measurement([math.inf], [0.0], False, 0))


def _measure_task(system, asked: Workload, task: Task) -> Measurement:  # type: ignore[no-untyped-def]
    queries, conditions, truth = asked.corpus.queries, asked.filters(task.case), asked.ground_truth(task.case, task.k)
    places = range(0, len(queries), task.stride)
    began = time.perf_counter()
    for place in places[:_WARMUP_QUERIES]:
        system.search(queries[place], task.k, conditions[place], task.setting)
        if time.perf_counter() - began > _WARMUP_SECONDS:
            break
    seconds: list[float] = []
    recalls: list[float] = []
    misses_left = len(places) * (1 - (task.target_recall or -1.0)) + 1e-6
    for place in places:
        start = time.perf_counter()
        found = system.search(queries[place], task.k, conditions[place], task.setting)
        seconds.append(time.perf_counter() - start)
        recalls.append(recall(found, truth[place]))
        misses_left -= 1 - recalls[-1]
        if (len(seconds) >= _MIN_QUERIES and sum(seconds) > task.seconds) or misses_left < 0:
            break
    return Measurement(seconds, recalls, len(seconds) == len(places), results.private_bytes(mapped_files=True))


class Worker:
    """A system in its own process, on the core this process is on, one thread wherever that can be told."""

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
        """Has the task done."""
        self._pipe.send(task)
        turn: Measurement = self._pipe.recv()
        self.private_bytes = max(self.private_bytes, turn.private_bytes)
        return turn

    def choose_setting(self, case: str, k: int) -> Choice:
        """The fastest setting that reaches the recall, else the one with the best recall."""
        tried = [(self._trial_p50(case, k, setting), place) for place, setting in enumerate(self.settings)]
        reaching: list[tuple[float, Choice]] = []
        short: list[tuple[float, int]] = []
        for _, place in sorted(tried):
            task = Task(case, self.settings[place], k, seconds=_SELECTION_SECONDS, target_recall=TARGET_RECALL[k])
            turn = self.run(task)
            if turn.recall >= TARGET_RECALL[k]:
                reaching.append((turn.p50, Choice(task.setting, turn.recall, len(turn.seconds), True)))
            else:
                short.append((turn.recall, place))
            if len(reaching) == _MAX_FINALISTS:
                break
        if reaching:
            return min(reaching, key=lambda each: each[0])[1]
        setting = self.settings[max(short)[1]]
        turn = self.run(Task(case, setting, k, seconds=_SELECTION_SECONDS))
        return Choice(setting, turn.recall, len(turn.seconds), False)

    def _trial_p50(self, case: str, k: int, setting: Setting) -> float:
        every = max(1, self.query_count // _TRIAL_QUERIES)
        return self.run(Task(case, setting, k, stride=every, seconds=_TRIAL_SECONDS)).p50

    @property
    def query_count(self) -> int:
        """How many queries there are."""
        return len(self.job.corpus.queries)

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(BrokenPipeError):  # it ended by itself
            self._pipe.send(None)
        self._process.join(10)
        if self._process.is_alive():
            self._process.terminate()


def measure_case(workers: Sequence[Worker], case: str, k: int, rounds: int) -> dict[str, dict[str, object]]:
    """What each system does in a cell."""
    able = [worker for worker in workers if case == "none" or worker.system.supports_filters]
    choices = {worker.job.name: worker.choose_setting(case, k) for worker in able}
    turns: dict[str, list[Measurement]] = {name: [] for name in choices}
    for number in range(rounds):
        turning = number % max(1, len(able))
        for worker in able[turning:] + able[:turning]:
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


def markdown_table(cells: dict[str, dict[str, dict[str, object]]], names: Sequence[str]) -> str:
    """Cells by systems: p50 in ms and recall; in brackets where the recall was not reached."""
    lines = ["| cell | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for cell, systems in cells.items():
        told = []
        for name in names:
            each = systems[name]
            text = "no filter" if "no_filter" in each else f"{each['p50_ms']:.3g} / {each['recall']:.3f}"
            told.append(text if each.get("reached", True) else f"({text})")
        lines.append(f"| {cell} | " + " | ".join(told) + " |")
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
            print(job.name, "was not built: exit code", process.exitcode, flush=True)


def _measure_systems(
    corpus: VectorCorpus, jobs: Sequence[Job], cells: Sequence[str], k: int, rounds: int
) -> dict[str, object]:
    """Pins this process, and with it all workers, to one core; prepares the truth with all cores before."""
    asked, cores = Workload(corpus, Fields.of(corpus)), os.sched_getaffinity(0)
    for cell in cells:
        asked.ground_truth(cell, k)
    del asked
    os.sched_setaffinity(0, {max(cores)})
    os.environ.update(_ONE_THREAD_ENV)
    workers = [Worker(job) for job in jobs]
    try:
        measured = {}
        for cell in cells:
            measured[cell] = measure_case(workers, cell, k, rounds)
            print(markdown_table({cell: measured[cell]}, [job.name for job in jobs]), flush=True)
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
                **taken,
                "private_mib_with_mapped_files": memory[name],
                "reads_vectors_file": name in _VECTORS_FILE_READERS,
            }
            for name, taken in systems.items()
        },
        "cells": measured,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    synthetic_vectors.add_arguments(parser)
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--cells", nargs="+", choices=FILTER_CASES, default=list(FILTER_CASES))
    parser.add_argument("--queries", type=int, help="only so many of them")
    parser.add_argument("--k", type=int, choices=list(TARGET_RECALL), default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rebuild", action="store_true")
    parser.add_argument("--build-only", action="store_true")
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
    figures = _measure_systems(corpus, jobs, options.cells, options.k, options.rounds)
    name = f"ann-{options.rows}" + (f"-k{options.k}" if options.k != 10 else "")
    told = {"k": options.k, "target_recall": TARGET_RECALL[options.k], "not_installed": missing, "not_built": unbuilt}
    results.save(
        name,
        {**told, **figures},
        dataset=f"{options.rows:,} vectors, {len(corpus.queries)} queries, one at a time, one thread, "
        f"medians of {options.rounds} rounds",
    )
    print(markdown_table(figures["cells"], [job.name for job in jobs]))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
