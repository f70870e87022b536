"""A server under load, on loopback: latency when questions arrive by a schedule, overload, memory, a publish meanwhile.

Each part starts a server of its own and ends it. Questions are made of the index's papers and differ from each other.

    python -m benchmarks.load FULL                          # all parts, some 14 minutes: benchmarks/results/load.json
    python -m benchmarks.load FULL --only steady --seconds 10    # printed only
"""

import argparse
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import results
from benchmarks.load_generator import LoadGenerator, Response
from benchmarks.queries import generate_queries
from benchmarks.server_process import MemoryMonitor, MemoryUsage, ServerProcess
from search.index.layout import Layout
from search.index.snapshot import Snapshot

_SEED = 20_260_101
_WARMUP_S, _BASELINE_S, _RECOVERY_S = 3.0, 10.0, 3.0
_OVERLOAD_CONNECTIONS, _OVERLOAD_S = 1_000, 20.0
_SAMPLE_INTERVAL_S = 5.0
_REJECTED_STATUSES = (429, 503)
_MIB = 2**20

Figures = dict[str, object]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What to measure.

    Attributes:
        index: of the papers. rate: questions a second, ``lower`` in all parts but the first. connections: kept alive.
        seconds: of the parts that ask at a rate; ``minutes``: of the memory's part.
        workers: None: as the server likes. work: a folder for a copy of the index and for logs.
    """

    index: Path
    rate: float
    low_rate: float
    connections: int
    seconds: float
    minutes: float
    workers: int | None
    work: Path

    def server(self, index: Path | None = None) -> ServerProcess:
        return ServerProcess(index or self.index, self.workers, self.work / "serve.log")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--rate", type=float, default=150.0, help="questions a second")
    parser.add_argument("--lower", type=float, default=90.0, help="questions a second of all parts but the first")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the steady part, and of the one that publishes")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the memory's part")
    parser.add_argument("--workers", type=int, help="of the server; left out, as many as it takes by itself")
    parser.add_argument("--work", type=Path, default=Path("build/load"), help="where a copy of the index and logs lie")
    parser.add_argument(
        "--only", choices=_SCENARIOS, action="append", help="these parts, whose figures are only printed"
    )
    options = vars(parser.parse_args())
    only = options.pop("only")
    asked = LoadOptions(**options)
    asked.work.mkdir(parents=True, exist_ok=True)
    snapshot = Snapshot.open(asked.index)  # held: no writer removes the generation meanwhile
    drawn = generate_queries(snapshot, _SEED)
    figures = {name: measure(asked, drawn) for name, measure in _SCENARIOS.items() if name in (only or _SCENARIOS)}
    if only:
        print(json.dumps(figures, indent=1))
        return
    setting = {
        "rate": asked.rate,
        "lower": asked.low_rate,
        "connections": asked.connections,
        "seconds": asked.seconds,
        "workers": asked.workers,
    }
    about = f"{snapshot.manifest.live:,} papers; the generator shares the server's cores"
    results.save("load", {**setting, **figures}, dataset=about)


def measure_steady(asked: LoadOptions, drawn: Iterator[str]) -> Figures:
    """Questions at even distances, whether or not answers came."""
    with asked.server() as served:
        answers, cpu = _run_open_loop(served, asked, drawn, asked.seconds)
    return {**_summarize(answers, {_current_generation(asked.index)}), **cpu}


def measure_low_rate(asked: LoadOptions, drawn: Iterator[str]) -> Figures:
    """The same at the lower rate."""
    return measure_steady(replace(asked, rate=asked.low_rate), drawn)


def measure_overload(asked: LoadOptions, drawn: Iterator[str]) -> Figures:
    """A thousand connections that ask as soon as they are answered, and normal questions before and after."""
    asked, generations = replace(asked, rate=asked.low_rate), {_current_generation(asked.index)}
    flood = list(islice(drawn, 20_000))
    with asked.server() as served:
        before, _ = _run_open_loop(served, asked, drawn, _BASELINE_S)
        _raise_file_limit(_OVERLOAD_CONNECTIONS + 100)
        with LoadGenerator(served.port, _OVERLOAD_CONNECTIONS) as traffic:
            answers, cpu = _measure_loop(served, lambda: traffic.closed_loop(cycle(flood), _OVERLOAD_S))
        time.sleep(_RECOVERY_S)
        after, _ = _run_open_loop(served, asked, drawn, _BASELINE_S, warm=False)
    shed = [answer for answer in answers if answer.status in _REJECTED_STATUSES]
    return {
        "connections": _OVERLOAD_CONNECTIONS,
        "overload": {
            **_summarize(answers, generations),
            **cpu,
            "refused": len(shed),
            "refused_without_retry_after": sum(not answer.retry_after for answer in shed),
            "refused_ms": _percentiles_ms([answer.completed - answer.sent for answer in shed]),
        },
        "before": _summarize(before, generations),
        f"after_{_RECOVERY_S:g}_s": _summarize(after, generations),
    }


def measure_memory(asked: LoadOptions, drawn: Iterator[str]) -> Figures:
    """What the server's processes take, over minutes of questions that differ."""
    ahead = list(islice(drawn, round(60 * asked.minutes * asked.low_rate)))
    with asked.server() as served:
        _warm_up(served, asked, drawn)
        with (
            LoadGenerator(served.port, asked.connections) as traffic,
            MemoryMonitor(served, _SAMPLE_INTERVAL_S) as watched,
        ):
            answers = traffic.open_loop(iter(ahead), asked.low_rate, 60 * asked.minutes)
    noted = watched.samples
    kinds: dict[str, Callable[[MemoryUsage], int]] = {
        "pss": lambda each: each.pss,
        "anonymous": lambda each: each.anonymous,
        "rss": lambda each: each.rss,
    }
    return {
        "minutes": asked.minutes,
        "rate": asked.low_rate,
        **{f"{name}_mib": _memory_growth(noted, size) for name, size in kinds.items()},
        **_summarize(answers, {_current_generation(asked.index)}),
    }


