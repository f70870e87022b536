"""What answers should be, by brute force in numpy: the reference that tests hold the index to."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.condition import AllOf, AnyOf, Author, Category, Condition, Dated, Identified, Not
from search.paper import Date, Paper


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def nearest(
    vector: NDArray[np.float32], vectors: NDArray[np.float16], passing: Sequence[int], k: int
) -> list[tuple[int, float]]:
    """The k passing rows of highest inner product with their scores; equal scores in row order."""
    scores = {row: float(vectors[row].astype(np.float32) @ vector) for row in passing}
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k]


def passes(paper: Paper, wanted: Condition, authors: dict[str, set[str]]) -> bool:
    """Whether a paper passes; ``authors`` gives, for each author asked for, the names as written that are meant."""
    if isinstance(wanted, AllOf):
        return all(passes(paper, part, authors) for part in wanted.parts)
    if isinstance(wanted, AnyOf):
        return any(passes(paper, part, authors) for part in wanted.parts)
    if isinstance(wanted, Not):
        return not passes(paper, wanted.part, authors)
    if isinstance(wanted, Author):
        among = {"any": paper.authors, "first": paper.authors[:1], "last": paper.authors[-1:]}[wanted.position]
        return bool(authors[wanted.name] & set(among))
    if isinstance(wanted, Category):
        codes = {code.casefold() for code in (paper.categories[:1] if wanted.primary else paper.categories)}
        return wanted.code.casefold() in codes | {code.split(".")[0] for code in codes}
    if isinstance(wanted, Dated):
        return _overlaps(paper.published if wanted.field == "published" else paper.updated, wanted)
    if isinstance(wanted, Identified):
        return wanted.id in paper.ids
    parts = {"title": [paper.title], "abstract": [paper.abstract], "any": [paper.title, paper.abstract]}[wanted.part]
    words = wanted.text.split()
    texts = [(text or "").split() for text in parts]
    if wanted.phrase:
        return any(words == text[place : place + len(words)] for text in texts for place in range(len(text)))
    return set(words) <= {word for text in texts for word in text}


def _overlaps(date: Date | None, wanted: Dated) -> bool:
    if date is None:
        return False
    late_enough = not wanted.start or date.last_day >= wanted.start.first_day
    return late_enough and (not wanted.end or date.first_day <= wanted.end.last_day)
