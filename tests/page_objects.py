"""Seen: the parts of the search page as a person or a screen reader finds them, by role and name."""

import re

from chromium import Locator, Page, expect


def search_box(page: Page) -> Locator:
    """Where one asks; with JavaScript it is a combobox."""
    return page.get_by_label("Search papers", exact=True).and_(page.locator("input, textarea"))


def submit_query(page: Page, query: str) -> None:
    """Types a question and sends it."""
    search_box(page).fill(query)
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url(re.compile(r"[?&]q="))


def results(page: Page) -> Locator:
    """The results."""
    return page.get_by_role("list", name="Papers").get_by_role("article")


def titles(page: Page) -> list[str]:
    """Their titles, best first."""
    return results(page).get_by_role("heading").all_inner_texts()


def expect_titles(page: Page, expected: list[str]) -> None:
    """The results become these, without the address or the page having to change."""
    expect(results(page).get_by_role("heading")).to_have_text(expected)


def result(page: Page, title: str) -> Locator:
    """The result with this title."""
    return results(page).filter(has=page.get_by_role("heading", name=title))


def query_chips(page: Page) -> Locator:
    """What is asked, each with a link that removes it."""
    return page.get_by_role("list", name="What is asked").get_by_role("listitem")


def facet_links(page: Page) -> Locator:
    """The values that narrow down."""
    return page.get_by_role("navigation", name="Narrow down")


def open_disclosure(page: Page, summary: str) -> Locator:
    """A disclosure of this name, opened."""
    found = page.locator("details").filter(has=page.locator("summary", has_text=re.compile(f"^\\s*{summary}")))
    if found.get_attribute("open") is None:
        found.locator("summary").click()
    return found


def expect_result(page: Page, title: str) -> None:
    """The result is there."""
    expect(result(page, title)).to_be_visible()
