"""Places of the labels of a map: within it, near their themes, and not on each other."""

from collections.abc import Iterator, Sequence

HEIGHT_OF_SIZE = 1.4
"""Height of a label with its margin, as a multiple of its font size."""
_WIDTH_OF_SIZE = 0.6
"""Mean width of a bold character, as a multiple of its font size; wide fonts reach it."""
_MARGIN_OF_SIZE = 0.5
"""Margin to the left and right of a label, as a multiple of its font size."""
_SHIFTS = sorted(
    ((right, down) for right in (0.0, -0.5, 0.5) for down in (0, -1, 1, -2, 2)),
    key=lambda shift: (abs(shift[0]) + abs(shift[1]), shift),
)
"""Where a label may be, in widths and heights from the place that it belongs to, the nearest first."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def place_labels(
    labels: Sequence[str], anchors: Sequence[tuple[float, float]], size: float, width: float, height: float
) -> list[tuple[float, float] | None]:
    """Returns the middle of each label, or None for one that finds no room beside those before it.

    Args:
        labels: the texts, the most important first.
        anchors: where the middle of each belongs.
        size: the font size, in pixels as all lengths.
        width: of the map.
        height: of the map.
    """
    taken: list[Box] = []
    places: list[tuple[float, float] | None] = []
    for label, anchor in zip(labels, anchors, strict=True):
        half_width, half_height = label_width(label, size) / 2, size * HEIGHT_OF_SIZE / 2
        for x, y in _candidates(anchor, half_width, half_height, width, height):
            box = (x - half_width, y - half_height, x + half_width, y + half_height)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                places.append((x, y))
                break
        else:
            places.append(None)
    return places


def label_width(label: str, size: float) -> float:
    """Returns the width of a label with its margins, in pixels."""
    return size * (len(label) * _WIDTH_OF_SIZE + 2 * _MARGIN_OF_SIZE)


def _candidates(
    anchor: tuple[float, float], half_width: float, half_height: float, width: float, height: float
) -> Iterator[tuple[float, float]]:
    """Yields the possible places of a label, moved into the map where they would extend beyond it."""
    for right, down in _SHIFTS:
        x, y = anchor[0] + 2 * right * half_width, anchor[1] + 2 * down * half_height
        yield max(half_width, min(x, width - half_width)), max(half_height, min(y, height - half_height))


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
