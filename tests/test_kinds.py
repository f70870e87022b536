"""Kinds of papers: the rules, the column, and every interface that filters by it or shows it."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_embedder import FakeEmbedder
from http_server import HttpServer
from indexer.build import index
from indexer.compaction import compact
from indexer.doctor import examine, repair
from mcp_calls import structured_content
from records import open_index
from search.errors import InvalidValue
from search.index.layout import Layout, Manifest
from search.papers.kind_rules import RULES, find_kinds, kinds_of_text
from search.papers.kinds import KINDS, parse_kind
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings
from service.state.searches import SavedSearch
from web_pages import query_pairs, read_page, text_of, titles

RECORDS = (
    {"title": "Bees in flight: A Survey", "abstract": "This survey covers papers on bees."},
    {"title": "HiveBench", "abstract": "We introduce HiveBench, a benchmark of bees. Code: https://github.com/a/hive"},
    {"title": "Counting bees", "abstract": "We propose a new method for counting bees."},
    {"title": "How bees dance", "abstract": "Bees dance.", "comment": "Withdrawn by the authors"},
    {"title": "How bees eat", "abstract": "Bees eat. " * 9, "comment": "12 pages"},
)
KINDS_OF_TITLE = {
    "Bees in flight: A Survey": {"survey"},
    "HiveBench": {"benchmark", "code"},
    "Counting bees": {"method"},
    "How bees dance": {"withdrawn"},
    "How bees eat": set(),
}


def write_records(folder: Path, start: int = 0) -> Path:
    path = folder / f"papers{start}.jsonl"
    lines = (json.dumps({"id": f"2401.{start + place:05}", **record}) for place, record in enumerate(RECORDS))
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    folder = tmp_path_factory.mktemp("kinds")
    index([write_records(folder)], folder / "index", FakeEmbedder())
    return open_index(folder / "index")


@pytest.fixture(scope="module")
def client(searcher: Searcher) -> Iterator[httpx.Client]:
    server = HttpServer(create_app(searcher, Settings()))
    yield server.client
    server.close()


def found(searcher: Searcher, box: str, *kinds: str) -> set[str | None]:
    return {hit.paper.title for hit in searcher.ask(box, Query(filter=Filter(kinds=kinds), limit=50)).hits}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_filters_in_queries_filters_and_facets(searcher: Searcher, kind: str) -> None:
    expected = {title for title, kinds in KINDS_OF_TITLE.items() if kind in kinds}
    for box in (f"kind:{kind}", f"bees kind:{kind.upper()}", f'kind:("{kind}")'):
        assert found(searcher, box) == expected, box
    assert found(searcher, "", kind) == expected
    assert found(searcher, f"-kind:{kind}") == KINDS_OF_TITLE.keys() - expected
    facets = searcher.ask("", Query(limit=0, facets=True)).facets
    assert facets
    assert {count.value: count.papers for count in facets.kinds}.get(kind, 0) == len(expected)


@pytest.mark.parametrize("box", ["", "bees", "kind:method"])
def test_hits_have_the_kinds_that_the_index_has(searcher: Searcher, box: str) -> None:
    hits = searcher.ask(box, limit=50).hits
    assert {hit.paper.title: set(hit.indexed_kinds or ()) for hit in hits}.items() <= KINDS_OF_TITLE.items()
    assert [hit.kinds for hit in hits] == [find_kinds(hit.paper) for hit in hits]


def test_kinds_combine_with_operators_and_with_each_other(searcher: Searcher) -> None:
    assert found(searcher, "kind:(survey OR method) bees") == {"Bees in flight: A Survey", "Counting bees"}
    assert found(searcher, "kind:benchmark kind:code") == found(searcher, "", "benchmark", "code") == {"HiveBench"}
    assert found(searcher, "kind:survey kind:code") == found(searcher, "", "survey", "code") == set()
    assert found(searcher, "kind:withdrawn") == found(searcher, "is:withdrawn")
    assert searcher.ask("bees -kind:survey").interpretation == "not kind:survey, about 'bees'"
    assert searcher.ask("two of a kind: bees", limit=1).interpretation == "about 'two of a kind: bees'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("surveys", "did you mean survey? The kinds are survey, dataset"),
        ("review", "did you mean survey?"),
        ("dataset-paper", "did you mean dataset?"),
        ("poem", "the kinds are survey, dataset"),
    ],
)
def test_an_unknown_kind_names_the_nearest(searcher: Searcher, client: httpx.Client, text: str, message: str) -> None:
    with pytest.raises(InvalidValue, match=message.replace("?", r"\?")):
        searcher.ask(f"kind:{text}")
    with pytest.raises(InvalidValue) as raised:
        parse_kind(text)
    assert raised.value.field == "kind"
    response = client.get("/v1/search", params={"kind": text})
    assert response.status_code == 422
    assert response.json()["field"] == "kind"


def test_interfaces_take_kinds(client: httpx.Client) -> None:
    page = client.get("/v1/search", params={"kind": ["code", "benchmark"], "facets": "true"}).json()
    assert [hit["title"] for hit in page["hits"]] == ["HiveBench"]
    assert page["facets"]["kinds"] == [{"value": "benchmark", "papers": 1}, {"value": "code", "papers": 1}]
    answer = structured_content(client, "search", kind="survey", facets=True)
    assert [hit["title"] for hit in answer["hits"]] == ["Bees in flight: A Survey"]
    assert answer["facets"]["kinds"] == [{"value": "survey", "papers": 1}]
    search = SavedSearch("bees", kinds=("survey",))
    assert SavedSearch.from_json(search.to_json()) == search
    assert search.to_query().filter.kinds == ("survey",)
    assert search.describe() == "bees --kind survey"


def test_the_page_narrows_by_kind_and_marks_papers(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=bees", 200)
    (section,) = tree.xpath('//nav[@aria-label="Filters"]//section[h2="Kinds"]')
    link = section.xpath('.//a[span="Survey"]/@href')[0]
    assert query_pairs(link) == {("q", "bees"), ("kind", "survey")}
    (mark,) = tree.xpath('//article[.//a="HiveBench"]//a[@class="kind"][.="code available"]/@href')
    assert query_pairs(mark) == {("q", "bees"), ("kind", "code")}
    narrowed = read_page(client, link, 200)
    assert titles(narrowed) == ["Bees in flight: A Survey"]
    (chip,) = narrowed.xpath('//ul[@class="chips"]/li[span="Survey"]/a/@href')
    (selected,) = narrowed.xpath('//section[h2="Kinds"]//a[@aria-current="true"]/@href')
    assert query_pairs(chip) == query_pairs(selected) == {("q", "bees")}
    paper = read_page(client, "/paper/arxiv:2401.00001", 200)
    assert [text_of(each) for each in paper.xpath('//article[@class="paper"]/div/a[@class="kind"]')] == [
        "new benchmark",
        "code available",
    ]


def test_an_index_of_an_earlier_version_gets_kinds_by_compaction(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    index([write_records(tmp_path)], directory, FakeEmbedder())
    drop_kinds(directory)
    index([write_records(tmp_path, 5)], directory, FakeEmbedder())
    assert examine(directory) == []
    old = open_index(directory)
    with pytest.raises(InvalidValue, match="papers compact"):
        old.ask("bees kind:survey")
    with pytest.raises(InvalidValue, match="papers compact"):
        old.ask('"bees" kind:survey')
    page = old.ask("bees", Query(facets=True))
    assert page.total == 10
    assert page.facets
    assert page.facets.kinds == ()
    server = HttpServer(create_app(old, Settings()))
    tree = read_page(server.client, "/?q=bees", 200)
    server.close()
    assert tree.xpath('//*[@class="kind"]')
    assert not tree.xpath('//a[@class="kind"]')
    report = compact(directory, lambda _model: FakeEmbedder())
    assert (report.is_rebuilt, report.removed_rows) == (True, 0)
    assert open_index(directory).ask("kind:survey").total == 2
    assert not compact(directory, lambda _model: FakeEmbedder()).is_rebuilt
    drop_kinds(directory)
    repair(directory, lambda _model: FakeEmbedder())
    assert open_index(directory).ask("bees kind:survey").total == 2
    assert examine(directory) == []


def drop_kinds(directory: Path) -> None:
    """Removes the files that earlier versions did not write."""
    layout = Layout(directory)
    files = layout.generation(layout.published_generation())
    manifest = Manifest.load(files.manifest)
    dropped = {path.relative_to(files.directory).as_posix() for path in files.columns.glob("kinds*")}
    assert dropped
    for name in dropped:
        (files.directory / name).unlink()
    replace(manifest, files=tuple(each for each in manifest.files if each.path not in dropped)).save(files.manifest)


def test_altered_names_of_kinds_are_found(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    index([write_records(tmp_path)], directory, FakeEmbedder())
    files = Layout(directory).generation("gen-000001")
    names = files.columns / "kinds.json"
    names.write_text(json.dumps(json.loads(names.read_text("utf-8"))[::-1]), "utf-8")
    assert any("kinds.json" in problem for problem in examine(directory))


FOUND = [
    ("survey", "Bees in flight: A Survey", "", ""),
    ("survey", "Review of Hives", "", ""),
    ("survey", "Hives", "This comprehensive survey discusses hives.", ""),
    ("dataset", "Swarm: A Large Dataset for Tracking Bees", "", ""),
    ("dataset", "Tracking bees", "To fill this gap, we introduce Swarm, the first annotated dataset of bees.", ""),
    ("dataset", "Tracking bees", "This paper presents a new corpus of dances.", ""),
    ("benchmark", "BeeBench: Can Models Count Bees?", "", ""),
    ("benchmark", "Counting bees", "We propose Hive-7, a diverse benchmark with 900 questions.", ""),
    ("method", "Counting bees", "We develop BEE, a simple yet effective framework for counting.", ""),
    ("method", "Counting bees", "A novel two-stage algorithm is proposed.", ""),
    ("theory", "Swarms", "Under mild assumptions, we further prove that swarms converge.", ""),
    ("theory", "Swarms", "We establish tight regret bounds.", ""),
    ("negative", "Bees Do Not Understand Mirrors", "", ""),
    ("negative", "Counting bees", "We report a negative result.", ""),
    ("code", "Counting bees", "Our code is publicly available.", ""),
    ("code", "Counting bees", "", "9 pages, code at https://example.org/bees"),
    ("data", "Counting bees", "All data and code are available at https://example.org/bees.", ""),
    ("data", "Counting bees", "We release our dataset of 900 hives.", ""),
    ("survey", "Hives and Nests: A Survey on Bees", "A list of the surveyed works is at https://example.org.", ""),
    ("survey", "Bees and Wasps: A Survey of 6G Hives", "", ""),
    ("survey", "The Hive Tension: A Short Review of Explanations", "Explanations in cosmology.", ""),
    ("survey", "A Tutorial-cum-Survey on Bees", "", ""),
    ("benchmark", "HiveQA: Benchmarking Questions on Bees", "", ""),
    ("benchmark", "Hives: Open Large-Scale Benchmark for Bees", "", ""),
    ("dataset", "HiveNet: Multimodal Dataset for Bees", "", ""),
    ("dataset", "Large Hive Dataset (LHD): Images of Bees", "", ""),
    ("dataset", "Counting Bees: Dataset, Method and Results", "", ""),
]
NOT_FOUND = [
    ("survey", "A Survey of Galaxies at High Redshift", "", ""),
    ("survey", "A Survey of Developers on Bees", "", ""),
    ("survey", "Tables of Literature Review Papers", "", ""),
    ("survey", "Keeping Bees: Results from a Survey", "We surveyed over 90 professional beekeepers and engineers.", ""),
    ("survey", "An Expert Survey on Bees", "", ""),
    ("survey", "Automated Pre-Review of Bees", "", ""),
    ("benchmark", "Bees: Benchmarking Counters with Cameras", "", ""),
    ("benchmark", "Bees: A List of Benchmarks for Counters", "", ""),
    ("dataset", "Bees: Generating a Dataset for Counters", "", ""),
    ("dataset", "Attacks on Classifiers of Bees using the Hive Dataset", "", ""),
    ("dataset", "Counting bees", "We evaluate our proposed model on two datasets.", ""),
    ("dataset", "Counting bees", "We propose a dataset distillation method.", ""),
    ("benchmark", "Counting bees", "We improve results on a benchmark.", ""),
    ("method", "Counting bees", "We present an analysis of models.", ""),
    ("theory", "Counting bees", "We hope to prove the conjecture. We present a proof of concept.", ""),
    ("negative", "When Bees Fail to Fly: A Method", "Earlier null results are revisited.", ""),
    ("code", "Counting bees", "We study how models write code.", ""),
    ("data", "Counting bees", "Such data are only available for some bees.", ""),
]


@pytest.mark.parametrize(("kind", "title", "abstract", "comment"), FOUND)
def test_the_rules_find_a_kind(kind: str, title: str, abstract: str, comment: str) -> None:
    assert kind in kinds_of_text(title, abstract, comment)


@pytest.mark.parametrize(("kind", "title", "abstract", "comment"), NOT_FOUND)
def test_the_rules_leave_out_what_only_looks_like_a_kind(kind: str, title: str, abstract: str, comment: str) -> None:
    assert kind not in kinds_of_text(title, abstract, comment)


PHRASES = """
we and i this the paper it awe our present provide give with a an new novel propose proposed is are proved prove that
proof of conjecture bound theorems regret dataset corpora benchmark code codes data method release released publicly
available at github.com/ huggingface.co/datasets on (i , . ; 10 also further
""".split()  # noqa: SIM905


@given(st.lists(st.sampled_from(PHRASES), max_size=25).map(" ".join))
@settings(max_examples=150, deadline=None)
def test_rules_find_what_their_patterns_find_anywhere(text: str) -> None:
    for rule in RULES:
        expected = any(cue in text for cue in rule.cues) and rule.pattern.search(text)
        assert rule.matches(text) == bool(expected)


@given(st.text("we propose a the ,;.-(){}$~bench dataset is available:", max_size=400))
@settings(max_examples=30, deadline=None)
def test_rules_take_little_time_on_any_text(text: str) -> None:
    start = time.process_time()
    kinds_of_text(text * 10, text * 50, text * 10)
    assert time.process_time() - start < 2
