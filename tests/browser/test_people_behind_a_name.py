"""The people behind one name in a browser: accessible, narrow enough for a phone, and corrected by keyboard alone."""

import json
from collections.abc import Callable, Iterator

import pytest

from chromium import PHONE, PapersServer, Visit, accessibility_violations, expect
from indexer.build import index
from person_records import make_records
from search.embedding.embedder import Embedder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[PapersServer]:
    """Serves papers of two people with one name."""
    folder = tmp_path_factory.mktemp("namesakes")
    source = folder / "papers.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in make_records()), "utf-8")
    index([source], folder / "index", embedder)
    papers_server = PapersServer(folder / "index", folder / "log")
    yield papers_server
    papers_server.close()


def test_people_are_corrected_by_keyboard_alone(visit: Callable[..., Visit]) -> None:
    page = visit(viewport=PHONE, is_mobile=True, has_touch=True).open("/author?name=Ada Byron")
    people = page.locator(".persons-note li a")
    expect(people).to_have_count(2)
    assert accessibility_violations(page) == []
    people.first.press("Enter")
    expect(page.get_by_role("article")).to_have_count(4)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert accessibility_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Not by this person").last.press("Enter")
    expect(page.get_by_role("article")).to_have_count(3)
    expect(page.locator(".notice")).to_contain_text("no longer")
    page.locator("summary", has_text="1 correction").press("Enter")
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_role("article")).to_have_count(4)
