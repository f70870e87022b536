"""Three uses of an index, 30 real needs each: a question, papers similar to one, an author with or without a topic.

``judged_needs.jsonl`` holds the needs and what a good answer to each is; it was written before any answer was seen.
The first ten answers of each are printed for a person to judge and their ids saved. Where
``judged_needs-judgments.jsonl`` grades them (``use``, ``ask``, ``author``, ``id``, ``grade``, ``why``; 2 answers the
need, 1 helps with it, 0 does not), precision
and nDCG of the ten are saved too, and how many of the answers nobody has judged: those count as 0.

    papers index CORPUS.jsonl.xz --index FULL
    python -m benchmarks.judged_needs FULL > ANSWERS       (--long: with the start of each abstract)
"""

import argparse
import contextlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from math import log2
from pathlib import Path
from statistics import mean

from benchmarks import results
from search.embedding.embedder import load_embedder
from search.papers import names
from search.papers.paper import Paper
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher

_NEEDS_PATH, _JUDGMENTS_PATH = (
    Path(__file__).parent / name for name in ("judged_needs.jsonl", "judged_needs-judgments.jsonl")
)
_DEPTH, _MIN_RELEVANT_GRADE = 10, 1
_MAX_AUTHORS, _ABSTRACT_CHARS = 8, 200


@dataclass(frozen=True)
class Need:
    """What is asked. ``similar`` asks a paper's id; ``author`` a topic, which may be empty, and a name as typed."""

    task: str
    query: str
    author: str = ""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("index", type=Path)
    options.add_argument("--long", action="store_true", help="print the start of each abstract")
    asked = options.parse_args()
    embedder = load_embedder()
    searcher = Searcher(asked.index, lambda _model: embedder)
    found: dict[Need, list[str]] = {}
    for need, means in _read_needs():
        papers = _search(searcher, need)
        found[need] = [paper.id for paper in papers]
        print(f"\n{need.task}: {need.query}{need.author and f' [author: {need.author}]'}\n  good: {means}")
        for rank, paper in enumerate(papers, 1):
            print("\n".join(_format_result(rank, paper, need, long=asked.long)))
    figures: dict[str, object] = {"answers": [vars(need) | {"ids": ids} for need, ids in found.items()]}
    if _JUDGMENTS_PATH.exists():
        figures = {"quality": evaluate(found, _read_judgments())} | figures
    with contextlib.redirect_stdout(sys.stderr):
        results.save(
            "judged_needs", figures, dataset=f"{searcher.snapshot.manifest.live:,} papers, hybrid, {len(found)} needs"
        )


def evaluate(found: Mapping[Need, Sequence[str]], judged: Mapping[Need, Mapping[str, int]]) -> dict[str, object]:
    """By use: precision@10, nDCG@10 (means over its needs) and how many answers have no judgment.

    Args:
        found: ids, best first. judged: grades of ids; what is left out counts as 0.
    """
    uses: defaultdict[str, list[Need]] = defaultdict(list)
    for need in found:
        uses[need.task].append(need)
    return {
        use: {
            "needs": len(needs),
            "precision@10": round(mean(precision(found[need], judged.get(need, {})) for need in needs), 3),
            "ndcg@10": round(mean(ndcg(found[need], judged.get(need, {})) for need in needs), 3),
            "without_an_answer": sum(not found[need] for need in needs),
            "unjudged": sum(paper not in judged.get(need, {}) for need in needs for paper in found[need][:_DEPTH]),
        }
        for use, needs in uses.items()
    }


def precision(found: Sequence[str], grades: Mapping[str, int]) -> float:
    """Share of grade 1 or 2 among the answers shown: a filter may pass fewer than ten. 0 where there are none."""
    shown = found[:_DEPTH]
    return sum(grades.get(paper, 0) >= _MIN_RELEVANT_GRADE for paper in shown) / len(shown) if shown else 0.0


def ndcg(found: Sequence[str], grades: Mapping[str, int]) -> float:
    """Gains as graded, against the best order of all that was judged for the need (Järvelin and Kekäläinen, TOIS 2002).

    0 where nothing judged is relevant.
    """
    ideal = _dcg(sorted(grades.values(), reverse=True))
    return _dcg(grades.get(paper, 0) for paper in found) / ideal if ideal else 0.0


def _dcg(gains: Iterable[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in zip(range(1, _DEPTH + 1), gains, strict=False))


def _read_needs() -> Iterator[tuple[Need, str]]:
    """Each need and what a good answer to it is."""
    for line in _NEEDS_PATH.read_text("utf-8").splitlines():
        yield _parse_need(record := json.loads(line)), record["means"]


def _read_judgments() -> dict[Need, dict[str, int]]:
    judged: defaultdict[Need, dict[str, int]] = defaultdict(dict)
    for line in _JUDGMENTS_PATH.read_text("utf-8").splitlines():
        record = json.loads(line)
        judged[_parse_need(record)][record["id"]] = record["grade"]
    return dict(judged)


def _parse_need(record: Mapping[str, str]) -> Need:
    return Need(*(record.get(field.name) or "" for field in fields(Need)))


def _search(searcher: Searcher, need: Need) -> list[Paper]:
    if need.task == "similar":
        page = searcher.search(Query(like=(need.query,), limit=_DEPTH))
    else:
        chosen = Filter(authors=(need.author,)) if need.author else Filter()
        page = searcher.ask(need.query, Query(filter=chosen, limit=_DEPTH))
    return [hit.paper for hit in page.hits]


def _format_result(rank: int, paper: Paper, need: Need, *, long: bool) -> Iterator[str]:
    yield f"  {rank:2} {paper.id}  {paper.title}"
    shown = list(paper.authors[:_MAX_AUTHORS])
    if need.author:
        shown += [f"... {name}" for name in paper.authors[_MAX_AUTHORS:] if _matches_author(need.author, name)]
    yield f"     {', '.join(shown)}"
    if long and paper.abstract:
        yield f"     {paper.abstract[:_ABSTRACT_CHARS]}"


def _matches_author(typed: str, written: str) -> bool:
    return any(names.matches(typed, names.Name.from_key(key)) for key in names.index_keys(written))


if __name__ == "__main__":
    main()
