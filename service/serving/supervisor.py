"""Supervisor: the parent. It listens, hands each connection to the worker that has fewest, starts workers again that
end, and stops them in order.

It imports nothing that starts a thread, so that it can fork at any time.
"""

import logging
import multiprocessing
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from typing import Protocol

from search.errors import PapersError
from service.serving.worker import FAILED, READY, WorkerConfig, run_worker

_FORK_CONTEXT = multiprocessing.get_context("fork")
_ACCEPT_BATCH = 64
"""Connections accepted before anything else is looked at."""
_BACKOFF_RESET_S = 60.0
"""A worker that lived so many seconds starts again soon; of others each waits twice as long as the one before."""
_MIN_BACKOFF_S, _MAX_BACKOFF_S = 0.1, 30.0
_KILL_GRACE_S = 5.0
"""Seconds beyond ``stop_seconds`` after which a worker that has not ended is killed."""
_TOO_MANY_CONNECTIONS_BODY = (
    b'{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections; try again soon"}'
)
_TOO_MANY_CONNECTIONS_RESPONSE = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(_TOO_MANY_CONNECTIONS_BODY), _TOO_MANY_CONNECTIONS_BODY)
)
_log = logging.getLogger("papers")


class _Closable(Protocol):
    def close(self) -> None: ...


@dataclass(slots=True)
class WorkerSlot:
    """A worker's place.

    Attributes:
        number: which. process, channel: of the worker there, None between two. handed: connections given to it.
        since: when it started. wait: seconds until the next start after its end. due: when that is.
        reason: why it cannot answer, in its own words.
    """

    number: int
    process: ForkProcess | None = None
    channel: socket.socket | None = None
    connections_sent: int = 0
    started_at: float = 0.0
    backoff_s: float = _MIN_BACKOFF_S
    restart_at: float = 0.0
    failure: str = ""


