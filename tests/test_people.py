"""Who works on a topic: the ranking of authors, and the same answer from every interface."""

import json
from collections.abc import Iterator
from string import ascii_lowercase
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mcp_calls
from cli_call import run
from http_server import HttpServer, assert_problem
from search.columns.postings import Postings
from search.errors import InvalidValue
from search.language.framing import find_people_topic
from search.searcher import Searcher
from service.api.overview_schemas import PeopleOut
from service.app import create_app
from service.settings import Settings
from strategies import MakeSearcher
from web_pages import query_pairs, read_page, text_of

CACHE = "cache compression of attention memory"
Record = dict[str, object]


def make_paper(
    number: int, title: str, authors: list[str], year: int | None = 2025, categories: tuple[str, ...] = ("cs.CL",)
) -> Record:
    published = f"{year}-01-01" if year else None
    fields = {"id": f"10.1000/people.{number}", "title": title, "authors": authors, "published": published}
    return {**fields, "categories": list(categories)}


def make_records() -> list[Record]:
    """Papers of several topics, each named by a word of its own."""
    crowd = [f"Member{number} Crowd" for number in range(200)]
    topics: dict[str, list[tuple[list[str], int | None]]] = {
        "quantity": [(["Ada Byron"], 2025), (["Ada Byron"], 2025), (["Ada Byron"], 2025), (["Eve Stone"], 2025)],
        "recency": [(["Ada Byron"], 2021), (["Eve Stone"], 2025)],
        "crowding": [*[(crowd, 2025)] * 10, (["Ada Byron"], 2025)],
        "spelling": [(["José García"], 2025), (["Jose Garcia"], 2025)],
        "capitals": [([name], 2025) for name in ("Rui lindqvist", "Rui Lindqvist", "RUI LINDQVIST")],
        "solitude": [(["Ada Byron"], 2025), *[(crowd[:6], 2025)] * 2],
        "yearly": [(["Ada Byron"], year) for year in (2020, 2022, 2023, 2025)],
        "undated": [([], 2025), (["Ada Byron"], None)],
        CACHE: [([f"Ada{letter} Byron"], 2000 + place) for place, letter in enumerate(ascii_lowercase[:22])],
    }
    papers = [(topic, *each) for topic, papers in topics.items() for each in papers]
    records = [make_paper(number, f"{topic} {number}", *rest) for number, (topic, *rest) in enumerate(papers)]
    records += [make_paper(500, "nearness of bees", ["Ada Byron"]), make_paper(501, "nearness nearness", ["Eve Stone"])]
    return [*records, make_paper(502, f"{CACHE} and <b>", ["Eve <i>Stone"], categories=("cs.IR",))]


@pytest.fixture(scope="module")
def people_searcher(make_searcher: MakeSearcher) -> Searcher:
    return make_searcher(make_records())


def rank(searcher: Searcher, topic: str) -> dict[str, float]:
    return {author.name: author.score for author in searcher.people(topic, mode="lexical")}


def test_more_papers_rank_higher(people_searcher: Searcher) -> None:
    scores = rank(people_searcher, "quantity")
    assert list(scores) == ["Ada Byron", "Eve Stone"]
    assert scores["Ada Byron"] == 1 > scores["Eve Stone"]


def test_an_old_paper_counts_half_after_four_years(people_searcher: Searcher) -> None:
    scores = rank(people_searcher, "recency")
    assert list(scores) == ["Eve Stone", "Ada Byron"]
    assert scores["Ada Byron"] == pytest.approx(0.5, abs=0.001)


def test_a_nearer_paper_counts_more(people_searcher: Searcher) -> None:
    assert list(rank(people_searcher, "nearness")) == ["Eve Stone", "Ada Byron"]


def test_members_of_a_collaboration_do_not_lead(people_searcher: Searcher) -> None:
    assert next(iter(rank(people_searcher, "crowding"))) == "Ada Byron"


