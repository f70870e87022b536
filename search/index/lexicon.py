"""Lexicon: BM25 over titles and abstracts, with conditions in its own terms. The only module that imports tantivy.

Scores are BM25F (Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004;
tantivy's k1 1.2, b .75): title and abstract are one field in which the title stands twice, so that its words weigh
double before they saturate. A word that a question repeats counts as often as it stands there. User text is never
parsed as a query language: it is analyzed as the papers were and becomes term queries, so IN, OR, NOT and colons are
words. Titles and abstracts are fields of their own as well, with positions, for phrases and for words that must stand
in one of them.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur

from search.errors import InvalidValue
from search.papers.paper import Paper
from search.papers.words import split_words
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, ContainsText, HasId, InDateRange, Not
from search.rows import Ranked

if TYPE_CHECKING:
    from search.columns.columns import Columns, RowIds

_STOP_WORDS_TEXT = """
a about above after again all also am an and any are as at be because been before being below between both but by
can cannot could did do does doing down during each few for from further had has have having he her here hers him
his how however i if in into is it its itself me more most my no nor not of off on once only or other our ours out
over own per same she should so some such than that the their theirs them then there these they this those through
to too under until up upon us use used using very via was we were what when where whether which while who whom whose
why will with within without would you your yours
"""
STOP_WORDS = tuple(_STOP_WORDS_TEXT.split())
"""Words too common to tell papers apart."""

_MAX_QUERY_TERMS = 64
"""Terms of a long text that are looked up: those that weigh most."""
_TERM_CACHE_SIZE = 100_000
"""Words whose terms are kept: those of papers that are shown come again and again."""
_K1 = 1.2
"""tantivy's, which cannot be set."""
_WRITER_HEAP_BYTES = 256_000_000
_STEMMED_ANALYZER, _EXACT_ANALYZER = "papers_english", "papers_words"


