"""The systems of ``benchmarks.ann``, each in its own process: builds an index, selects a setting, and measures it."""

import contextlib
import json
import math
import multiprocessing
import os
import resource
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import results
from benchmarks.ann_systems import Dataset, Setting, System, recreate_folder
from benchmarks.filter_cases import Fields, Workload, folder_bytes, recall
from benchmarks.peers import SYSTEMS
from benchmarks.synthetic_vectors import VectorCorpus

TARGET_RECALL = {10: 0.99, 100: 0.98}
"""Recall that a setting must reach, by k."""
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
