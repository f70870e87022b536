"""Progress of an import: a live line on a terminal, a line every ten seconds elsewhere."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from indexer.writer import ImportCounts

_INTERVAL_S = 10.0
_TERMINAL_INTERVAL_S = 0.2


class Progress:
    """Says how far an import is; used as a context.

    Args:
        stream: where to; a terminal gets one line that is written over.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._is_terminal = stream, stream.isatty()
        self._start = self._last_shown = time.monotonic()
        self._has_output = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_terminal and self._has_output:
            self._stream.write("\n")

    def stage(self, name: str) -> None:
        """Announces a step whose length is unknown."""
        self._has_output = True
        self._stream.write(f"\r{name:<78}" if self._is_terminal else name + "\n")
        self._stream.flush()

    def show(self, counts: "ImportCounts", fraction_done: float) -> None:
        """Shows the counts if it is time to; ``done`` is the share of the input that is done with, 0 to 1."""
        now = time.monotonic()
        if now - self._last_shown < (_TERMINAL_INTERVAL_S if self._is_terminal else _INTERVAL_S):
            return
        self._last_shown, self._has_output = now, True
        elapsed = now - self._start
        line = f"{counts.read:,} read, {counts.embedded:,} embedded, {counts.read / elapsed:,.0f} papers/s"
        if fraction_done > 0.01:
            line += f", {fraction_done:.0%}, {_format_duration(elapsed / fraction_done - elapsed)} left"
        self._stream.write(f"\r{line:<78}" if self._is_terminal else line + "\n")
        self._stream.flush()


def _format_duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
