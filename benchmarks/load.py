"""Load on ``papers serve`` over loopback: latency at a fixed request rate, overload, memory, and publishing under load.

Each scenario starts its own server. The queries are made of the papers of the index and are all distinct, except in
the scenario ``repeated``.

    python -m benchmarks.load FULL                                # all scenarios, about 14 min: results/load.json
    python -m benchmarks.load FULL --only steady --seconds 10     # one scenario, printed only
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
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from string import ascii_lowercase

import numpy as np

from benchmarks import results
from benchmarks.load_generator import LoadGenerator, Response
from benchmarks.queries import generate_queries
from benchmarks.server_process import MemoryMonitor, MemoryUsage, ServerProcess
from search.index.layout import Layout
from search.index.snapshot import Snapshot

_SEED = 20_260_101
_WARMUP_S = 3.0
_REPEATED_RATE = 10.0
"""Requests per second of the scenario ``repeated``."""
_REPEATED_S = 10.0
"""Duration of each of its two runs, in seconds."""
_REPEATED_QUESTIONS = round(_REPEATED_RATE * _REPEATED_S)
_BASELINE_S = 10.0
_RECOVERY_S = 3.0
_OVERLOAD_CONNECTIONS = 1_000
_OVERLOAD_S = 20.0
_ATTACKERS = 4
_ATTACK_QUERIES = {
    "repeated_conditions": "au:a " * 3_900,
    "different_conditions": " ".join(f"-au:{one}{other}" for one in ascii_lowercase for other in "aeinorstuvwy")
    + " cell",
}
"""Expensive searches: more conditions than a query may have, and many that differ."""
_SAMPLE_INTERVAL_S = 5.0
"""Seconds between two samples of the memory."""
_PUBLISH_AFTERMATH_S = 2.0
"""Seconds after a publish whose latency counts as that of the publish."""
_REJECTED_STATUSES = (429, 503)
_MIB = 2**20

Figures = dict[str, object]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What to measure.

    Attributes:
        index: folder of the index.
        rate: requests per second of the scenario ``steady``.
        low_rate: requests per second of the other scenarios.
        light_rate: requests per second of the scenario ``attack``.
        connections: keep-alive connections.
        seconds: duration of the scenarios at a fixed rate.
        minutes: duration of the scenario ``memory``.
        workers: number of worker processes; None for the default.
        work: folder for a copy of the index and for logs.
    """

    index: Path
    rate: float
    low_rate: float
    light_rate: float
    connections: int
    seconds: float
    minutes: float
    workers: int | None
    work: Path

    def server(self, index: Path | None = None) -> ServerProcess:
        """Returns a server on the index, or on another one."""
        return ServerProcess.papers(index or self.index, self.workers, self.work / "serve.log")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--rate", type=float, default=150.0, help="requests per second of the scenario steady")
    parser.add_argument("--low-rate", type=float, default=90.0, help="requests per second of the other scenarios")
    parser.add_argument("--light-rate", type=float, default=10.0, help="requests per second of the scenario attack")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0, help="duration of steady, low and publish")
    parser.add_argument("--minutes", type=float, default=10.0, help="duration of memory")
    parser.add_argument("--workers", type=int, help="worker processes of the server; default: the server's own")
    parser.add_argument("--work", type=Path, default=Path("build/load"), help="folder for a copy of the index and logs")
    parser.add_argument("--only", choices=_SCENARIOS, action="append", help="run these scenarios and print the results")
    values = vars(parser.parse_args())
    only = values.pop("only")
    options = LoadOptions(**values)
    options.work.mkdir(parents=True, exist_ok=True)
    snapshot = Snapshot.open(options.index)  # stays open, so that no writer removes the generation meanwhile
    queries = generate_queries(snapshot, _SEED)
    figures = {name: measure(options, queries) for name, measure in _SCENARIOS.items() if name in (only or _SCENARIOS)}
    if only:
        print(json.dumps(figures, indent=1))
        return
    setting = {
        "rate": options.rate,
        "low_rate": options.low_rate,
        "light_rate": options.light_rate,
        "connections": options.connections,
        "seconds": options.seconds,
        "workers": options.workers,
    }
    dataset = f"{snapshot.manifest.live:,} papers; the generator shares the server's cores"
    results.save("load", {**setting, **figures}, dataset=dataset)


def measure_steady(options: LoadOptions, queries: Iterator[str]) -> Figures:
    """Measures an open loop at ``rate``."""
    with options.server() as server:
        responses, cpu = _run_open_loop(server, options, queries, options.seconds)
    return {**_summarize(responses, {_current_generation(options.index)}), **cpu}


