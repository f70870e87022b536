"""The Python API: the examples of docs/python.md run, and notebook output is safe HTML."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import open_index
from search.errors import IndexMissing, InvalidValue
from search.papers.date import Date
from search.papers.paper import Paper
from search.query.explanation import Explanation
from search.query.hit import Hit
from search.query.page import Page
from search.query.query import Query
from search.searcher import Searcher
from strategies import MakeSearcher

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


def test_the_examples_of_the_documentation_run(
    tmp_path: Path, sample_index: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(sample_index, tmp_path / "data" / "index")
    monkeypatch.chdir(tmp_path)
    first, second, third, *further = BLOCKS
    assert len([line for line in first.splitlines() if line]) <= 5
    names: dict[str, Any] = {}
    exec(first, names)
    shown = ParsedHtml(names["page"]._repr_html_())
    assert shown.text.startswith("about 'KV cache compression'; showing 10 of 60 papers")
    assert "Kwai Summary Attention Technical Report" in shown.text
    assert "https://arxiv.org/abs/2604.24432" in shown.links
    exec(second, names)
    assert "since 2025" in capsys.readouterr().out
    assert len(names["page"]) <= 5
    assert len(names["similar"]) == 3
    assert "KSA" in ParsedHtml(names["paper"]._repr_html_()).text
    assert names["names"].variants[0].value == "Guorui Zhou"
    exec(third, names)
    assert "https://" in capsys.readouterr().out
    printed = ""
    for block in further:
        exec(block, names)
        printed += capsys.readouterr().out
    assert names["people"].authors[0].name in printed
    assert names["own"].total == names["persons"][0].papers
    assert ParsedHtml(names["persons"]._repr_html_()).tags.count("tr") == len(names["persons"]) + 1
    assert all(theme.label in printed for theme in names["themes"])
    assert [trend.papers for trend in names["trends"].trends] == [sum(each.counts) for each in names["trends"].trends]
    assert names["chart"].startswith("<svg")
    shown = ParsedHtml(names["trends"]._repr_html_())
    assert {"svg", "table"} <= set(shown.tags)
    for name in ("people", "themes"):
        assert ParsedHtml(names[name]._repr_html_()).tags.count("tr") == len(names[name]) + 1
        assert len(names[name].to_dataframe()) == len(names[name])
        assert list(names[name]) == [names[name][position] for position in range(len(names[name]))]
    assert names["new"].total == len(names["new"]) > 0
    assert names["seen"] == max(hit.paper.added for hit in names["new"])


def test_import_is_lightweight() -> None:
    script = "import sys, search; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"numpy", "pandas", "faiss", "tantivy", "openvino", "tokenizers", "service"} & set(done.stdout.split())


def test_a_directory_without_an_index_raises_index_missing(tmp_path: Path) -> None:
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


def test_the_table_of_a_page_says_what_limits_it(random_searcher: Searcher) -> None:
    page = random_searcher.ask("galaxy", limit=5)
    limited = replace(page, correction="galaxies", has_close_match=False, notices=("It is <late>.",))
    shown = ParsedHtml(limited._repr_html_())
    said = (
        "showing 5 of 300 papers; did you mean: galaxies; no close match, these are the nearest papers; It is <late>."
    )
    assert said in shown.text
    answered = ParsedHtml(replace(limited, answered_query="galaxies")._repr_html_())
    assert "showing results for: galaxies (verbatim=True searches for the text as typed)" in answered.text
    assert "did you mean" not in answered.text


def test_a_page_has_a_length_and_iterates_over_its_hits(random_searcher: Searcher) -> None:
    page = random_searcher.ask("galaxy", limit=5)
    assert len(page) == len(page.hits) == 5
    assert list(page) == list(page.hits) == [page[position] for position in range(5)]
    assert page[-1]._repr_html_() == page[-1].paper._repr_html_()
    empty = random_searcher.ask("galaxy", limit=0)
    assert (len(empty), list(empty)) == (0, [])
    assert page
    assert empty


def test_repr_is_short(random_searcher: Searcher) -> None:
    page = random_searcher.ask("galaxy", limit=5)
    assert repr(page) == "<Page \"about 'galaxy'\": 5 of 300 papers, gen-000001>"
    hit = page.hits[0]
    assert repr(hit) == f"<Hit {hit.paper.id}: {hit.paper.title!r}, score {hit.score:.3f}>"


def test_pages_and_hits_convert_to_json(random_searcher: Searcher) -> None:
    page = random_searcher.ask("au:zhou galaxy", limit=5, facets=True)
    written = json.loads(json.dumps(page.to_json()))
    assert written["total"] == page.total
    assert written["hits"] == [hit.to_json() for hit in page]
    assert written["facets"]["papers"] == (page.facets and page.facets.papers)
    for hit, fields in zip(page, written["hits"], strict=True):
        assert hit.paper.to_dict().items() <= fields.items()
        assert fields["score"] == hit.score
        assert fields["published"] == (hit.paper.published.isoformat() if hit.paper.published else None)


def test_a_page_converts_to_a_dataframe(random_searcher: Searcher) -> None:
    page = random_searcher.ask("galaxy", limit=5)
    table = page.to_dataframe()
    assert table["rank"].tolist() == [1, 2, 3, 4, 5]
    assert table["id"].tolist() == [hit.paper.id for hit in page]
    assert table["score"].tolist() == [hit.score for hit in page]
    assert table["citations"].tolist() == [hit.paper.citations for hit in page]
    assert table["authors"].tolist() == ["; ".join(hit.paper.authors) for hit in page]
    empty = random_searcher.ask("galaxy", limit=0).to_dataframe()
    assert (len(empty), list(empty.columns)) == (0, list(table.columns))


def test_without_pandas_to_dataframe_says_what_to_install(
    random_searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_dataframe needs pandas; install it with: pip install pandas"):
        random_searcher.ask("galaxy").to_dataframe()


def test_options_are_keyword_arguments(random_searcher: Searcher) -> None:
    by_name = random_searcher.ask("galaxy", limit=3, sort="newest", mode="lexical")
    query = Query(limit=3, sort="newest", mode="lexical")
    assert by_name.hits == random_searcher.ask("galaxy", query).hits
    assert len(random_searcher.ask("galaxy", query, limit=4)) == 4


@pytest.mark.parametrize("name", ["limt", "text", "year", "with_options"])
def test_an_unknown_option_is_invalid(random_searcher: Searcher, name: str) -> None:
    with pytest.raises(InvalidValue, match="unknown option; the options are filter, mode, limit, sort") as caught:
        random_searcher.ask("galaxy", **{name: 3})
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "5"), ("limit", -1), ("limit", True), ("mode", "fast"), ("sort", ""), ("like", "x")]
)
def test_an_invalid_option_value_names_the_option(random_searcher: Searcher, name: str, value: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        random_searcher.ask("galaxy", **{name: value})
    assert caught.value.field == name


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
def test_any_text_is_escaped(title: str, author: str, url: str, abstract: str) -> None:
    paper = Paper(("h:0123456789ab",), title, abstract, (author,), published=Date(2024), url=url)
    page = Page((Hit(paper, 1.0),), 1, True, 1.0, "gen-000001", Explanation("none", 0, 0, ()), interpretation=title)
    shown = ParsedHtml(page._repr_html_())
    assert set(shown.tags) <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "a", "span"}
    assert all(link.lower().startswith(("http://", "https://")) for link in shown.links)
    assert set(ParsedHtml(paper._repr_html_()).tags) <= {"div", "strong", "br", "p", "a"}
