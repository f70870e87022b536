"""The people behind one name: how papers tell them apart, corrections, and the same people from every interface."""

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

import mcp_calls
from cli_call import run
from http_server import HttpServer
from indexer.state import StateDatabase
from person_records import NAME, TOPICS, make_record, make_records
from search.errors import InvalidValue
from search.people.clustering import group_by_person
from search.people.evidence import FEATURES, NO_LINK, PairEvidence
from search.people.persons import Persons
from search.query.filter import Filter
from search.query.people import PersonCorrections
from search.query.query import Query
from search.searcher import Searcher
from search.session import Session
from service.api.schemas import AuthorsOut
from service.app import create_app
from service.settings import Settings
from service.state.person_statements import PersonStatements
from service.state.profiles import Profile
from service.state.transfer import export_state, import_state
from strategies import MakeSearcher
from web_pages import query_pairs, read_page, text_of


@pytest.fixture(scope="module")
def searcher(make_searcher: MakeSearcher) -> Searcher:
    many = [*(f"Ann{n} Reed" for n in range(8)), "Hidden Author", "Ann8 Reed", "Ann9 Reed"]
    return make_searcher([*make_records(), make_record("many.0", "wind", "sail mast", many, "physics")])


@pytest.fixture(scope="module")
def session(searcher: Searcher) -> Session:
    return searcher.session()


@pytest.fixture
def client(searcher: Searcher, tmp_path: Path) -> Iterator[httpx.Client]:
    server = HttpServer(create_app(searcher, Settings(state=tmp_path / "state.sqlite")))
    yield server.client
    server.close()


def papers_of(session: Session, persons: Persons) -> list[set[str]]:
    store = session.snapshot.store
    return [{paper.id.removeprefix("doi:10.1000/") for paper in store.get(each.rows.tolist())} for each in persons]


CACHE, GALAXY = ({f"{topic}.{number}" for number in range(4)} for topic in TOPICS)


def test_people_differ_by_coauthors_and_subjects(session: Session) -> None:
    persons = session.persons(NAME)
    assert papers_of(session, persons) == [CACHE, GALAXY]
    first, second = persons
    assert (first.papers, set(first.coauthors)) == (4, {"Kun Gai", "Eve Stone"})
    assert first.label != second.label
    assert first.id.startswith("doi:10.1000/cache.")


def test_a_ranked_name_stands_for_the_person_who_works_on_the_topic(searcher: Searcher, client: httpx.Client) -> None:
    for topic in TOPICS:
        author = next(each for each in searcher.people(topic, mode="lexical") if each.name == NAME)
        assert str(author.person).startswith(f"doi:10.1000/{topic}.")
        assert (author.papers, author.may_be_several) == (4, False)
        (link,) = read_page(client, f"/people?mode=lexical&q={topic}", 200).xpath(f'//h2/a[text()="{NAME}"]/@href')
        assert "4 papers" in text_of(read_page(client, link, 200).xpath('//*[@role="status"]')[0])
    everybody = searcher.people("", limit=100)
    assert [(each.papers, each.person is None) for each in everybody if each.name == NAME] == [(4, False)]


def test_the_author_of_the_page_is_not_folded(client: httpx.Client) -> None:
    tree = read_page(client, "/author?name=Hidden+Author", 200)
    (authors,) = tree.xpath('//article//div[@class="authors"]')
    shown = [text_of(link) for link in authors.xpath("./a")]
    assert shown == [*(f"Ann{n} Reed" for n in range(6)), "Hidden Author"]
    assert "and 4 more" in text_of(authors)


def test_a_rare_name_is_one_person(session: Session) -> None:
    assert papers_of(session, session.persons("Zoltan Quirke")) == [{"rare.0", "rare.1"}]


def test_names_that_exclude_each_other_are_different_people(make_searcher: MakeSearcher) -> None:
    names = ["Wei Yu", "Wei Yu", "Yu Wei"]
    records = [make_record(f"swap.{n}", "bees", "hive", [name, "Kun Gai"], "cs.CL") for n, name in enumerate(names)]
    session = make_searcher(records).session()
    assert papers_of(session, session.persons("Wei Yu")) == [{"swap.0", "swap.1"}, {"swap.2"}]


