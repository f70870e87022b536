"""Accessibility: axe finds no serious violation on any page, light or dark, and the keyboard reaches everything."""

import re
from collections.abc import Callable

import pytest

from chromium import PHONE, Visit, accessibility_violations, expect
from page_objects import results, search_box

PAGES = {
    "start": ("/", 200),
    "results": ("/?q=models for video and images", 200),
    "narrowed": ("/?q=attention&author=Guorui Zhou&category=cs&from=2024&like=arxiv:2602.09843", 200),
    "offers": ("/?q=latest KV cache 2026", 200),
    "corrected": ("/?q=compresion", 200),
    "paper": ("/paper/arxiv:2604.24432", 200),
    "author": ("/author?name=Guorui Zhou", 200),
    "themes": ("/themes?category=cs", 200),
    "people": ("/people?q=attention&category=cs", 200),
    "trends": ("/trends?q=attention&q=recommendation cat:cs.IR&per=year", 200),
    "map": ("/map?q=models for video and images", 200),
    "help": ("/help", 200),
    "API": ("/docs", 200),
    "error": ("/?q=attention&from=2026-02-30", 422),
    "not found": ("/paper/arxiv:2499.99999", 404),
    "nothing close": ("/?q=zebrafish embryo heart surgery", 200),
    "nothing": ("/?q=attention&from=1901&to=1902", 200),
    "titles": ("/?q=attention&page=2&show=titles", 200),
}


@pytest.mark.parametrize("name", PAGES)
def test_no_serious_violations(visit: Callable[..., Visit], name: str) -> None:
    path, status = PAGES[name]
    page = visit(color_scheme="light").open(path, status)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert accessibility_violations(page) == [], "light"
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert accessibility_violations(page, "color-contrast", "link-in-text-block") == [], "dark"


def test_no_serious_violations_on_a_phone(visit: Callable[..., Visit]) -> None:
    page = visit(viewport=PHONE, is_mobile=True, has_touch=True).open("/?q=models for video and images")
    assert accessibility_violations(page) == []


def test_keyboard_dialog_is_accessible(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=models for video and images")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert accessibility_violations(page) == []


def test_tab_goes_from_the_skip_link_to_the_results(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=models for video and images")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    expect(skip).to_have_text(re.compile("skip", re.IGNORECASE))
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(results(page).first.get_by_label("Select")).to_be_focused()
    outlined = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outlined != "none", "the focus must be visible"


def test_result_count_is_announced(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=models for video and images")
    expect(page.get_by_role("status").first).to_contain_text(re.compile(r"\d"))
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("main").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    assert search_box(page).count() == 1
