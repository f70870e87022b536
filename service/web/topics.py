"""Topics: what the newest papers of the largest categories are about, for the start page."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from search.index.backend import Backend
from search.papers.categories import ARCHIVES
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.query import Query
from search.session import Session
from search.themes.labels import label_groups

_CATEGORIES = 8
"""Largest categories, each with a topic."""
_PAPERS = 200
"""Newest papers of each category that are read: 0.3 s for all, once in each generation."""
_topics_of: "WeakKeyDictionary[Backend, tuple[Topic, ...]]" = WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Topic:
    """What distinguishes the newest papers of a category from those of others.

    Attributes:
        label: two to four words.
        category: its code.
        paper: one of the newest papers that have these words.
    """

    label: str
    category: str
    paper: Paper


def find_topics(session: Session) -> tuple[Topic, ...]:
    """Returns the topics of the generation, that of the largest category first; none for an index without categories.

    The labels are those of themes (``search.themes.labels``), with the categories as groups.
    """
    with _lock:
        generation = session.snapshot.shared
        if generation not in _topics_of:
            _topics_of[generation] = tuple(_find_topics(session))
        return _topics_of[generation]


def _find_topics(session: Session) -> Iterator[Topic]:
    counts = (each for each in session.snapshot.suggester.categories if each.code not in ARCHIVES)
    codes = [each.code for each, _ in zip(counts, range(_CATEGORIES), strict=False)]
    papers, groups = [], []
    for group, code in enumerate(codes):
        newest = session.search(Query(filter=Filter.parse(categories=[code]), limit=_PAPERS))
        own = [hit.paper for hit in newest.hits if hit.paper.categories[:1] == (code,)]
        papers += own
        groups += [group] * len(own)
    if not papers:
        return
    titles, abstracts = [paper.title or "" for paper in papers], [paper.abstract or "" for paper in papers]
    labels = label_groups(titles, abstracts, np.array(groups, np.int64))
    for group, label in enumerate(labels):
        of_group = [paper for paper, own_group in zip(papers, groups, strict=True) if own_group == group]
        examples = (paper for paper in of_group if label.casefold() in (paper.text or "").casefold())
        if label and (paper := next(examples, None)):
            yield Topic(label, codes[group], paper)
