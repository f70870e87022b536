"""Estimates: counts and shares as people read them, rounded to their error.

The error is rounded up to one significant digit, so that it still holds as often, and the value to the place of this
digit (JCGM 100:2008, "Guide to the expression of uncertainty in measurement", 7.2.6). JSON and CSV have both unrounded.
"""

from dataclasses import dataclass
from math import ceil, floor, log10

_PERCENT_DECIMALS = 2
"""Decimals of an exact percentage."""
_SMALL_PERCENTAGE = 0.1
"""Below this exact percentage, two significant digits are shown."""
_TOLERANCE = 1e-9
"""What a quotient may exceed a whole number by without being rounded up."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its error.

    Attributes:
        value: the value; empty if there is none.
        error: its error; empty for an exact value.
    """

    value: str
    error: str = ""

    def __str__(self) -> str:
        return f"{self.value} ± {self.error}" if self.error else self.value


def estimate_count(count: int, error: int) -> Estimate:
    """Returns a count and its error, such as ``1,690 ± 20``."""
    if not error:
        return Estimate(f"{count:,}")
    place, rounded = _round_up(error)
    return Estimate(f"{round(count, -place):,}", f"{round(rounded):,}")


def estimate_share(share: float | None, error: float) -> Estimate:
    """Returns a share and its error in per cent, such as ``1.64% ± 0.04%``; an empty value for None."""
    if share is None:
        return Estimate("")
    percentage = 100 * share
    if not error:
        small = 0 < percentage < _SMALL_PERCENTAGE
        return Estimate(f"{percentage:.{1 - floor(log10(percentage)) if small else _PERCENT_DECIMALS}f}%")
    place, rounded = _round_up(100 * error)
    decimals = max(0, -place)
    return Estimate(f"{round(percentage, -place):.{decimals}f}%", f"{rounded:.{decimals}f}%")


def _round_up(error: float) -> tuple[int, float]:
    """Returns the power of ten of the first digit of an error, and the error rounded up to this digit."""
    place = floor(log10(error) + _TOLERANCE)
    return place, float(ceil(error / 10.0**place - _TOLERANCE) * 10.0**place)
