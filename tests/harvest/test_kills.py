"""A harvest that is killed at random points loses and doubles nothing (``benchmarks/harvest_kills.py`` kills more)."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from harvest.corpus import Corpus
from harvest.kills import run_harvest, run_killed
from harvest.servers import ServiceServer
from harvest.sessions import Session
from indexer.doctor import examine
from killed_process import KILLED, run_and_kill


def test_a_killed_harvest_loses_and_doubles_nothing(
    server: ServiceServer, corpus: Corpus, session: Callable[[str], Session], tmp_path: Path
) -> None:
    directory, random = session("arxiv?from=2026-01").directory, Random(17)
    environment = {"PAPERS_CACHE": str(tmp_path / "cache"), "PAPERS_ARXIV_OAI_URL": f"{server.url}/oai"}

    def run(is_killed: bool) -> bool:
        after = random.randrange(300) if is_killed else None  # of about as many file events
        return run_and_kill(run_harvest, directory, environment, after=after) == KILLED

    run_killed(8, corpus, random, run, directory)
    assert examine(directory) == []
