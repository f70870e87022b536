"""Calibration: an index asked for its own papers when it is published, so that close is told from far."""

import numpy as np

from search.embedding.embedder import Embedder
from search.index.calibration import Calibration, Probes, probe_text, sample_probe_rows
from search.index.snapshot import Snapshot
from search.query.condition import AllOf


def calibrate(snapshot: Snapshot, embedder: Embedder) -> Calibration:
    """Measures a snapshot whose codes, columns and lexicon are written; embeds up to 256 titles.

    Raises:
        ModelUnavailable: the embedder has no model.
    """
    rows = sample_probe_rows(snapshot.live)
    texts = [probe_text(paper) for paper in snapshot.store.get(rows.tolist())]
    vectors = embedder.encode(texts).reshape(len(texts), snapshot.model.dim)
    words = [_best_bm25_ratio(snapshot, row, text) for row, text in zip(rows.tolist(), texts, strict=True)]
    return Calibration.measure(snapshot.vectors, snapshot.live, Probes(rows, vectors, np.array(words, np.float32)))


def _best_bm25_ratio(snapshot: Snapshot, row: int, text: str) -> float:
    """What the words of one paper's title get best from any other paper, as a share of the highest there could be."""
    scores = snapshot.lexicon.search(text, 2, AllOf(())).without((row,)).scores
    return float(scores[:1].max(initial=0)) / (snapshot.lexicon.max_score(text) or 1)
