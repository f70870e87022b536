"""Highlights: the query words in the title and abstract of a paper, and the sentence that matches best."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import accumulate, pairwise, starmap
from math import fsum
from operator import itemgetter

from search.index.analysis import Terms, beginning_of, find_pieces, find_units_between
from search.papers.page_text import find_page_text
from search.papers.paper import Paper
from search.query.hit import Highlights, Span

_NO_ABBREVIATION = (
    r"(?<!\b[A-Z]\.)(?<!\b(?:cf|vs|Eq|No|Dr|St)\.)(?<!\b(?:e\.g|i\.e|Fig|Eqs|Sec|Ref)\.)"
    r"(?<!\b(?:Figs|Refs|resp)\.)(?<!\bet al\.)(?<!\bapprox\.)"
)
_SENTENCE_END = re.compile(rf"[.!?]{_NO_ABBREVIATION}([\"')\]]*)\s+(?=[\"'(\[]*[A-Z0-9\\$])")

_LETTER_BEFORE = re.compile(r"[^\W\d_][.'’]")
_LETTER_AFTER = re.compile(r"[.'’][^\W\d_](?![^\W\d_])")

_WORDS = bytes(ord(chr(code).lower()) if chr(code).isalnum() and code < 128 else ord(" ") for code in range(256))
"""A table for ``bytes.translate`` that leaves letters and digits, in small letters, and spaces between words."""
_NO_ASCII = re.compile(r"[^\x00-\x7f]+")
_ASCII = frozenset(map(chr, range(128)))
_APART_BEFORE = _ASCII - set("-$.")
"""What is before a word that is a unit of its own."""
_APART_AFTER = _ASCII - set("-$+#")
"""What is after it."""
_Place = tuple[int, int, str]
"""Start and end of a word in a text, and the query term that it is."""


class Highlighter:
    """Finds the words of one query in papers.

    Words begin as their terms do, so that a text is searched for the beginnings of the query terms, and only what is
    found is analyzed. What has characters beyond ASCII may have any term and is analyzed always.

    Args:
        weights: inverse document frequency of each query term.
        terms_of: the terms of each unit of a text (``search.index.analysis``).
    """

    def __init__(self, weights: Mapping[str, float], terms_of: Mapping[str, Terms]) -> None:
        self._weights = weights
        self._terms_of = terms_of
        beginnings = {beginning_of(term) for term in weights if term.isascii()}
        self._parts = frozenset(each[:end].encode() for each in beginnings for end in range(1, len(each)))
        self._beginnings = [b" " + each.encode().translate(_WORDS).lstrip() for each in beginnings]
        self._places_of = cache(self._find_in_unit)

    def highlight(self, papers: Sequence[Paper]) -> list[Highlights]:
        """Returns the positions of the query words in each paper, and its best sentence.

        The best sentence is the one whose distinct query terms have the highest total weight, as in the extracts of
        Luhn ("The automatic creation of literature abstracts", 1958); of several, the first.
        """
        texts = [text or "" for paper in papers for text in (paper.title, paper.abstract)]
        places = self._find_places(texts)
        return [
            Highlights(_merge(title), _merge(abstract), self._best_sentence(text, abstract))
            for title, abstract, text in zip(places[::2], places[1::2], texts[1::2], strict=True)
        ]

    def _find_places(self, texts: Sequence[str]) -> list[list[_Place]]:
        """Returns the places of the query terms in each text, in order; places may overlap."""
        starts = list(accumulate((len(text) + 1 for text in texts), initial=1))
        found = self._find_in_text(f" {' '.join(texts)} ")
        ends = [bisect_left(found, start, key=itemgetter(0)) for start in starts]
        return [
            [(first - start, last - start, term) for first, last, term in found[begin:end]]
            for start, (begin, end) in zip(starts, pairwise(ends), strict=False)
        ]

    def _find_in_text(self, text: str) -> list[_Place]:
        """Returns the places of the query terms in a text that begins and ends with a space, in order."""
        words = text.encode("ascii", "replace").translate(_WORDS)
        found: list[_Place] = []
        done = 1
        for place in self._find_beginnings(text, words):
            if place < done:
                continue
            end = words.find(b" ", place)
            units: Iterable[tuple[int, str]] = ((place, text[place:end]),)
            if end == place or not (text[place - 1] in _APART_BEFORE and text[end] in _APART_AFTER):
                start, end = max(text.rfind(" ", 0, place) + 1, done), text.find(" ", place)
                units = find_units_between(text, start, end)  # it may be a part of a unit, which has no space in it
            done = end
            for start, unit in units:
                for first, last, term in self._places_of(unit):
                    if last - first > 1 or not _is_part_of_abbreviation(text, start + first, start + last):
                        found.append((start + first, start + last, term))
        return sorted(found, key=itemgetter(0))

    def _find_beginnings(self, text: str, words: bytes) -> list[int]:
        """Returns where units that may have a query term begin, or parts of such units, ascending."""
        found = []
        for beginning in self._beginnings:
            place = words.find(beginning)
            while place >= 0:
                found.append(place + 1)
                place = words.find(beginning, place + 1)
        place = text.find("-")
        while place >= 0:  # the words around it may be one term
            end = place - (text[place - 1] == "$")
            start = words.rfind(b" ", 0, end) + 1
            if words[start:end] in self._parts:
                found.append(start)
            place = text.find("-", place + 1)
        if not text.isascii():
            found += [match.start() for match in _NO_ASCII.finditer(text)]
        found.sort()
        return found

    def _find_in_unit(self, unit: str) -> Sequence[_Place]:
        """Returns the places of the query terms in a unit."""
        terms, lacks = self._terms_of[unit], self._weights.keys().isdisjoint
        if lacks(terms.ranked) and lacks(terms.unordered):
            return ()
        pieces = ((start, end, self._term_of(piece)) for start, end, piece in find_pieces(unit))
        return [(start, end, term) for start, end, term in pieces if term]

    def _term_of(self, word: str) -> str | None:
        """Returns the query term that a word is, if any."""
        terms = self._terms_of[word]
        for term in terms.ranked or terms.unordered:
            if term in self._weights:
                return term
        return None

    def _best_sentence(self, text: str, found: Sequence[_Place]) -> Span | None:
        best, best_weight, place = None, 0.0, 0
        for start, end in _find_sentences(text) if found else ():
            distinct = set()
            while place < len(found) and found[place][0] < end:
                if found[place][0] >= start:
                    distinct.add(found[place][2])
                place += 1
            weight = fsum(map(self._weights.__getitem__, distinct))  # in any order, so that equal sums are equal
            if weight > best_weight:
                best, best_weight = (start, end), weight
        return Span(*best) if best else None


def _is_part_of_abbreviation(text: str, start: int, end: int) -> bool:
    """Whether a letter is part of an abbreviation with points, such as i.e., or of a contraction, such as it's."""
    if not text[start:end].isascii() or text[start:end].isdigit():
        return False
    return bool(_LETTER_BEFORE.fullmatch(text[max(start - 2, 0) : start]) or _LETTER_AFTER.match(text, end))


def _merge(found: Iterable[_Place]) -> tuple[Span, ...]:
    """Returns the places, which are in order, those that overlap or touch as one."""
    merged: list[tuple[int, int]] = []
    for start, end, _ in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return tuple(starmap(Span, merged))


def split_sentences(text: str) -> list[Span]:
    """Splits an abstract into sentences, without the space between them and the text of a page around them."""
    return list(starmap(Span, _find_sentences(text)))


def _find_sentences(text: str) -> list[tuple[int, int]]:
    """Returns start and end of each sentence."""
    spans, position = [], 0
    for start, end in (*find_page_text(text), (len(text), len(text))):
        spans += _split_part(text, position, start)
        position = end
    return spans


def _split_part(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans = []
    start = end - len(text[start:end].lstrip())
    for match in _SENTENCE_END.finditer(text, start, end):
        spans.append((start, match.end(1)))  # includes closing quotes and brackets after the full stop
        start = match.end()
    return [*spans, (start, end)] if text[start:end].strip() else spans
