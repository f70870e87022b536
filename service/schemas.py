"""Schemas of HTTP: requests, answers and the one shape of an error (RFC 9457)."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from search.query import Mode, Road

_Example = dict[str, Any]


class Filters(BaseModel):
    """Who, what and when; every part is optional."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    author: list[str] = Field([], description="Each must be an author", examples=[["Guorui Zhou"]])
    category: list[str] = Field([], description="One must be a category, or lie in it", examples=[["cs.CL"]])
    start: str | None = Field(None, alias="from", description="First published then or later", examples=["2026-01"])
    end: str | None = Field(None, alias="to", description="First published then or earlier", examples=["2026-06"])
    limit: int = Field(10, description="Most hits, 1 to 1000")


class SearchRequest(Filters):
    """A question; without ``q`` what passes the filters is listed, newest first."""

    q: str = Field("", examples=["KV cache compression"])
    mode: Mode = "hybrid"


class SimilarRequest(Filters):
    """A pasted abstract."""

    text: str = Field(examples=["We compress the key-value cache of language models into summary tokens."])


class LegOut(BaseModel):
    """A hit's place in one leg: its rank, null beyond the candidates, and its score there."""

    rank: int | None
    score: float


class MatchedOut(BaseModel):
    """Why a hit is there."""

    semantic: LegOut | None
    lexical: LegOut | None


class PaperFields(BaseModel):
    """What is known of a paper; what no source says is null or empty."""

    id: Annotated[str, Field(examples=["arxiv:2604.24432"])]
    ids: list[str]
    title: str | None
    authors: list[str]
    authors_partial: bool
    published: str | None
    updated: str | None
    categories: list[str]
    url: str | None
    abstract: str | None
    version: int | None
    extra: dict[str, Any]
    sources: list[str]


class PaperOut(PaperFields):
    """One paper."""

    schema_version: int


class HitOut(PaperFields):
    """A paper on a page."""

    score: float
    matched: MatchedOut
    same: bool


class ExplanationOut(BaseModel):
    """How an answer came about: the vector leg's road (``rows``: all scored exactly; ``codes``: scanned, then the best
    scored; ``none``: not asked), codes scanned, papers scored, and the time of each stage."""

    road: Road
    scanned: int
    scored: int
    milliseconds: dict[str, float]


class PageOut(BaseModel):
    """An answer, best first."""

    schema_version: int
    total: int
    exact: bool
    expected_recall: float
    generation: str
    explanation: ExplanationOut
    hits: list[HitOut]


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