def _build_analyzer(*, stemmed: bool) -> tantivy.TextAnalyzer:
    """Words as they are but for case and accents; or their stems, without stop words."""
    steps = [tantivy.Filter.remove_long(64), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold()]
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
    """The words of one generation, opened read-only.

    Args:
        directory: what ``LexiconBuilder`` wrote. columns: of the same generation; they know the ids of authors
            and categories that a condition's names mean. find: the rows that ever had a paper's id.
    """

    def __init__(self, directory: Path, columns: "Columns", find: Callable[[str], list[int]]) -> None:
        self._index = tantivy.Index.open(str(directory))
        self._schema = self._index.schema
        self._columns, self._find = columns, find
        self._searcher = self._index.searcher()

    @cached_property
    def _analyzer(self) -> tantivy.TextAnalyzer:
        return _build_analyzer(stemmed=True)

    def terms(self, text: str) -> list[str]:
        """The terms of a text that are looked up, without repetition; of a long text those that weigh most."""
        return list(self._term_counts(text))

    def search(self, text: str, k: int, condition: Condition) -> Ranked:
        """The k papers of highest BM25 among those that pass and hold a term of the text."""
        terms = self._term_counts(text)
        if not terms:
            return _to_ranked([], [], complete=True)
        found = self._search_rows([*self._filter_clauses(condition), (Occur.Must, self._any_term_query(terms))], k + 1)
        return _to_ranked(*found, complete=len(found[0]) <= k, k=k)

    def count_matches(self, text: str, condition: Condition) -> int:
        """How many papers pass and hold a term of the text."""
        terms = self._term_counts(text)
        return (
            self._count_rows([*self._filter_clauses(condition), (Occur.Must, self._any_term_query(terms))])
            if terms
            else 0
        )

    def rows_with_any_term(self, text: str, condition: Condition) -> NDArray[np.int64]:
        """The rows, ascending, that pass and hold a term of the text."""
        parts = [*self._filter_clauses(condition), (Occur.Must, self._any_term_query(self._term_counts(text)))]
        return np.sort(np.array(self._search_rows(parts, self._count_rows(parts))[0], np.int64))

    @cached_property
    def term_by_word(self) -> Mapping[str, str | None]:
        """What each word is looked up as; None for a stop word."""
        return _TermCache(self._analyzer)

    def max_score(self, text: str) -> float:
        """The BM25 of the text that no paper reaches: every term's weight times k1 + 1, as often as the term stands in
        the text; 0 without terms.

        A term that no paper holds counts with the most that a term can weigh.
        """
        return (_K1 + 1) * sum(count * self._idf(term) for term, count in self._term_counts(text).items())

    def term_weights(self, text: str) -> dict[str, float]:
        """The terms of a text that are looked up, each with its inverse document frequency as BM25 weighs it."""
        return {term: self._idf(term) for term in self._term_counts(text)}

    def word_doc_freq(self, word: str) -> int:
        """How many papers hold a word of Latin letters just as it is but for case, replaced papers among them."""
        return self._searcher.doc_freq("word", word.lower())

    def scores(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """BM25 of the text in each row, 0 where it holds no term: (len(ids),) float32, in the order given."""
        terms = self._term_counts(text)
        if not terms or not len(ids):
            return np.zeros(len(ids), np.float32)
        # A term_set_query walks the whole dictionary of rows; term queries of a few hundred take a third of the time.
        among = [(Occur.Should, self._term_query("row", row)) for row in ids.tolist()]
        parts = [
            (Occur.Must, _as_filter(tantivy.Query.boolean_query(among))),
            (Occur.Must, self._any_term_query(terms)),
        ]
        rows, scores = self._search_rows(parts, len(ids))
        known = dict(zip(rows, scores, strict=True))
        return np.array([known.get(row, 0.0) for row in ids.tolist()], np.float32)

    def inflected_doc_freq(self, word: str) -> int:
        """How many papers hold a word, inflected in any way, or just as it is where it is a stop word."""
        term = self.term_by_word[word]
        return max(self.word_doc_freq(word), self._doc_freq(term) if term else 0)

    def rows_matching(self, condition: Condition) -> NDArray[np.int64]:
        """The live rows that pass as the lexicon sees it, ascending.

        Raises:
            InvalidValue: an unknown category, or words to be held that are all too common to look up.
        """
        parts = self._filter_clauses(condition) or [(Occur.Must, tantivy.Query.all_query())]
        rows, _ = self._search_rows(parts, self._count_rows(parts))
        return np.sort(np.array(rows, np.int64))

    def _term_counts(self, text: str) -> dict[str, int]:
        """The terms of a text that are looked up, and how often each stands in it."""
        counts = Counter(self._analyzer.analyze(text))
        if len(counts) <= _MAX_QUERY_TERMS:
            return counts
        held = {term: count * self._idf(term) for term, count in counts.items() if self._doc_freq(term)}
        return {term: counts[term] for term in sorted(held, key=lambda term: -held[term])[:_MAX_QUERY_TERMS]}

    def _doc_freq(self, term: str) -> int:
        return self._searcher.doc_freq("text", term)

    def _idf(self, term: str) -> float:
        papers, held = self._searcher.num_docs, self._doc_freq(term)
        return log(1 + (papers - min(held, papers) + 0.5) / (held + 0.5))

    def _any_term_query(self, terms: Mapping[str, int]) -> tantivy.Query:
        parts = [(Occur.Should, self._boosted_term_query(term, count)) for term, count in terms.items()]
        return tantivy.Query.boolean_query(parts)

    def _boosted_term_query(self, term: str, count: int) -> tantivy.Query:
        query = self._term_query("text", term)
        return tantivy.Query.boost_query(query, float(count)) if count > 1 else query

    def _term_query(self, field: str, value: str | int) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, value, "freq" if field == "text" else "basic")

    def _filter_clauses(self, condition: Condition) -> list[tuple[Occur, tantivy.Query]]:
        """Nothing where all pass, as even that would keep the best from being found without a look at the rest."""
        parts = condition.parts if isinstance(condition, AllOf) else (condition,)
        return [(Occur.Must, _as_filter(self._query_for(part))) for part in parts]

    def _query_for(self, condition: Condition) -> tantivy.Query:
        """All that meet a condition."""
        if isinstance(condition, AllOf):
            parts = [(Occur.Must, self._query_for(part)) for part in condition.parts]
            return tantivy.Query.boolean_query(parts or [(Occur.Must, tantivy.Query.all_query())])
        if isinstance(condition, AnyOf):
            return self._any_of([self._query_for(part) for part in condition.parts])
        if isinstance(condition, Not):
            left_out = (Occur.MustNot, self._query_for(condition.part))
            return tantivy.Query.boolean_query([(Occur.Must, tantivy.Query.all_query()), left_out])
        if isinstance(condition, ContainsText):
            return self._text_query(condition)
        return self._column_query(condition)

    def _column_query(self, leaf: Author | Category | InDateRange | HasId) -> tantivy.Query:
        """All that meet a condition on what the columns know."""
        if isinstance(leaf, Author):
            field = "author" if leaf.position == "any" else f"{leaf.position}_author"
            return self._term_set_query(field, self._columns.author_ids(leaf).tolist())
        if isinstance(leaf, Category):
            if leaf.primary:
                return self._term_set_query("primary", self._columns.primary_ids(leaf.code))
            return self._term_set_query("category", self._columns.category_ids(leaf.code))
        if isinstance(leaf, HasId):
            return self._any_of([self._term_query("row", row) for row in self._find(leaf.id)])
        return self._date_query(leaf)

    def _date_query(self, leaf: InDateRange) -> tantivy.Query:
        """A missing date has neither field; without bounds those of any date are meant."""
        parts, unsigned = [], tantivy.FieldType.Unsigned
        if leaf.start or not leaf.end:
            low = leaf.start.first_day if leaf.start else 0
            parts.append(tantivy.Query.range_query(self._schema, f"{leaf.field}_last", unsigned, lower_bound=low))
        if leaf.end:
            high = leaf.end.last_day
            parts.append(tantivy.Query.range_query(self._schema, f"{leaf.field}_first", unsigned, upper_bound=high))
        return tantivy.Query.boolean_query([(Occur.Must, part) for part in parts])

    def _text_query(self, condition: ContainsText) -> tantivy.Query:
        found = enumerate(split_words(condition.text))
        words = [(place, term) for place, word in found for term in self._analyzer.analyze(word)]
        if not words:
            message = "these words are too common to look up; leave them out"
            raise InvalidValue("q", condition.text, message, position=condition.text_position)
        if not condition.phrase or len(words) == 1:
            field = "text" if condition.text_field == "any" else condition.text_field
            return tantivy.Query.boolean_query([(Occur.Must, self._term_query(field, term)) for _, term in words])
        fields = ("title", "abstract") if condition.text_field == "any" else (condition.text_field,)
        return self._any_of([tantivy.Query.phrase_query(self._schema, field, words) for field in fields])  # type: ignore[arg-type]

    def _term_set_query(self, field: str, ids: Sequence[int]) -> tantivy.Query:
        if not ids:
            return tantivy.Query.empty_query()
        return tantivy.Query.term_set_query(self._schema, field, list(ids))

    def _any_of(self, parts: Sequence[tantivy.Query]) -> tantivy.Query:
        """All that meet one of the queries."""
        return tantivy.Query.boolean_query([(Occur.Should, part) for part in parts or [tantivy.Query.empty_query()]])

    def _search_rows(self, parts: list[tuple[Occur, tantivy.Query]], k: int) -> tuple[list[int], list[float]]:
        if not k:
            return [], []
        found = self._searcher.search(tantivy.Query.boolean_query(parts), limit=k, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in found])
        return [int(row) for row in rows if row is not None], [float(score) for score, _ in found]

    def _count_rows(self, parts: list[tuple[Occur, tantivy.Query]]) -> int:
        result = self._searcher.search(tantivy.Query.boolean_query(parts), limit=1, count=True)
        return int(result.count)  # type: ignore[attr-defined]  # in the library, missing in its stubs


