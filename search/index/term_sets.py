"""Term sets: which terms a paper has to contain for its BM25 to reach a minimum score."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

MAX_TERM_SETS = 32
"""Sets that are looked up; on 155,274 papers, 83 conjunctions took longer than they saved."""
_ROUNDING = 1e-6
"""Share by which the sums of float32 scores may exceed those of the bounds."""


def necessary_term_sets(bounds: Mapping[str, float], score: float) -> list[tuple[str, ...]]:
    """Returns sets of terms: a paper whose score reaches ``score`` contains all terms of at least one of them.

    They are the minimal sets whose bounds add up to the score. If there are more than ``MAX_TERM_SETS``, the terms with
    the lowest bounds are left out, and the sets have to reach what remains if a paper contains all of these. In the end
    the sets are the single terms without which the others cannot reach the score (Turtle and Flood, "Query evaluation:
    strategies and optimizations", 1995).

    Args:
        bounds: the highest score that each term can contribute.
        score: the minimum score, above 0.
    """
    terms = sorted(bounds, key=lambda term: -bounds[term])
    missing = score * (1 - _ROUNDING)
    while True:
        sets = list(islice(_minimal_sets([(term, bounds[term]) for term in terms], missing), MAX_TERM_SETS + 1))
        if len(sets) <= MAX_TERM_SETS or bounds[terms[-1]] >= missing:
            return sets if len(sets) <= MAX_TERM_SETS else [(term,) for term in terms]
        missing -= bounds[terms.pop()]


def _minimal_sets(bounds: Sequence[tuple[str, float]], missing: float) -> Iterator[tuple[str, ...]]:
    """Yields the minimal sets of terms, given by descending bound, whose bounds add up to ``missing``."""
    rest = sum(bound for _, bound in bounds)
    for position, (term, bound) in enumerate(bounds):
        if rest < missing:
            return
        if bound >= missing:
            yield (term,)
        else:
            for others in _minimal_sets(bounds[position + 1 :], missing - bound):
                yield (term, *others)
        rest -= bound
