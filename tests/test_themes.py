"""Themes: the relevant papers of an answer in labelled groups, a theme as a filter, and both in every interface."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import httpx
import numpy as np
import pytest

from cli_call import run
from http_server import HttpServer, assert_problem
from mcp_calls import error_text, structured_content, text_content
from search.errors import InvalidValue
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher
from search.session import Session
from search.themes.candidates import Candidates
from search.themes.clusters import Clusters
from search.themes.labels import label_groups
from search.themes.themes import OTHERS, Themes, TypicalPaper, group_papers
from service.api.overview_schemas import ThemesOut
from service.app import create_app
from service.settings import Settings
from strategies import MakeSearcher
from web_pages import query_pairs, read_page, text_of, titles

TOPICS = {
    "KV cache eviction": "serving decoder prompt",
    "speculative decoding": "draft verifier acceptance",
    "mixture of experts": "router gating shard",
    "graph attention networks": "node edge message",
    "protein structure prediction": "residue folding ligand",
    "stellar mass function": "redshift luminosity halo",
}
"""Labels that a reader would give, each with words of its papers."""
PER_TOPIC = 16
QUERY = {"q": "transformers", "mode": "lexical"}
LABEL = "KV cache eviction"
NARROWED = {**QUERY, "theme": LABEL}


def make_papers() -> list[dict[str, object]]:
    """Papers on each topic; all are about transformers too."""
    random = np.random.default_rng(7)
    papers: list[dict[str, object]] = []
    for number, (topic, words) in enumerate(TOPICS.items()):
        for each in range(PER_TOPIC):
            first, second, third = random.permutation(words.split())
            papers.append(
                {
                    "id": f"10.1000/{number}.{each}",
                    "title": f"A {first} for {topic} with transformers",
                    "abstract": f"We study {topic} of transformers. The {second} of {topic} meets a {third}, and the "
                    f"{first} is new. Paper {each} reports the {second}.",
                    "published": f"20{10 + each % 15}-01",
                }
            )
    return papers


@pytest.fixture(scope="module")
def searcher(make_searcher: MakeSearcher) -> Searcher:
    return make_searcher(make_papers())


@pytest.fixture(scope="module")
def session(searcher: Searcher) -> Session:
    return searcher.session()


@pytest.fixture(scope="module")
def themes(session: Session) -> Themes:
    return session.themes("transformers", mode="lexical")


def test_groups_are_the_topics_of_the_papers(session: Session, themes: Themes) -> None:
    assert themes.relevant == themes.grouped == len(TOPICS) * PER_TOPIC
    assert len(themes) == len(TOPICS)
    for theme in themes:
        papers = session.snapshot.store.get(themes.grouping.rows_of(theme.label).tolist())
        topics = {topic for topic in TOPICS for paper in papers if topic in (paper.title or "")}
        assert len(topics) == 1, theme
        assert theme.papers == len(papers) == PER_TOPIC
        assert theme.share == pytest.approx(1 / len(TOPICS))
        assert {each.id for each in theme.typical} <= {paper.id for paper in papers}


def test_notebooks_show_a_row_for_each_theme(themes: Themes) -> None:
    table = themes.to_dataframe()
    assert table["label"].tolist() == [theme.label for theme in themes]
    assert table["papers"].tolist() == [theme.papers for theme in themes]
    assert table["typical"].tolist() == ["; ".join(paper.title for paper in theme.typical) for theme in themes]
    hostile = TypicalPaper("h:0123456789ab", "<script>")
    shown = replace(themes, themes=(replace(themes.themes[0], typical=(hostile,)), *themes.themes[1:]))._repr_html_()
    assert shown.count("<tr>") == len(themes) + 1
    assert "transformers; themes of 96 of 96 relevant papers" in shown
    assert f'href="https://doi.org/{themes.themes[1].typical[0].id.removeprefix("doi:")}"' in shown
    assert "<script" not in shown


def test_labels_are_the_words_of_the_papers(themes: Themes) -> None:
    labels = {theme.label for theme in themes}
    for topic in TOPICS:
        if "of" not in topic:
            assert topic in labels
    for label in labels:
        assert 2 <= len(label.split()) <= 4


def test_every_grouped_row_has_a_theme(themes: Themes) -> None:
    grouping = themes.grouping
    assert len(grouping.rows) == len(set(grouping.rows.tolist())) == len(grouping.numbers)
    assert np.bincount(grouping.numbers).tolist() == [theme.papers for theme in themes]
    assert grouping.centres.shape[0] == len(themes)


def test_equal_queries_have_equal_themes(searcher: Searcher, themes: Themes) -> None:
    again = Session(searcher.snapshot, searcher.embedders).themes("transformers", mode="lexical")
    assert again is not themes
    assert again.to_json() == themes.to_json()
    assert searcher.session().themes("transformers", mode="lexical") is themes


def test_few_papers_have_no_themes(session: Session) -> None:
    few = session.themes("transformers", mode="lexical", like=()).grouping.rows[:19]
    grouping = group_papers(session.snapshot, few)
    assert grouping.labels == ()
    assert grouping.rows.tolist() == few.tolist()
    assert session.themes("nothingsuch", mode="lexical").themes == ()


def test_no_label_repeats_the_query(session: Session) -> None:
    rows = session.themes("transformers", mode="lexical").grouping.rows
    labels = group_papers(session.snapshot, rows, known="speculative decoding").labels
    assert "speculative decoding" not in labels
    assert len(labels) == len(TOPICS)


def test_a_theme_narrows_to_its_papers(session: Session, themes: Themes) -> None:
    for theme in themes:
        page = session.ask("transformers", mode="lexical", theme=theme.label, limit=100, facets=True)
        found = {hit.paper.id for hit in page}
        papers = session.snapshot.store.get(themes.grouping.rows_of(theme.label).tolist())
        assert found == {paper.id for paper in papers}
        assert page.total == theme.papers
        assert page.facets is not None
        assert page.facets.papers == theme.papers
        assert f"theme '{theme.label}'" in page.interpretation


@pytest.mark.parametrize("mode", ["hybrid", "lexical"])
@pytest.mark.parametrize("sort", ["relevance", "newest"])
def test_pages_of_a_theme_list_each_paper_once(session: Session, mode: str, sort: str) -> None:
    query = Query(mode=mode, sort=sort, limit=5, filter=Filter.parse(dates={"from": "2012"}))  # type: ignore[arg-type]
    theme = next(iter(session.themes("a decoder for transformers", query)))
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = session.ask("a decoder for transformers", query, theme=theme.label, cursor=cursor)
        found += [hit.paper.id for hit in page]
        cursor = page.cursor
    assert len(found) == len(set(found)) == page.total
    assert page.total == theme.papers or sort == "newest"


def test_a_cursor_belongs_to_its_theme(session: Session, themes: Themes) -> None:
    first, second = [theme.label for theme in themes][:2]
    page = session.ask("transformers", mode="lexical", theme=first, limit=5)
    for other in (second, ""):
        with pytest.raises(InvalidValue, match="another query"):
            session.ask("transformers", mode="lexical", theme=other, limit=5, cursor=page.cursor)


def test_the_theme_of_a_correction_is_the_theme_of_what_is_answered(session: Session) -> None:
    themes = session.themes("transfromers", mode="lexical")
    assert themes.answered_query == "transformers"
    label = next(iter(themes)).label
    page = session.ask("transfromers", mode="lexical", theme=label, limit=5)
    assert page.answered_query == "transformers"
    following = session.ask("transfromers", mode="lexical", theme=label, limit=5, cursor=page.cursor)
    assert not {hit.paper.id for hit in page} & {hit.paper.id for hit in following}


def test_a_label_of_another_answer_names_the_present_ones(session: Session) -> None:
    with pytest.raises(InvalidValue, match="KV cache eviction") as error:
        session.ask("transformers", mode="lexical", theme="string theory")
    assert error.value.field == "theme"
    assert session.ask("transformers", mode="lexical", theme=" kv CACHE  eviction ").total == PER_TOPIC
    with pytest.raises(InvalidValue, match="too few papers"):
        session.ask("nothingsuch", mode="lexical", theme="string theory")


def test_themes_of_filters_alone(session: Session) -> None:
    query = Query(filter=Filter.parse(dates={"from": "2011"}))
    themes = session.themes("", query)
    assert themes.relevant == session.search(query).total
    label = next(iter(themes)).label
    assert session.ask("", query, theme=label).total == session.themes("", query).themes[0].papers


def test_a_label_is_a_whole_noun_phrase_in_the_case_of_sentences() -> None:
    """Of groups whose papers name their subject in different ways."""
    subjects = {
        "twisted bilayer graphene": "Twisted Bilayer Graphene",
        "theory of mind": "Theory of Mind",
        "LLM agents": "LLM Agents",
        "open clusters": "Open Clusters",
    }
    titles, abstracts, groups = [], [], []
    for group, (subject, title) in enumerate(subjects.items()):
        for number in range(12):
            titles.append(f"{title}: Results {number}")
            abstracts.append(f"We propose a novel approach based on {subject}, and show that {subject} is effective.")
            groups.append(group)
    labels = label_groups(titles, abstracts, np.array(groups))
    assert labels == list(subjects)


def test_themes_are_phrases_that_describe_similar_papers() -> None:
    """Papers of both subjects use graph networks, which describes neither; some papers have a subject of their own."""
    random = np.random.default_rng(3)
    titles, vectors = [], []
    for axis, (subject, count) in enumerate({"fairness audits": 32, "protein folding": 28}.items()):
        for number in range(count):
            titles.append(f"On {subject} with graph networks" if number % 3 == 0 else f"On {subject}: {number}")
            vectors.append(np.eye(12)[axis] + random.normal(0, 0.1, 12))
    titles += [f"Note {number}" for number in range(8)]
    vectors += [*np.eye(12)[4:]]
    candidates = Candidates.find(titles, [""] * len(titles), "")
    clusters = Clusters.find(np.array(vectors, np.float32), candidates, np.ones(len(vectors), np.float32))
    assert clusters.labels == ("fairness audits", "protein folding")
    assert clusters.numbers.tolist() == [0] * 32 + [1] * 28 + [2] * 8


def make_clusters(
    subjects: dict[str, tuple[int, ...]], importance: dict[int, float] | None = None, known: str = ""
) -> Clusters:
    """Returns the clusters of papers on some subjects, whose titles name them.

    Args:
        subjects: the number of papers on each, and the axes whose sum their vectors are.
        importance: of the papers with a first axis, 1 of the others.
        known: the query.
    """
    random = np.random.default_rng(5)
    titles = [f"On {subject}: {number}" for subject, (count, *_) in subjects.items() for number in range(count)]
    axes = [axes for count, *axes in subjects.values() for _ in range(count)]
    vectors = [np.eye(12)[each].sum(axis=0) + random.normal(0, 0.1, 12) for each in axes]
    weights = np.array([(importance or {}).get(each[0], 1) for each in axes], np.float32)
    return Clusters.find(np.array(vectors, np.float32), Candidates.find(titles, [""] * len(titles), known), weights)


TOPICS_OF_AXES = {topic: (20, axis) for axis, topic in enumerate(TOPICS)}


def test_papers_that_only_share_the_field_name_no_theme() -> None:
    more = {**TOPICS_OF_AXES, "domain walls": (40, 7)}
    assert "domain walls" in make_clusters(more).labels
    assert set(make_clusters(more, {7: 0.1}).labels) == set(TOPICS)


@pytest.mark.parametrize(
    ("subjects", "labels"),
    [
        ({"machine unlearning": (30, 7), "knowledge removal": (20, 7)}, {"machine unlearning"}),
        (
            {"generated text detection": (30, 7, 9, 10), "written text detection": (20, 8, 9, 10)},
            {"generated text detection"},
        ),
        ({"sentiment analysis": (30, 7, 9, 10), "written text detection": (20, 8, 9, 10)}, None),
    ],
)
def test_two_labels_that_mean_the_same_are_one(subjects: dict[str, tuple[int, ...]], labels: set[str] | None) -> None:
    assert set(make_clusters({**TOPICS_OF_AXES, **subjects}).labels) - set(TOPICS) == (labels or set(subjects))


def test_a_label_says_more_than_the_query() -> None:
    subjects = {**TOPICS_OF_AXES, "automatic speech recognition": (30, 7), "multilingual speech recognition": (20, 8)}
    labels = make_clusters(subjects, known="speech recognition").labels
    assert set(labels) == {*TOPICS, "multilingual speech recognition"}


def test_a_phrase_of_few_papers_names_no_theme_where_there_are_enough() -> None:
    large = {topic: (50, axis) for axis, topic in enumerate(TOPICS)}
    assert set(make_clusters({**large, "domain walls": (6, 7)}).labels) == set(TOPICS)
    few = {topic: large[topic] for topic in list(TOPICS)[:4]}
    assert set(make_clusters({**few, "domain walls": (6, 7)}).labels) == {*few, "domain walls"}


def test_two_fifths_of_the_papers_of_a_theme_contain_its_label() -> None:
    random = np.random.default_rng(5)
    titles = [f"On {topic}: {number}" for topic in TOPICS for number in range(20)]
    titles += [f"On domain walls: {number}" if number < 12 else f"Note {number}" for number in range(60)]
    axes = np.array([number // 20 for number in range(120)] + [7] * 60)
    vectors = np.array(np.eye(12)[axes] + random.normal(0, 0.1, (len(axes), 12)), np.float32)
    found = Clusters.find(vectors, Candidates.find(titles, [""] * len(titles), ""), np.ones(len(axes), np.float32))
    number = found.labels.index("domain walls")
    assert np.bincount(found.numbers)[[number, len(found.labels)]].tolist() == [30, 30]


def test_papers_without_text_have_no_label() -> None:
    assert label_groups(["", ""] * 10, [""] * 20, np.repeat([0, 1], 10)) == ["", ""]


@pytest.fixture(scope="module")
def theme_client(searcher: Searcher) -> Iterator[httpx.Client]:
    server = HttpServer(create_app(searcher, Settings()))
    yield server.client
    server.close()


def test_http_has_the_themes_of_the_session(theme_client: httpx.Client, themes: Themes) -> None:
    body = theme_client.get("/v1/themes", params=QUERY).raise_for_status().json()
    assert {**body, "schema_version": 1} == {"schema_version": 1, **themes.to_json()}
    ThemesOut.model_validate(body)


def test_pages_counts_exports_and_feeds_follow_the_theme(theme_client: httpx.Client, themes: Themes) -> None:
    wanted = {f"doi:10.1000/0.{number}" for number in range(PER_TOPIC)}
    page = theme_client.get("/v1/search", params={**NARROWED, "facets": True, "limit": 5}).json()
    assert page["total"] == page["facets"]["papers"] == PER_TOPIC
    rest = theme_client.get("/v1/search", params={**NARROWED, "limit": 100, "cursor": page["cursor"]}).json()
    assert {hit["id"] for hit in (*page["hits"], *rest["hits"])} == wanted
    table = theme_client.get("/v1/search", params={**NARROWED, "format": "csv", "limit": 100}).text
    assert {row["id"] for row in csv.DictReader(io.StringIO(table))} == wanted
    feed = theme_client.get("/v1/search", params={**NARROWED, "format": "atom", "limit": 100}).text
    assert feed.count("<entry>") == PER_TOPIC
    body = assert_problem(theme_client.get("/v1/search", params={**QUERY, "theme": "string theory"}), 422)
    assert body["field"] == "theme"
    assert all(theme.label in body["allowed"] for theme in themes)


def test_the_tools_of_agents(theme_client: httpx.Client, themes: Themes) -> None:
    answer = structured_content(theme_client, "themes", **QUERY)
    assert [theme["label"] for theme in answer["themes"]] == [theme.label for theme in themes]
    assert LABEL in text_content(theme_client, "themes", **QUERY)
    assert structured_content(theme_client, "search", **NARROWED)["total"] == PER_TOPIC
    assert LABEL in error_text(theme_client, "search", **QUERY, theme="string theory")


def test_the_command_line(searcher: Searcher, themes: Themes) -> None:
    options = ("transformers", "--mode", "lexical", "--index", str(searcher.snapshot.layout.directory))
    done = run("themes", *options)
    assert done.stderr == f"papers: {len(TOPICS)} themes of {len(TOPICS) * PER_TOPIC} relevant papers\n"
    assert [line[:-12].strip() for line in done.stdout.splitlines() if line[:1].strip()] == [
        theme.label for theme in themes
    ]
    assert json.loads(run("themes", *options, "--json").stdout)["themes"] == themes.to_json()["themes"]
    assert run("search", *options, "--theme", LABEL, "-n", "50").stdout.count(f"for {LABEL}") == PER_TOPIC
    assert run("search", *options, "--theme", "string theory").returncode == 2
    none = run("themes", "nothingsuch", *options[1:])
    assert (none.returncode, none.stderr) == (4, "papers: no themes: too few relevant papers, 0\n")


def test_the_results_page_narrows_to_a_theme(theme_client: httpx.Client) -> None:
    url = str(httpx.URL("/", params=NARROWED))
    tree = read_page(theme_client, url, 200)
    assert all(LABEL in title for title in titles(tree))
    (remove,) = tree.xpath(f"//a[@aria-label=\"Remove from the query: theme '{LABEL}'\"]/@href".replace("\\", ""))
    assert query_pairs(remove) == set(QUERY.items())
    (menu,) = tree.xpath('//details[summary="Follow"]')
    assert not menu.xpath(".//form")
    as_search = {**QUERY, "q": LABEL}
    assert [query_pairs(href) for href in menu.xpath(".//a/@href")] == [set(as_search.items()), set(QUERY.items())]
    exports = tree.xpath('//details[summary="Export results"]//a/@href')
    assert all(("theme", LABEL) in query_pairs(href) for href in exports)
    chosen = tree.xpath('//section[@class="themes"]//a[@aria-current]')
    assert [text_of(each) for each in chosen] == [f"{LABEL} {PER_TOPIC}"]
    first, *_ = tree.xpath('//nav[@aria-label="Filters"]//h2')
    assert text_of(first) == "Themes"


def test_themes_load_after_the_page_or_by_a_link(searcher: Searcher) -> None:
    server = HttpServer(create_app(Searcher(searcher.snapshot.layout.directory, searcher.embedders._load), Settings()))
    try:
        section = read_page(server.client, str(httpx.URL("/", params=QUERY)), 200).xpath('//section[@class="themes"]')[
            0
        ]
        (link,) = section.xpath(".//a")
        assert (text_of(link), link.get("href")) == ("Show themes", section.get("data-source"))
        page = read_page(server.client, link.get("href"), 200)
        (loaded,) = page.xpath('//*[@id="theme-values"]')
        assert text_of(loaded).endswith(f"Themes of the nearest {len(TOPICS) * PER_TOPIC} papers.")
        listed = page.xpath('//ol[@class="theme-list"]//h2/a')
        assert sorted(map(text_of, listed)) == sorted(theme.label for theme in searcher.themes(**_box(QUERY)))
        narrowed = read_page(server.client, listed[0].get("href"), 200)
        assert all(text_of(listed[0]) in title for title in titles(narrowed))
    finally:
        server.close()


def test_a_theme_that_is_gone_is_a_note_above_all_papers(theme_client: httpx.Client) -> None:
    tree = read_page(theme_client, str(httpx.URL("/", params={**QUERY, "theme": "string theory"})), 200)
    (note,) = [text_of(each) for each in tree.xpath('//p[@class="note"]')]
    assert note.startswith("“string theory” is not a theme of this answer, so papers of all themes are shown.")
    assert LABEL in note
    assert text_of(tree.xpath('//*[@role="status"]')[0]).startswith(f"{len(TOPICS) * PER_TOPIC} papers")
    assert not any("string" in href for href in tree.xpath("//main//a/@href"))


def test_few_papers_have_no_filter_of_themes(theme_client: httpx.Client) -> None:
    tree = read_page(theme_client, str(httpx.URL("/", params={"q": '"paper 3"', "mode": "lexical"})), 200)
    assert titles(tree)
    assert not tree.xpath('//section[@class="themes"]')


def test_papers_that_no_theme_describes_have_no_filter_of_themes(make_searcher: MakeSearcher) -> None:
    names = ["".join(letters) + "n" for letters in product("bdfgklmprst", "aeiou", "bdfgklmprst")]
    searcher = make_searcher(
        [{"title": f"{one} cache {other}"} for one, other in zip(names[:30], names[90:], strict=False)]
    )
    assert [theme.label for theme in searcher.themes("cache", mode="lexical")] == [OTHERS]
    server = HttpServer(create_app(searcher, Settings()))
    try:
        (loaded,) = read_page(server.client, "/themes?q=cache&mode=lexical", 200).xpath('//*[@id="theme-values"]')
        assert not len(loaded)
        assert not read_page(server.client, "/?q=cache&mode=lexical", 200).xpath('//section[@class="themes"]')
    finally:
        server.close()


def _box(params: dict[str, str]) -> dict[str, str]:
    return {"box": params["q"], **{name: value for name, value in params.items() if name != "q"}}
