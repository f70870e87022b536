"""LexiconBuilder: writes the full-text index of the next generation."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import tantivy

from search.files import call_library, link_or_copy
from search.index.analysis import Terms
from search.index.lexicon import LEXICON_TUNING, POSTINGS_FOLDER, LexiconTuning, create_analyzer
from search.index.term_postings_writer import TermPostingsBuilder
from search.index.text_requirements import PHRASE_FIELDS
from search.papers.paper import Paper

_TOKENIZER = "papers_terms"
"""Splits terms at spaces; ``search.index.analysis`` has made them."""

_MAX_CACHED_FRAGMENTS = 1 << 18
"""Fragments that are cached, 100 MB; as many as 50,000 abstracts have."""
_ROWS_PER_QUERY = 65_536
"""Rows that are removed at once, which bounds the memory."""
_ROWS_PER_READ = 1_024
"""Removed rows whose texts are read at once."""


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in PHRASE_FIELDS:
        builder.add_text_field(field, tokenizer_name=_TOKENIZER, index_option="position")
    builder.add_unsigned_field("row", indexed=True, fast=True)
    return builder.build()


class _Fragments(dict[str, tuple[int, str, tuple[str, ...]]]):
    """By fragment (``Analyzer.split``) its number, and its terms as tantivy indexes them: ordered and unordered.

    Looking up a known fragment runs no Python code.

    Args:
        analyze: returns the terms of a fragment.
        add: returns the number of a fragment with some terms.
    """

    def __init__(self, analyze: Callable[[str], Terms], add: Callable[[Terms], int]) -> None:
        super().__init__()
        self._analyze, self._add = analyze, add

    def __missing__(self, fragment: str) -> tuple[int, str, tuple[str, ...]]:
        terms = self._analyze(fragment)
        self[fragment] = found = self._add(terms), " ".join(terms.ordered), terms.unordered
        return found


class LexiconBuilder:
    """Builds the lexicon of the next generation in a new directory.

    Args:
        directory: the directory to create.
        previous: the previous lexicon; its files are linked, since tantivy writes each once and replaces by rename.
        tuning: memory of the writer, and of the cached terms.
    """

    def __init__(self, directory: Path, previous: Path | None = None, tuning: LexiconTuning = LEXICON_TUNING) -> None:
        directory.mkdir()
        for file in previous.iterdir() if previous else ():
            if file.is_file() and not file.name.endswith(".lock"):
                link_or_copy(file, directory / file.name)
        self._directory = directory
        self._postings = TermPostingsBuilder(
            directory / POSTINGS_FOLDER, previous / POSTINGS_FOLDER if previous else None
        )
        self._index = call_library(directory, lambda: tantivy.Index(_build_schema(), str(directory)))
        tokenizer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer(_TOKENIZER, tokenizer)
        self._analyzer = create_analyzer(tuning.term_cache_size)
        self._fragments = _Fragments(self._analyzer.analyze, self._postings.add_fragment)
        self._writer = call_library(directory, lambda: self._index.writer(tuning.writer_heap_bytes, num_threads=1))

    def add(self, row: int, paper: Paper) -> None:
        """Adds a paper; its row is greater than those of all papers before."""
        if len(self._fragments) >= _MAX_CACHED_FRAGMENTS:
            self._postings.forget_fragments()
            self._fragments.clear()
        document, texts = tantivy.Document(), []
        for field, text in zip(PHRASE_FIELDS, (paper.title, paper.abstract), strict=True):
            found = list(map(self._fragments.__getitem__, self._analyzer.split(text or "")))
            numbers, ordered, unordered = zip(*found, strict=True) if found else ((), (), ())
            texts.append(numbers)
            document.add_text(field, " ".join(ordered))
            for term in dict.fromkeys(chain.from_iterable(unordered)):  # each a value, so that no phrase spans two
                document.add_text(field, term)
        self._postings.add(row, *texts)
        document.add_unsigned("row", row)
        call_library(self._directory, lambda: self._writer.add_document(document))

    def remove(self, rows: Sequence[int], texts: Callable[[Sequence[int]], Iterable[tuple[str, str]]]) -> None:
        """Removes papers of the previous lexicon.

        Args:
            rows: their rows; other rows are ignored.
            texts: returns title and abstract of each of some rows.
        """
        found = self._postings.remove(rows, lambda rows: map(self._written, _read_texts(rows, texts)))
        # delete_documents_by_term builds a term of a signed number, which an unsigned field never contains.
        for first in range(0, len(found), _ROWS_PER_QUERY):
            some = found[first : first + _ROWS_PER_QUERY]
            self._delete(tantivy.Query.term_set_query(self._index.schema, "row", some))

    def _written(self, texts: Iterable[str]) -> set[str]:
        return {word for text in texts for word in self._analyzer.analyze_text(text).written}

    def _delete(self, query: tantivy.Query) -> None:
        call_library(self._directory, lambda: self._writer.delete_documents_by_query(query))

    def save(self) -> None:
        """Commits, waits for merges, deletes the lock files, and lets everyone read who may read the folder."""
        for step in (self._writer.commit, self._writer.wait_merging_threads):
            call_library(self._directory, step)
        self._fragments.clear()
        self._analyzer.clear()
        self._postings.save()  # after the writer and the caches have freed their memory
        for lock in self._directory.glob("*.lock"):
            lock.unlink()
        for file in self._directory.glob("*.json"):  # tantivy creates its lists of files with mode 0600
            file.chmod(self._directory.stat().st_mode & 0o666)


def _read_texts(
    rows: Sequence[int], texts: Callable[[Sequence[int]], Iterable[tuple[str, str]]]
) -> Iterator[tuple[str, str]]:
    for first in range(0, len(rows), _ROWS_PER_READ):
        yield from texts(rows[first : first + _ROWS_PER_READ])
