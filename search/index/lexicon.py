"""Lexicon: full-text index of titles and abstracts with BM25 and filters. Only the lexicon imports tantivy.

Scores are BM25F (Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004;
tantivy's k1 1.2, b 0.75): title and abstract are one field that contains the title twice, so that the words of the
title have double weight before saturation. A word counts once per occurrence in the query. User text is never parsed as
a query language: it is analyzed like the papers and becomes term queries, so IN, OR, NOT and colons have no special
meaning. Title and abstract are also separate fields with positions, for phrases, for words that have to occur in one
of the two, and for queries of stop words alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur

from search.columns.conditions import find_added
from search.index.analysis import Analyzer
from search.index.read_errors import reports_read_errors
from search.index.read_only_view import read_only_view
from search.index.term_cache import TermCache
from search.index.term_sets import necessary_term_sets
from search.index.text_conditions import TextConditions, any_of
from search.index.text_terms import TextTerms
from search.index.word_forms import ALTERNATIVE_MARK
from search.query.condition import (
    AddedBetween,
    AllOf,
    AnyOf,
    Author,
    Category,
    ColumnLeaf,
    Condition,
    ContainsText,
    HasId,
    HasKind,
    InDateRange,
    InRows,
    Not,
)
from search.rows import Ranked, Rows

if TYPE_CHECKING:
    from search.columns.columns import Columns


@dataclass(frozen=True, slots=True)
class LexiconTuning:
    """Constants of the full-text index."""

    max_query_terms: int = 64
    """Terms of a query that are looked up; of a longer text those of highest weight (``docs/design/search.md``)."""
    term_cache_size: int = 100_000
    """Words whose terms are cached; the words of displayed papers recur."""
    max_row_ranges: int = 16
    """Ranges of rows in a query; more take longer than the list of the rows."""
    writer_heap_bytes: int = 256_000_000
    """Memory of the writer before it flushes a segment."""


LEXICON_TUNING = LexiconTuning()
FIRST_KIND = 2**32
"""What is added to the ID of a kind in the field ``category``, above all categories. A field of its own would change
the schema, and tantivy does not extend an index of another schema."""


def create_analyzer(cache_size: int) -> Analyzer:
    """Returns an analyzer with tantivy's English stemmer and its spellings in ASCII of letters such as ø."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw())
    stemmer = builder.filter(tantivy.Filter.ascii_fold()).filter(tantivy.Filter.stemmer("english")).build()
    return Analyzer(lambda word: stemmer.analyze(word)[0], cache_size)


