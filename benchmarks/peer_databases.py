"""Embedded vector databases that ``benchmarks.ann`` compares: zvec, Qdrant Edge and LanceDB. They index the fields."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.ann_systems import Dataset, RowIds, Setting, parameter_grid
from benchmarks.filter_cases import RowFilter, author_name, region_name
from benchmarks.peer_libraries import EF_CONSTRUCTION, EF_SEARCH, GRAPH_DEGREE
from benchmarks.synthetic_vectors import DIM, Vectors


class Zvec:
    """Graph of int8 rows with a float32 refiner, and inverted indexes on the fields.

    It is opened read-only, which allows queries for internal ids.
    """

    package = "zvec"
    supports_filters = True
    thread_env: ClassVar[Mapping[str, str]] = {}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        return (*parameter_grid(ef=EF_SEARCH, refine=(0, 1)), {"ef": 0, "refine": 0})

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
                batch = rows[start : start + 1000]
                statuses = papers.insert(
                    [
                        zvec.Doc(str(row), vectors={"vector": block[row - rows.start]}, fields=_payload(source, row))
                        for row in batch
                    ]
                )
                if not all(status.ok() for status in statuses):
                    raise RuntimeError(f"zvec rejected rows {batch}: {statuses[0]}")
        papers.optimize()
        papers.flush()

    def open(self, source: Dataset, folder: Path) -> None:
        import zvec

        zvec.init(log_level=zvec.LogLevel.ERROR, query_threads=1, optimize_threads=1)
        self._zvec = zvec
        self._papers = zvec.open(str(folder / "papers"), zvec.CollectionOption(read_only=True))
        self._rows = np.array(self._papers.resolve_internal_ids(np.arange(len(source))), np.int64)

    def search(self, query: Vectors, k: int, condition: RowFilter, setting: Setting) -> RowIds:
        parameters = self._zvec.HnswQueryParam(
            ef=max(k, int(setting["ef"])), is_linear=not setting["ef"], is_using_refiner=bool(setting["refine"])
        )
        request = self._zvec.Query("vector", vector=query, param=parameters)
        found = self._papers.query_internal_ids(request, topk=k, filter=_sql_where(condition, "="))
        return self._rows[found[found >= 0]]


class QdrantEdge:
    """One segment: a graph of float32 rows with int8 copies.

    The payload indexes are created before the graph, which its links for filtered search require.
    """

    package = "qdrant-edge-py"
    supports_filters = True
    thread_env: ClassVar[Mapping[str, str]] = {"RAYON_NUM_THREADS": "1"}

    def settings(self, _source: Dataset) -> tuple[Setting, ...]:
        graph = parameter_grid(ef=EF_SEARCH, oversampling=(0, 1.5, 2.5), acorn=(0,))
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
        quantization = edge.QuantizationSearchParams(
            ignore=not setting["oversampling"], rescore=True, oversampling=setting["oversampling"] or None
        )
        acorn = edge.AcornSearchParams(enable=True) if setting["acorn"] else None
        return edge.SearchParams(hnsw_ef=int(setting["ef"]), quantization=quantization, acorn=acorn)

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
"""Rows up to which LanceDB is also measured with a graph."""


class LanceDb:
    """Two tables, of which the better is reported: IVF-PQ, which its authors recommend with filters, and IVF-HNSW-SQ.

    IVF-HNSW-SQ accounted for most of the build time of four minutes at 100,000 rows (ann-100000.json) and answered in
    3 ms or more, so it is omitted for larger data sets.
    """

    package = "lancedb"
    supports_filters = True
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
        request = self._tables[kind].search(query, vector_column_name="vector")
        request = request.distance_type("dot").limit(k).select(["_distance"]).with_row_id(True)
        if not condition.is_empty:
            request = request.where(_sql_where(condition, "="), prefilter=True)
        if setting["graph"] < 0:
            request = request.bypass_vector_index()
        elif setting["graph"]:
            request = request.ef(int(max(k * max(1, setting["refine"]), setting["ef"])))
        else:
            request = request.nprobes(int(setting["probes"]))
        if setting.get("refine"):
            request = request.refine_factor(int(setting["refine"]))
        ids, rows = self._rows[kind]
        return rows[np.searchsorted(ids, request.to_arrow()["_rowid"].to_numpy())]

    @staticmethod
    def _read_row_ids(table: Any, count: int) -> tuple[NDArray[np.uint64], RowIds]:
        """Returns LanceDB's row ids, ascending, and the row of each, since reading a column for ten rows takes 1 ms."""
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
