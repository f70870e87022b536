"""Hit: a paper on a page, and how it matches the query."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from search.papers.json import Json
from search.papers.kinds import Kind
from search.papers.paper import Paper
from search.query.library import Near

Band = Literal["strong", "related", "weak"]


@dataclass(frozen=True, slots=True)
class LegMatch:
    """How one leg ranks a hit.

    Attributes:
        rank: from 1; None beyond the candidates that the leg ranked.
        score: cosine (semantic) or BM25 (lexical).
    """

    rank: int | None
    score: float

    def to_json(self) -> dict[str, Json]:
        """Returns the match as a JSON object."""
        return {"rank": self.rank, "score": self.score}


class Span(NamedTuple):
    """A range of characters.

    Attributes:
        start: the first character.
        end: the character after the last.
    """

    start: int
    end: int

    def to_json(self) -> list[Json]:
        """Returns the span as ``[start, end]``."""
        return [self.start, self.end]


@dataclass(frozen=True, slots=True)
class Highlights:
    """Where a paper matches the words of the query, in any inflection.

    Attributes:
        title: matching words of the title.
        abstract: matching words of the abstract.
        sentence: the sentence of the abstract that matches best; None if no sentence contains a word of the query.
    """

    title: tuple[Span, ...] = ()
    abstract: tuple[Span, ...] = ()
    sentence: Span | None = None

    def to_json(self) -> dict[str, Json]:
        """Returns the highlights as a JSON object."""
        return {
            "title": list(map(list, self.title)),
            "abstract": list(map(list, self.abstract)),
            "sentence": list(self.sentence) if self.sentence else None,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """A paper on a page.

    Attributes:
        paper: the paper.
        score: what the page is sorted by, higher is better; 0 if the query has only a filter.
        semantic: the semantic leg's rank and cosine; None if the leg did not run.
        lexical: the lexical leg's rank and BM25; None if the leg did not run or no word matches.
        exact_match: the query names this paper, or its text is this paper's abstract.
        band: how close the paper is, relative to random pairs in this index; None if the query has only a filter,
            or ``unlike`` was used (the calibration does not apply).
        highlights: the words of the query in the paper.
        near: the paper of the library that a recommended paper is nearest to; None for other hits.
        indexed_kinds: its kinds as the index has them; None for a paper that is not from an index, or of an index that
            an earlier version wrote.
    """

    paper: Paper
    score: float
    semantic: LegMatch | None = None
    lexical: LegMatch | None = None
    exact_match: bool = False
    band: Band | None = None
    highlights: Highlights = Highlights()
    near: Near | None = None
    indexed_kinds: tuple[Kind, ...] | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What the paper is or offers, such as ``survey`` or ``code`` (``search.papers.kinds``)."""
        if self.indexed_kinds is not None:
            return self.indexed_kinds
        from search.papers.kind_rules import find_kinds  # compiling the rules takes as long as a search

        return find_kinds(self.paper)

    def __repr__(self) -> str:
        return f"<Hit {self.paper.id}: {self.paper.title!r}, score {self.score:.3f}>"

    def _repr_html_(self) -> str:
        """Returns the paper as notebooks display it."""
        return self.paper._repr_html_()

    def to_json(self) -> dict[str, Json]:
        """Returns the fields of the paper, the score and the match as one JSON object."""
        legs: dict[str, Json] = {
            "semantic": self.semantic.to_json() if self.semantic else None,
            "lexical": self.lexical.to_json() if self.lexical else None,
        }
        return {
            **self.paper.to_dict(),
            "score": self.score,
            "band": self.band,
            "legs": legs,
            "highlights": self.highlights.to_json(),
            "exact_match": self.exact_match,
            "near": self.near.to_json() if self.near else None,
            "kinds": list(self.kinds),
        }
