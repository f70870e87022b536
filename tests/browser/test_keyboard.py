"""What JavaScript adds: shortcuts, suggestions, refining in place, and a dark mode that is remembered."""

import re
from collections.abc import Callable

import pytest

from chromium import DESKTOP, PHONE, Page, Visit, expect
from page_objects import expect_result, expect_titles, facet_links, result, results, search_box, submit_query, titles

QUESTION = "models for video and images"
KELIX = "Kelix Technique Report"


def has_focus(page: Page, row: int) -> bool:
    """Whether the focus is within this result."""
    return bool(results(page).nth(row).evaluate("article => article.contains(document.activeElement)"))


def test_shortcuts_move_through_the_results(page: Page) -> None:
    page.keyboard.press("/")
    expect(search_box(page)).to_be_focused()
    page.keyboard.type(QUESTION)
    assert page.url.endswith("/")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q="))
    page.locator("body").press("Escape")
    page.evaluate("document.activeElement.blur()")
    for key, row in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        assert has_focus(page, row), f"{key} leads to result {row + 1}"
    abstract = results(page).nth(1).locator("details").filter(has=page.locator("summary", has_text="Abstract"))
    expect(abstract).not_to_have_attribute("open", re.compile(".*"))
    page.keyboard.press("o")
    expect(abstract).to_have_attribute("open", "")
    chosen = titles(page)[1]
    page.keyboard.press("Enter")
    page.wait_for_url("**/paper/**")
    expect(search_box(page)).to_have_value(QUESTION)
    page.get_by_role("link", name="Back to results").click()
    page.wait_for_url(re.compile("q="))
    expect(results(page).nth(1)).to_have_class(re.compile("current"))
    page.keyboard.press("x")
    expect(results(page).nth(1).get_by_label("Select")).to_be_checked()
    page.keyboard.press("s")
    page.wait_for_url(re.compile("like="))
    assert chosen not in titles(page)
    page.go_back()
    page.keyboard.press("j")
    assert has_focus(page, 2), "the current paper is kept when the results are replaced in place"


