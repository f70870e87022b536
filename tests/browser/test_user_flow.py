"""A user searches, filters, opens similar papers, exports them and goes back."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import bibtexparser
import pytest

from chromium import Page, Visit, expect
from page_objects import (
    expect_result,
    expect_titles,
    facet_links,
    open_disclosure,
    query_chips,
    result,
    results,
    submit_query,
    titles,
)

QUESTION = "models that understand images and video"
KELIX = "Kelix Technique Report"


def url_parameters(page: Page) -> dict[str, list[str]]:
    """Returns the parameters of the page's URL."""
    return parse_qs(urlsplit(page.url).query)


def exported_titles(page: Page, file: Path) -> set[str]:
    """Exports the results as BibTeX to a file, and returns the titles in it."""
    with page.expect_download() as download:
        open_disclosure(page, "Export").get_by_role("link", name="BibTeX", exact=True).click()
    download.value.save_as(file)
    entries = bibtexparser.parse_file(str(file)).entries
    return {entry["title"].replace("{", "").replace("}", "") for entry in entries}


def test_from_query_to_exported_papers(visit: Callable[..., Visit], tmp_path: Path) -> None:
    page = visit().open("/")
    submit_query(page, QUESTION)
    expect_result(page, KELIX)
    assert results(page).count() == 10

    facet_links(page).get_by_role("link", name=re.compile("^Guorui Zhou")).click()
    page.wait_for_url(re.compile("author="))
    assert url_parameters(page)["author"] == ["Guorui Zhou"]
    expect(facet_links(page).get_by_role("link", name=re.compile("^Guorui Zhou"))).to_have_attribute(
        "aria-current", "true"
    )
    expect(results(page)).to_have_count(7)
    unfiltered_url = page.url

    page.get_by_label("From", exact=True).fill("2026")
    page.get_by_label("To", exact=True).fill("2026")
    page.get_by_label("To", exact=True).press("Enter")
    page.wait_for_url(re.compile("from=2026"))
    expect_result(page, KELIX)
    filtered, url = titles(page), page.url
    assert 0 < len(filtered) < 7

    other = visit().open(url)
    assert titles(other) == filtered
    assert other.get_by_label("Search papers", exact=True).first.input_value() == QUESTION

    page.go_back()
    page.wait_for_url(unfiltered_url)
    expect(results(page)).to_have_count(7)
    page.go_forward()
    page.wait_for_url(url)
    expect_titles(page, filtered)

    assert exported_titles(page, tmp_path / "papers.bib") == set(filtered)

    result(page, KELIX).get_by_role("link", name="Similar", exact=True).click()
    page.wait_for_url(re.compile("like="))
    assert url_parameters(page)["like"] == ["arxiv:2602.09843"]
    assert KELIX not in titles(page)
    assert results(page).count() == 10


def test_clicking_a_year_selects_it_in_place(page: Page) -> None:
    submit_query(page, QUESTION)
    page.evaluate("window.loaded = 1")
    facet_links(page).get_by_role("link", name=re.compile("^2026")).click()
    page.wait_for_url(re.compile("from=2026"))
    expect(page.get_by_label("From", exact=True)).to_have_value("2026")
    expect_result(page, KELIX)
    assert page.evaluate("window.loaded") == 1


