"""Schemas of HTTP: requests, answers and the one shape of an error (RFC 9457)."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, create_model

from search.papers.paper import JSON_FIELDS
from search.query.filter import Filter
from search.query.page import Band, Strategy
from search.query.query import MAX_EXAMPLES, MAX_LIMIT, Mode, Query, Sort
from service.formats import Format

MAX_BATCH_SEARCHES = 50
"""Most questions of a batch."""
_MAX_ITEMS_SCHEMA: dict[str, Any] = {"maxItems": MAX_EXAMPLES}
_StringList = Annotated[list[str], Field(max_length=100)]
_AUTHOR_DESCRIPTION = "Each must be an author, in any usual form; ^Zhou the first, Zhou$ the last"
_FIELDS_DESCRIPTION = "Of a paper the fields to keep, parted by commas, in json, ndjson and csv; none: all"


def _make_fields_optional(schema: dict[str, Any]) -> None:
    """Every field may be left out: only some were asked for."""
    schema.pop("required", None)


class FilterParams(BaseModel):
    """Who, what and when; every part is optional."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    author: _StringList = Field([], description=_AUTHOR_DESCRIPTION, examples=[["Guorui Zhou"]])
    not_author: _StringList = Field([], description="None may have this very name", examples=[["Gang Zhou"]])
    category: _StringList = Field([], description="One must be a category, or lie in it", examples=[["cs.CL"]])
    start: str | None = Field(None, alias="from", description="Published then or later", examples=["2026-01"])
    end: str | None = Field(None, alias="to", description="Published then or earlier", examples=["2026-06"])
    updated_from: str | None = Field(None, description="Last changed then or later", examples=["30d"])
    updated_to: str | None = Field(None, description="Last changed then or earlier", examples=["2026"])
    like: list[str] = Field(
        [], description="Ids of papers to be near", examples=[["arxiv:2604.24432"]], json_schema_extra=_MAX_ITEMS_SCHEMA
    )
    unlike: list[str] = Field([], description="Ids of papers to stay away from", json_schema_extra=_MAX_ITEMS_SCHEMA)
    mode: Mode = Field("hybrid", description="hybrid, semantic (meaning) or lexical (words)")

    def to_query(self) -> Query:
        """What is asked, apart from the words.

        Raises:
            InvalidValue: see ``Filter.parse`` and ``Query``.
        """
        dates = {"from": self.start, "to": self.end}
        dates |= {"updated_from": self.updated_from, "updated_to": self.updated_to}
        narrow = Filter.parse(self.author, self.not_author, self.category, dates)
        return Query(filter=narrow, mode=self.mode, like=tuple(self.like), unlike=tuple(self.unlike))


class PageParams(FilterParams):
    """The same, and how the answer is to come."""

    sort: Sort = Field("relevance", description="newest, oldest: the relevant part of a question in order of date")
    facets: bool = Field(False, description="Count years, categories, authors and sources")
    cursor: str = Field("", description="Of the page before")
    limit: int = Field(10, description="Most hits, 0 to 1000; 0 returns only the counts")

    def to_query(self) -> Query:
        """What is asked, apart from the words.

        Raises:
            InvalidValue: see ``Filter.parse`` and ``Query``.
        """
        asked = super().to_query()
        return replace(asked, limit=self.limit, sort=self.sort, cursor=self.cursor, facets=self.facets)


class ResultsRequest(PageParams):
    """The same, and in what form."""

    format: Format | None = Field(None, description="Of the answer; else as Accept says, else json", examples=["csv"])
    fields: str = Field("", description=_FIELDS_DESCRIPTION, examples=["id,title,score"])


class SearchRequest(ResultsRequest):
    """A question; without ``q`` what passes the filters is listed, newest first."""

    q: str = Field("", examples=["KV cache compression"])


class SimilarRequest(ResultsRequest):
    """A pasted abstract."""

    text: str = Field(examples=["We compress the key-value cache of language models into summary tokens."])


class PaperRequest(BaseModel):
    """How a paper is to come."""

    model_config = ConfigDict(extra="forbid")

    format: Format | None = Field(None, description="Of the answer; else as Accept says, else json", examples=["ris"])
    fields: str = Field("", description=_FIELDS_DESCRIPTION)


