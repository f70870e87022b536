"""Health: whether a worker process responds, by the heartbeats that its event loop counts in the shared state."""

HEARTBEAT_INTERVAL_S = 0.5
"""Seconds between two heartbeats of a worker."""
_SILENT_S = 3.0
"""Seconds without a heartbeat after which a worker gets no connections. The event loop of a busy worker waits for the
interpreter lock, by .06 s at most while a worker answered the most expensive queries on 155,274 papers."""
_DEAD_S = 10.0
"""Seconds without a heartbeat after which a worker that has been ready is killed."""
_DEAD_WHILE_LOADING_S = 120.0
"""The same for one that is not ready yet: a library that is loaded can keep the interpreter lock."""


class WorkerHealth:
    """The heartbeats of one worker process, as the supervisor has seen them.

    Args:
        started_at: ``time.monotonic`` when the process was started.
    """

    def __init__(self, started_at: float = 0.0) -> None:
        self._heartbeats, self._seen_at = 0, started_at

    def observe(self, now: float, heartbeats: int, *, was_paused: bool) -> None:
        """Notes a number of heartbeats.

        Args:
            now: ``time.monotonic``.
            heartbeats: how many there have been.
            was_paused: the supervisor itself did not run, so that silence means nothing.
        """
        if heartbeats != self._heartbeats or was_paused:
            self._heartbeats, self._seen_at = heartbeats, now

    def silence(self, now: float) -> float:
        """Returns the seconds since the last heartbeat was seen."""
        return now - self._seen_at

    def is_silent(self, now: float) -> bool:
        """Returns whether the worker should get no connections."""
        return self._heartbeats > 0 and self.silence(now) > _SILENT_S

    def is_dead(self, now: float, *, is_ready: bool) -> bool:
        """Returns whether the worker has to be replaced.

        Args:
            now: ``time.monotonic``.
            is_ready: whether the worker has loaded the index.
        """
        return self.silence(now) > (_DEAD_S if is_ready else _DEAD_WHILE_LOADING_S)
