"""HTTP responses: formats, content negotiation, conditional requests, batches."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import bibtexparser
import httpx
import pytest
import rispy
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from fake_embedder import FakeEmbedder
from http_server import HttpServer, assert_problem
from indexer.build import index
from sample import KSA
from search.searcher import Searcher
from search.session import Session
from service.api.schemas import BatchOut
from service.app import create_app
from service.formats import FORMATS, HIT_FIELDS, MEDIA_TYPES, PAPER_FIELDS, Format
from service.settings import Settings

QUERY_PARAMS = {"q": "recommendation", "limit": "3"}


def paper_ids(content: bytes, name: Format) -> list[str]:
    """Returns the IDs of the papers in a response, read by a parser of the format."""
    text = content.decode()
    if name == "json":
        return [hit["id"] for hit in json.loads(text)["hits"]]
    if name == "ndjson":
        return [json.loads(line)["id"] for line in text.splitlines()]
    if name == "csv":
        return [row["id"] for row in csv.DictReader(io.StringIO(text))]
    if name == "bibtex":
        return [entry["paperids"].split()[0] for entry in bibtexparser.parse_string(text).entries]
    if name == "ris":
        return [each["notes"][0].removeprefix("ids: ").split()[0] for each in rispy.loads(text)]
    if name == "csl-json":
        return [item["custom"]["ids"][0] for item in json.loads(text)]
    return [str(entry.findtext("{*}id")) for entry in etree.fromstring(content).iterfind("{*}entry")]


@pytest.mark.parametrize("name", FORMATS)
def test_a_query_has_the_same_papers_in_every_format(client: httpx.Client, name: Format) -> None:
    params = {**QUERY_PARAMS, "sort": "newest"}
    page = client.get("/v1/search", params=params)
    by_name, posted = (
        client.get("/v1/search", params={**params, "format": name}),
        client.post("/v1/search", json={**params, "limit": 3, "format": name}),
    )
    negotiated = client.get(
        "/v1/search", params=params, headers={"accept": MEDIA_TYPES[name].content_type.partition(";")[0]}
    )
    assert by_name.status_code == posted.status_code == negotiated.status_code == 200
    assert by_name.headers["content-type"] == negotiated.headers["content-type"] == MEDIA_TYPES[name].content_type
    saved = f'attachment; filename="papers.{MEDIA_TYPES[name].extension}"' if MEDIA_TYPES[name].extension else None
    assert by_name.headers.get("content-disposition") == saved
    ids = paper_ids(by_name.content, name)
    assert ids == paper_ids(posted.content, name) == paper_ids(negotiated.content, name)
    hits = page.json()["hits"]
    assert ids == [each["url"] if name == "atom" and each["url"] else each["id"] for each in hits] or name == "atom"
    assert len(ids) == len(hits) == 3


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("path", [f"/v1/papers/{KSA}", f"/v1/papers/{KSA}/similar"])
def test_papers_and_similar_papers_come_in_every_format(client: httpx.Client, path: str, name: Format) -> None:
    response = client.get(path, params={"format": name})
    assert (response.status_code, response.headers["content-type"]) == (200, MEDIA_TYPES[name].content_type)
    if MEDIA_TYPES[name].extension:
        file = "papers" if path.endswith("similar") else "arxiv-2604.24432"
        assert response.headers["content-disposition"] == f'attachment; filename="{file}.{MEDIA_TYPES[name].extension}"'
    pasted = client.post("/v1/similar", json={"text": "tokens", "limit": 2, "format": name, "sort": "relevance"})
    assert len(paper_ids(pasted.content, name)) == 2


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("text/csv", "csv"),
        ("TEXT/CSV ; q=0.5, application/json;q=0.4", "csv"),
        ("text/*;q=0.9, application/json;q=0.1", "csv"),
        ("application/x-bibtex, */*;q=0.1", "bibtex"),
        ("text/x-bibtex", "bibtex"),
        ("application/jsonl", "ndjson"),
        ("*/*;q=0.5, application/json;q=0", "ndjson"),
        ("application/atom+xml;type=feed", "atom"),
        ("application/json;q=nonsense, text/csv;q=0.1", "csv"),
    ],
)
def test_the_accept_header_is_negotiated(client: httpx.Client, accept: str, expected: Format) -> None:
    response = client.get("/v1/search", params=QUERY_PARAMS, headers={"accept": accept})
    assert response.headers["content-type"] == MEDIA_TYPES[expected].content_type
    assert response.headers["vary"] == "Accept"
    named = client.get("/v1/search", params={**QUERY_PARAMS, "format": "ris"}, headers={"accept": accept})
    assert named.headers["content-type"] == MEDIA_TYPES["ris"].content_type


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "x", ";;;", "application/"])
def test_unacceptable_accept_header_is_406(client: httpx.Client, accept: str) -> None:
    for path in ("/v1/search", f"/v1/papers/{KSA}", f"/v1/papers/{KSA}/similar"):
        assert "application/x-bibtex" in assert_problem(client.get(path, headers={"accept": accept}), 406)["detail"]


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_body_without_json_content_type_is_415(client: httpx.Client, kind: str) -> None:
    for path in ("/v1/search", "/v1/similar", "/v1/batch"):
        response = client.post(path, content=b'{"q": "x"}', headers={"content-type": kind})
        assert "application/json" in assert_problem(response, 415)["detail"]
    ours = {"content-type": "application/problem+json; charset=utf-8"}
    assert client.post("/v1/search", content=b'{"q": "x"}', headers=ours).status_code == 200


def test_unsupported_method_is_405_with_allow_header(client: httpx.Client) -> None:
    response = client.put("/v1/batch")
    assert_problem(response, 405)
    assert response.headers["allow"] == "OPTIONS, POST"
    assert client.put("/v1/search").headers["allow"] == "GET, HEAD, OPTIONS, POST"


@given(fields=st.lists(st.sampled_from(HIT_FIELDS), min_size=1, unique=True))
@settings(max_examples=25, deadline=None)
def test_any_fields_are_returned_in_their_order(client: httpx.Client, fields: list[str]) -> None:
    params = {**QUERY_PARAMS, "fields": ",".join(fields)}
    whole = client.get("/v1/search", params=QUERY_PARAMS).json()["hits"]
    some = client.get("/v1/search", params=params).json()["hits"]
    assert some == [{name: hit[name] for name in fields} for hit in whole]
    assert all(list(hit) == fields for hit in some)
    lines = client.get("/v1/search", params={**params, "format": "ndjson"}).text.splitlines()
    assert [json.loads(line) for line in lines] == some
    header = client.get("/v1/search", params={**params, "format": "csv"}).text.splitlines()[0]
    assert header.replace('"', "").split(",") == fields


def test_fields_of_a_body_may_be_a_list(client: httpx.Client) -> None:
    fields = ["title", "id"]
    for path, body in (("/v1/search", {"q": "cache"}), ("/v1/similar", {"text": "cache"})):
        as_list = client.post(path, json={**body, "fields": fields}).json()["hits"]
        assert as_list == client.post(path, json={**body, "fields": "title,id"}).json()["hits"]
        assert list(as_list[0]) == fields
        assert len(client.post(path, json={**body, "fields": []}).json()["hits"][0]) > 10
        assert assert_problem(client.post(path, json={**body, "fields": ["abstrct"]}), 422)["value"] == "abstrct"
        for invalid in (["id", 5], {"id": True}, 5):
            problem = assert_problem(client.post(path, json={**body, "fields": invalid}), 422)
            assert (problem["field"], "list of strings" in problem["allowed"]) == ("fields", True)
    batch = client.post("/v1/batch", json={"searches": [{"q": "cache", "fields": fields}]}).json()
    assert list(batch["results"][0]["hits"][0]) == fields
    csv_text = client.post("/v1/search", json={"fields": fields, "format": "csv"}).text
    assert csv_text.splitlines()[0].replace('"', "") == "title,id"


def test_unknown_fields_are_named(client: httpx.Client) -> None:
    for path, known in (("/v1/search", HIT_FIELDS), (f"/v1/papers/{KSA}", PAPER_FIELDS)):
        body = assert_problem(client.get(path, params={"fields": "id,abstrct"}), 422)
        assert (body["field"], body["value"]) == ("fields", "abstrct")
        assert ", ".join(known) in body["allowed"]
        assert_problem(client.get(path, params={"fields": "id", "format": "ris"}), 422)
        assert assert_problem(client.get(path, params={"format": "pdf"}), 422)["field"] == "format"
    only = client.get(f"/v1/papers/{KSA}", params={"fields": "title,id"}).json()
    assert list(only) == ["schema_version", "title", "id"]
    for url, names in ((f"/v1/papers/{KSA}?x=1", "format, fields"), ("/v1/authors?name=a&x=1", "name")):
        assert assert_problem(client.get(url), 422)["allowed"] == f"unknown parameter; the parameters are {names}"


def test_links_to_the_next_page_lead_through_the_whole_export(client: httpx.Client) -> None:
    for name in FORMATS:
        params = {"q": "attention", "limit": "25", "format": name, "sort": "newest"}
        response = client.get("/v1/search", params=params)
        ids = paper_ids(response.content, name)
        pages = 1
        while "next" in response.links:
            assert response.headers["link"].startswith("<?")
            response = client.get(response.url.join(response.links["next"]["url"]))
            ids += paper_ids(response.content, name)
            pages += 1
        whole = client.get("/v1/search", params={**params, "limit": 1_000})
        assert ids == paper_ids(whole.content, name)
        assert pages == -(-len(ids) // 25)
        assert "link" not in whole.headers


def test_a_feed_is_newest_first_and_links_to_itself_and_the_next_page(client: httpx.Client) -> None:
    response = client.get("/v1/search", params={"q": "attention", "limit": 1, "format": "atom"})
    feed = etree.fromstring(response.content)
    stamps = [str(entry.findtext("{*}published")) for entry in feed.iterfind("{*}entry")]
    assert stamps == sorted(stamps, reverse=True)
    links = {str(link.get("rel")): str(link.get("href")) for link in feed.iterfind("{*}link")}
    assert links["self"] == str(response.url)
    assert links["alternate"] == str(client.base_url.join("/?q=attention"))
    following = etree.fromstring(client.get(links["next"]).content)
    assert following.findtext("{*}id") == feed.findtext("{*}id")
    best = client.get("/v1/search", params={"q": "attention", "limit": 2, "format": "atom", "sort": "relevance"})
    page = client.get("/v1/search", params={"q": "attention", "limit": 2}).json()
    titles = [entry.findtext("{*}title") for entry in etree.fromstring(best.content).iterfind("{*}entry")]
    assert titles == [hit["title"] for hit in page["hits"] if hit["title"]]


def test_conditional_requests_skip_the_search(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("/v1/search", f"/v1/papers/{KSA}", f"/v1/papers/{KSA}/similar"):
        tag = client.get(path).headers["etag"]
        assert re.fullmatch(r'W/"gen-\d+-[0-9a-f]{24}"', tag)
        others = [client.get(path, params={"format": "csv"}), client.get(path, params={"fields": "id"})]
        assert len({tag, *(each.headers["etag"] for each in others)}) == 3
        with monkeypatch.context() as patched:
            patched.setattr("search.session.Session.ask", lambda *_: 1 / 0)
            patched.setattr("search.session.Session.paper", lambda *_: 1 / 0)
            for header in (tag, tag[2:], f'"x", {tag}'):
                response = client.get(path, headers={"if-none-match": header})
                assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
        assert client.get(path, headers={"if-none-match": 'W/"gen-000001-x"'}).status_code == 200
    params = [
        {"q": "a"},
        {"q": "b"},
        {"author": "zhou"},
        {"category": "cs"},
        {"limit": "3"},
        {"mode": "lexical", "q": "cache"},
    ]
    tags = {client.get("/v1/search", params=each).headers["etag"] for each in params}
    assert len(tags) == len(params)
    assert "etag" not in client.post("/v1/search", json={}).headers


def test_a_new_generation_changes_the_etag(tmp_path: Path) -> None:
    def publish(number: int) -> None:
        (tmp_path / str(number)).write_text(
            json.dumps({"id": f"2401.{number:05}", "title": f"Paper {number}"}), "utf-8"
        )
        index([tmp_path / str(number)], tmp_path / "index", FakeEmbedder())

    publish(1)
    server = HttpServer(create_app(Searcher(tmp_path / "index", lambda _model: FakeEmbedder()), Settings()))
    try:
        tag = server.client.get("/v1/search").headers["etag"]
        assert server.client.get("/v1/search", headers={"if-none-match": tag}).status_code == 304
        publish(2)
        response = server.client.get("/v1/search", headers={"if-none-match": tag})
        assert (response.status_code, response.json()["total"]) == (200, 2)
        assert response.headers["etag"] != tag
    finally:
        server.close()


def test_a_batch_uses_one_generation_and_reports_each_error(client: httpx.Client) -> None:
    searches: list[Any] = [
        {"q": "KV cache compression", "limit": 2},
        {"q": "x", "limit": -1},
        {"category": ["cs.LX"]},
        {"author": ["Guorui Zhou"], "fields": "id,title", "limit": 3},
        {"q": "x", "format": "csv"},
        {"k": 1},
        "words",
        {"like": ["arxiv:2499.99999"]},
    ]
    response = client.post("/v1/batch", json={"searches": searches})
    batch = response.json()
    assert response.status_code == 200
    results = batch["results"]
    assert [each.get("status") for each in results] == [None, 422, 422, None, 422, 422, 422, 404]
    assert [each.get("field") for each in results] == [None, "limit", "category", None, "format", "k", "body", None]
    alone = client.post("/v1/search", json=searches[0]).json()
    assert {**results[0], "explanation": None} == {**alone, "explanation": None}
    assert all(list(hit) == ["id", "title"] for hit in results[3]["hits"])
    assert {each["generation"] for each in results if "hits" in each} == {batch["generation"]}
    BatchOut.model_validate({**batch, "results": results[:3]})


def test_a_batch_uses_one_generation_during_a_publish(
    sample_searcher: Searcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = tmp_path / "papers.jsonl"
    papers.write_text('{"id": "2401.00001", "title": "One"}', "utf-8")
    index([papers], tmp_path / "index", FakeEmbedder())
    searcher = Searcher(tmp_path / "index", lambda _model: FakeEmbedder())
    ask = Session.ask

    def publishing(self: Session, *params: Any) -> Any:
        papers.write_text('{"id": "2401.00002", "title": "Two"}', "utf-8")
        index([papers], tmp_path / "index", FakeEmbedder())
        return ask(self, *params)

    monkeypatch.setattr(Session, "ask", publishing)
    server = HttpServer(create_app(searcher, Settings()))
    try:
        batch = server.client.post("/v1/batch", json={"searches": [{}, {}]}).json()
        assert [(each["total"], each["generation"]) for each in batch["results"]] == [(1, "gen-000001")] * 2
        assert server.client.get("/v1/search").json()["total"] == 2
    finally:
        server.close()
    assert sample_searcher.session().snapshot is sample_searcher.snapshot


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"searches": []}, "searches"),
        ({"searches": [{}] * 51}, "searches"),
        ({"searches": [{"limit": 600}, {"limit": 600}]}, "searches"),
        ({"searches": {"q": "x"}}, "searches"),
        ({}, "searches"),
        ({"searches": [{}], "mode": "x"}, "mode"),
    ],
)
def test_an_invalid_batch_is_rejected(client: httpx.Client, body: dict[str, Any], field: str) -> None:
    assert assert_problem(client.post("/v1/batch", json=body), 422)["field"] == field
