"""Highlights: the query words in the title and abstract of a paper, and the sentence that matches best."""

import re
from collections.abc import Mapping

from search.papers.paper import Paper
from search.papers.words import WORD
from search.query.page import Highlights, Span

_SENTENCE_END = re.compile(r"(?<=[.!?])([\"')\]]*)\s+(?=[\"'(\[]*[A-Z0-9\\$])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|et al|Fig|Figs|Eq|Eqs|Sec|Ref|Refs|No|Dr|St|approx|resp)|\b[A-Z])\.$"
)

_MAX_ABBREVIATION_CHARACTERS = 8
"""Characters before a possible end of sentence that are searched for an abbreviation."""


class Highlighter:
    """Finds the words of one query in papers.

    Args:
        weights: inverse document frequency of each query term.
        term_of: the term of each word; None for a stop word.
    """

    def __init__(self, weights: Mapping[str, float], term_of: Mapping[str, str | None]) -> None:
        self._weights = weights
        self._term_of = term_of

    def highlight(self, paper: Paper) -> Highlights:
        """Returns the positions of the query words in a paper, and its best sentence.

        The best sentence is the one whose distinct query terms have the highest total weight, as in the extracts of
        Luhn ("The automatic creation of literature abstracts", 1958); of several, the first.
        """
        abstract = paper.abstract or ""
        terms = self._find_terms(abstract)
        return Highlights(
            tuple(self._find_terms(paper.title or "")), tuple(terms), self._best_sentence(abstract, terms)
        )

    def _find_terms(self, text: str) -> dict[Span, str]:
        term_of, weights = self._term_of, self._weights
        return {
            Span(*match.span()): term
            for match in WORD.finditer(text)
            if (term := term_of[match[0]]) and term in weights
        }

    def _best_sentence(self, text: str, terms: Mapping[Span, str]) -> Span | None:
        best, best_weight = None, 0.0
        for sentence in split_sentences(text) if terms else ():
            distinct = {term for span, term in terms.items() if sentence.start <= span.start < sentence.end}
            weight = sum(self._weights[term] for term in distinct)
            if weight > best_weight:
                best, best_weight = sentence, weight
        return best


def split_sentences(text: str) -> list[Span]:
    """Splits a text into sentences, without the space between them."""
    spans, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text, max(start, match.start() - _MAX_ABBREVIATION_CHARACTERS), match.start()):
            spans.append(Span(start, match.end(1)))  # includes closing quotes and brackets after the full stop
            start = match.end()
    return [*spans, Span(start, len(text))] if text[start:].strip() else spans
