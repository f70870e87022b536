"""TextScores: the BM25 of all papers for a text, added up from posting lists without any work in Python per paper."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.columns.postings import is_sparse, sorted_unique
from search.index.bm25 import idf
from search.index.term_postings import ABSTRACT, TEXT, TITLE, TermPostings
from search.index.word_forms import ALTERNATIVE_MARK, STOP_WORD_MARK
from search.rows import Ranked, Rows
from search.weak_methods import weak_method

_CACHED_SCORES = 4
"""Texts whose scores of all papers are kept, at 4 bytes per paper; one question needs those of its text six times."""


class TextScores:
    """Scores papers by the terms of texts.

    Args:
        postings: the postings of one generation.
        universe: number of rows of the generation.
        counts: returns the terms of a text that are looked up, each with its number of occurrences.
    """

    def __init__(self, postings: TermPostings, universe: int, counts: Callable[[str], Mapping[str, int]]) -> None:
        self._postings = postings
        self._universe = universe
        self._counts = counts
        self.scores: Callable[[str], NDArray[np.float32]] = lru_cache(_CACHED_SCORES)(weak_method(self._score))
        """Returns the BM25 of a text in every row, (universe,) float32; 0 for a row without any of its terms."""

    def _score(self, text: str) -> NDArray[np.float32]:
        scores = np.zeros(self._universe, np.float32)
        for term, count in self._counts(text).items():
            budget.check()
            places = places_of(term)
            if len(places) == 1:
                self._add(scores, *places[0], count)
            else:  # with the maximum, not the sum, BM25 has the same bounds as for other terms
                best = np.zeros(self._universe, np.float32)
                for place in places:
                    of_place = np.zeros(self._universe, np.float32)
                    self._add(of_place, *place, count)
                    np.maximum(best, of_place, out=best)
                scores += best
        scores.flags.writeable = False
        return scores

    def _add(self, scores: NDArray[np.float32], form: str, field: int, count: int) -> None:
        """Adds the scores of a form in one field to those of all rows."""
        postings = self._postings
        weight, table = count * idf(postings.doc_freq(form, field), postings.papers), postings.scores(field)
        for rows, codes in postings.lists(form, field):
            np.add.at(scores, rows, table.take(codes) * np.float32(weight))

    def top_k(self, text: str, k: int, rows: Rows) -> Ranked:
        """Returns the k rows of a set with the highest scores; only rows with a score above 0."""
        scores = self.scores(text)
        if is_sparse(len(rows), self._universe):
            found = rows.ids[scores[rows.ids] > 0]
        else:
            found = np.flatnonzero(scores >= self._least_score(text, k + 1, rows))
            found = found[rows.contains(found)]
        best = Ranked.top_k(found, scores[found], k + 1, complete=True)
        return Ranked(best.rows[:k], best.scores[:k], len(found) <= k, best.rows, scored_scores=best.scores)

    def _least_score(self, text: str, k: int, rows: Rows) -> np.float32:
        """Returns a score above 0 that at least k rows of a set reach, or all that have any.

        It is the k-th best score of the rows with the rarest terms; most other rows score less.
        """
        scores = self.scores(text)
        doc_freqs = {place: self._postings.doc_freq(*place) for term in self._counts(text) for place in places_of(term)}
        sample = np.empty(0, np.uint32)
        for place in sorted(doc_freqs, key=doc_freqs.__getitem__):
            joined = np.concatenate((sample, *(found.rows for found in self._postings.lists(*place))))
            sample = sorted_unique(joined) if len(sample) else joined
            inside = sample.astype(np.int64)  # to look up scores by uint32 takes three times as long
            if len(rows) < self._universe:
                inside = inside[rows.contains(inside)]
            if len(inside) >= k:
                return np.float32(np.partition(scores[inside], len(inside) - k)[len(inside) - k])
        return np.float32(np.finfo(np.float32).tiny)

    def reaching(self, text: str, score: float, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Returns the rows of a set, ascending, whose score is at least ``score``, and the scores; none if it is 0."""
        scores = self.scores(text)
        found = np.flatnonzero(scores >= np.float32(score)) if score > 0 else np.empty(0, np.int64)
        found = found[rows.contains(found)]
        return found, scores[found]

    def coverage(self, weights: Mapping[str, float], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the sum of the weights of the terms that each row contains, as (n,) float32."""
        total, wanted = np.zeros(len(ids), np.float32), ids.astype(np.uint32)
        for term, weight in weights.items():
            found = np.zeros(len(ids), bool)
            for place in places_of(term):
                for rows, _ in self._postings.lists(*place):
                    found |= rows.take(np.searchsorted(rows, wanted), mode="clip") == wanted
            total += found * np.float32(weight)
        return total


def places_of(term: str) -> list[tuple[str, int]]:
    """Returns where a term that ranks is indexed: its forms, each with the field.

    A stop word is in title and abstract, and an acronym may have two forms.
    """
    if term.startswith(STOP_WORD_MARK):
        return [(term.removeprefix(STOP_WORD_MARK), field) for field in (TITLE, ABSTRACT)]
    return [(form, TEXT) for form in term.split(ALTERNATIVE_MARK)]
