"""Vector libraries that ``benchmarks.ann`` compares: hnswlib, usearch and ScaNN. They store no fields."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.ann_systems import Dataset, RowIds, Setting, parameter_grid
from benchmarks.filter_cases import RowFilter
from benchmarks.synthetic_vectors import DIM, Vectors

GRAPH_DEGREE = 24
"""Links per node of every graph; 48 on the ground layer."""
EF_CONSTRUCTION = 200
"""Length of the candidate list when a graph is built."""
EF_SEARCH = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Lengths of the candidate list when a graph is searched: the grid of every graph."""


class Hnswlib:
    """Float32 graph. Its filter is a Python callback, called for each row that the search visits."""

    package = "hnswlib"
    supports_filters = True
    thread_env: ClassVar[Mapping[str, str]] = {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return parameter_grid(ef=EF_SEARCH)

    def build(self, source: Dataset, folder: Path) -> None:
        import hnswlib

        graph = hnswlib.Index("ip", DIM)
        graph.init_index(len(source), ef_construction=EF_CONSTRUCTION, M=GRAPH_DEGREE, random_seed=1)
        for rows, block in source.iter_blocks():
            graph.add_items(block, np.arange(rows.start, rows.stop), num_threads=os.cpu_count())
        graph.save_index(str(folder / "graph.hnsw"))

    def open(self, source: Dataset, folder: Path) -> None:
        import hnswlib

        self._fields, self._graph = source.fields, hnswlib.Index("ip", DIM)
        self._graph.load_index(str(folder / "graph.hnsw"))

    def search(self, query: Vectors, k: int, condition: RowFilter, setting: Setting) -> RowIds:
        self._graph.set_ef(max(k, int(setting["ef"])))
        if condition.is_empty:
            return self._graph.knn_query(query, k, num_threads=1)[0][0]
        mask = self._fields.matching_mask(condition)
        k = min(k, np.count_nonzero(mask))  # hnswlib raises an error if it finds fewer than k
        try:
            found = self._graph.knn_query(query, k, num_threads=1, filter=mask.tobytes().__getitem__)
            return found[0][0].astype(np.int64)
        except RuntimeError:
            return np.empty(0, np.int64)


class Usearch:
    """Bfloat16 graph. Its Python interface has no filter."""

    package = "usearch"
    supports_filters = False
    thread_env: ClassVar[Mapping[str, str]] = {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return parameter_grid(ef=EF_SEARCH)

    def build(self, source: Dataset, folder: Path) -> None:
        graph = self._new_index()
        for rows, block in source.iter_blocks():
            graph.add(np.arange(rows.start, rows.stop), block, threads=os.cpu_count())
        graph.save(str(folder / "graph.usearch"))

    def open(self, _source: Dataset, folder: Path) -> None:
        self._graph = self._new_index()
        self._graph.load(str(folder / "graph.usearch"))

    def search(self, query: Vectors, k: int, _condition: RowFilter, setting: Setting) -> RowIds:
        self._graph.expansion_search = int(setting["ef"])
        return self._graph.search(query, k, threads=1).keys.astype(np.int64)

    @staticmethod
    def _new_index() -> Any:
        from usearch.index import Index

        return Index(
            ndim=DIM,
            metric="ip",
            dtype="bf16",
            connectivity=GRAPH_DEGREE,
            expansion_add=EF_CONSTRUCTION,
            enable_key_lookups=False,
        )


class Scann:
    """Tree, anisotropic codes of two dimensions each and bfloat16 reordering. Its Python interface has no filter."""

    package = "scann"
    supports_filters = False
    thread_env: ClassVar[Mapping[str, str]] = {}

    def settings(self, source: Dataset) -> tuple[Setting, ...]:
        leaves = self._leaf_count(source)
        shares = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 1)
        return parameter_grid(
            leaves=[max(1, round(leaves * share)) for share in shares], reorder=(40, 80, 160, 320, 640)
        )

    def build(self, source: Dataset, folder: Path) -> None:
        import scann
        from scann.scann_ops.py.scann_builder import ReorderType

        builder = scann.scann_ops_pybind.builder(np.asarray(source.vectors, np.float32), 10, "dot_product")
        builder.set_n_training_threads(os.cpu_count())
        leaves = self._leaf_count(source)
        builder.tree(leaves, max(1, leaves // 20), training_sample_size=min(len(source), 250_000))
        builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(160, ReorderType.BFLOAT16)
        builder.build().serialize(str(folder.resolve()))  # ScaNN stores the path as given

    def open(self, _source: Dataset, folder: Path) -> None:
        import scann

        self._searcher = scann.scann_ops_pybind.load_searcher(str(folder.resolve()))

    def search(self, query: Vectors, k: int, _condition: RowFilter, setting: Setting) -> RowIds:
        return self._searcher.search(query, k, int(max(k, setting["reorder"])), int(setting["leaves"]))[0].astype(
            np.int64
        )

    @staticmethod
    def _leaf_count(source: Dataset) -> int:
        return round(len(source) ** 0.5)
