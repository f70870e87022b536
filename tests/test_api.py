"""The HTTP API over a real socket."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_health(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["generation"] == "gen-000001"


@pytest.mark.parametrize(
    ("parameters", "field", "detail"),
    [
        ({"limit": "-1"}, "limit", "from 0 to 1000"),
        ({"limit": "1000000000"}, "limit", "from 0 to 1000"),
        ({"limit": "ten"}, "limit", "integer"),
        ({"mode": "fast"}, "mode", "hybrid"),
        ({"from": "2026-02-30"}, "from", "not a valid date"),
        ({"from": "2026", "to": "2025"}, "from", "swap the two"),
        ({"updated_from": "2026-02-30"}, "updated_from", "30d"),
        ({"updated_to": "soon"}, "updated_to", ""),
        ({"not_author": " "}, "not_author", "give a name"),
        ({"start": "2026"}, "start", "unknown parameter; use q,"),
        ({"category": "cs.LX"}, "category", "did you mean"),
        ({"author": " "}, "author", "give a name"),
        ({"q": "the of", "mode": "lexical"}, "q", "only stop words"),
        ({"k": "3"}, "k", "unknown parameter; use q, author, not_author, category"),
        ({"q": "y" * 30_000}, "q", "30,000 characters"),
    ],
)
def test_an_invalid_parameter_is_named(
    client: httpx.Client, parameters: dict[str, str], field: str, detail: str
) -> None:
    body = assert_problem(client.get("/v1/search", params=parameters), 422)
    assert body["field"] == field
    assert detail in body["detail"]
    assert body["value"][:20] == parameters[field][:20]
    assert body["allowed"]


@pytest.mark.parametrize(
    ("content", "status", "field"),
    [
        (b"{", 400, "body"),
        (b"[]", 422, "body"),
        (b'{"q": 5}', 422, "q"),
        (b'{"query": "x"}', 422, "query"),
        (b'{"author": "Guorui Zhou"}', 422, "author"),
        (b'{"limit": 1.5}', 422, "limit"),
        (b'{"q": "' + b"y" * 30_000 + b'"}', 422, "q"),
        (b'{"q": "' + b"y" * 1_100_000 + b'"}', 413, None),
        (b'{"q": NaN}', 422, "q"),
        (b"\xff\xfe", 400, "body"),
        (b"[" * 100_000, 400, "body"),
    ],
)
def test_an_invalid_body_is_named(client: httpx.Client, content: bytes, status: int, field: str | None) -> None:
    response = client.post("/v1/search", content=content, headers={"content-type": "application/json"})
    body = assert_problem(response, status)
    assert field is None or body["field"] == field


@pytest.mark.parametrize(
    ("content", "position", "reason"),
    [
        (b'{"q": "cache", "from" 2025}', 23, "expecting ':' delimiter"),
        (b'{"q": "cache", "limit": 3', 26, "expecting ',' delimiter"),
        (b'{"q": "caf\xc3\xa9" "from": 2025}', 14, "expecting ',' delimiter"),
        (b"q=cache", 1, "expecting value"),
        (b"", 1, "expecting value"),
        (b'{"q": "a"} {"q": "b"}', 12, "extra data"),
        (b"{'q': 'cache'}", 2, "expecting property name"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/search", "/v1/similar", "/v1/batch"])
def test_a_json_syntax_error_is_400_with_its_position(
    client: httpx.Client, path: str, content: bytes, position: int, reason: str
) -> None:
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    body = assert_problem(response, 400)
    assert body["detail"].startswith(f"invalid JSON at character {position}: {reason}")
    assert (body["field"], body["position"]) == ("body", position)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b'{"q": "\xff"}', "invalid byte at position 8"),
        (b'{"q": [' * 20_000, "nested too deeply"),
        (b'{"limit": ' + b"9" * 5_000 + b"}", "too many digits"),
    ],
)
def test_a_body_that_cannot_be_read_as_json_is_400(client: httpx.Client, content: bytes, detail: str) -> None:
    body = assert_problem(client.post("/v1/search", content=content, headers={"content-type": "application/json"}), 400)
    assert body["field"] == "body"
    assert detail in body["detail"]


def test_a_problem_gives_the_position_in_the_query(client: httpx.Client) -> None:
    body = assert_problem(client.get("/v1/search", params={"q": "cache date:2026-13"}), 422)
    assert (body["field"], body["position"]) == ("q", 7)
    assert "position" not in assert_problem(client.get("/v1/search", params={"limit": "-1"}), 422)


def test_limit_0_returns_counts_only(client: httpx.Client) -> None:
    for params in ({"q": "recommendation"}, {"author": "zhou"}, {"q": "cache", "mode": "lexical"}, {"like": KSA}):
        counts = client.get("/v1/search", params={**params, "limit": 0, "facets": True}).json()
        page = client.get("/v1/search", params={**params, "limit": 1, "facets": True}).json()
        assert (counts["hits"], counts["cursor"]) == ([], None)
        assert (counts["total"], counts["facets"]) == (page["total"], page["facets"])
        assert "link" not in client.get("/v1/search", params={**params, "limit": 0}).headers
    similar = client.get(f"/v1/papers/{KSA}/similar", params={"limit": 0}).json()
    assert (similar["hits"], similar["total"] > 0) == ([], True)


def test_a_body_of_unknown_length_is_read_within_the_limit(client: httpx.Client) -> None:
    head = {"content-type": "application/json"}
    assert client.post("/v1/search", content=iter([b'{"q": ', b'"cache"}']), headers=head).status_code == 200
    assert_problem(client.post("/v1/search", content=iter([b"y" * 100_000] * 11), headers=head), 413)


def test_not_found_has_the_same_problem_shape(client: httpx.Client) -> None:
    assert "2499.99999" in assert_problem(client.get("/v1/papers/arxiv:2499.99999"), 404)["detail"]
    assert "IDs look like" in assert_problem(client.get("/v1/papers/..%2F..%2Fetc%2Fpasswd"), 404)["detail"]
    assert_problem(client.get("/v1/papers/arxiv:2499.99999/similar"), 404)
    assert_problem(client.get("/nowhere"), 404)
    assert_problem(client.delete("/v1/search"), 405)
    assert "/nowhere" in assert_problem(client.get("/nowhere"), 404)["detail"]
    for text in (" ", "y" * 30_000):
        assert assert_problem(client.post("/v1/similar", json={"text": text}), 422)["field"] == "text"


@given(
    q=st.text(max_size=40),
    author=st.text(max_size=20),
    category=st.sampled_from(["", "cs", "cs.CL", "CS.cl", "x\0"]),
    start=st.sampled_from(["", "2024", "0", "9999", "2026-02-29"]) | st.text(max_size=8),
    limit=st.sampled_from(["1", "10", "0", "1e3", "٣"]),
)
@settings(max_examples=60, deadline=None)
def test_any_query_returns_results_or_a_problem(
    client: httpx.Client, q: str, author: str, category: str, start: str, limit: str
) -> None:
    params = {"q": q, "author": author, "category": category, "from": start, "limit": limit}
    response = client.get("/v1/search", params={name: value for name, value in params.items() if value})
    assert response.status_code == 200 or assert_problem(response, 422)["field"] in params


def test_internal_error_is_a_500_without_details(sample_searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    server = HttpServer(create_app(sample_searcher, Settings()))
    try:
        monkeypatch.setattr("search.session.Session.search", lambda *_: 1 / 0)
        response = server.client.get("/v1/search")
        body = assert_problem(response, 500)
        assert response.headers["x-request-id"] in body["detail"]
        assert "division" not in json.dumps(body)
    finally:
        server.close()


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


@pytest.mark.parametrize(
    "q",
    [
        "' OR 1=1; DROP TABLE papers; --",
        "(a+)+$ .* [a-z]{1,9999}",
        "(" * 6_000 + ")" * 6_000,
        "au:(" * 4_000,
        " OR ".join(["ti:x"] * 2_000),
        "-" * 19_999 + "x",
        'ti:"' * 4_000,
        "cat:" + "x" * 10_000,
        "date:[9999999 TO *]",
        "au:" + "y" * 500,
        "\x00\x1b[31m au:zhou",
        "word " * 3_900,
    ],
)
def test_no_query_breaks_the_service(client: httpx.Client, q: str) -> None:
    answer = client.post("/v1/search", json={"q": q})
    assert answer.status_code in (200, 422), answer.text[:200]
    if answer.status_code == 422:
        assert answer.json()["field"] in ("q", "author", "category")
