"""A server in processes of its own, as ``papers serve`` starts it."""

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
    """A server over an index that was made with the fake embedder.

    Args:
        index: its folder. ready: wait until it answers. settings: of the environment, without PAPERS_.
    """

    def __init__(self, index: Path, *, ready: bool = True, **settings: object) -> None:
        self.port = int(settings.get("PORT", 0)) or free_port()  # type: ignore[call-overload]
        own = {name: value for name, value in os.environ.items() if not name.startswith("PAPERS_")}
        given = {"PORT": self.port, "IDLE_SECONDS": 20, **settings}
        own |= {name if name.startswith("FAKE_") else f"PAPERS_{name}": str(value) for name, value in given.items()}
        self.process = subprocess.Popen(
            [sys.executable, str(FAKE_SERVER), str(index)], stderr=subprocess.PIPE, text=True, env=own
        )
        self.stderr_lines: list[str] = []
        self._reader = threading.Thread(target=self._read_stderr)
        self._reader.start()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        if ready:
            self.wait_until(lambda: any("answering on" in line for line in self.stderr_lines))

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
        """Looks until it is so."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "\n".join(self.stderr_lines)
            time.sleep(0.02)

    def request_logs(self, minimum: int = 0) -> list[dict[str, Any]]:
        """The log lines of requests, once there are so many."""

        def read() -> list[dict[str, Any]]:
            logged = [json.loads(line) for line in self.stderr_lines if line.startswith("{")]
            return [line for line in logged if line["message"] == "request"]

        self.wait_until(lambda: len(read()) >= minimum)
        return read()

    def worker_pids(self) -> set[int]:
        """The pids of those that answer, as the metrics tell."""
        return {int(pid) for pid in re.findall(r'papers_generation\{pid="(\d+)"\}', self.client.get("/metrics").text)}

    def stop(self, signal_number: signal.Signals = signal.SIGTERM) -> int:
        """Tells it to stop, and gives its exit status."""
        self.process.send_signal(signal_number)
        return self.process.wait(30)

    def send_raw(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """All that it answers to these bytes until it closes, or says nothing for a second."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=1.5) as client:
            answer = b""
            try:
                for part in parts:
                    client.sendall(part)
                    time.sleep(pause)
                while received := client.recv(65_536):
                    answer += received
            except (TimeoutError, ConnectionError):
                pass
            return answer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
