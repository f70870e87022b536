"""Compares whole search systems on the same papers, vectors and questions, one after another on one core.

Measured are the import of papers that are embedded already, disk, memory, the first answer of a new process, latency
with and without filters with the embedding of the question included, recall of the dense search under filters against
a comparison with every vector, and nDCG@10 of judged questions. Every system embeds questions with the same network,
and every process runs on one core.

    python -m venv PEERS && PEERS/bin/pip install . -c constraints.txt -r benchmarks/system_peers.txt
    papers index PAPERS.jsonl.xz --index FULL
    PEERS/bin/python -m benchmarks.systems FULL --questions QUESTIONS.jsonl --sets SCIFACT CRANFIELD ...

Each line of the questions has the ID of a paper, and one question or several about it under other names.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.filter_cases import folder_bytes
from benchmarks.hybrid_corpus import Condition, Corpus, write_corpus
from benchmarks.systems_worker import PAGE, SYSTEMS
from search.embedding.embedder import load_embedder
from search.searcher import Searcher
from service.evaluation.beir import RetrievalSet, corpus_ids

_SEED = 19
_RARE_CATEGORY = 300
"""The rare category is the largest with at most this many papers."""
_AUTHOR_PAPERS = 30
"""The author is the most frequent of those with at most this many papers."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--questions", type=Path, required=True, help="judged questions on the papers of the index")
    parser.add_argument("--sets", type=Path, nargs="*", default=[], help="retrieval sets in BEIR layout")
    parser.add_argument("--systems", nargs="*", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--papers", type=int, help="only the first papers of the index")
    parser.add_argument("--latency-questions", type=int, default=200)
    parser.add_argument("--judged-questions", type=int, default=300, help="papers whose questions are judged")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = _compare(options, Path(folder))
    results.save("systems", figures, dataset=f"{figures['papers_compared']:,} papers, one core")


def _compare(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    corpus = _export_index(options.index, folder / "corpus", options.papers)
    judged, relevant = _read_questions(options.questions, corpus, options.judged_questions)
    questions = random.Random(_SEED).sample(list(judged.values()), min(len(judged), options.latency_questions))
    conditions = _choose_conditions(corpus)
    systems: dict[str, dict[str, Any]] = {}
    for name in options.systems:
        work = folder / "system"
        workload = {
            "corpus": str(corpus.folder),
            "folders": {name: str(work)},
            "questions": questions,
            "recall_questions": 50,
            "conditions": {case: asdict(condition) for case, condition in conditions.items()},
            "judged": judged,
            "max_rank_s": 600,
        }
        figures = _run_system(name, work, workload, folder)
        rankings = figures.pop("rankings", {})
        figures["ndcg"] = _mean_ndcg_by_kind(rankings, relevant)
        systems[name] = figures
        print(name, json.dumps(figures), file=sys.stderr, flush=True)
    for set_folder in options.sets:
        _compare_on_set(set_folder, options.systems, folder, systems)
    versions = {each: version(each) for name in options.systems for each in SYSTEMS[name].packages}
    return {
        "papers_compared": len(corpus),
        "peer_versions": versions,
        "conditions": {case: asdict(condition) for case, condition in conditions.items()},
        "systems": systems,
    }


def _run_system(name: str, work: Path, workload: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Returns the figures of all phases; a phase that fails is reported with its last line, and ends the system."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    path = folder / "workload.json"
    path.write_text(json.dumps(workload), "utf-8")
    figures: dict[str, Any] = {}
    for phase in ("build", "answer-once", "measure", "rank"):
        start = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.systems_worker", phase, name, str(path)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        if run.returncode:
            figures["failed"] = f"{phase}: {run.stderr.strip().splitlines()[-1]}"
            print(run.stderr, file=sys.stderr)
            break
        found = json.loads(run.stdout.splitlines()[-1])
        if phase == "answer-once":
            found = {"first_answer_of_a_process_s": round(time.perf_counter() - start, 2)}
        figures |= found
        if phase == "build":
            figures["disk_mib"] = round(folder_bytes(work) / 2**20)
    shutil.rmtree(work)
    return figures


def _environment() -> dict[str, str]:
    threads = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "LANCE_CPU_THREADS",
        "TOKIO_WORKER_THREADS",
    )
    return {**os.environ, **dict.fromkeys(threads, "1"), "ANONYMIZED_TELEMETRY": "False", "HF_HUB_OFFLINE": "1"}


def _export_index(index: Path, folder: Path, limit: int | None) -> Corpus:
    """Writes the papers of an index that have a title, an abstract and their vectors."""
    snapshot = Searcher(index, lambda _model: load_embedder()).snapshot
    rows = snapshot.live.ids[:limit]
    papers, kept = [], []
    for start in range(0, len(rows), 1_000):
        block = rows[start : start + 1_000]
        for row, paper in zip(block.tolist(), snapshot.store.get(block.tolist()), strict=True):
            if paper.title and paper.abstract:
                papers.append(paper.to_json() | {"id": paper.ids[0]})
                kept.append(row)
    return write_corpus(folder, papers, snapshot.vectors.get_vectors(np.array(kept)).astype(np.float16))


def _choose_conditions(corpus: Corpus) -> dict[str, Condition]:
    """Returns no filter, a large category, one with dates, a rare category, and an author."""
    categories, authors = Counter[str](), Counter[str]()
    days = []
    for record in corpus.iter_records():
        categories.update(record.categories)
        authors.update(record.authors)
        days.append(record.day)
    first, last = (int(np.percentile(days, share)) for share in (60, 90))
    largest, second = (code for code, _ in categories.most_common(2))
    rare = next(code for code, count in categories.most_common() if count <= _RARE_CATEGORY)
    author = next(name for name, count in authors.most_common() if count <= _AUTHOR_PAPERS)
    return {
        "no filter": Condition(),
        "category": Condition(category=largest),
        "category and dates": Condition(category=second, first_day=first, last_day=last),
        "rare category": Condition(category=rare),
        "author": Condition(author=author),
    }


def _read_questions(path: Path, corpus: Corpus, count: int) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Returns the texts and the judgments of questions by key, which starts with the kind of question."""
    ids = {record.id for record in corpus.iter_records()}
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    chosen = [line for line in lines if line["id"] in ids or line["id"].lower() in ids]
    texts, judgments = {}, {}
    for line in random.Random(_SEED).sample(chosen, min(count, len(chosen))):
        paper = line.pop("id")
        for kind, text in line.items():
            texts[f"{kind} {paper}"] = text
            judgments[f"{kind} {paper}"] = {paper if paper in ids else paper.lower(): 1}
    return texts, judgments


def _mean_ndcg_by_kind(
    rankings: Mapping[str, list[str]], judgments: Mapping[str, Mapping[str, int]]
) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for key, ranking in rankings.items():
        values.setdefault(key.partition(" ")[0], []).append(_ndcg(ranking, judgments[key]))
    return {kind: round(mean(each), 3) for kind, each in values.items()}


def _ndcg(ranking: list[str], grades: Mapping[str, int]) -> float:
    """Returns nDCG@10 with linear gains (Järvelin and Kekäläinen, TOIS 2002)."""
    discounts = [1 / np.log2(rank + 2) for rank in range(PAGE)]
    gained = sum(grades.get(each, 0) * discount for each, discount in zip(ranking, discounts, strict=False))
    best = sorted(grades.values(), reverse=True)
    return float(gained / sum(grade * discount for grade, discount in zip(best, discounts, strict=False)))


def _compare_on_set(set_folder: Path, names: list[str], folder: Path, systems: dict[str, dict[str, Any]]) -> None:
    """Adds nDCG@10 on the test questions of a retrieval set to the figures of each system."""
    retrieval_set = RetrievalSet.read(set_folder)
    papers = [paper for paper in retrieval_set.iter_papers() if not isinstance(paper, Exception)]
    vectors = load_embedder().encode([paper.text for paper in papers]).astype(np.float16)
    keys = {f"doi:10.5555/{row}": corpus_ids(paper)[0] for row, paper in enumerate(papers)}
    corpus = write_corpus(
        folder / "set", [paper.to_json() | {"id": key} for key, paper in zip(keys, papers, strict=True)], vectors
    )
    for name in names:
        work = folder / "system"
        workload = {
            "corpus": str(corpus.folder),
            "folders": {name: str(work)},
            "questions": list(retrieval_set.queries.values())[:1],
            "recall_questions": 0,
            "conditions": {},
            "judged": dict(retrieval_set.queries),
            "max_rank_s": 600,
        }
        rankings = _run_system(name, work, workload, folder).get("rankings", {})
        values = [
            _ndcg([keys.get(each, each) for each in ranking], retrieval_set.judgments[key])
            for key, ranking in rankings.items()
        ]
        systems[name].setdefault("ndcg", {})[set_folder.name] = round(mean(values), 3) if values else None


if __name__ == "__main__":
    main()