def measure_low_rate(options: LoadOptions, queries: Iterator[str]) -> Figures:
    """Measures an open loop at ``low_rate``."""
    return measure_steady(replace(options, rate=options.low_rate), queries)


def measure_repeated(options: LoadOptions, queries: Iterator[str]) -> Figures:
    """Measures questions that are sent one at a time, and then again, when the cache of pages has them."""
    questions = list(islice(queries, _REPEATED_QUESTIONS))
    with ServerProcess.papers(options.index, options.workers, options.work / "serve.log", caches=True) as server:
        _warm_up(server, options, queries)
        with LoadGenerator(server.port, 1) as generator:
            runs = {
                name: _measure_cpu(server, lambda: generator.open_loop(iter(questions), _REPEATED_RATE, _REPEATED_S))
                for name in ("first", "again")
            }
    generations = {_current_generation(options.index)}
    return {name: {**_summarize(responses, generations), **cpu} for name, (responses, cpu) in runs.items()}


def measure_overload(options: LoadOptions, queries: Iterator[str]) -> Figures:
    """Measures 1,000 connections that send a request as soon as the last one is answered, and ``low_rate`` before and
    after."""
    options, generations = replace(options, rate=options.low_rate), {_current_generation(options.index)}
    flood = list(islice(queries, 20_000))
    with options.server() as server:
        before, _ = _run_open_loop(server, options, queries, _BASELINE_S)
        _raise_file_limit(_OVERLOAD_CONNECTIONS + 100)
        with LoadGenerator(server.port, _OVERLOAD_CONNECTIONS) as generator:
            responses, cpu = _measure_cpu(server, lambda: generator.closed_loop(cycle(flood), _OVERLOAD_S))
        time.sleep(_RECOVERY_S)
        after, _ = _run_open_loop(server, options, queries, _BASELINE_S, warm=False)
    rejected = [response for response in responses if response.status in _REJECTED_STATUSES]
    return {
        "connections": _OVERLOAD_CONNECTIONS,
        "overload": {
            **_summarize(responses, generations),
            **cpu,
            "rejected": len(rejected),
            "rejected_without_retry_after": sum(not response.retry_after for response in rejected),
            "rejected_ms": _percentiles_ms([response.completed - response.sent for response in rejected]),
        },
        "before": _summarize(before, generations),
        f"after_{_RECOVERY_S:g}_s": _summarize(after, generations),
    }


def measure_attack(options: LoadOptions, queries: Iterator[str]) -> Figures:
    """Measures ``light_rate`` alone, and while some clients send batches of expensive searches without pause. Each
    attack ends with SIGTERM to the server, while the batches run."""
    options, generations = replace(options, rate=options.light_rate), {_current_generation(options.index)}
    with options.server() as server:
        alone, _ = _run_open_loop(server, options, queries, options.seconds)
    figures: Figures = {"rate": options.rate, "attackers": _ATTACKERS, "alone": _summarize(alone, generations)}
    for name, query in _ATTACK_QUERIES.items():
        body = json.dumps({"searches": [{"q": query, "limit": 1}] * 50}).encode()
        with options.server() as server:
            _warm_up(server, options, queries)
            attackers = [_Attacker(server.port, body) for _ in range(_ATTACKERS)]
            for attacker in attackers:
                attacker.start()
            responses, cpu = _run_open_loop(server, options, queries, options.seconds, warm=False)
            start = time.perf_counter()
            server.process.terminate()
            server.process.wait()
            seconds_to_stop = round(time.perf_counter() - start, 1)
            for attacker in attackers:
                attacker.join()
        statuses = Counter(str(status) for attacker in attackers for status in attacker.statuses)
        figures[name] = {
            **_summarize(responses, generations),
            **cpu,
            "body_bytes": len(body),
            "attack_statuses": dict(statuses),
            "seconds_to_stop": seconds_to_stop,
        }
    return figures


def measure_memory(options: LoadOptions, queries: Iterator[str]) -> Figures:
    """Measures the memory of the server's processes over minutes of distinct queries at ``low_rate``."""
    prepared = list(islice(queries, round(60 * options.minutes * options.low_rate)))
    with options.server() as server:
        _warm_up(server, options, queries)
        with (
            LoadGenerator(server.port, options.connections) as generator,
            MemoryMonitor(server, _SAMPLE_INTERVAL_S) as monitor,
        ):
            responses = generator.open_loop(iter(prepared), options.low_rate, 60 * options.minutes)
    sizes: dict[str, Callable[[MemoryUsage], int]] = {
        "pss": lambda usage: usage.pss,
        "anonymous": lambda usage: usage.anonymous,
        "rss": lambda usage: usage.rss,
    }
    return {
        "minutes": options.minutes,
        "rate": options.low_rate,
        **{f"{name}_mib": _memory_growth(monitor.samples, size) for name, size in sizes.items()},
        **_summarize(responses, {_current_generation(options.index)}),
    }


