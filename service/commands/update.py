"""Updates of followed sources: ``papers update``."""

import re
import sqlite3
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.errors import InvalidValue, PapersError, StateUnavailable
from service.commands.command import Command, MissingExtra
from service.commands.exit_status import ExitStatus
from service.commands.index import choose_model, show_stage
from service.commands.options import INDEX_OPTION, MODEL_NAMES_HELP, model_option
from service.commands.progress import Progress

if TYPE_CHECKING:
    from indexer.build import ImportReport
    from search.embedding.embedder import Embedder
    from service.state.followed import FollowedSource, FollowedSources

_MAX_WATCH_S = 60.0
"""Seconds after which followed files are compared even if no change was reported, as from network drives."""
_PERIOD = re.compile(r"([0-9]{1,4})\s*(m|min|h|d)")
_SECONDS = {"m": 60, "min": 60, "h": 3_600, "d": 86_400}
_NOTHING_NEW = "nothing new"


@click.command(cls=Command, extra="fetch")
@click.option("--every", metavar="TIME", help="Run until stopped, and update again after this time: 30m, 6h, 1d.")
@click.option("--watch", is_flag=True, help="Run until stopped, and update files and folders when they change.")
@INDEX_OPTION
@model_option(help=f"Embedding model of a new index (default: small): {MODEL_NAMES_HELP}.")
def update(every: str | None, watch: bool, directory: Path, model: str | None) -> None:
    """Bring all followed sources up to date, one after another.

    Harvests fetch what is new or changed since the last time; files are imported if they have changed. Prints one line
    for each source. A source that fails does not stop the others; the exit status is then 1.

    \b
    papers update
    papers update --every 6h
    papers update --every 6h --watch
    """
    from service.state.followed import FollowedSources

    period = _parse_period(every)
    updater = _Updater(directory, model, FollowedSources.of_index(directory))
    if period or watch:
        updater.run_forever(period, watch=watch)
    elif not updater.update_all():
        sys.exit(ExitStatus.FAILURE)


class _Updater:
    """Updates followed sources.

    Args:
        directory: The index.
        model: Name of the embedding model; None for that of the index.
        followed: The sources.
    """

    def __init__(self, directory: Path, model: str | None, followed: "FollowedSources") -> None:
        self._directory, self._model, self._followed = directory, model, followed
        self._outcomes = dict[str, str]()

    def update_all(self, *, only_files: bool = False) -> bool:
        """Updates all sources, prints a line for each, and returns whether all succeeded.

        Args:
            only_files: Whether harvests are left out, and only outcomes are printed that have changed.
        """
        from service.formats.render import sanitize_line

        sources, all_succeeded = self._followed.sources(), True
        if not sources:
            click.echo("papers: nothing is followed; follow a source with: papers follow SOURCE", err=True)
        for source in sources:
            if only_files and source.path is None:
                continue
            outcome, succeeded = self._update(source)
            all_succeeded &= succeeded
            is_known = outcome in (_NOTHING_NEW, self._outcomes.get(source.source))
            self._outcomes[source.source] = outcome
            if not (only_files and is_known):
                click.echo(sanitize_line(f"{source.source}: {outcome}"))
                sys.stdout.flush()
                all_succeeded &= self._note(source.source, outcome)
        return all_succeeded

    def _note(self, source: str, outcome: str) -> bool:
        """Notes an outcome; prints why if that fails, since the other sources are updated all the same."""
        try:
            self._followed.note(source, outcome)
        except StateUnavailable as error:
            click.echo(f"papers: the outcome was not noted: {error}", err=True)
            return False
        return True

    def run_forever(self, period: float | None, *, watch: bool) -> None:
        """Updates all sources, and again after each period and, to watch files, when they change."""
        due = time.monotonic()
        while True:
            is_due = time.monotonic() >= due
            self.update_all(only_files=not is_due)
            if is_due:
                due = time.monotonic() + (period or float("inf"))
            left = max(0.0, due - time.monotonic())
            if watch:
                _wait_for_changes([each.path for each in self._followed.sources() if each.path], self._directory, left)
            else:
                time.sleep(left)

    def _update(self, source: "FollowedSource") -> tuple[str, bool]:
        """Returns the outcome as one line, and whether the update succeeded."""
        try:
            with Progress() as progress:
                if source.path is None:
                    return self._update_harvest(source.source, progress)
                return self._update_files(source.path, progress), True
        except InvalidValue as error:
            return f"failed: {error.allowed}", False
        except (PapersError, OSError, sqlite3.Error) as error:
            return f"failed: {error}", False
        except Exception as error:  # noqa: BLE001  # whatever it is, the other sources are updated
            return f"failed: {type(error).__name__}: {error}", False

    def _update_files(self, path: Path, progress: Progress) -> str:
        from indexer.updates import update_files

        report = update_files(
            path,
            self._directory,
            lambda: self._embedder,
            progress=progress.show,
            on_stage=lambda name: show_stage(progress, name),
        )
        return _describe(report)

    def _update_harvest(self, name: str, progress: Progress) -> tuple[str, bool]:
        from indexer.harvest import parse_name
        from indexer.harvest.run import run_harvest
        from indexer.harvest.settings import contact

        try:
            from indexer.harvest.client import Client
        except ModuleNotFoundError as error:
            raise MissingExtra("papers update", "fetch", error.name or "") from None
        harvest = parse_name(name)
        with Client.of(harvest.service, contact(), progress.show_wait) as client:
            report = run_harvest(
                harvest,
                client,
                self._directory,
                self._embedder,
                on_fetched=progress.show_fetched,
                progress=progress.show,
                on_stage=lambda name: show_stage(progress, name),
            )
        outcome = _describe(report.imported, report.deleted)
        if not report.problem:
            return outcome, True
        return f"{'' if outcome == _NOTHING_NEW else f'{outcome}; '}failed: {report.problem}", False

    @cached_property
    def _embedder(self) -> "Embedder":
        from search.embedding.embedder import load_embedder

        return load_embedder(*choose_model(self._directory, self._model, None))


