"""Places of the labels of a map: within it, near their themes, not on each other, and on few papers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEIGHT_OF_SIZE = 1.4
"""Height of a label with its margin, as a multiple of its font size."""
_WIDTH_OF_SIZE = 0.6
"""Mean width of a bold character, as a multiple of its font size; wide fonts reach it."""
_MARGIN_OF_SIZE = 0.5
"""Margin to the left and right of a label, as a multiple of its font size."""
_SHIFTS = [(right, down) for right in (0.0, -0.5, 0.5) for down in (0, -1, 1, -2, 2, -3, 3, -4, 4)]
"""Where a label may be, in widths and heights from the place that it belongs to."""
_COST_OF_SHIFT = 3.0
"""How many papers a label may hide more before it is shifted by a height, or by half a width."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def place_labels(
    labels: Sequence[str],
    anchors: Sequence[tuple[float, float]],
    size: float,
    extent: tuple[float, float],
    points: Sequence[tuple[float, float]] = (),
) -> list[tuple[float, float] | None]:
    """Returns the middle of each label, or None for one that finds no room beside those before it.

    Args:
        labels: the texts, the most important first.
        anchors: where the middle of each belongs.
        size: the font size, in pixels as all lengths.
        extent: width and height of the map.
        points: the places of the papers, of which labels hide few.
    """
    papers = np.array(points, np.float64).reshape(-1, 2)
    taken: list[Box] = []
    places: list[tuple[float, float] | None] = []
    for label, anchor in zip(labels, anchors, strict=True):
        half = label_width(label, size) / 2, size * HEIGHT_OF_SIZE / 2
        free = (each for each in _candidates(anchor, half, extent) if not any(_overlap(each.box, it) for it in taken))
        best = min(free, key=lambda each: each.cost + _count_inside(each.box, papers), default=None)
        if best:
            taken.append(best.box)
        places.append(best.place if best else None)
    return places


def label_width(label: str, size: float) -> float:
    """Returns the width of a label with its margins, in pixels."""
    return size * (len(label) * _WIDTH_OF_SIZE + 2 * _MARGIN_OF_SIZE)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A possible place of a label, and how far it is from where it belongs."""

    place: tuple[float, float]
    box: Box
    cost: float


def _candidates(
    anchor: tuple[float, float], half: tuple[float, float], extent: tuple[float, float]
) -> Iterator[_Candidate]:
    """Yields the possible places of a label, moved into the map where they would extend beyond it."""
    for right, down in _SHIFTS:
        x, y = (
            max(half[axis], min(anchor[axis] + 2 * shift * half[axis], extent[axis] - half[axis]))
            for axis, shift in enumerate((right, down))
        )
        box = (x - half[0], y - half[1], x + half[0], y + half[1])
        yield _Candidate((x, y), box, _COST_OF_SHIFT * (2 * abs(right) + abs(down)))


def _count_inside(box: Box, points: NDArray[np.float64]) -> int:
    return int(((points > box[:2]) & (points < box[2:])).all(axis=1).sum())


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
