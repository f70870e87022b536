"""Milvus Lite as a server process that tests end and start again, and a TCP proxy that cuts connections to it."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Self

from server_process import free_port

_DATA = 0
"""Type of the HTTP/2 frames with the body of a request, of which gRPC does not compress anything (RFC 9113, 6.1)."""
_PREFACE_BYTES = 24
"""Bytes that a client sends before its first frame (RFC 9113, 3.4)."""
_LONGEST_MARKER = 64
Rule = Callable[[bytes], str]
"""Gets the bytes of a request; returns ``pass``, ``cut`` to close the connection, or ``stall`` to withhold it."""


class LiteServer:
    """A server process with the data in a folder, ended when the context is left.

    Args:
        folder: its data; created if absent.

    Attributes:
        port: where it listens, also after a restart.
    """

    def __init__(self, folder: Path) -> None:
        self.port, self._folder = free_port(), folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGTERM)

    def start(self) -> None:
        """Starts it, and returns once it answers."""
        place = ["--data-dir", str(self._folder), "--host", "127.0.0.1", "--port", str(self.port)]
        command = [sys.executable, "-m", "milvus_lite", "server", *place]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            assert self._process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends the process by a signal."""
        if self._process:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None


class Proxy:
    """Passes connections on to a server, and watches the requests in them; closed when the context is left.

    Args:
        target: port of the server.

    Attributes:
        port: where clients connect.
        is_open: whether new connections are passed on; others are closed at once.
        rule: what is done with each part of a request.
    """

    def __init__(self, target: int) -> None:
        self._target, self._listener = target, socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_open = True
        self.rule: Rule = let_pass
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Closes all connections."""
        for each in list(self._sockets):
            self._close(each)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    if not self.is_open:
                        raise ConnectionRefusedError
                    server = socket.create_connection(("127.0.0.1", self._target), 5)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets |= {client, server}
                threading.Thread(target=self._pass_requests, args=(client, server), daemon=True).start()
                threading.Thread(target=self._pass_answers, args=(server, client), daemon=True).start()

    def _pass_requests(self, client: socket.socket, server: socket.socket) -> None:
        withheld, ends = set[bytes](), defaultdict[bytes, bytes](bytes)
        with contextlib.suppress(OSError), client.makefile("rb") as stream:
            server.sendall(stream.read(_PREFACE_BYTES))
            while len(head := stream.read(9)) == 9:
                body, number = stream.read(int.from_bytes(head[:3], "big")), head[5:]
                if head[3] == _DATA and number not in withheld:
                    verdict = self.rule(ends[number] + body)
                    if verdict == "cut":
                        break
                    if verdict == "stall":
                        withheld.add(number)
                    ends[number] = body[-_LONGEST_MARKER:]
                if head[3] != _DATA or number not in withheld:
                    server.sendall(head + body)
        self._close(client)
        self._close(server)

    def _pass_answers(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := server.recv(65_536):
                client.sendall(part)
        self._close(client)
        self._close(server)

    def _close(self, each: socket.socket) -> None:
        self._sockets.discard(each)
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def let_pass(part: bytes) -> str:  # noqa: ARG001
    """Passes everything on."""
    return "pass"


def containing(marker: bytes, verdict: str, times: int = 1_000_000) -> Rule:
    """Treats the first requests that contain some bytes in a way."""
    left = times

    def decide(part: bytes) -> str:
        nonlocal left
        if marker in part and left > 0:
            left -= 1
            return verdict
        return "pass"

    return decide
