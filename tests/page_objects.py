"""The parts of the search page, found by role and name as a user or a screen reader finds them."""

import re

from chromium import Locator, Page, expect


def search_box(page: Page) -> Locator:
    """Returns the search box; with JavaScript it is a combobox."""
    return page.get_by_label("Search papers", exact=True).and_(page.locator("input, textarea"))


def submit_query(page: Page, query: str) -> None:
    """Enters a query and submits it."""
    search_box(page).fill(query)
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url(re.compile(r"[?&]q="))


def results(page: Page) -> Locator:
    """Returns the results."""
    return page.get_by_role("list", name="Papers").get_by_role("article")


def titles(page: Page) -> list[str]:
    """Returns the titles of the results, best first."""
    return results(page).get_by_role("heading").all_inner_texts()


def expect_titles(page: Page, expected: list[str]) -> None:
    """Waits until the results have these titles; neither the URL nor the page has to change."""
    expect(results(page).get_by_role("heading")).to_have_text(expected)


def result(page: Page, title: str) -> Locator:
    """Returns the result with this title."""
    return results(page).filter(has=page.get_by_role("heading", name=title))


def query_chips(page: Page) -> Locator:
    """Returns the parts of the query, each with a link that removes it."""
    return page.get_by_role("list", name="Parts of the query").get_by_role("listitem")


def facet_links(page: Page) -> Locator:
    """Returns the facets, whose values filter the results."""
    return page.get_by_role("navigation", name="Filters")


def open_disclosure(page: Page, summary: str) -> Locator:
    """Opens and returns the disclosure with this summary."""
    disclosure = page.locator("details").filter(has=page.locator("summary", has_text=re.compile(f"^\\s*{summary}")))
    if disclosure.get_attribute("open") is None:
        disclosure.locator("summary").click()
    return disclosure


def expect_result(page: Page, title: str) -> None:
    """Waits until the result with this title is visible."""
    expect(result(page, title)).to_be_visible()
