"""Measures how precise the rules for kinds of papers are, and how much they find.

``kinds-marked.jsonl`` has papers that the rules marked, drawn at random from a corpus, 50 of each kind, with the answer
of a reader of title, abstract and comment: ``is`` tells whether the paper is of the kind. Survey, dataset, benchmark,
method and theory have 50 more, drawn after the rules had been changed. Precision counts those that the rules still
mark.
``kinds-sample.jsonl`` has 100 random papers of the corpus with all their kinds, for recall.

    python -m benchmarks.kinds PAPERS.jsonl.xz
"""

import argparse
import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import results
from indexer import sources
from indexer.sources.file import SourceFile
from search.papers.kind_rules import find_kinds
from search.papers.kinds import KINDS
from search.papers.paper import Paper

_FOLDER = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", type=Path, help="file with the papers of the corpus")
    papers = list(_read_papers(parser.parse_args().papers))
    start = time.process_time()
    found = {paper.id: set(find_kinds(paper)) for paper in papers}
    seconds = time.process_time() - start
    marked, sample = _read_labels("kinds-marked"), _read_labels("kinds-sample")
    results.save(
        "kinds",
        {
            "microseconds_per_paper": round(seconds / len(papers) * 1e6, 1),
            "papers_of_kind": {kind: sum(kind in kinds for kinds in found.values()) for kind in KINDS},
            "precision": {kind: _precision(marked, found, kind) for kind in KINDS},
            "recall": {kind: _recall(sample, found, kind) for kind in KINDS},
        },
        dataset=f"{len(papers):,} papers of arXiv",
    )


def _read_papers(path: Path) -> Iterator[Paper]:
    return (record for record in sources.read(SourceFile(path, date.today())) if isinstance(record, Paper))


def _read_labels(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (_FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()]


def _precision(labels: list[dict[str, Any]], found: dict[str, set[Any]], kind: str) -> dict[str, float]:
    correct = [label["is"] for label in labels if label["kind"] == kind and kind in found.get(label["id"], ())]
    return {"papers": len(correct), "share": round(sum(correct) / len(correct), 3)}


def _recall(labels: list[dict[str, Any]], found: dict[str, set[Any]], kind: str) -> dict[str, float | None]:
    marks = [kind in found.get(label["id"], ()) for label in labels if kind in label["kinds"]]
    return {"papers": len(marks), "share": round(sum(marks) / len(marks), 3) if marks else None}


if __name__ == "__main__":
    main()
