"""Schemas of the HTTP API: papers, pages of hits and problems (RFC 9457)."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from search.papers.kinds import Kind
from search.papers.paper import JSON_FIELDS
from search.query.explanation import Strategy
from search.query.facets import Scope
from search.query.hit import Band
from search.query.refinement import RefinementKind
from search.query.sort import Sort


def _make_fields_optional(schema: dict[str, Any]) -> None:
    """Makes every field optional in a JSON schema: ``fields`` may have left it out."""
    schema.pop("required", None)


class LegOut(BaseModel):
    """A hit in one leg of the search."""

    rank: int | None = Field(description="Rank in the leg; null if the hit is not among its candidates")
    score: float = Field(description="Cosine in the semantic leg, BM25 in the lexical leg")


class LegsOut(BaseModel):
    """A hit in the two legs of the search; null for a leg that was not used or did not match it."""

    semantic: LegOut | None
    lexical: LegOut | None


_PAPER_FIELDS: dict[str, Any] = {
    each.name: (each.annotation, Field(description=each.description, examples=list(each.examples) or None))
    for each in JSON_FIELDS
}
PaperFields = create_model(
    "PaperFields", __doc__="The fields of a paper, null or empty where no source provides them.", **_PAPER_FIELDS
)


class PaperOut(PaperFields):  # type: ignore[misc, valid-type]  # derived
    """One paper."""

    schema_version: int


class HighlightsOut(BaseModel):
    """Spans of the text that match the query: offsets of the first character and of the one after the last."""

    title: list[tuple[int, int]] = Field(description="Words of the query in the title")
    abstract: list[tuple[int, int]] = Field(description="Words of the query in the abstract")
    sentence: tuple[int, int] | None = Field(description="The sentence of the abstract that answers the query best")


class NearOut(BaseModel):
    """The paper of the library that a recommended paper is nearest to."""

    id: str | None = Field(description="Its ID; null if it has none")
    title: str | None
    similarity: float = Field(description="Cosine of the two papers")
    interest: int = Field(description="Interest of the library that the hit belongs to, from 1, the largest first")


class HitOut(PaperFields):  # type: ignore[misc, valid-type]  # derived
    """A paper on a page of results."""

    score: float
    band: Band | None = Field(description="How close the hit is, calibrated for this index; null if not known")
    legs: LegsOut
    highlights: HighlightsOut
    exact_match: bool = Field(description="The paper that the query names, or whose abstract it contains")
    near: NearOut | None = Field(description="Why it is recommended; null for hits of a search")
    kinds: list[Kind] = Field(description="What the paper is or offers")


class ValueCountOut(BaseModel):
    """A value and the number of papers that have it."""

    value: str
    papers: int


class AuthorMatchOut(BaseModel):
    """The variants of an author's name in the index."""

    name: str = Field(description="The name as requested")
    variants: list[ValueCountOut] = Field(description="Names in the index that match it, most papers first")
    more_variants: int = Field(description="Number of variants beyond those listed")
    suggestions: list[str] = Field(description="Similar names, if no variant was found")


class PersonOut(BaseModel):
    """One of the people behind a name, told apart by their papers."""

    id: str = Field(description="A paper of the person; author=NAME @ ID searches the person's papers")
    papers: int
    label: str = Field(description="What the papers are about")
    coauthors: list[str] = Field(description="The most frequent coauthors, at most three")
    first_year: int | None = Field(description="Year of the earliest paper; null if none has a date")
    last_year: int | None = Field(description="Year of the latest paper")


class AuthorsOut(AuthorMatchOut):
    """The variants of a name, and the people behind it."""

    schema_version: int
    people: list[PersonOut] = Field(
        description="The people behind the name, most papers first, as computed from coauthors, subjects and "
        "spellings; empty for a name without a given name or with more than 1,000 papers"
    )


class CategoryCountOut(BaseModel):
    """The number of papers in a category or archive."""

    code: str
    name: str | None = Field(description="Its name; null if arXiv has no such category")
    papers: int


class SuggestionsOut(BaseModel):
    """Authors and categories that complete a text, most papers first."""

    schema_version: int
    authors: list[ValueCountOut]
    categories: list[CategoryCountOut]


COUNTED_OVER = "In words, the papers among which these were counted; empty if among all, as in every index in a folder"
"""Describes ``counted_over`` in every answer."""


