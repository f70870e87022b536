"""A user finds a paper from a plain question, narrows down, follows what is similar, takes it along and comes back."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import bibtexparser
import pytest

from chromium import Page, Visit, expect
from seen import ask, chips, facets, opened, paper, papers, shows, shows_again, titles

QUESTION = "models for video and images"
KELIX = "Kelix Technique Report"


def asked(page: Page) -> dict[str, list[str]]:
    """The parameters of the address."""
    return parse_qs(urlsplit(page.url).query)


def test_from_a_plain_question_to_a_paper_taken_along(visit: Callable[..., Visit], tmp_path: Path) -> None:
    page = visit().open("/")
    ask(page, QUESTION)
    shows(page, KELIX)
    assert papers(page).count() == 10

    facets(page).get_by_role("link", name=re.compile("^Guorui Zhou")).click()
    page.wait_for_url(re.compile("author="))
    assert asked(page)["author"] == ["Guorui Zhou"]
    expect(facets(page).get_by_role("link", name=re.compile("^Guorui Zhou"))).to_have_attribute("aria-current", "true")
    expect(papers(page)).to_have_count(7)
    everything = page.url

    page.get_by_label("From", exact=True).fill("2026")
    page.get_by_label("To", exact=True).fill("2026")
    page.get_by_label("To", exact=True).press("Enter")
    page.wait_for_url(re.compile("from=2026"))
    shows(page, KELIX)
    narrowed, address = titles(page), page.url
    assert 0 < len(narrowed) < 7

    elsewhere = visit().open(address)
    assert titles(elsewhere) == narrowed
    assert elsewhere.get_by_label("Search papers", exact=True).first.input_value() == QUESTION

    page.go_back()
    page.wait_for_url(everything)
    expect(papers(page)).to_have_count(7)
    page.go_forward()
    page.wait_for_url(address)
    shows_again(page, narrowed)

    with page.expect_download() as download:
        opened(page, "Export").get_by_role("link", name="BibTeX", exact=True).click()
    file = tmp_path / "papers.bib"
    download.value.save_as(file)
    entries = bibtexparser.parse_file(str(file)).entries
    assert {entry["title"].replace("{", "").replace("}", "") for entry in entries} == set(narrowed)

    paper(page, KELIX).get_by_role("link", name="Similar", exact=True).click()
    page.wait_for_url(re.compile("like="))
    assert asked(page)["like"] == ["arxiv:2602.09843"]
    assert KELIX not in titles(page)
    assert papers(page).count() == 10


def test_the_histogram_narrows_by_dragging(page: Page) -> None:
    ask(page, QUESTION)
    bars = page.locator("svg").filter(has=page.locator("title", has_text=re.compile("^2026")))
    frame, year = bars.bounding_box(), bars.locator("rect", has_text=re.compile("^2026")).bounding_box()
    assert frame
    assert year
    across, middle = year["x"] + year["width"] / 2, frame["y"] + frame["height"] / 2
    page.mouse.move(across - 2, middle)
    page.mouse.down()
    page.mouse.move(across + 1, middle, steps=3)
    page.mouse.up()
    page.wait_for_url(re.compile("from=2026"))
    expect(page.get_by_label("From", exact=True)).to_have_value("2026")
    shows(page, KELIX)


def test_a_chip_is_taken_away(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=au:zhou attention&category=cs.CL&from=2026")
    assert chips(page).count() >= 3
    before = papers(page).count()
    chips(page).get_by_role("link", name=re.compile("^Remove .*2026")).click()
    expect(page).not_to_have_url(re.compile("from="))
    chips(page).get_by_role("link", name=re.compile("^Remove .*(cs.CL|Computation and Language)")).click()
    expect(page).not_to_have_url(re.compile("category="))
    chips(page).get_by_role("link", name=re.compile("^Remove .*zhou", re.IGNORECASE)).click()
    expect(page).not_to_have_url(re.compile("zhou"))
    assert asked(page)["q"] == ["attention"]
    assert papers(page).count() >= before


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_the_order_is_chosen(visit: Callable[..., Visit], order: str) -> None:
    page = visit().open("/?author=Guorui Zhou")
    page.get_by_label("Sort").select_option(order)
    page.wait_for_url(re.compile(f"sort={order}"))
    days = [each.get_attribute("datetime") or "" for each in papers(page).locator("time:first-of-type").all()]
    assert len(days) >= 7
    firsts = [papers(page).nth(row).locator("time").first.get_attribute("datetime") or "" for row in range(7)]
    assert firsts == sorted(firsts, reverse=order == "newest")


def test_pages_follow_one_another(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=recommendation")
    first = titles(page)
    page.get_by_role("link", name="Next page").click()
    page.wait_for_url(re.compile("cursor="))
    second = titles(page)
    assert len(first) == len(second) == 10
    assert not set(first) & set(second)
    page.go_back()
    expect(page).not_to_have_url(re.compile("cursor="))
    shows_again(page, first)


def test_an_author_and_a_paper_have_pages(page: Page) -> None:
    ask(page, QUESTION)
    paper(page, KELIX).get_by_role("link", name="Boyang Ding", exact=True).click()
    page.wait_for_url(re.compile("/author"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Boyang Ding")
    page.get_by_role("link", name=KELIX).click()
    page.wait_for_url(re.compile("/paper/arxiv"))
    expect(page.get_by_role("heading", level=1)).to_have_text(KELIX)
    expect(page.get_by_text("closes the gap in understanding")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/?q=zebrafish embryo heart surgery", 200, "Nothing here is close"),
        ("/?q=attention&from=1901&to=1902", 200, "No paper passes"),
        ("/?q=attention&category=cs.LX", 422, "did you mean"),
        ("/?q=attention&from=2026-02-30", 422, "a date that exists"),
        ("/paper/arxiv:2499.99999", 404, "2499.99999"),
    ],
)
def test_what_does_not_work_is_said(visit: Callable[..., Visit], path: str, status: int, said: str) -> None:
    page = visit().open(path, status)
    role = "status" if status == 200 else "alert"
    expect(page.get_by_role(role).filter(has_text=said)).to_be_visible()
    if path.startswith("/?"):
        expect(page.get_by_label("Search papers", exact=True).first).to_have_value(path[4:].partition("&")[0])