def test_spellings_of_a_name_count_as_one_author(people_searcher: Searcher) -> None:
    (author,) = people_searcher.people("spelling", mode="lexical").authors
    assert (author.name, author.papers) == ("José García", 2)


def test_a_name_is_shown_with_capitals_if_a_paper_has_them(people_searcher: Searcher) -> None:
    (author,) = people_searcher.people("capitals", mode="lexical").authors
    assert (author.name, author.papers) == ("Rui Lindqvist", 3)


def test_more_papers_count_more_than_fewer_coauthors(people_searcher: Searcher) -> None:
    names = list(rank(people_searcher, "solitude"))
    assert names[-1] == "Ada Byron"


def test_an_author_has_the_years_and_best_papers(people_searcher: Searcher) -> None:
    (author,) = people_searcher.people("yearly", mode="lexical").authors
    assert (author.papers, author.first_year, author.last_year, author.years) == (4, 2020, 2025, "2020–2025")
    assert [str(paper.published)[:4] for paper in author.top_papers] == ["2025", "2023", "2022"]


def test_papers_without_dates_or_authors_do_no_harm(people_searcher: Searcher) -> None:
    (author,) = people_searcher.people("undated", mode="lexical").authors
    assert (author.papers, author.years) == (1, "")


def test_nothing_relevant_has_no_authors(people_searcher: Searcher) -> None:
    people = people_searcher.people("zeppelin", mode="lexical")
    assert (len(people), people.papers) == (0, 0)


@pytest.mark.parametrize("limit", [0, 101])
def test_the_limit_is_checked(people_searcher: Searcher, limit: int) -> None:
    with pytest.raises(InvalidValue, match="from 1 to 100"):
        people_searcher.people(CACHE, limit=limit)


@given(st.lists(st.lists(st.integers(0, 5), max_size=4, unique=True), min_size=1, max_size=80), st.data())
def test_pairs_of_rows_are_the_values_of_each_row(value_lists: list[list[int]], data: st.DataObject) -> None:
    values = np.array([value for each in value_lists for value in sorted(each)], np.int64)
    rows = np.array([row for row, each in enumerate(value_lists) for _ in each], np.int64)
    postings = Postings.empty().with_pairs(values, rows, 6, len(value_lists))
    ids = np.array(data.draw(st.lists(st.integers(0, len(value_lists) - 1), max_size=10)), np.int64)
    positions, found = postings.pairs_of_rows(ids)
    expected = [(place, value) for place, row in enumerate(ids.tolist()) for value in sorted(value_lists[row])]
    assert list(zip(positions.tolist(), found.tolist(), strict=True)) == expected


@pytest.fixture(scope="module")
def people_client(people_searcher: Searcher) -> Iterator[httpx.Client]:
    server = HttpServer(create_app(people_searcher, Settings()))
    yield server.client
    server.close()


def test_every_interface_gives_the_same_authors(people_searcher: Searcher, people_client: httpx.Client) -> None:
    expected = people_searcher.people(CACHE, mode="lexical", limit=5).to_json()
    params: dict[str, Any] = {"q": CACHE, "mode": "lexical", "limit": 5}
    body = people_client.get("/v1/people", params=params).json()
    assert PeopleOut.model_validate(body).model_dump(mode="json") == body == {"schema_version": 1, **expected}
    directory = str(people_searcher.snapshot.layout.directory)
    done = run("people", CACHE, "--mode", "lexical", "-n", "5", "--json", "--index", directory)
    assert json.loads(done.stdout) == body
    text = run("people", CACHE, "--mode", "lexical", "-n", "5", "--index", directory).stdout
    assert [line.partition(" · ")[0][3:] for line in text.split("\n") if line[:1].isdigit()] == [
        author["name"] for author in body["authors"]
    ]
    answer = mcp_calls.structured_content(people_client, "people", **params)
    assert answer["authors"] == body["authors"]
    tree = read_page(people_client, "/people?mode=lexical&q=" + CACHE.replace(" ", "+"), 200)
    names = [text_of(link) for link in tree.xpath('//ol[@class="people"]/li/h2')]
    assert names[:5] == [author["name"] for author in body["authors"]]


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("who works on lattice codes?", "lattice codes"),
        ("Who is working on bees", "bees"),
        ("who studies bees", "bees"),
        ("experts in bees", "bees"),
        ("find leading experts on bees", "bees"),
        ("researchers working on bees au:stone", "bees au:stone"),
        ("people who work on bees", "bees"),
        ("mixture of experts in language models", None),
        ("experts", None),
        ("people in crowds", None),
        ("who works on", None),
    ],
)
def test_a_question_for_people_has_a_topic(question: str, topic: str | None) -> None:
    assert find_people_topic(question) == topic


