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
from service.api.guard.rates import Buckets
from service.serving.board import Board
from service.serving.supervisor import Supervisor
from service.serving.worker import Work
from service.settings import Settings

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BACKLOG = 4_096


def serving(model: ModelIdentity) -> Embedder:
    """The embedder of a model, for many questions at a time."""
    return load_embedder(model.name, model.precision, serving=True)


def run(directory: Path, settings: Settings, load: Callable[[ModelIdentity], Embedder] = serving) -> None:
    """Serves until stopped by SIGINT or SIGTERM, then answers what is in flight.

    It listens at once; until the index is loaded and every checksum compared, /readyz and all questions get 503.

    Args:
        directory: the index. settings: the server's. load: gives the embedder of the index's model.

    Raises:
        IndexUnavailable: there is no index. InvalidValue: the port cannot be listened on; no file of keys.
        PapersError: the index is damaged, or cannot be loaded.
    """
    layout = Layout(directory)
    Manifest.load(layout.generation(layout.published()).manifest)
    if settings.keys is not None and not KeyFile(settings.keys).keys():
        raise InvalidValue("keys", str(settings.keys), "it has no key, so nobody could ask; papers keys add NAME")
    listener = _listening(settings.host, settings.port)
    _allow_files(settings.connections)
    address = f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{listener.getsockname()[1]}"

    def ready() -> None:
        sys.stderr.write(f"papers: answering on {address}, described at {address}/docs; Ctrl-C stops it\n")

    logs.start(each=False, questions=settings.log_questions)
    with tempfile.TemporaryDirectory(prefix="papers-metrics-") as folder:
        os.environ[_FOLDER] = folder
        buckets = Buckets(settings.rate, settings.most_at_once) if settings.rate else None
        work = Work(directory, settings, load, Board(settings.workers), buckets)
        Supervisor(work, listener, lambda: _problem(directory), ready).run()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InvalidValue("port", f"{host}:{port}", f"{error.strerror}; choose another with --port") from None


def _allow_files(connections: int) -> None:
    """Raises this process's own limit of open files, as far as it may, to what the connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = connections + 1_024
    if soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need if hard == resource.RLIM_INFINITY else min(need, hard), hard))


def _problem(directory: Path) -> str:
    """What differs from the checksums of the published generation, in words; nothing where it is whole."""
    from search.index.snapshot import Snapshot

    try:
        Snapshot.open(directory, checksums=True)
    except PapersError as error:
        return str(error)
    return ""
