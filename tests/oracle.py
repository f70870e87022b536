"""Expected results by brute force in numpy: the reference implementation that tests compare the index with."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import search
from search.papers.date import Date
from search.papers.kind_rules import find_kinds
from search.papers.paper import Paper
from search.query.condition import (
    AddedBetween,
    AllOf,
    AnyOf,
    Author,
    Category,
    Condition,
    HasId,
    HasKind,
    InDateRange,
    Not,
)


def normalize_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the rows scaled to length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def nearest(
    vector: NDArray[np.float32], vectors: NDArray[np.float16], matching: Sequence[int], k: int
) -> list[tuple[int, float]]:
    """Returns the k matching rows with the highest inner product and their scores; equal scores are in row order."""
    scores = {row: float(vectors[row].astype(np.float32) @ vector) for row in matching}
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k]


@dataclass(frozen=True)
class Words:
    """The text of a query in all papers.

    Attributes:
        bm25: (papers,) float32, its BM25.
        coverage: (papers,) float32, the share of its terms that each paper has, weighted by rarity.
        max_bm25: the highest BM25 that any paper can have.
        term_count: the number of its distinct terms.
    """

    bm25: NDArray[np.float32]
    coverage: NDArray[np.float32]
    max_bm25: float
    term_count: int


def hybrid_scores(
    query: NDArray[np.float32], vectors: NDArray[np.float32], text: Words, depth: int = 200
) -> dict[int, float]:
    """Returns the scores of the candidates: fusion, relevance feedback, fusion again, smoothing and the fusion model.

    Args:
        query: (dim,) float32, the vector of the query.
        vectors: (papers, dim) float32, the vectors of all papers.
        text: its words.
        depth: candidates per leg.
    """
    fused = _fused_scores(query, vectors, text.bm25, depth)
    cosine = {row: float(vectors[row] @ query) for row in fused}
    return _model_scores(fused, cosine, {row: float(text.bm25[row]) for row in fused}, text)


def _fused_scores(
    query: NDArray[np.float32], vectors: NDArray[np.float32], bm25: NDArray[np.float32], depth: int
) -> dict[int, float]:
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


def _model_scores(
    fused: dict[int, float], cosine: dict[int, float], bm25: dict[int, float], text: Words
) -> dict[int, float]:
    model = json.loads((Path(search.__file__).parent / "ranking" / "fusion_model.json").read_text("utf-8"))
    order = _top_rows(fused, len(fused))
    places = {row: place for place, row in enumerate(order)}
    near, matched = (sorted(fused, key=lambda row: (-of[row], places[row]))[:10] for of in (cosine, bm25))
    query = [
        sum(float(text.coverage[row]) for row in matched) / len(matched),
        sum(float(text.coverage[row]) for row in near) / len(near),
        max(bm25.values()) / text.max_bm25,
        math.log(1 + text.term_count) / 3,
        (sum(cosine[row] for row in matched) / len(matched) - sum(cosine[row] for row in near) / len(near)) * 5,
        max(cosine.values()),
        len(set(near) & set(matched)) / 10,
    ]
    limits = zip(query, model["lowest"], model["highest"], model["means"], model["scales"], strict=True)
    query = [(min(max(value, low), high) - mean) / scale for value, low, high, mean, scale in limits]
    scores = {}
    best = {*order[:40], *sorted(fused, key=lambda row: (-cosine[row], places[row]))[:40]}
    for row in best:
        features = [
            fused[row],
            cosine[row],
            bm25[row] / (max(bm25.values()) or 1),
            float(text.coverage[row]),
            -math.log(1 + sum(other > cosine[row] for other in cosine.values())) / 5,
        ]
        total = 0.0
        for position, value in enumerate(features):
            effects = sum(each * model["effects"][at][position] for at, each in enumerate(query))
            total += value * (model["weights"][position] + effects)
        scores[row] = 1 / (1 + math.exp((model["centre"] - total) / model["width"]))
    lowest, highest = min(scores.values()), fused[order[0]]
    return scores | {row: lowest / (1 + highest - fused[row]) for row in fused.keys() - best}


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
    if isinstance(condition, AddedBetween):
        first, last = condition.seconds
        return paper.added is not None and first <= paper.added.timestamp() <= last
    if isinstance(condition, HasKind):
        return condition.kind in find_kinds(paper)
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
