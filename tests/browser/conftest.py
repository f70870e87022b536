"""Fixtures: a browser and a server of the sample."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from chromium import PapersServer, Visit


pytest.register_assert_rewrite("chromium", "page_objects")


@pytest.fixture(scope="session")
def server(sample_index: Path, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[PapersServer]":
    """Serves data/sample.jsonl."""
    from chromium import PapersServer

    papers_server = PapersServer(sample_index, tmp_path_factory.mktemp("serve") / "log")
    yield papers_server
    papers_server.close()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium, per module: Playwright runs an event loop in this thread, which would disturb other modules."""
    from playwright.sync_api import sync_playwright

    from chromium import launch_chromium

    with sync_playwright() as playwright:
        chromium = launch_chromium(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: "Browser", server: "PapersServer") -> "Iterator[Callable[..., Visit]]":
    """Makes visits; after the test, fails if one of their pages had an error or contacted another host."""
    from chromium import Visit

    visits: list[Visit] = []

    def make(**options: object) -> Visit:
        visits.append(Visit(browser, server, **options))
        return visits[-1]

    yield make
    for each in visits:
        each.close()


@pytest.fixture
def page(visit: "Callable[..., Visit]") -> "Page":
    """The start page on a desktop with JavaScript."""
    return visit().open("/")