class BatchRequest(BaseModel):
    """Several questions, all answered from one generation."""

    model_config = ConfigDict(extra="forbid")

    searches: list[Annotated[SearchRequest, SkipValidation]] = Field(
        min_length=1,
        max_length=MAX_BATCH_SEARCHES,
        description=f"1 to {MAX_BATCH_SEARCHES}, with at most {MAX_LIMIT} hits in total; each succeeds or fails alone",
        examples=[[{"q": "KV cache compression", "limit": 3}, {"author": ["Guorui Zhou"], "fields": "id,title"}]],
    )


class AuthorsRequest(BaseModel):
    """A name in any usual form."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(examples=["Zhou"])


class LegOut(BaseModel):
    """A hit's place in one leg: its rank, null beyond the candidates, and its score there."""

    rank: int | None
    score: float


class LegsOut(BaseModel):
    """Why a hit is there."""

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
    """Where a paper answers: pairs of first character and the one after the last, of the question's words in title
    and abstract and of the sentence that answers best."""

    title: list[tuple[int, int]]
    abstract: list[tuple[int, int]]
    sentence: tuple[int, int] | None


class HitOut(PaperFields):  # type: ignore[misc, valid-type]  # derived
    """A paper on a page."""

    score: float
    band: Band | None
    legs: LegsOut
    highlights: HighlightsOut
    exact_match: bool


class ValueCountOut(BaseModel):
    """How many papers have a value."""

    value: str
    papers: int


class AuthorMatchOut(BaseModel):
    """The name variants an author who was asked for matches; where there is none, the names one letter off."""

    name: str
    variants: list[ValueCountOut]
    more_variants: int
    suggestions: list[str]


class AuthorsOut(AuthorMatchOut):
    """The variants of a name."""

    schema_version: int


class SuggestRequest(BaseModel):
    """What was typed so far."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", description="The beginnings of a name's words, or of a code", examples=["guo zh"])
    limit: int = Field(8, description="Most authors, and most categories, 1 to 50")


class CategoryCountOut(BaseModel):
    """How many papers have a category, or lie in an archive; its name is null where arXiv has none such."""

    code: str
    name: str | None
    papers: int


class SuggestionsOut(BaseModel):
    """Authors and categories that can be meant, most papers first."""

    schema_version: int
    authors: list[ValueCountOut]
    categories: list[CategoryCountOut]


class FacetsOut(BaseModel):
    """Counts over all papers that pass the filter, or over the relevant part of a question."""

    scope: Literal["filter", "relevant"]
    papers: int
    years: list[ValueCountOut]
    categories: list[ValueCountOut]
    authors: list[ValueCountOut]
    sources: list[ValueCountOut]


class ExplanationOut(BaseModel):
    """How an answer came about: the strategy of the semantic leg (``exact``: all scored exactly; ``approximate``:
    scanned, then the best scored; ``none``: not asked), codes scanned, papers scored, and the time of each stage."""

    strategy: Strategy
    codes_scanned: int
    papers_scored: int
    timings_ms: dict[str, float]


class QueryPartOut(BaseModel):
    """A part of what ``q`` asks, in words, and ``q`` as it would be without it."""

    description: str
    remaining_query: str


class PageOut(BaseModel):
    """An answer, best first."""

    schema_version: int
    interpretation: str
    parts: list[QueryPartOut]
    total: int
    has_close_match: bool
    correction: str | None
    exact: bool
    expected_recall: float
    generation: str
    cursor: str | None
    authors: list[AuthorMatchOut]
    facets: FacetsOut | None
    explanation: ExplanationOut
    hits: list[HitOut]


class PartialPaper(PaperOut):
    """One paper, of which the fields were named that are wanted."""

    model_config = ConfigDict(json_schema_extra=_make_fields_optional)


class PartialHit(HitOut):
    """A paper on a page, of which the fields were named that are wanted."""

    model_config = ConfigDict(json_schema_extra=_make_fields_optional)


class PartialPage(PageOut):
    """An answer whose hits have only the fields that were asked for."""

    hits: list[PartialHit]


class Problem(BaseModel):
    """What went wrong (RFC 9457), with the field, the value and what is allowed where one is to blame."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    field: str | None = None
    value: str | None = None
    allowed: str | None = None
    position: int | None = None


class BatchOut(BaseModel):
    """The answers to several questions, in their order; in place of one that was refused its problem."""

    schema_version: int
    generation: str
    results: list[PageOut | PartialPage | Problem]