ORDERS = [
    *(["Yang Liu", "Zoe Quill"], ["Yang Liu", "Kai Voss"]),
    *(["Liu Yang", "Ann Reed"], ["Liu Yang", "Bob Hill"]),
    *(["Song Yang", "Ida Moor"], ["Yang Song", "Ida Moor"], ["Song Yang", "Yang Song"]),
    *(["Chen Lin", "Uma Nash"], ["Lin Chen", "Uma Nash"]),
    *(["Andrey Kuznetsov", "Eve Stone"], ["Kuznetsov Andrey", "Tom Hale"]),
    *([f"{first} {last}"] for last in ("Yang", "Liu", "Song", "Chen", "Lin") for first in ("Ada", "Wei")),
    *([f"{first} {last}"] for last in ("Fox", "Lee") for first in ("Yang", "Liu", "Song", "Chen", "Lin")),
    *([f"{first} Kuznetsov"] for first in ("Ada", "Wei")),
    *([f"Andrey {last}"] for last in ("Fox", "Lee")),
    *([name] for name in ("Liu-Wei Hong", "L. Victor Wei")),
]
"""Lists of authors with names in both orders; the last ones show which words are surnames, and which given names."""


@pytest.fixture(scope="module")
def names_in_both_orders(make_searcher: MakeSearcher) -> Session:
    return make_searcher(
        [make_record(f"order.{n}", f"bees {n}", "hive", names, "cs.CL") for n, names in enumerate(ORDERS)]
    ).session()


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("Yang Liu", ["Yang Liu"]),
        ("Liu Yang", ["Liu Yang"]),
        ("Liu, Yang", ["Yang Liu"]),
        ("Song Yang", ["Song Yang"]),  # both have written a paper together
        ("Chen Lin", ["Chen Lin", "Lin Chen"]),  # with the same coauthor
        ("Andrey Kuznetsov", ["Andrey Kuznetsov", "Kuznetsov Andrey"]),  # nobody else has the given name Kuznetsov
        ("Kuznetsov Andrey", ["Andrey Kuznetsov", "Kuznetsov Andrey"]),
        ("Kuznetsov Wei", ["Wei Kuznetsov"]),
        ("Wei Liu", ["Wei Liu"]),  # and not Liu-Wei Hong or L. Victor Wei
    ],
)
def test_the_other_order_of_a_name_counts_by_evidence(
    names_in_both_orders: Session, name: str, spellings: list[str]
) -> None:
    session = names_in_both_orders
    assert sorted(count.value for count in session.authors(name).variants) == spellings
    assert session.search(Query(filter=Filter(authors=(name,)))).total == sum(
        bool(set(names) & set(spellings)) for names in ORDERS
    )


@pytest.mark.parametrize("name", ["Byron", "A. Byron", "Nobody Known"])
def test_names_without_a_given_name_or_papers_are_not_split(session: Session, name: str) -> None:
    assert len(session.persons(name)) == 0


def corrected(session: Session, **corrections: tuple[tuple[str, str], ...]) -> list[set[str]]:
    changed = Session(session.snapshot, session.embedders, corrections=PersonCorrections(**corrections))
    return papers_of(changed, changed.persons(NAME))


def test_corrections_join_people_and_take_papers_away(session: Session) -> None:
    same = (("doi:10.1000/cache.0", "doi:10.1000/galaxy.0"),)
    assert corrected(session, same=same) == [CACHE | GALAXY]
    taken = corrected(session, different=(("doi:10.1000/cache.1", "doi:10.1000/cache.0"),))
    assert sorted(taken, key=len) == [{"cache.1"}, CACHE - {"cache.1"}, GALAXY]
    assert corrected(session, same=(("doi:10.1000/cache.0", "doi:10.1000/gone"),)) == [CACHE, GALAXY]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.data())
