"""Filters that a question has in prose, checked against the index and offered in the query language."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from search.index.backend import Backend
from search.language.parser import ParsedQuery
from search.language.prose_filters import ProseFilter, find_prose_filters, missing_pattern
from search.language.removable_parts import ranking_words, replace_ranking_words
from search.query.condition import AnyOf, ContainsText, HasKind, InDateRange, Not
from search.query.page import Page
from search.query.refinement import Refinement
from search.refinements.phrases import count_phrase


@dataclass(frozen=True, slots=True)
class FilterTuning:
    """Constants of filters in prose."""

    max_words: int = 20
    """Words of a question; longer ones are sentences of papers more often than requests."""
    min_term_papers: int = 2
    """Papers that contain two words side by side, from which on they may be a term, such as "sky survey"."""
    missing_papers: int = 250
    """Papers with an excluded word, of highest BM25, that are searched for the word after "without"."""
    min_missing_papers: int = 3
    """Papers among them with "without" before it, from which on doing without it is a subject."""


FILTER_TUNING = FilterTuning()


def filter_refinements(
    snapshot: Backend, parsed: ParsedQuery, page: Page, tuning: FilterTuning = FILTER_TUNING
) -> Iterator[Refinement]:
    """Yields the filters and the order that a question has in prose.

    Args:
        snapshot: the generation that answers.
        parsed: the question.
        page: its answer; what its papers say "without" is a subject and not an exclusion.
        tuning: when words are a term instead.
    """
    words = ranking_words(parsed)
    if len(words.split()) > tuning.max_words:
        return
    for found in find_prose_filters(words, date.today()):
        if not _is_subject(snapshot, found, page, tuning) and _selects_papers(snapshot, found, page):
            query = replace_ranking_words(parsed, found.words, found.condition)
            yield Refinement("filter", found.label, query, found.sort)


def _is_subject(snapshot: Backend, found: ProseFilter, page: Page, tuning: FilterTuning) -> bool:
    """Returns whether the words are a term of the papers, or something that they do without."""
    if found.missing:
        return _is_done_without(snapshot, found.missing, page, tuning)
    for phrase in found.phrases:
        papers = count_phrase(snapshot, phrase)
        with_first = snapshot.lexicon.inflected_doc_freq(phrase.split()[0])
        if papers >= tuning.min_term_papers and papers >= found.term_share * with_first:
            return True
    return False


def _is_done_without(snapshot: Backend, word: str, page: Page, tuning: FilterTuning) -> bool:
    """Returns whether papers are about doing without a word."""
    pattern = missing_pattern(word)
    if any(pattern.search(hit.paper.text.lower()) for hit in page.hits):
        return True
    rows = snapshot.lexicon.search(word, tuning.missing_papers, snapshot.live).rows.tolist()
    texts = snapshot.store.texts_containing(rows, "without")
    return sum(bool(pattern.search(text.lower())) for text in texts) >= tuning.min_missing_papers


def _selects_papers(snapshot: Backend, found: ProseFilter, page: Page) -> bool:
    """Returns whether a filter selects some papers and not all of them; an order has only relevant papers."""
    requirement = found.requirement
    if requirement is None:
        return bool(found.words) and any(hit.band != "weak" for hit in page.hits)
    if isinstance(requirement, HasKind | AnyOf) and not snapshot.columns.kinds.is_complete:
        return False
    if isinstance(requirement, InDateRange | HasKind | AnyOf):
        return 0 < len(snapshot.rows_matching(requirement)) < len(snapshot.live)
    text = requirement.part if isinstance(requirement, Not) else requirement
    words = text.text if isinstance(text, ContainsText) else ""
    lexicon = snapshot.lexicon
    return bool(lexicon.terms(words)) and 0 < lexicon.count_matches(words, snapshot.rows_matching(text)) < len(
        snapshot.live
    )
