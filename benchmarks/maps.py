"""Maps: how well they keep neighbours, how far added papers move the others, and how long they take, on one core.

Trustworthiness (Venna and Kaski, ICANN 2001; scikit-learn) is 1 if the nearest papers on a map are near each other
among all. For comparison: the first two principal components, and UMAP if it is installed (it is no dependency).

    papers index PAPERS.jsonl.xz --index FULL
    OMP_NUM_THREADS=1 python -m benchmarks.maps FULL
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness

from benchmarks import results
from search import open_index
from search.maps.paper_map import PaperMap
from search.maps.projection import project
from search.session import Session

_TOPICS = (
    "kv cache compression",
    "diffusion models",
    "graph neural networks",
    "dark matter",
    "medical image segmentation",
    "reinforcement learning from human feedback",
)
_NEIGHBOURS = 10
"""Nearest papers on a map that count."""
_ADDED_SHARE = 0.01
"""Share of the papers that are added."""

Places = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    session = open_index(parser.parse_args().index).session()
    measured = [_measure(session, topic) for topic in _TOPICS]
    figures: dict[str, object] = {
        "topics": len(_TOPICS),
        "papers": [each["papers"] for each in measured],
        **{name: round(mean(each[name] for each in measured), 3) for name in measured[0] if name != "papers"},
    }
    results.save("maps", figures, dataset=f"{len(session.snapshot.columns):,} papers")


def _measure(session: Session, topic: str) -> dict[str, float]:
    """Measures the map of one topic."""
    snapshot, plane = session.snapshot, session.snapshot.whitening.main_plane
    themes = session.themes(topic)
    rows = np.sort(themes.grouping.rows)
    vectors = snapshot.whitening.transform(snapshot.vectors.get_vectors(rows))
    places = project(vectors, rows, plane)
    known = np.sort(np.random.default_rng(0).permutation(len(rows))[round(_ADDED_SHARE * len(rows)) :])
    before = project(vectors[known], rows[known], plane)
    moved = np.linalg.norm(places[known] - before, axis=1) / np.sqrt((places**2).sum(axis=1).mean())
    found = PaperMap.of_themes(snapshot, themes)
    figures = {
        "papers": len(rows),
        "trustworthiness": _trust(vectors, places),
        "trustworthiness_pca": _trust(vectors, _principal_plane(vectors)),
        "moved_median_share_of_radius": float(np.median(moved)),
        "moved_p90_share_of_radius": float(np.quantile(moved, 0.9)),
        "projection_cpu_s": _cpu_seconds(lambda: project(vectors, rows, plane)),
        "map_of_themes_cpu_s": _cpu_seconds(lambda: PaperMap.of_themes(snapshot, themes)),
        "drawing_cpu_s": _cpu_seconds(found.to_svg),
        "drawing_kb": len(found.to_svg().encode()) / 1_000,
    }
    return figures | _measure_umap(vectors)


def _measure_umap(vectors: NDArray[np.float32]) -> dict[str, float]:
    """Measures UMAP with a fixed seed; empty if it is not installed."""
    try:
        from umap import UMAP
    except ModuleNotFoundError:
        return {}
    start = time.process_time()
    places = UMAP(n_neighbors=15, metric="cosine", random_state=0).fit_transform(vectors)
    seconds = time.process_time() - start
    return {"trustworthiness_umap": _trust(vectors, places), "umap_cpu_s": seconds}


def _trust(vectors: NDArray[np.float32], places: Places) -> float:
    return float(trustworthiness(vectors, places, n_neighbors=_NEIGHBOURS, metric="cosine"))


def _principal_plane(vectors: NDArray[np.float32]) -> Places:
    centred = vectors - vectors.mean(axis=0)
    return np.asarray(centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T, np.float32)


def _cpu_seconds(work: Callable[[], object]) -> float:
    """Returns the median CPU time of three runs."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return median(seconds)


if __name__ == "__main__":
    main()
