"""Highlights: the query words in the title and abstract of a paper, and the sentence that matches best."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, islice, starmap
from math import fsum
from operator import itemgetter

from search.index.analysis import Terms, find_pieces, initials_of, split_at_units
from search.papers.page_text import find_page_text
from search.papers.paper import Paper
from search.query.hit import Highlights, Span

_SENTENCE_END = re.compile(r"[.!?]([\"')\]]*)\s+(?=[\"'(\[]*[A-Z0-9\\$])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|et al|Fig|Figs|Eq|Eqs|Sec|Ref|Refs|No|Dr|St|approx|resp)|\b[A-Z])\.$"
)

_LETTER_BEFORE = re.compile(r"[^\W\d_][.'’]")
_LETTER_AFTER = re.compile(r"[.'’][^\W\d_](?![^\W\d_])")

_MAX_ABBREVIATION_CHARACTERS = 8
"""Characters before a possible end of sentence that are searched for an abbreviation."""
_Place = tuple[int, int, str]
"""Start and end of a word in a text, and the query term that it is."""


class Highlighter:
    """Finds the words of one query in papers.

    Args:
        weights: inverse document frequency of each query term.
        terms_of: the terms of each unit of a text (``search.index.analysis``).
    """

    def __init__(self, weights: Mapping[str, float], terms_of: Mapping[str, Terms]) -> None:
        self._weights = weights
        self._terms_of = terms_of
        self._initials = initials_of(weights)
        self._analyzed: set[str] = set()
        self._places_by_unit: dict[str, list[_Place]] = {}

    def highlight(self, paper: Paper) -> Highlights:
        """Returns the positions of the query words in a paper, and its best sentence.

        The best sentence is the one whose distinct query terms have the highest total weight, as in the extracts of
        Luhn ("The automatic creation of literature abstracts", 1958); of several, the first.
        """
        abstract = paper.abstract or ""
        found = self._find_terms(abstract)
        return Highlights(
            _merge(self._find_terms(paper.title or "")), _merge(found), self._best_sentence(abstract, found)
        )

    def _find_terms(self, text: str) -> list[_Place]:
        """Returns the places of the query terms in a text; places may overlap."""
        parts = split_at_units(text)
        units, starts = parts[1::2], islice(accumulate(map(len, parts)), 0, None, 2)
        new = set(units).difference(self._analyzed)
        self._analyzed |= new
        self._analyze(new)
        places = self._places_by_unit
        found = (
            (start + first, start + end, term)
            for unit, start in zip(units, starts, strict=False)
            if unit in places
            for first, end, term in places[unit]
        )
        return [place for place in found if not _is_part_of_abbreviation(text, place[0], place[1])]

    def _analyze(self, units: Iterable[str]) -> None:
        """Finds the places of the query terms in some units; most have none, and of most the first letter tells."""
        terms_of, lacks, initials = self._terms_of, self._weights.keys().isdisjoint, self._initials
        for unit in [each for each in units if each[0] in initials or not (each.isalnum() and each.isascii())]:
            terms = terms_of[unit]
            if not (lacks(terms.ranked) and lacks(terms.unordered)):
                self._places_by_unit[unit] = self._find_in_unit(unit)

    def _find_in_unit(self, unit: str) -> list[_Place]:
        found = []
        for start, end, piece in find_pieces(unit):
            terms = self._terms_of[piece]
            term = next((term for term in terms.ranked or terms.unordered if term in self._weights), None)
            if term:
                found.append((start, end, term))
        return found

    def _best_sentence(self, text: str, found: Sequence[_Place]) -> Span | None:
        best, best_weight = None, 0.0
        for sentence in split_sentences(text) if found else ():
            distinct = {term for start, _, term in found if sentence.start <= start < sentence.end}
            weight = fsum(self._weights[term] for term in distinct)  # in any order, so that equal sums are equal
            if weight > best_weight:
                best, best_weight = sentence, weight
        return best


def _is_part_of_abbreviation(text: str, start: int, end: int) -> bool:
    """Whether a word is a letter of an abbreviation with points, such as i.e., or of a contraction, such as it's."""
    if end - start > 1 or not text[start:end].isascii() or text[start:end].isdigit():
        return False
    return bool(_LETTER_BEFORE.fullmatch(text[max(start - 2, 0) : start]) or _LETTER_AFTER.match(text, end))


def _merge(found: Iterable[_Place]) -> tuple[Span, ...]:
    """Returns the places in order, those that overlap or touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end, _ in sorted(found, key=itemgetter(0)):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return tuple(starmap(Span, merged))


def split_sentences(text: str) -> list[Span]:
    """Splits an abstract into sentences, without the space between them and the text of a page around them."""
    spans, position = [], 0
    for start, end in (*find_page_text(text), (len(text), len(text))):
        spans += _split_part(text, position, start)
        position = end
    return spans


def _split_part(text: str, start: int, end: int) -> list[Span]:
    spans = []
    start = end - len(text[start:end].lstrip())
    for match in _SENTENCE_END.finditer(text, start, end):
        stop = match.start() + 1
        if not _ABBREVIATION.search(text, max(start, stop - _MAX_ABBREVIATION_CHARACTERS), stop):
            spans.append(Span(start, match.end(1)))  # includes closing quotes and brackets after the full stop
            start = match.end()
    return [*spans, Span(start, end)] if text[start:end].strip() else spans
