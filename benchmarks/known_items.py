"""The 29 questions of tests/known_items.jsonl on an index that holds the papers themselves, among any others: at
which rank each question finds its paper.

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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("index", type=Path)
    embedder = load_embedder()
    searcher = Searcher(options.parse_args().index, lambda _model: embedder)
    ranks: dict[str, int | None] = {}
    for line in _QUESTIONS.read_text("utf-8").splitlines():
        asked = json.loads(line)
        hits = searcher.search(Query(asked["question"], limit=_DEPTH)).hits
        found = (
            rank for rank, hit in enumerate(hits, 1) if _is_target(hit.paper, asked["title"], asked["shared_starts"])
        )
        ranks[asked["question"]] = next(found, None)
    results.save(
        "known_items",
        {
            "first": sum(rank == 1 for rank in ranks.values()),
            "in_the_first_three": sum(rank is not None and rank <= 3 for rank in ranks.values()),
            "ranks": ranks,
        },
        dataset=f"{searcher.snapshot.manifest.live:,} papers, hybrid, {len(ranks)} questions",
    )


def _is_target(paper: Paper, title: str | None, start: str) -> bool:
    """By title, or by the sha256 of the abstract's first 60 characters: several of the papers have no title."""
    if title and paper.title and normalize_words(title) == normalize_words(paper.title):
        return True
    folded = " ".join((paper.abstract or "").lower().split())[:60]
    return hashlib.sha256(folded.encode()).hexdigest() == start


if __name__ == "__main__":
    main()
