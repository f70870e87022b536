"""Questions made of an index's own papers: runs of words of their titles and abstracts, none like another."""

import random
import re
from collections.abc import Iterator
from datetime import date

from search.errors import InvalidValue
from search.index.snapshot import Snapshot
from search.language.parser import parse_query
from search.papers.paper import Paper

MIN_WORDS, MAX_WORDS = 3, 8
"""Words of a question."""

_BLOCK = 512
_WORD = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")


def generate_queries(snapshot: Snapshot, seed: int) -> Iterator[str]:
    """Different questions, the same ones in the same order for the same index and seed.

    One is taken of every live paper in a drawn order, then another of each, until a whole round finds none that is new.
    Left out are those that narrow, or that are nothing but an id: each is looked up by words and by meaning.
    """
    draw, asked = random.Random(seed), set[str]()
    rows = snapshot.live.ids.tolist()
    before = -1
    while len(asked) > before:
        before = len(asked)
        draw.shuffle(rows)
        for start in range(0, len(rows), _BLOCK):
            for paper in snapshot.store.get(rows[start : start + _BLOCK]):
                question = _draw_query(paper, draw)
                if question and question.casefold() not in asked and _is_plain_text(question):
                    asked.add(question.casefold())
                    yield question


def _draw_query(paper: Paper, draw: random.Random) -> str:
    """A run of words from anywhere in the paper; empty where it has too few."""
    words = _WORD.findall(f"{paper.title or ''} {paper.abstract or ''}")
    count = draw.randint(MIN_WORDS, MAX_WORDS)
    if len(words) < count:
        return ""
    start = draw.randrange(len(words) - count + 1)
    return " ".join(words[start : start + count])


def _is_plain_text(question: str) -> bool:
    try:
        reading = parse_query(question, today=date(2026, 1, 1))
    except InvalidValue:
        return False
    return reading.kind == "question" and reading.condition is None and reading.text == question
