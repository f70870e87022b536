"""CPU time of a question, by library and by stage: sampled with native frames while one process answers questions.

``py-spy`` samples the stack of every running thread. A sample counts for the innermost frame that belongs to a known
library; frames without a symbol, such as kernels that OpenVINO compiles at run time, count for whoever called them.

    pip install py-spy==0.4.3
    papers index PAPERS.jsonl.xz --index FULL
    python -m benchmarks.profile FULL               # benchmarks/results/profile.json
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx

from benchmarks import results
from benchmarks.server_process import ServerProcess
from search.embedding.embedder import load_embedder
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher

_SAMPLES_PER_SECOND = 250
"""Rate of the sampling; higher rates slow the process down."""
_SECONDS = 20
"""Duration of each measurement."""
_WARM_UP_QUESTIONS = 30
"""Questions before the measurement, so that caches and compiled kernels exist."""
_QUESTIONS = 400
"""Different questions of a measurement, which repeat."""
_FRAME = re.compile(r"(.*) \((.*?)(?::\d+)?\)$")
"""Matches a frame: the function, and its file or library."""
_WAITING = re.compile(
    r"time_sleep|pthread_cond_.*|.*futex.*|.*epoll.*|poll|select|take_gil|.*lock_acquire.*|sem_.*wait.*"
)
"""Matches functions in which a thread waits; py-spy does not always see that it does."""
_WAITING_IN_PYTHON = ("wait", "get", "result", "_worker")
"""Functions of Python that wait, if a frame of the C library without a symbol follows."""
_LIBRARIES = (
    ("faiss", r"faiss|libopenblas|libgomp"),
    ("OpenVINO", r"openvino|libtbb|onednn"),
    ("tokenizers", r"tokenizers"),
    ("tantivy", r"tantivy"),
    ("SQLite", r"sqlite"),
    ("numpy", r"numpy|libscipy"),
    ("HTTP", r"uvicorn|uvloop|httptools|starlette|fastapi|pydantic|orjson|anyio|asyncio|^service/(api|serving|app)"),
    ("rendering", r"jinja2|markupsafe|<template>|\.html$|latex2mathml|^service/(web|formats)"),
    ("Python", r"\.py$|<string>|python"),
)
"""Libraries, and a pattern of the files of their frames; the first that matches counts."""
_STAGES = (
    ("verification of files", "find_damage|check_keys|read_paced"),
    ("embedding", "_encode"),
    ("lexical leg", "search_lexical"),
    ("semantic leg", "search_semantic"),
    ("feedback", "rescore"),
    ("fusion and smoothing", "_refine|_fuse_legs"),
    ("relevant papers", "find_relevant"),
    ("facets", "count_facets"),
    ("highlights", "highlight|highlighted_terms"),
    ("load papers", "load_papers"),
    ("author variants", "match_author"),
    ("filter", "rows_matching"),
    ("offers and spelling", "refine|alternatives|correction"),
    ("parse", "_parse|parse_query|split_query|compose"),
    ("render", "results_page|paper_page|respond_with_page|render"),
)
"""Stages, and the functions that they consist of; the outermost function that is listed counts."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of question.

    Attributes:
        name: how the results name it.
        query: filters and options.
        path: the path of the request, with ``{}`` for the question; None to call ``Session.ask``.
    """

    name: str
    query: Query
    path: str | None = None


SCENARIOS = (
    Scenario("hybrid", Query()),
    Scenario("facets", Query(facets=True)),
    Scenario("category", Query(filter=Filter(categories=("cs.LG",)))),
    Scenario("author, facets", Query(filter=Filter(("Wang",)), facets=True)),
    Scenario("GET /v1/search", Query(), "/v1/search?q={}"),
    Scenario("GET /", Query(), "/?q={}"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--worker", help=argparse.SUPPRESS, type=int)
    parser.add_argument("--name", default="profile", help="name of the file of results")
    options = parser.parse_args()
    if options.worker is not None:
        print(_answer_questions(options.index, SCENARIOS[options.worker]))
        return
    searcher = Searcher(options.index, lambda _model: load_embedder())
    texts = _draw_titles(searcher)
    figures: dict[str, object] = {}
    for number, scenario in enumerate(SCENARIOS):
        samples = (
            _profile_calls(options.index, number)
            if scenario.path is None
            else _profile_requests(options.index, scenario.path, texts)
        )
        figures[scenario.name] = _summarize(*samples)
        print(scenario.name, figures[scenario.name], file=sys.stderr)
    live = searcher.snapshot.manifest.live
    results.save(options.name, figures, dataset=f"{live:,} papers; one process on one core, titles as questions")


def _draw_titles(searcher: Searcher) -> list[str]:
    """Returns titles of papers spread over the index."""
    rows = searcher.snapshot.live.ids
    chosen = rows[:: max(1, len(rows) // _QUESTIONS)][:_QUESTIONS].tolist()
    return [paper.title for paper in searcher.snapshot.store.get(chosen) if paper.title]


def _answer_questions(index: Path, scenario: Scenario) -> float:
    """Answers questions for a while, and returns the CPU milliseconds per question."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    embedder = load_embedder(serving=True)
    searcher = Searcher(index, lambda _model: embedder)
    texts = _draw_titles(searcher)
    for text in texts[:_WARM_UP_QUESTIONS]:
        searcher.ask(text, scenario.query)
    print("ready", flush=True)
    return _cpu_ms_each(cycle(texts), lambda text: searcher.ask(text, scenario.query), time.process_time)


