"""Quality of four kinds of needs: 30 questions, 60 in everyday words, 30 similar papers, and 30 authors.

``judged_needs.jsonl`` contains the needs and a description of good hits; it was written before any hit was seen. The
top ten hits of each need are printed for a person to judge, and their IDs are saved. Judgments are read from
``judged_needs-judgments.jsonl`` (``task``, ``query``, ``author``, ``id``, ``grade``, ``why``; grade 2 satisfies the
need, 1 helps with it, 0 does neither). With them, precision and nDCG of the top ten are saved too, and the number of
hits without a judgment, which count as 0.

    papers index CORPUS.jsonl.xz --index FULL
    python -m benchmarks.judged_needs FULL > HITS          (--long: with the start of each abstract)
"""

import argparse
import contextlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from statistics import mean

from benchmarks import results
from search.embedding.embedder import load_embedder
from search.papers import names
from search.papers.name_matching import matches
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher

_NEEDS_PATH = Path(__file__).parent / "judged_needs.jsonl"
_JUDGMENTS_PATH = Path(__file__).parent / "judged_needs-judgments.jsonl"
_DEPTH = 10
"""Hits per need that are judged."""
_MIN_RELEVANT_GRADE = 1
_MAX_AUTHORS = 8
"""Authors printed per paper."""
_ABSTRACT_CHARS = 200
"""Characters of the abstract that ``--long`` prints."""


@dataclass(frozen=True)
class Need:
    """One information need.

    Attributes:
        task: ``question``, ``colloquial``, ``similar`` or ``author``.
        query: a question; for ``similar`` the ID of a paper; for ``author`` a topic, which may be empty.
        author: the name as a user types it; only for ``author``.
    """

    task: str
    query: str
    author: str = ""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("index", type=Path)
    options.add_argument("--long", action="store_true", help="print the start of each abstract")
    arguments = options.parse_args()
    embedder = load_embedder()
    searcher = Searcher(arguments.index, lambda _model: embedder)
    hits: dict[Need, list[str]] = {}
    for need, good_hits in _read_needs():
        papers = _search(searcher, need)
        hits[need] = [paper.id for paper in papers]
        print(f"\n{need.task}: {need.query}{need.author and f' [author: {need.author}]'}\n  good: {good_hits}")
        for rank, paper in enumerate(papers, 1):
            print("\n".join(_format_result(rank, paper, need, long=arguments.long)))
    figures: dict[str, object] = {"answers": [vars(need) | {"ids": ids} for need, ids in hits.items()]}
    if _JUDGMENTS_PATH.exists():
        figures = {"quality": evaluate(hits, _read_judgments())} | figures
    with contextlib.redirect_stdout(sys.stderr):
        results.save(
            "judged_needs", figures, dataset=f"{searcher.snapshot.manifest.live:,} papers, hybrid, {len(hits)} needs"
        )


def evaluate(hits: Mapping[Need, Sequence[str]], judgments: Mapping[Need, Mapping[str, int]]) -> dict[str, object]:
    """Returns mean precision@10 and nDCG@10 of each task, and the number of hits without a judgment.

    Args:
        hits: IDs of each need, best first.
        judgments: grades of IDs; an ID without a grade counts as 0.
    """
    needs_by_task: defaultdict[str, list[Need]] = defaultdict(list)
    for need in hits:
        needs_by_task[need.task].append(need)
    return {
        task: {
            "needs": len(needs),
            "precision@10": round(mean(precision(hits[need], judgments.get(need, {})) for need in needs), 3),
            "ndcg@10": round(mean(ndcg(hits[need], judgments.get(need, {})) for need in needs), 3),
            "without_hits": sum(not hits[need] for need in needs),
            "unjudged": sum(paper not in judgments.get(need, {}) for need in needs for paper in hits[need][:_DEPTH]),
        }
        for task, needs in needs_by_task.items()
    }


def precision(hits: Sequence[str], grades: Mapping[str, int]) -> float:
    """Returns the share of grades 1 and 2 among the top hits, of which there may be fewer than ten; 0 without hits."""
    top = hits[:_DEPTH]
    return sum(grades.get(paper, 0) >= _MIN_RELEVANT_GRADE for paper in top) / len(top) if top else 0.0


def ndcg(hits: Sequence[str], grades: Mapping[str, int]) -> float:
    """Returns nDCG@10 with the grades as gains (Järvelin and Kekäläinen, TOIS 2002); 0 if no judged paper is relevant.

    The ideal ranking contains all papers that were judged for the need.
    """
    ideal = _dcg(sorted(grades.values(), reverse=True))
    return _dcg(grades.get(paper, 0) for paper in hits) / ideal if ideal else 0.0


def _dcg(gains: Iterable[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in zip(range(1, _DEPTH + 1), gains, strict=False))


def _read_needs() -> Iterator[tuple[Need, str]]:
    """Yields each need and the description of its good hits."""
    for line in _NEEDS_PATH.read_text("utf-8").splitlines():
        yield _parse_need(record := json.loads(line)), record["means"]


def _read_judgments() -> dict[Need, dict[str, int]]:
    judgments: defaultdict[Need, dict[str, int]] = defaultdict(dict)
    for line in _JUDGMENTS_PATH.read_text("utf-8").splitlines():
        record = json.loads(line)
        judgments[_parse_need(record)][record["id"]] = record["grade"]
    return dict(judgments)


def _parse_need(record: Mapping[str, str]) -> Need:
    return Need(record["task"], record.get("query") or "", record.get("author") or "")


def _search(searcher: Searcher, need: Need) -> list[Paper]:
    if need.task == "similar":
        page = searcher.search(Query(like=(need.query,), limit=_DEPTH))
    else:
        author_filter = Filter(authors=(need.author,)) if need.author else Filter()
        page = searcher.ask(need.query, Query(filter=author_filter, limit=_DEPTH))
    return [hit.paper for hit in page.hits]


def _format_result(rank: int, paper: Paper, need: Need, *, long: bool) -> Iterator[str]:
    yield f"  {rank:2} {paper.id}  {paper.title}"
    authors = list(paper.authors[:_MAX_AUTHORS])
    if need.author:
        authors += [f"... {name}" for name in paper.authors[_MAX_AUTHORS:] if _matches_author(need.author, name)]
    yield f"     {', '.join(authors)}"
    if long and paper.abstract:
        yield f"     {paper.abstract[:_ABSTRACT_CHARS]}"


def _matches_author(typed: str, written: str) -> bool:
    return any(matches(typed, names.Name.from_key(key)) for key in names.index_keys(written))


if __name__ == "__main__":
    main()
