"""Themes: the relevant papers of an answer in labelled groups."""

from dataclasses import replace

import numpy as np
import pytest

from search.errors import InvalidValue
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher
from search.session import Session
from search.themes.themes import Themes, TypicalPaper, group_papers
from strategies import MakeSearcher

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
    labels = group_papers(session.snapshot, rows, "speculative decoding").labels
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
