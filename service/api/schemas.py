"""Schemas of the HTTP API: requests, responses and problems (RFC 9457)."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from search.papers.paper import JSON_FIELDS
from search.query.filter import Filter
from search.query.page import Band, Strategy
from search.query.query import MAX_EXAMPLES, MAX_LIMIT, Mode, Query, Sort
from service.formats import Format

MAX_BATCH_SEARCHES = 50
"""Most searches of a batch."""
_MAX_ITEMS_SCHEMA: dict[str, Any] = {"maxItems": MAX_EXAMPLES}
_StringList = Annotated[list[str], Field(max_length=100)]
_AUTHOR_DESCRIPTION = "Every one must be an author, in any usual form of the name; ^Zhou: first, Zhou$: last author"
_FORMAT_DESCRIPTION = "Format of the response; default: what the Accept header prefers, else json"
_FIELDS_DESCRIPTION = "Fields of each paper to return, comma-separated, in json, ndjson and csv; default: all"
_FIELDS_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


def _make_fields_optional(schema: dict[str, Any]) -> None:
    """Makes every field optional in a JSON schema: ``fields`` may have left it out."""
    schema.pop("required", None)


def _join_fields(value: object) -> object:
    """Turns a list of fields into the comma-separated form."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if not isinstance(value, str):
        raise PydanticCustomError("fields", 'use a string such as "id,title" or a list of strings')
    return value


_FieldNames = Annotated[str, BeforeValidator(_join_fields), WithJsonSchema(_FIELDS_SCHEMA)]
"""The parameter ``fields`` of a body, where it may be a list."""


class FilterParams(BaseModel):
    """The filters, example papers and mode of a search; all are optional."""

    model_config = ConfigDict(extra="forbid")

    author: _StringList = Field([], description=_AUTHOR_DESCRIPTION, examples=[["Guorui Zhou"]])
    not_author: _StringList = Field(
        [],
        description="Exclude papers by this exact name; a bare surname excludes everyone with it",
        examples=[["Gang Zhou"]],
    )
    category: _StringList = Field(
        [], description="At least one must be a category of the paper, or contain it", examples=[["cs.CL"]]
    )
    start: str | None = Field(None, alias="from", description="Published on or after", examples=["2026-01"])
    end: str | None = Field(None, alias="to", description="Published on or before", examples=["2026-06"])
    updated_from: str | None = Field(None, description="Last updated on or after", examples=["30d"])
    updated_to: str | None = Field(None, description="Last updated on or before", examples=["2026"])
    like: list[str] = Field(
        [],
        description="IDs of papers to favour similar papers to",
        examples=[["arxiv:2604.24432"]],
        json_schema_extra=_MAX_ITEMS_SCHEMA,
    )
    unlike: list[str] = Field(
        [], description="IDs of papers to disfavour similar papers to", json_schema_extra=_MAX_ITEMS_SCHEMA
    )
    mode: Mode = Field("hybrid", description="How to rank: hybrid, semantic or lexical")

    def to_query(self) -> Query:
        """Returns the query without its text.

        Raises:
            InvalidValue: see ``Filter.parse`` and ``Query``.
        """
        dates = {"from": self.start, "to": self.end}
        dates |= {"updated_from": self.updated_from, "updated_to": self.updated_to}
        narrow = Filter.parse(self.author, self.not_author, self.category, dates)
        return Query(filter=narrow, mode=self.mode, like=tuple(self.like), unlike=tuple(self.unlike))


class PageParams(FilterParams):
    """The same, with order, facets and paging."""

    sort: Sort = Field("relevance", description="relevance, or newest or oldest: the relevant papers by date")
    facets: bool = Field(False, description="Count years, categories, authors and sources")
    cursor: str = Field("", description="Cursor from the previous page")
    limit: int = Field(10, description=f"Maximum number of hits, 0 to {MAX_LIMIT}; 0 returns counts only")

    def to_query(self) -> Query:
        """Returns the query without its text.

        Raises:
            InvalidValue: see ``Filter.parse`` and ``Query``.
        """
        query = super().to_query()
        return replace(query, limit=self.limit, sort=self.sort, cursor=self.cursor, facets=self.facets)


