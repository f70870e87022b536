"""LexiconBuilder: writes the full-text index of the next generation."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import tantivy

from search.files import call_library, link_or_copy
from search.index.lexicon import FIRST_KIND, LEXICON_TUNING, LexiconTuning, create_analyzer
from search.index.lexicon_segments import remove_segments
from search.index.text_conditions import PHRASE_FIELDS, RANKED_FIELD
from search.papers.paper import Paper

if TYPE_CHECKING:
    from search.columns.row_ids import RowIds

_TOKENIZER = "papers_terms"
"""Splits terms at spaces; ``search.index.analysis`` has made them."""


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(RANKED_FIELD, tokenizer_name=_TOKENIZER, index_option="freq")
    for field in PHRASE_FIELDS:
        builder.add_text_field(field, tokenizer_name=_TOKENIZER, index_option="position")
    builder.add_text_field("word", tokenizer_name=_TOKENIZER, index_option="basic")
    builder.add_unsigned_field("row", indexed=True, fast=True)
    for field in ("published_first", "published_last", "updated_first", "updated_last"):
        builder.add_unsigned_field(field, fast=True)
    for field in ("category", "primary", "author", "first_author", "last_author"):
        builder.add_unsigned_field(field, indexed=True)
    return builder.build()


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
            if not file.name.endswith(".lock"):
                link_or_copy(file, directory / file.name)
        self._directory = directory
        self._index = call_library(directory, lambda: tantivy.Index(_build_schema(), str(directory)))
        tokenizer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer(_TOKENIZER, tokenizer)
        self._analyzer = create_analyzer(tuning.term_cache_size)
        self._writer = call_library(directory, lambda: self._index.writer(tuning.writer_heap_bytes, num_threads=1))

    def add(self, row: int, paper: Paper, ids: "RowIds") -> None:
        """Adds a paper.

        Args:
            row: its row.
            paper: the paper.
            ids: the IDs of its categories, authors and kinds in the columns.
        """
        document = tantivy.Document()
        for field, text, weight in (("title", paper.title, 2), ("abstract", paper.abstract, 1)):
            terms = self._analyzer.analyze_text(text or "")
            document.add_text(field, " ".join(terms.ordered))
            for term in dict.fromkeys(terms.unordered):  # each a value of its own, so that no phrase spans two
                document.add_text(field, term)
            document.add_text(RANKED_FIELD, " ".join((*terms.ranked, *terms.unordered) * weight))
            document.add_text("word", " ".join(terms.written))
        document.add_unsigned("row", row)
        for name, date in (("published", paper.published), ("updated", paper.updated)):
            if date:
                document.add_unsigned(f"{name}_first", date.first_day)
                document.add_unsigned(f"{name}_last", date.last_day)
        for field, values in (
            ("category", (*ids.categories, *(FIRST_KIND + kind for kind in ids.kinds))),
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
