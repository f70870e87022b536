"""What answers should be, by brute force in numpy: the reference that tests hold the index to."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.paper import Paper
from search.query import Filter


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def nearest(
    vector: NDArray[np.float32], vectors: NDArray[np.float16], passing: Sequence[int], k: int
) -> list[tuple[int, float]]:
    """The k passing rows of highest inner product with their scores; equal scores in row order."""
    scores = {row: float(vectors[row].astype(np.float32) @ vector) for row in passing}
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k]


def passes(paper: Paper, wanted: Filter, authors: dict[str, set[str]]) -> bool:
    """Whether a paper passes; ``authors`` gives, for each author asked for, the names as written that are meant."""
    codes = {code.casefold() for code in paper.categories}
    codes |= {code.split(".")[0] for code in codes}
    if wanted.categories and not codes & {code.casefold() for code in wanted.categories}:
        return False
    if any(not authors[author] & set(paper.authors) for author in wanted.authors):
        return False
    if not (wanted.published_from or wanted.published_to):
        return True
    if paper.published is None:
        return False
    late_enough = not wanted.published_from or paper.published.last_day >= wanted.published_from.first_day
    early_enough = not wanted.published_to or paper.published.first_day <= wanted.published_to.last_day
    return late_enough and early_enough
