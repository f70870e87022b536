"""A local server that speaks the protocols of services, over invented papers, with faults.

A service is a function from the parameters of a request to a reply (``oai_service``, ``arxiv_service``); it is mounted
at a path. Faults change replies: each request takes the next one of ``faults``.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Reply:
    """A reply to a request.

    Attributes:
        body: The body.
        type: Its media type; empty for none.
        status: The status.
        headers: Further headers.
        sent: Bytes of the body that are sent before the connection is closed; None for all.
        length: Whether the length of the body is announced.
        delay: Seconds before the reply.
    """

    body: bytes
    type: str = "text/xml; charset=utf-8"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    sent: int | None = None
    length: bool = True
    delay: float = 0.0


Service = Callable[[dict[str, str]], Reply]
Fault = Callable[[Reply], Reply]


@dataclass(frozen=True)
class Request:
    """A request as the server has got it."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    time: float


@dataclass
class ServiceServer:
    """A running server.

    Attributes:
        url: Its address.
        services: The services by their paths.
        faults: What happens to the next replies; None for nothing. Without any left, nothing happens.
        requests: All requests so far.
    """

    url: str
    services: dict[str, Service] = field(default_factory=dict)
    faults: list[Fault | None] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, request: Request) -> Reply:
        with self.lock:
            self.requests.append(request)
            service = self.services.get(request.path)
            reply = service(request.parameters) if service else Reply(b"not here", "text/plain", 404)
            fault = self.faults.pop(0) if self.faults else None
        return fault(reply) if fault else reply


def unavailable(status: int = 503, retry_after: str | None = "0") -> Fault:
    """The service asks to come back later."""
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    return lambda _reply: Reply(b"busy", "text/plain", status, headers)


def cut(share: float = 0.5, *, length: bool = True) -> Fault:
    """The connection is closed within the body; without a length, HTTP does not show it."""
    return lambda reply: replace(reply, sent=int(len(reply.body) * share), length=length)


def slow(seconds: float) -> Fault:
    return lambda reply: replace(reply, delay=seconds)


def web_page(_reply: Reply) -> Reply:
    """A page for people in place of the answer, as proxies and overloaded servers send it."""
    return Reply(b"<html><body>Checking your browser</body></html>", "text/html")


def redirect(url: str, status: int = 302) -> Fault:
    return lambda _reply: Reply(b"", "", status, (("Location", url),))


def break_record(reply: Reply) -> Reply:
    """The first record is not well-formed."""
    return replace(reply, body=reply.body.replace(b"</title>", b"</titel>\x08<", 1))


@contextmanager
def run_server() -> Iterator[ServiceServer]:
    """Runs a server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a client acknowledges the headers late, and the body would wait for that

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
            self._send(server.reply(Request(parts.path, parameters, dict(self.headers.items()), time.monotonic())))

        def _send(self, reply: Reply) -> None:
            time.sleep(reply.delay)
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            if reply.type:
                self.send_header("Content-Type", reply.type)
            if reply.length:
                self.send_header("Content-Length", str(len(reply.body)))
            if reply.sent is not None or not reply.length:
                self.close_connection = True
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(reply.body[: reply.sent])

        def log_message(self, *_arguments: object) -> None:
            pass

    class Http(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, _request: object, _client_address: object) -> None:
            """A killed client is no error."""

    http = Http(("127.0.0.1", 0), Handler)
    server = ServiceServer(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
