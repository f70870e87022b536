"""Lexicon: BM25 over titles and abstracts, with conditions in its own terms. The only module that imports tantivy.

Scores are BM25F (Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004;
tantivy's k1 1.2, b .75): title and abstract are one field in which the title stands twice, so that its words weigh
double before they saturate. A word that a question repeats counts as often as it stands there. User text is never
parsed as a query language: it is analyzed as the papers were and becomes term queries, so IN, OR, NOT and colons are
words. Titles and abstracts are fields of their own as well, with positions, for phrases and for words that must stand
in one of them.
"""

import os
import re
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
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, Dated, Holds, Identified, Not
from search.rows import Ranked

if TYPE_CHECKING:
    from search.columns.columns import Columns, RowIds

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

WORD = re.compile(r"[^\W_]+")
"""A word as tantivy's tokenizer sees it."""
_MOST_TERMS = 64
"""Terms of a long text that are looked up: those that weigh most."""
_REMEMBERED = 100_000
"""Words whose terms are kept: those of papers that are shown come again and again."""
_K1 = 1.2
"""tantivy's, which cannot be set."""
_HEAP_BYTES = 256_000_000
_ANALYZER, _WORDS_ANALYZER = "papers_english", "papers_words"


def _analyzer(*, stemmed: bool) -> tantivy.TextAnalyzer:
    """Words as they are but for case and accents; or their stems, without stop words."""
    steps = [tantivy.Filter.remove_long(64), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold()]
    if stemmed:
        steps += [tantivy.Filter.custom_stopword(list(STOP_WORDS)), tantivy.Filter.stemmer("english")]
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in steps:
        builder = builder.filter(step)
    return builder.build()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name=_ANALYZER, index_option="freq")
    for field in ("title", "abstract"):
        builder.add_text_field(field, tokenizer_name=_ANALYZER, index_option="position")
    builder.add_text_field("word", tokenizer_name=_WORDS_ANALYZER, index_option="basic")
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
        return _analyzer(stemmed=True)

    def terms(self, text: str) -> list[str]:
        """The terms of a text that are looked up, without repetition; of a long text those that weigh most."""
        return list(self._counted(text))

    def match(self, text: str, k: int, wanted: Condition) -> Ranked:
        """The k papers of highest BM25 among those that pass and hold a term of the text."""
        terms = self._counted(text)
        if not terms:
            return _ranked([], [], complete=True)
        found = self._search([*self._passing(wanted), (Occur.Must, self._any(terms))], k + 1)
        return _ranked(*found, complete=len(found[0]) <= k, k=k)

    def count(self, text: str, wanted: Condition) -> int:
        """How many papers pass and hold a term of the text."""
        terms = self._counted(text)
        return self._count([*self._passing(wanted), (Occur.Must, self._any(terms))]) if terms else 0

    def matching(self, text: str, wanted: Condition) -> NDArray[np.int64]:
        """The rows, ascending, that pass and hold a term of the text."""
        parts = [*self._passing(wanted), (Occur.Must, self._any(self._counted(text)))]
        return np.sort(np.array(self._search(parts, self._count(parts))[0], np.int64))

    @cached_property
    def term_of(self) -> Mapping[str, str | None]:
        """What each word is looked up as; None for a stop word."""
        return _Terms(self._analyzer)

    def highest(self, text: str) -> float:
        """The BM25 of the text that no paper reaches: every term's weight times k1 + 1, as often as the term stands in
        the text; 0 without terms.

        A term that no paper holds counts with the most that a term can weigh.
        """
        return (_K1 + 1) * sum(count * self._weight(term) for term, count in self._counted(text).items())

    def weights(self, text: str) -> dict[str, float]:
        """The terms of a text that are looked up, each with its inverse document frequency as BM25 weighs it."""
        return {term: self._weight(term) for term in self._counted(text)}

    def frequency(self, word: str) -> int:
        """How many papers hold a word of Latin letters just as it is but for case, replaced papers among them."""
        return self._searcher.doc_freq("word", word.lower())

    def scores(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """BM25 of the text in each row, 0 where it holds no term: (len(ids),) float32, in the order given."""
        terms = self._counted(text)
        if not terms or not len(ids):
            return np.zeros(len(ids), np.float32)
        # A term_set_query walks the whole dictionary of rows; term queries of a few hundred take a third of the time.
        among = [(Occur.Should, self._term("row", row)) for row in ids.tolist()]
        parts = [(Occur.Must, _unscored(tantivy.Query.boolean_query(among))), (Occur.Must, self._any(terms))]
        rows, scores = self._search(parts, len(ids))
        known = dict(zip(rows, scores, strict=True))
        return np.array([known.get(row, 0.0) for row in ids.tolist()], np.float32)

    def inflected(self, word: str) -> int:
        """How many papers hold a word, inflected in any way, or just as it is where it is a stop word."""
        term = self.term_of[word]
        return max(self.frequency(word), self._held_by(term) if term else 0)

    def passing(self, wanted: Condition) -> NDArray[np.int64]:
        """The live rows that pass as the lexicon sees it, ascending.

        Raises:
            InvalidValue: an unknown category, or words to be held that are all too common to look up.
        """
        parts = self._passing(wanted) or [(Occur.Must, tantivy.Query.all_query())]
        rows, _ = self._search(parts, self._count(parts))
        return np.sort(np.array(rows, np.int64))

    def _counted(self, text: str) -> dict[str, int]:
        """The terms of a text that are looked up, and how often each stands in it."""
        counts = Counter(self._analyzer.analyze(text))
        if len(counts) <= _MOST_TERMS:
            return counts
        held = {term: count * self._weight(term) for term, count in counts.items() if self._held_by(term)}
        return {term: counts[term] for term in sorted(held, key=lambda term: -held[term])[:_MOST_TERMS]}

    def _held_by(self, term: str) -> int:
        return self._searcher.doc_freq("text", term)

    def _weight(self, term: str) -> float:
        papers, held = self._searcher.num_docs, self._held_by(term)
        return log(1 + (papers - min(held, papers) + 0.5) / (held + 0.5))

    def _any(self, terms: Mapping[str, int]) -> tantivy.Query:
        parts = [(Occur.Should, self._repeated(term, count)) for term, count in terms.items()]
        return tantivy.Query.boolean_query(parts)

    def _repeated(self, term: str, count: int) -> tantivy.Query:
        query = self._term("text", term)
        return tantivy.Query.boost_query(query, float(count)) if count > 1 else query

    def _term(self, field: str, value: str | int) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, value, "freq" if field == "text" else "basic")

    def _passing(self, wanted: Condition) -> list[tuple[Occur, tantivy.Query]]:
        """Nothing where all pass, as even that would keep the best from being found without a look at the rest."""
        parts = wanted.parts if isinstance(wanted, AllOf) else (wanted,)
        return [(Occur.Must, _unscored(self._meeting(part))) for part in parts]

    def _meeting(self, condition: Condition) -> tantivy.Query:
        """All that meet a condition."""
        if isinstance(condition, AllOf):
            parts = [(Occur.Must, self._meeting(part)) for part in condition.parts]
            return tantivy.Query.boolean_query(parts or [(Occur.Must, tantivy.Query.all_query())])
        if isinstance(condition, AnyOf):
            return self._either([self._meeting(part) for part in condition.parts])
        if isinstance(condition, Not):
            left_out = (Occur.MustNot, self._meeting(condition.part))
            return tantivy.Query.boolean_query([(Occur.Must, tantivy.Query.all_query()), left_out])
        if isinstance(condition, Holds):
            return self._holding(condition)
        return self._known(condition)

    def _known(self, leaf: Author | Category | Dated | Identified) -> tantivy.Query:
        """All that meet a condition on what the columns know."""
        if isinstance(leaf, Author):
            field = "author" if leaf.position == "any" else f"{leaf.position}_author"
            return self._held(field, self._columns.author_ids(leaf).tolist())
        if isinstance(leaf, Category):
            if leaf.primary:
                return self._held("primary", self._columns.primary_ids(leaf.code))
            return self._held("category", self._columns.category_ids(leaf.code))
        if isinstance(leaf, Identified):
            return self._either([self._term("row", row) for row in self._find(leaf.id)])
        return self._overlapping(leaf)

    def _overlapping(self, leaf: Dated) -> tantivy.Query:
        """A missing date has neither field; without bounds those of any date are meant."""
        parts, unsigned = [], tantivy.FieldType.Unsigned
        if leaf.start or not leaf.end:
            low = leaf.start.first_day if leaf.start else 0
            parts.append(tantivy.Query.range_query(self._schema, f"{leaf.field}_last", unsigned, lower_bound=low))
        if leaf.end:
            high = leaf.end.last_day
            parts.append(tantivy.Query.range_query(self._schema, f"{leaf.field}_first", unsigned, upper_bound=high))
        return tantivy.Query.boolean_query([(Occur.Must, part) for part in parts])

    def _holding(self, condition: Holds) -> tantivy.Query:
        found = enumerate(WORD.findall(condition.text))
        words = [(place, term) for place, word in found for term in self._analyzer.analyze(word)]
        if not words:
            place = f"at character {condition.at}: " if condition.at else ""
            raise InvalidValue("q", condition.text, f"{place}these words are too common to look up; leave them out")
        if not condition.phrase or len(words) == 1:
            field = "text" if condition.part == "any" else condition.part
            return tantivy.Query.boolean_query([(Occur.Must, self._term(field, term)) for _, term in words])
        fields = ("title", "abstract") if condition.part == "any" else (condition.part,)
        return self._either([tantivy.Query.phrase_query(self._schema, field, words) for field in fields])  # type: ignore[arg-type]

    def _held(self, field: str, ids: Sequence[int]) -> tantivy.Query:
        if not ids:
            return tantivy.Query.empty_query()
        return tantivy.Query.term_set_query(self._schema, field, list(ids))

    def _either(self, parts: Sequence[tantivy.Query]) -> tantivy.Query:
        """All that meet one of the queries."""
        return tantivy.Query.boolean_query([(Occur.Should, part) for part in parts or [tantivy.Query.empty_query()]])

    def _search(self, parts: list[tuple[Occur, tantivy.Query]], k: int) -> tuple[list[int], list[float]]:
        if not k:
            return [], []
        found = self._searcher.search(tantivy.Query.boolean_query(parts), limit=k, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in found])
        return [int(row) for row in rows if row is not None], [float(score) for score, _ in found]

    def _count(self, parts: list[tuple[Occur, tantivy.Query]]) -> int:
        result = self._searcher.search(tantivy.Query.boolean_query(parts), limit=1, count=True)
        return int(result.count)  # type: ignore[attr-defined]  # in the library, missing in its stubs


class _Terms(dict[str, str | None]):
    """Terms by word, each worked out when first asked for; a look-up of one that is known calls no Python."""

    def __init__(self, analyzer: tantivy.TextAnalyzer) -> None:
        super().__init__()
        self._analyzer = analyzer

    def __missing__(self, word: str) -> str | None:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[word] = term = next(iter(self._analyzer.analyze(word)), None)
        return term


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
        self._index.register_tokenizer(_ANALYZER, _analyzer(stemmed=True))
        self._index.register_tokenizer(_WORDS_ANALYZER, _analyzer(stemmed=False))
        self._writer = self._index.writer(_HEAP_BYTES, num_threads=1)

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
