"""Browser tests with Chromium: the browser, a server, and a record of everything that the pages do."""

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
    """Launches the system's Chromium, headless and without access to other hosts; skips the test if it is missing."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=path, args=[*_CHROMIUM_FLAGS, *root])


class PapersServer:
    """A ``papers serve`` process on a free port.

    Args:
        index: the index to serve.
        log: the file for its output.

    Attributes:
        url: the base URL.
    """

    def __init__(self, index: Path, log: Path) -> None:
        self._log = log
        command = [PAPERS, "serve", "--index", str(index), "--port", "0"]
        with log.open("w", encoding="utf-8") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent)
        self.url = self._wait_until_ready()

    def _wait_until_ready(self) -> str:
        """Waits until the server is ready, and returns its base URL."""
        for _ in range(600):
            output = self._log.read_text("utf-8")
            if self._process.poll() is not None:
                raise RuntimeError(f"papers serve exited: {output}")
            if match := re.search(rf"http://{_LOOPBACK}:\d+", output):
                response = httpx.get(f"{match[0]}/readyz", timeout=30)
                if response.status_code == 200:
                    return match[0]
            time.sleep(0.1)
        raise RuntimeError(f"papers serve was not ready after a minute: {output}")

    def close(self) -> None:
        """Stops the server; fails if its log has a traceback."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        assert "Traceback" not in self._log.read_text("utf-8")


class Visit:
    """A browser context with its own profile, and a record of what its pages do.

    Args:
        browser: the browser.
        server: the server to visit.
        options: options of the browser context.

    Attributes:
        page: the tab.
        requests: the URL of every request.
        errors: console errors and warnings, uncaught exceptions, and dialogs.
    """

    def __init__(self, browser: Browser, server: PapersServer, **options: object) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        settings = {"viewport": DESKTOP, "reduced_motion": "reduce", "base_url": server.url, **options}
        self._context = browser.new_context(**settings)  # type: ignore[arg-type]
        self._context.set_default_timeout(_TIMEOUT_MS)
        self._context.on("request", self._on_request)
        self._context.on("console", self._on_console)
        self._context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self._context.on("dialog", self._on_dialog)
        self.page: Page = self._context.new_page()

    def open(self, path: str, *statuses: int) -> Page:
        """Opens a page; fails unless it has one of these statuses, or 200 if none is given."""
        response = self.page.goto(path)
        assert response
        assert response.status in (statuses or (200,))
        if response.status >= 400:
            expected = f"Failed to load resource: the server responded with a status of {response.status}"
            self.errors = [each for each in self.errors if not each.startswith(expected)]
        return self.page

    def close(self) -> None:
        """Closes the context; fails if a page contacted another host or had an error."""
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
    """Returns the serious and critical violations that axe finds, each with its rule and element.

    Args:
        page: the page to check.
        rules: the rules to check; all by default.
    """
    violations = Axe().run(page, options={"runOnly": list(rules)} if rules else None).response["violations"]
    serious = [each for each in violations if each["impact"] in ("serious", "critical")]
    return [
        f"{each['id']}: {node['html'][:150]} {node['failureSummary']}" for each in serious for node in each["nodes"]
    ]
