"""A server as a child process, with the fake embedder."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import httpx

FAKE_SERVER = Path(__file__).parent / "fake_server.py"


class ServerProcess:
    """A server on an index made with the fake embedder, stopped when the context is left.

    Args:
        index: folder of the index, or the address of a collection.
        ready: wait until the server is ready.
        settings: environment variables without the prefix PAPERS_; those that begin with FAKE_ are passed as they are.

    Attributes:
        stderr_lines: lines that the server has printed to standard error.
        client: an HTTP client of the server.
    """

    def __init__(self, index: Path | str, *, ready: bool = True, **settings: object) -> None:
        self.port = int(settings.get("PORT", 0)) or free_port()  # type: ignore[call-overload]
        settings = {"PORT": self.port, "IDLE_SECONDS": 20, "CACHED_HITS": 0, **settings}
        env = {name: value for name, value in os.environ.items() if not name.startswith("PAPERS_")}
        env |= {name if name.startswith("FAKE_") else f"PAPERS_{name}": str(value) for name, value in settings.items()}
        self.process = subprocess.Popen(
            [sys.executable, str(FAKE_SERVER), str(index)], stderr=subprocess.PIPE, text=True, env=env
        )
        self.stderr_lines: list[str] = []
        self._reader = threading.Thread(target=self._read_stderr)
        self._reader.start()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        if ready:
            self.wait_until(lambda: any("serving on" in line for line in self.stderr_lines))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self._reader.join()

    def _read_stderr(self) -> None:
        assert self.process.stderr
        self.stderr_lines.extend(iter(self.process.stderr.readline, ""))
        self.process.stderr.close()

    def wait_until(self, condition: Any, seconds: float = 60) -> None:
        """Polls until a condition holds; fails after some seconds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "\n".join(self.stderr_lines)
            time.sleep(0.02)

    def request_logs(self, minimum: int = 0) -> list[dict[str, Any]]:
        """Returns the log records of requests, once there is a minimum number of them."""

        def read() -> list[dict[str, Any]]:
            logged = [json.loads(line) for line in self.stderr_lines if line.startswith("{")]
            return [line for line in logged if line["message"] == "request"]

        self.wait_until(lambda: len(read()) >= minimum)
        return read()

    def log_of(self, response: httpx.Response) -> dict[str, Any]:
        """Returns the log record of a request, once it is there."""

        def read() -> list[dict[str, Any]]:
            return [line for line in self.request_logs() if line["request_id"] == response.headers["x-request-id"]]

        self.wait_until(read)
        return read()[0]

    def worker_pids(self) -> set[int]:
        """Returns the PIDs of the workers in the metrics."""
        return {int(pid) for pid in re.findall(r'papers_generation\{pid="(\d+)"\}', self.client.get("/metrics").text)}

    def stop(self, signal_number: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal and returns the exit status."""
        self.process.send_signal(signal_number)
        return self.process.wait(30)

    def send_raw(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Sends bytes on a new connection; returns what arrives until the server closes it or is silent for 1.5 s."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=1.5) as client:
            response = b""
            try:
                for part in parts:
                    client.sendall(part)
                    time.sleep(pause)
                while received := client.recv(65_536):
                    response += received
            except (TimeoutError, ConnectionError):
                pass
            return response


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
