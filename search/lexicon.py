"""Lexicon: BM25 over titles and abstracts, with the Filter in its own terms. The only module that imports tantivy.

Scores are BM25F (Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004;
tantivy's k1 1.2, b .75): title and abstract are one field in which the title stands twice, so that its words weigh
double before they saturate. User text is never parsed as a query language: it is
analyzed as the papers were and becomes term queries, so IN, OR, NOT and colons are words.
"""

import os
from collections.abc import Sequence
from functools import cached_property
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur

from search.paper import Paper
from search.query import Filter
from search.rows import Ranked

if TYPE_CHECKING:
    from search.columns import Columns, RowIds

_STOPPED = """
a about above after again all also am an and any are as at be because been before being below between both but by
can cannot could did do does doing down during each few for from further had has have having he her here hers him
his how however i if in into is it its itself me more most my no nor not of off on once only or other our ours out
over own per same she should so some such than that the their theirs them then there these they this those through
to too under until up upon us use used using very via was we were what when where whether which while who whom whose
why will with within without would you your yours
"""
STOP_WORDS = tuple(_STOPPED.split())
"""Words too common to tell papers apart."""

_MOST_TERMS = 64
"""Terms of a long text that are looked up: those fewest papers hold."""
_K1 = 1.2
"""tantivy's, which cannot be set."""
_HEAP_BYTES = 256_000_000
_ANALYZER = "papers_english"


def _analyzer() -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(64),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.custom_stopword(list(STOP_WORDS)),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name=_ANALYZER)
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_unsigned_field("first_day", fast=True)
    builder.add_unsigned_field("last_day", fast=True)
    builder.add_unsigned_field("category", indexed=True)
    builder.add_unsigned_field("author", indexed=True)
    return builder.build()


class Lexicon:
    """The words of one generation, opened read-only.

    Args:
        directory: what ``LexiconBuilder`` wrote. columns: of the same generation; they know the ids of authors
            and categories that a filter's names mean.
    """

    def __init__(self, directory: Path, columns: "Columns") -> None:
        self._index = tantivy.Index.open(str(directory))
        self._schema = self._index.schema
        self._columns = columns
        self._searcher = self._index.searcher()

    @cached_property
    def _analyzer(self) -> tantivy.TextAnalyzer:
        return _analyzer()

    def terms(self, text: str) -> list[str]:
        """The terms of a text that are looked up, without repetition; of a long text the rarest ones."""
        terms = list(dict.fromkeys(self._analyzer.analyze(text)))
        if len(terms) <= _MOST_TERMS:
            return terms
        frequency = {term: self._searcher.doc_freq("text", term) for term in terms}
        held = sorted((term for term in terms if frequency[term]), key=lambda term: frequency[term])
        return held[:_MOST_TERMS]

    def match(self, text: str, k: int, wanted: Filter) -> Ranked:
        """The k papers of highest BM25 among those that pass and hold a term of the text."""
        terms = self.terms(text)
        if not terms:
            return _ranked([], [], complete=True)
        found = self._search([*self._passing(wanted), (Occur.Must, self._any(terms))], k + 1)
        return _ranked(*found, complete=len(found[0]) <= k, k=k)

    def count(self, text: str, wanted: Filter) -> int:
        """How many papers pass and hold a term of the text."""
        terms = self.terms(text)
        return self._count([*self._passing(wanted), (Occur.Must, self._any(terms))]) if terms else 0

    def scores(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """BM25 of the text in each row, 0 where it holds no term: (len(ids),) float32, in the order given."""
        terms = self.terms(text)
        if not terms or not len(ids):
            return np.zeros(len(ids), np.float32)
        # A term_set_query walks the whole dictionary of rows; term queries of a few hundred take a third of the time.
        among = [(Occur.Should, self._term("row", row)) for row in ids.tolist()]
        parts = [(Occur.Must, _unscored(tantivy.Query.boolean_query(among))), (Occur.Must, self._any(terms))]
        rows, scores = self._search(parts, len(ids))
        known = dict(zip(rows, scores, strict=True))
        return np.array([known.get(row, 0.0) for row in ids.tolist()], np.float32)

    def highest(self, text: str) -> float:
        """The BM25 of the text that no paper reaches: every term's weight times k1 + 1; 0 without terms.

        A term that no paper holds counts with the most that a term can weigh.
        """
        papers = self._searcher.num_docs
        held = [min(self._searcher.doc_freq("text", term), papers) for term in self.terms(text)]
        return (_K1 + 1) * sum(log(1 + (papers - count + 0.5) / (count + 0.5)) for count in held)

    def passing(self, wanted: Filter) -> NDArray[np.int64]:
        """The rows that pass the filter as the lexicon sees it, ascending."""
        rows, _ = self._search(
            [(Occur.Must, tantivy.Query.all_query()), *self._passing(wanted)], self._searcher.num_docs
        )
        return np.sort(np.array(rows, np.int64))

    def _any(self, terms: Sequence[str]) -> tantivy.Query:
        return tantivy.Query.boolean_query([(Occur.Should, self._term("text", term)) for term in terms])

    def _term(self, field: str, value: str | int) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, value, "freq" if field == "text" else "basic")

    def _passing(self, wanted: Filter) -> list[tuple[Occur, tantivy.Query]]:
        parts = [self._held("author", self._columns.authors.matching(author)) for author in wanted.authors]
        if wanted.categories:
            parts.append(self._held("category", self._columns.category_ids(wanted.categories)))
        start, end = wanted.published_from, wanted.published_to
        unsigned = tantivy.FieldType.Unsigned
        if start:
            parts.append(tantivy.Query.range_query(self._schema, "last_day", unsigned, lower_bound=start.first_day))
        if end:
            parts.append(tantivy.Query.range_query(self._schema, "first_day", unsigned, upper_bound=end.last_day))
        return [(Occur.Must, _unscored(part)) for part in parts]

    def _held(self, field: str, ids: Sequence[int]) -> tantivy.Query:
        if not ids:
            return tantivy.Query.empty_query()
        return tantivy.Query.term_set_query(self._schema, field, list(ids))

    def _search(self, parts: list[tuple[Occur, tantivy.Query]], k: int) -> tuple[list[int], list[float]]:
        if not k:
            return [], []
        found = self._searcher.search(tantivy.Query.boolean_query(parts), limit=k, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in found])
        return [int(row) for row in rows if row is not None], [float(score) for score, _ in found]

    def _count(self, parts: list[tuple[Occur, tantivy.Query]]) -> int:
        result = self._searcher.search(tantivy.Query.boolean_query(parts), limit=1, count=True)
        return int(result.count)  # type: ignore[attr-defined]  # in the library, missing in its stubs