def test_a_question_for_people_leads_to_them(people_searcher: Searcher, people_client: httpx.Client) -> None:
    question = f"who works on {CACHE}"
    assert people_searcher.people(question, mode="lexical") == people_searcher.people(CACHE, mode="lexical")
    page = read_page(people_client, f"/?mode=lexical&q={question.replace(' ', '+')}", 200)
    (link,) = page.xpath(f'//a[text()="People who work on {CACHE}"]/@href')
    assert link.startswith("/people?")
    assert query_pairs(link) == {("q", CACHE), ("mode", "lexical")}
    answered = read_page(people_client, f"/people?q={question.replace(' ', '+')}", 200)
    (as_typed,) = answered.xpath('//p[@class="note"]/a/@href')
    assert ("verbatim", "true") in query_pairs(as_typed)


def test_filters_apply(people_client: httpx.Client) -> None:
    params = {"q": CACHE, "mode": "lexical", "category": "cs.IR"}
    body = people_client.get("/v1/people", params=params).json()
    assert [author["name"] for author in body["authors"]] == ["Eve <i>Stone"]
    assert_problem(people_client.get("/v1/people", params={"q": CACHE, "limit": 101}), 422)


def test_a_command_without_authors_says_so(people_searcher: Searcher) -> None:
    done = run("people", "zeppelin", "-m", "lexical", "--index", str(people_searcher.snapshot.layout.directory))
    assert done.returncode == 4
    assert "no relevant paper has an author" in done.stderr


def test_the_page_links_to_authors_and_to_their_relevant_papers(people_client: httpx.Client) -> None:
    url = "/people?mode=lexical&category=cs.CL&q=" + CACHE.replace(" ", "+")
    tree = read_page(people_client, url, 200)
    assert tree.xpath('//nav[@class="views"]/a[@aria-current]/text()') == ["People"]
    assert len(tree.xpath('//ol[@class="people"]/li')) == 20
    (relevant,) = tree.xpath('(//ol[@class="people"]/li)[1]//p[@class="facts"]/a[1]/@href')
    assert query_pairs(relevant) >= {("q", CACHE), ("category", "cs.CL"), ("mode", "lexical")}
    assert "1 paper" in text_of(read_page(people_client, relevant, 200).xpath('//*[@role="status"]')[0])
    (more,) = tree.xpath('//a[text()="More people"]/@href')
    assert len(read_page(people_client, more, 200).xpath('//ol[@class="people"]/li')) == 22
    assert all(link.startswith("/people?") for link in tree.xpath('//ul[@class="chips"]//a/@href'))
    assert "Enter a topic" in text_of(read_page(people_client, "/people", 200))


def test_people_as_tables(people_searcher: Searcher) -> None:
    pytest.importorskip("pandas")
    people = people_searcher.people(CACHE, mode="lexical", limit=30)
    table = people.to_dataframe()
    assert table["name"].tolist() == [author.name for author in people]
    assert "Eve &lt;i&gt;Stone" in people._repr_html_()
