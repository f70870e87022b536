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
    assert first.startswith("“attention”")
    assert len(others) == 1
    assert others[0].startswith("“kv cache”")
    visitor.open("/?q=KV%20+Cache")  # in place of the same query in another order
    assert recent(visitor.open("/")) == ["KV Cache", first]
    visitor.open("/?q=kv+cache&from=2020")
    visitor.open("/?q=kv+cache")
    visitor.open("/?q=attention")
    page = visitor.open("/")
    assert recent(page) == ["attention", "kv cache"]

    box = search_box(page)
    box.click()
    options = page.get_by_role("listbox").get_by_role("option")
    expect(options).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    expect(options).to_have_count(1)
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=attention")
    assert not [url for url in visitor.requests if "searches" in url]

    for words in ("one", "two", "three", "four", "kv+cache"):
        visitor.open(f"/?q={words}")
    page = visitor.open("/")
    assert recent(page) == ["kv cache", "four", "three", "two", "one"]  # and not attention, the sixth
    page.get_by_role("button", name="Remove from the recent searches: kv cache").click()
    assert recent(page) == ["four", "three", "two", "one", "attention"]
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
