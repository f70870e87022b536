"""RayEmbedder: embeds texts on the nodes of a Ray cluster (Moritz et al., "Ray", OSDI 2018).

Each node has one worker (``ray_worker``), which loads the same model as this process. If a worker or its node dies,
its texts go to another worker, and a node that is alive, or joins later, gets a new one. Whichever worker returns the
vector of a text, the writer stores it once.
"""

import logging
import os
import socket
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from indexer import ray_worker
from indexer.ray_worker import RayWorker, package_version
from search.embedding.model import ModelIdentity
from search.errors import ClusterUnavailable, InvalidValue

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray is imported

import ray
from ray import cloudpickle
from ray._private import services
from ray._raylet import GcsClient
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

cloudpickle.register_pickle_by_value(ray_worker)

_CONNECT_LIMIT_S = 10.0
"""Until the head node accepts a connection. Ray itself waits for two minutes and then ends the process."""
_WORKER_LIMIT_S = 300.0
"""Without any worker, before an import gives up; a worker on a slow machine quantizes a model in a minute."""
_SLICE_LIMIT_S = 600.0
"""Until the texts of a call are embedded; 128 texts of 256 tokens take a slow core a minute with the largest model."""
_ATTEMPTS = 5
"""Workers that may be lost with the same texts before these are taken for the cause."""
_WATCH_INTERVAL_S = 1.0
"""Between two looks at the nodes of the cluster."""
_MAX_MESSAGE_CHARACTERS = 300
"""Of an error of Ray; the versions of a mismatch fit."""
_CORES_PER_SLICE = 8
"""Cores that one more slice of texts keeps busy: a slice has 32 batches of 1,024 tokens if its texts are long."""


@dataclass(slots=True, eq=False)
class _Worker:
    """A worker of this process.

    Attributes:
        address: The address of its node.
        actor: The Ray actor.
        report: The reference to what ``RayWorker.describe`` returns.
        free: Calls that it can take at the moment.
        is_ready: Whether it has loaded the model.
    """

    address: str
    actor: Any
    report: Any
    free: int
    is_ready: bool = False


class RayEmbedder:
    """An embedder whose model runs on the nodes of a Ray cluster; used as a context manager.

    Args:
        address: HOST:PORT of the cluster, or ``auto`` for the one that this machine belongs to.
        model: The model that the workers must have.
        on_notice: Called with a line of text when a worker is lost.

    Attributes:
        slices: Calls of ``encode`` that keep the nodes busy which the cluster had at the start.

    Raises:
        ClusterUnavailable: The cluster cannot be reached, gives no cores, or has a node without the same version of
            the package and the model.
        InvalidValue: The address is invalid.
    """

    def __init__(
        self,
        address: str,
        model: ModelIdentity,
        on_notice: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    ) -> None:
        self._address, self._model, self._on_notice = address, model, on_notice
        self._workers: dict[str, _Worker] = {}  # by node
        self._refusal = ""
        self._calls = 0
        self._changed = threading.Condition()
        self._is_closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="ray-nodes", daemon=True)
        _connect(address)
        try:
            self.slices = sum(_calls_of(cores) for _, _, cores in _find_nodes())
            self._watcher.start()
            self._release(self._acquire())  # errors are reported before a file is read
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers and leaves the cluster."""
        self._is_closing.set()
        if self._watcher.ident:
            self._watcher.join()
        for worker in list(self._workers.values()):  # so that no call waits for texts that nobody needs
            self._drop(worker)
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._calls, _CONNECT_LIMIT_S)
        ray.shutdown()

    @property
    def model(self) -> ModelIdentity:
        """Identity of the model."""
        return self._model

    @property
    def workers(self) -> int:
        """Workers that embed."""
        with self._changed:
            return sum(worker.is_ready for worker in self._workers.values())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds texts on one of the workers; see ``Embedder.encode``.

        Raises:
            ClusterUnavailable: The worker could not embed them, several workers were lost with them, or none is left.
        """
        with self._changed:
            self._calls += 1
        try:
            return self._encode(list(texts))
        finally:
            with self._changed:
                self._calls -= 1
                self._changed.notify_all()

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        for _ in range(_ATTEMPTS):
            worker = self._acquire()
            try:
                vectors: NDArray[np.float32] = ray.get(worker.actor.encode.remote(texts), timeout=_SLICE_LIMIT_S)
            except RayTaskError as error:
                raise self._unavailable(f"the worker on {worker.address} failed: {error.cause!r}") from None
            except RayError:
                self._drop(worker)
            else:
                self._release(worker)
                return vectors
        raise self._unavailable(
            f"{_ATTEMPTS} workers were lost with the same texts, the first of which starts {texts[0][:60]!r}; "
            "give the nodes more memory, or remove that paper from the input"
        )

    def _acquire(self) -> _Worker:
        """Waits for a worker that can take a call, and takes it.

        Raises:
            ClusterUnavailable: There is no worker for too long, or a node was refused.
        """
        with self._changed:
            deadline = time.monotonic() + _WORKER_LIMIT_S
            while True:
                if self._is_closing.is_set():
                    raise self._unavailable("the import was stopped")
                if self._refusal:
                    raise self._unavailable(self._refusal)
                ready = [worker for worker in self._workers.values() if worker.is_ready]
                freest = max(ready, key=lambda worker: worker.free, default=None)
                if freest and freest.free:
                    freest.free -= 1
                    return freest
                if ready:
                    deadline = time.monotonic() + _WORKER_LIMIT_S
                elif time.monotonic() > deadline:
                    raise self._unavailable(
                        f"no worker could be started within {_WORKER_LIMIT_S:.0f} seconds; `ray status` shows whether "
                        "nodes are alive and other programs use their cores. The same command continues the import"
                    )
                self._changed.wait(_WATCH_INTERVAL_S)

    def _release(self, worker: _Worker) -> None:
        with self._changed:
            worker.free += 1
            self._changed.notify()

    def _drop(self, worker: _Worker) -> None:
        """Gives up a worker; if its node is alive, the next look at the nodes starts another one."""
        with self._changed:
            nodes = [node for node, each in self._workers.items() if each is worker]
            for node in nodes:
                del self._workers[node]
        if nodes:  # the first of its calls to notice
            with suppress(RayError):
                ray.kill(worker.actor)
            if worker.is_ready and not self._is_closing.is_set():
                self._on_notice(f"lost the worker on {worker.address}; its texts go to other workers")

    def _watch(self) -> None:
        """Keeps a worker on every node that is alive."""
        try:
            while True:
                nodes = _find_nodes()
                alive = {node for node, _, _ in nodes}
                for node, address, cores in nodes:
                    if node not in self._workers:
                        self._start(node, address, cores)
                for node, worker in list(self._workers.items()):
                    if node not in alive:
                        self._drop(worker)
                    elif not worker.is_ready:
                        self._admit(worker)
                if self._is_closing.wait(_WATCH_INTERVAL_S):
                    return
        except Exception as error:  # noqa: BLE001  of Ray; it ends the import
            self._refuse(f"the cluster does not respond: {_shorten(error)}")

    def _start(self, node: str, address: str, cores: int) -> None:
        calls = _calls_of(cores)
        options = {"num_cpus": cores, "max_concurrency": calls}
        strategy = NodeAffinitySchedulingStrategy(node, soft=False)
        worker = ray.remote(RayWorker).options(**options, scheduling_strategy=strategy)
        actor = worker.remote(self._model.name, self._model.precision, cores)
        with self._changed:
            self._workers[node] = _Worker(address, actor, actor.describe.remote(), calls)

    def _admit(self, worker: _Worker) -> None:
        """Makes a worker ready if it has loaded the model, and refuses the node if that is another one."""
        if not ray.wait([worker.report], timeout=0)[0]:
            return
        try:
            version, model, problem = ray.get(worker.report)
        except RayError:
            self._drop(worker)
            return
        if not problem and version != package_version():
            problem = f"it has papers-search {version}, but this machine has {package_version()}"
        if not problem and model != self._model:
            problem = f"its model is {model}, but the model of this import is {self._model}"
        if problem:
            self._refuse(
                f"the node {worker.address} cannot embed: {problem}; install the same version of papers-search and "
                "the same model on all nodes, or remove the node"
            )
            return
        with self._changed:
            worker.is_ready = True
            self._changed.notify_all()

    def _refuse(self, reason: str) -> None:
        with self._changed:
            self._refusal = reason
            self._changed.notify_all()

    def _unavailable(self, reason: str) -> ClusterUnavailable:
        return ClusterUnavailable(self._address, reason)


