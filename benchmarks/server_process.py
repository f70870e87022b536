"""A server as a child process: started, observed through /proc, and stopped with all its descendants."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 30.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_STAT_PPID = 1
_STAT_UTIME = 11
_STAT_STIME = 12
_STAT_STARTTIME = 19
"""Positions of fields in /proc/PID/stat, counted from the process state (proc(5))."""
_SMAPS_KEYS = ("Rss", "Pss", "Anonymous")


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """Memory of all processes of a server, in bytes.

    Attributes:
        seconds: time since the server was ready.
        rss: resident memory; a shared page counts once per process.
        pss: resident memory; a shared page counts once.
        anonymous: resident memory that maps no file; only this part can leak.
    """

    seconds: float
    rss: int
    pss: int
    anonymous: int


class ServerProcess:
    """A server on a free port of 127.0.0.1: ready when the context is entered, stopped when it is left.

    Args:
        command: returns the command line that serves on a given port.
        log: file to which standard output and standard error are appended.
        environment: environment variables of the process; None for those of this process.

    Raises:
        RuntimeError: on entering the context, if the server ends or is not ready in time.
    """

    def __init__(
        self, command: Callable[[int], list[str]], log: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.port = _free_port()
        self._command, self._log, self._environment = command(self.port), log, environment

    @classmethod
    def papers(cls, index: Path, workers: int | None, log: Path, *, caches: bool = False) -> Self:
        """Returns ``papers serve``.

        Args:
            index: folder of the index.
            workers: number of worker processes; None for the default.
            log: see the class.
            caches: keep the pages of questions, so that a repeated one takes no search.
        """
        program = str(Path(sys.executable).with_name("papers"))
        options = [] if workers is None else ["--workers", str(workers)]
        environment = None if caches else {**os.environ, "PAPERS_CACHED_HITS": "0"}
        return cls(
            lambda port: [program, "serve", "--index", str(index), "--port", str(port), *options], log, environment
        )

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment)
        end = time.monotonic() + _START_TIMEOUT_S
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise RuntimeError(f"{' '.join(self._command)} was not ready in time; see {self._log}")
            time.sleep(0.1)
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """Sends SIGTERM to the server, then SIGKILL to those of its processes that remain."""
        start_times = {pid: _stat_field(pid, _STAT_STARTTIME) for pid in self.pids()}
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_TIMEOUT_S)
        for pid, start_time in start_times.items():
            if start_time and _stat_field(pid, _STAT_STARTTIME) == start_time:  # otherwise the PID was reused
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def pids(self) -> list[int]:
        """Returns the PIDs of the server and all its descendants."""
        numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        parents = {number: _stat_field(number, _STAT_PPID) for number in numbers}
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def cpu_seconds(self) -> dict[int, float]:
        """Returns the user and system time of each process so far."""
        return {
            pid: (_stat_field(pid, _STAT_UTIME) + _stat_field(pid, _STAT_STIME)) / _TICKS_PER_SECOND
            for pid in self.pids()
        }

    def memory_usage(self) -> MemoryUsage:
        """Returns the memory of all processes now."""
        sums = dict.fromkeys(_SMAPS_KEYS, 0)
        for pid in self.pids():
            with suppress(FileNotFoundError, ProcessLookupError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()[1:]:
                    key, size, *_ = line.split()
                    if key[:-1] in sums:
                        sums[key[:-1]] += int(size) * 1024
        return MemoryUsage(time.perf_counter() - self._start, sums["Rss"], sums["Pss"], sums["Anonymous"])

    def connections(self) -> dict[int, int]:
        """Returns the open connections of the server: the PID that has each, by the port of the client."""
        clients = _client_ports(self.port)
        owners: dict[int, int] = {}
        for pid in self.pids():
            with suppress(OSError):
                for entry in Path(f"/proc/{pid}/fd").iterdir():
                    with suppress(OSError):
                        target = str(entry.readlink())
                        if target.startswith("socket:[") and (client := clients.get(target[8:-1])):
                            owners[client] = pid
        return owners

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as response:
                return bool(response.status == 200)
        except (OSError, urllib.error.URLError):
            return False


class MemoryMonitor:
    """Samples the memory of a server at a fixed interval while the context is open.

    Args:
        server: the server.
        interval_s: seconds between two samples.
    """

    def __init__(self, server: ServerProcess, interval_s: float) -> None:
        self.samples: list[MemoryUsage] = []
        self._server, self._interval_s, self._stop = server, interval_s, threading.Event()
        self._thread = threading.Thread(target=self._sample_until_stopped)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample_until_stopped(self) -> None:
        while not self._stop.wait(self._interval_s):
            self.samples.append(self._server.memory_usage())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _stat_field(pid: int, position: int) -> int:
    """Returns a field of /proc/PID/stat; 0 if there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[position])
    except OSError:
        return 0


def _client_ports(server_port: int) -> dict[str, int]:
    """Returns the port of the client of each connection to a local port, by the inode of the server's socket."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]]
    return {
        row[9]: int(row[2].rpartition(":")[2], 16)
        for row in rows
        if int(row[1].rpartition(":")[2], 16) == server_port and row[9] != "0"
    }
