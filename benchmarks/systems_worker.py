"""One phase of ``benchmarks.systems`` for one system, in a process of its own; prints its figures as JSON.

python -m benchmarks.systems_worker PHASE SYSTEM WORKLOAD
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.hybrid_corpus import Condition, Corpus
from benchmarks.hybrid_peers import Chroma, LanceDb, MilvusLite, Txtai
from benchmarks.hybrid_systems import HybridSystem, Papers, QdrantEdgeTantivy
from search.embedding.embedder import load_embedder

SYSTEMS: dict[str, type[HybridSystem]] = {
    "papers": Papers,
    "qdrant-edge + tantivy": QdrantEdgeTantivy,
    "lancedb": LanceDb,
    "txtai": Txtai,
    "chroma": Chroma,
    "milvus-lite": MilvusLite,
}
"""The systems by name."""
PAGE = 10
"""Hits per question."""
_MAX_SECONDS = 60.0
"""After which the questions of a case end; a slow system answers fewer."""
_WARM_UP = 5
"""Questions before a case is measured."""


def main() -> None:
    phase, name, workload = sys.argv[1:]
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    fields = json.loads(Path(workload).read_text("utf-8"))
    system = SYSTEMS[name]()
    figures = _PHASES[phase](system, Corpus(Path(fields["corpus"])), Path(fields["folders"][name]), fields)
    print(json.dumps(figures))


def _build(system: HybridSystem, corpus: Corpus, folder: Path, fields: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    start, cpu = time.perf_counter(), time.process_time()
    system.build(corpus, folder)
    return {
        "import_s": round(time.perf_counter() - start, 1),
        "import_cpu_s": round(time.process_time() - cpu, 1),
        "import_peak_mib": _peak_mib(),
    }


def _answer_once(system: HybridSystem, corpus: Corpus, folder: Path, fields: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """Answers one question in a new process: the driver measures the whole process."""
    system.open(folder, _load_encoder(single=True))
    return {"hits": len(system.ask(fields["questions"][0], PAGE, Condition()))}


def _measure(system: HybridSystem, corpus: Corpus, folder: Path, fields: dict[str, Any]) -> dict[str, Any]:
    encode = _load_encoder()
    system.open(folder, encode)
    questions = fields["questions"]
    vectors = {text: encode(text) for text in questions}
    records = list(corpus.iter_records())
    row_of = {record.id: row for row, record in enumerate(records)}
    cases = {}
    for case, values in fields["conditions"].items():
        condition = Condition(**values)
        rows = np.array([row for row, record in enumerate(records) if condition.matches(record)], np.int64)
        cases[case] = {
            "papers": len(rows),
            **_measure_latency(lambda text, c=condition: system.ask(text, PAGE, c), questions),  # type: ignore[misc]
            **_measure_recall(
                system, corpus, row_of, condition, rows, dict(list(vectors.items())[: fields["recall_questions"]])
            ),
        }
    return {
        "embedding_ms": _measure_latency(lambda text: list(encode(text)), questions)["p50_ms"],
        "memory_mib": _peak_mib(),
        "cases": cases,
    }


def _measure_latency(ask: Callable[[str], list[Any]], questions: list[str]) -> dict[str, float]:
    """Returns p50 and p99 of the seconds, and of the CPU time in all threads."""
    for text in questions[:_WARM_UP]:
        ask(text)
    elapsed, cpu = [], []
    start = time.perf_counter()
    for text in questions:
        before, cpu_before = time.perf_counter(), time.process_time()
        ask(text)
        elapsed.append(1000 * (time.perf_counter() - before))
        cpu.append(1000 * (time.process_time() - cpu_before))
        if time.perf_counter() - start > _MAX_SECONDS:
            break
    return {
        "questions": len(elapsed),
        "p50_ms": round(median(elapsed), 1),
        "p99_ms": round(float(np.percentile(elapsed, 99)), 1),
        "cpu_p50_ms": round(median(cpu), 1),
    }


def _measure_recall(
    system: HybridSystem,
    corpus: Corpus,
    row_of: dict[str, int],
    condition: Condition,
    rows: NDArray[np.int64],
    vectors: dict[str, NDArray[np.float32]],
) -> dict[str, float]:
    """Returns the recall of the dense search, and the share of its hits that do not match the filter."""
    found_shares, wrong, hits = [], 0, 0
    start = time.perf_counter()
    for text, vector in vectors.items():
        truth = set(corpus.nearest(vector, rows, PAGE).tolist())
        found = {row_of[each] for each in system.nearest(text, vector, PAGE, condition)}
        found_shares.append(len(truth & found) / len(truth))
        wrong, hits = wrong + len(found - set(rows.tolist())), hits + len(found)
        if time.perf_counter() - start > _MAX_SECONDS:
            break
    return {"recall": round(float(np.mean(found_shares)), 3), "share_not_matching": round(wrong / max(hits, 1), 3)}


def _rank(system: HybridSystem, corpus: Corpus, folder: Path, fields: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """Returns the top papers for each judged question."""
    encode = _load_encoder()
    system.open(folder, encode)
    start, rankings = time.perf_counter(), {}
    for key, text in fields["judged"].items():
        rankings[key] = system.ask(text, PAGE, Condition())
        if time.perf_counter() - start > fields["max_rank_s"]:
            break
    return {"rankings": rankings}


def _load_encoder(*, single: bool = False) -> Callable[[str], NDArray[np.float32]]:
    embedder = load_embedder(serving=True, single=single)
    return lambda text: embedder.encode([text])[0]


def _peak_mib() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


_PHASES = {"build": _build, "answer-once": _answer_once, "measure": _measure, "rank": _rank}


if __name__ == "__main__":
    main()
