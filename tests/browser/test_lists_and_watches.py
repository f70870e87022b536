"""A user stars, lists, exports and follows, with and without JavaScript, and each browser sees its own lists."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import bibtexparser
import pytest

from chromium import DESKTOP, PHONE, Page, PapersServer, Visit, accessibility_violations, expect
from indexer.build import index
from page_objects import open_disclosure, result, results, submit_query, titles
from search.embedding.embedder import Embedder

TOPICS = ("key-value cache compression", "graph neural networks", "speech recognition", "protein folding")
FIRST, SECOND = f"A study of {TOPICS[0]}", f"A study of {TOPICS[1]}"
scripting = pytest.mark.parametrize("scripted", [True, False], ids=["scripted", "unscripted"])
"""Runs a test with and without JavaScript."""


class GrowingLibrary:
    """An index that grows while it is served.

    Args:
        folder: where it is.
        embedder: the default model.
    """

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self.folder, self._embedder, self._papers = folder, embedder, 0
        self.add(*TOPICS)

    def add(self, *topics: str) -> None:
        """Imports a paper on each topic."""
        source = self.folder / "papers.jsonl"
        records = [
            {
                "id": f"2401.{self._papers + number:05}",
                "title": f"A study of {topic}",
                "abstract": f"We study {topic} and compare methods for {topic} on several data sets.",
                "authors": ["Ada Byron"],
                "categories": ["cs.LG"],
                "published": "2024-01-02",
            }
            for number, topic in enumerate(topics)
        ]
        self._papers += len(topics)
        source.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
        index([source], self.folder / "index", self._embedder)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> GrowingLibrary:
    return GrowingLibrary(tmp_path_factory.mktemp("growing"), embedder)


@pytest.fixture(scope="module")
def server(library: GrowingLibrary) -> Iterator[PapersServer]:
    """Serves the growing library."""
    papers_server = PapersServer(library.folder / "index", library.folder / "log")
    yield papers_server
    papers_server.close()


@pytest.fixture
def open_own(visit: Callable[..., Visit]) -> Callable[..., Page]:
    """Opens the start page in a browser with a profile of its own."""

    def open_(*, scripted: bool = True, **options: object) -> Page:
        page = visit(java_script_enabled=scripted, **options).open("/profile")
        page.get_by_label("Name of the profile").fill("Anna")
        page.get_by_role("button", name="Create profile").click()
        expect(page.get_by_role("status").first).to_have_text("Name saved.")
        page.goto("/")
        return page

    return open_


def star(page: Page, title: str) -> None:
    """Presses the star of a result."""
    result(page, title).get_by_role("button", name="Star").click()


def expect_listed(page: Page, name: str, expected: list[str]) -> None:
    """Opens a list, and waits until it has these papers."""
    page.get_by_role("link", name="Lists", exact=True).click()
    page.get_by_role("main").get_by_role("link", name=name, exact=True).click()
    expect(results(page).get_by_role("heading")).to_have_text(expected)


@scripting
def test_starring_listing_noting_and_exporting(open_own: Callable[..., Page], tmp_path: Path, scripted: bool) -> None:
    page = open_own(scripted=scripted)
    submit_query(page, TOPICS[0])
    address = page.url
    star(page, FIRST)
    expect(result(page, FIRST).get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    assert page.url.partition("#")[0] == address
    result(page, FIRST).get_by_role("button", name="Add to list").click()
    page.get_by_label("Name of the new list").fill("thesis")
    page.get_by_role("button", name="Create and add").click()
    expect(result(page, FIRST).get_by_text("on thesis")).to_be_visible()
    assert page.url.partition("#")[0] == address

    result(page, FIRST).get_by_role("link", name=FIRST).click()
    page.wait_for_url(re.compile("/paper/"))
    open_disclosure(page, "Add a note on thesis").get_by_label("Note on thesis").fill("compare with chapter 3")
    page.locator("details[open]").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Note on thesis: compare with chapter 3")).to_be_visible()
    expect(page.get_by_role("button", name="Star").first).to_have_attribute("aria-pressed", "true")

    expect_listed(page, "starred", [FIRST])
    expect_listed(page, "thesis", [FIRST])
    expect(results(page).get_by_text("Note: compare with chapter 3")).to_be_visible()
    with page.expect_download() as download:
        open_disclosure(page, "Export").get_by_role("link", name="BibTeX").click()
    download.value.save_as(tmp_path / "thesis.bib")
    assert len(bibtexparser.parse_file(str(tmp_path / "thesis.bib")).entries) == 1

    open_disclosure(page, "Import").get_by_label("Or pasted text").fill("2401.00001")
    page.get_by_role("button", name="Import").click()
    expect(results(page).get_by_role("heading")).to_have_text([SECOND, FIRST])
    result(page, FIRST).get_by_role("button", name="Remove from list").click()
    expect(results(page).get_by_role("heading")).to_have_text([SECOND])
    open_disclosure(page, "Rename").get_by_label("New name").fill("Thesis 2")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thesis 2")
    open_disclosure(page, "Delete").get_by_role("button", name="Delete list").click()
    expect(page.get_by_role("status").first).to_contain_text("deleted")


@scripting
def test_selecting_and_exporting(open_own: Callable[..., Page], tmp_path: Path, scripted: bool) -> None:
    page = open_own(scripted=scripted)
    submit_query(page, "study")
    bar = page.get_by_role("form", name="Selected papers")
    expect(bar).to_be_visible(visible=not scripted)
    for title in (FIRST, SECOND):
        result(page, title).get_by_label("Select").check()
    expect(bar).to_be_visible()
    if scripted:
        expect(bar).to_contain_text("2 selected")
    bar.get_by_label("Format of the download").select_option("RIS")
    with page.expect_download() as download:
        bar.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "papers.ris")
    exported = (tmp_path / "papers.ris").read_text("utf-8")
    assert exported.count("TY  - ") == 2
    assert FIRST in exported

    bar.get_by_role("button", name="Add to list").click()
    page.get_by_role("button", name="starred").click()
    for title in (FIRST, SECOND):
        expect(result(page, title).get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    page.goto("/recommend")
    expect(results(page).get_by_role("link", name=re.compile("^A study of (key|graph)")).first).to_be_visible()
    assert not {FIRST, SECOND} & set(titles(page))
    page.get_by_label("Added").select_option("in the last 7 days")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile("added_from=7d"))
    assert titles(page)
    page.go_back()
    page.go_back()
    for title in (FIRST, SECOND):
        box = result(page, title).get_by_label("Select")
        if scripted:
            expect(box).to_be_checked()
        box.check()
    bar.get_by_role("button", name="Similar").click()
    page.wait_for_url(re.compile("like=.*like="))
    assert not {FIRST, SECOND} & set(titles(page))


@scripting
def test_following_a_search(
    open_own: Callable[..., Page], visit: Callable[..., Visit], library: GrowingLibrary, scripted: bool
) -> None:
    page = open_own(scripted=scripted)
    submit_query(page, "cache eviction")
    menu = open_disclosure(page, "Follow")
    expect(menu.get_by_label("Name")).to_have_value("cache eviction")
    menu.get_by_role("button", name="Follow").click()
    expect(page.locator("summary.following")).to_be_visible()
    address = str(page.locator("#feed-address").get_attribute("href"))
    expect(page.locator("#feed-address")).to_be_visible()
    expect(page.get_by_role("button", name="Copy address")).to_be_visible(visible=scripted)
    assert "q=cache" in page.url

    topic = f"cache eviction by {'scripts' if scripted else 'forms'}"
    library.add(topic)
    watches = page.get_by_role("navigation", name="Site").get_by_role("link", name="Watches")
    for _ in range(50):  # the server opens a new generation with a request
        page.reload()
        if "new" in watches.inner_text():
            break
    expect(watches).to_have_text(re.compile(r"Watches\s+1 new"))
    watches.click()
    page.get_by_role("main").get_by_role("link", name="cache eviction").click()
    new_papers = page.get_by_role("list", name=re.compile("^Papers added 20")).get_by_role("article")
    expect(new_papers.get_by_role("heading")).to_have_text([f"A study of {topic}"])
    expect(new_papers.locator(".band")).to_have_count(1)
    expect(open_disclosure(page, "Feed").get_by_role("link")).to_have_attribute("href", address)
    stranger = visit()
    assert f"A study of {topic}" in stranger.page.request.get(address).text()
    page.get_by_role("button", name="Mark it as read").click()
    expect(page.get_by_role("status").first).to_have_text("Marked as read.")
    expect(watches).to_have_text("Watches")
    page.get_by_role("link", name="All papers of this search").click()
    page.wait_for_url(re.compile("q=cache"))
    open_disclosure(page, "Following").get_by_role("button", name="Stop following").click()
    expect(page.get_by_role("status").first).to_have_text("No longer following “cache eviction”.")
    expect(page.locator("summary").get_by_text("Follow", exact=True)).to_be_visible()


def copied_titles(page: Page, count: int) -> list[str]:
    """Waits until a number of papers are copied, and returns their titles."""
    expect(page.locator("#live-region")).to_have_text(re.compile(rf"^Copied {count} entr(y|ies)"))
    entries = bibtexparser.parse_string(page.evaluate("navigator.clipboard.readText()")).entries
    return [re.sub("[{}]", "", entry["title"]) for entry in entries]


def test_the_selection_lasts_until_it_is_cleared(open_own: Callable[..., Page]) -> None:
    page = open_own(permissions=["clipboard-read", "clipboard-write"])
    bar = page.get_by_role("form", name="Selected papers")
    submit_query(page, TOPICS[1])
    page.keyboard.press("Escape")
    for key in "jx":
        page.keyboard.press(key)
    submit_query(page, TOPICS[0])  # in place
    expect(page).to_have_title(re.compile(TOPICS[0]))
    expect(result(page, SECOND).get_by_label("Select")).to_be_checked()
    page.locator("body").press("Escape")
    for key in "jxy":
        page.keyboard.press(key)
    assert copied_titles(page, 2) == [SECOND, FIRST]
    page.goto("/author?name=Ada Byron")
    expect(bar).to_contain_text("2 selected")
    expect(page.locator("article").filter(has_text=FIRST).get_by_label("Select")).to_be_checked()
    page.goto("/help")
    bar.get_by_role("button", name="Copy BibTeX").click()
    assert copied_titles(page, 2) == [SECOND, FIRST]
    page.evaluate("void (navigator.clipboard.write = () => Promise.reject())")
    page.keyboard.press("y")
    expect(bar).to_contain_text("Press Ctrl+C or ⌘C to copy")
    assert page.evaluate("getSelection().toString()").count("@") == 2

    open_disclosure(page, "2 selected").get_by_role("button", name=f"Remove from the selection: {SECOND}").click()
    page.keyboard.press("Escape")
    expect(bar.locator("summary")).to_be_focused()
    page.go_back()
    expect(page.get_by_label("Select").and_(page.locator(":checked"))).to_have_count(1)
    page.get_by_label("Select").nth(1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(bar).to_contain_text("2 selected")
    assert accessibility_violations(page) == []
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()
    page.go_back()
    expect(results(page).first).to_be_visible()
    expect(page.locator(":checked:not(option)")).to_have_count(0)
    expect(bar).to_be_hidden()


def test_shortcuts_star_list_and_select(open_own: Callable[..., Page]) -> None:
    page = open_own()
    submit_query(page, "study")
    page.evaluate("window.isSamePage = true; document.activeElement.blur()")
    page.keyboard.press("j")
    first = results(page).first
    page.keyboard.press("t")
    expect(first.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#live-region")).to_have_text("Starred")
    page.keyboard.press("x")
    expect(first.get_by_label("Select")).to_be_checked()
    page.keyboard.press("x")
    expect(page.get_by_role("form", name="Selected papers")).to_be_hidden()
    page.keyboard.press("l")
    dialog = page.get_by_role("dialog", name="Add to list")
    expect(dialog.get_by_role("button", name="starred")).to_be_disabled()
    dialog.get_by_label("Name of the new list").fill("txl")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#live-region")).to_have_text("1 paper added to “txl”.")
    page.keyboard.press("t")
    expect(page.locator("#live-region")).to_have_text("Star removed")
    assert page.evaluate("window.isSamePage")
    page.reload()
    expect(results(page).first.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "false")
    expect(results(page).first.get_by_text("on txl")).to_be_visible()


def test_profiles_do_not_see_each_others_lists(open_own: Callable[..., Page], visit: Callable[..., Visit]) -> None:
    anna, bert = open_own(), open_own()
    submit_query(anna, TOPICS[0])
    star(anna, FIRST)
    expect_listed(anna, "starred", [FIRST])
    bert.goto("/lists/starred")
    expect(bert.get_by_text("0 papers")).to_be_visible()
    default = visit().open("/lists/starred")
    expect(default.get_by_text("0 papers")).to_be_visible()
    anna.goto("/profile")
    open_disclosure(anna, "Leave this profile").get_by_role("button").click()
    expect(anna.get_by_text("belong to the profile “default”")).to_be_visible()


def test_pages_of_lists_are_accessible_and_fit_a_phone(open_own: Callable[..., Page]) -> None:
    page = open_own()
    submit_query(page, TOPICS[0])
    star(page, FIRST)
    result(page, FIRST).get_by_role("button", name="Add to list").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert accessibility_violations(page) == []
    page.get_by_label("Name of the new list").fill(
        "a name as long as names of lists may be, which has to wrap on a phone"
    )
    page.get_by_role("button", name="Create and add").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    open_disclosure(page, "Follow").get_by_role("button", name="Follow").click()
    page.locator("summary.following").click()
    result(page, FIRST).get_by_label("Select").check()
    paths = [
        page.url,
        "/lists",
        "/watches",
        "/profile",
        "/recommend",
        "/selection?id=2401.00000",
        "/paper/arxiv:2401.00000",
    ]
    for name in ("Lists", "Watches"):
        page.get_by_role("link", name=name, exact=True).click()
        paths.append(page.get_by_role("main").get_by_role("list").get_by_role("link").last.get_attribute("href") or "")
    for path in paths:
        page.set_viewport_size(DESKTOP)
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert accessibility_violations(page) == [], path
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    page.emulate_media(color_scheme="dark")
    for path in paths[-2:]:
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert accessibility_violations(page, "color-contrast", "link-in-text-block") == [], path
