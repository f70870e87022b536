"""Counts of papers in words: exact, or ``about 1,900 papers`` where a count is an estimate."""


def format_count(count: int, noun: str = "paper", *, estimated: bool = False, counted_over: str = "") -> str:
    """Returns a count with its noun, such as ``1 paper``, ``1,883 papers`` or ``about 1,900 relevant papers``.

    Args:
        count: the number.
        noun: in the singular.
        estimated: the number is an estimate.
        counted_over: the papers among which these were counted (``Backend.counted_over``); empty if among all.
    """
    about = "about " if estimated and count else ""
    counted = f", counted over {counted_over}" if counted_over else ""
    return f"{about}{round_count(count, estimated=estimated):,} {noun}{'' if count == 1 else 's'}{counted}"


def round_count(count: int, *, estimated: bool) -> int:
    """Returns a count as people read it: an estimate is rounded to two significant digits, an exact one is not."""
    return round(count, min(0, 2 - len(str(count)))) if estimated else count
