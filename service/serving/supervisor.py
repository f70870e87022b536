"""Supervisor: the parent process. It accepts connections and passes each to the ready worker that has fewest, restarts
workers that exit, and stops them in order.

It starts no thread, so that it can fork at any time.
"""

import json
import logging
import math
import multiprocessing
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess
from pathlib import Path

from search.errors import PapersError
from service.serving.health import WorkerHealth
from service.serving.scrub import SCRUB_TUNING, Scrub, ScrubTuning
from service.serving.verification import Verification
from service.serving.worker import FAILED, READY, WorkerConfig, run_worker

_FORK_CONTEXT = multiprocessing.get_context("fork")
_ACCEPT_BATCH = 64
"""Connections accepted before other events are handled."""
_MIN_BACKOFF_S = 0.1
"""Delay of the first restart of a worker; it doubles with each further restart."""
_MAX_BACKOFF_S = 30.0
_BACKOFF_RESET_S = 60.0
"""Uptime of a worker after which its restart delay starts again from ``_MIN_BACKOFF_S``."""
_KILL_GRACE_S = 2.0
"""Seconds beyond ``stop_seconds`` after which workers that have not exited are killed."""
_STUCK_DRAIN_S = 5.0
"""Seconds for the other requests of a worker that is replaced because one of its requests cannot be stopped."""
_MAX_CHECK_INTERVAL_S = 3.0
"""Seconds between two checks of the workers above which the supervisor itself was stopped; it checks every second."""
_ACCEPT_ERROR_PAUSE_S = 0.01
"""Pause after a failed ``accept``: without it, a lack of file descriptors would keep a core busy."""
_log = logging.getLogger("papers")


@dataclass(slots=True)
class WorkerSlot:
    """One of the configured number of workers, across restarts.

    Attributes:
        number: index of the slot.
        process: the process; None between exit and restart.
        channel: socket to the process, which carries file descriptors of connections; None once it is closed.
        connections_sent: number of connections passed to the process.
        started_at: ``time.monotonic`` when the process was started.
        backoff_s: delay of the next restart in seconds.
        restart_at: ``time.monotonic`` when the process is to be restarted.
        failure: why the process could not load the index; empty if it could.
        health: whether the process responds.
        kill_at: ``time.monotonic`` when the process is to be killed.
    """

    number: int
    process: ForkProcess | None = None
    channel: socket.socket | None = None
    connections_sent: int = 0
    started_at: float = 0.0
    backoff_s: float = _MIN_BACKOFF_S
    restart_at: float = 0.0
    failure: str = ""
    health: WorkerHealth = field(default_factory=WorkerHealth)
    kill_at: float = math.inf


