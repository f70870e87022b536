"""The page works without JavaScript: searching, filtering, paging and opening papers."""

import re
from collections.abc import Callable

import pytest

from chromium import Page, Visit, expect
from page_objects import expect_result, facet_links, open_disclosure, query_chips, result, results, submit_query, titles

QUESTION = "models that understand images and video"
KELIX = "Kelix Technique Report"


@pytest.fixture
def page(visit: Callable[..., Visit]) -> Page:
    """The start page without JavaScript."""
    return visit(java_script_enabled=False).open("/")


def test_searching_and_filtering(page: Page) -> None:
    submit_query(page, QUESTION)
    expect_result(page, KELIX)
    facet_links(page).get_by_role("link", name=re.compile("^Guorui Zhou")).click()
    expect(results(page)).to_have_count(7)
    page.get_by_label("From", exact=True).fill("2026")
    page.get_by_label("From", exact=True).press("Enter")
    page.wait_for_url(re.compile("from=2026"))
    expect_result(page, KELIX)
    filtered = titles(page)
    assert len(filtered) < 7
    expect(page.get_by_role("status").first).to_contain_text(re.compile(rf"\b{len(filtered)}\b"))
    facet_links(page).get_by_role("link", name=re.compile("^Guorui Zhou")).click()
    expect(page).not_to_have_url(re.compile("author="))
    query_chips(page).get_by_role("link", name=re.compile("^Remove .*2026")).click()
    expect(page).not_to_have_url(re.compile("from=2026"))


def test_paging_and_sorting(page: Page) -> None:
    submit_query(page, "recommendation")
    first = titles(page)
    page.get_by_role("link", name="Next", exact=True).click()
    page.wait_for_url(re.compile("page=2"))
    assert not set(first) & set(titles(page))
    page.get_by_label("Sort").select_option("newest")
    page.get_by_role("button", name="Apply options").click()
    page.wait_for_url(re.compile("sort=newest"))
    assert results(page).count() > 0


def test_refining_and_opening(page: Page) -> None:
    submit_query(page, QUESTION)
    found = result(page, KELIX)
    found.locator("summary", has_text="Abstract").click()
    expect(found.get_by_text("according to its authors")).to_be_visible()
    found.get_by_role("link", name="More like this").click()
    page.wait_for_url(re.compile("[?&]like="))
    assert KELIX not in titles(page)
    assert open_disclosure(page, "Export").get_by_role("link").count() == 7
    results(page).first.get_by_role("heading").get_by_role("link").click()
    page.wait_for_url(re.compile("/paper/"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_accepting_an_offer_and_going_back_to_the_text_as_typed(page: Page) -> None:
    submit_query(page, "KV cache 2026")
    page.get_by_role("list", name="Add a filter").get_by_role("link", name="Published in 2026").click()
    page.wait_for_url(re.compile("year"))
    expect(query_chips(page)).to_have_count(2)
    submit_query(page, "compresion")
    expect(page.get_by_text("Showing results for")).to_contain_text("compression")
    page.get_by_role("link", name="compresion").click()
    page.wait_for_url(re.compile("verbatim=true"))
    expect(page.get_by_text("Did you mean")).to_be_visible()
    submit_query(page, "attention")
    expect(page).not_to_have_url(re.compile("verbatim"))
