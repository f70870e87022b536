"""Server: from the index and the settings to processes that answer."""

import os
import resource
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from search.embedding.embedder import Embedder, load_embedder
from search.embedding.model import ModelIdentity
from search.errors import InvalidValue, PapersError
from search.index.layout import Layout, Manifest
from service.api.guard import logs
from service.api.guard.keys import KeyFile
from service.api.guard.rate_limit import TokenBuckets
from service.serving.shared_state import SharedState
from service.serving.supervisor import Supervisor
from service.serving.worker import WorkerConfig
from service.settings import Settings

_MULTIPROC_DIR_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_BACKLOG = 4_096


def load_serving_embedder(model: ModelIdentity) -> Embedder:
    """The embedder of a model, for many questions at a time."""
    return load_embedder(model.name, model.precision, serving=True)


def run(directory: Path, settings: Settings, load: Callable[[ModelIdentity], Embedder] = load_serving_embedder) -> None:
    """Serves until stopped by SIGINT or SIGTERM, then answers what is in flight.

    It listens at once; until the index is loaded and every checksum compared, /readyz and all questions get 503.

    Args:
        directory: the index. settings: the server's. load: gives the embedder of the index's model.

    Raises:
        IndexUnavailable: there is no index. InvalidValue: the port cannot be listened on; no file of keys.
        PapersError: the index is damaged, or cannot be loaded.
    """
    layout = Layout(directory)
    Manifest.load(layout.generation(layout.published_generation()).manifest)
    if settings.keys is not None and not KeyFile(settings.keys).load():
        raise InvalidValue("keys", str(settings.keys), "it has no key, so nobody could ask; papers keys add NAME")
    listener = _open_listener(settings.host, settings.port)
    _raise_open_file_limit(settings.connections)
    address = f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{listener.getsockname()[1]}"

    def ready() -> None:
        sys.stderr.write(f"papers: listening on {address} (API documentation: {address}/docs); press Ctrl-C to stop\n")

    logs.configure(log_requests=False, log_queries=settings.log_queries)
    with tempfile.TemporaryDirectory(prefix="papers-metrics-") as folder:
        os.environ[_MULTIPROC_DIR_VARIABLE] = folder
        buckets = TokenBuckets(settings.rate, settings.burst_capacity) if settings.rate else None
        work = WorkerConfig(directory, settings, load, SharedState(settings.workers), buckets)
        Supervisor(work, listener, lambda: _find_damage(directory), ready).run()


def _open_listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InvalidValue("port", f"{host}:{port}", f"{error.strerror}; choose another with --port") from None


def _raise_open_file_limit(connections: int) -> None:
    """Raises this process's own limit of open files, as far as it may, to what the connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = connections + 1_024
    if soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need if hard == resource.RLIM_INFINITY else min(need, hard), hard))


def _find_damage(directory: Path) -> str:
    """What differs from the checksums of the published generation, in words; nothing where it is whole."""
    from search.index.snapshot import Snapshot

    try:
        Snapshot.open(directory, verify_checksums=True)
    except PapersError as error:
        return str(error)
    return ""