def measure_publish(options: LoadOptions, queries: Iterator[str]) -> Figures:
    """Measures ``low_rate`` on a copy of the index to which a paper is added and published meanwhile."""
    options = replace(options, rate=options.low_rate)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        index = Path(folder) / "index"
        _copy_index(options.index, index)
        old = _current_generation(index)
        with options.server(index) as server:
            _warm_up(server, options, queries)
            publisher = _Publisher(index, options.seconds / 3)
            publisher.start()
            responses, cpu = _run_open_loop(server, options, queries, options.seconds, warm=False)
            publisher.join()
        new = _current_generation(index)
        published = publisher.published_at()
    end = published + _PUBLISH_AFTERMATH_S
    around = [response for response in responses if publisher.started_at <= response.due <= end]
    first_new = min(_completion_times(responses, new), default=None)
    last_old = max(_completion_times(responses, old), default=None)
    return {
        **_summarize(responses, {old, new}),
        **cpu,
        "generations": dict(Counter(response.generation for response in responses)),
        "connections_with_older_generation_after_newer": _count_generation_regressions(responses),
        "command_s": round(publisher.ended_at - publisher.started_at, 2),
        "command_output": publisher.stderr.strip(),
        "first_new_response_after_s": _seconds_after(published, first_new) if new != old else None,
        "last_old_response_after_s": _seconds_after(published, last_old) if new != old else None,
        "latency_around_publish_ms": _percentiles_ms([response.completed - response.due for response in around]),
    }


_SCENARIOS: dict[str, Callable[[LoadOptions, Iterator[str]], Figures]] = {
    "steady": measure_steady,
    "low": measure_low_rate,
    "repeated": measure_repeated,
    "overload": measure_overload,
    "attack": measure_attack,
    "memory": measure_memory,
    "publish": measure_publish,
}


class _Attacker(threading.Thread):
    """Sends a batch again and again, until the server has stopped.

    Args:
        port: port of the server on 127.0.0.1.
        body: the batch.

    Attributes:
        statuses: status of each response.
    """

    def __init__(self, port: int, body: bytes) -> None:
        super().__init__()
        url = f"http://127.0.0.1:{port}/v1/batch"
        self._request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        self.statuses: list[int] = []

    def run(self) -> None:
        while True:
            try:
                with urllib.request.urlopen(self._request) as response:
                    response.read()
                    self.statuses.append(response.status)
            except urllib.error.HTTPError as error:
                self.statuses.append(error.code)
            except OSError:
                return


class _Publisher(threading.Thread):
    """Adds a paper to an index with ``papers index``. Times are those of ``time.perf_counter``.

    Args:
        index: folder of the index.
        delay_s: seconds until it starts.
    """

    def __init__(self, index: Path, delay_s: float) -> None:
        super().__init__()
        self._index, self._delay_s = index, delay_s
        self.started_at = self.ended_at = 0.0
        self.stderr = ""

    def run(self) -> None:
        file = self._index.with_name("new.jsonl")
        paper = {"title": "A paper added under load", "abstract": "It is found once its generation is published."}
        file.write_text(json.dumps(paper) + "\n", "utf-8")
        command = [str(Path(sys.executable).with_name("papers")), "index", str(file), "--index", str(self._index)]
        time.sleep(self._delay_s)
        self.started_at = time.perf_counter()
        self.stderr = subprocess.run(command, capture_output=True, text=True).stderr
        self.ended_at = time.perf_counter()

    def published_at(self) -> float:
        """Returns when CURRENT was replaced."""
        return Layout(self._index).current.stat().st_ctime_ns / 1e9 - time.time() + time.perf_counter()


def _run_open_loop(
    server: ServerProcess, options: LoadOptions, queries: Iterator[str], seconds: float, *, warm: bool = True
) -> tuple[list[Response], Figures]:
    """Returns the responses of an open loop, and the CPU time that it took."""
    if warm:
        _warm_up(server, options, queries)
    prepared = list(islice(queries, round(options.rate * seconds)))
    with LoadGenerator(server.port, options.connections) as generator:
        return _measure_cpu(server, lambda: generator.open_loop(iter(prepared), options.rate, seconds))


