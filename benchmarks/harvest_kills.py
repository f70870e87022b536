"""Kills harvests at random times, and verifies after each day of the service that nothing is lost or doubled.

A local server speaks arXiv's OAI-PMH protocol over invented papers; meanwhile, papers are added, changed and deleted.
A run fetches, indexes and publishes in a process of its own, which gets SIGKILL at a random time.

    python -m benchmarks.harvest_kills --kills 200 --save
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from benchmarks import results
from indexer.doctor import examine

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from harvest.corpus import make_corpus
from harvest.kills import run_harvest, run_killed
from harvest.oai_service import OaiRepository
from harvest.servers import run_server, unavailable

_PAPERS = 400
_PAGE_RECORDS = 20
_MAX_RUN_S = 1.5
"""Seconds after which a run is killed at the latest; most runs of this corpus take about one second."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    figures = kill_harvests(arguments.kills, Random(arguments.seed))
    print(figures)
    if arguments.save:
        results.save("harvest_kills", figures, dataset=f"{_PAPERS} invented papers in pages of {_PAGE_RECORDS}")


def kill_harvests(kills: int, random: Random) -> dict[str, object]:
    """Kills harvests; an index that lacks or repeats a paper is an AssertionError."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harvest.kills", "indexer.harvest.client"])
    corpus, killed, runs = make_corpus(_PAPERS), 0, 0
    with run_server() as server, tempfile.TemporaryDirectory() as folder:
        server.services["/oai"] = OaiRepository(corpus, page_size=_PAGE_RECORDS)
        directory = Path(folder) / "index"
        environment = {"PAPERS_CACHE": f"{folder}/cache", "PAPERS_ARXIV_OAI_URL": f"{server.url}/oai"}

        def run(is_killed: bool) -> bool:
            nonlocal killed, runs
            if is_killed:
                server.faults += [None] * random.randrange(4) + [unavailable()]
            process = context.Process(target=run_harvest, args=(directory, environment))
            process.start()
            if is_killed:
                time.sleep(random.uniform(0, _MAX_RUN_S))
                process.kill()
            process.join()
            runs, killed = runs + 1, killed + (process.exitcode != 0)
            assert process.exitcode in (0, -9)
            return process.exitcode != 0

        days = run_killed(kills, corpus, random, run, directory)
        problems = examine(directory)
        assert problems == []
    papers = sum(not each.is_deleted for each in corpus.entries)
    return {"kills": killed, "runs": runs, "verified": days, "papers_at_the_end": papers, "lost": 0, "doubled": 0}


if __name__ == "__main__":
    main()