def measure_publish(asked: LoadOptions, drawn: Iterator[str]) -> Figures:
    """A paper is added to a copy of the index, and published, while questions arrive."""
    asked = replace(asked, rate=asked.low_rate)
    with tempfile.TemporaryDirectory(dir=asked.work) as folder:
        index = Path(folder) / "index"
        _copy_index(asked.index, index)
        old = _current_generation(index)
        with asked.server(index) as served:
            _warm_up(served, asked, drawn)
            publisher = _Publisher(index, asked.seconds / 3)
            publisher.start()
            answers, cpu = _run_open_loop(served, asked, drawn, asked.seconds, warm=False)
            publisher.join()
        new = _current_generation(index)
        switched = publisher.switched_at()
    meanwhile = [answer for answer in answers if publisher.started_at <= answer.due <= switched + 2]
    return {
        **_summarize(answers, {old, new}),
        **cpu,
        "generations": dict(Counter(answer.generation for answer in answers)),
        "connections_that_went_back": _count_generation_regressions(answers),
        "command_s": round(publisher.ended_at - publisher.started_at, 2),
        "command_said": publisher.stderr.strip(),
        "first_new_answer_after_s": _seconds_after(switched, min(_completion_times(answers, new), default=None))
        if new != old
        else None,
        "last_old_answer_after_s": _seconds_after(switched, max(_completion_times(answers, old), default=None))
        if new != old
        else None,
        "latency_from_command_to_2_s_after": _percentiles_ms([answer.completed - answer.due for answer in meanwhile]),
    }


_SCENARIOS: dict[str, Callable[[LoadOptions, Iterator[str]], Figures]] = {
    "steady": measure_steady,
    "lower": measure_low_rate,
    "overload": measure_overload,
    "memory": measure_memory,
    "publish": measure_publish,
}


class _Publisher(threading.Thread):
    """Adds a paper to an index some seconds from now, with the command that users have; times as ``perf_counter``."""

    def __init__(self, index: Path, wait: float) -> None:
        super().__init__()
        self._index, self._delay = index, wait
        self.started_at = self.ended_at = 0.0
        self.stderr = ""

    def run(self) -> None:
        file = self._index.with_name("new.jsonl")
        paper = {"title": "A paper that came while others were read", "abstract": "It is found from then on."}
        file.write_text(json.dumps(paper) + "\n", "utf-8")
        command = [str(Path(sys.executable).with_name("papers")), "index", str(file), "--index", str(self._index)]
        time.sleep(self._delay)
        self.started_at = time.perf_counter()
        self.stderr = subprocess.run(command, capture_output=True, text=True).stderr
        self.ended_at = time.perf_counter()

    def switched_at(self) -> float:
        """When CURRENT was replaced."""
        return Layout(self._index).current.stat().st_ctime_ns / 1e9 - time.time() + time.perf_counter()


def _run_open_loop(
    served: ServerProcess, asked: LoadOptions, drawn: Iterator[str], seconds: float, *, warm: bool = True
) -> tuple[list[Response], Figures]:
    """The answers of an open loop, and what it took."""
    if warm:
        _warm_up(served, asked, drawn)
    ahead = list(islice(drawn, round(asked.rate * seconds)))
    with LoadGenerator(served.port, asked.connections) as traffic:
        return _measure_loop(served, lambda: traffic.open_loop(iter(ahead), asked.rate, seconds))


