"""ASGI servers compared: the project's own, uvicorn, gunicorn with uvicorn-worker, and granian, two workers each.

All serve the same application on the same small index with a fake embedder, so that the server dominates. Each server
runs once per round, in alternating order; the figures are medians over the rounds.

    python -m venv --system-site-packages build/servers   # in an environment with the project installed
    build/servers/bin/pip install granian gunicorn uvicorn-worker
    build/servers/bin/python -m benchmarks.servers        # benchmarks/results/servers.json
"""

import argparse
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import results
from benchmarks.load_generator import LoadGenerator, Response
from benchmarks.queries import generate_queries
from benchmarks.server_process import ServerProcess
from search.index.snapshot import Snapshot
from search.searcher import Searcher
from service.api.guard import logs
from service.app import Application, create_app
from service.settings import Settings

_ROOT = Path(__file__).parent.parent
sys.path.append(str(_ROOT / "tests"))
from fake_server import load_slow_embedder  # noqa: E402

_SEED = 20_261_128
_PAPERS = 300
_WORKERS = 2
_CONNECTIONS = 64
_SATURATION_S = 5.0
"""Duration of the closed loop that measures throughput."""
_KILL_S = 8.0
"""Duration of the load during which a worker is killed, after a quarter of it."""
_KILL_RATE = 20.0
_KILL_CONNECTIONS = 16
_CLIENT_TIMEOUT_S = 2
"""Timeout for slow clients, where the server has one."""
_OBSERVATION_S = 10.0
"""How long slow clients are observed."""
_IN_FLIGHT = 4
_SLOW_QUERY = "GET /v1/search?q=wait+{tenths} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_FACTORY = "benchmarks.servers:create_application"

Figures = dict[str, float | None]


def create_application() -> Application:
    """Returns the application that the standard servers run; the environment names its index."""
    settings = Settings.from_environment()
    logs.configure(log_requests=True, log_queries=False)
    searcher = Searcher(Path(os.environ["PAPERS_INDEX"]), load_slow_embedder)
    searcher.warm()
    return create_app(searcher, settings)


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _own_command(port: int) -> list[str]:
    return ["env", f"PAPERS_PORT={port}", sys.executable, "tests/fake_server.py", os.environ["PAPERS_INDEX"]]


def _uvicorn_command(port: int) -> list[str]:
    options = ["--port", str(port), "--workers", str(_WORKERS), "--no-access-log", "--timeout-keep-alive", "75"]
    return [sys.executable, "-m", "uvicorn", "--factory", _FACTORY, *options]


def _gunicorn_command(port: int) -> list[str]:
    options = ["--bind", f"127.0.0.1:{port}", "--workers", str(_WORKERS), "--keep-alive", "75"]
    return [_script("gunicorn"), "--worker-class", "uvicorn_worker.UvicornWorker", *options, f"{_FACTORY}()"]


def _granian_command(port: int) -> list[str]:
    timeout = ["--http1-header-read-timeout", str(1_000 * _CLIENT_TIMEOUT_S)]
    options = ["--port", str(port), "--workers", str(_WORKERS), "--respawn-failed-workers", *timeout]
    return [_script("granian"), "--interface", "asgi", "--factory", _FACTORY, *options]


_COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "own": _own_command,
    "uvicorn": _uvicorn_command,
    "gunicorn": _gunicorn_command,
    "granian": _granian_command,
}


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one run.

    Attributes:
        queries: distinct queries.
        rate: requests per second of the open loop.
        seconds: duration of the open loop.
    """

    queries: Iterator[str]
    rate: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=30.0, help="requests per second of the open loop")
    parser.add_argument("--seconds", type=float, default=15.0, help="duration of the open loop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=_COMMANDS, action="append", help="measure these servers and print only")
    options = parser.parse_args()
    names = options.only or list(_COMMANDS)
    with tempfile.TemporaryDirectory() as folder:
        index = _build_index(Path(folder))
        os.environ |= {"PAPERS_INDEX": str(index), "PYTHONPATH": str(_ROOT)} | _settings() | _worker_environment(folder)
        load = Load(generate_queries(Snapshot.open(index), _SEED), options.rate, options.seconds)
        runs: dict[str, list[Figures]] = {name: [] for name in names}
        for number in range(options.rounds):
            for name in names if number % 2 == 0 else reversed(names):
                runs[name].append(_measure(name, load, Path(folder) / f"{name}-{number}.log"))
                print(name, json.dumps(runs[name][-1]), file=sys.stderr)
    figures: dict[str, object] = {name: _summarize(rounds) for name, rounds in runs.items()}
    if options.only:
        print(json.dumps(figures, indent=1))
        return
    setting = {
        "packages": {name: version(name) for name in ("granian", "gunicorn", "uvicorn-worker")},
        "workers": _WORKERS,
        "connections": _CONNECTIONS,
        "rate": options.rate,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "client_timeout_s": _CLIENT_TIMEOUT_S,
        "observation_s": _OBSERVATION_S,
    }
    results.save("servers", {**setting, **figures}, dataset=f"{_PAPERS} generated papers, fake embedder")


def _settings() -> dict[str, str]:
    values = {
        "WORKERS": _WORKERS,
        "THREADS": 4,
        "QUEUE": 1_000,
        "CACHED_HITS": 0,
        "HEAD_SECONDS": _CLIENT_TIMEOUT_S,
        "ANSWER_SECONDS": _CLIENT_TIMEOUT_S,
    }
    return {f"PAPERS_{name}": str(value) for name, value in values.items()}


def _worker_environment(folder: str) -> dict[str, str]:
    """Returns what the project's own server sets for its workers: one core each, and metrics of all processes."""
    cores = dict.fromkeys(("PAPERS_CORES", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    metrics = Path(folder) / "metrics"
    metrics.mkdir()
    return cores | {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}


def _build_index(folder: Path) -> Path:
    """Indexes papers whose words are drawn from the sample data."""
    from fake_embedder import FakeEmbedder
    from indexer.build import index

    generator = random.Random(_SEED)
    words = sorted(set(re.findall(r"[A-Za-z]{4,}", (_ROOT / "data" / "sample.jsonl").read_text("utf-8"))))
    records = [
        {
            "id": f"2401.{number:05d}",
            "title": " ".join(generator.choices(words, k=8)),
            "abstract": " ".join(generator.choices(words, k=80)),
        }
        for number in range(_PAPERS)
    ]
    file = folder / "papers.jsonl"
    file.write_text("\n".join(map(json.dumps, records)), "utf-8")
    index([file], folder / "index", FakeEmbedder())
    return folder / "index"


def _measure(name: str, load: Load, log: Path) -> Figures:
    start = time.perf_counter()
    with ServerProcess(_COMMANDS[name], log) as server:
        figures: Figures = {"start_s": time.perf_counter() - start}
        _wait_for_workers(server, log)
        figures |= _measure_spread(server)
        figures |= _measure_load(server, load)
        memory = server.memory_usage()
        figures |= {"rss_mib": memory.rss / 2**20, "pss_mib": memory.pss / 2**20}
        figures |= _measure_slow_clients(server)
        figures |= _measure_restart(server, load, log)
        figures |= _measure_stop(server)
    return figures


def _summarize(rounds: list[Figures]) -> Figures:
    """Returns the median of each figure; None if it is None in most rounds."""
    summary: Figures = {}
    for name in rounds[0]:
        values = [value for figures in rounds if (value := figures[name]) is not None]
        summary[name] = round(median(values), 2) if 2 * len(values) > len(rounds) else None
    return summary


def _measure_load(server: ServerProcess, load: Load) -> Figures:
    """Measures throughput in a closed loop, then latency and CPU time in an open loop."""
    with LoadGenerator(server.port, _CONNECTIONS) as generator:
        start = time.perf_counter()
        closed = generator.closed_loop(load.queries, _SATURATION_S)
        took = time.perf_counter() - start
    queries = list(islice(load.queries, round(load.rate * load.seconds)))
    with LoadGenerator(server.port, _CONNECTIONS) as generator:
        cpu_before = sum(server.cpu_seconds().values())
        opened = generator.open_loop(iter(queries), load.rate, load.seconds)
        cpu = sum(server.cpu_seconds().values()) - cpu_before
    latencies = [response.completed - response.due for response in opened if response.status == 200]
    p50, p99 = np.percentile(latencies, (50, 99)).tolist()
    return {
        "requests_per_s": _count_successes(closed) / took,
        "p50_ms": 1e3 * p50,
        "p99_ms": 1e3 * p99,
        "cpu_ms_per_request": 1e3 * cpu / len(opened),
        "failed": len(opened) - _count_successes(opened),
    }


def _measure_spread(server: ServerProcess) -> Figures:
    """Opens connections one after the other and counts those of the worker that has most."""
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(_CONNECTIONS)]
    time.sleep(1)
    ports = {client.getsockname()[1] for client in clients}
    counts = Counter(pid for port, pid in server.connections().items() if port in ports)
    for client in clients:
        client.close()
    return {"most_connections_on_one_worker": max(counts.values(), default=0)}


def _count_successes(responses: list[Response]) -> int:
    return sum(response.status == 200 and not response.failure for response in responses)


def _measure_slow_clients(server: ServerProcess) -> Figures:
    """Measures when the server closes the connection of a client that stops sending, and of one that does not read,
    and the status for headers of 100 kB."""
    with socket.create_connection(("127.0.0.1", server.port)) as large:
        with suppress(ConnectionError):
            large.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 100_000)
        large.settimeout(1)
        status = _read_status(large)
    half = socket.create_connection(("127.0.0.1", server.port))
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    deaf.connect(("127.0.0.1", server.port))
    deaf.setblocking(False)
    with half, deaf:
        half.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        with suppress(BlockingIOError, ConnectionError):
            deaf.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 500)
        ports = {"half_head": half.getsockname()[1], "unread_response": deaf.getsockname()[1]}
        closed = _observe_closes(server, ports)
        half.settimeout(0.1)
        half_status = _read_status(half) if closed["half_head"] is not None else None
    return {
        **{f"{name}_closed_after_s": seconds for name, seconds in closed.items()},
        "half_head_status": half_status,
        "large_head_status": status,
    }