def _measure_cpu(server: ServerProcess, loop: Callable[[], list[Response]]) -> tuple[list[Response], Figures]:
    """Returns the responses of a loop, and the cores that the generator and the server used on average."""
    start, own_before, server_before = time.perf_counter(), time.process_time(), server.cpu_seconds()
    responses = loop()
    own, took = time.process_time() - own_before, time.perf_counter() - start
    cores = [(seconds - server_before.get(pid, 0.0)) / took for pid, seconds in server.cpu_seconds().items()]
    return responses, {
        "generator_cores": round(own / took, 3),
        "server_cores": round(sum(cores), 2),
        "server_cores_by_process": sorted((round(each, 2) for each in cores), reverse=True),
    }


def _warm_up(server: ServerProcess, options: LoadOptions, queries: Iterator[str]) -> None:
    prepared = list(islice(queries, round(options.rate * _WARMUP_S)))
    with LoadGenerator(server.port, options.connections) as generator:
        generator.open_loop(iter(prepared), options.rate, _WARMUP_S)


def _summarize(responses: list[Response], generations: set[str]) -> Figures:
    """Returns counts, throughput and the latency of responses with status 200, which counts from when they were due.

    Args:
        responses: the responses.
        generations: the generations that may have answered.
    """
    good = [response for response in responses if response.status == 200]
    end = max((response.completed for response in responses), default=0)
    took = end - min((response.due for response in responses), default=0)
    return {
        "requests": len(responses),
        "statuses": dict(Counter(str(response.status) for response in responses if response.status)),
        "failures": dict(Counter(response.failure for response in responses if response.failure)),
        "wrong_generation": sum(response.generation not in generations for response in good),
        "responses_per_s": round(len(good) / took, 1) if took else 0,
        "latency_ms": _percentiles_ms([response.completed - response.due for response in good]),
        "wait_for_connection_ms": _percentiles_ms([response.sent - response.due for response in good]),
    }


def _percentiles_ms(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    points = dict(zip(("p50", "p90", "p99", "max"), np.percentile(seconds, (50, 90, 99, 100)).tolist(), strict=True))
    return {name: round(1e3 * value, 1) for name, value in points.items()}


def _memory_growth(samples: list[MemoryUsage], size: Callable[[MemoryUsage], int]) -> Figures:
    """Returns the median of each minute and the slope of a line through the samples after the second minute, in MiB."""
    start = samples[0].seconds
    minutes: dict[int, list[float]] = {}
    for sample in samples:
        minutes.setdefault(int((sample.seconds - start) / 60), []).append(size(sample) / _MIB)
    later = [sample for sample in samples if sample.seconds >= start + 120] or samples
    slope, _ = np.polyfit([sample.seconds / 60 for sample in later], [size(sample) / _MIB for sample in later], 1)
    return {
        "by_minute": [round(median(sizes), 1) for _, sizes in sorted(minutes.items())],
        "growth_per_minute": round(float(slope), 2),
    }


def _count_generation_regressions(responses: list[Response]) -> int:
    """Counts the connections on which an older generation answered after a newer one."""
    newest: dict[int, str] = {}
    regressed = set()
    for response in sorted(responses, key=lambda response: response.completed):
        if response.generation:
            if response.generation < newest.get(response.connection, ""):
                regressed.add(response.connection)
            newest[response.connection] = response.generation
    return len(regressed)


def _seconds_after(start: float, end: float | None) -> float | None:
    return None if end is None else round(end - start, 3)


def _completion_times(responses: list[Response], generation: str) -> list[float]:
    return [response.completed for response in responses if response.generation == generation]


def _current_generation(index: Path) -> str:
    return Layout(index).published_generation()


def _copy_index(index: Path, target: Path) -> None:
    """Copies what is published. Rows are copied before vectors, because a writer writes vectors first."""
    snapshot = Snapshot.open(index)
    source, copy = snapshot.layout, Layout(target, snapshot.layout.rows_folder)
    copy.rows_directory.mkdir(parents=True)
    read_only = f"{source.store.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(read_only, uri=True)) as papers, closing(sqlite3.connect(copy.store)) as copied:
        papers.backup(copied)
    vectors = source.vectors(snapshot.model)
    shutil.copy(vectors, copy.vectors(snapshot.model))
    shutil.copytree(snapshot.files.directory, target / snapshot.files.directory.name)
    copy.current.write_text(snapshot.manifest.generation + "\n", "ascii")


def _raise_file_limit(count: int) -> None:
    """Raises the limit on open files to a count, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count) if hard > 0 else count, hard))


if __name__ == "__main__":
    main()
