"""Term sets: which terms a paper has to contain for its BM25 to reach a minimum score."""

from collections.abc import Iterator, Mapping

MAX_TERM_SETS = 32
"""Sets up to which looking up conjunctions takes less time than scoring every paper with one of the heavy terms."""
_ROUNDING = 1e-6
"""Share by which the sums of float32 scores may exceed those of the bounds."""


def necessary_term_sets(bounds: Mapping[str, float], score: float) -> list[tuple[str, ...]]:
    """Returns sets of terms: a paper whose score reaches ``score`` contains all terms of at least one of them.

    They are the minimal sets whose bounds add up to the score. If there are more than ``MAX_TERM_SETS``, they are the
    single terms without which the others cannot reach it (Turtle and Flood, "Query evaluation: strategies and
    optimizations", 1995).

    Args:
        bounds: the highest score that each term can contribute.
        score: the minimum score, above 0.
    """
    needed = score * (1 - _ROUNDING)
    terms = sorted(bounds, key=lambda term: -bounds[term])
    remaining = [0.0]  # in the end, remaining[i] is the sum of the bounds from term i on
    for term in reversed(terms):
        remaining.append(remaining[-1] + bounds[term])
    remaining.reverse()

    def minimal_sets(start: int, chosen: tuple[str, ...], missing: float) -> Iterator[tuple[str, ...]]:
        for position in range(start, len(terms)):
            if remaining[position] < missing:
                return
            term = terms[position]
            if bounds[term] >= missing:
                yield (*chosen, term)
            else:
                yield from minimal_sets(position + 1, (*chosen, term), missing - bounds[term])

    sets: list[tuple[str, ...]] = []
    for found in minimal_sets(0, (), needed):
        sets.append(found)
        if len(sets) > MAX_TERM_SETS:
            return [(term,) for position, term in enumerate(terms) if remaining[position] >= needed]
    return sets
