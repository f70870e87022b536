"""LanceDB, txtai, Chroma and Milvus Lite for ``benchmarks.systems``, each as its documentation recommends."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.hybrid_corpus import Condition, Corpus, Encode, Record, Vector
from benchmarks.hybrid_systems import EF_CONSTRUCTION, EF_SEARCH, GRAPH_DEGREE, LEG_DEPTH, RRF_CONSTANT

_MAX_TEXT_BYTES = 60_000
"""Of a text in Milvus, whose limit is 65,535."""


class LanceDb:
    """A table with a graph of int8 rows, a full-text index and scalar indexes; both legs joined by rank fusion."""

    packages = ("lancedb",)
    has_words = True

    def build(self, corpus: Corpus, folder: Path) -> None:
        import lancedb
        from lancedb.index import HnswSq

        schema = pa.schema(
            [
                ("id", pa.string()),
                ("text", pa.string()),
                ("categories", pa.list_(pa.string())),
                ("authors", pa.list_(pa.string())),
                ("day", pa.int32()),
                ("vector", pa.list_(pa.float32(), corpus.vectors.shape[1])),
            ]
        )
        table = lancedb.connect(str(folder)).create_table("papers", schema=schema)
        table.add(pa.RecordBatchReader.from_batches(schema, _record_batches(corpus, schema)))
        table.optimize()
        for field, kind in (("day", "BTREE"), ("categories", "LABEL_LIST"), ("authors", "LABEL_LIST")):
            table.create_scalar_index(field, index_type=kind)
        table.create_fts_index("text", use_tantivy=False)
        graph = HnswSq(distance_type="dot", num_partitions=1, m=GRAPH_DEGREE, ef_construction=EF_CONSTRUCTION)
        table.create_index("vector", config=graph)

    def open(self, folder: Path, encode: Encode) -> None:
        import lancedb
        from lancedb.rerankers import RRFReranker

        self._encode, self._reranker = encode, RRFReranker(RRF_CONSTANT)
        self._table = lancedb.connect(str(folder)).open_table("papers")

    def ask(self, text: str, k: int, condition: Condition) -> list[str]:
        search = self._table.search(query_type="hybrid", vector_column_name="vector", fts_columns="text")
        search = search.vector(self._encode(text)).text(text).distance_type("dot").ef(EF_SEARCH).refine_factor(2)
        return self._read(search.rerank(self._reranker), k, condition)

    def nearest(self, text: str, vector: Vector, k: int, condition: Condition) -> list[str]:  # noqa: ARG002
        search = self._table.search(vector, vector_column_name="vector").distance_type("dot")
        return self._read(search.ef(EF_SEARCH).refine_factor(2), k, condition)

    def _read(self, search: Any, k: int, condition: Condition) -> list[str]:
        parts = [
            f"array_has({field}, '{value.replace(chr(39), 2 * chr(39))}')"
            for field, value in (("categories", condition.category), ("authors", condition.author))
            if value is not None
        ]
        if condition.first_day is not None:
            parts.append(f"day >= {condition.first_day} AND day <= {condition.last_day}")
        if parts:
            search = search.where(" AND ".join(parts), prefilter=True)
        ids: list[str] = search.limit(k).select(["id"]).to_arrow()["id"].to_pylist()
        return ids


def _record_batches(corpus: Corpus, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for _, records, vectors in corpus.iter_batches():
        columns = [
            pa.array([getattr(record, name) for record in records], schema.field(name).type)
            for name in schema.names[:-1]
        ]
        flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        yield pa.record_batch([*columns, flat], schema=schema)


class Txtai:
    """Faiss, BM25 and SQLite joined by txtai; filters are conditions in SQL on the best candidates."""

    packages = ("txtai",)
    has_words = True
    embed: ClassVar[Callable[[list[str]], NDArray[np.float32]]]
    """Embeds texts; txtai calls it by the name of ``embed_for_txtai``."""
    _candidates = 1_000
    """Of a question with a filter: txtai applies the filter to these."""

    def build(self, corpus: Corpus, folder: Path) -> None:
        from txtai import Embeddings

        rows = iter(range(len(corpus)))
        Txtai.embed = staticmethod(lambda texts: np.asarray(corpus.vectors[[next(rows) for _ in texts]], np.float32))
        embeddings = Embeddings(
            method="external",
            transform=f"{__name__}.{embed_for_txtai.__name__}",
            content=True,
            hybrid=True,
            backend="faiss",
            scoring={"method": "bm25", "terms": True, "normalize": True},
        )
        embeddings.index((record.id, _txtai_fields(record), None) for record in corpus.iter_records())
        embeddings.save(str(folder))

    def open(self, folder: Path, encode: Encode) -> None:
        from txtai import Embeddings

        Txtai.embed = staticmethod(lambda texts: np.stack([encode(text) for text in texts]))
        self._embeddings = Embeddings()
        self._embeddings.load(str(folder))

    def ask(self, text: str, k: int, condition: Condition) -> list[str]:
        return self._search(text, k, condition, "")

    def nearest(self, text: str, vector: Vector, k: int, condition: Condition) -> list[str]:  # noqa: ARG002
        return self._search(text, k, condition, ", 1.0")

    def _search(self, text: str, k: int, condition: Condition, weights: str) -> list[str]:
        conditions, parameters = [], {"text": text}
        for field, value in (("categories", condition.category), ("authors", condition.author)):
            if value is not None:
                conditions.append(f" and {field} like :{field}")
                parameters[field] = f"%{_joined([value])}%"
        if condition.first_day is not None:
            conditions.append(f" and day >= {condition.first_day} and day <= {condition.last_day}")
        depth = self._candidates if conditions else LEG_DEPTH
        similar = f"similar(:text, {depth}{weights})"
        found = self._embeddings.search(
            f"select id from txtai where {similar}{''.join(conditions)}", k, parameters=parameters
        )
        return [hit["id"] for hit in found]


os.environ["ALLOW_RESOLVE_TRANSFORM"] = "True"  # txtai saves the name of the function, and looks it up


def embed_for_txtai(texts: list[str]) -> NDArray[np.float32]:
    """Embeds texts for the present ``Txtai``."""
    return Txtai.embed(texts)


def _txtai_fields(record: Record) -> dict[str, Any]:
    lists = {"categories": _joined(record.categories), "authors": _joined(record.authors)}
    return {"text": record.text, "day": record.day, **lists}


def _joined(values: Any) -> str:
    """Returns values as one text in which each stands between two bars."""
    return f"|{'|'.join(values)}|" if values else ""


class Chroma:
    """A collection with a graph; it has no BM25 on one machine."""

    packages = ("chromadb",)
    has_words = False

    def build(self, corpus: Corpus, folder: Path) -> None:
        import chromadb

        client = chromadb.PersistentClient(str(folder))
        graph = {
            "space": "ip",
            "ef_construction": EF_CONSTRUCTION,
            "max_neighbors": GRAPH_DEGREE,
            "ef_search": EF_SEARCH,
        }
        collection = client.create_collection("papers", configuration={"hnsw": graph}, embedding_function=None)
        for _, records, vectors in corpus.iter_batches():
            collection.add(
                ids=[record.id for record in records],
                embeddings=vectors,
                documents=[record.text for record in records],
                metadatas=[_chroma_fields(record) for record in records],
            )

    def open(self, folder: Path, encode: Encode) -> None:
        import chromadb

        self._encode = encode
        self._collection = chromadb.PersistentClient(str(folder)).get_collection("papers", embedding_function=None)

    def ask(self, text: str, k: int, condition: Condition) -> list[str]:
        return self.nearest(text, self._encode(text), k, condition)

    def nearest(self, text: str, vector: Vector, k: int, condition: Condition) -> list[str]:  # noqa: ARG002
        parts: list[dict[str, Any]] = [
            {field: {"$contains": value}}
            for field, value in (("categories", condition.category), ("authors", condition.author))
            if value is not None
        ]
        if condition.first_day is not None:
            parts += [{"day": {"$gte": condition.first_day}}, {"day": {"$lte": condition.last_day}}]
        where = {"$and": parts} if len(parts) > 1 else parts[0] if parts else None
        found = self._collection.query(query_embeddings=[vector], n_results=k, where=where, include=[])
        return list(found["ids"][0])


def _chroma_fields(record: Record) -> dict[str, Any]:
    lists = {"categories": list(record.categories), "authors": list(record.authors)}
    return {"day": record.day, **{name: values for name, values in lists.items() if values}}


class MilvusLite:
    """A collection without a graph, since Milvus Lite's graphs miss papers with filters, and with its BM25."""

    packages = ("milvus-lite", "pymilvus")
    has_words = True

    def build(self, corpus: Corpus, folder: Path) -> None:
        from pymilvus import DataType, Function, FunctionType, MilvusClient

        client = MilvusClient(str(folder / "milvus.db"))
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=512)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=corpus.vectors.shape[1])
        schema.add_field(
            "text",
            DataType.VARCHAR,
            max_length=_MAX_TEXT_BYTES,
            enable_analyzer=True,
            analyzer_params={"type": "standard"},
        )
        schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
        for field in ("categories", "authors"):
            schema.add_field(field, DataType.VARCHAR, max_length=_MAX_TEXT_BYTES)
        schema.add_field("day", DataType.INT64)
        schema.add_function(
            Function("bm25", FunctionType.BM25, input_field_names=["text"], output_field_names=["words"])
        )
        indexes = client.prepare_index_params()
        indexes.add_index("vector", index_type="FLAT", metric_type="IP")
        indexes.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
        client.create_collection("papers", schema=schema, index_params=indexes)
        for _, records, vectors in corpus.iter_batches():
            client.insert(
                "papers",
                [
                    {
                        "id": record.id,
                        "vector": vector,
                        "text": record.text[: _MAX_TEXT_BYTES // 4],
                        "categories": _joined(record.categories),
                        "authors": _joined(record.authors)[: _MAX_TEXT_BYTES // 4],
                        "day": record.day,
                    }
                    for record, vector in zip(records, vectors, strict=True)
                ],
            )
        client.flush("papers")
        client.close()

    def open(self, folder: Path, encode: Encode) -> None:
        from pymilvus import MilvusClient

        self._encode = encode
        self._client = MilvusClient(str(folder / "milvus.db"))
        self._client.load_collection("papers")

    def ask(self, text: str, k: int, condition: Condition) -> list[str]:
        from pymilvus import AnnSearchRequest, RRFRanker

        expression = _milvus_expression(condition)
        legs = [
            AnnSearchRequest([vector], field, {"metric_type": metric}, limit=LEG_DEPTH, expr=expression)
            for vector, field, metric in ((self._encode(text).tolist(), "vector", "IP"), (text, "words", "BM25"))
        ]
        found = self._client.hybrid_search("papers", legs, RRFRanker(RRF_CONSTANT), limit=k, output_fields=["id"])
        return [hit["id"] for hit in found[0]]

    def nearest(self, text: str, vector: Vector, k: int, condition: Condition) -> list[str]:  # noqa: ARG002
        found = self._client.search(
            "papers",
            [vector.tolist()],
            anns_field="vector",
            limit=k,
            filter=_milvus_expression(condition) or "",
            search_params={"metric_type": "IP"},
            output_fields=["id"],
        )
        return [hit["id"] for hit in found[0]]


def _milvus_expression(condition: Condition) -> str | None:
    parts = [
        f'{field} like "%{_joined([value])}%"'
        for field, value in (("categories", condition.category), ("authors", condition.author))
        if value is not None
    ]
    if condition.first_day is not None:
        parts.append(f"day >= {condition.first_day} and day <= {condition.last_day}")
    return " and ".join(parts) or None
