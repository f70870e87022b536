"""The interface of the systems that ``benchmarks.systems`` compares; this one, and qdrant-edge joined with tantivy."""

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Protocol

import tantivy

from benchmarks.hybrid_corpus import Condition, Corpus, Encode, Record, Vector
from benchmarks.hybrid_vectors import QuestionVectors, StoredVectors
from indexer.build import index
from search.papers.date import Date
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher

LEG_DEPTH = 100
"""Candidates of each leg where the user of a system chooses it."""
RRF_CONSTANT = 60
"""Of reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009)."""
GRAPH_DEGREE, EF_CONSTRUCTION, EF_SEARCH = 16, 128, 128
"""Of every graph; with them all reach a recall of .95 or more without a filter."""


class HybridSystem(Protocol):
    """A system under test.

    Attributes:
        packages: the distributions whose versions are reported.
        has_words: whether it searches by words as well; if not, its dense search counts as its answer.
    """

    packages: ClassVar[Sequence[str]]
    has_words: ClassVar[bool]

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Imports the papers with their vectors into an empty folder."""

    def open(self, folder: Path, encode: Encode) -> None:
        """Opens what ``build`` wrote."""

    def ask(self, text: str, k: int, condition: Condition) -> list[str]:
        """Returns the IDs of the k best papers for a question, embedding included."""

    def nearest(self, text: str, vector: Vector, k: int, condition: Condition) -> list[str]:
        """Returns the IDs of the k papers with the nearest vectors."""


class Papers:
    """This search engine, at its defaults."""

    packages = ("faiss-cpu", "tantivy")
    has_words = True

    def build(self, corpus: Corpus, folder: Path) -> None:
        index([corpus.papers_file], folder, StoredVectors(corpus))

    def open(self, folder: Path, encode: Encode) -> None:
        self._searcher = Searcher(folder, lambda model: QuestionVectors(model, encode))

    def ask(self, text: str, k: int, condition: Condition) -> list[str]:
        return self._search(Query(text, limit=k, filter=_as_filter(condition)))

    def nearest(self, text: str, vector: Vector, k: int, condition: Condition) -> list[str]:  # noqa: ARG002
        return self._search(Query(text, limit=k, filter=_as_filter(condition), mode="semantic"))

    def _search(self, query: Query) -> list[str]:
        return [hit.paper.ids[0] for hit in self._searcher.search(query).hits]


def _as_filter(condition: Condition) -> Filter:
    days = (condition.first_day, condition.last_day)
    start, end = (None if day is None else Date.parse(date.fromordinal(day).isoformat()) for day in days)
    return Filter(
        authors=(f'="{condition.author}"',) if condition.author else (),
        categories=(condition.category,) if condition.category else (),
        published_from=start,
        published_to=end,
    )


class QdrantEdgeTantivy:
    """qdrant-edge for vectors and filters and tantivy for BM25, joined by reciprocal rank fusion."""

    packages = ("qdrant-edge-py", "tantivy")
    has_words = True

    def build(self, corpus: Corpus, folder: Path) -> None:
        import qdrant_edge as edge

        (folder / "vectors").mkdir()
        shard = edge.EdgeShard.create(str(folder / "vectors"), self._config(edge, len(corpus), corpus.vectors.shape[1]))
        day = edge.IntegerIndexParams(lookup=False, range=True)
        keyword = edge.PayloadSchemaType.Keyword
        for field, kind in (("day", day), ("categories", keyword), ("authors", keyword)):
            shard.update(edge.UpdateOperation.create_field_index(field, kind))
        words = tantivy.Index(_word_schema(), path=_new_folder(folder / "words"))
        writer = words.writer(256_000_000, num_threads=1)
        for rows, records, vectors in corpus.iter_batches():
            points = [
                edge.Point(
                    row, vector.tolist(), {"id": r.id, "day": r.day, "categories": r.categories, "authors": r.authors}
                )
                for row, r, vector in zip(rows, records, vectors, strict=True)
            ]
            shard.update(edge.UpdateOperation.upsert_points(points))
            for row, record in zip(rows, records, strict=True):
                writer.add_document(_word_document(row, record))
        writer.commit()
        writer.wait_merging_threads()
        while shard.optimize():
            pass
        shard.flush()
        shard.close()

    def open(self, folder: Path, encode: Encode) -> None:
        import qdrant_edge as edge

        self._edge, self._encode = edge, encode
        self._shard = edge.EdgeShard.load(str(folder / "vectors"))
        self._words = tantivy.Index.open(str(folder / "words"))
        self._searcher = self._words.searcher()

    def ask(self, text: str, k: int, condition: Condition) -> list[str]:
        legs = (self._near_rows(self._encode(text), LEG_DEPTH, condition), self._rows_by_words(text, condition))
        scores: dict[int, float] = {}
        for rows in legs:
            for rank, row in enumerate(rows):
                scores[row] = scores.get(row, 0) + 1 / (RRF_CONSTANT + rank)
        return self._ids(sorted(scores, key=scores.__getitem__, reverse=True)[:k])

    def nearest(self, text: str, vector: Vector, k: int, condition: Condition) -> list[str]:  # noqa: ARG002
        return self._ids(self._near_rows(vector, k, condition))

    def _ids(self, rows: list[int]) -> list[str]:
        points = {p.id: p.payload["id"] for p in self._shard.retrieve(rows, with_payload=True, with_vector=False)}
        return [points[row] for row in rows]

    def _near_rows(self, vector: Vector, k: int, condition: Condition) -> list[int]:
        edge = self._edge
        request = edge.QueryRequest(
            limit=k,
            query=edge.Query.Nearest(vector.tolist()),
            filter=self._filter(condition),
            params=edge.SearchParams(
                hnsw_ef=EF_SEARCH,
                quantization=edge.QuantizationSearchParams(ignore=False, rescore=True, oversampling=1.5),
            ),
            with_payload=False,
            with_vector=False,
        )
        return [point.id for point in self._shard.query(request)]

    def _filter(self, condition: Condition) -> Any:
        edge, parts = self._edge, []
        for field, value in (("categories", condition.category), ("authors", condition.author)):
            if value is not None:
                parts.append(edge.FieldCondition(field, match=edge.MatchValue(value)))
        if condition.first_day is not None:
            days = edge.RangeFloat(gte=condition.first_day, lte=condition.last_day)
            parts.append(edge.FieldCondition("day", range=days))
        return edge.Filter(must=parts) if parts else None

    def _rows_by_words(self, text: str, condition: Condition) -> list[int]:
        schema, must = self._words.schema, tantivy.Occur.Must
        words, _ = self._words.parse_query_lenient(text, ["text"])
        clauses = [(must, words)]
        for field, value in (("categories", condition.category), ("authors", condition.author)):
            if value is not None:
                exact = tantivy.Query.term_query(schema, field, value)
                clauses.append((must, tantivy.Query.const_score_query(exact, 0)))
        if condition.first_day is not None:
            kind = tantivy.FieldType.Unsigned
            days = tantivy.Query.range_query(schema, "day", kind, condition.first_day, condition.last_day)
            clauses.append((must, tantivy.Query.const_score_query(days, 0)))
        hits = self._searcher.search(tantivy.Query.boolean_query(clauses), LEG_DEPTH, count=False).hits
        return list(self._searcher.fast_field_values("row", [address for _, address in hits]))

    @staticmethod
    def _config(edge: Any, rows: int, dim: int) -> Any:
        return edge.EdgeConfig(
            vectors=edge.EdgeVectorParams(
                dim,
                edge.Distance.Dot,
                quantization_config=edge.ScalarQuantizationConfig(edge.ScalarType.Int8, always_ram=True),
            ),
            hnsw_config=edge.HnswIndexConfig(GRAPH_DEGREE, EF_CONSTRUCTION, 10_000, os.cpu_count()),
            optimizers=edge.EdgeOptimizersConfig(
                default_segment_number=1, max_segment_size=8 * rows * dim // 1024, indexing_threshold=10_000
            ),
            on_disk_payload=False,
            max_search_threads=1,
        )


def _new_folder(folder: Path) -> str:
    folder.mkdir()
    return str(folder)


def _word_schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", stored=False, tokenizer_name="en_stem")
    for field in ("categories", "authors"):
        builder.add_text_field(field, stored=False, tokenizer_name="raw", index_option="basic")
    for field in ("row", "day"):
        builder.add_unsigned_field(field, stored=False, indexed=True, fast=True)
    return builder.build()


def _word_document(row: int, record: Record) -> Any:
    document = tantivy.Document()
    document.add_text("text", record.text)
    for category in record.categories:
        document.add_text("categories", category)
    for author in record.authors:
        document.add_text("authors", author)
    document.add_unsigned("row", row)
    document.add_unsigned("day", record.day)
    return document
