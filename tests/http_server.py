"""A server on a real socket, for tests over HTTP."""

import socket
import threading
import time
from typing import Any

import httpx
import uvicorn

from service.api.problems import status_phrase


class HttpServer:
    """A server in a thread, on a free port of 127.0.0.1, with a client."""

    def __init__(self, app: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        for _ in range(600):
            if self._server.started:
                break
            time.sleep(0.05)
        host, port = self._socket.getsockname()
        self.client = httpx.Client(base_url=f"http://{host}:{port}", timeout=30)

    def close(self) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def assert_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """Checks that a response is a problem and returns its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "instance"} <= set(body)
    assert (body["type"], body["title"]) == ("about:blank", status_phrase(status))
    assert body["instance"] == response.request.url.path
    return dict(body)
