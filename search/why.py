"""Why: the words of a question in a paper's title and abstract, and the sentence that answers best."""

import re
from collections.abc import Callable, Collection, Mapping

from search.paper import Paper
from search.query import Span, Why

_WORD = re.compile(r"[^\W_]+")
_END = re.compile(r"(?<=[.!?])([\"')\]]*)\s+(?=[\"'(\[]*[A-Z0-9\\$])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|et al|Fig|Figs|Eq|Eqs|Sec|Ref|Refs|No|Dr|St|approx|resp)|\b[A-Z])\.$"
)


def why(paper: Paper, weights: Mapping[str, float], term: Callable[[str], str | None]) -> Why:
    """Marks the words of a question.

    The best sentence is the one whose different terms weigh most together, as in the extracts of Luhn ("The automatic
    creation of literature abstracts", 1958); of equal ones the first.

    Args:
        weights: of each term of the question, its inverse document frequency. term: of a word, None for a stop word.
    """
    found = {"title": _found(paper.title or "", weights, term), "abstract": _found(paper.abstract or "", weights, term)}
    sentence = _best(paper.abstract or "", found["abstract"], weights)
    return Why(tuple(found["title"]), tuple(found["abstract"]), sentence)


def _found(text: str, terms: Collection[str], term: Callable[[str], str | None]) -> dict[Span, str]:
    known: dict[str, str | None] = {}
    found = {}
    for match in _WORD.finditer(text):
        word = match[0]
        if word not in known:
            known[word] = term(word)
        if (stem := known[word]) in terms and stem:
            found[Span(*match.span())] = stem
    return found


def _best(text: str, found: Mapping[Span, str], weights: Mapping[str, float]) -> Span | None:
    best, most = None, 0.0
    for sentence in sentences(text):
        held = {stem for span, stem in found.items() if sentence.start <= span.start < sentence.end}
        weight = sum(weights[stem] for stem in held)
        if weight > most:
            best, most = sentence, weight
    return best


def sentences(text: str) -> list[Span]:
    """The sentences of a text, without the space between them."""
    spans, start = [], 0
    for match in _END.finditer(text):
        if not _ABBREVIATED.search(text, start, match.start()):
            spans.append(Span(start, match.end(1)))  # with what closes after its point
            start = match.end()
    return [*spans, Span(start, len(text))] if text[start:].strip() else spans
