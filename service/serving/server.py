"""Server: checks the index and the settings, opens the port and runs the supervisor."""

import os
import resource
import secrets
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from search.embedding.embedder import Embedder, load_embedder
from search.embedding.model import ModelIdentity
from search.errors import InvalidValue, PapersError
from search.index.layout import Layout, Manifest
from service.announcement import Announcement, announce
from service.api.guard import logs
from service.api.guard.keys import KeyFile
from service.api.guard.rate_limit import TokenBuckets
from service.serving.scrub import SCRUB_TUNING, ScrubTuning
from service.serving.shared_state import SharedState
from service.serving.supervisor import Supervisor
from service.serving.worker import WorkerConfig
from service.settings import Settings

_METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_LISTEN_BACKLOG = 4_096
"""Connections that the kernel queues until the supervisor accepts them."""
_OTHER_OPEN_FILES = 1_024
"""Open files of a process that are not connections: the index, channels and libraries."""


def load_serving_embedder(model: ModelIdentity) -> Embedder:
    """Returns the embedder of a model, for concurrent requests."""
    return load_embedder(model.name, model.precision, serving=True)


def run(
    directory: Path | str,
    settings: Settings,
    load: Callable[[ModelIdentity], Embedder] = load_serving_embedder,
    scrub_tuning: ScrubTuning = SCRUB_TUNING,
) -> None:
    """Serves until SIGINT or SIGTERM, then finishes the requests in flight.

    The port is open from the start. Until the index is loaded and its checksums are verified, every path except
    /healthz responds with 503.

    Args:
        directory: folder of the index, or the address of a collection of Milvus, whose server keeps it intact.
        settings: the settings.
        load: returns the embedder of the index's model.
        scrub_tuning: rate and intervals of the verification while serving.

    Raises:
        IndexUnavailable: there is no index.
        InvalidValue: the port is not available, or the key file contains no keys; a collection has no folder beside it
            for lists, and ``settings.state`` names none.
        PapersError: the index is damaged or cannot be loaded.
    """
    if isinstance(directory, Path):
        layout = Layout(directory)
        Manifest.load(layout.generation(layout.published_generation()).manifest)
    elif settings.state is None:
        raise InvalidValue(
            "PAPERS_STATE", "", "set it to a file for lists and saved searches, beside no folder of an index"
        )
    if settings.keys is not None and not KeyFile(settings.keys).load():
        raise InvalidValue("keys", str(settings.keys), "the key file is empty; add one with: papers keys add NAME")
    listener = _open_listener(settings.host, settings.port)
    _raise_open_file_limit(settings.connections)
    url, token = _base_url(settings.host, listener), secrets.token_urlsafe(32)
    port = listener.getsockname()[1]
    announcement = Announcement.of_server(settings.host, port, token, version("papers-search"))

    def start_serving() -> None:
        try:
            if isinstance(directory, Path):
                announced.enter_context(announce(directory, announcement))
        except OSError as error:
            sys.stderr.write(f"papers: commands do not find this server: {error}\n")
        sys.stderr.write(f"papers: serving on {url}; API description at {url}/docs; press Ctrl-C to stop\n")

    logs.configure(log_requests=False, log_queries=settings.log_queries)
    with ExitStack() as announced, tempfile.TemporaryDirectory(prefix="papers-metrics-") as folder:
        os.environ[_METRICS_FOLDER_VARIABLE] = folder
        buckets = TokenBuckets(settings.rate, settings.burst_capacity) if settings.rate else None
        worker_config = WorkerConfig(directory, settings, load, SharedState(settings.workers), buckets, token)
        Supervisor(worker_config, listener, lambda: _find_damage(directory), start_serving, scrub_tuning).run()


def _open_listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_LISTEN_BACKLOG)
    except OSError as error:
        raise InvalidValue("port", f"{host}:{port}", f"{error.strerror}; choose another with --port") from None


def _base_url(host: str, listener: socket.socket) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def _raise_open_file_limit(connections: int) -> None:
    """Raises the soft limit on open files to what the connections need, as far as the hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    required = connections + _OTHER_OPEN_FILES
    if soft < required:
        limit = required if hard == resource.RLIM_INFINITY else min(required, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _find_damage(directory: Path | str) -> str:
    """Verifies the checksums of the published generation; returns the first problem, or an empty text."""
    if isinstance(directory, str):
        return ""  # workers find out whether the collection can be read
    from search.index.snapshot import Snapshot

    try:
        Snapshot.open(directory, verify_checksums=True)
    except PapersError as error:
        return str(error)
    return ""
