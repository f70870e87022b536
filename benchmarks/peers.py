"""The systems ``benchmarks.ann`` compares: how each is built, opened and asked, and the grid of its parameters.

    python -m venv PEERS && PEERS/bin/pip install . -c constraints.txt -r benchmarks/peers.txt     (hnswlib needs g++)

Graphs have 24 links (48 on the ground layer) and a construction list of 200 everywhere. Fields that conditions name are
indexed wherever a system can do so. Systems that take no filter say so; hnswlib takes a Python callback, and gets the
lookup in a mask that numpy made.
"""

import itertools
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.filter_cases import Fields, RowFilter, author_name, date_of, region_name
from benchmarks.synthetic_vectors import DIM, Vectors
from search.rows import Ranked

Setting = Mapping[str, float]
RowIds = NDArray[np.int64]

GRAPH_DEGREE, EF_CONSTRUCTION = 24, 200
_BATCH_ROWS = 10_000
_EF_SEARCH = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)


def parameter_grid(**values: Sequence[float]) -> tuple[Setting, ...]:
    """Every combination."""
    return tuple(dict(zip(values, each, strict=True)) for each in itertools.product(*values.values()))


@dataclass(frozen=True)
class Dataset:
    """What is indexed: (rows, DIM) float16 unit rows, the file they lie in, and their fields."""

    vectors: NDArray[np.float16]
    path: Path
    fields: Fields

    def __len__(self) -> int:
        return len(self.vectors)

    def iter_blocks(self) -> Iterator[tuple[range, Vectors]]:
        """The vectors as float32 by _BATCH, with the rows' numbers."""
        for start in range(0, len(self), _BATCH_ROWS):
            block = np.asarray(self.vectors[start : start + _BATCH_ROWS], np.float32)
            yield range(start, start + len(block)), block


class System(Protocol):
    """A system under test. ``package`` is the distribution whose version is reported."""

    package: ClassVar[str]
    supports_filters: ClassVar[bool]
    thread_env: ClassVar[Mapping[str, str]]
    """Environment beyond OMP_NUM_THREADS that keeps a query to one thread."""

    def settings(self, source: Dataset) -> tuple[Setting, ...]:
        """The grid; the best of them is reported for each cell."""
        ...

    def build(self, source: Dataset, folder: Path) -> None:
        """Writes the index into an empty folder, with as many threads as there are cores."""
        ...

    def open(self, source: Dataset, folder: Path) -> None:
        """Gets ready to answer from that folder."""
        ...

    def search(self, query: Vectors, k: int, condition: RowFilter, setting: Setting) -> RowIds:
        """The rows nearest to a (DIM,) query among those that pass; predicate evaluation included."""
        ...