class _TermCache(dict[str, str | None]):
    """Terms by word, each worked out when first asked for; a look-up of one that is known calls no Python."""

    def __init__(self, analyzer: tantivy.TextAnalyzer) -> None:
        super().__init__()
        self._analyzer = analyzer

    def __missing__(self, word: str) -> str | None:
        if len(self) >= _TERM_CACHE_SIZE:
            self.clear()
        self[word] = term = next(iter(self._analyzer.analyze(word)), None)
        return term


def _to_ranked(rows: list[int], scores: list[float], *, complete: bool, k: int = 0) -> Ranked:
    return Ranked.top_k(np.array(rows, np.int64), np.array(scores, np.float32), k, complete=complete)


def _as_filter(query: tantivy.Query) -> tantivy.Query:
    return tantivy.Query.const_score_query(query, 0.0)


class LexiconBuilder:
    """The lexicon of the next generation, in a directory of its own.

    Args:
        directory: made new. before: the lexicon of the generation before; its files are hard-linked, which is
            safe because tantivy writes each file once and replaces its list of files by rename.
    """

    def __init__(self, directory: Path, previous: Path | None = None) -> None:
        directory.mkdir()
        for file in previous.iterdir() if previous else ():
            if not file.name.endswith(".lock"):
                os.link(file, directory / file.name)
        self._directory = directory
        self._index = tantivy.Index(_build_schema(), str(directory))
        self._index.register_tokenizer(_STEMMED_ANALYZER, _build_analyzer(stemmed=True))
        self._index.register_tokenizer(_EXACT_ANALYZER, _build_analyzer(stemmed=False))
        self._writer = self._index.writer(_WRITER_HEAP_BYTES, num_threads=1)

    def add(self, row: int, paper: Paper, ids: "RowIds") -> None:
        """Adds a paper under its row and the ids that the columns gave its categories and authors."""
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