class FacetsOut(BaseModel):
    """Counts of papers by value."""

    scope: Scope = Field(
        description="The papers counted: all that match the filters, only those relevant to the query, or, in another "
        "order than by relevance, only those closest to it"
    )
    papers: int = Field(description="Number of papers counted")
    strong: int | None = Field(description="How many of them have the band strong; null if bands do not select them")
    estimated: bool = Field(description="All counts are estimates, within about one per cent; false: they are exact")
    counted_over: str = Field(description=COUNTED_OVER)
    years: list[ValueCountOut]
    categories: list[ValueCountOut]
    kinds: list[ValueCountOut] = Field(description="Empty if an earlier version wrote the index, without kinds")
    authors: list[ValueCountOut]
    sources: list[ValueCountOut]


class ExplanationOut(BaseModel):
    """How the results were found."""

    strategy: Strategy = Field(
        description="Semantic search: exact (all papers scored), approximate (codes scanned, then the best papers "
        "scored) or none (not used)"
    )
    codes_scanned: int
    papers_scored: int
    timings_ms: dict[str, float] = Field(description="Milliseconds of each stage")


class QueryPartOut(BaseModel):
    """A part of ``q``."""

    description: str = Field(description="The part, as it was understood")
    remaining_query: str = Field(description="q without the part")


class RefinementOut(BaseModel):
    """A query to offer to the user; it was not applied."""

    kind: RefinementKind = Field(
        description="author: papers by a person whom q names; filter: a filter or order that q has in prose; sense: a "
        "long form of an acronym in q; related: a phrase of the nearest papers"
    )
    label: str = Field(description="What the user accepts")
    query: str = Field(description="The q that accepts it")
    sort: Sort | None = Field(description="The sort that it needs besides; null keeps the order")
    papers: int | None = Field(description="Papers by the person, or that contain the long form; null for other kinds")


class PageOut(BaseModel):
    """A page of results, best first."""

    schema_version: int
    interpretation: str = Field(description="How the query was understood")
    parts: list[QueryPartOut]
    total: int = Field(
        description="Number of papers that match the filters; in another order than by relevance, of the closest to q"
    )
    total_estimated: bool = Field(description="total is an estimate, within about one per cent")
    has_close_match: bool = Field(description="False: no paper is close to the query; the hits are only the nearest")
    notices: list[str] = Field(description="What limits the answer, such as a question that is not in English")
    correction: str | None = Field(description="q with corrected spelling, if it seems to contain a misspelling")
    answered_query: str | None = Field(
        description="The q that was answered instead, because nothing is close to q as typed: its correction, or the "
        "papers of the author whose name it is; verbatim=true answers q as typed"
    )
    refinements: list[RefinementOut] = Field(description="Queries to offer; only on the first page")
    exact: bool = Field(description="The semantic search scored all papers (see exact_match for single hits)")
    expected_recall: float = Field(description="Expected share of the true best papers that were found; 1 if exact")
    generation: str = Field(description="The index generation that answered")
    cursor: str | None = Field(description="Cursor of the next page; null on the last one")
    authors: list[AuthorMatchOut] = Field(description="The authors that the query requires")
    facets: FacetsOut | None
    explanation: ExplanationOut
    hits: list[HitOut]


class CitationOut(BaseModel):
    """A paper that another one cites, or that cites it."""

    id: str
    title: str | None
    authors: list[str]
    published: str | None
    citations: int | None = Field(description="How often the paper is cited, if a source has a count")


class CitationListOut(BaseModel):
    """Papers of the index, the most cited first, then the newest."""

    total: int = Field(description="Their number; of many, papers has the first")
    papers: list[CitationOut]


class CitationListsOut(BaseModel):
    """What a paper cites and what cites it, within the index."""

    id: str
    references: CitationListOut = Field(description="The papers that it cites")
    citing: CitationListOut = Field(description="The papers that cite it")


class CitationsOut(CitationListsOut):
    """The same, with the version of its shape."""

    schema_version: int


class PartialPaper(PaperOut):
    """A paper restricted to the requested fields."""

    model_config = ConfigDict(json_schema_extra=_make_fields_optional)


class PartialHit(HitOut):
    """A hit restricted to the requested fields."""

    model_config = ConfigDict(json_schema_extra=_make_fields_optional)


class PartialPage(PageOut):
    """A page whose hits are restricted to the requested fields."""

    hits: list[PartialHit]


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(description="The status phrase")
    status: int
    detail: str = Field(description="What went wrong and what to do")
    instance: str = Field(description="The path of the request")
    field: str | None = Field(None, description="The invalid parameter")
    value: str | None = Field(None, description="Its value; a long one is shortened")
    allowed: str | None = Field(None, description="Which values are allowed")
    position: int | None = Field(None, description="Where the error is in q or the body, in characters from 1")


class BatchOut(BaseModel):
    """The results of several searches, in their order; an invalid search has its problem in place of a page."""

    schema_version: int
    generation: str
    results: list[PageOut | PartialPage | Problem]