def test_keyboard_help_opens_and_closes(page: Page) -> None:
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for key in ("/", "j", "k", "o", "s", "?"):
        expect(dialog.get_by_text(key, exact=True).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_shortcuts_do_not_fire_in_the_search_box(page: Page) -> None:
    search_box(page).click()
    page.keyboard.type("j/k?os")
    expect(search_box(page)).to_have_value("j/k?os")
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize(("typed", "suggestion", "inserted"), [
    ("video boyang di", "Boyang Ding", 'video au:"Boyang Ding"'),
    ("video au:boy", "Boyang Ding", 'video au:"Boyang Ding"'),
    ("video computer vis", "cs.CV", "video cat:cs.CV"),
    ("video cs.cv", "cs.CV", "cat:cs.CV"),
])  # fmt: skip
def test_suggestions_are_selected_by_keyboard(page: Page, typed: str, suggestion: str, inserted: str) -> None:
    search_box(page).click()
    page.keyboard.type(typed, delay=15)
    option = page.get_by_role("listbox").get_by_role("option").filter(has_text=suggestion)
    expect(option).to_be_visible()
    for _ in range(8):
        page.keyboard.press("ArrowDown")
        if option.get_attribute("aria-selected") == "true":
            break
    assert search_box(page).get_attribute("aria-activedescendant") == option.get_attribute("id")
    page.keyboard.press("Enter")
    expect(search_box(page)).to_have_value(re.compile(re.escape(inserted)))
    expect(page.get_by_role("listbox")).to_be_hidden()
    assert page.url.endswith("/")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q="))
    expect_result(page, KELIX)


def test_topics_are_suggested_before_people(page: Page) -> None:
    search_box(page).click()
    options = page.get_by_role("listbox").get_by_role("option")
    page.keyboard.type("ma", delay=15)
    expect(options.first).to_contain_text(re.compile("^category .* papers?$"))
    expect(options.filter(has_text=re.compile("^author"))).to_have_count(0)
    search_box(page).fill("")
    page.keyboard.type("Ma", delay=15)
    expect(options.last).to_contain_text(re.compile("^author .* papers?$"))
    expect(options.first).to_contain_text(re.compile("^category"))


def test_more_and_less_like_this_refine_in_place(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    page = visitor.open("/")
    submit_query(page, QUESTION)
    before = titles(page)
    page.evaluate("window.isSamePage = true")
    result(page, KELIX).get_by_role("link", name="More like this").click()
    page.wait_for_url(re.compile("[?&]like="))
    expect(result(page, KELIX)).to_have_count(0)
    disliked = titles(page)[0]
    result(page, disliked).get_by_role("link", name="Less like this").click()
    page.wait_for_url(re.compile("[?&]unlike="))
    expect(result(page, disliked)).to_have_count(0)
    assert page.evaluate("window.isSamePage"), "the page must not be reloaded"
    refined = titles(page)
    assert refined != before
    assert titles(visit().open(page.url)) == refined
    page.go_back()
    page.go_back()
    expect_titles(page, before)


def test_an_abstract_opens_in_place(page: Page) -> None:
    submit_query(page, QUESTION)
    found = result(page, KELIX)
    expect(found.get_by_text("according to its authors")).to_be_hidden()
    url = page.url
    found.locator("summary", has_text="Abstract").click()
    expect(found.get_by_text("according to its authors")).to_be_visible()
    assert page.url == url


def background_lightness(page: Page) -> int:
    """Returns the lightness of the page's background, 0 to 255."""
    colours = page.evaluate(
        "[document.body, document.documentElement].map(each => getComputedStyle(each).backgroundColor).join(' ')"
    )
    solid = [each for each in re.findall(r"rgba?\(([^)]+)\)", colours) if not each.endswith(", 0")]
    assert solid, f"no opaque background among {colours}"
    return max(int(float(part)) for part in solid[0].split(",")[:3])


def test_dark_mode_follows_the_system_until_chosen(visit: Callable[..., Visit]) -> None:
    assert background_lightness(visit(color_scheme="dark").open("/")) < 70
    page = visit(color_scheme="light").open("/")
    assert background_lightness(page) > 200
    toggle = page.get_by_role("button", name=re.compile("dark|theme|mode", re.IGNORECASE))
    for _ in range(3):
        toggle.click()
        if background_lightness(page) < 70:
            break
    assert background_lightness(page) < 70
    page.reload()
    assert background_lightness(page) < 70
    submit_query(page, QUESTION)
    assert background_lightness(page) < 70


@pytest.mark.parametrize("path", [
    "/", "/?q=models for video and images", "/?author=Guorui Zhou&category=cs&from=2024&to=2026&like=arxiv:2602.09843",
    "/paper/arxiv:2509.01563", "/author?name=Guorui Zhou", "/?q=zebrafish embryo heart surgery", "/help",
])  # fmt: skip
def test_a_phone_never_scrolls_sideways(visit: Callable[..., Visit], path: str) -> None:
    page = visit(viewport=PHONE, has_touch=True, is_mobile=True).open(path)
    widths = "[document.documentElement.scrollWidth, innerWidth]"
    content, window = page.evaluate(widths)
    assert window == PHONE["width"]
    assert content <= window
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    content, window = page.evaluate(widths)
    assert content <= window, "with everything open"


def test_menus_cover_nothing_and_close_with_escape(visit: Callable[..., Visit]) -> None:
    page = visit().open(f"/?q={QUESTION}")
    follow, export = (page.locator("details.menu", has_text=name).first for name in ("Follow", "Export"))
    for viewport in (DESKTOP, PHONE):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        follow.locator("summary").click()
        follow.get_by_label("Name").focus()
        export.locator("summary").click()
        expect(follow.get_by_label("Name")).to_be_hidden()
        links = export.get_by_role("link")
        covered = [results(page).first, *([facet_links(page)] if viewport == DESKTOP else [])]
        for place in covered:
            shape = place.bounding_box()
            assert shape
            for link in (links.first.bounding_box(), links.last.bounding_box()):
                assert link
                assert link["y"] + link["height"] <= shape["y"] or link["x"] >= shape["x"] + shape["width"]
        page.keyboard.press("Escape")
        expect(links.first).to_be_hidden()
        expect(export.locator("summary")).to_be_focused()


def test_points_of_a_chart_show_their_values(visit: Callable[..., Visit]) -> None:
    page = visit().open("/trends?q=attention&q=recommendation&per=year")
    points, tip = page.locator(".trend-chart.wide a"), page.locator(".chart-tip")
    points.last.hover()
    expect(tip).to_have_text(re.compile(r"^recommendation, \d{4}.*: \d.* papers? of "))
    page.locator(".trend-chart.wide a[tabindex='0']").focus()
    first = tip.inner_text()
    page.keyboard.press("ArrowDown")
    expect(tip).to_have_text(re.compile("^recommendation, "))
    assert points.locator("xpath=self::*[@tabindex='0']").count() == 1
    page.keyboard.press("ArrowUp")
    expect(tip).to_have_text(first)
