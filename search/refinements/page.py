"""The refinements of one page, and the queries that may be answered in place of the one asked."""

from dataclasses import dataclass
from datetime import date

from search import budget
from search.index.backend import Backend
from search.language import spelling
from search.language.parser import ParsedQuery
from search.language.prose_filters import find_prose_filters
from search.language.removable_parts import ranking_words
from search.lazy import lazy_property
from search.query.condition import Author
from search.query.page import Page
from search.query.refinement import Refinement
from search.ranking.answer import Answer
from search.refinements.acronyms import sense_refinements
from search.refinements.author import author_refinements, names_only_an_author
from search.refinements.filters import filter_refinements
from search.refinements.related import related_refinements

_TOP_HITS = 10
"""Hits of which one has to be strong if the question is a name: those of the first page by default, whatever page is
shown."""


@dataclass(frozen=True)
class PageRefiner:
    """Finds what to offer for one question.

    Attributes:
        snapshot: the generation that answers.
        parsed: the question.
    """

    snapshot: Backend
    parsed: ParsedQuery

    @lazy_property
    def author(self) -> Refinement | None:
        """The papers of the person whom the question names."""
        return next(author_refinements(self.snapshot, self.parsed), None)

    @lazy_property
    def correction(self) -> str | None:
        """The question with likely misspellings corrected; None without any, and for a person's name."""
        if self.author:
            return None
        lexicon = self.snapshot.lexicon
        corrections = spelling.corrections(
            self.parsed.text,
            lexicon.word_doc_freq,
            lexicon.inflected_doc_freq,
            self._is_known,
            len(self.snapshot.live),
            lexicon.read_words,
        )
        if not corrections:
            return None
        words = ranking_words(self.parsed)
        for found in find_prose_filters(words, date.today()):  # "latest" is a word even if no paper contains it
            for word in set(words.split()) - set(found.words.split()):
                corrections.pop(word, None)
        return spelling.replace_words(self.parsed.source, corrections) if corrections else None

    def _is_known(self, word: str) -> bool:
        """Returns whether a word is the surname of an author, or papers write it as two words."""
        return len(self.snapshot.columns.author_ids(Author(word))) > 0 or len(self.snapshot.lexicon.terms(word)) > 1

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The queries to answer if nothing is close to the question, most likely first."""
        if self.author:
            return (self.author.query,) if names_only_an_author(self.author) else ()
        return (self.correction,) if self.correction else ()

    def is_answered_by(self, answer: Answer) -> bool:
        """Returns whether an answer is one to the question as typed: for a name, only with a strong hit."""
        if self.author and names_only_an_author(self.author):
            return "strong" in answer.top_bands(_TOP_HITS)
        return answer.has_close_match

    def refine(self, page: Page, answer: Answer) -> tuple[Refinement, ...]:
        """Returns the refinements of the first page of an answer."""
        budget.check()
        nearest = answer.ranking.fused.rows
        if not self.parsed.text or not page.hits:
            return ()
        if self.author and names_only_an_author(self.author):
            return (self.author,)
        author = (self.author,) if self.author else ()
        senses = tuple(sense_refinements(self.snapshot, self.parsed, nearest))
        found = (*author, *filter_refinements(self.snapshot, self.parsed, page), *senses)
        if found or self.correction:
            return found
        return tuple(related_refinements(answer.index, self.parsed, page, nearest))
