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
from benchmarks.questions import questions
from benchmarks.serving import Memory, Served, Watched
from benchmarks.traffic import Answer, Traffic
from search.index.layout import Layout
from search.index.snapshot import Snapshot

_SEED = 20_260_101
_WARMED_S, _AROUND_S, _RECOVERY_S = 3.0, 10.0, 3.0
_OVERLOADED, _OVERLOAD_S = 1_000, 20.0
_NOTED_EVERY_S = 5.0
_SHED = (429, 503)
_MIB = 2**20

Figures = dict[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure.

    Attributes:
        index: of the papers. rate: questions a second, ``lower`` in all parts but the first. connections: kept alive.
        seconds: of the parts that ask at a rate; ``minutes``: of the memory's part.
        workers: None: as the server likes. work: a folder for a copy of the index and for logs.
    """

    index: Path
    rate: float
    lower: float
    connections: int
    seconds: float
    minutes: float
    workers: int | None
    work: Path

    def served(self, index: Path | None = None) -> Served:
        return Served(index or self.index, self.workers, self.work / "serve.log")


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
    parser.add_argument("--only", choices=_PARTS, action="append", help="these parts, whose figures are only printed")
    options = vars(parser.parse_args())
    only = options.pop("only")
    asked = Asked(**options)
    asked.work.mkdir(parents=True, exist_ok=True)
    snapshot = Snapshot.open(asked.index)  # held: no writer removes the generation meanwhile
    drawn = questions(snapshot, _SEED)
    figures = {name: measure(asked, drawn) for name, measure in _PARTS.items() if name in (only or _PARTS)}
    if only:
        print(json.dumps(figures, indent=1))
        return
    setting = {
        "rate": asked.rate,
        "lower": asked.lower,
        "connections": asked.connections,
        "seconds": asked.seconds,
        "workers": asked.workers,
    }
    about = f"{snapshot.manifest.live:,} papers; the generator shares the server's cores"
    results.save("load", {**setting, **figures}, papers=about)


def steady(asked: Asked, drawn: Iterator[str]) -> Figures:
    """Questions at even distances, whether or not answers came."""
    with asked.served() as served:
        answers, cpu = _loaded(served, asked, drawn, asked.seconds)
    return {**_summary(answers, {_published(asked.index)}), **cpu}


def lower(asked: Asked, drawn: Iterator[str]) -> Figures:
    """The same at the lower rate."""
    return steady(replace(asked, rate=asked.lower), drawn)


def overload(asked: Asked, drawn: Iterator[str]) -> Figures:
    """A thousand connections that ask as soon as they are answered, and normal questions before and after."""
    asked, generations = replace(asked, rate=asked.lower), {_published(asked.index)}
    flood = list(islice(drawn, 20_000))
    with asked.served() as served:
        before, _ = _loaded(served, asked, drawn, _AROUND_S)
        _allow_files(_OVERLOADED + 100)
        with Traffic(served.port, _OVERLOADED) as traffic:
            answers, cpu = _measured(served, lambda: traffic.closed_loop(cycle(flood), _OVERLOAD_S))
        time.sleep(_RECOVERY_S)
        after, _ = _loaded(served, asked, drawn, _AROUND_S, warm=False)
    shed = [answer for answer in answers if answer.status in _SHED]
    return {
        "connections": _OVERLOADED,
        "overload": {
            **_summary(answers, generations),
            **cpu,
            "refused": len(shed),
            "refused_without_retry_after": sum(not answer.retry_after for answer in shed),
            "refused_ms": _milliseconds([answer.done - answer.sent for answer in shed]),
        },
        "before": _summary(before, generations),
        f"after_{_RECOVERY_S:g}_s": _summary(after, generations),
    }


def memory(asked: Asked, drawn: Iterator[str]) -> Figures:
    """What the server's processes take, over minutes of questions that differ."""
    ahead = list(islice(drawn, round(60 * asked.minutes * asked.lower)))
    with asked.served() as served:
        _warm(served, asked, drawn)
        with Traffic(served.port, asked.connections) as traffic, Watched(served, _NOTED_EVERY_S) as watched:
            answers = traffic.open_loop(iter(ahead), asked.lower, 60 * asked.minutes)
    noted = watched.noted
    kinds: dict[str, Callable[[Memory], int]] = {
        "pss": lambda each: each.pss,
        "anonymous": lambda each: each.anonymous,
        "rss": lambda each: each.rss,
    }
    return {
        "minutes": asked.minutes,
        "rate": asked.lower,
        **{f"{name}_mib": _growth(noted, size) for name, size in kinds.items()},
        **_summary(answers, {_published(asked.index)}),
    }


def publish(asked: Asked, drawn: Iterator[str]) -> Figures:
    """A paper is added to a copy of the index, and published, while questions arrive."""
    asked = replace(asked, rate=asked.lower)
    with tempfile.TemporaryDirectory(dir=asked.work) as folder:
        index = Path(folder) / "index"
        _copy(asked.index, index)
        old = _published(index)
        with asked.served(index) as served:
            _warm(served, asked, drawn)
            publisher = _Publisher(index, asked.seconds / 3)
            publisher.start()
            answers, cpu = _loaded(served, asked, drawn, asked.seconds, warm=False)
            publisher.join()
        new = _published(index)
        switched = publisher.switched()
    meanwhile = [answer for answer in answers if publisher.begun <= answer.due <= switched + 2]
    return {
        **_summary(answers, {old, new}),
        **cpu,
        "generations": dict(Counter(answer.generation for answer in answers)),
        "connections_that_went_back": _went_back(answers),
        "command_s": round(publisher.ended - publisher.begun, 2),
        "command_said": publisher.said.strip(),
        "first_new_answer_after_s": _after(switched, min(_done(answers, new), default=None)) if new != old else None,
        "last_old_answer_after_s": _after(switched, max(_done(answers, old), default=None)) if new != old else None,
        "latency_from_command_to_2_s_after": _milliseconds([answer.done - answer.due for answer in meanwhile]),
    }


_PARTS: dict[str, Callable[[Asked, Iterator[str]], Figures]] = {
    "steady": steady,
    "lower": lower,
    "overload": overload,
    "memory": memory,
    "publish": publish,
}


class _Publisher(threading.Thread):
    """Adds a paper to an index some seconds from now, with the command that users have; times as ``perf_counter``."""

    def __init__(self, index: Path, wait: float) -> None:
        super().__init__()
        self._index, self._wait = index, wait
        self.begun = self.ended = 0.0
        self.said = ""

    def run(self) -> None:
        file = self._index.with_name("new.jsonl")
        paper = {"title": "A paper that came while others were read", "abstract": "It is found from then on."}
        file.write_text(json.dumps(paper) + "\n", "utf-8")
        command = [str(Path(sys.executable).with_name("papers")), "index", str(file), "--index", str(self._index)]
        time.sleep(self._wait)
        self.begun = time.perf_counter()
        self.said = subprocess.run(command, capture_output=True, text=True).stderr
        self.ended = time.perf_counter()

    def switched(self) -> float:
        """When CURRENT was replaced."""
        return Layout(self._index).current.stat().st_ctime_ns / 1e9 - time.time() + time.perf_counter()


def _loaded(
    served: Served, asked: Asked, drawn: Iterator[str], seconds: float, *, warm: bool = True
) -> tuple[list[Answer], Figures]:
    """The answers of an open loop, and what it took."""
    if warm:
        _warm(served, asked, drawn)
    ahead = list(islice(drawn, round(asked.rate * seconds)))
    with Traffic(served.port, asked.connections) as traffic:
        return _measured(served, lambda: traffic.open_loop(iter(ahead), asked.rate, seconds))


def _measured(served: Served, loop: Callable[[], list[Answer]]) -> tuple[list[Answer], Figures]:
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


def _warm(served: Served, asked: Asked, drawn: Iterator[str]) -> None:
    with Traffic(served.port, asked.connections) as traffic:
        traffic.open_loop(iter(list(islice(drawn, round(asked.rate * _WARMED_S)))), asked.rate, _WARMED_S)


def _summary(answers: list[Answer], generations: set[str]) -> Figures:
    """Latencies are those of answers with status 200, counted from when the question was due."""
    good = [answer for answer in answers if answer.status == 200]
    took = max((answer.done for answer in answers), default=0) - min((answer.due for answer in answers), default=0)
    return {
        "asked": len(answers),
        "statuses": dict(Counter(str(answer.status) for answer in answers if answer.status)),
        "failures": dict(Counter(answer.failure for answer in answers if answer.failure)),
        "wrong_generation": sum(answer.generation not in generations for answer in good),
        "answers_a_second": round(len(good) / took, 1) if took else 0,
        "latency_ms": _milliseconds([answer.done - answer.due for answer in good]),
        "of_which_until_sent_ms": _milliseconds([answer.sent - answer.due for answer in good]),
    }


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    points = dict(zip(("p50", "p90", "p99", "max"), np.percentile(seconds, (50, 90, 99, 100)).tolist(), strict=True))
    return {name: round(1e3 * value, 1) for name, value in points.items()}


def _growth(noted: list[Memory], size: Callable[[Memory], int]) -> Figures:
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


def _went_back(answers: list[Answer]) -> int:
    """Connections on which an older generation answered after a newer one."""
    newest: dict[int, str] = {}
    back = set()
    for answer in sorted(answers, key=lambda answer: answer.done):
        if answer.generation:
            if answer.generation < newest.get(answer.connection, ""):
                back.add(answer.connection)
            newest[answer.connection] = answer.generation
    return len(back)


def _after(moment: float, done: float | None) -> float | None:
    """Seconds from a moment; None where what was waited for did not come while questions were asked."""
    return None if done is None else round(done - moment, 3)


def _done(answers: list[Answer], generation: str) -> list[float]:
    return [answer.done for answer in answers if answer.generation == generation]


def _published(index: Path) -> str:
    return Layout(index).published()


def _copy(index: Path, to: Path) -> None:
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


def _allow_files(count: int) -> None:
    """As many open files as the system lets this process have, where it has fewer than it needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count) if hard > 0 else count, hard))


if __name__ == "__main__":
    main()
