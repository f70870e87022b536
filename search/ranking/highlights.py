"""Why: the words of a question in a paper's title and abstract, and the sentence that answers best."""

import re
from collections.abc import Mapping

from search.papers.paper import Paper
from search.query.page import Span, Why

_WORD = re.compile(r"[^\W_]+")
_END = re.compile(r"(?<=[.!?])([\"')\]]*)\s+(?=[\"'(\[]*[A-Z0-9\\$])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|et al|Fig|Figs|Eq|Eqs|Sec|Ref|Refs|No|Dr|St|approx|resp)|\b[A-Z])\.$"
)

_LONGEST_ABBREVIATION = 8
"""Characters before the end of a sentence in which one is looked for."""


class Marker:
    """Marks the words of one question in papers.

    Args:
        weights: of each term of the question, its inverse document frequency.
        term_of: what each word is looked up as, None for a stop word.
    """

    def __init__(self, weights: Mapping[str, float], term_of: Mapping[str, str | None]) -> None:
        self._weights, self._term_of = weights, term_of

    def why(self, paper: Paper) -> Why:
        """Where the paper answers.

        The best sentence is the one whose different terms weigh most together, as in the extracts of Luhn ("The
        automatic creation of literature abstracts", 1958); of equal ones the first.
        """
        abstract = paper.abstract or ""
        found = self._found(abstract)
        return Why(tuple(self._found(paper.title or "")), tuple(found), self._best(abstract, found))

    def _found(self, text: str) -> dict[Span, str]:
        term_of, weights = self._term_of, self._weights
        return {
            Span(*match.span()): term
            for match in _WORD.finditer(text)
            if (term := term_of[match[0]]) and term in weights
        }

    def _best(self, text: str, found: Mapping[Span, str]) -> Span | None:
        best, most = None, 0.0
        for sentence in sentences(text) if found else ():
            held = {term for span, term in found.items() if sentence.start <= span.start < sentence.end}
            weight = sum(self._weights[term] for term in held)
            if weight > most:
                best, most = sentence, weight
        return best


def sentences(text: str) -> list[Span]:
    """The sentences of a text, without the space between them."""
    spans, start = [], 0
    for match in _END.finditer(text):
        if not _ABBREVIATED.search(text, max(start, match.start() - _LONGEST_ABBREVIATION), match.start()):
            spans.append(Span(start, match.end(1)))  # with what closes after its point
            start = match.end()
    return [*spans, Span(start, len(text))] if text[start:].strip() else spans
