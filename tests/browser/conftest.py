"""A visitor's browser before a server of the sample."""

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
    """``papers serve`` over data/sample.jsonl."""
    from chromium import PapersServer

    serving = PapersServer(sample_index, tmp_path_factory.mktemp("serve") / "log")
    yield serving
    serving.close()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium. A module's: playwright keeps an event loop in this thread, which other modules' tests do without."""
    from playwright.sync_api import sync_playwright

    from chromium import launch_chromium

    with sync_playwright() as playwright:
        chromium = launch_chromium(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: "Browser", server: "PapersServer") -> "Iterator[Callable[..., Visit]]":
    """Makes visitors; at the end of a test nothing they saw complained or asked another machine."""
    from chromium import Visit

    visitors: list[Visit] = []

    def visitor(**options: object) -> Visit:
        visitors.append(Visit(browser, server, **options))
        return visitors[-1]

    yield visitor
    for each in visitors:
        each.close()


@pytest.fixture
def page(visit: "Callable[..., Visit]") -> "Page":
    """The start page before a visitor with JavaScript on a desktop."""
    return visit().open("/")