def _calls_of(cores: int) -> int:
    """Returns the calls that keep a worker busy: while one is finished, the next is tokenized and started."""
    return 2 + cores // _CORES_PER_SLICE


def _find_nodes() -> list[tuple[str, str, int]]:
    """Returns the ID, the address and the number of cores of each node that is alive and gives Ray a core."""
    nodes = [(node["NodeID"], node["NodeManagerAddress"], node) for node in ray.nodes() if node["Alive"]]
    found = [(name, address, int(node["Resources"].get("CPU", 0))) for name, address, node in nodes]
    return [node for node in found if node[2]]


def _connect(address: str) -> None:
    """Connects this process to a cluster.

    Raises:
        ClusterUnavailable: It cannot be reached, or runs another version of Ray or Python.
        InvalidValue: The address is invalid.
    """
    target = _find_address() if address == "auto" else address
    _check_reachable(target)
    try:
        if not any(Path(node.raylet_socket_name).exists() for node in _ask_head_node(target)):
            raise ClusterUnavailable(  # Ray would end the process
                target, f"this machine is not one of its nodes; run: ray start --address={target} --num-cpus=0"
            )
        ray.init(address=target, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise ClusterUnavailable(target, f"cannot connect ({_shorten(error)}); see `ray status`") from None


def _find_address() -> str:
    """Returns the address in RAY_ADDRESS, or that of the cluster which this machine joined last."""
    try:
        return str(services.canonicalize_bootstrap_address_or_die("auto"))
    except ConnectionError:
        raise ClusterUnavailable(
            "auto", "this machine has joined no cluster; start one with `ray start --head`, or give HOST:PORT"
        ) from None
    except ValueError as error:
        raise ClusterUnavailable("auto", f"{_shorten(error)}; correct RAY_ADDRESS") from None


def _check_reachable(address: str) -> None:
    host, separator, port = address.rpartition(":")
    if not separator or "/" in host or not port.isdecimal():
        raise InvalidValue("ray", address, "give HOST:PORT of the head node, such as 10.0.0.5:6379, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_LIMIT_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterUnavailable(
            address, f"cannot be reached ({error}); compare the address with the one that `ray start --head` printed"
        ) from None


def _ask_head_node(address: str) -> Iterable[Any]:
    """Returns the nodes of a cluster that this process has not joined; waits for an answer for up to 40 seconds."""
    return cast("Iterable[Any]", GcsClient(address=address).get_all_node_info(timeout=_CONNECT_LIMIT_S).values())


def _shorten(error: BaseException) -> str:
    """Returns the message of an error of Ray on one line."""
    return textwrap.shorten(str(error), _MAX_MESSAGE_CHARACTERS, placeholder=" ...").rstrip(".")