def _measure_loop(served: ServerProcess, loop: Callable[[], list[Response]]) -> tuple[list[Response], Figures]:
    """The answers of a loop, and the share of a core that each side took."""
    start, own, theirs = time.perf_counter(), time.process_time(), served.cpu_seconds()
    answers = loop()
    own, took = time.process_time() - own, time.perf_counter() - start
    cores = [(spent - theirs.get(process, 0.0)) / took for process, spent in served.cpu_seconds().items()]
    return answers, {
        "generator_share_of_a_core": round(own / took, 3),
        "server_cores": round(sum(cores), 2),
        "server_cores_by_process": sorted((round(each, 2) for each in cores), reverse=True),
    }


def _warm_up(served: ServerProcess, asked: LoadOptions, drawn: Iterator[str]) -> None:
    with LoadGenerator(served.port, asked.connections) as traffic:
        traffic.open_loop(iter(list(islice(drawn, round(asked.rate * _WARMUP_S)))), asked.rate, _WARMUP_S)


def _summarize(answers: list[Response], generations: set[str]) -> Figures:
    """Latencies are those of answers with status 200, counted from when the question was due."""
    good = [answer for answer in answers if answer.status == 200]
    took = max((answer.completed for answer in answers), default=0) - min((answer.due for answer in answers), default=0)
    return {
        "asked": len(answers),
        "statuses": dict(Counter(str(answer.status) for answer in answers if answer.status)),
        "failures": dict(Counter(answer.failure for answer in answers if answer.failure)),
        "wrong_generation": sum(answer.generation not in generations for answer in good),
        "answers_a_second": round(len(good) / took, 1) if took else 0,
        "latency_ms": _percentiles_ms([answer.completed - answer.due for answer in good]),
        "of_which_until_sent_ms": _percentiles_ms([answer.sent - answer.due for answer in good]),
    }


def _percentiles_ms(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    points = dict(zip(("p50", "p90", "p99", "max"), np.percentile(seconds, (50, 90, 99, 100)).tolist(), strict=True))
    return {name: round(1e3 * value, 1) for name, value in points.items()}


def _memory_growth(noted: list[MemoryUsage], size: Callable[[MemoryUsage], int]) -> Figures:
    """Medians of the first and last minute, and the slope of a line through all from the second minute on."""
    end, minute = noted[-1].seconds, min(60.0, noted[-1].seconds / 2)
    begun = noted[0].seconds
    later = [each for each in noted if each.seconds >= begun + minute]
    line = np.polyfit([each.seconds / 60 for each in later], [size(each) / _MIB for each in later], 1)
    return {
        "first_minute": round(median(size(each) for each in noted if each.seconds <= begun + minute) / _MIB, 1),
        "last_minute": round(median(size(each) for each in noted if each.seconds >= end - minute) / _MIB, 1),
        "a_minute_from_the_second": round(float(line[0]), 2),
    }


def _count_generation_regressions(answers: list[Response]) -> int:
    """Connections on which an older generation answered after a newer one."""
    newest: dict[int, str] = {}
    back = set()
    for answer in sorted(answers, key=lambda answer: answer.completed):
        if answer.generation:
            if answer.generation < newest.get(answer.connection, ""):
                back.add(answer.connection)
            newest[answer.connection] = answer.generation
    return len(back)


def _seconds_after(moment: float, done: float | None) -> float | None:
    """Seconds from a moment; None where what was waited for did not come while questions were asked."""
    return None if done is None else round(done - moment, 3)


def _completion_times(answers: list[Response], generation: str) -> list[float]:
    return [answer.completed for answer in answers if answer.generation == generation]


def _current_generation(index: Path) -> str:
    return Layout(index).published_generation()


def _copy_index(index: Path, to: Path) -> None:
    """What is published and no more, into files of its own; the rows before the vectors, which are written first."""
    source, copy = Layout(index), Layout(to)
    to.mkdir()
    held = Snapshot.open(index)
    read_only = f"{source.store.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(read_only, uri=True)) as papers, closing(sqlite3.connect(copy.store)) as copied:
        papers.backup(copied)
    vectors = source.vectors(held.model)
    shutil.copy(vectors, to / vectors.name)
    shutil.copytree(held.files.directory, to / held.files.directory.name)
    copy.current.write_text(held.manifest.generation + "\n", "ascii")


def _raise_file_limit(count: int) -> None:
    """As many open files as the system lets this process have, where it has fewer than it needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count) if hard > 0 else count, hard))


if __name__ == "__main__":
    main()