def test_corrections_hold_whatever_the_evidence(count: int, data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    links = random.normal(2, 3, (count, count)).astype(np.float32)
    links = np.where(random.random((count, count)) < 0.5, links + links.T, NO_LINK).astype(np.float32)
    features = random.random((len(FEATURES), count, count)).astype(np.float32)
    evidence = PairEvidence(links, features + features.transpose(0, 2, 1), np.zeros((count, count), bool))
    pairs = st.lists(st.sampled_from(list(combinations(range(count), 2))), max_size=2, unique=True)
    same, different = data.draw(pairs), data.draw(pairs)
    found = group_by_person(evidence, 1.0, same, different)
    assert all(found[one] == found[other] for one, other in same)
    stated = connected_components(coo_matrix((np.ones(len(same)), np.reshape(same, (-1, 2)).T), (count, count)))[1]
    assert all(found[one] != found[other] or stated[one] == stated[other] for one, other in different)
    assert (group_by_person(evidence, 1.0, same, different) == found).all()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f'au:"{NAME} @ doi:10.1000/cache.2"', CACHE),
        (f'au:"{NAME}@10.1000/galaxy.1"', GALAXY),
        (f'au:"{NAME}" -au:"{NAME} @ doi:10.1000/cache.2"', GALAXY),
        (f'(au:"{NAME} @ doi:10.1000/cache.2" OR au:"Zoltan Quirke")', CACHE | {"rare.0", "rare.1"}),
        (f'au:^"{NAME} @ doi:10.1000/cache.2"', CACHE),
        (f'au:"{NAME} @ doi:10.1000/cache.2"$', set()),
        (f'au:"{NAME} @ doi:10.1000/cache.2" ti:3', {"cache.3"}),
    ],
)
def test_a_paper_tells_a_person_from_namesakes_in_a_query(session: Session, query: str, expected: set[str]) -> None:
    page = session.ask(query, limit=20)
    assert {hit.paper.id.removeprefix("doi:10.1000/") for hit in page} == expected


@pytest.mark.parametrize("author", [f"{NAME} @ doi:10.1000/rare.0", f"{NAME} @ doi:10.1000/none", f"{NAME} @ bees"])
def test_a_paper_by_somebody_else_is_refused(session: Session, author: str) -> None:
    with pytest.raises(InvalidValue, match="a paper"):
        session.ask(f'au:"{author}"')


def test_a_person_is_no_selection_for_removal(session: Session) -> None:
    directory = str(session.snapshot.layout.directory)
    done = run("remove", "--query", f'au:"{NAME} @ doi:10.1000/cache.2"', "--yes", "--index", directory)
    assert done.returncode == 2
    assert "only a search tells people apart" in done.stderr


def test_every_interface_names_the_same_people(searcher: Searcher, client: httpx.Client) -> None:
    expected = [person.to_json() for person in searcher.persons(NAME)]
    body = client.get("/v1/authors", params={"name": NAME}).json()
    assert AuthorsOut.model_validate(body).model_dump(mode="json") == body
    assert body["people"] == expected
    assert mcp_calls.structured_content(client, "authors", name=NAME)["people"] == expected
    directory = str(searcher.snapshot.layout.directory)
    assert json.loads(run("authors", NAME, "--json", "--index", directory).stdout)["people"] == expected
    text = run("authors", NAME, "--index", directory).stdout
    assert all(f'au:"{NAME} @ {person["id"]}"' in text for person in expected)
    assert "share this name" not in run("authors", "Zoltan Quirke", "--index", directory).stdout


def test_the_author_page_links_to_each_person(client: httpx.Client) -> None:
    tree = read_page(client, "/author?name=Ada+Byron", 200)
    assert len(tree.xpath("//article")) == 8
    assert "can be wrong" in text_of(tree.xpath('//section[@class="persons-note"]')[0])
    links = tree.xpath('//section[@class="persons-note"]//li/a/@href')
    assert len(links) == 2
    one = read_page(client, links[0], 200)
    assert len(one.xpath("//article")) == 4
    (search,) = one.xpath('//a[text()="Search these papers"]/@href')
    assert any(value.startswith(f"{NAME} @ doi:10.1000/cache") for _, value in query_pairs(search))
    assert len(read_page(client, search, 200).xpath("//article")) == 4
    assert "share this name" not in text_of(read_page(client, "/author?name=Zoltan+Quirke", 200))
    read_page(client, "/author?name=Ada+Byron&person=bees", 422)
    read_page(client, "/author?name=Ada+Byron&person=doi:10.1000/rare.0", 422)


def persons_on_page(client: httpx.Client) -> int:
    return len(read_page(client, "/author?name=Ada+Byron", 200).xpath('//section[@class="persons-note"]//li'))


def submit(client: httpx.Client, tree: object, action: str, **more: str) -> httpx.Response:
    (form,) = tree.xpath(f'(//form[@action="{action}"])[1]')  # type: ignore[attr-defined]
    fields = [(each.get("name"), each.get("value")) for each in form.xpath('.//input[@type="hidden"]')]
    data = {name: [value for key, value in fields if key == name] for name, _ in fields} | more
    return client.post(action, data=data, headers={"origin": str(client.base_url).rstrip("/")})


