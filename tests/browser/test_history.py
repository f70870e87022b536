"""Recent searches: kept in the browser alone, offered in the empty box and on the start page, removable, and off."""

from collections.abc import Callable

from chromium import Page, Visit, expect
from page_objects import search_box, submit_query


def recent(page: Page) -> list[str]:
    """The recent searches on the start page."""
    return page.get_by_role("region", name="Recent searches").get_by_role("link").all_inner_texts()


def test_the_browser_stores_and_offers_recent_searches(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    page = visitor.open("/")
    assert recent(page) == []
    submit_query(page, "kv cache")
    page.get_by_label("Sort").select_option("newest")  # in place
    page.wait_for_url("**sort=newest**")
    visitor.open("/?q=attention&category=cs.CL&page=2")
    visitor.open("/?q=attention&category=cs.CL")
    visitor.open("/?q=date:2026-13", 422)
    visitor.open("/?sort=newest")
    page = visitor.open("/")
    first, *others = recent(page)
    assert first.removeprefix("“").startswith("attention")
    assert len(others) == 2
    assert others[1] == "kv cache"

    box = search_box(page)
    box.click()
    options = page.get_by_role("listbox").get_by_role("option")
    expect(options).to_have_count(3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    expect(options).to_have_count(2)
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=kv+cache")
    assert not [url for url in visitor.requests if "searches" in url]

    page = visitor.open("/")
    assert len(recent(page)) == 2
    page.get_by_role("button", name="Remove from the recent searches: kv cache").click()
    assert len(recent(page)) == 1
    page.get_by_role("button", name="Clear the recent searches").click()
    assert recent(page) == []
    page.get_by_role("button", name="Turn off recent searches").click()
    submit_query(page, "kv cache")
    page = visitor.open("/")
    assert recent(page) == []
    search_box(page).click()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.get_by_role("button", name="Keep recent searches").click()
    submit_query(page, "kv cache")
    assert recent(visitor.open("/")) == ["kv cache"]


def test_without_javascript_there_is_no_list(visit: Callable[..., Visit]) -> None:
    page = visit(java_script_enabled=False).open("/")
    expect(page.get_by_text("Recent searches")).to_be_hidden()