def test_removing_a_chip(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=au:zhou attention&category=cs.CL&from=2026")
    assert query_chips(page).count() >= 3
    before = results(page).count()
    query_chips(page).get_by_role("link", name=re.compile("^Remove .*2026")).click()
    expect(page).not_to_have_url(re.compile("from="))
    query_chips(page).get_by_role("link", name=re.compile("^Remove .*(cs.CL|Computation and Language)")).click()
    expect(page).not_to_have_url(re.compile("category="))
    query_chips(page).get_by_role("link", name=re.compile("^Remove .*zhou", re.IGNORECASE)).click()
    expect(page).not_to_have_url(re.compile("zhou"))
    assert url_parameters(page)["q"] == ["attention"]
    assert results(page).count() >= before


def test_themes_load_after_the_page_and_narrow_in_place(visit: Callable[..., Visit]) -> None:
    page = visit().open("/themes?category=cs.IR")  # imports what finds them, which takes seconds on a busy machine
    page.goto(page.url.replace("/themes?category=cs.IR", "/?from=2000"))
    themes = page.locator("section.themes")
    theme = themes.get_by_role("link").filter(has_not_text="Show themes").first
    label, papers = (theme.locator("span").nth(number).inner_text() for number in (0, 1))
    theme.click()
    page.wait_for_url(re.compile("theme="))
    expect(page.get_by_role("status").first).to_contain_text(papers)
    expect(themes.locator("[aria-current]")).to_contain_text(label)
    page.get_by_label("Sort").select_option("newest")
    page.wait_for_url(re.compile("sort=newest"))
    assert url_parameters(page)["theme"] == [label]
    submit_query(page, QUESTION)
    page.wait_for_url(re.compile("q="))
    assert "theme" not in url_parameters(page)


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_results_can_be_sorted_by_date(visit: Callable[..., Visit], order: str) -> None:
    page = visit().open("/?author=Guorui Zhou")
    page.get_by_label("Sort").select_option(order)
    page.wait_for_url(re.compile(f"sort={order}"))
    days = [each.get_attribute("datetime") or "" for each in results(page).locator("time:first-of-type").all()]
    assert len(days) >= 7
    firsts = [results(page).nth(row).locator("time").first.get_attribute("datetime") or "" for row in range(7)]
    assert firsts == sorted(firsts, reverse=order == "newest")


def test_accepting_an_offer_refines_in_place(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=latest KV cache 2026")
    page.evaluate("window.loaded = 1")
    page.get_by_role("list", name="Add a filter").get_by_role("link", name="Newest first").click()
    page.wait_for_url(re.compile("sort=newest"))
    expect(page.get_by_label("Sort")).to_have_value("newest")
    expect(page.get_by_role("link", name="Newest first")).to_have_count(0)
    assert page.evaluate("window.loaded") == 1


def test_paging(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=recommendation")
    first = titles(page)
    page.get_by_role("link", name="Next", exact=True).click()
    page.wait_for_url(re.compile("page=2"))
    second = titles(page)
    assert len(first) == len(second) == 10
    assert not set(first) & set(second)
    page.go_back()
    expect(page).not_to_have_url(re.compile("page=2"))
    expect_titles(page, first)


def test_author_and_paper_pages(page: Page) -> None:
    submit_query(page, QUESTION)
    result(page, KELIX).get_by_role("link", name="Boyang Ding", exact=True).click()
    page.wait_for_url(re.compile("/author"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Boyang Ding")
    page.get_by_role("link", name=KELIX).click()
    page.wait_for_url(re.compile("/paper/arxiv"))
    expect(page.get_by_role("heading", level=1)).to_have_text(KELIX)
    expect(page.locator("mark", has_text="closes the gap in understanding")).to_be_visible()


def test_bibtex_is_copied_with_one_click(visit: Callable[..., Visit]) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"]).open("/paper/arxiv:2604.24432")
    page.get_by_role("button", name="Copy BibTeX").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    (entry,) = bibtexparser.parse_string(page.evaluate("navigator.clipboard.readText()")).entries
    assert entry["eprint"] == "2604.24432"
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject())")
    page.get_by_role("button", name="Copy BibTeX").click()
    expect(page.get_by_role("status").filter(has_text="Selected")).to_be_visible()
    assert page.evaluate("getSelection().toString()").strip().startswith("@")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/?q=zebrafish embryo heart surgery", 200, "No close match"),
        ("/?q=attention&from=1901&to=1902", 200, "No papers match"),
        ("/?q=attention&category=cs.LX", 422, "did you mean"),
        ("/?q=attention&from=2026-02-30", 422, "“2026-02-30” is not a valid start date"),
        ("/paper/arxiv:2499.99999", 404, "2499.99999"),
    ],
)
def test_problems_are_explained(visit: Callable[..., Visit], path: str, status: int, message: str) -> None:
    page = visit().open(path, status)
    role = "status" if status == 200 else "alert"
    expect(page.get_by_role(role).filter(has_text=message)).to_be_visible()
    if path.startswith("/?"):
        expect(page.get_by_label("Search papers", exact=True).first).to_have_value(path[4:].partition("&")[0])


def test_the_choice_of_detail_is_remembered(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=recommendation&page=2")
    page.get_by_role("link", name="Abstracts", exact=True).click()
    expect(page.get_by_role("link", name="Abstracts", exact=True)).to_have_attribute("aria-current", "true")
    expect(results(page).first.locator("details.abstract p")).to_be_visible()
    assert url_parameters(page) == {"q": ["recommendation"], "page": ["2"]}
    submit_query(page, "attention")
    expect(results(page).first.locator("details.abstract p")).to_be_visible()
    page.get_by_role("link", name="Titles", exact=True).click()
    footer = results(page).first.locator(".footer")
    expect(footer).to_be_hidden()
    page.keyboard.press("j")
    expect(footer).to_be_visible()