def _ranked(rows: list[int], scores: list[float], *, complete: bool, k: int = 0) -> Ranked:
    return Ranked.best(np.array(rows, np.int64), np.array(scores, np.float32), k, complete=complete)


def _unscored(query: tantivy.Query) -> tantivy.Query:
    return tantivy.Query.const_score_query(query, 0.0)


class LexiconBuilder:
    """The lexicon of the next generation, in a directory of its own.

    Args:
        directory: made new. before: the lexicon of the generation before; its files are hard-linked, which is
            safe because tantivy writes each file once and replaces its list of files by rename.
    """

    def __init__(self, directory: Path, before: Path | None = None) -> None:
        directory.mkdir()
        for file in before.iterdir() if before else ():
            if not file.name.endswith(".lock"):
                os.link(file, directory / file.name)
        self._directory = directory
        self._index = tantivy.Index(_schema(), str(directory))
        self._index.register_tokenizer(_ANALYZER, _analyzer())
        self._writer = self._index.writer(_HEAP_BYTES, num_threads=1)

    def add(self, row: int, paper: Paper, ids: "RowIds") -> None:
        """Adds a paper under its row and the ids that the columns gave its categories and authors."""
        document = tantivy.Document()
        for text in (paper.title, paper.title, paper.abstract):
            document.add_text("text", text or "")
        document.add_unsigned("row", row)
        if paper.published:
            document.add_unsigned("first_day", paper.published.first_day)
            document.add_unsigned("last_day", paper.published.last_day)
        for category in ids.categories:
            document.add_unsigned("category", category)
        for author in ids.authors:
            document.add_unsigned("author", author)
        self._writer.add_document(document)

    def remove(self, row: int) -> None:
        """Takes a row out that a later one replaced."""
        # delete_documents_by_term makes a term of a signed number, which an unsigned field never holds
        self._writer.delete_documents_by_query(tantivy.Query.term_query(self._index.schema, "row", row))

    def save(self) -> None:
        """Commits, waits for merges, and leaves only the files that belong to the lexicon."""
        self._writer.commit()
        self._writer.wait_merging_threads()
        for lock in self._directory.glob("*.lock"):
            lock.unlink()
