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
from service.serving.worker import FAILED, READY, Work, work

_FORK = multiprocessing.get_context("fork")
_AT_A_TIME = 64
"""Connections accepted before anything else is looked at."""
_STEADY = 60.0
"""A worker that lived so many seconds starts again soon; of others each waits twice as long as the one before."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 30.0
_GRACE = 5.0
"""Seconds beyond ``stop_seconds`` after which a worker that has not ended is killed."""
_FULL_BODY = (
    b'{"type":"about:blank","title":"Not available","status":503,"detail":"too many connections; try again soon"}'
)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(_FULL_BODY), _FULL_BODY)
)
_log = logging.getLogger("papers")


class _Closes(Protocol):
    def close(self) -> None: ...


@dataclass(slots=True)
class Seat:
    """A worker's place.

    Attributes:
        number: which. process, channel: of the worker there, None between two. handed: connections given to it.
        since: when it started. wait: seconds until the next start after its end. due: when that is.
        reason: why it cannot answer, in its own words.
    """

    number: int
    process: ForkProcess | None = None
    channel: socket.socket | None = None
    handed: int = 0
    since: float = 0.0
    wait: float = _FIRST_WAIT
    due: float = 0.0
    reason: str = ""


class Supervisor:
    """Runs the workers.

    Args:
        work: what they do. listener: where connections come in. verify: compares the checksums of the index, in a
            process of its own; what is wrong in words, else nothing. ready: called once, when all workers answer.
    """

    def __init__(
        self, work: Work, listener: socket.socket, verify: Callable[[], str], ready: Callable[[], None]
    ) -> None:
        self._work, self._listener, self._verify, self._ready = work, listener, verify, ready
        self._seats = [Seat(number) for number in range(work.settings.workers)]
        self._selector = selectors.DefaultSelector()
        self._woken, self._wakes = socket.socketpair()
        self._signals, self._turn = 0, 0
        self._listening = self._announced = False

    def run(self) -> None:
        """Serves until told to stop by SIGINT or SIGTERM.

        Raises:
            PapersError: the index is damaged, or no worker can answer.
        """
        self._listener.setblocking(False)
        with self._signalled():
            try:
                self._start_all()
                while not self._signals:
                    self._step()
                self._drain()
            finally:
                self._stop()

    def _start_all(self) -> None:
        for seat in self._seats:
            self._start(seat)
        verdict, tells = _FORK.Pipe(duplex=False)
        verifier = _FORK.Process(target=self._verified, args=(tells.send,), daemon=True)
        verifier.start()
        tells.close()

        def heard() -> None:
            self._selector.unregister(verdict)
            with closing(verdict):
                problem = verdict.recv()
            verifier.join()
            self._judge(problem)

        self._selector.register(verdict, selectors.EVENT_READ, heard)

    def _verified(self, tell: Callable[[str], None]) -> None:
        """In a process of its own."""
        self._leave_to_parent(None)
        tell(self._verify())

    def _judge(self, problem: str) -> None:
        if problem:
            raise PapersError(problem)
        self._work.board.verify()

    def _step(self, longest: float = 1.0) -> None:
        """Waits for whatever comes first, and does what it asks for."""
        for key, _ in self._selector.select(min(longest, self._pause())):
            key.data()
        now = time.monotonic()
        for seat in self._seats:
            if seat.process is None and now >= seat.due:
                self._start(seat)
        self._listen(any(seat.channel for seat in self._seats))

    def _pause(self) -> float:
        """Seconds until a worker is due."""
        due = [seat.due for seat in self._seats if seat.process is None]
        return max(0.0, min(due, default=float("inf")) - time.monotonic())

    def _listen(self, wanted: bool) -> None:
        """Where no worker is there, connections wait in the kernel's queue."""
        if wanted and not self._listening:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        elif self._listening and not wanted:
            self._selector.unregister(self._listener)
        self._listening = wanted

    def _start(self, seat: Seat) -> None:
        ours, theirs = socket.socketpair()
        self._work.board.begin(seat.number)
        seat.process = _FORK.Process(target=self._worker, args=(seat.number, ours, theirs))
        seat.channel, seat.handed, seat.since, seat.reason = ours, 0, time.monotonic(), ""
        seat.process.start()
        theirs.close()
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(seat))
        self._selector.register(seat.process.sentinel, selectors.EVENT_READ, lambda: self._ended(seat))

    def _worker(self, number: int, ours: socket.socket, theirs: socket.socket) -> None:
        """In a process of its own."""
        self._leave_to_parent(ours)
        work(self._work, number, theirs)

    def _leave_to_parent(self, ours: socket.socket | None) -> None:
        """Lets go of what a process has from being forked: were it held, a port would stay taken, or no end be seen."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        theirs: list[_Closes | None] = [self._selector, self._listener, self._woken, self._wakes, ours]
        for each in [*theirs, *(seat.channel for seat in self._seats)]:
            if each is not None:
                each.close()

    def _hear(self, seat: Seat) -> None:
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
            seat.reason = told[1:].decode("utf-8", "replace")
        if not told or told.startswith(FAILED):
            self._let_go(seat)
        if told.startswith(READY) and not self._announced and self._all_ready():
            self._announced = True
            self._ready()

    def _all_ready(self) -> bool:
        return all(self._work.board.state(seat.number) == "ready" for seat in self._seats)

    def _let_go(self, seat: Seat) -> None:
        if seat.channel is not None:
            self._selector.unregister(seat.channel)
            seat.channel.close()
            seat.channel = None

    def _ended(self, seat: Seat) -> None:
        """A worker is gone: another takes its seat, soon or, where it ended soon itself, later."""
        if seat.process is None:
            return
        self._hear(seat)
        self._let_go(seat)
        self._selector.unregister(seat.process.sentinel)
        seat.process.join()
        code, pid = seat.process.exitcode, seat.process.pid
        seat.process.close()
        seat.process = None
        _forget(pid)
        if seat.reason and not self._announced:
            raise PapersError(seat.reason)
        now = time.monotonic()
        seat.wait = _FIRST_WAIT if now - seat.since >= _STEADY else seat.wait
        seat.due = now + seat.wait
        _log.error("worker %s ended with %s; another starts in %.1f s. %s", pid, code, seat.wait, seat.reason)
        seat.wait = min(2 * seat.wait, _LONGEST_WAIT)

    def _accept(self) -> None:
        """Hands each connection to the worker that answers and has fewest."""
        for _ in range(_AT_A_TIME):
            try:
                client, _address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # too many open files, or the client is gone already
                _log.error("no connection could be accepted: %s", error.strerror)
                time.sleep(0.01)
                return
            with closing(client):
                if not self._handed(client):
                    with suppress(OSError):
                        client.setblocking(False)
                        client.send(_FULL)
                        client.shutdown(socket.SHUT_WR)

    def _handed(self, client: socket.socket) -> bool:
        if sum(self._open(seat) for seat in self._seats if seat.channel) >= self._work.settings.connections:
            return False
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._turn += 1
        for seat in sorted(self._seats, key=self._preference):
            if seat.channel is None:
                continue
            with suppress(OSError):  # it ends, or takes nothing: the next one does
                socket.send_fds(seat.channel, [b"c"], [client.fileno()])
                seat.handed += 1
                return True
        return False

    def _preference(self, seat: Seat) -> tuple[bool, int, int]:
        """Those that answer first, then those with fewest connections, and among equals each in turn."""
        loading = self._work.board.state(seat.number) != "ready"
        return loading, self._open(seat), (seat.number - self._turn) % len(self._seats)

    def _open(self, seat: Seat) -> int:
        return seat.handed - self._work.board.closed(seat.number)

    def _drain(self) -> None:
        """Answers on for a while, not ready any more, so that who sends questions here can look elsewhere."""
        self._work.board.stop()
        end, told = time.monotonic() + self._work.settings.drain_seconds, self._signals
        while self._signals == told and (left := end - time.monotonic()) > 0:
            self._step(left)

    def _stop(self) -> None:
        """Ends the workers, each when it has answered what it has; those that have not answered yet at once."""
        self._work.board.stop()
        if self._listening and self._signals:
            self._accept()
        self._listener.close()
        for seat in self._seats:
            if seat.process is not None and self._work.board.state(seat.number) != "ready":
                seat.process.kill()
            if seat.channel is not None:
                seat.channel.close()
        end, told = time.monotonic() + self._work.settings.stop_seconds + _GRACE, self._signals
        running = [seat.process for seat in self._seats if seat.process is not None]
        while any(process.is_alive() for process in running):
            if time.monotonic() > end or self._signals > told:
                for process in running:
                    process.kill()
            time.sleep(0.01)

    @contextmanager
    def _signalled(self) -> Iterator[None]:
        """Counts SIGINT and SIGTERM, and wakes who waits."""

        def told(_signal: int, _frame: object) -> None:
            self._signals += 1

        self._wakes.setblocking(False)
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, lambda: self._woken.recv(4_096))
        before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
        wakeup = signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)


def _forget(pid: int | None) -> None:
    """Of a worker that is gone only what it counted is kept, not how it stood."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]
