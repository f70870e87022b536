"""Known-item search: 29 plain questions, written before any search, on the sample with the real model."""

import json
from pathlib import Path

from search.query.query import Query
from search.searcher import Searcher

ROOT = Path(__file__).parent.parent


def test_plain_questions_find_their_paper(sample_searcher: Searcher) -> None:
    ranks = []
    for line in (ROOT / "tests" / "known_items.jsonl").read_text("utf-8").splitlines():
        item = json.loads(line)
        hits = sample_searcher.search(Query(item["question"], limit=10)).hits
        target_ranks = (
            rank for rank, hit in enumerate(hits, 1) if (hit.paper.abstract or "").startswith(item["abstract_starts"])
        )
        ranks.append(next(target_ranks, 99))
    assert len(ranks) == 29
    assert max(ranks) <= 3, ranks
    assert ranks.count(1) >= 26, ranks


def test_kv_cache_compression_finds_summary_attention(sample_searcher: Searcher) -> None:
    first = [hit.paper.title for hit in sample_searcher.search(Query("KV cache compression", limit=3)).hits]
    assert "Kwai Summary Attention Technical Report" in first
