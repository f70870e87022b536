"""Citation counts and references: reading, merging, both directions within an index, and the sort by citations."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from cli_call import run, run_json
from fake_embedder import FakeEmbedder
from http_server import HttpServer
from indexer.backup import back_up
from indexer.build import index
from indexer.compaction import compact
from indexer.doctor import examine
from indexer.merging import merge
from indexer.removal import remove
from indexer.removal_selection import select_ids
from mcp_calls import call
from records import write_records
from search.embedding.model import ModelIdentity
from search.index.citations import find_cited, find_citing
from search.index.layout import Layout, Manifest
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.query import Query
from search.searcher import Searcher
from service.agents.quoting import NOTICE
from service.app import create_app
from service.settings import Settings
from source_samples import WriteSource, read_papers
from web_pages import read_page, text_of

TEXT = {"title": "Small caches of attention", "abstract": "We keep less of each head than others keep of all heads."}


def record(number: int, references: str = "", **more: Json) -> dict[str, Json]:
    title = f"Study {number} of caches"
    return {"id": f"2401.{number:05}", "title": title, "abstract": f"Text {number}.", "references": references, **more}


def add(directory: Path, *records: dict[str, Json]) -> Searcher:
    index([write_records(directory.parent / "papers.jsonl", records)], directory, FakeEmbedder())
    return open_index(directory)


def load(model: ModelIdentity) -> FakeEmbedder:
    return FakeEmbedder(model.dim, model.name)


def open_index(directory: Path) -> Searcher:
    return Searcher(directory, load, verify_checksums=True)


def links(searcher: Searcher, paper_id: str) -> tuple[set[str], set[str]]:
    """Returns the papers that a paper cites, and those that cite it."""
    snapshot, paper = searcher.snapshot, searcher.paper(paper_id)
    cited, citing = (find(snapshot, paper, 100) for find in (find_cited, find_citing))
    assert (cited.total, citing.total) == (len(cited.papers), len(citing.papers))
    return {each.id for each in cited.papers}, {each.id for each in citing.papers}


S2 = {
    **TEXT, "paperId": "a" * 40, "externalIds": {"CorpusId": 5}, "citationCount": 0,
    "citations": [{"paperId": "d" * 40}],
    "references": [
        {"paperId": "b" * 40, "externalIds": {"DOI": "10.1000/X", "ArXiv": "2401.00001", "CorpusId": 7}},
        {"paperId": "c" * 40, "externalIds": {"DOI": "10.1000/Y"}},
        {"paperId": "e" * 40, "title": "Only here"}, {"paperId": None, "title": "Nowhere"},
    ],
}  # fmt: skip
OPENALEX = {
    **TEXT, "id": "https://openalex.org/W1", "cited_by_count": 12, "authorships": [],
    "referenced_works": ["https://openalex.org/W2741809807", "https://openalex.org/W1", "https://openalex.org/W3"],
}  # fmt: skip
CROSSREF = {
    "title": [TEXT["title"]], "abstract": TEXT["abstract"], "DOI": "10.1000/own", "is-referenced-by-count": 3,
    "reference": [{"key": "1", "DOI": "10.48550/arXiv.2401.00002"}, {"key": "2", "unstructured": "A. Roe. Caches."},
                  {"key": "3", "DOI": "10.1000/own"}],
}  # fmt: skip
CSV = "title,doi,cited_by_count,referenced_works\nSmall caches,10.1000/own,1234.0,https://openalex.org/W2|https://openalex.org/W3\n"
SCOPUS = 'Title,Abstract,Cited by,References\nSmall caches,We keep.,"1,234","A. Roe, Caches, 2020; B. Poe, Heads"\n'


@pytest.mark.parametrize(
    ("name", "content", "citations", "references"),
    [
        ("a.json", json.dumps(S2), 0, ("arxiv:2401.00001", "doi:10.1000/y", f"s2:{'e' * 40}")),
        ("a.json", json.dumps(OPENALEX), 12, ("openalex:w2741809807", "openalex:w3")),
        ("a.json", json.dumps(CROSSREF), 3, ("arxiv:2401.00002",)),
        ("a.csv", CSV, 1234, ("openalex:w2", "openalex:w3")),
        ("a.csv", SCOPUS, 1234, ()),
        ("a.jsonl", json.dumps({**TEXT, "citations": "many", "references": ["x", "doi:10.1/a b", "10.1000/Z"]}), None,
         ("doi:10.1000/z",)),
    ],
)  # fmt: skip
def test_sources_have_counts_and_references(
    write_source: WriteSource, name: str, content: str, citations: int | None, references: tuple[str, ...]
) -> None:
    (paper,) = read_papers(write_source(name, content))
    assert (paper.citations, paper.references) == (citations, references)
    assert Paper.from_json(paper.to_json()) == paper


def test_titles_of_references_stay_a_further_field(write_source: WriteSource) -> None:
    (paper,) = read_papers(write_source("a.csv", SCOPUS))
    assert paper.extra == {"references": "A. Roe, Caches, 2020; B. Poe, Heads"}


def test_a_merged_paper_has_the_largest_count_and_all_references() -> None:
    one = Paper(("arxiv:2401.00001", "doi:10.1000/own"), "A", citations=0, references=("arxiv:1", "doi:10.1000/x"))
    two = Paper(("doi:10.1000/own",), "A", citations=9, references=("arxiv:1", "doi:10.1000/y", "arxiv:2401.00001"))
    none = Paper(("doi:10.1000/own",), "A")
    assert merge([one]).citations == 0
    for records in ([one, two, none], [none, two, one]):
        paper = merge(records)
        assert (paper.citations, paper.references) == (9, ("arxiv:1", "doi:10.1000/y", "doi:10.1000/x"))


def test_citations_are_found_in_both_directions_whatever_happens_to_the_papers(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    searcher = add(directory, record(1, "doi:10.1000/later arxiv:2401.00002 arxiv:2401.00001"), record(2))
    assert links(searcher, "arxiv:2401.00001") == ({"arxiv:2401.00002"}, set())
    assert links(searcher, "arxiv:2401.00002") == (set(), {"arxiv:2401.00001"})
    searcher = add(directory, {**record(3), "id": "doi:10.1000/later"}, record(4, "arxiv:2401.00003"))
    assert links(searcher, "doi:10.1000/later") == (set(), {"arxiv:2401.00001"})
    searcher = add(directory, {**record(3), "ids": ["doi:10.1000/later"]})  # merges both IDs
    both = {"arxiv:2401.00001", "arxiv:2401.00004"}
    assert links(searcher, "doi:10.1000/later") == (set(), both)
    assert links(searcher, "arxiv:2401.00001")[0] == {"arxiv:2401.00002", "arxiv:2401.00003"}
    back_up(directory, tmp_path / "backup")
    assert links(open_index(tmp_path / "backup"), "arxiv:2401.00003") == (set(), both)
    remove(directory, select_ids(directory, ["arxiv:2401.00004"]), load)
    assert links(open_index(directory), "arxiv:2401.00003") == (set(), {"arxiv:2401.00001"})
    compact(directory, load)
    assert links(open_index(directory), "arxiv:2401.00003") == (set(), {"arxiv:2401.00001"})
    assert examine(directory) == []


@pytest.fixture(scope="module")
def cited_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("citations") / "index"
    counts = [3, None, 0, 1234, 3]
    others = (record(number, "2401.00000", citations=count) for number, count in enumerate(counts, 1))
    add(directory, record(0, "2401.00004 2401.99999", citations=None), *others)
    return directory


@pytest.fixture(scope="module")
def cited_client(cited_index: Path) -> Iterator[httpx.Client]:
    server = HttpServer(create_app(open_index(cited_index), Settings()))
    yield server.client
    server.close()


def test_every_interface_sorts_by_citations(cited_index: Path, cited_client: httpx.Client) -> None:
    expected = [1234, 3, 3, 0, None, None]
    page = open_index(cited_index).search(Query(sort="citations"))
    assert [hit.paper.citations for hit in page.hits] == expected
    assert page.interpretation == "all papers, most cited first"
    options = ["--index", str(cited_index), "--sort", "citations"]
    assert [hit["citations"] for hit in run_json("search", "--json", *options)["hits"]] == expected
    assert "cited by 1,234" in run("search", *options).stdout
    body = cited_client.get("/v1/search", params={"sort": "citations"}).json()
    assert [hit["citations"] for hit in body["hits"]] == expected
    answer = call(cited_client, "search", sort="citations")["structuredContent"]
    assert [hit["citations"] for hit in answer["hits"]] == expected
    tree = read_page(cited_client, "/?sort=citations", 200)
    assert "citations" in read_page(cited_client, "/?q=attention", 200).xpath('//select[@name="sort"]/option/@value')
    assert tree.xpath('//select[@name="sort"]/option[@selected]/@value') == ["citations"]
    assert [text_of(each) for each in tree.xpath('//article//span[starts-with(text(), "cited")]')] == [
        "cited by 1,234", "cited by 3", "cited by 3", "cited by 0"
    ]  # fmt: skip


def test_the_page_of_a_paper_links_its_references_and_the_papers_that_cite_it(cited_client: httpx.Client) -> None:
    tree = read_page(cited_client, "/paper/2401.00000", 200)
    lists = {text_of(each): each.xpath("following-sibling::ul[1]//a/@href") for each in tree.xpath("//h2[span]")}
    assert lists == {
        "References in this index 1": ["/paper/arxiv:2401.00004"],
        "Cited in this index by 5": [f"/paper/arxiv:2401.{number:05}" for number in (4, 5, 1, 3, 2)],
    }


def test_every_interface_lists_what_a_paper_cites_and_what_cites_it(
    cited_index: Path, cited_client: httpx.Client
) -> None:
    found = open_index(cited_index).citations("2401.00000")
    assert [paper.id for paper in found.references.papers] == ["arxiv:2401.00004"]
    assert [paper.id for paper in found.citing.papers] == [f"arxiv:2401.{number:05}" for number in (4, 5, 1, 3, 2)]
    expected = {"schema_version": 1, **found.to_json()}
    assert cited_client.get("/v1/papers/2401.00000/citations").json() == expected
    answer = call(cited_client, "citations", paper_id="2401.00000")["structuredContent"]
    assert {**answer, "schema_version": 1} == {**expected, "notice": NOTICE}
    options = ("2401.00000", "--index", str(cited_index))
    assert run_json("show", *options, "--citations", "--json") == expected
    text = run("show", *options, "--citations").stdout
    assert text.startswith("References in this index: 1 paper\n   Study 4 of caches\n      arxiv:2401.00004 · cited by")
    assert "\nCited in this index by: 5 papers\n   Study 4 of caches\n" in text
    assert "cites 1 paper, cited by 5 papers; list them with --citations" in run("show", *options).stdout
    assert run("show", *options, "--citations", "--format", "ris").returncode == 2
    assert cited_client.get("/v1/papers/2401.77777/citations").status_code == 404


def test_counts_of_an_earlier_version_are_sorted_after_a_compaction(tmp_path: Path) -> None:
    old = {"id": "arxiv:2401.00001", "title": "A", "extra": {"citations": 7, "journal": "Letters"}}
    assert Paper.from_json(old) == Paper(("arxiv:2401.00001",), "A", citations=7, extra={"journal": "Letters"})
    directory = tmp_path / "index"
    add(directory, record(1), record(2, citations=7), record(3))
    files = Layout(directory).generation(Layout(directory).published_generation())
    new = [*files.columns.glob("citations*"), *files.columns.glob("kinds*")]
    for path in new:
        path.unlink()
    names = {path.name for path in new}
    manifest = Manifest.load(files.manifest)
    replace(manifest, files=tuple(each for each in manifest.files if Path(each.path).name not in names)).save(
        files.manifest
    )
    searcher = open_index(directory)
    (notice,) = searcher.search(Query(sort="citations")).notices
    assert notice.startswith("No paper of this index has a citation count")
    add(directory, record(4, citations=8))
    compact(directory, load)
    searcher = open_index(directory)
    page = searcher.search(Query(sort="citations"))
    assert [hit.paper.citations for hit in page.hits] == [8, 7, None, None]
    assert page.notices == ()
    assert searcher.ask("study").total == 4
    assert examine(directory) == []
