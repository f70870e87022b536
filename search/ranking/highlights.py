"""Highlights: the query words in the title and abstract of a paper, and the sentence that matches best."""

import re
from collections.abc import Iterable, Mapping, Sequence

from search.index.analysis import Terms, find_pieces, match_units
from search.papers.page_text import find_page_text
from search.papers.paper import Paper
from search.query.hit import Highlights, Span

_SENTENCE_END = re.compile(r"(?<=[.!?])([\"')\]]*)\s+(?=[\"'(\[]*[A-Z0-9\\$])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|et al|Fig|Figs|Eq|Eqs|Sec|Ref|Refs|No|Dr|St|approx|resp)|\b[A-Z])\.$"
)

_LETTER_BEFORE = re.compile(r"[^\W\d_][.'’]")
_LETTER_AFTER = re.compile(r"[.'’][^\W\d_](?![^\W\d_])")

_MAX_ABBREVIATION_CHARACTERS = 8
"""Characters before a possible end of sentence that are searched for an abbreviation."""


class Highlighter:
    """Finds the words of one query in papers.

    Args:
        weights: inverse document frequency of each query term.
        terms_of: the terms of each unit of a text (``search.index.analysis``).
    """

    def __init__(self, weights: Mapping[str, float], terms_of: Mapping[str, Terms]) -> None:
        self._weights = weights
        self._terms_of = terms_of

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

    def _find_terms(self, text: str) -> list[tuple[Span, str]]:
        """Returns the places of the query terms in a text; places may overlap."""
        terms_of, weights = self._terms_of, self._weights
        found = []
        for match in match_units(text):
            terms, start = terms_of[match[0]], match.start()
            if weights.keys().isdisjoint(terms.ranked) and weights.keys().isdisjoint(terms.unordered):
                continue
            for first, end, piece in find_pieces(match[0]):
                of_piece = terms_of[piece]
                term = next((term for term in of_piece.ranked or of_piece.unordered if term in weights), None)
                if term and not _is_part_of_abbreviation(text, start + first, start + end):
                    found.append((Span(start + first, start + end), term))
        return found

    def _best_sentence(self, text: str, found: Sequence[tuple[Span, str]]) -> Span | None:
        best, best_weight = None, 0.0
        for sentence in split_sentences(text) if found else ():
            distinct = {term for span, term in found if sentence.start <= span.start < sentence.end}
            weight = sum(self._weights[term] for term in distinct)
            if weight > best_weight:
                best, best_weight = sentence, weight
        return best


def _is_part_of_abbreviation(text: str, start: int, end: int) -> bool:
    """Whether a word is a letter of an abbreviation with points, such as i.e., or of a contraction, such as it's."""
    if end - start > 1 or not text[start:end].isascii() or text[start:end].isdigit():
        return False
    return bool(_LETTER_BEFORE.fullmatch(text[max(start - 2, 0) : start]) or _LETTER_AFTER.match(text, end))


def _merge(found: Iterable[tuple[Span, str]]) -> tuple[Span, ...]:
    """Returns the places in order, those that overlap or touch as one."""
    merged: list[Span] = []
    for span in sorted((span for span, _ in found), key=lambda span: span.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


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
        if not _ABBREVIATION.search(text, max(start, match.start() - _MAX_ABBREVIATION_CHARACTERS), match.start()):
            spans.append(Span(start, match.end(1)))  # includes closing quotes and brackets after the full stop
            start = match.end()
    return [*spans, Span(start, end)] if text[start:end].strip() else spans
