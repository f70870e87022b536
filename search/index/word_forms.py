"""WordForms: the forms of a query's words that the papers of one index use.

Terms (``search.index.analysis``) are equal for most forms of a word. The others are decided here, by what papers
contain: an acronym in the plural that a query has in lower case, where it looks like any word; and words that are
written apart or as one, such as ``data set`` and ``dataset``. Since ``net work`` is no other form of ``network``, two
words are a form of one only if they are not much rarer side by side.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations, islice, pairwise

from search.index.analysis import Analyzer, find_units, find_words, join_compound
from search.language.stop_words import STOP_WORDS
from search.language.tokens import OPERATORS
from search.weak_methods import weak_method

STOP_WORD_MARK = " "
"""Precedes a stop word among the terms to rank by, to distinguish it from the stem of another word."""
ALTERNATIVE_MARK = "|"
"""Separates two forms of an acronym that rank as one term; no term has a bar."""
_MAX_ACRONYMS = 2
"""Stop words in capitals, without any other word, that are acronyms; more of them are a sentence in capitals."""
_STOP_WORDS = frozenset(STOP_WORDS)
_MIN_WORD_LENGTH = 4
"""Characters from which a word may be two."""
_MIN_LAST_LENGTH = 2
"""Characters of the second of these; a single one is mostly a genitive or a plural."""
_MIN_FORM_SHARE = 0.01
"""Papers with two words side by side per paper with the one word, from which on these are forms of each other. Of a
word and a chance pair, such as ``network`` and ``net work``, it is far smaller."""
_MIN_CHANCE_SHARE = 0.05
"""Papers with two words side by side per paper with the rarer of them, from which on a word that no paper has is these
two. A misspelt word may by chance be two words that are next to each other somewhere, such as ``apply IG``."""
_GENITIVE = "s"
"""What follows the apostrophe of a genitive, which is no first half of a word."""
_HANGUL = re.compile(r"[\uac00-\ud7a3]+")
"""Matches a Korean word. Papers and queries write compounds with and without spaces."""
_MAX_KOREAN_SPACES = 2
"""Spaces in the spellings of a Korean compound that are looked up."""
_MAX_SEQUENCES = 16
"""Forms of a phrase that are looked up."""
_CACHED_WORDS = 10_000
"""Words whose forms are cached."""
_ACRONYM_PLURAL = re.compile("[b-df-hj-np-tv-xz]{2,}[aeiou]?s")
"""Matches an acronym in the plural whose s the stemmer keeps, such as llms and gpus, and few words."""

_LONG_ACRONYM = re.compile("[b-df-hj-np-tv-xz]{3,}s", re.IGNORECASE)
"""Matches llms and LLMS, but not GPS and CMS: of short acronyms, many end in s."""
_MAX_ACRONYM_RATIO = 10
"""Papers with an acronym per paper with its plural in small letters or capitals, up to which they
rank as one term; where the plural is rarer, its weight would be too different."""


class WordForms:
    """Finds the forms of words in one index.

    Args:
        analyzer: the terms by word.
        doc_freq: returns the document frequency of a term.
        written_freq: returns the document frequency of a word as written, in lower case and not stemmed.
        count_phrase: returns the number of papers with terms side by side in the title or the abstract.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        doc_freq: Callable[[str], int],
        written_freq: Callable[[str], int],
        count_phrase: Callable[[Sequence[str]], int],
    ) -> None:
        self._analyzer = analyzer
        self._doc_freq = doc_freq
        self._written_freq = written_freq
        self._count_phrase = count_phrase
        self._written_apart = lru_cache(_CACHED_WORDS)(weak_method(self._find_written_apart))

    def ranking_terms(self, text: str) -> list[str]:
        """Returns the terms of a text to rank by, one per occurrence.

        A compound also has the term of its words as one, if papers write it so. An operator in capitals is no acronym.
        If the text has only stop words, these are what the user asks for; each follows ``STOP_WORD_MARK``.
        """
        terms: list[str] = []
        acronyms: list[str] = []
        for unit in find_units(text):
            words = find_words(unit)
            for word in words:
                found = self._analyzer[word]
                terms += self._ranked(word, found.ranked)
                if not found.ranked and word not in OPERATORS:
                    acronyms += found.unordered
            if (joined := join_compound(words)) and self._is_written_as_one(joined):
                terms += self._analyzer[joined].ranked
        if not terms and (not acronyms or text.isupper()):
            ordered = [term for unit in find_units(text) for term in self._analyzer[unit].ordered]
            if not acronyms or len(ordered) > _MAX_ACRONYMS:
                return [STOP_WORD_MARK + term for term in ordered]
        return terms if terms and text.isupper() else terms + acronyms

    def required_units(self, text: str) -> list[str]:
        """Returns the units of a text that a paper has to contain: all but stop words, unless there are no others."""
        units = find_units(text)
        ranked = [unit for unit in units if self._analyzer[unit].ranked]
        if ranked and text.isupper():
            return ranked
        return [unit for unit in units if self._analyzer[unit].ranked or self._analyzer[unit].unordered] or units

    def terms(self, word: str) -> list[str]:
        """Returns the terms that a paper may contain for a word with one term that ranks; the usual one first."""
        (term,) = self._analyzer[word].ranked
        singular = self._singular(word, term)
        plural = f"{singular}s"
        is_plural = 0 < 2 * self._doc_freq(plural) < self._written_freq(plural) or self._is_plural(singular, plural)
        return list(dict.fromkeys([singular, term, *([plural] if is_plural else [])]))

    def sequences(self, units: Sequence[str]) -> list[list[str]]:
        """Returns the sequences of words that are forms of a phrase; the first is the phrase itself."""
        words = [word for unit in units for word in find_words(unit)]
        return list(islice(self._find_sequences(units, words), _MAX_SEQUENCES))

    def _find_sequences(self, units: Sequence[str], words: list[str]) -> Iterator[list[str]]:
        yield words
        if all(map(_HANGUL.fullmatch, words)):
            yield from (parts for parts in _korean_spellings("".join(words)) if parts != words)
            return
        compounds = {joined for unit in units if (joined := join_compound(find_words(unit)))}
        for place, pair in enumerate(pairwise(words)):
            joined = "".join(pair)
            if joined in compounds or self._are_written_as_one(*pair):
                yield [*words[:place], joined, *words[place + 2 :]]
        for place, word in enumerate(words):
            for parts in self._written_apart(word):
                yield [*words[:place], *parts, *words[place + 1 :]]

    def _ranked(self, word: str, terms: Sequence[str]) -> Sequence[str]:
        """Returns the terms of a word to rank by; those of two words if papers write it only so."""
        if len(terms) != 1:
            return terms
        term = self._singular(word, terms[0])
        if not self._doc_freq(term):
            for parts in self._written_apart(word):
                return [each for part in parts for each in self._analyzer[part].ranked]
        return (f"{term}{ALTERNATIVE_MARK}{term}s" if self._is_plural(term, f"{term}s") else term,)

    def _singular(self, word: str, term: str) -> str:
        """Returns the term of an acronym that the query may have in the plural, in lower case or in capitals.

        Papers with the acronym in the plural contain the word, but not its term. They must be at least half of those
        with the word: gps is rather GPS than several GPs. In capitals, only a long acronym can be in the plural.
        """
        singular, is_long = term[:-1], _LONG_ACRONYM.fullmatch(word)
        if not (term == word or (is_long and term == word.casefold())):
            return term
        if not term.endswith("s") or not self._doc_freq(singular):
            return term
        papers, written = self._doc_freq(term), self._written_freq(term)
        is_plural = 2 * papers <= written if written else bool(_ACRONYM_PLURAL.fullmatch(term))
        return singular if is_plural or self._is_plural(singular, term) else term

    def _is_plural(self, singular: str, plural: str) -> bool:
        """Returns whether a term that papers have in small letters or in capitals is the plural of a long acronym."""
        if not _LONG_ACRONYM.fullmatch(plural):
            return False
        return 0 < self._doc_freq(plural) <= self._doc_freq(singular) <= _MAX_ACRONYM_RATIO * self._doc_freq(plural)

    def _is_written_as_one(self, joined: str) -> bool:
        """Returns whether papers write a compound as one word, and not only by accident."""
        terms = self._analyzer[joined].ranked
        written = self._written_freq(joined.casefold())
        return len(terms) == 1 and written > 0 and written >= _MIN_FORM_SHARE * self._doc_freq(terms[0])

    def _are_written_as_one(self, one: str, other: str) -> bool:
        """Returns whether a word of the index is another form of two words."""
        terms = [*self._analyzer[one].ranked, *self._analyzer[other].ranked]
        joined = one + other
        if len(terms) != 2 or not joined.isalnum() or not self._written_freq(joined.casefold()):
            return False
        return self._is_frequent(terms, joined) or not self._count_side_by_side(terms)

    def _find_written_apart(self, word: str) -> tuple[tuple[str, str], ...]:
        """Returns the pairs of words that are another form of a word."""
        if len(word) < _MIN_WORD_LENGTH or not (word.isascii() and word.isalnum()):
            return ()
        places = range(1, len(word) - _MIN_LAST_LENGTH + 1)
        pairs = ((word[:place], word[place:]) for place in places)
        return tuple(pair for pair in pairs if self._is_written_apart(*pair))

    def _is_written_apart(self, one: str, other: str) -> bool:
        """Returns whether two words are another form of the one that they make up."""
        terms = [*self._analyzer[one].ranked, *self._analyzer[other].ranked]
        if len(terms) != 2 or one == _GENITIVE or not _STOP_WORDS.isdisjoint(terms):
            return False
        return all(map(self._doc_freq, terms)) and self._is_frequent(terms, one + other)

    def _is_frequent(self, terms: Sequence[str], joined: str) -> bool:
        """Returns whether two terms are side by side in enough papers to be another form of a word."""
        (term,) = self._analyzer[joined].ordered
        if known := self._doc_freq(term):
            return self._count_side_by_side(terms, _MIN_FORM_SHARE * known) > 0
        return self._count_side_by_side(terms, _MIN_CHANCE_SHARE * min(map(self._doc_freq, terms))) > 0

    def _count_side_by_side(self, terms: Sequence[str], least: float = 0) -> int:
        """Returns the number of papers with terms side by side; 0 if they are fewer than ``least``.

        No more papers have both terms than have the rarer one, so that most pairs are not counted.
        """
        is_bounded = _STOP_WORDS.isdisjoint(terms) and all(map(str.isascii, terms))
        if is_bounded and min(map(self._doc_freq, terms)) < max(least, 1):
            return 0
        papers = self._count_phrase(terms)
        return papers if papers >= least else 0


def _korean_spellings(compound: str) -> Iterator[list[str]]:
    """Yields the spellings of a Korean compound with few spaces, those with fewest first.

    Only the first part may be a single character: other ones are mostly particles, or the start of another word.
    """
    for spaces in range(_MAX_KOREAN_SPACES + 1):
        for places in combinations(range(1, len(compound) - 1), spaces):
            parts = [compound[start:end] for start, end in pairwise((0, *places, len(compound)))]
            if all(len(part) > 1 for part in parts[1:]):
                yield parts
