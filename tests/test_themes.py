"""Themes: the relevant papers of an answer in labelled groups."""

import numpy as np
import pytest

from conftest import MakeSearcher
from search.searcher import Searcher
from search.session import Session
from search.themes.themes import Themes, group_papers

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
