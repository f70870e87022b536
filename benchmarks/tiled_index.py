"""Builds an index of millions of rows from a real one: each paper occurs several times, with different vectors.

Row r repeats the text, authors, categories and dates of a paper of the source. Its vector is the paper's own in the
first round, and a synthetic one derived from it in all others (``benchmarks.synthetic_vectors``). So document
frequencies, counts of values and numbers of relevant papers grow in proportion to the rows. The papers themselves are
not stored again, so the index answers counts (``limit=0``) only.

    python -m benchmarks.tiled_index SOURCE TARGET --rows 1000000
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.synthetic_vectors import VectorSynthesizer
from search.columns.builder import ColumnsBuilder
from search.files import replace_file
from search.index.layout import GenerationLayout, Layout
from search.index.lexicon_builder import LexiconBuilder
from search.index.snapshot import Snapshot
from search.vectors.code_writer import write_codes

_CLUSTERS = 256
"""Clusters that synthetic rows are drawn from, as in ``benchmarks.synthetic_vectors``."""
_SEED = 20_261


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="an index without replaced papers")
    parser.add_argument("target", type=Path, help="the index to create")
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    build(Snapshot.open(options.source), options.target, options.rows)


def build(source: Snapshot, target: Path, rows: int) -> None:
    """Writes an index; it is complete once CURRENT exists.

    Args:
        source: the generation whose papers are repeated.
        target: the folder to create.
        rows: number of rows of the result, a multiple of those of the source.
    """
    manifest, layout = source.manifest, Layout(target)
    files = layout.generation(manifest.generation)
    files.directory.mkdir(parents=True)
    random = np.random.default_rng(_SEED)
    rounds = [np.arange(manifest.rows)]
    rounds += [random.permutation(manifest.rows) for _ in range(rows // manifest.rows - 1)]
    _write_columns_and_lexicon(source, files, np.concatenate(rounds))
    path = layout.vectors(source.model)
    _write_vectors(source, path, rounds, random)
    vectors = np.memmap(path, np.float16, "r", shape=(rows, source.model.dim))
    write_codes(vectors, np.arange(rows), files.codes, None)
    np.save(files.tombstones, np.empty(0, np.uint32))
    shutil.copy(source.files.calibration, files.calibration)
    shutil.copy(source.layout.store, layout.store)
    replace(manifest, rows=rows, live=rows, trained_on=rows, files=(), rows_folder="").save(files.manifest)
    replace_file(layout.current, manifest.generation + "\n")


def _write_columns_and_lexicon(source: Snapshot, files: GenerationLayout, bases: NDArray[np.int64]) -> None:
    papers = [paper for _, paper in source.store.scan(0)]
    columns, lexicon = ColumnsBuilder(None), LexiconBuilder(files.lexicon)
    for row, base in enumerate(bases.tolist()):
        columns.add(papers[base])
        lexicon.add(row, papers[base])
    columns.save(files.columns)
    lexicon.save()


def _write_vectors(source: Snapshot, path: Path, rounds: list[NDArray[np.int64]], random: np.random.Generator) -> None:
    real = source.vectors.get_vectors(np.arange(source.manifest.rows))
    means = faiss.Kmeans(real.shape[1], _CLUSTERS, niter=20, seed=_SEED, max_points_per_centroid=1_000)
    means.train(real)
    synthesizer = VectorSynthesizer(real, means.centroids)
    with path.open("wb") as file:
        file.write(real.astype(np.float16).tobytes())
        for order in rounds[1:]:
            file.write(synthesizer.draw(random, order).tobytes())


if __name__ == "__main__":
    main()
