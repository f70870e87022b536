"""Scripts, HTML and LaTeX in papers and queries are shown as text: nothing in them runs or loads."""

import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from chromium import PapersServer, Visit, expect
from indexer.build import index
from page_objects import results, titles
from search.embedding.embedder import Embedder

ATTACKS = (
    "<script>alert(1)</script>",
    '<img src="http://example.org/x.png" onerror="alert(2)">',
    '"><svg/onload=alert(3)>',
    "</textarea></details></main><iframe src=javascript:alert(4)>",
    "{{ 7*7 }} ${alert(5)} <!-- ]]>",
    "$\\href{javascript:alert(6)}{x}$ \\(\\unicode{<script>alert(7)</script>}\\)",
)
FORMULAS = (
    "An $O(n \\log n)$ bound for $\\sum_{i=1}^{n} x_i^2 \\leq \\frac{1}{\\epsilon}$",
    "It holds that \\(E = mc^2\\), while $\\frac{ is broken and costs $5 or $6.",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[PapersServer]:
    """Serves papers with attacks, and one with formulas."""
    folder = tmp_path_factory.mktemp("hostile")
    records: list[dict[str, object]] = [
        {
            "id": f"2401.{row:05}",
            "title": f"Fluids {attack}",
            "abstract": f"On fluids. {attack} So it flows. {attack}",
            "authors": [f"Eve {attack}", "Ada Plain"],
            "categories": ["physics.flu-dyn"],
            "published": f"2024-01-{row + 1:02}",
            "url": "javascript:alert(8)",
            "extra": {"comment": attack},
        }
        for row, attack in enumerate(ATTACKS)
    ]
    records.append({"id": "2401.00099", "title": FORMULAS[0], "abstract": FORMULAS[1], "authors": ["Ada Plain"]})
    source = folder / "papers.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    index([source], folder / "index", embedder)
    papers_server = PapersServer(folder / "index", folder / "log")
    yield papers_server
    papers_server.close()


def assert_harmless(visitor: Visit) -> None:
    """Asserts that no element of the page runs or loads anything from a paper."""
    found = visitor.page.evaluate(
        """() => [...document.querySelectorAll('*')].filter(each =>
            ['IFRAME', 'OBJECT', 'EMBED', 'BASE'].includes(each.tagName)
            || (each.tagName === 'SCRIPT' && !each.src.startsWith(location.origin))
            || (each.tagName === 'IMG' && !each.src.startsWith(location.origin) && !each.src.startsWith('data:'))
            || [...each.attributes].some(one => one.name.startsWith('on')
               || /^\\s*javascript:/i.test(one.value))).map(each => each.outerHTML.slice(0, 200))"""
    )
    assert found == [], visitor.page.url
    assert visitor.errors == [], visitor.page.url


def test_attacks_in_papers_are_text(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    for path in ("/?q=fluids", "/?author=Ada Plain", "/author?name=Ada Plain"):
        page = visitor.open(path)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for attack in ATTACKS[:5]:
            expect(page.get_by_text(f"Fluids {attack}").first, path).to_be_attached()
        assert_harmless(visitor)


def test_attacks_on_a_paper_page_are_text(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    for row, attack in enumerate(ATTACKS):
        page = visitor.open(f"/paper/arxiv:2401.{row:05}")
        expect(page.get_by_role("heading", level=1), attack).to_contain_text("Fluids")
        if row < 5:
            expect(page.get_by_role("heading", level=1), attack).to_have_text(f"Fluids {attack}")
        assert_harmless(visitor)


def test_attacks_in_the_url_are_text(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    for attack in ATTACKS:
        page = visitor.open(f"/?q={quote(attack)}", 200, 422)
        expect(page.get_by_label("Search papers", exact=True).first, attack).to_have_value(attack)
        assert_harmless(visitor)


def test_attacks_in_suggestions_are_text(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    page = visitor.open("/")
    page.get_by_label("Search papers", exact=True).first.click()
    page.keyboard.type("Eve", delay=15)
    expect(page.get_by_role("listbox").get_by_role("option").first).to_contain_text("Eve")
    assert_harmless(visitor)


def test_formulas_become_mathml_and_other_text_stays_text(visit: Callable[..., Visit]) -> None:
    page = visit().open("/?q=bound")
    found = results(page).first
    assert "An " in titles(page)[0]
    title = found.get_by_role("heading").locator("math")
    assert title.count() == 2
    assert title.nth(1).locator("msubsup, munderover, munder").count() >= 1
    assert title.nth(1).locator("mfrac").count() == 1
    found.locator("summary", has_text="Abstract").click()
    expect(found.locator("details math").first).to_be_visible()
    expect(found.get_by_text("costs $5 or $6.").first).to_be_visible()


def test_content_security_policy_blocks_foreign_scripts(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    response = visitor.page.goto("/?q=fluids")
    assert response
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    visitor.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = true'}))"
    )
    assert visitor.page.evaluate("window.ran") is None
    assert "Content Security Policy" in visitor.errors.pop()
