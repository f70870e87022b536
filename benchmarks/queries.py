"""Queries generated from the papers of an index: runs of words of titles and abstracts, all distinct."""

import random
import re
from collections.abc import Iterator
from datetime import date

from search.errors import InvalidValue
from search.index.snapshot import Snapshot
from search.language.parser import parse_query
from search.papers.paper import Paper

MIN_WORDS = 3
"""Minimum words per query."""
MAX_WORDS = 8
"""Maximum words per query."""

_BLOCK = 512
"""Papers read at a time."""
_WORD = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")


def generate_queries(snapshot: Snapshot, seed: int) -> Iterator[str]:
    """Yields distinct queries, in an order that depends only on the index and the seed.

    Each round takes one query from every live paper, in random order. The rounds end when one yields no new query.
    Texts that parse as a condition or an ID are skipped, so that both legs run for every query.
    """
    generator, seen = random.Random(seed), set[str]()
    rows = snapshot.live.ids.tolist()
    previous_count = -1
    while len(seen) > previous_count:
        previous_count = len(seen)
        generator.shuffle(rows)
        for start in range(0, len(rows), _BLOCK):
            for paper in snapshot.store.get(rows[start : start + _BLOCK]):
                query = _draw_query(paper, generator)
                if query and query.casefold() not in seen and _is_plain_text(query):
                    seen.add(query.casefold())
                    yield query


def _draw_query(paper: Paper, generator: random.Random) -> str:
    """Returns a run of words from anywhere in the paper; an empty text if the paper has too few."""
    words = _WORD.findall(f"{paper.title or ''} {paper.abstract or ''}")
    count = generator.randint(MIN_WORDS, MAX_WORDS)
    if len(words) < count:
        return ""
    start = generator.randrange(len(words) - count + 1)
    return " ".join(words[start : start + count])


def _is_plain_text(query: str) -> bool:
    try:
        parsed = parse_query(query, today=date(2026, 1, 1))
    except InvalidValue:
        return False
    return parsed.kind == "question" and parsed.condition is None and parsed.text == query
