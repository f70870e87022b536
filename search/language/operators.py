"""Decides which of the operators between words are syntax and which are words themselves.

An operator that is not syntax becomes a word, which can separate another operator from what made that one syntax. So
the decision repeats, for all operators at once, until nothing changes. Each round looks only at the operators beside
the changes of the round before, so that the whole takes time in proportion to the number of items.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SYNTAX = -1
"""Stands for an item that is syntax."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """What is between two runs of operators.

    Attributes:
        first: number of words before the first syntax in it; SYNTAX if it begins with syntax.
        last: number of words after the last syntax in it; SYNTAX if it ends with syntax.
        has_syntax: whether it contains syntax; otherwise both are the number of all its words.
    """

    first: int = 0
    last: int = 0
    has_syntax: bool = False

    def followed_by(self, item: int) -> "_Gap":
        """Returns the gap with one more item at its end; see ``syntax_operators``."""
        if item == SYNTAX:
            return _Gap(self.first if self.has_syntax else self.first or SYNTAX, SYNTAX, True)
        last = max(self.last, 0) + item if item else self.last
        return _Gap(self.first if self.has_syntax else last, last, self.has_syntax)

    def joined_with(self, other: "_Gap") -> "_Gap":
        """Returns this gap and another one after it as one gap."""
        if not other.has_syntax:
            return self.followed_by(other.last)
        if self.has_syntax:
            return _Gap(self.first, other.last, True)
        words = self.last + max(other.first, 0)
        return _Gap(words or SYNTAX, other.last, True)


@dataclass(slots=True, eq=False)
class _Run:
    """Adjacent operators, as in OR NOT, which have the same gaps around them; an item of a doubly linked list.

    Attributes:
        operators: index among the items, and name, of each operator.
        before: the gap before the run.
        after: the gap after the run.
        left: the run before ``before``.
        right: the run after ``after``.
    """

    operators: list[tuple[int, str]]
    before: _Gap = _Gap()
    after: _Gap = _Gap()
    left: "_Run | None" = None
    right: "_Run | None" = None

    def failing_names(self) -> frozenset[str]:
        """Returns the names of the operators that are not syntax between the gaps as they are now."""
        names = {name for _, name in self.operators}
        return frozenset(name for name in names if not _is_syntax(name, self.before.last, self.after.first))


def syntax_operators(items: Sequence[int | str]) -> frozenset[int]:
    """Returns the indexes of the operators that are syntax.

    Args:
        items: the name of each operator; for other items SYNTAX, 1 for a word or a group, 0 for punctuation.
    """
    pending = _build_runs(items)
    found = {place for run in pending for place, _ in run.operators}
    while pending:
        failing = [(run, names) for run in pending if (names := run.failing_names())]
        changed: dict[_Run, None] = {}
        for run, names in failing:
            found.difference_update(place for place, name in run.operators if name in names)
            changed.update(dict.fromkeys(_split(run, names)))
        pending = [run for run in changed if run.operators]
    return frozenset(found)


def _is_syntax(name: str, before: int, after: int) -> bool:
    if name == "ANDNOT" or SYNTAX in (before, after):
        return True
    return after == 1 and (before == 1 or (name == "NOT" and before == 0))


def _build_runs(items: Sequence[int | str]) -> list[_Run]:
    runs, gaps, is_adjacent = [_Run([])], [_Gap()], False
    for place, item in enumerate(items):
        if not isinstance(item, str):
            gaps[-1] = gaps[-1].followed_by(item)
        elif is_adjacent:
            runs[-1].operators.append((place, item))
        else:
            runs.append(_Run([(place, item)]))
            gaps.append(_Gap())
        is_adjacent = isinstance(item, str)
    _link(None, runs[1:], None, gaps)
    return runs[1:]


def _link(left: _Run | None, runs: list[_Run], right: _Run | None, gaps: list[_Gap]) -> None:
    """Links runs with each other and with the runs around them, with the gaps before each and after the last."""
    for one, other, gap in zip([left, *runs], [*runs, right], gaps, strict=True):
        if one:
            one.right, one.after = other, gap
        if other:
            other.left, other.before = one, gap


def _split(run: _Run, failing: frozenset[str]) -> list[_Run]:
    """Turns the failing operators of a run into words, and returns the runs beside the gaps that changed."""
    pieces: list[_Run] = []
    gaps, is_adjacent = [run.before], False
    for place, name in run.operators:
        if name in failing:
            gaps[-1] = gaps[-1].followed_by(1)
        elif is_adjacent:
            pieces[-1].operators.append((place, name))
        else:
            pieces.append(_Run([(place, name)]))
            gaps.append(_Gap())
        is_adjacent = name not in failing
    gaps[-1] = gaps[-1].joined_with(run.after)
    run.operators = []
    _link(run.left, pieces, run.right, gaps)
    return [each for each in (run.left, *pieces, run.right) if each]
