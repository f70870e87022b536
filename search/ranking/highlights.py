"""Why: the words of a question in a paper's title and abstract, and the sentence that answers best."""

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
"""Characters before the end of a sentence in which one is looked for."""


class Highlighter:
    """Marks the words of one question in papers.

    Args:
        weights: of each term of the question, its inverse document frequency.
        term_of: what each word is looked up as, None for a stop word.
    """

    def __init__(self, weights: Mapping[str, float], term_of: Mapping[str, str | None]) -> None:
        self._weights, self._term_of = weights, term_of

    def highlight(self, paper: Paper) -> Highlights:
        """Where the paper answers.

        The best sentence is the one whose different terms weigh most together, as in the extracts of Luhn ("The
        automatic creation of literature abstracts", 1958); of equal ones the first.
        """
        abstract = paper.abstract or ""
        found = self._find_terms(abstract)
        return Highlights(
            tuple(self._find_terms(paper.title or "")), tuple(found), self._best_sentence(abstract, found)
        )

    def _find_terms(self, text: str) -> dict[Span, str]:
        term_of, weights = self._term_of, self._weights
        return {
            Span(*match.span()): term
            for match in WORD.finditer(text)
            if (term := term_of[match[0]]) and term in weights
        }

    def _best_sentence(self, text: str, found: Mapping[Span, str]) -> Span | None:
        best, most = None, 0.0
        for sentence in split_sentences(text) if found else ():
            held = {term for span, term in found.items() if sentence.start <= span.start < sentence.end}
            weight = sum(self._weights[term] for term in held)
            if weight > most:
                best, most = sentence, weight
        return best


def split_sentences(text: str) -> list[Span]:
    """The sentences of a text, without the space between them."""
    spans, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text, max(start, match.start() - _MAX_ABBREVIATION_CHARACTERS), match.start()):
            spans.append(Span(start, match.end(1)))  # with what closes after its point
            start = match.end()
    return [*spans, Span(start, len(text))] if text[start:].strip() else spans