def test_forms_join_people_take_a_paper_away_and_undo_it(client: httpx.Client) -> None:
    person = "/author?name=Ada+Byron&person=doi:10.1000/cache.0"
    assert submit(client, read_page(client, person), "/author/same", other="doi:10.1000/galaxy.0").status_code == 303
    assert persons_on_page(client) == 0
    tree = read_page(client, "/author?name=Ada+Byron", 200)
    assert "are by one person" in text_of(tree.xpath('//details[@class="panel"]')[0])
    submit(client, tree, "/author/undo")
    assert persons_on_page(client) == 2
    first = read_page(client, person, 200)
    own = first.xpath('//form[@id="person-form"]/input[@name="other"]/@value')[0]
    response = submit(client, first, "/author/different", paper=own)
    assert persons_on_page(client) == 3
    rest = read_page(client, response.headers["location"], 200)
    assert len(rest.xpath("//article")) == 3
    search = rest.xpath('//a[text()="Search these papers"]/@href')[0]
    assert len(read_page(client, search, 200).xpath("//article")) == 3


def test_an_author_or_one_person_can_be_followed(client: httpx.Client) -> None:
    origin = {"Origin": str(client.base_url).rstrip("/")}
    for person, author in ({}, NAME), ({"person": "doi:10.1000/cache.0"}, f"{NAME} @ doi:10.1000/cache.0"):
        url = str(httpx.URL("/author", params={"name": NAME, **person}))
        (form,) = read_page(client, url, 200).xpath('//form[@action="/watches"]')
        fields = {field.get("name"): field.get("value") for field in form.xpath(".//input")}
        assert fields["author"] == author
        assert fields["name"].startswith(NAME)
        assert client.post("/watches", data=fields, headers=origin).headers["location"] == url
        (following,) = read_page(client, url, 200).xpath(
            '//details[summary="Following"]//a[contains(., "the page")]/@href'
        )
        assert text_of(read_page(client, following, 200).xpath("//h1")[0]) == fields["name"]


def test_forms_of_other_sites_are_refused(client: httpx.Client) -> None:
    data = {"name": NAME, "paper": "doi:10.1000/cache.0", "other": "doi:10.1000/galaxy.0"}
    for action in ("/author/same", "/author/different", "/author/undo"):
        assert client.post(action, data=data, headers={"origin": "https://elsewhere.example"}).status_code == 403
        assert client.post(action, data=data).status_code == 403
    assert persons_on_page(client) == 2


def test_statements_are_private_replace_each_other_and_are_exported(tmp_path: Path) -> None:
    state, owner = StateDatabase(tmp_path / "one.sqlite"), Profile.of_name("anna")
    statements = PersonStatements(state, owner)
    statements.add("same", "doi:10.1/a", "doi:10.1/b")
    statements.add("different", "doi:10.1/b", "doi:10.1/a")
    statements.add("same", "doi:10.1/a", "doi:10.1/c")
    expected = PersonCorrections((("doi:10.1/a", "doi:10.1/c"),), (("doi:10.1/b", "doi:10.1/a"),))
    assert statements.corrections() == expected
    assert PersonStatements(state, Profile.of_name("bert")).all() == ()
    with pytest.raises(InvalidValue, match="two papers"):
        statements.add("same", "doi:10.1/a", "doi:10.1/a")
    copy = StateDatabase(tmp_path / "two.sqlite")
    document = json.loads(json.dumps(export_state(state)))
    import_state(copy, document)
    assert PersonStatements(copy, owner).all() == statements.all()
    assert export_state(copy) == document
    del document["profiles"][0]["person_statements"]  # as an earlier version wrote it
    import_state(StateDatabase(tmp_path / "three.sqlite"), document)
    document["profiles"][0]["person_statements"] = [{"relation": "perhaps", "paper": "a", "other": "b", "stated": ""}]
    with pytest.raises(InvalidValue, match="changed"):
        import_state(StateDatabase(tmp_path / "four.sqlite"), document)
    assert statements.withdraw("doi:10.1/a", "doi:10.1/c")
    assert not statements.withdraw("doi:10.1/a", "doi:10.1/c")
