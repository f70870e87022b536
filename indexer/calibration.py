"""Calibrates an index with queries made from its papers, so that scores of hits can be divided into bands."""

import numpy as np

from search.embedding.embedder import Embedder
from search.index.backend import Backend
from search.index.calibration import (
    CALIBRATION_TUNING,
    Calibration,
    CalibrationTuning,
    Probes,
    probe_text,
    sample_probe_rows,
)


def calibrate(snapshot: Backend, embedder: Embedder, tuning: CalibrationTuning = CALIBRATION_TUNING) -> Calibration:
    """Calibrates a snapshot; embeds ``tuning.probe_count`` titles.

    Args:
        snapshot: A generation with codes, columns and lexicon, or a collection.
        embedder: Embeds the titles.
        tuning: Quantiles and sample sizes.

    Raises:
        ModelUnavailable: The model cannot be loaded.
    """
    rows = sample_probe_rows(snapshot.live, tuning)
    texts = [probe_text(paper) for paper in snapshot.store.get(rows.tolist())]
    vectors = embedder.encode(texts).reshape(len(texts), snapshot.model.dim)
    bm25_ratios = [_best_bm25_ratio(snapshot, row, text) for row, text in zip(rows.tolist(), texts, strict=True)]
    probes = Probes(rows, vectors, np.array(bm25_ratios, np.float32))
    return Calibration.measure(snapshot.vectors, snapshot.live, probes, tuning)


def _best_bm25_ratio(snapshot: Backend, row: int, text: str) -> float:
    """The best BM25 of a paper's title in any other paper, divided by the upper bound for that title."""
    scores = snapshot.lexicon.search(text, 2, snapshot.live).without((row,)).scores
    return float(scores[:1].max(initial=0)) / (snapshot.lexicon.max_score(text) or 1)
