"""What answers should be, by brute force in numpy: the reference that tests hold the index to."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.papers.paper import Date, Paper
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, Dated, Identified, Not


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def nearest(
    vector: NDArray[np.float32], vectors: NDArray[np.float16], passing: Sequence[int], k: int
) -> list[tuple[int, float]]:
    """The k passing rows of highest inner product with their scores; equal scores in row order."""
    scores = {row: float(vectors[row].astype(np.float32) @ vector) for row in passing}
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k]


def relevance(
    question: NDArray[np.float32], vectors: NDArray[np.float32], bm25: NDArray[np.float32], depth: int = 200
) -> dict[int, float]:
    """The scores of a question's candidates among all papers, in loops: fused, moved, fused again, raised."""
    cosine, highest = vectors @ question, max(float(bm25.max()), 1e-9)
    lexical = [row for row in _best(dict(enumerate(bm25.tolist())), depth) if bm25[row] > 0]
    candidates = {*_best(dict(enumerate(cosine.tolist())), depth), *lexical}
    scores = {row: 0.7 * float(cosine[row]) + 0.3 * float(bm25[row]) / highest for row in candidates}
    first = [row for row in _best(scores, len(scores)) if bm25[row] > 0][:2]
    if first:
        towards = question + 0.4 * np.mean([vectors[row] for row in first], axis=0)
        near = vectors @ (towards / np.linalg.norm(towards))
        candidates |= set(_best(dict(enumerate(near.tolist())), depth))
        scores = {row: 0.7 * float(near[row]) + 0.3 * float(bm25[row]) / highest for row in candidates}
    best = _best(scores, 100)
    result = dict(scores)
    for row in best:
        weights = {other: max(float(vectors[row] @ vectors[other]), 0.0) for other in best if other != row}
        nearest = _best(weights, 4)
        total = sum(weights[other] for other in nearest)
        if total:
            mean = sum(weights[other] * scores[other] for other in nearest) / total
            result[row] = max(scores[row], (scores[row] + mean) / 2)
    return result


def _best(scores: dict[int, float], k: int) -> list[int]:
    return sorted(scores, key=lambda row: (-scores[row], row))[:k]


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