class FaissExact:
    """An exact scan of float16 rows; the passing rows come from numpy, and are gathered or marked in a bitmap."""

    package, supports_filters, thread_env = "faiss-cpu", True, {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return parameter_grid(gather=(0, 1))

    def build(self, source: Dataset, folder: Path) -> None:
        faiss.write_index(_exact_index(source.vectors), str(folder / "rows.faiss"))

    def open(self, source: Dataset, folder: Path) -> None:
        faiss.omp_set_num_threads(1)
        self._source, self._index = source, faiss.read_index(str(folder / "rows.faiss"))

    def search(self, query: Vectors, k: int, condition: RowFilter, setting: Setting) -> RowIds:
        if condition.is_empty:
            return self._index.search(query[None], k)[1][0]
        mask = self._source.fields.matching_mask(condition)
        if setting["gather"]:
            ids = np.flatnonzero(mask)
            if not len(ids):
                return ids
            return ids[_exact_index(self._source.vectors[ids]).search(query[None], min(k, len(ids)))[1][0]]
        bits = np.packbits(mask, bitorder="little")
        selected = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        return self._index.search(query[None], k, params=selected)[1][0]


def _exact_index(rows: NDArray[np.float16]) -> faiss.IndexScalarQuantizer:
    scorer = faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    scorer.is_trained = True
    if len(rows):
        scorer.add_sa_codes(np.ascontiguousarray(rows).view(np.uint8))
    return scorer


class PapersSearch:
    """``search.columns.columns`` for the rows that pass, ``search.vectors`` for the nearest of them."""

    package, supports_filters, thread_env = "papers-search", True, {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return ({},)

    def build(self, source: Dataset, folder: Path) -> None:
        from search.columns.columns import ColumnsBuilder
        from search.papers.paper import Date, Paper
        from search.vectors.code_writer import write_codes

        vectors = np.memmap(source.path, np.float16, "r", shape=(len(source), DIM))
        write_codes(vectors, np.arange(len(source)), folder / "codes", None)
        builder, fields = ColumnsBuilder(), source.fields
        for day, region, author in zip(fields.days, fields.regions, fields.authors, strict=True):
            published = Date.parse(date_of(day).isoformat())
            builder.add(Paper(published=published, categories=(region_name(region),), authors=(author_name(author),)))
        builder.save(folder / "columns")

    def open(self, source: Dataset, folder: Path) -> None:
        from search.columns.columns import Columns
        from search.rows import Rows
        from search.vectors.vectors import VectorIndex

        self._live, self._columns = Rows.from_mask(np.ones(len(source), bool)), Columns.open(folder / "columns")
        self._index = VectorIndex(source.path, len(source), DIM, folder / "codes")

    def search(self, query: Vectors, k: int, condition: RowFilter, _setting: Setting) -> RowIds:
        return self.search_ranked(query, k, condition).rows

    def search_ranked(self, query: Vectors, k: int, condition: RowFilter) -> Ranked:
        """The rows with what was looked at for them, and the recall to expect."""
        from search.columns.selection import Intersection

        parts = [self._columns.selection(part) for part in _to_filter(condition).condition.parts]
        rows = Intersection(parts, self._live).rows() if parts else self._live
        return self._index.nearest(query[None], k, rows)[0]


def _to_filter(condition: RowFilter) -> Any:
    from search.papers.paper import Date
    from search.query.filter import Filter

    if condition.region is not None:
        return Filter(categories=(region_name(condition.region),))
    if condition.author is not None:
        return Filter(authors=(author_name(condition.author),))
    if condition.first_day is None or condition.last_day is None:
        return Filter()
    first, last = date_of(condition.first_day), date_of(condition.last_day)
    return Filter(
        published_from=Date(first.year, first.month, first.day), published_to=Date(last.year, last.month, last.day)
    )


class Hnswlib:
    """Float32 graph. Its filter is a Python callback, asked for each row the graph walk meets."""

    package, supports_filters, thread_env = "hnswlib", True, {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return parameter_grid(ef=_EF_SEARCH)

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
        k = min(k, np.count_nonzero(mask))  # where it finds fewer than were asked for, it raises
        try:
            found = self._graph.knn_query(query, k, num_threads=1, filter=mask.tobytes().__getitem__)
            return found[0][0].astype(np.int64)
        except RuntimeError:
            return np.empty(0, np.int64)


class Usearch:
    """Bfloat16 graph; its Python interface takes no filter."""

    package, supports_filters, thread_env = "usearch", False, {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return parameter_grid(ef=_EF_SEARCH)

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
    """Tree, anisotropic codes of two dimensions each, bfloat16 reordering; its Python interface takes no filter."""

    package, supports_filters, thread_env = "scann", False, {}

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
        builder.build().serialize(str(folder.resolve()))  # it keeps the paths as they are given

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


class Zvec:
    """Graph of int8 rows with a refiner on the float32 ones; inverted indexes on the fields; read-only, so that it
    may answer with its own numbers of rows."""

    package, supports_filters, thread_env = "zvec", True, {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return (*parameter_grid(ef=_EF_SEARCH, refine=(0, 1)), {"ef": 0, "refine": 0})

    def build(self, source: Dataset, folder: Path) -> None:
        import zvec

        zvec.init(log_level=zvec.LogLevel.ERROR)
        ranged = zvec.InvertIndexParam(enable_range_optimization=True)
        named = zvec.InvertIndexParam()
        graph = zvec.HnswIndexParam(
            metric_type=zvec.MetricType.IP,
            m=GRAPH_DEGREE,
            ef_construction=EF_CONSTRUCTION,
            quantize_type=zvec.QuantizeType.INT8,
            use_contiguous_memory=True,
        )
        schema = zvec.CollectionSchema(
            "papers",
            fields=[
                zvec.FieldSchema("day", zvec.DataType.INT32, index_param=ranged),
                zvec.FieldSchema("region", zvec.DataType.STRING, index_param=named),
                zvec.FieldSchema("author", zvec.DataType.STRING, index_param=named),
            ],
            vectors=zvec.VectorSchema("vector", zvec.DataType.VECTOR_FP32, DIM, index_param=graph),
        )
        papers = zvec.create_and_open(str(folder / "papers"), schema)
        for rows, block in source.iter_blocks():
            for start in range(0, len(rows), 1000):
                some = rows[start : start + 1000]
                statuses = papers.insert(
                    [
                        zvec.Doc(str(row), vectors={"vector": block[row - rows.start]}, fields=_payload(source, row))
                        for row in some
                    ]
                )
                if not all(status.ok() for status in statuses):
                    raise RuntimeError(f"zvec refused rows {some}: {statuses[0]}")
        papers.optimize()
        papers.flush()

    def open(self, source: Dataset, folder: Path) -> None:
        import zvec

        zvec.init(log_level=zvec.LogLevel.ERROR, query_threads=1, optimize_threads=1)
        self._zvec = zvec
        self._papers = zvec.open(str(folder / "papers"), zvec.CollectionOption(read_only=True))
        self._rows = np.array(self._papers.resolve_internal_ids(np.arange(len(source))), np.int64)

    def search(self, query: Vectors, k: int, condition: RowFilter, setting: Setting) -> RowIds:
        how = self._zvec.HnswQueryParam(
            ef=max(k, int(setting["ef"])), is_linear=not setting["ef"], is_using_refiner=bool(setting["refine"])
        )
        asked = self._zvec.Query("vector", vector=query, param=how)
        found = self._papers.query_internal_ids(asked, topk=k, filter=_sql_where(condition, "="))
        return self._rows[found[found >= 0]]


def _payload(source: Dataset, row: int) -> dict[str, Any]:
    fields = source.fields
    return {
        "day": int(fields.days[row]),
        "region": region_name(fields.regions[row]),
        "author": author_name(fields.authors[row]),
    }


def _sql_where(condition: RowFilter, equals: str) -> str | None:
    if condition.region is not None:
        return f"region {equals} '{region_name(condition.region)}'"
    if condition.author is not None:
        return f"author {equals} '{author_name(condition.author)}'"
    if condition.first_day is None:
        return None
    return f"day >= {condition.first_day} AND day <= {condition.last_day}"


class QdrantEdge:
    """One segment: graph over float32 rows with int8 copies, payload indexes made before the graph, as its filterable
    links need."""

    package, supports_filters, thread_env = "qdrant-edge-py", True, {"RAYON_NUM_THREADS": "1"}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        graph = parameter_grid(ef=_EF_SEARCH, oversampling=(0, 1.5, 2.5), acorn=(0,))
        return (*graph, *parameter_grid(ef=(32, 64, 128, 256, 512), oversampling=(1.5,), acorn=(1,)), {"ef": 0})

    def build(self, source: Dataset, folder: Path) -> None:
        import qdrant_edge as edge

        shard = edge.EdgeShard.create(str(folder), self._config(edge, len(source)))
        day = edge.IntegerIndexParams(lookup=False, range=True)
        for field, kind in (
            ("day", day),
            ("region", edge.PayloadSchemaType.Keyword),
            ("author", edge.PayloadSchemaType.Keyword),
        ):
            shard.update(edge.UpdateOperation.create_field_index(field, kind))
        for rows, block in source.iter_blocks():
            points = [edge.Point(row, block[row - rows.start].tolist(), _payload(source, row)) for row in rows]
            shard.update(edge.UpdateOperation.upsert_points(points))
        while shard.optimize():
            pass
        shard.flush()
        shard.close()

    def open(self, source: Dataset, folder: Path) -> None:
        import qdrant_edge as edge

        self._edge = edge
        self._shard = edge.EdgeShard.load(str(folder), self._config(edge, len(source)))

    def search(self, query: Vectors, k: int, condition: RowFilter, setting: Setting) -> RowIds:
        edge = self._edge
        request = edge.QueryRequest(
            limit=k,
            query=edge.Query.Nearest(query.tolist()),
            filter=self._filter(condition),
            params=self._params(setting),
            with_payload=False,
            with_vector=False,
        )
        return np.array([point.id for point in self._shard.query(request)], np.int64)

    def _params(self, setting: Setting) -> Any:
        edge = self._edge
        if not setting["ef"]:
            return edge.SearchParams(exact=True)
        how = edge.QuantizationSearchParams(
            ignore=not setting["oversampling"], rescore=True, oversampling=setting["oversampling"] or None
        )
        acorn = edge.AcornSearchParams(enable=True) if setting["acorn"] else None
        return edge.SearchParams(hnsw_ef=int(setting["ef"]), quantization=how, acorn=acorn)

    def _filter(self, condition: RowFilter) -> Any:
        edge = self._edge
        if condition.is_empty:
            return None
        if condition.first_day is not None:
            days = edge.RangeFloat(gte=condition.first_day, lte=condition.last_day)
            return edge.Filter(must=[edge.FieldCondition("day", range=days)])
        name, value = ("region", region_name(condition.region)) if condition.region is not None else ("author", None)
        value = value or author_name(condition.author)
        return edge.Filter(must=[edge.FieldCondition(name, match=edge.MatchValue(value))])

    @staticmethod
    def _config(edge: Any, rows: int) -> Any:
        whole = 4 * rows * DIM // 1024 * 2
        return edge.EdgeConfig(
            vectors=edge.EdgeVectorParams(
                DIM,
                edge.Distance.Dot,
                quantization_config=edge.ScalarQuantizationConfig(edge.ScalarType.Int8, always_ram=True),
            ),
            hnsw_config=edge.HnswIndexConfig(GRAPH_DEGREE, EF_CONSTRUCTION, 10_000, os.cpu_count()),
            optimizers=edge.EdgeOptimizersConfig(
                default_segment_number=1, max_segment_size=whole, indexing_threshold=10_000
            ),
            on_disk_payload=False,
            max_search_threads=1,
        )


_GRAPH_MAX_ROWS = 200_000


class LanceDb:
    """Two tables, of which the better is taken: IVF-PQ (what its authors advise with filters) and IVF-HNSW-SQ. The
    second took most of five minutes to build at 100,000 rows and answered in 3 ms or more: beyond that it is left
    out."""

    package, supports_filters = "lancedb", True
    thread_env: ClassVar[Mapping[str, str]] = {"LANCE_CPU_THREADS": "1", "TOKIO_WORKER_THREADS": "1"}

    def settings(self, source: Dataset) -> tuple[Setting, ...]:
        lists = self._partition_count(source)
        probes = [max(1, round(lists * share)) for share in (0.03, 0.06, 0.12, 0.25, 0.5, 1)]
        codes = parameter_grid(graph=(0,), probes=probes, refine=(4, 8, 16, 32, 64))
        graph = (
            parameter_grid(graph=(1,), ef=(32, 64, 128, 256, 512), refine=(0, 2, 4))
            if len(source) <= _GRAPH_MAX_ROWS
            else ()
        )
        return (*codes, *graph, {"graph": -1})

    def build(self, source: Dataset, folder: Path) -> None:
        import lancedb
        import pyarrow as pa

        database = lancedb.connect(str(folder))
        kind = pa.list_(pa.float32(), DIM)
        schema = pa.schema(
            [
                ("row", pa.int64()),
                ("day", pa.int32()),
                ("region", pa.string()),
                ("author", pa.string()),
                ("vector", kind),
            ]
        )
        for name, index in self._index_configs(source).items():
            table = database.create_table(name, schema=schema)
            table.add(pa.RecordBatchReader.from_batches(schema, self._batches(source, schema)))
            table.optimize()
            for field, scalar in (("day", "BTREE"), ("region", "BITMAP"), ("author", "BTREE")):
                table.create_scalar_index(field, index_type=scalar)
            table.create_index("vector", config=index)

    def open(self, source: Dataset, folder: Path) -> None:
        import lancedb

        database = lancedb.connect(str(folder))
        self._tables = {kind: database.open_table(name) for kind, name in enumerate(self._index_configs(source))}
        for table in self._tables.values():
            for index in table.list_indices():
                table.prewarm_index(index.name)
        self._rows = {kind: self._read_row_ids(table, len(source)) for kind, table in self._tables.items()}

    def search(self, query: Vectors, k: int, condition: RowFilter, setting: Setting) -> RowIds:
        kind = max(0, int(setting["graph"]))
        asked = self._tables[kind].search(query, vector_column_name="vector")
        asked = asked.distance_type("dot").limit(k).select(["_distance"]).with_row_id(True)
        if not condition.is_empty:
            asked = asked.where(_sql_where(condition, "="), prefilter=True)
        if setting["graph"] < 0:
            asked = asked.bypass_vector_index()
        elif setting["graph"]:
            asked = asked.ef(int(max(k * max(1, setting["refine"]), setting["ef"])))
        else:
            asked = asked.nprobes(int(setting["probes"]))
        if setting.get("refine"):
            asked = asked.refine_factor(int(setting["refine"]))
        ids, rows = self._rows[kind]
        return rows[np.searchsorted(ids, asked.to_arrow()["_rowid"].to_numpy())]

    @staticmethod
    def _read_row_ids(table: Any, count: int) -> tuple[NDArray[np.uint64], RowIds]:
        """Its own ids, ascending, and the row of each: reading a column for ten rows takes it a millisecond."""
        read = table.search().select(["row"]).with_row_id(True).limit(count).to_arrow()
        ids = read["_rowid"].to_numpy()
        order = np.argsort(ids)
        return ids[order], read["row"].to_numpy()[order]

    @staticmethod
    def _partition_count(source: Dataset) -> int:
        return max(4, len(source) // 4096)

    def _index_configs(self, source: Dataset) -> Mapping[str, Any]:
        from lancedb.index import HnswSq, IvfPq

        indexes = {
            "codes": IvfPq(distance_type="dot", num_partitions=self._partition_count(source), num_sub_vectors=DIM // 4),
            "graph": HnswSq(distance_type="dot", num_partitions=1, m=GRAPH_DEGREE, ef_construction=EF_CONSTRUCTION),
        }
        return indexes if len(source) <= _GRAPH_MAX_ROWS else {"codes": indexes["codes"]}

    @staticmethod
    def _batches(source: Dataset, schema: Any) -> Iterator[Any]:
        import pyarrow as pa

        for rows, block in source.iter_blocks():
            part = slice(rows.start, rows.stop)
            yield pa.record_batch(
                [
                    pa.array(np.arange(rows.start, rows.stop)),
                    pa.array(source.fields.days[part]),
                    pa.array([region_name(each) for each in source.fields.regions[part]]),
                    pa.array([author_name(each) for each in source.fields.authors[part]]),
                    pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), DIM),
                ],
                schema=schema,
            )


SYSTEMS: Mapping[str, type[System]] = {
    "faiss-exact": FaissExact,
    "ours": PapersSearch,
    "hnswlib": Hnswlib,
    "usearch": Usearch,
    "scann": Scann,
    "zvec": Zvec,
    "qdrant-edge": QdrantEdge,
    "lancedb": LanceDb,
}


def recreate_folder(folder: Path) -> Path:
    """The folder, new."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
