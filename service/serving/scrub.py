"""Scrub: a process of low priority that verifies the index again and again while it is served.

The start of the server verifies the index once. Files can be altered later, on the disk or by a program, and workers
only compare what they open, or read for the first time.
"""

import logging
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.errors import IndexUnavailable

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess

_FORK_CONTEXT = multiprocessing.get_context("fork")
_MIN_SLEEP_S = 0.01
"""Shortest wait in seconds, since rows of papers are read one by one."""
_log = logging.getLogger("papers")


@dataclass(frozen=True, slots=True)
class ScrubTuning:
    """Constants of the scrub. The rates are chosen, not measured."""

    bytes_per_s: int = 32 << 20
    """Bytes read per second: 17 s for 155,000 papers, 20 minutes for ten million; about 5% of a core."""
    pause_s: float = 86_400
    """Seconds between two passes over an intact generation."""
    damaged_pause_s: float = 600
    """Seconds between two passes over a damaged generation, whose files may be restored from a backup."""
    poll_s: float = 1
    """Seconds between two looks at CURRENT."""
    restart_s: float = 5
    """Seconds between two starts of the process."""


SCRUB_TUNING = ScrubTuning()


class Scrub:
    """Runs the process; it ends when another generation is published, and is then started again.

    Args:
        directory: the index; None if there are no files to verify.
        prepare: called in the process, before anything else.
        tuning: see ``ScrubTuning``.
    """

    def __init__(self, directory: Path | None, prepare: Callable[[], None], tuning: ScrubTuning = SCRUB_TUNING) -> None:
        self._directory, self._prepare, self._tuning = directory, prepare, tuning
        self._process: ForkProcess | None = None
        self._start_at = 0.0

    def keep_running(self) -> None:
        """Starts the process unless it is running. To be called about once per second."""
        if self._directory is None or (self._process is not None and self._process.is_alive()):
            return
        self.stop()
        if time.monotonic() >= self._start_at:
            self._start_at = time.monotonic() + self._tuning.restart_s
            self._process = _FORK_CONTEXT.Process(target=self._run, daemon=True)
            self._process.start()

    def stop(self) -> None:
        """Ends the process and removes its metrics."""
        from prometheus_client.multiprocess import mark_process_dead

        if self._process is not None:
            self._process.kill()
            self._process.join()
            mark_process_dead(self._process.pid)  # type: ignore[no-untyped-call]
            self._process.close()
            self._process = None

    def _run(self) -> None:
        """Runs in the process."""
        supervisor = os.getppid()
        self._prepare()
        _lower_priority()
        try:
            if self._directory is not None:
                _GenerationScrub(self._directory, supervisor, self._tuning).run()
        except (IndexUnavailable, OSError) as error:
            _log.error("the index cannot be verified: %s", error)


def _lower_priority() -> None:
    """Leaves processor and disk to other processes that need them."""
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):  # on Linux
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class _GenerationScrub:
    """Verifies one generation, over and over.

    Args:
        directory: the index.
        supervisor: ID of the process whose end ends this one.
        tuning: see ``ScrubTuning``.
    """

    def __init__(self, directory: Path, supervisor: int, tuning: ScrubTuning) -> None:
        from prometheus_client import CollectorRegistry, Gauge

        from search.index.snapshot import Snapshot

        registry = CollectorRegistry()
        self._damaged = Gauge(
            "papers_index_damaged",
            "1 if the last verification while serving found damage",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._verified_at = Gauge(
            "papers_index_verified_timestamp_seconds",
            "End of the last verification while serving, in seconds since 1970",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._supervisor, self._tuning = supervisor, tuning
        self._snapshot = Snapshot.open_unchecked(directory)
        self._due = self._poll_at = time.monotonic()

    def run(self) -> None:
        """Verifies the generation until another one is published.

        Raises:
            SystemExit: another one is published, or the supervisor has ended.
        """
        from search.index.scrub import find_damage

        while True:
            is_damaged = False
            for problem in find_damage(self._snapshot, self._pace):
                is_damaged = True
                self._damaged.set(1)
                _log.error("the index is damaged: %s", problem)
            self._damaged.set(is_damaged)
            self._verified_at.set(time.time())
            self._wait(self._tuning.damaged_pause_s if is_damaged else self._tuning.pause_s)

    def _pace(self, count: int) -> None:
        """Waits so long that no more than ``bytes_per_s`` are read; at most a second of lost time is made up for."""
        now = time.monotonic()
        self._due = max(self._due, now - 1) + count / self._tuning.bytes_per_s
        if now >= self._poll_at or self._due - now > _MIN_SLEEP_S:
            self._wait(self._due - now)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            if now >= self._poll_at:
                self._poll_at = now + self._tuning.poll_s
                if os.getppid() != self._supervisor or self._is_replaced():
                    raise SystemExit
            if now >= end:
                return
            time.sleep(min(end - now, self._tuning.poll_s))

    def _is_replaced(self) -> bool:
        try:
            return self._snapshot.layout.published_generation() != self._snapshot.manifest.generation
        except (IndexUnavailable, OSError):
            return False
