"""Shares: keeps one interest from filling the page."""

from collections import deque
from collections.abc import Sequence


def limit_to_shares(interests: Sequence[int], sizes: Sequence[int], limit: int) -> list[int]:
    """Orders candidates so that an interest has no more of the first n than its share of the library, rounded up.

    Among the interests below their share, the best candidate is next. If only others have candidates left, these fill
    the page.

    Args:
        interests: the interest of each candidate, best candidate first.
        sizes: number of papers of each interest in the library.
        limit: number of candidates to return.

    Returns:
        Positions in ``interests``.
    """
    waiting = [deque[int]() for _ in sizes]
    for position, interest in enumerate(interests):
        waiting[interest].append(position)
    taken, total, chosen = [0] * len(sizes), sum(sizes), list[int]()
    while len(chosen) < min(limit, len(interests)):
        heads = [(queue[0], interest) for interest, queue in enumerate(waiting) if queue]
        count = len(chosen) + 1
        below = [head for head in heads if taken[head[1]] * total < count * sizes[head[1]]]
        _, interest = min(below or heads)
        chosen.append(waiting[interest].popleft())
        taken[interest] += 1
    return chosen
