"""Related phrases: what the nearest papers speak about, for a question that few of them answer.

The phrases of the nearest papers are scored by their share of these papers against their share of the index, as a
relevance model does with words (Lavrenko and Croft, "Relevance-Based Language Models", SIGIR 2001; the pointwise
Kullback-Leibler divergence of Carpineto et al., "An information-theoretic approach to automatic query expansion", TOIS
2001). A phrase is at most as frequent in the index as its rarest word, which is looked up in place of the phrase.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from math import log

import numpy as np
from numpy.typing import NDArray

from search.index.backend import TextSearch
from search.language.generic_words import GENERIC_WORDS
from search.language.parser import ParsedQuery
from search.language.removable_parts import ranking_words, replace_ranking_words
from search.query.page import Page
from search.query.refinement import Refinement
from search.ranking.filtered_index import FilteredIndex
from search.refinements.phrase_counts import Phrase, count_phrases

_NOUN = re.compile(r"...(?:[ts]ion|sis|ity|ment|ness|ance|ence|ism|ics|logy|graphy|nova)s?$")
"""What a phrase of one word ends with; other single words are too often adjectives or too general."""
_HEADS = frozenset(("model", "models", "system", "systems", "framework", "evaluation", "analysis", "mechanism", "task"))
"""Generic words that may still end a phrase, as in "world model"."""
_CACHED_PHRASES = 16_384
"""Phrases of which is cached whether they may be a term; papers share most of their words."""


@dataclass(frozen=True, slots=True)
class RelatedTuning:
    """Constants of related phrases."""

    papers: int = 25
    """Nearest papers whose phrases are counted."""
    max_answers: int = 1
    """Strong hits on a page up to which phrases are offered."""
    min_close_hits: int = 3
    """Hits on a page that are not weak, from which on phrases are offered: other papers are on different subjects."""
    max_query_words: int = 20
    """Words of a question; a longer one has enough of them."""
    max_phrases: int = 5
    """Phrases that are offered."""
    min_papers: int = 5
    """Nearest papers that contain a phrase."""
    max_word_share: float = 0.003
    """Share of the index that may contain a phrase of one word."""
    max_rarest_share: float = 0.05
    """Share of the index that may contain the rarest word of a longer phrase."""
    min_lift: float = 5.0
    """Share of the nearest papers with a phrase over the share of the index with it; matters in small indexes only."""
    whole_share: float = 0.6
    """Share of the papers with a shorter phrase that also contain the longer one, from which on only that counts."""


RELATED_TUNING = RelatedTuning()


def related_refinements(
    index: FilteredIndex,
    parsed: ParsedQuery,
    page: Page,
    nearest: NDArray[np.int64],
    tuning: RelatedTuning = RELATED_TUNING,
) -> Iterator[Refinement]:
    """Yields phrases of the nearest papers as further queries, if few hits are strong.

    Args:
        index: the papers that match the filter.
        parsed: the question.
        page: its answer.
        nearest: (n,) int64, the rows of the nearest papers, best first.
        tuning: how many papers are read, and which phrases are offered.
    """
    words = ranking_words(parsed)
    if len(words.split()) > tuning.max_query_words or not _has_vague_answer(page, tuning):
        return
    papers, snapshot = index.titles_and_abstracts(nearest[: tuning.papers]), index.snapshot
    texts = [f"{title} . {abstract}".lower() for title, abstract in papers]
    known = set(snapshot.lexicon.terms(words))
    for phrase in find_phrases(texts, snapshot.lexicon, len(snapshot.live), known, tuning):
        yield Refinement("related", phrase, replace_ranking_words(parsed, phrase))


def _has_vague_answer(page: Page, tuning: RelatedTuning) -> bool:
    """Returns whether some hits are close, but few of them are strong."""
    close = [hit for hit in page.hits if hit.band != "weak"]
    return (
        page.has_close_match
        and len(close) >= min(tuning.min_close_hits, len(page.hits))
        and sum(hit.band == "strong" for hit in close) <= tuning.max_answers
    )


def find_phrases(
    texts: Sequence[str], lexicon: TextSearch, papers: int, known: set[str], tuning: RelatedTuning = RELATED_TUNING
) -> list[str]:
    """Returns the phrases that distinguish some texts from the index, best first.

    Args:
        texts: texts in lower case.
        lexicon: supplies document frequencies.
        papers: the number of papers in the index.
        known: terms of the query; a phrase needs another one.
        tuning: which phrases are returned, and how many.
    """
    counts, term_of = count_phrases(texts, tuning.min_papers), lexicon.term_by_word
    parts = {word: word.split("-") for word, *others in counts if not others}
    terms = {word: [term_of[part] or part for part in each] for word, each in parts.items()}
    spellings: dict[Phrase, Phrase] = {}
    totals: dict[Phrase, int] = {}
    for phrase in sorted(sorted(counts), key=counts.__getitem__, reverse=True):
        key = tuple(chain.from_iterable(map(terms.__getitem__, phrase)))
        spellings.setdefault(key, phrase)
        totals[key] = totals.get(key, 0) + counts[phrase]
    scored = []
    found = [key for key in _drop_parts(totals, tuning.whole_share) if _may_be_phrase(spellings[key])]
    found = [key for key in found if not known.issuperset(key)]
    lexicon.read_words(part for key in found for word in spellings[key] for part in parts[word])
    for key in found:
        words = spellings[key]
        doc_freq = max(1, min(lexicon.inflected_doc_freq(part) for word in words for part in parts[word]))
        max_share = tuning.max_word_share if len(words) == 1 else tuning.max_rarest_share
        share = min(totals[key] / tuning.papers, 1.0)
        lift = share * papers / doc_freq
        if doc_freq <= max(max_share * papers, tuning.min_papers) and lift >= tuning.min_lift:
            scored.append((share * log(lift), key))
    distinct = _drop_similar(key for _, key in sorted(scored, reverse=True))
    return [" ".join(spellings[key]) for key in islice(distinct, tuning.max_phrases)]


@lru_cache(_CACHED_PHRASES)
def _may_be_phrase(phrase: Phrase) -> bool:
    """Returns whether a phrase may be a term by the words at its ends."""
    first, last = phrase[0], phrase[-1]
    if first in GENERIC_WORDS or (last in GENERIC_WORDS and last not in _HEADS):
        return False
    return min(map(len, phrase)) > 1 and (len(phrase) > 1 or bool(_NOUN.search(first)))


def _drop_parts(counts: Mapping[Phrase, int], whole_share: float) -> list[Phrase]:
    """Returns the phrases without those that occur mostly as parts of a longer one."""
    wholes: dict[Phrase, int] = {}
    for phrase, count in counts.items():
        for part in _parts(phrase):
            wholes[part] = max(wholes.get(part, 0), count)
    return [phrase for phrase, count in counts.items() if wholes.get(phrase, 0) < whole_share * count]


def _parts(phrase: Phrase) -> list[Phrase]:
    """Returns the sequences of terms in a phrase, without the whole."""
    lengths = range(1, len(phrase))
    return [phrase[start : start + length] for length in lengths for start in range(len(phrase) - length + 1)]


def _drop_similar(phrases: Iterable[Phrase]) -> Iterator[Phrase]:
    """Yields the phrases that share at most half of their terms with each one before."""
    kept: list[set[str]] = []
    for phrase in phrases:
        terms = set(phrase)
        if all(2 * len(terms & other) <= min(len(terms), len(other)) for other in kept):
            kept.append(terms)
            yield phrase