def _observe_closes(server: ServerProcess, ports: dict[str, int]) -> dict[str, float | None]:
    """Returns the seconds after which the server closed each connection; None if it did not."""
    closed: dict[str, float | None] = dict.fromkeys(ports)
    start = time.perf_counter()
    time.sleep(0.5)
    while (elapsed := time.perf_counter() - start) < _OBSERVATION_S and None in closed.values():
        open_ports = server.connections()
        for name, port in ports.items():
            if port not in open_ports and closed[name] is None:
                closed[name] = elapsed
        time.sleep(0.1)
    return closed


def _read_status(client: socket.socket) -> int | None:
    """Returns the status of the response on a connection; None if there is none."""
    try:
        head = client.recv(64)
    except OSError:
        return None
    return int(head[9:12]) if head.startswith(b"HTTP/1.1 ") else None


def _measure_restart(server: ServerProcess, load: Load, log: Path) -> Figures:
    """Kills a worker under load; measures the failed requests and the time until another worker serves."""
    queries = list(islice(load.queries, round(_KILL_RATE * _KILL_S)))
    responses: list[Response] = []

    def run() -> None:
        with LoadGenerator(server.port, _KILL_CONNECTIONS) as generator:
            responses.extend(generator.open_loop(iter(queries), _KILL_RATE, _KILL_S))

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(_KILL_S / 4)
    known = _logged_pids(log)
    os.kill(min(known & set(server.pids())), signal.SIGKILL)
    killed = time.perf_counter()
    replaced = None
    while replaced is None and time.perf_counter() - killed < 3 * _KILL_S:
        _request_health(server.port)
        if _logged_pids(log) - known:
            replaced = time.perf_counter() - killed
        time.sleep(0.05)
    thread.join()
    return {"replaced_after_s": replaced, "failed_while_replaced": len(responses) - _count_successes(responses)}


def _wait_for_workers(server: ServerProcess, log: Path) -> None:
    """Waits until every worker has served a request."""
    end = time.monotonic() + 60
    while len(_logged_pids(log)) < _WORKERS and time.monotonic() < end:
        threads = [threading.Thread(target=_request_health, args=(server.port,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _logged_pids(log: Path) -> set[int]:
    """Returns the PIDs of the workers that have logged a request."""
    return {int(pid) for pid in re.findall(r'"message": "request"[^\n]*"pid": (\d+)', log.read_text("utf-8"))}


def _request_health(port: int) -> None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        client.recv(64)


def _measure_stop(server: ServerProcess) -> Figures:
    """Sends SIGTERM while requests of one second are in flight; counts those that are answered."""
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(_IN_FLIGHT)]
    for client in clients:
        client.sendall(_SLOW_QUERY.format(tenths=10).encode())
    time.sleep(0.4)
    server.process.terminate()
    start = time.perf_counter()
    statuses = [_read_status(client) for client in clients]
    for client in clients:
        client.close()
    try:
        exit_status: int | None = server.process.wait(20)
    except subprocess.TimeoutExpired:
        exit_status = None
    return {
        "answered_after_sigterm": statuses.count(200),
        "stop_s": time.perf_counter() - start,
        "exit_status": exit_status,
    }


if __name__ == "__main__":
    main()
