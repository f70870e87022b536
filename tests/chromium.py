"""Chromium: Debian's browser, a server for it to ask, and a record of all that its pages did."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'papers-search[dev]'")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Playwright, Request, expect

__all__ = [
    "DESKTOP",
    "PHONE",
    "Browser",
    "Locator",
    "Page",
    "PapersServer",
    "Visit",
    "accessibility_violations",
    "expect",
    "launch_chromium",
]
PAPERS = str(Path(sys.executable).parent / "papers")
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
_LOOPBACK = "127.0.0.1"
_TIMEOUT_MS = 20_000
expect.set_options(timeout=_TIMEOUT_MS)
_CHROMIUM_FLAGS = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {_LOOPBACK}",  # blocks every other host
)


def launch_chromium(playwright: Playwright) -> Browser:
    """The machine's own Chromium, without a window; it reaches nothing but this machine. Skips where there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=path, args=[*_CHROMIUM_FLAGS, *root])


class PapersServer:
    """``papers serve`` over an index, in a process of its own on a free port.

    Attributes:
        url: where it answers.
    """

    def __init__(self, index: Path, log: Path) -> None:
        self._log = log
        command = [PAPERS, "serve", "--index", str(index), "--port", "0"]
        with log.open("w", encoding="utf-8") as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=said, cwd=log.parent)
        self.url = self._wait_until_ready()

    def _wait_until_ready(self) -> str:
        """Waits until it is ready."""
        for _ in range(600):
            said = self._log.read_text("utf-8")
            if self._process.poll() is not None:
                raise RuntimeError(f"papers serve ended: {said}")
            if found := re.search(rf"http://{_LOOPBACK}:\d+", said):
                ready = httpx.get(f"{found[0]}/readyz", timeout=30)
                if ready.status_code == 200:
                    return found[0]
            time.sleep(0.1)
        raise RuntimeError(f"papers serve was not ready in a minute: {said}")

    def close(self) -> None:
        """Stops it; whatever it said of failures is an error."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        assert "Traceback" not in self._log.read_text("utf-8")


class Visit:
    """A visitor with a profile of its own, and all that the pages seen did.

    Attributes:
        page: the tab. requests: the address of every request. complaints: what the console called an error, and
            dialogs that opened.
    """

    def __init__(self, browser: Browser, server: PapersServer, **options: object) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        chosen = {"viewport": DESKTOP, "reduced_motion": "reduce", "base_url": server.url, **options}
        self._context = browser.new_context(**chosen)  # type: ignore[arg-type]
        self._context.set_default_timeout(_TIMEOUT_MS)
        self._context.on("request", self._on_request)
        self._context.on("console", self._on_console)
        self._context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self._context.on("dialog", self._on_dialog)
        self.page: Page = self._context.new_page()

    def open(self, path: str, *statuses: int) -> Page:
        """Goes to a page, which must have one of these statuses, or 200 if none is given."""
        answer = self.page.goto(path)
        assert answer
        assert answer.status in (statuses or (200,))
        if answer.status >= 400:
            refusal = f"Failed to load resource: the server responded with a status of {answer.status}"
            self.errors = [each for each in self.errors if not each.startswith(refusal)]
        return self.page

    def close(self) -> None:
        """Ends the visit: nothing was asked of another machine, and nothing was complained of."""
        self._context.close()
        assert {urlsplit(url).hostname for url in self.requests if not url.startswith(("data:", "blob:"))} <= {
            _LOOPBACK
        }
        assert self.errors == []

    def _on_request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location['url']})")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()


def accessibility_violations(page: Page, *rules: str) -> list[str]:
    """What axe finds on the page that keeps people out: the rule, and where it is broken. ``rules``: these alone."""
    found = Axe().run(page, options={"runOnly": list(rules)} if rules else None).response["violations"]
    found = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {node['html'][:150]} {node['failureSummary']}" for each in found for node in each["nodes"]]
