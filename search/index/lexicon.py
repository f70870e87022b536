"""Lexicon: full-text index of titles and abstracts with BM25 and filters. Only the lexicon imports tantivy.

Scores are BM25F (Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004;
tantivy's k1 1.2, b 0.75): title and abstract are one field that contains the title twice, so that the words of the
title have double weight before saturation. A word counts once per occurrence in the query. User text is never parsed as
a query language: it is analyzed like the papers and becomes term queries, so IN, OR, NOT and colons have no special
meaning. Title and abstract are also separate fields with positions, for phrases and for words that have to occur in one
of the two.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur

from search.errors import InvalidValue
from search.files import call_library, link_or_copy
from search.index.lexicon_segments import remove_segments
from search.index.read_errors import reports_read_errors
from search.index.read_only_view import read_only_view
from search.index.term_cache import TermCache
from search.index.term_sets import necessary_term_sets
from search.index.text_terms import TextTerms
from search.language.stop_words import STOP_WORDS
from search.papers.paper import Paper
from search.papers.words import split_words
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, ContainsText, HasId, InDateRange, Not
from search.rows import Ranked, Rows

if TYPE_CHECKING:
    from search.columns.columns import Columns, RowIds

_MAX_WORD_BYTES = 64
"""Longer words are not indexed."""
_STEMMED_ANALYZER = "papers_english"
_EXACT_ANALYZER = "papers_words"


@dataclass(frozen=True, slots=True)
class LexiconTuning:
    """Constants of the full-text index."""

    max_query_terms: int = 64
    """Terms of a query that are looked up; of a longer text those of highest weight (``docs/design/search.md``)."""
    term_cache_size: int = 100_000
    """Words whose terms are cached; the words of displayed papers recur."""
    writer_heap_bytes: int = 256_000_000
    """Memory of the writer before it flushes a segment."""


LEXICON_TUNING = LexiconTuning()


def _build_analyzer(*, stemmed: bool) -> tantivy.TextAnalyzer:
    """Returns an analyzer that folds case and accents and, if ``stemmed``, removes stop words and stems the others."""
    steps = [tantivy.Filter.remove_long(_MAX_WORD_BYTES), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold()]
    if stemmed:
        steps += [tantivy.Filter.custom_stopword(list(STOP_WORDS)), tantivy.Filter.stemmer("english")]
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in steps:
        builder = builder.filter(step)
    return builder.build()


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name=_STEMMED_ANALYZER, index_option="freq")
    for field in ("title", "abstract"):
        builder.add_text_field(field, tokenizer_name=_STEMMED_ANALYZER, index_option="position")
    builder.add_text_field("word", tokenizer_name=_EXACT_ANALYZER, index_option="basic")
    builder.add_unsigned_field("row", indexed=True, fast=True)
    for field in ("published_first", "published_last", "updated_first", "updated_last"):
        builder.add_unsigned_field(field, fast=True)
    for field in ("category", "primary", "author", "first_author", "last_author"):
        builder.add_unsigned_field(field, indexed=True)
    return builder.build()


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
    def _analyzer(self) -> tantivy.TextAnalyzer:
        return _build_analyzer(stemmed=True)

    @cached_property
    def _terms(self) -> TextTerms:
        searcher = self._searcher
        doc_freq = partial(searcher.doc_freq, "text")
        return TextTerms(self._analyzer.analyze, doc_freq, searcher.num_docs, self._tuning.max_query_terms)

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
        doc_freq = self._terms.doc_freq
        bounds = {term: bound for term, bound in self._terms.bounds(text).items() if doc_freq(term)}
        term_sets = necessary_term_sets(bounds, share * self.max_score(text))
        limit = min(sum(min(map(doc_freq, each)) for each in term_sets), self._searcher.num_docs)
        sets = self._any_of([self._all_terms_query("text", each) for each in term_sets])
        clauses = [(Occur.Must, _as_filter(sets)), self._require_any_term(text)]
        if limit > len(rows):  # otherwise a filter takes longer than it saves
            clauses += self._filter_clauses(condition)
        found, scores = self._search_rows(clauses, limit)
        matching = rows.contains(found)
        return found[matching], scores[matching]

    @cached_property
    def term_by_word(self) -> Mapping[str, str | None]:
        """The term of each word; None for a stop word."""
        return TermCache(self._analyzer.analyze, self._tuning.term_cache_size)

    def max_score(self, text: str) -> float:
        """Returns an upper bound of the BM25 of this text in any paper; 0 for a text without terms.

        It is the sum of ``TextTerms.bounds``.
        """
        return sum(self._terms.bounds(text).values())

    def term_weights(self, text: str) -> dict[str, float]:
        """Returns the terms of a text that are looked up, each with the inverse document frequency that BM25 uses."""
        return self._terms.weights(text)

    def word_doc_freq(self, word: str) -> int:
        """Returns the document frequency of a Latin word, not stemmed."""
        return self._searcher.doc_freq("word", word.lower())

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
                tantivy.Query.const_score_query(tantivy.Query.term_query(self._schema, "text", term, "basic"), 1.0),
                weight / total,
            )
            for term, weight in weights.items()
        ]
        return self._scores_of_rows((Occur.Must, self._any_of(terms)), ids)

    def _scores_of_rows(self, clause: tuple[Occur, tantivy.Query], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the score of a clause in each row; 0 for a row that does not match it."""
        if not len(ids):
            return np.zeros(0, np.float32)
        # A term_set_query walks the whole dictionary of rows; a few hundred term queries take a third of the time.
        row_queries = [(Occur.Should, self._term_query("row", row)) for row in ids.tolist()]
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
            InvalidValue: an unknown category, or a text condition that contains only stop words.
        """
        return self._matching_rows(self._filter_clauses(condition) or [(Occur.Must, tantivy.Query.all_query())])

    def _require_any_term(self, text: str) -> tuple[Occur, tantivy.Query]:
        counts = self._terms.counts(text)
        return Occur.Must, self._any_of([self._boosted_term_query(term, count) for term, count in counts.items()])

    def _boosted_term_query(self, term: str, count: int) -> tantivy.Query:
        query = self._term_query("text", term)
        return tantivy.Query.boost_query(query, float(count)) if count > 1 else query

    def _term_query(self, field: str, value: str | int) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, value, "freq" if field == "text" else "basic")

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
            return self._any_of([self._query_for(part) for part in condition.parts])
        if isinstance(condition, Not):
            excluded = (Occur.MustNot, self._query_for(condition.part))
            return tantivy.Query.boolean_query([(Occur.Must, tantivy.Query.all_query()), excluded])
        if isinstance(condition, ContainsText):
            return self._text_query(condition)
        return self._column_query(condition)

    def _column_query(self, leaf: Author | Category | InDateRange | HasId) -> tantivy.Query:
        """Returns the query for a condition on a field that the columns index too."""
        if isinstance(leaf, Author):
            field = "author" if leaf.position == "any" else f"{leaf.position}_author"
            return self._term_set_query(field, self._columns.author_ids(leaf).tolist())
        if isinstance(leaf, Category):
            if leaf.primary:
                return self._term_set_query("primary", self._columns.primary_ids(leaf.code))
            return self._term_set_query("category", self._columns.category_ids(leaf.code))
        if isinstance(leaf, HasId):
            return self._term_set_query("row", self._find(leaf.id))
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

    def _text_query(self, condition: ContainsText) -> tantivy.Query:
        words = enumerate(split_words(condition.text))
        terms = [(position, term) for position, word in words for term in self._analyzer.analyze(word)]
        if not terms:
            message = "it contains only stop words, which are not indexed; remove it or add another word"
            raise InvalidValue("q", condition.text, message, position=condition.text_position)
        if not condition.phrase or len(terms) == 1:
            field = "text" if condition.text_field == "any" else condition.text_field
            return self._all_terms_query(field, [term for _, term in terms])
        fields = ("title", "abstract") if condition.text_field == "any" else (condition.text_field,)
        return self._any_of([tantivy.Query.phrase_query(self._schema, field, terms) for field in fields])  # type: ignore[arg-type]

    def _all_terms_query(self, field: str, terms: Sequence[str]) -> tantivy.Query:
        return tantivy.Query.boolean_query([(Occur.Must, self._term_query(field, term)) for term in terms])

    def _term_set_query(self, field: str, ids: Sequence[int]) -> tantivy.Query:
        if not ids:
            return tantivy.Query.empty_query()
        return tantivy.Query.term_set_query(self._schema, field, list(ids))

    def _any_of(self, parts: Sequence[tantivy.Query]) -> tantivy.Query:
        """Returns the disjunction of queries; without any, a query that matches nothing."""
        return tantivy.Query.boolean_query([(Occur.Should, part) for part in parts or [tantivy.Query.empty_query()]])

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


class LexiconBuilder:
    """Builds the lexicon of the next generation in a new directory.

    Args:
        directory: the directory to create.
        previous: the previous lexicon; its files are linked, since tantivy writes each once and replaces by rename.
        tuning: memory of the writer.
    """

    def __init__(self, directory: Path, previous: Path | None = None, tuning: LexiconTuning = LEXICON_TUNING) -> None:
        directory.mkdir()
        for file in previous.iterdir() if previous else ():
            if not file.name.endswith(".lock"):
                link_or_copy(file, directory / file.name)
        self._directory = directory
        self._index = call_library(directory, lambda: tantivy.Index(_build_schema(), str(directory)))
        self._index.register_tokenizer(_STEMMED_ANALYZER, _build_analyzer(stemmed=True))
        self._index.register_tokenizer(_EXACT_ANALYZER, _build_analyzer(stemmed=False))
        self._writer = call_library(directory, lambda: self._index.writer(tuning.writer_heap_bytes, num_threads=1))

    def add(self, row: int, paper: Paper, ids: "RowIds") -> None:
        """Adds a paper.

        Args:
            row: its row.
            paper: the paper.
            ids: the IDs of its categories and authors in the columns.
        """
        document = tantivy.Document()
        for text in (paper.title, paper.title, paper.abstract):
            document.add_text("text", text or "")
        document.add_unsigned("row", row)
        document.add_text("title", paper.title or "")
        document.add_text("abstract", paper.abstract or "")
        document.add_text("word", paper.text)
        for name, date in (("published", paper.published), ("updated", paper.updated)):
            if date:
                document.add_unsigned(f"{name}_first", date.first_day)
                document.add_unsigned(f"{name}_last", date.last_day)
        for field, values in (
            ("category", ids.categories),
            ("primary", (ids.primary,)),
            ("author", ids.authors),
            ("first_author", (ids.first_author,)),
            ("last_author", (ids.last_author,)),
        ):
            for value in values:
                document.add_unsigned(field, value)
        call_library(self._directory, lambda: self._writer.add_document(document))

    def remove(self, replaced: Sequence[int], rows: int) -> set[int]:
        """Removes replaced rows with their segments; the caller adds the returned rows again (``remove_segments``)."""
        return call_library(self._directory, lambda: remove_segments(self._index, self._writer, replaced, rows))

    def save(self) -> None:
        """Commits, waits for merges, deletes the lock files, and lets everyone read who may read the folder."""
        for step in (self._writer.commit, self._writer.wait_merging_threads):
            call_library(self._directory, step)
        for lock in self._directory.glob("*.lock"):
            lock.unlink()
        for file in self._directory.glob("*.json"):  # tantivy creates its lists of files with mode 0600
            file.chmod(self._directory.stat().st_mode & 0o666)
