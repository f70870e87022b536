"""Shared state: flags and counters in memory that the supervisor and its workers share.

Each field has one writer, so no lock is needed.
"""

import ctypes
import mmap


class ServerState(ctypes.Structure):
    """The state of the whole server, written by the supervisor.

    Attributes:
        is_verified: whether the index matches its checksums.
        is_stopping: whether the server has received a signal to stop.
    """

    _fields_ = (("is_verified", ctypes.c_bool), ("is_stopping", ctypes.c_bool))
    is_verified: bool
    is_stopping: bool


class WorkerState(ctypes.Structure):
    """The state of one worker, written by the worker; the supervisor resets it before it starts the worker.

    Attributes:
        is_ready: whether the worker has loaded the index and answers requests.
        connections_closed: number of its connections that have been closed.
        heartbeats: counts up while its event loop runs.
        is_stuck: whether the work for a request that has timed out does not end.
    """

    _fields_ = (
        ("is_ready", ctypes.c_bool),
        ("connections_closed", ctypes.c_int64),
        ("heartbeats", ctypes.c_int64),
        ("is_stuck", ctypes.c_bool),
    )
    is_ready: bool
    connections_closed: int
    heartbeats: int
    is_stuck: bool


class SharedState:
    """The state that all processes forked after its creation share.

    Args:
        workers: number of workers.

    Attributes:
        server: state of the server.
        workers: state of each worker.
    """

    def __init__(self, workers: int) -> None:
        self.server = ServerState.from_buffer(_shared_memory(ServerState))
        self.workers = (WorkerState * workers).from_buffer(_shared_memory(WorkerState * workers))

    def reset_worker(self, number: int) -> None:
        """Resets the state of a worker that is about to be started."""
        self.workers[number] = WorkerState()


def _shared_memory(layout: type[ctypes.Structure | ctypes.Array[WorkerState]]) -> mmap.mmap:
    """Returns zeroed memory of the size of a structure."""
    return mmap.mmap(-1, ctypes.sizeof(layout))
