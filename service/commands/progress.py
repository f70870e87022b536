"""Progress of long commands on standard error: a live bar on a terminal, a line every ten seconds elsewhere."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from search.query.counts import format_count

if TYPE_CHECKING:
    from indexer.import_counts import ImportCounts

_LINE_INTERVAL_S = 10.0
"""Between two lines where standard error is not a terminal."""
_SAMPLE_INTERVAL_S = 0.2
"""Between two updates of the bar; rich estimates the remaining time from them."""
_BAR_WIDTH = 20
"""Width of the bar in characters, chosen so that a progress line fits into 80."""


class Progress:
    """Reports the progress of one command; used as a context manager.

    Args:
        clock: current time in seconds.

    Attributes:
        count_workers: returns the workers of the Ray cluster that embeds; None without one.
    """

    count_workers: Callable[[], int] | None = None

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        # imported here, so that commands that show no progress start sooner
        from rich import progress as rich_progress
        from rich.console import Console

        console = Console(stderr=True)
        self._is_live = console.is_interactive and sys.stderr.isatty()
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(_BAR_WIDTH),
            rich_progress.TaskProgressColumn(),
            rich_progress.TimeRemainingColumn(),
            console=console,
            redirect_stdout=False,  # results go to standard output as they are
            get_time=clock,
            disable=not self._is_live,
        )
        self._task = self._bar.add_task("", total=None)
        self._clock, self._is_fetching = clock, False
        self._start = self._last_line = self._last_sample = clock()
        self._last_update: tuple[str, float | None] = ("", 0.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_live:
            self._show_last_update()
        self._bar.stop()

    def stage(self, name: str) -> None:
        """Announces a step whose length is unknown, for example ``building the lexicon``."""
        if self._is_live:
            self._restart(name)
        else:
            self.print(name)

    def print(self, line: str) -> None:
        """Prints a line, above the bar where there is one."""
        click.echo(line, err=True)

    def show(self, counts: "ImportCounts", fraction_done: float) -> None:
        """Shows how far an import is.

        Args:
            counts: records so far.
            fraction_done: share of the input that is indexed, 0 to 1.
        """
        if self._is_fetching:  # the rate and the time left are those of the import
            self._is_fetching, self._start = False, self._clock()
            self._restart("")
        rate = counts.read / max(self._clock() - self._start, 1e-9)
        cluster = f", {format_count(self.count_workers(), 'worker')}" if self.count_workers else ""
        text = f"{counts.read:,} read, {counts.embedded:,} embedded, {rate:,.0f} papers/s{cluster}"
        self._update(text, fraction_done)

    def show_sampled(self, records: int, fraction_done: float) -> None:
        """Shows how many records were read to choose a sample."""
        self._update(f"{records:,} read to choose the sample", fraction_done)

    def show_fetched(self, records: int, fraction_done: float | None) -> None:
        """Shows how many records of a harvest are fetched, and the share of it if that is known."""
        self._is_fetching = True
        self._update(f"{records:,} records fetched", fraction_done)

    def show_wait(self, seconds: float, reason: str) -> None:
        """Says why a harvest waits."""
        self.print(f"{reason}; next try in {seconds:,.0f} seconds")

    def show_embedded(self, done: int, total: int) -> None:
        """Shows how many papers of an index have a vector of the new model."""
        self._update(f"{done:,} of {total:,} papers embedded", done / total)

    def show_copied(self, done: int, total: int) -> None:
        """Shows how many papers of an index are copied."""
        self._update(f"{done:,} of {total:,} papers copied", done / total)

    def show_queries(self, done: int, total: int) -> None:
        """Shows how many queries of an evaluation have run."""
        self._update(f"{done:,} of {total:,} queries", done / total)

    def _restart(self, name: str) -> None:
        """Starts another task, so that the time left is not estimated from the one before."""
        self._show_last_update()
        self._last_update = ("", 0.0)
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=None)

    def _update(self, text: str, fraction_done: float | None) -> None:
        self._last_update, now = (text, fraction_done), self._clock()
        if now - self._last_sample >= _SAMPLE_INTERVAL_S:
            self._sample()
            self._last_sample = now
        if not self._is_live and now - self._last_line >= _LINE_INTERVAL_S:
            task = self._bar.tasks[-1]
            left = task.time_remaining
            rest = f", {timedelta(seconds=left)} left" if left is not None else ""
            self.print(text if task.total is None else f"{text}, {task.percentage:.0f}%{rest}")
            self._last_line = now

    def _show_last_update(self) -> None:
        if self._last_update[0]:
            self._sample()
            self._bar.refresh()

    def _sample(self) -> None:
        text, fraction_done = self._last_update
        total = None if fraction_done is None else 1.0
        self._bar.update(self._task, total=total, description=text, completed=fraction_done or 0.0)