class ResultsRequest(PageParams):
    """The same, with format and fields."""

    format: Format | None = Field(None, description=_FORMAT_DESCRIPTION, examples=["csv"])
    fields: str = Field("", description=_FIELDS_DESCRIPTION, examples=["id,title,score"])


class _QueryText(BaseModel):
    q: str = Field(
        "",
        description="Plain words, filters such as au:zhou, an ID, or an abstract; without it, papers are newest first",
        examples=["KV cache compression"],
    )


class SearchRequest(ResultsRequest, _QueryText):
    """A search; without ``q`` it lists the papers that match the filters, newest first."""


class SearchBody(SearchRequest):
    """A search in the body of a request."""

    fields: _FieldNames = Field("", description=_FIELDS_DESCRIPTION, examples=["id,title,score", ["id", "title"]])


class SimilarBody(ResultsRequest):
    """A text, such as an abstract, to find similar papers to."""

    text: str = Field(
        description="The text", examples=["We compress the key-value cache of language models into summary tokens."]
    )
    fields: _FieldNames = Field("", description=_FIELDS_DESCRIPTION, examples=["id,title,score", ["id", "title"]])


class PaperRequest(BaseModel):
    """Format and fields of one paper."""

    model_config = ConfigDict(extra="forbid")

    format: Format | None = Field(None, description=_FORMAT_DESCRIPTION, examples=["ris"])
    fields: str = Field("", description=_FIELDS_DESCRIPTION)


class BatchRequest(BaseModel):
    """Several searches of the same index generation."""

    model_config = ConfigDict(extra="forbid")

    searches: list[Annotated[SearchBody, SkipValidation]] = Field(
        min_length=1,
        max_length=MAX_BATCH_SEARCHES,
        description=f"1 to {MAX_BATCH_SEARCHES} searches with at most {MAX_LIMIT} hits in total; an invalid search "
        "does not affect the others",
        examples=[[{"q": "KV cache compression", "limit": 3}, {"author": ["Guorui Zhou"], "fields": "id,title"}]],
    )


class AuthorsRequest(BaseModel):
    """A name in any usual form."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="A name in any usual form", examples=["Zhou"])


class SuggestRequest(BaseModel):
    """The text typed so far."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", description="Beginnings of the words of a name, or of a category code", examples=["guo zh"])
    limit: int = Field(8, description="Maximum number of authors, and of categories, 1 to 50")


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


class HitOut(PaperFields):  # type: ignore[misc, valid-type]  # derived
    """A paper on a page of results."""

    score: float
    band: Band | None = Field(description="How close the hit is, calibrated for this index; null if not known")
    legs: LegsOut
    highlights: HighlightsOut
    exact_match: bool = Field(description="The paper that the query names, or whose abstract it contains")


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


class AuthorsOut(AuthorMatchOut):
    """The variants of a name."""

    schema_version: int


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


class FacetsOut(BaseModel):
    """Counts of papers by value."""

    scope: Literal["filter", "relevant"] = Field(
        description="The papers counted: all that match the filters, or only those relevant to the query"
    )
    papers: int = Field(description="Number of papers counted")
    years: list[ValueCountOut]
    categories: list[ValueCountOut]
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


class PageOut(BaseModel):
    """A page of results, best first."""

    schema_version: int
    interpretation: str = Field(description="How the query was understood")
    parts: list[QueryPartOut]
    total: int = Field(description="Number of papers that match the filters")
    has_close_match: bool = Field(description="False: no paper is close to the query; the hits are only the nearest")
    correction: str | None = Field(description="q with corrected spelling, if it seems to contain a misspelling")
    exact: bool = Field(description="The semantic search scored all papers (see exact_match for single hits)")
    expected_recall: float = Field(description="Expected share of the true best papers that were found; 1 if exact")
    generation: str = Field(description="The index generation that answered")
    cursor: str | None = Field(description="Cursor of the next page; null on the last one")
    authors: list[AuthorMatchOut] = Field(description="The authors that the query requires")
    facets: FacetsOut | None
    explanation: ExplanationOut
    hits: list[HitOut]


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
