"""The door for programs and notebooks: the lines of docs/python.md run, and what they show is safe to show."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import MakeSearcher

from search import open_index
from search.errors import IndexMissing
from search.papers.paper import Date, Paper
from search.query.page import Explanation, Hit, Page
from search.searcher import Searcher

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parent.parent / "docs" / "python.md").read_text("utf-8"), re.DOTALL
)


class ParsedHtml(HTMLParser):
    """The tags, links and text of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_lines_of_the_documentation_run(
    tmp_path: Path, sample_index: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(sample_index, tmp_path / "data" / "index")
    monkeypatch.chdir(tmp_path)
    first, second = BLOCKS
    assert len([line for line in first.splitlines() if line]) <= 5
    held: dict[str, Any] = {}
    exec(first, held)
    shown = ParsedHtml(held["page"]._repr_html_())
    assert shown.text.startswith("about 'KV cache compression'; 60 papers match, showing 10")
    assert "Kwai Summary Attention Technical Report" in shown.text
    assert "https://arxiv.org/abs/2604.24432" in shown.links
    exec(second, held)
    assert "since 2025" in capsys.readouterr().out
    assert len(held["near"].hits) == 3
    assert "KSA" in ParsedHtml(held["paper"]._repr_html_()).text
    assert held["names"].variants[0].value == "Guorui Zhou"


def test_import_is_lightweight() -> None:
    script = "import sys, search; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"numpy", "faiss", "tantivy", "openvino", "tokenizers", "service"} & set(done.stdout.split())


def test_a_folder_without_an_index_raises_our_error(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="no index here"):
        open_index(tmp_path)


def test_home_directory_is_expanded(tmp_path: Path, sample_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(sample_index, tmp_path / "index")
    assert open_index("~/index").ask("").total == 60


def test_a_page_is_a_table_of_its_hits(random_searcher: Searcher) -> None:
    page = random_searcher.ask("au:zhou")
    shown = ParsedHtml(page._repr_html_())
    assert shown.tags.count("tr") == len(page.hits) + 1
    assert shown.tags.count("td") == 6 * len(page.hits)
    assert all((hit.paper.title or "") in shown.text for hit in page.hits)
    assert set(re.findall(r"colou?r\S*\s*(\w+)", page._repr_html_())) == {"inherit"}


def test_paper_text_is_escaped(make_searcher: MakeSearcher) -> None:
    script = "<script>alert(1)</script>"
    hostile: list[dict[str, object]] = [
        {"title": script, "abstract": f"cache {script}", "authors": [f"Eve {script}"], "url": "javascript:alert(1)"},
        {"title": "Quotes", "abstract": "cache", "url": 'https://x.example/"onmouseover="alert(1)'},
    ]
    page = make_searcher(hostile).ask("cache")
    for html in (page._repr_html_(), *(hit.paper._repr_html_() for hit in page.hits)):
        assert "script" not in ParsedHtml(html).tags
        assert not any(link.startswith("javascript") for link in ParsedHtml(html).links)
    assert script in ParsedHtml(page._repr_html_()).text


@given(title=st.text(), author=st.text(), url=st.text(), abstract=st.text())
def test_any_text_is_shown_as_it_is(title: str, author: str, url: str, abstract: str) -> None:
    paper = Paper(("h:0123456789ab",), title, abstract, (author,), published=Date(2024), url=url)
    page = Page((Hit(paper, 1.0),), 1, True, 1.0, "gen-000001", Explanation("none", 0, 0, ()), interpretation=title)
    shown = ParsedHtml(page._repr_html_())
    assert set(shown.tags) <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "a", "span"}
    assert all(link.lower().startswith(("http://", "https://")) for link in shown.links)
    assert set(ParsedHtml(paper._repr_html_()).tags) <= {"div", "strong", "br", "p", "a"}
