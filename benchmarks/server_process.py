"""``papers serve`` as a child: started, watched through /proc, and ended with all the processes that it started."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_START_TIMEOUT_S, _STOP_TIMEOUT_S = 120.0, 30.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_STAT_PPID, _STAT_UTIME, _STAT_STIME, _STAT_STARTTIME = 1, 11, 12, 19
"""Places in /proc/PID/stat, counted from its state (proc(5))."""
_SMAPS_KEYS = ("Rss", "Pss", "Anonymous")


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """Bytes of all processes together, so many seconds after the server was ready: ``rss`` counts a shared page once a
    process, ``pss`` once; ``anonymous`` are those of no file, which alone can leak."""

    seconds: float
    rss: int
    pss: int
    anonymous: int


class ServerProcess:
    """A server on a free port of 127.0.0.1, ready when the context is entered and gone when it is left.

    Args:
        directory: the index. workers: processes that answer; None for as many as it takes by itself.
        log: where what it says goes.

    Raises:
        RuntimeError: from entering, it ended or was not ready in time.
    """

    def __init__(self, directory: Path, workers: int | None, log: Path) -> None:
        self.port = _free_port()
        self._log = log
        papers = str(Path(sys.executable).with_name("papers"))
        options = ["--index", str(directory), "--port", str(self.port)]
        if workers is not None:
            options += ["--workers", str(workers)]
        self._command = [papers, "serve", *options]

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        end = time.monotonic() + _START_TIMEOUT_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise RuntimeError(f"{' '.join(self._command)} was not ready; {self._log} says why")
            time.sleep(0.2)
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """A polite end, and for what is left of its own processes a hard one."""
        started = {process: _stat_field(process, _STAT_STARTTIME) for process in self.pids()}
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_TIMEOUT_S)
        for process, begun in started.items():
            if begun and _stat_field(process, _STAT_STARTTIME) == begun:  # another may have got its number
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        self._process.wait()

    def pids(self) -> list[int]:
        """The server's own process and all that descend from it."""
        numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        parents = {number: _stat_field(number, _STAT_PPID) for number in numbers}
        found = [self._process.pid]
        for process in found:
            found += [child for child, parent in parents.items() if parent == process]
        return found

    def cpu_seconds(self) -> dict[int, float]:
        """User and system time of each process so far."""
        return {
            each: (_stat_field(each, _STAT_UTIME) + _stat_field(each, _STAT_STIME)) / _TICKS_PER_SECOND
            for each in self.pids()
        }

    def memory_usage(self) -> MemoryUsage:
        sums = dict.fromkeys(_SMAPS_KEYS, 0)
        for process in self.pids():
            with suppress(FileNotFoundError, ProcessLookupError):
                for line in Path(f"/proc/{process}/smaps_rollup").read_text("utf-8").splitlines()[1:]:
                    part, size, *_ = line.split()
                    if part[:-1] in sums:
                        sums[part[:-1]] += int(size) * 1024
        return MemoryUsage(time.perf_counter() - self._start, sums["Rss"], sums["Pss"], sums["Anonymous"])

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False


class MemoryMonitor:
    """A server's memory, noted at even distances beside what else is done in the context.

    Args:
        served: the server. every: seconds.
    """

    def __init__(self, served: ServerProcess, every: float) -> None:
        self.samples: list[MemoryUsage] = []
        self._server, self._interval, self._stop = served, every, threading.Event()
        self._thread = threading.Thread(target=self._sample_until_stopped)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample_until_stopped(self) -> None:
        while not self._stop.wait(self._interval):
            self.samples.append(self._server.memory_usage())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _stat_field(process: int, place: int) -> int:
    """A number that /proc says of a process; 0 where there is no such process."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[place])
    except OSError:
        return 0