class Supervisor:
    """Runs the workers.

    Args:
        worker_config: configuration of the workers.
        listener: the listening socket.
        find_damage: verifies the index; returns the first problem, or an empty text. It runs in a process of its own.
        on_ready: called once, when all workers are ready.
        scrub_tuning: rate and intervals of the verification while serving.
    """

    def __init__(
        self,
        worker_config: WorkerConfig,
        listener: socket.socket,
        find_damage: Callable[[], str],
        on_ready: Callable[[], None],
        scrub_tuning: ScrubTuning = SCRUB_TUNING,
    ) -> None:
        self._worker_config = worker_config
        self._settings, self._state = worker_config.settings, worker_config.shared_state
        self._listener = listener
        self._find_damage, self._on_ready = find_damage, on_ready
        self._slots = [WorkerSlot(number) for number in range(self._settings.workers)]
        self._selector = selectors.DefaultSelector()
        directory = worker_config.directory
        self._scrub = Scrub(directory if isinstance(directory, Path) else None, self._close_inherited, scrub_tuning)
        self._wakeup_receiver, self._wakeup_sender = socket.socketpair()
        self._signal_count, self._dispatch_count = 0, 0
        self._is_accepting = self._ready_announced = False
        self._checked_at = time.monotonic()

    def run(self) -> None:
        """Serves until SIGINT or SIGTERM.

        Raises:
            PapersError: the index is damaged, or a worker cannot load it at the start.
        """
        self._listener.setblocking(False)
        with self._signal_handlers():
            try:
                for slot in self._slots:
                    self._start(slot)
                self._start_verification()
                while not self._signal_count:
                    self._handle_events()
                self._drain()
            finally:
                self._stop()

    def _start_verification(self) -> None:
        verification = Verification(self._find_damage, self._close_inherited)

        def finish() -> None:
            self._selector.unregister(verification.receiver)
            if verification.finish():
                self._state.server.is_verified = True
            else:
                self._selector.register(verification.receiver, selectors.EVENT_READ, finish)

        self._selector.register(verification.receiver, selectors.EVENT_READ, finish)

    def _handle_events(self, timeout_s: float = 1.0) -> None:
        """Waits for events, handles them, and restarts workers whose delay is over."""
        for key, _ in self._selector.select(min(timeout_s, self._seconds_to_restart())):
            key.data()
        self._check_workers()
        now = time.monotonic()
        for slot in self._slots:
            if slot.process is None and now >= slot.restart_at:
                self._start(slot)
            elif slot.process is not None and now >= slot.kill_at:
                slot.process.kill()
        if self._state.server.is_verified:
            self._scrub.keep_running()
        self._set_accepting(any(slot.channel for slot in self._slots))

    def _check_workers(self) -> None:
        """Retires workers that do not respond, or in which a request cannot be stopped."""
        now = time.monotonic()
        was_paused = now - self._checked_at > _MAX_CHECK_INTERVAL_S  # as the workers may have been, with the machine
        self._checked_at = now
        for slot in self._slots:
            if slot.process is None:
                continue
            state = self._state.workers[slot.number]
            slot.health.observe(now, state.heartbeats, was_paused=was_paused)
            if slot.kill_at < math.inf:
                continue
            if slot.health.is_dead(now, is_ready=state.is_ready):
                _log.error(
                    "worker %s has not responded for %.0f s; it is killed", slot.process.pid, slot.health.silence(now)
                )
                slot.kill_at = now
            elif state.is_stuck:
                _log.error("worker %s cannot stop a request that timed out; it is replaced", slot.process.pid)
                self._close_channel(slot)  # it finishes its other requests first
                slot.kill_at = now + min(self._settings.stop_seconds, _STUCK_DRAIN_S)

    def _seconds_to_restart(self) -> float:
        restarts = [slot.restart_at for slot in self._slots if slot.process is None]
        return max(0.0, min(restarts, default=float("inf")) - time.monotonic())

    def _set_accepting(self, enabled: bool) -> None:
        """While no worker is running, connections wait in the queue of the kernel."""
        if enabled and not self._is_accepting:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        elif self._is_accepting and not enabled:
            self._selector.unregister(self._listener)
        self._is_accepting = enabled

    def _start(self, slot: WorkerSlot) -> None:
        channel, worker_channel = socket.socketpair()
        self._state.reset_worker(slot.number)
        slot.process = _FORK_CONTEXT.Process(target=self._run_worker, args=(slot.number, channel, worker_channel))
        slot.channel, slot.connections_sent = channel, 0
        slot.started_at, slot.failure = time.monotonic(), ""
        slot.health, slot.kill_at = WorkerHealth(slot.started_at), math.inf
        slot.process.start()
        worker_channel.close()
        channel.setblocking(False)
        self._selector.register(channel, selectors.EVENT_READ, lambda: self._receive(slot))
        self._selector.register(slot.process.sentinel, selectors.EVENT_READ, lambda: self._handle_exit(slot))

    def _run_worker(self, number: int, channel: socket.socket, worker_channel: socket.socket) -> None:
        """Runs in the worker process."""
        channel.close()
        self._close_inherited()
        run_worker(self._worker_config, number, worker_channel)

    def _close_inherited(self) -> None:
        """Closes the supervisor's files in a forked process, which would otherwise keep the port and the channels
        open after the supervisor has closed them, and resets the signal handlers."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._selector.close()
        channels = [slot.channel for slot in self._slots if slot.channel is not None]
        for inherited in (self._listener, self._wakeup_receiver, self._wakeup_sender, *channels):
            inherited.close()

    def _receive(self, slot: WorkerSlot) -> None:
        """Handles a message of a worker, or the end of its channel."""
        if slot.channel is None:
            return
        try:
            message = slot.channel.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if message.startswith(FAILED):
            slot.failure = message[len(FAILED) :].decode("utf-8", "replace")
        if not message or message.startswith(FAILED):
            self._close_channel(slot)
        if message.startswith(READY) and not self._ready_announced and all(map(self._is_ready, self._slots)):
            self._ready_announced = True
            self._on_ready()

    def _is_ready(self, slot: WorkerSlot) -> bool:
        return self._state.workers[slot.number].is_ready

    def _close_channel(self, slot: WorkerSlot) -> None:
        if slot.channel is not None:
            self._selector.unregister(slot.channel)
            slot.channel.close()
            slot.channel = None

    def _handle_exit(self, slot: WorkerSlot) -> None:
        """Schedules the restart of a worker that has exited."""
        if slot.process is None:
            return
        self._receive(slot)
        self._close_channel(slot)
        self._selector.unregister(slot.process.sentinel)
        slot.process.join()
        exit_code, pid = slot.process.exitcode, slot.process.pid
        slot.process.close()
        slot.process = None
        _remove_live_metrics(pid)
        if slot.failure and not self._ready_announced:
            raise PapersError(slot.failure)
        now = time.monotonic()
        if now - slot.started_at >= _BACKOFF_RESET_S:
            slot.backoff_s = _MIN_BACKOFF_S
        slot.restart_at = now + slot.backoff_s
        reason = f": {slot.failure}" if slot.failure else ""
        _log.error("worker %s exited with status %s; restart in %.1f s%s", pid, exit_code, slot.backoff_s, reason)
        slot.backoff_s = min(2 * slot.backoff_s, _MAX_BACKOFF_S)

    def _accept(self) -> None:
        """Accepts waiting connections; those that no worker can take get 503."""
        for _ in range(_ACCEPT_BATCH):
            try:
                client, _address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # too many open files, or the client has disconnected
                _log.error("cannot accept a connection: %s", error.strerror)
                time.sleep(_ACCEPT_ERROR_PAUSE_S)
                return
            with closing(client):
                if refusal := self._dispatch(client):
                    with suppress(OSError):
                        client.setblocking(False)
                        client.send(_unavailable_response(refusal))
                        client.shutdown(socket.SHUT_WR)

    def _dispatch(self, client: socket.socket) -> str:
        """Passes a connection to a worker; returns why if no worker can take it, else an empty text."""
        now = time.monotonic()
        running = [slot for slot in self._slots if slot.channel is not None]
        if sum(map(self._open_connections, running)) >= self._settings.connections:
            return "too many connections; retry in 1 s"
        running = [slot for slot in running if not slot.health.is_silent(now)]
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._dispatch_count += 1
        for slot in sorted(running, key=self._dispatch_order):
            with suppress(OSError):  # the worker exits, or its channel is full: try the next one
                if slot.channel is not None:
                    socket.send_fds(slot.channel, [b"c"], [client.fileno()])
                    slot.connections_sent += 1
                    return ""
        return "no worker process responds; retry in 1 s"

    def _dispatch_order(self, slot: WorkerSlot) -> tuple[bool, int, int]:
        """Sorts ready workers first, then those with fewest connections, and equals in rotation."""
        rotation = (slot.number - self._dispatch_count) % len(self._slots)
        return not self._is_ready(slot), self._open_connections(slot), rotation

    def _open_connections(self, slot: WorkerSlot) -> int:
        return slot.connections_sent - self._state.workers[slot.number].connections_closed

    def _drain(self) -> None:
        """Keeps serving for ``drain_seconds`` while /readyz returns 503, so that a load balancer can take this server
        out of rotation. A further signal ends it."""
        self._state.server.is_stopping = True
        end, signals_before = time.monotonic() + self._settings.drain_seconds, self._signal_count
        while self._signal_count == signals_before and (remaining := end - time.monotonic()) > 0:
            self._handle_events(remaining)

    def _stop(self) -> None:
        """Stops the workers: ready ones when they have finished the requests in flight, others at once. Kills those
        that remain after ``stop_seconds`` or a further signal."""
        self._state.server.is_stopping = True
        self._scrub.stop()
        if self._is_accepting and self._signal_count:
            self._accept()
        self._listener.close()
        for slot in self._slots:
            if slot.process is not None and not self._is_ready(slot):
                slot.process.kill()
            if slot.channel is not None:
                slot.channel.close()
        end = time.monotonic() + self._settings.stop_seconds + _KILL_GRACE_S
        signals_before = self._signal_count
        running = [slot.process for slot in self._slots if slot.process is not None]
        while any(process.is_alive() for process in running):
            if time.monotonic() > end or self._signal_count > signals_before:
                for process in running:
                    process.kill()
            time.sleep(0.01)

    @contextmanager
    def _signal_handlers(self) -> Iterator[None]:
        """Counts SIGINT and SIGTERM and wakes the selector for each, while the context is open."""

        def count(_signal: int, _frame: object) -> None:
            self._signal_count += 1

        self._wakeup_sender.setblocking(False)
        self._wakeup_receiver.setblocking(False)
        self._selector.register(self._wakeup_receiver, selectors.EVENT_READ, lambda: self._wakeup_receiver.recv(4_096))
        previous_handlers = {number: signal.signal(number, count) for number in (signal.SIGINT, signal.SIGTERM)}
        previous_wakeup_fd = signal.set_wakeup_fd(self._wakeup_sender.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(previous_wakeup_fd)
            for number, handler in previous_handlers.items():
                signal.signal(number, handler)


def _unavailable_response(detail: str) -> bytes:
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": detail}
    body = json.dumps(problem).encode()
    return (
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n"
        b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    )


def _remove_live_metrics(pid: int | None) -> None:
    """Removes the gauges of a worker that has exited; its counters stay."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]
