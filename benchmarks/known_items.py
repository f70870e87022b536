"""Known-item search: the rank at which each of 29 questions finds its paper.

The questions are those of tests/known_items.jsonl. The index has to contain their papers, among any others.

    papers index CORPUS.jsonl.xz PAGES/ --index FULL
    python -m benchmarks.known_items FULL
"""

import argparse
import hashlib
import json
from pathlib import Path

from benchmarks import results
from search.embedding.embedder import load_embedder
from search.papers.fingerprint import normalize_words
from search.papers.paper import Paper
from search.query.query import Query
from search.searcher import Searcher

_QUESTIONS = Path(__file__).parent.parent / "tests" / "known_items.jsonl"
_DEPTH = 100
"""Hits per question that are searched for the paper."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("index", type=Path)
    arguments = options.parse_args()
    embedder = load_embedder()
    searcher = Searcher(arguments.index, lambda _model: embedder)
    ranks: dict[str, int | None] = {}
    for line in _QUESTIONS.read_text("utf-8").splitlines():
        item = json.loads(line)
        hits = searcher.search(Query(item["question"], limit=_DEPTH)).hits
        target_ranks = (
            rank for rank, hit in enumerate(hits, 1) if _is_target(hit.paper, item["title"], item["shared_starts"])
        )
        ranks[item["question"]] = next(target_ranks, None)
    results.save(
        "known_items",
        {
            "first": sum(rank == 1 for rank in ranks.values()),
            "in_top_three": sum(rank is not None and rank <= 3 for rank in ranks.values()),
            "ranks": ranks,
        },
        dataset=f"{searcher.snapshot.manifest.live:,} papers, hybrid, {len(ranks)} questions",
    )


def _is_target(paper: Paper, title: str | None, abstract_digest: str) -> bool:
    """Returns whether a paper has this title, or an abstract whose first 60 characters have this sha256.

    Several of the papers have no title.
    """
    if title and paper.title and normalize_words(title) == normalize_words(paper.title):
        return True
    start = " ".join((paper.abstract or "").lower().split())[:60]
    return hashlib.sha256(start.encode()).hexdigest() == abstract_digest


if __name__ == "__main__":
    main()