class Lexicon:
    """The full-text index of one generation, opened read-only.

    Args:
        directory: the output of ``LexiconBuilder``.
        columns: the columns of the same generation, which map author and category names to IDs.
        find: returns the rows that have or had a paper ID, or that are retracted (``IdLookup.find``).
        tuning: bounds of queries and of the cache.

    Raises:
        IndexUnavailable: the directory is damaged, or may not be read.
    """

    def __init__(
        self,
        directory: Path,
        columns: "Columns",
        find: Callable[[str], list[int]],
        tuning: LexiconTuning = LEXICON_TUNING,
    ) -> None:
        with reports_read_errors(directory), read_only_view(directory) as view:
            index = tantivy.Index.open(str(view))
            self._schema, self._searcher = index.schema, index.searcher()
        self._columns = columns
        self._find = find
        self._tuning = tuning

    @cached_property
    def terms_by_unit(self) -> Analyzer:
        """The terms of each word, and of words joined by hyphens (``search.index.analysis``)."""
        return create_analyzer(self._tuning.term_cache_size)

    @cached_property
    def _conditions(self) -> TextConditions:
        return TextConditions(self._schema, self._searcher, self.terms_by_unit)

    @cached_property
    def _terms(self) -> TextTerms:
        analyze, doc_freq = self._conditions.forms.ranking_terms, self._conditions.doc_freq
        return TextTerms(analyze, doc_freq, self._searcher.num_docs, self._tuning.max_query_terms)

    def terms(self, text: str) -> list[str]:
        """Returns the distinct terms of a text that are looked up; of a long text those of highest weight."""
        return list(self._terms.counts(text))

    def search(self, text: str, k: int, condition: Condition) -> Ranked:
        """Returns the k papers of highest BM25 among those that match the condition and contain a term of the text."""
        if not self._terms.counts(text):
            return Ranked.empty()
        clauses = [*self._filter_clauses(condition), self._require_any_term(text)]
        rows, scores = self._search_rows(clauses, k + 1)
        return Ranked.top_k(rows, scores, k, complete=len(rows) <= k)

    def count_matches(self, text: str, condition: Condition) -> int:
        """Returns the number of papers that match the condition and contain a term of the text."""
        if not self._terms.counts(text):
            return 0
        clauses = [*self._filter_clauses(condition), self._require_any_term(text)]
        result = self._searcher.search(tantivy.Query.boolean_query(clauses), limit=1, count=True)
        return int(result.count)  # type: ignore[attr-defined]  # in the library, missing in its stubs

    def rows_with_any_term(self, text: str, condition: Condition) -> NDArray[np.int64]:
        """Returns the rows, ascending, that match the condition and contain a term of the text."""
        return self._matching_rows([*self._filter_clauses(condition), self._require_any_term(text)])

    def search_reaching(
        self, text: str, share: float, condition: Condition, rows: Rows
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Returns all rows of a set whose BM25 is at least a share of ``max_score``.

        Only papers with enough of the terms are scored; those of them that score less are returned too.

        Args:
            text: the text.
            share: above 0, at most 1.
            condition: matched by all rows of the set.
            rows: the set.

        Returns:
            (n,) int64 rows, in any order, and (n,) float32, their BM25.
        """
        max_papers = self._conditions.max_papers
        bounds = {term: bound for term, bound in self._terms.bounds(text).items() if max_papers(term)}
        term_sets = necessary_term_sets(bounds, share * self.max_score(text))
        limit = min(sum(min(map(max_papers, each)) for each in term_sets), self._searcher.num_docs)
        sets = any_of([self._all_terms_query(each) for each in term_sets])
        clauses = [(Occur.Must, _as_filter(sets)), self._require_any_term(text)]
        if limit > len(rows):  # otherwise a filter takes longer than it saves
            clauses += self._filter_clauses(condition)
        found, scores = self._search_rows(clauses, limit)
        matching = rows.contains(found)
        return found[matching], scores[matching]

    @cached_property
    def term_by_word(self) -> Mapping[str, str | None]:
        """The first term of each word; None for a stop word."""
        terms = self.terms_by_unit
        return TermCache(lambda word: terms[word].ranked, self._tuning.term_cache_size)

    def max_score(self, text: str) -> float:
        """Returns an upper bound of the BM25 of this text in any paper; 0 for a text without terms.

        It is the sum of ``TextTerms.bounds``.
        """
        return sum(self._terms.bounds(text).values())

    def term_weights(self, text: str) -> dict[str, float]:
        """Returns the terms of a text that are looked up, each with the inverse document frequency that BM25 uses."""
        return self._terms.weights(text)

    def highlighted_terms(self, text: str) -> dict[str, float]:
        """Returns the terms of a text to highlight, as papers have them, each with its weight."""
        weights = self._terms.weights(text).items()
        return {form: weight for term, weight in weights for form in term.split(ALTERNATIVE_MARK)}

    def word_doc_freq(self, word: str) -> int:
        """Returns the document frequency of a Latin word, not stemmed."""
        return self._conditions.written_freq(word.lower())

    def scores(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the BM25 of the text in (n,) rows as (n,) float32; 0 for a row without any of its terms."""
        if not self._terms.counts(text):
            return np.zeros(len(ids), np.float32)
        return self._scores_of_rows(self._require_any_term(text), ids)

    def coverage(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the share of the text that each row contains, as (n,) float32 from 0 to 1.

        Each distinct term of the text counts with its inverse document frequency.
        """
        weights = self.term_weights(text)
        total = sum(weights.values())
        terms = [
            tantivy.Query.boost_query(
                tantivy.Query.const_score_query(self._conditions.ranked_query(term), 1.0),
                weight / total,
            )
            for term, weight in weights.items()
        ]
        return self._scores_of_rows((Occur.Must, any_of(terms)), ids)

    def _scores_of_rows(self, clause: tuple[Occur, tantivy.Query], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the score of a clause in each row; 0 for a row that does not match it."""
        if not len(ids):
            return np.zeros(0, np.float32)
        # A term_set_query walks the whole dictionary of rows; a few hundred term queries take a third of the time.
        term_query, schema = tantivy.Query.term_query, self._schema
        row_queries = [(Occur.Should, term_query(schema, "row", row, "basic")) for row in ids.tolist()]
        has_row = (Occur.Must, _as_filter(tantivy.Query.boolean_query(row_queries)))
        rows, scores = self._search_rows([has_row, clause], len(ids))
        score_of = dict(zip(rows.tolist(), scores.tolist(), strict=True))
        return np.array([score_of.get(row, 0.0) for row in ids.tolist()], np.float32)

    def inflected_doc_freq(self, word: str) -> int:
        """Returns the document frequency of a word in any inflection; of a stop word, not stemmed."""
        term = self.term_by_word[word]
        return max(self.word_doc_freq(word), self._terms.doc_freq(term) if term else 0)

    def rows_matching(self, condition: Condition) -> NDArray[np.int64]:
        """Returns the live rows, ascending, that match a condition.

        Raises:
            InvalidValue: an unknown category, or a text condition without a word.
        """
        return self._matching_rows(self._filter_clauses(condition) or [(Occur.Must, tantivy.Query.all_query())])

    def _require_any_term(self, text: str) -> tuple[Occur, tantivy.Query]:
        counts = self._terms.counts(text)
        return Occur.Must, any_of([self._boosted_term_query(term, count) for term, count in counts.items()])

    def _boosted_term_query(self, term: str, count: int) -> tantivy.Query:
        query = self._conditions.ranked_query(term)
        return tantivy.Query.boost_query(query, float(count)) if count > 1 else query

    def _term_query(self, field: str, value: str | int) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, value, "basic")

    def _filter_clauses(self, condition: Condition) -> list[tuple[Occur, tantivy.Query]]:
        """Returns no clause if every paper matches: even a clause that matches all would disable early termination."""
        parts = condition.parts if isinstance(condition, AllOf) else (condition,)
        return [(Occur.Must, _as_filter(self._query_for(part))) for part in parts]

    def _query_for(self, condition: Condition) -> tantivy.Query:
        """Returns the query for a condition."""
        if isinstance(condition, AllOf):
            parts = [(Occur.Must, self._query_for(part)) for part in condition.parts]
            return tantivy.Query.boolean_query(parts or [(Occur.Must, tantivy.Query.all_query())])
        if isinstance(condition, AnyOf):
            return any_of([self._query_for(part) for part in condition.parts])
        if isinstance(condition, Not):
            excluded = (Occur.MustNot, self._query_for(condition.part))
            return tantivy.Query.boolean_query([(Occur.Must, tantivy.Query.all_query()), excluded])
        if isinstance(condition, ContainsText):
            return self._conditions.query(condition)
        return self._column_query(condition)

    def _column_query(self, leaf: ColumnLeaf | HasId | InRows) -> tantivy.Query:
        """Returns the query for a condition on a field that the columns index too, or they alone."""
        if isinstance(leaf, Author):
            field = "author" if leaf.position == "any" else f"{leaf.position}_author"
            return self._term_set_query(field, self._columns.author_ids(leaf).tolist())
        if isinstance(leaf, Category):
            if leaf.primary:
                return self._term_set_query("primary", self._columns.categories.primary_ids_of(leaf.code))
            return self._term_set_query("category", self._columns.categories.ids_of(leaf.code))
        if isinstance(leaf, HasKind):
            return self._term_set_query("category", [FIRST_KIND + self._columns.kinds.id_of(leaf.kind)])
        if isinstance(leaf, HasId):
            return self._term_set_query("row", self._find(leaf.id))
        if isinstance(leaf, InRows):
            return self._term_set_query("row", leaf.rows)
        if isinstance(leaf, AddedBetween):
            return self._rows_query(find_added(self._columns, leaf).ids)
        return self._date_query(leaf)

    def _date_query(self, leaf: InDateRange) -> tantivy.Query:
        """Returns the query for a range; a range without bounds matches every paper that has the date."""
        parts, unsigned = [], tantivy.FieldType.Unsigned
        if leaf.start or not leaf.end:
            low = leaf.start.first_day if leaf.start else 0
            parts.append(tantivy.Query.range_query(self._schema, f"{leaf.field}_last", unsigned, lower_bound=low))
        if leaf.end:
            high = leaf.end.last_day
            parts.append(tantivy.Query.range_query(self._schema, f"{leaf.field}_first", unsigned, upper_bound=high))
        return tantivy.Query.boolean_query([(Occur.Must, part) for part in parts])

    def _rows_query(self, rows: NDArray[np.int64]) -> tantivy.Query:
        """Returns the query for rows, ascending: a few ranges of them if possible, since papers are added in order."""
        starts, ends = np.flatnonzero(np.diff(rows, prepend=-2) != 1), np.flatnonzero(np.diff(rows, append=-2) != 1)
        if len(starts) > self._tuning.max_row_ranges:
            return self._term_set_query("row", rows.tolist())
        ranges = zip(rows[starts].tolist(), rows[ends].tolist(), strict=True)
        unsigned = tantivy.FieldType.Unsigned
        return any_of(tantivy.Query.range_query(self._schema, "row", unsigned, first, last) for first, last in ranges)

    def _all_terms_query(self, terms: Sequence[str]) -> tantivy.Query:
        return tantivy.Query.boolean_query([(Occur.Must, self._conditions.ranked_query(term)) for term in terms])

    def _term_set_query(self, field: str, ids: Sequence[int]) -> tantivy.Query:
        if not ids:
            return tantivy.Query.empty_query()
        return tantivy.Query.term_set_query(self._schema, field, list(ids))

    def _search_rows(
        self, clauses: list[tuple[Occur, tantivy.Query]], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Returns the k rows of highest score, best first, and their scores."""
        hits = self._searcher.search(tantivy.Query.boolean_query(clauses), limit=k, count=False).hits if k else []
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return np.array(rows, np.int64), np.array([score for score, _ in hits], np.float32)

    def _matching_rows(self, clauses: list[tuple[Occur, tantivy.Query]]) -> NDArray[np.int64]:
        """Returns the rows, ascending, without scoring them, which takes half the time."""
        limit, query = max(self._searcher.num_docs, 1), tantivy.Query.boolean_query(clauses)
        found = self._searcher.search(query, limit, count=False, order_by_field="row", order=tantivy.Order.Asc)
        return np.array([row for row, _ in found.hits], np.int64)


def _as_filter(query: tantivy.Query) -> tantivy.Query:
    return tantivy.Query.const_score_query(query, 0.0)
