"""A person whose full name is the whole question, stands in it after "by", or beside words without capitals."""

import re
from collections import Counter
from collections.abc import Iterator

from search.index.backend import Backend
from search.language.parser import ParsedQuery
from search.language.removable_parts import ranking_words, replace_ranking_words
from search.papers.folding import fold
from search.papers.names import MAX_NAME_LENGTH
from search.query.condition import Author
from search.query.refinement import Refinement
from search.ranking.facets import top_counts
from search.refinements.phrases import count_phrase

_MAX_SPELLINGS = 200
"""Spellings of a name that are compared with the words."""
_WORK = r"(?:papers?|publications?|articles?|works?|research|preprints?)"
_NAME = r"([^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*){1,3})"
_WHOLE = re.compile(rf"(?:(?:the )?{_WORK} (?:by|of|from) |author:? )?{_NAME}(?:['’]s?)?(?: {_WORK})?", re.IGNORECASE)
_CAPITALIZED = r"[A-Z][\w'’-]*[a-z]"
_BESIDE_WORDS = (
    re.compile(rf"(?P<name>{_CAPITALIZED} (?:[A-Z]\.? )?{_CAPITALIZED}) (?P<rest>[a-z].*)"),
    re.compile(rf"(?P<rest>.*[a-z]) (?P<name>{_CAPITALIZED} (?:[A-Z]\.? )?{_CAPITALIZED})"),
)
"""A name in capitals before or after words that are not."""
_AFTER_BY = re.compile(rf"(.+?)(?: {_WORK})? by {_NAME}", re.IGNORECASE)


def author_refinements(snapshot: Backend, parsed: ParsedQuery) -> Iterator[Refinement]:
    """Yields the papers of the person whom a question names in full, given names included.

    More papers must be by the person than mention the words, so that "Gaussian process" stays a subject even if someone
    has this name.

    Args:
        snapshot: the generation that answers.
        parsed: the question.
    """
    words = ranking_words(parsed)
    for name, rest in _candidates(words):
        if len(name) <= MAX_NAME_LENGTH and (spelling := _find_spelling(snapshot, name)):
            papers = len(snapshot.rows_matching(Author(name)))
            if papers > count_phrase(snapshot, name):
                label = f"Papers by {spelling}" + (f" on “{rest}”" if rest else "")
                query = replace_ranking_words(parsed, rest, f'au:"{name}"')
                yield Refinement("author", label, query, papers=None if rest else papers)
                return


def names_only_an_author(refinement: Refinement) -> bool:
    """Returns whether the question consists of the name alone."""
    return refinement.kind == "author" and refinement.papers is not None


def _candidates(words: str) -> Iterator[tuple[str, str]]:
    """Yields possible names, each with the rest of the question."""
    if match := _WHOLE.fullmatch(words):
        yield re.sub(r"['’]s?$", "", match[1]), ""
    if match := _AFTER_BY.fullmatch(words):
        yield match[2], match[1]
    for pattern in _BESIDE_WORDS:
        match = pattern.fullmatch(words)
        if match and match["rest"].islower():
            yield match["name"], match["rest"]


def _find_spelling(snapshot: Backend, name: str) -> str | None:
    """Returns how the index writes a name that has all words of this one; of several spellings, the most frequent."""
    wanted = fold(name).split()
    if min(map(len, wanted), default=0) < 2 and len(wanted) < 3:
        return None
    columns = snapshot.columns
    authors = columns.author_ids(Author(name))
    if not len(authors):
        return None
    papers = columns.author_postings.count_by_value(snapshot.live, authors)
    spellings = top_counts(authors, papers, columns.authors.display_names, _MAX_SPELLINGS)
    return next((each.value for each in spellings if Counter(wanted) <= Counter(fold(each.value).split())), None)
