"""Bytes that the publication of 10,000 papers writes about all papers of a collection of Milvus, by its size.

python -m benchmarks.milvus_publications INDEX --papers 20000

Measured are the distinct counts and names of the first papers of INDEX, and the bytes of one of each as they are
written. More papers have V(n) = a * n**b of them (Heaps' law, fitted to the second half). What publications write
follows from the rule by which segments are merged (``search.milvus.segments``).
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from benchmarks import results
from search.index.lexicon import LEXICON_TUNING, create_analyzer
from search.index.snapshot import Snapshot
from search.milvus.author_buckets import AuthorBuckets
from search.milvus.counts import CountBuckets, pack, unpack
from search.milvus.data import split_value
from search.milvus.entities import BatchData, PaperTexts
from search.milvus.segments import count_merged

_PAPERS_PER_PUBLICATION = 10_000
_SIZES = (155_000, 1_000_000, 10_000_000, 50_000_000, 250_000_000)
"""Papers of the collections."""
_STEPS = 10
"""Sizes of the measured papers at which distinct values are counted."""
_SHARE = 0.25
"""Share of its last growth over which the publications of a collection are averaged: the largest segment is merged
once in it."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("index", type=Path)
    options.add_argument("--papers", type=int, default=20_000)
    arguments = options.parse_args()
    snapshot = Snapshot.open(arguments.index)
    data, distinct = BatchData(), dict[int, tuple[int, int]]()
    analyzer, step = create_analyzer(LEXICON_TUNING.term_cache_size), arguments.papers // _STEPS
    rows = snapshot.live.ids[: arguments.papers].tolist()
    for first in range(0, len(rows), step):
        for paper in snapshot.store.get(rows[first : first + step]):
            data.add(paper, PaperTexts.of(paper, analyzer))
        distinct[data.papers] = len(data.counts), len(data.authors)
    bytes_each = _bytes_each(data)
    laws = [_fit([(papers, found[kind]) for papers, found in distinct.items()]) for kind in (0, 1)]
    sizes = {f"{size:,}": _publications(size, laws, bytes_each) for size in _SIZES}
    figures: dict[str, object] = {
        "distinct_counts_and_names_by_papers": {f"{papers:,}": found for papers, found in distinct.items()},
        "heaps_a_and_b": [[round(value, 3) for value in law] for law in laws],
        "bytes_of_a_count_and_of_a_name": [round(each, 1) for each in bytes_each],
        "publications_of_10000_papers": sizes,
    }
    results.save("milvus_publications", figures, dataset=f"the first {len(rows):,} of arXiv's, by import")


def _bytes_each(data: BatchData) -> tuple[float, float]:
    """Returns the characters of a count and of a name as they are written, compressed and in base64."""
    counts = CountBuckets.for_entries(1, len(data.counts)).split(unpack(pack(data.counts)))
    names = AuthorBuckets.for_names(1, len(data.authors)).split(data.authors.values())
    parts = [[text for name, value in each.items() for _, text in split_value(name, value)] for each in (counts, names)]
    return sum(map(len, parts[0])) / len(data.counts), sum(map(len, parts[1])) / len(data.authors)


def _fit(points: Sequence[tuple[int, int]]) -> tuple[float, float]:
    (papers, found), (more_papers, more_found) = points[len(points) // 2 - 1], points[-1]
    exponent = math.log(more_found / found) / math.log(more_papers / papers)
    return more_found / more_papers**exponent, exponent


def _publications(papers: int, laws: Sequence[tuple[float, float]], bytes_each: Sequence[float]) -> dict[str, object]:
    """Returns what publications write until a collection has so many papers, in megabytes."""

    def entries(count: int) -> list[float]:
        return [a * count**b for a, b in laws]

    def megabytes(count: int) -> float:
        return sum(each * size for each, size in zip(entries(count), bytes_each, strict=True)) / 1e6

    written, most = list[float](), 0
    segments: list[int] = []
    for _ in range(papers // _PAPERS_PER_PUBLICATION):
        sizes = [int(sum(entries(each))) for each in segments]
        kept = len(segments) - count_merged(sizes, int(sum(entries(_PAPERS_PER_PUBLICATION))))
        segments = [*segments[:kept], sum(segments[kept:]) + _PAPERS_PER_PUBLICATION]
        written.append(megabytes(segments[-1]))
        most = max(most, len(segments))
    last = written[-max(1, int(_SHARE * len(written))) :]
    return {
        "all_buckets_before_mb": round(megabytes(papers)),
        "segments_mean_mb": round(fmean(last), 1),
        "segments_median_mb": round(sorted(last)[len(last) // 2], 1),
        "segments_largest_mb": round(max(last)),
        "segments_at_most": most,
    }


if __name__ == "__main__":
    main()