class Supervisor:
    """Runs the workers.

    Args:
        work: what they do. listener: where connections come in. verify: compares the checksums of the index, in a
            process of its own; what is wrong in words, else nothing. ready: called once, when all workers answer.
    """

    def __init__(
        self,
        worker_config: WorkerConfig,
        listener: socket.socket,
        find_damage: Callable[[], str],
        on_ready: Callable[[], None],
    ) -> None:
        self._worker_config, self._listener, self._find_damage, self._on_ready = (
            worker_config,
            listener,
            find_damage,
            on_ready,
        )
        self._slots = [WorkerSlot(number) for number in range(worker_config.settings.workers)]
        self._selector = selectors.DefaultSelector()
        self._wakeup_receiver, self._wakeup_sender = socket.socketpair()
        self._signal_count, self._dispatch_count = 0, 0
        self._is_listening = self._ready_announced = False

    def run(self) -> None:
        """Serves until told to stop by SIGINT or SIGTERM.

        Raises:
            PapersError: the index is damaged, or no worker can answer.
        """
        self._listener.setblocking(False)
        with self._signal_handlers():
            try:
                self._start_all()
                while not self._signal_count:
                    self._poll()
                self._drain()
            finally:
                self._stop()

    def _start_all(self) -> None:
        for seat in self._slots:
            self._start(seat)
        verdict, tells = _FORK_CONTEXT.Pipe(duplex=False)
        verifier = _FORK_CONTEXT.Process(target=self._run_verifier, args=(tells.send,), daemon=True)
        verifier.start()
        tells.close()

        def heard() -> None:
            self._selector.unregister(verdict)
            with closing(verdict):
                problem = verdict.recv()
            verifier.join()
            self._handle_verification(problem)

        self._selector.register(verdict, selectors.EVENT_READ, heard)

    def _run_verifier(self, send: Callable[[str], None]) -> None:
        """In a process of its own."""
        self._close_inherited(None)
        send(self._find_damage())

    def _handle_verification(self, problem: str) -> None:
        if problem:
            raise PapersError(problem)
        self._worker_config.shared_state.mark_verified()

    def _poll(self, timeout_s: float = 1.0) -> None:
        """Waits for whatever comes first, and does what it asks for."""
        for key, _ in self._selector.select(min(timeout_s, self._restart_delay())):
            key.data()
        now = time.monotonic()
        for seat in self._slots:
            if seat.process is None and now >= seat.restart_at:
                self._start(seat)
        self._set_listening(any(seat.channel for seat in self._slots))

    def _restart_delay(self) -> float:
        """Seconds until a worker is due."""
        due = [seat.restart_at for seat in self._slots if seat.process is None]
        return max(0.0, min(due, default=float("inf")) - time.monotonic())

    def _set_listening(self, enabled: bool) -> None:
        """Where no worker is there, connections wait in the kernel's queue."""
        if enabled and not self._is_listening:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        elif self._is_listening and not enabled:
            self._selector.unregister(self._listener)
        self._is_listening = enabled

    def _start(self, seat: WorkerSlot) -> None:
        ours, theirs = socket.socketpair()
        self._worker_config.shared_state.reset_worker(seat.number)
        seat.process = _FORK_CONTEXT.Process(target=self._run_worker, args=(seat.number, ours, theirs))
        seat.channel, seat.connections_sent, seat.started_at, seat.failure = ours, 0, time.monotonic(), ""
        seat.process.start()
        theirs.close()
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._receive(seat))
        self._selector.register(seat.process.sentinel, selectors.EVENT_READ, lambda: self._handle_exit(seat))

    def _run_worker(self, number: int, ours: socket.socket, theirs: socket.socket) -> None:
        """In a process of its own."""
        self._close_inherited(ours)
        run_worker(self._worker_config, number, theirs)

    def _close_inherited(self, ours: socket.socket | None) -> None:
        """Lets go of what a process has from being forked: were it held, a port would stay taken, or no end be seen."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        theirs: list[_Closable | None] = [
            self._selector,
            self._listener,
            self._wakeup_receiver,
            self._wakeup_sender,
            ours,
        ]
        for each in [*theirs, *(seat.channel for seat in self._slots)]:
            if each is not None:
                each.close()

    def _receive(self, seat: WorkerSlot) -> None:
        """What a worker tells."""
        if seat.channel is None:
            return
        try:
            told = seat.channel.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            told = b""
        if told.startswith(FAILED):
            seat.failure = told[1:].decode("utf-8", "replace")
        if not told or told.startswith(FAILED):
            self._close_channel(seat)
        if told.startswith(READY) and not self._ready_announced and self._all_ready():
            self._ready_announced = True
            self._on_ready()

    def _all_ready(self) -> bool:
        return all(self._worker_config.shared_state.worker_state(seat.number) == "ready" for seat in self._slots)

    def _close_channel(self, seat: WorkerSlot) -> None:
        if seat.channel is not None:
            self._selector.unregister(seat.channel)
            seat.channel.close()
            seat.channel = None

    def _handle_exit(self, seat: WorkerSlot) -> None:
        """A worker is gone: another takes its seat, soon or, where it ended soon itself, later."""
        if seat.process is None:
            return
        self._receive(seat)
        self._close_channel(seat)
        self._selector.unregister(seat.process.sentinel)
        seat.process.join()
        code, pid = seat.process.exitcode, seat.process.pid
        seat.process.close()
        seat.process = None
        _remove_live_metrics(pid)
        if seat.failure and not self._ready_announced:
            raise PapersError(seat.failure)
        now = time.monotonic()
        seat.backoff_s = _MIN_BACKOFF_S if now - seat.started_at >= _BACKOFF_RESET_S else seat.backoff_s
        seat.restart_at = now + seat.backoff_s
        _log.error("worker %s ended with %s; another starts in %.1f s. %s", pid, code, seat.backoff_s, seat.failure)
        seat.backoff_s = min(2 * seat.backoff_s, _MAX_BACKOFF_S)

    def _accept(self) -> None:
        """Hands each connection to the worker that answers and has fewest."""
        for _ in range(_ACCEPT_BATCH):
            try:
                client, _address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # too many open files, or the client is gone already
                _log.error("no connection could be accepted: %s", error.strerror)
                time.sleep(0.01)
                return
            with closing(client):
                if not self._dispatch(client):
                    with suppress(OSError):
                        client.setblocking(False)
                        client.send(_TOO_MANY_CONNECTIONS_RESPONSE)
                        client.shutdown(socket.SHUT_WR)

    def _dispatch(self, client: socket.socket) -> bool:
        if (
            sum(self._open_connections(seat) for seat in self._slots if seat.channel)
            >= self._worker_config.settings.connections
        ):
            return False
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._dispatch_count += 1
        for seat in sorted(self._slots, key=self._dispatch_order):
            if seat.channel is None:
                continue
            with suppress(OSError):  # it ends, or takes nothing: the next one does
                socket.send_fds(seat.channel, [b"c"], [client.fileno()])
                seat.connections_sent += 1
                return True
        return False

    def _dispatch_order(self, seat: WorkerSlot) -> tuple[bool, int, int]:
        """Those that answer first, then those with fewest connections, and among equals each in turn."""
        loading = self._worker_config.shared_state.worker_state(seat.number) != "ready"
        return loading, self._open_connections(seat), (seat.number - self._dispatch_count) % len(self._slots)

    def _open_connections(self, seat: WorkerSlot) -> int:
        return seat.connections_sent - self._worker_config.shared_state.closed_connections(seat.number)

    def _drain(self) -> None:
        """Answers on for a while, not ready any more, so that who sends questions here can look elsewhere."""
        self._worker_config.shared_state.mark_stopping()
        end, told = time.monotonic() + self._worker_config.settings.drain_seconds, self._signal_count
        while self._signal_count == told and (left := end - time.monotonic()) > 0:
            self._poll(left)

    def _stop(self) -> None:
        """Ends the workers, each when it has answered what it has; those that have not answered yet at once."""
        self._worker_config.shared_state.mark_stopping()
        if self._is_listening and self._signal_count:
            self._accept()
        self._listener.close()
        for seat in self._slots:
            if seat.process is not None and self._worker_config.shared_state.worker_state(seat.number) != "ready":
                seat.process.kill()
            if seat.channel is not None:
                seat.channel.close()
        end, told = time.monotonic() + self._worker_config.settings.stop_seconds + _KILL_GRACE_S, self._signal_count
        running = [seat.process for seat in self._slots if seat.process is not None]
        while any(process.is_alive() for process in running):
            if time.monotonic() > end or self._signal_count > told:
                for process in running:
                    process.kill()
            time.sleep(0.01)

    @contextmanager
    def _signal_handlers(self) -> Iterator[None]:
        """Counts SIGINT and SIGTERM, and wakes who waits."""

        def told(_signal: int, _frame: object) -> None:
            self._signal_count += 1

        self._wakeup_sender.setblocking(False)
        self._wakeup_receiver.setblocking(False)
        self._selector.register(self._wakeup_receiver, selectors.EVENT_READ, lambda: self._wakeup_receiver.recv(4_096))
        before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
        wakeup = signal.set_wakeup_fd(self._wakeup_sender.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)


def _remove_live_metrics(pid: int | None) -> None:
    """Of a worker that is gone only what it counted is kept, not how it stood."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]