def _describe(report: "ImportReport | None", removed: int = 0) -> str:
    """Returns the counts of an update as one line."""
    counts = report.counts if report else None
    parts = [
        (counts.new if counts else 0, "new"),
        (counts.merged if counts else 0, "merged"),
        (counts.unchanged if counts else 0, "unchanged"),
        (removed, "removed"),
        (report.skipped_count if report else 0, "skipped"),
    ]
    return ", ".join(f"{count:,} {name}" for count, name in parts if count) or _NOTHING_NEW


def _parse_period(text: str | None) -> float | None:
    """Parses ``--every`` to seconds.

    Raises:
        InvalidValue: It is no time, or less than a minute.
    """
    if text is None:
        return None
    match = _PERIOD.fullmatch(text.strip().lower())
    if not match or not int(match[1]):
        raise InvalidValue("every", text, "give a time from 1m on, such as 30m, 6h or 1d")
    return int(match[1]) * float(_SECONDS[match[2]])


def _wait_for_changes(paths: list[Path], directory: Path, seconds: float) -> None:
    """Waits until something below the paths changes, or for some seconds.

    Args:
        paths: Files and folders. The folder of a file is watched: programs replace files by others of the same name.
        directory: The index, whose own changes do not count.
        seconds: The time; at most _MAX_WATCH_S is waited.
    """
    from watchfiles import watch

    folders = {folder for path in paths if (folder := path if path.is_dir() else path.parent).is_dir()}
    seconds, own = min(seconds, _MAX_WATCH_S), directory.resolve()
    if not folders:
        time.sleep(seconds)
        return
    changes = watch(
        *folders,
        watch_filter=lambda _change, name: not Path(name).is_relative_to(own),
        rust_timeout=max(1, round(seconds * 1_000)),
        yield_on_timeout=True,
    )
    try:
        next(changes)
    except OSError as error:  # the system allows to watch so many folders only
        click.echo(f"papers: changes are noticed every {seconds:g} seconds only: {error}", err=True)
        time.sleep(seconds)
    finally:
        changes.close()
