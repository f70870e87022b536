"""Server: the process that listens and answers."""

import socket
import sys
from pathlib import Path

from search.embedder import Embedder, load_embedder
from search.errors import InvalidValue
from search.model import ModelIdentity
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings


def run(directory: Path, host: str, port: int) -> None:
    """Serves until stopped.

    Raises:
        IndexUnavailable: there is no whole index; every checksum is compared before anything listens.
        InvalidValue: the port cannot be listened on.
    """
    import uvicorn

    def load(model: ModelIdentity) -> Embedder:
        return load_embedder(model.name, model.precision, serving=True)

    searcher = Searcher(directory, load, checksums=True)
    searcher.warm()
    listening = _listening(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    sys.stderr.write(f"papers: answering on {address}, described at {address}/docs; Ctrl-C stops it\n")
    app = create_app(searcher, Settings())
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidValue("port", f"{host}:{port}", f"{error.strerror}; choose another with --port") from None
