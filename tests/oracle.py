"""Expected results by brute force in numpy: the reference implementation that tests compare the index with."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.papers.date import Date
from search.papers.paper import Paper
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, HasId, InDateRange, Not


def normalize_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the rows scaled to length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def nearest(
    vector: NDArray[np.float32], vectors: NDArray[np.float16], matching: Sequence[int], k: int
) -> list[tuple[int, float]]:
    """Returns the k matching rows with the highest inner product and their scores; equal scores are in row order."""
    scores = {row: float(vectors[row].astype(np.float32) @ vector) for row in matching}
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k]


def hybrid_scores(
    query: NDArray[np.float32], vectors: NDArray[np.float32], bm25: NDArray[np.float32], depth: int = 200
) -> dict[int, float]:
    """Returns the scores of the candidates: fusion, relevance feedback, fusion again and smoothing, in plain loops.

    Args:
        query: (dim,) float32, the vector of the query.
        vectors: (papers, dim) float32, the vectors of all papers.
        bm25: (papers,) float32, the BM25 of all papers.
        depth: candidates per leg.
    """
    cosine = vectors @ query
    max_bm25 = max(float(bm25.max()), 1e-9)
    lexical = [row for row in _top_rows(dict(enumerate(bm25.tolist())), depth) if bm25[row] > 0]
    candidates = {*_top_rows(dict(enumerate(cosine.tolist())), depth), *lexical}
    scores = {row: 0.7 * float(cosine[row]) + 0.3 * float(bm25[row]) / max_bm25 for row in candidates}
    first = [row for row in _top_rows(scores, len(scores)) if bm25[row] > 0][:2]
    if first:
        feedback = query + 0.4 * np.mean([vectors[row] for row in first], axis=0)
        feedback_cosine = vectors @ (feedback / np.linalg.norm(feedback))
        candidates |= set(_top_rows(dict(enumerate(feedback_cosine.tolist())), depth))
        scores = {row: 0.7 * float(feedback_cosine[row]) + 0.3 * float(bm25[row]) / max_bm25 for row in candidates}
    best = _top_rows(scores, 100)
    result = dict(scores)
    for row in best:
        weights = {other: max(float(vectors[row] @ vectors[other]), 0.0) for other in best if other != row}
        nearest = _top_rows(weights, 4)
        total = sum(weights[other] for other in nearest)
        if total:
            mean = sum(weights[other] * scores[other] for other in nearest) / total
            result[row] = max(scores[row], (scores[row] + mean) / 2)
    return result


def _top_rows(scores: dict[int, float], k: int) -> list[int]:
    return sorted(scores, key=lambda row: (-scores[row], row))[:k]


def matches(paper: Paper, condition: Condition, authors: dict[str, set[str]]) -> bool:
    """Returns whether a paper matches a condition.

    Args:
        paper: a paper of ``strategies``.
        condition: any condition.
        authors: for each author in a query, the names of papers that it matches.
    """
    if isinstance(condition, AllOf):
        return all(matches(paper, part, authors) for part in condition.parts)
    if isinstance(condition, AnyOf):
        return any(matches(paper, part, authors) for part in condition.parts)
    if isinstance(condition, Not):
        return not matches(paper, condition.part, authors)
    if isinstance(condition, Author):
        names = {"any": paper.authors, "first": paper.authors[:1], "last": paper.authors[-1:]}[condition.position]
        return bool(authors[condition.name] & set(names))
    if isinstance(condition, Category):
        codes = {code.casefold() for code in (paper.categories[:1] if condition.primary else paper.categories)}
        return condition.code.casefold() in codes | {code.split(".")[0] for code in codes}
    if isinstance(condition, InDateRange):
        return _overlaps(paper.published if condition.field == "published" else paper.updated, condition)
    if isinstance(condition, HasId):
        return condition.id in paper.ids
    parts = {"title": [paper.title], "abstract": [paper.abstract], "any": [paper.title, paper.abstract]}[
        condition.text_field
    ]
    words = condition.text.split()
    texts = [(text or "").split() for text in parts]
    if condition.phrase:
        return any(words == text[place : place + len(words)] for text in texts for place in range(len(text)))
    return set(words) <= {word for text in texts for word in text}


def _overlaps(date: Date | None, condition: InDateRange) -> bool:
    if date is None:
        return False
    late_enough = not condition.start or date.last_day >= condition.start.first_day
    return late_enough and (not condition.end or date.first_day <= condition.end.last_day)
