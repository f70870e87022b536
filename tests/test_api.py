"""The HTTP API over a real socket: search, papers, authors and suggestions."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fake_embedder import FakeEmbedder
from http_server import HttpServer, assert_problem
from indexer.build import index
from sample import KSA
from search.searcher import Searcher
from service.app import create_app
from service.settings import Settings


def test_get_and_post_give_the_same_page(client: httpx.Client) -> None:
    params = {"q": "recommendation", "author": ["Guorui Zhou"], "category": ["cs.IR", "cs.CL"], "from": "2025",
             "to": "2026-12", "mode": "hybrid", "limit": 3}  # fmt: skip
    get, post = client.get("/v1/search", params=params), client.post("/v1/search", json=params)
    assert get.status_code == post.status_code == 200
    page, posted = get.json(), post.json()
    assert page.pop("explanation")["strategy"] == posted.pop("explanation")["strategy"] == "exact"
    assert page == posted
    assert (page["schema_version"], page["exact"], len(page["hits"])) == (1, True, 2)
    assert all("Guorui Zhou" in hit["authors"] for hit in page["hits"])


def test_demo_query(client: httpx.Client) -> None:
    page = client.get("/v1/search", params={"q": "KV cache compression", "limit": 3}).json()
    assert KSA in {hit["id"] for hit in page["hits"]}
    assert page["hits"][0]["legs"]["semantic"]["rank"]


def test_a_paper_and_similar_papers(client: httpx.Client) -> None:
    paper = client.get(f"/v1/papers/{KSA}").json()
    assert (paper["id"], paper["title"]) == (KSA, "Kwai Summary Attention Technical Report")
    similar = client.get(f"/v1/papers/{KSA}/similar", params={"limit": 4, "from": "2025"}).json()
    assert len(similar["hits"]) == 4
    assert KSA not in {hit["id"] for hit in similar["hits"]}
    pasted = client.post("/v1/similar", json={"text": paper["abstract"], "limit": 2}).json()
    assert (pasted["hits"][0]["id"], pasted["hits"][0]["exact_match"]) == (KSA, True)


IDS = {"10.1000/slash/and.dots": "doi:10.1000/slash/and.dots", "hep-th/9901001": "arxiv:hep-th/9901001"}


@pytest.fixture(scope="module")
def client_and_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    folder = tmp_path_factory.mktemp("slashes")
    write(folder, "a", [{"id": spelling, "title": f"Paper {n}"} for n, spelling in enumerate(IDS)])
    index([folder / "a"], folder / "index", FakeEmbedder())
    server = HttpServer(create_app(Searcher(folder / "index", lambda _model: FakeEmbedder()), Settings()))
    yield server.client, folder
    server.close()


def write(folder: Path, name: str, records: list[dict[str, str]]) -> Path:
    (folder / name).write_text("\n".join(map(json.dumps, records)), "utf-8")
    return folder / name


@pytest.mark.parametrize("spelling", ["{}", "%2F", "url"])
@pytest.mark.parametrize("paper_id", IDS)
def test_ids_may_contain_slashes(client_and_folder: tuple[httpx.Client, Path], paper_id: str, spelling: str) -> None:
    client, _ = client_and_folder
    urls = {"10.1000/slash/and.dots": "https://doi.org/", "hep-th/9901001": "https://arxiv.org/abs/"}
    path = {"{}": paper_id, "%2F": paper_id.replace("/", "%2F"), "url": urls[paper_id] + paper_id}[spelling]
    assert client.get(f"/v1/papers/{path}").json()["id"] == IDS[paper_id]
    assert client.get(f"/v1/papers/{path}/similar").json()["total"] == 1


def test_a_new_generation_answers_without_a_restart(client_and_folder: tuple[httpx.Client, Path]) -> None:
    client, folder = client_and_folder
    before = client.get("/readyz").json()["generation"]
    index([write(folder, "b", [{"id": "2401.00009", "title": "New"}])], folder / "index", FakeEmbedder())
    assert client.get("/readyz").json()["generation"] != before
    assert client.get("/v1/search").json()["total"] == 3
    assert client.get("/v1/papers/2401.00009").json()["title"] == "New"


def test_limit_0_returns_counts_only(client: httpx.Client) -> None:
    for params in ({"q": "recommendation"}, {"author": "zhou"}, {"q": "cache", "mode": "lexical"}, {"like": KSA}):
        counts = client.get("/v1/search", params={**params, "limit": 0, "facets": True}).json()
        page = client.get("/v1/search", params={**params, "limit": 1, "facets": True}).json()
        assert (counts["hits"], counts["cursor"]) == ([], None)
        assert (counts["total"], counts["facets"]) == (page["total"], page["facets"])
        assert "link" not in client.get("/v1/search", params={**params, "limit": 0}).headers
    similar = client.get(f"/v1/papers/{KSA}/similar", params={"limit": 0}).json()
    assert (similar["hits"], similar["total"] > 0) == ([], True)


def test_query_text_and_parameters_are_equivalent(client: httpx.Client) -> None:
    parsed = client.get("/v1/search", params={"q": 'au:zhou cat:cs.IR date:>=2026-01 "kv cache"'}).json()
    assert parsed["interpretation"] == "au:zhou, cs.IR, since 2026-01, \"kv cache\", about 'kv cache'"
    assert parsed["authors"][0]["name"] == "zhou"
    params = {"q": '"kv cache"', "author": "zhou", "category": "Information Retrieval", "from": "2026-01"}
    same = client.get("/v1/search", params=params).json()
    assert [hit["id"] for hit in same["hits"]] == [hit["id"] for hit in parsed["hits"]]
    assert client.post("/v1/search", json={**params, "author": ["zhou"], "category": ["cs.IR"]}).json()["total"] == 1


def test_pages_facets_orders_and_examples_over_http(client: httpx.Client) -> None:
    params = {"q": "recommendation", "limit": 25, "facets": True, "sort": "newest"}
    page = client.get("/v1/search", params=params).json()
    assert page["facets"]["papers"] == page["total"]
    seen = [hit["id"] for hit in page["hits"]]
    while page["cursor"]:
        page = client.get("/v1/search", params={**params, "cursor": page["cursor"]}).json()
        seen += [hit["id"] for hit in page["hits"]]
    assert len(seen) == len(set(seen)) == page["total"]
    near = client.get("/v1/search", params={"q": "cache", "like": KSA, "unlike": "2412.14838"}).json()
    assert near["interpretation"] == f"like {KSA}, unlike 2412.14838, about 'cache'"
    assert not {KSA, "arxiv:2412.14838"} & {hit["id"] for hit in near["hits"]}


def test_name_variants_over_http(client: httpx.Client) -> None:
    found = client.get("/v1/authors", params={"name": "Zhou, G."}).json()
    assert found["variants"][0] == {"value": "Guorui Zhou", "papers": 7}
    for name in ("y" * 500, " ", "zhou*"):
        assert assert_problem(client.get("/v1/authors", params={"name": name}), 422)["field"] == "name"
    assert_problem(client.get("/v1/authors"), 422)


def test_suggestions_over_http(client: httpx.Client) -> None:
    found = client.get("/v1/suggest", params={"q": "guor zh", "limit": 3}).json()
    assert found == {"schema_version": 1, "authors": [{"value": "Guorui Zhou", "papers": 7}], "categories": []}
    found = client.get("/v1/suggest", params={"q": "comp lang"}).json()
    assert [(each["code"], each["name"]) for each in found["categories"]] == [("cs.CL", "Computation and Language")]
    assert len(client.get("/v1/suggest", params={"q": "z", "limit": 3}).json()["authors"]) == 3
    nothing = client.get("/v1/suggest")
    assert nothing.status_code == 200
    assert nothing.json()["authors"] == nothing.json()["categories"] == []
    assert assert_problem(client.get("/v1/suggest", params={"q": "z", "limit": 51}), 422)["field"] == "limit"
    assert assert_problem(client.get("/v1/suggest", params={"q": "z" * 201}), 422)["field"] == "q"
    assert_problem(client.get("/v1/suggest", params={"name": "z"}), 422)


def test_the_parts_of_a_query_over_http(client: httpx.Client) -> None:
    params = {"q": "au:zhou cat:cs.IR recommendation", "author": "Guorui Zhou"}
    page = client.get("/v1/search", params=params).json()
    assert page["parts"] == [
        {"description": "au:zhou", "remaining_query": "cat:cs.IR recommendation"},
        {"description": "cs.IR", "remaining_query": "au:zhou recommendation"},
        {"description": "about 'recommendation'", "remaining_query": "au:zhou cat:cs.IR"},
    ]
