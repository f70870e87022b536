"""Harvests in child processes that are killed, while the corpus changes from day to day."""

import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from random import Random

from harvest.corpus import Corpus
from harvest.sessions import Session
from indexer.harvest.spool import Spool

NAME = "arxiv?from=2026-01"
RUNS_OF_A_DAY = 4
"""Runs that are killed between two changes of the corpus."""


def run_harvest(directory: Path, environment: dict[str, str]) -> None:
    """Fetches and indexes, in a child process."""
    os.environ.update(environment)
    Session(directory, NAME).run()


def change_corpus(corpus: Corpus, random: Random) -> None:
    """Lets a day pass, on which papers are added, changed and deleted."""
    day = corpus.today
    corpus.today = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    for _ in range(7):
        corpus.add(len(corpus.entries) + 1_000, day)
    for entry in random.sample(corpus.entries, 4):
        if not entry.is_deleted:
            entry.stamp, entry.title = day, f"{entry.title} again"
            entry.versions.append(day)
    gone = random.choice(corpus.entries)
    gone.is_deleted, gone.stamp = True, day


def verify(directory: Path, corpus: Corpus) -> None:
    """Checks that the index has each paper once, and no page is left, after a run to the end."""
    session = Session(directory, NAME)
    expected = {entry.title for entry in corpus.entries if not entry.is_deleted}
    found = session.papers().keys()
    assert found == expected, (found - expected, expected - found)
    with Spool(directory, NAME) as spool:
        assert spool.pages() == []
        assert spool.position.is_complete


def run_killed(kills: int, corpus: Corpus, random: Random, run: Callable[[bool], bool], directory: Path) -> int:
    """Runs harvests of which some are killed, and verifies the index after each day.

    Args:
        kills: The number of runs that are killed.
        corpus: The corpus, which changes.
        random: Chooses what changes.
        run: Runs a harvest, and kills it at a random point if the argument is true; returns whether it was killed.
        directory: The index.

    Returns:
        The number of days.
    """
    days = 0
    while kills > 0:
        for _ in range(RUNS_OF_A_DAY):
            kills -= run(True)
            if random.random() < 0.3:
                change_corpus(corpus, random)
        run(False)
        corpus.today = (date.fromisoformat(corpus.today) + timedelta(days=1)).isoformat()
        run(False)
        verify(directory, corpus)
        change_corpus(corpus, random)
        days += 1
    return days
