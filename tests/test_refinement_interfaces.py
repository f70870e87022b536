"""Refinements and answered corrections in JSON, on the web page, on the command line and over MCP."""

from typing import Any

import httpx
import pytest

from cli_call import run, run_json
from mcp_calls import structured_content, text_content
from web_pages import query_pairs, read_page, text_of, titles

NAME, BY_NAME = "Guorui Zhou", 'au:"Guorui Zhou"'
TYPO, CORRECTED = "compresion", "compression"


def refinement_links(tree: Any) -> dict[str, dict[str, str]]:
    """Returns the links that a page offers, by heading and label."""
    return {
        text_of(group.find("h2")): {text_of(link): link.get("href") for link in group.iter("a")}
        for group in tree.xpath('//*[@class="refinements"]')
    }


@pytest.mark.parametrize(("typed", "answered"), [(NAME, BY_NAME), (TYPO, CORRECTED)])
def test_http_says_what_was_answered_and_verbatim_answers_the_rest(
    client: httpx.Client, typed: str, answered: str
) -> None:
    page = client.get("/v1/search", params={"q": typed}).json()
    assert page["answered_query"] == answered
    assert page["hits"] == client.get("/v1/search", params={"q": answered}).json()["hits"]
    as_typed = client.get("/v1/search", params={"q": typed, "verbatim": True}).json()
    assert (as_typed["answered_query"], as_typed["interpretation"]) == (None, f"about '{typed}'")
    assert as_typed["hits"][0]["band"] != "strong"
    etags = {client.get("/v1/search", params={"q": typed, "verbatim": each}).headers["etag"] for each in (True, False)}
    assert len(etags) == 2


def test_http_lists_refinements_that_search(client: httpx.Client) -> None:
    page = client.get("/v1/search", params={"q": "latest KV cache 2026"}).json()
    assert page["refinements"] == [
        {
            "kind": "filter",
            "label": "Published in 2026",
            "query": "latest KV cache year:2026",
            "sort": None,
            "papers": None,
        },
        {"kind": "filter", "label": "Newest first", "query": "KV cache 2026", "sort": "newest", "papers": None},
    ]
    first, second = page["refinements"]
    dates = [hit["published"] for hit in client.get("/v1/search", params={"q": first["query"]}).json()["hits"]]
    assert all(date.startswith("2026") for date in dates)
    sorted_page = client.get("/v1/search", params={"q": second["query"], "sort": second["sort"]}).json()
    dates = [hit["published"] for hit in sorted_page["hits"]]
    assert dates == sorted(dates, reverse=True)
    batch = client.post("/v1/batch", json={"searches": [{"q": TYPO}]}).json()["results"]
    assert batch[0]["answered_query"] == CORRECTED


def test_the_page_links_to_refinements(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=latest+KV+cache+2026&category=cs", 200)
    links = refinement_links(tree)["Add a filter"]
    assert query_pairs(links["Published in 2026"]) == {("q", "latest KV cache year:2026"), ("category", "cs")}
    newest = {("q", "KV cache 2026"), ("category", "cs"), ("sort", "newest")}
    assert query_pairs(links["Newest first"]) == newest
    for href in links.values():
        assert titles(read_page(client, href, 200))
    assert not refinement_links(read_page(client, "/?q=recommendation", 200))


def test_the_page_shows_the_correction_with_a_link_back(client: httpx.Client) -> None:
    tree = read_page(client, f"/?q={TYPO}&sort=newest", 200)
    (note,) = tree.xpath('//p[@class="note"]')
    assert text_of(note) == f"Showing results for {CORRECTED}. Search instead for {TYPO}."
    corrected, typed = (link.get("href") for link in note.iter("a"))
    assert titles(tree) == titles(read_page(client, corrected, 200))
    assert query_pairs(typed) == {("q", TYPO), ("sort", "newest"), ("verbatim", "true")}
    assert tree.xpath('//input[@name="q"]')[0].get("value") == TYPO
    as_typed = read_page(client, typed, 200)
    assert text_of(as_typed.xpath('//p[@class="note"]')[0]) == f"Did you mean {CORRECTED}?"
    assert not as_typed.xpath('//input[@name="verbatim"]')  # a new query starts without it
    facet = tree.xpath('//nav[@aria-label="Filters"]//ul/li/a')[0].get("href")
    assert ("q", CORRECTED) in query_pairs(facet)


def test_the_page_shows_the_papers_of_a_named_author(client: httpx.Client) -> None:
    tree = read_page(client, "/?q=Guorui+Zhou", 200)
    assert titles(tree) == titles(read_page(client, "/?q=au:%22Guorui+Zhou%22", 200))
    (note,) = tree.xpath('//p[@class="note"]')
    assert text_of(note) == f"Showing results for {BY_NAME}. Search instead for {NAME}."
    as_typed = read_page(client, list(note.iter("a"))[1].get("href"), 200)
    links = refinement_links(as_typed)["Author"]
    assert query_pairs(links["Papers by Guorui Zhou (7)"]) == {("q", BY_NAME)}


def test_the_command_line_prints_further_queries_to_standard_error(index_options: list[str]) -> None:
    done = run("search", "latest KV cache 2026", "-n", "1", *index_options)
    line = "papers: with a filter: latest KV cache year:2026; KV cache 2026 --sort newest"
    assert done.stderr.splitlines() == [line]
    assert run("search", "latest KV cache 2026", "--format", "bibtex", *index_options).stderr == ""
    done = run("search", TYPO, "-n", "1", *index_options)
    assert done.stderr.splitlines() == [
        f"papers: showing results for: {CORRECTED} (--verbatim searches for the text as typed)"
    ]
    done = run("search", TYPO, "--verbatim", "-n", "1", *index_options)
    assert done.stderr.splitlines()[0] == f"papers: did you mean: {CORRECTED}"
    assert run_json("search", NAME, *index_options)["answered_query"] == BY_NAME
    done = run("search", NAME, "--verbatim", *index_options)
    assert f"papers: papers by this author: {BY_NAME} (7)" in done.stderr.splitlines()


def test_mcp_tells_agents(client: httpx.Client) -> None:
    answer = structured_content(client, "search", q="recommendation 2026")
    assert [each["query"] for each in answer["refinements"]] == ["recommendation year:2026"]
    assert "try: recommendation year:2026 (Published in 2026)" in text_content(
        client, "search", q="recommendation 2026"
    )
    assert structured_content(client, "search", q=TYPO)["answered_query"] == CORRECTED
    assert f"showing results for: {CORRECTED} (verbatim: true" in text_content(client, "search", q=TYPO)
    assert structured_content(client, "search", q=TYPO, verbatim=True)["answered_query"] is None
    assert structured_content(client, "facets", q=TYPO)["answered_query"] == CORRECTED


def test_every_interface_says_that_a_question_is_not_in_english(client: httpx.Client, index_options: list[str]) -> None:
    question, notice = "图像识别", "not to be in English, the only language that the model knows"
    assert notice in client.get("/v1/search", params={"q": question}).json()["notices"][0]
    assert client.get("/v1/search", params={"q": "recommendation"}).json()["notices"] == []
    (note,) = read_page(client, f"/?q={question}", 200).xpath('//p[@class="note"]')
    assert notice in text_of(note)
    assert notice in run("search", question, "-n", "1", *index_options).stderr
    assert notice in structured_content(client, "search", q=question)["notices"][0]
    assert notice in text_content(client, "search", q=question)