def _cpu_ms_each(values: Iterator[str], call: Callable[[str], object], cpu_seconds: Callable[[], float]) -> float:
    """Calls a function for ``_SECONDS``, and returns the CPU milliseconds per call."""
    end, count, start = time.monotonic() + _SECONDS, 0, cpu_seconds()
    while time.monotonic() < end:
        call(next(values))
        count += 1
    return (cpu_seconds() - start) / count * 1e3


def _profile_calls(index: Path, scenario: int) -> tuple[float, str]:
    """Returns the CPU milliseconds per question, and the samples of a process that asks them."""
    command = [sys.executable, "-m", "benchmarks.profile", str(index), "--worker", str(scenario)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        worker.stdout.readline()
        samples = _record(worker.pid, lambda: None)[1]
        return float(worker.stdout.read()), samples


def _profile_requests(index: Path, path: str, texts: list[str]) -> tuple[float, str]:
    """Returns the CPU milliseconds per request, and the samples of the worker that answers them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess.papers(index, 1, Path(folder) / "log") as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client,
    ):
        headers = {"accept": "text/html" if path.startswith("/?") else "application/json"}

        def request(text: str) -> None:
            client.get(path.format(quote(text)), headers=headers).raise_for_status()

        before = server.cpu_seconds()
        for text in texts[:_WARM_UP_QUESTIONS]:
            request(text)
        worker = max(before, key=lambda pid: server.cpu_seconds()[pid] - before[pid])
        return _record(worker, partial(_cpu_ms_each, cycle(texts), request, lambda: server.cpu_seconds()[worker]))


def _record(pid: int, run: Callable[[], T]) -> tuple[T, str]:
    """Samples a process while a function runs, at most for ``_SECONDS``."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "raw"
        options = ["--native", "--format", "raw", "--rate", str(_SAMPLES_PER_SECOND)]
        command = ["py-spy", "record", *options, "--duration", str(_SECONDS - 2), "-o", str(output), "--pid", str(pid)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sampler:
            result = run()
            sampler.wait()
        return result, output.read_text("utf-8")


def _summarize(cpu_ms: float, samples: str) -> dict[str, object]:
    """Divides the CPU time of a question among libraries and stages, in proportion to their samples."""
    by_library, by_stage = Counter[str](), Counter[str]()
    for line in samples.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [match.groups() for frame in stack.split(";") if (match := _FRAME.match(frame))]
        if _is_waiting(frames):
            continue
        by_library[_library(frames)] += int(count)
        by_stage[_stage(frames)] += int(count)
    total = by_library.total()
    return {
        "cpu_ms": round(cpu_ms, 2),
        "samples": total,
        "by_library_ms": {name: round(cpu_ms * count / total, 2) for name, count in by_library.most_common()},
        "by_stage_ms": {name: round(cpu_ms * count / total, 2) for name, count in by_stage.most_common()},
    }


def _is_waiting(frames: list[tuple[str, ...]]) -> bool:
    innermost = next((function for function, file in reversed(frames) if file.endswith(".py")), "")
    in_libc = bool(frames) and "libc.so" in frames[-1][1]
    return any(_WAITING.fullmatch(function) for function, _ in frames) or (
        in_libc and innermost.rpartition(".")[2] in _WAITING_IN_PYTHON
    )


def _library(frames: list[tuple[str, ...]]) -> str:
    for _, file in reversed(frames):
        for name, pattern in _LIBRARIES:
            if re.search(pattern, file):
                return name
    return "other"


def _stage(frames: list[tuple[str, ...]]) -> str:
    for function, _ in frames:
        for name, pattern in _STAGES:
            if re.fullmatch(pattern, function.rpartition(".")[2]):
                return name
    return "other"


if __name__ == "__main__":
    main()
