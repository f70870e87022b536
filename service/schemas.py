"""Schemas of HTTP: requests, answers and the one shape of an error (RFC 9457)."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from search.query import MAX_PAPERS, Band, Filter, Mode, Query, Road, Sort

_Example = dict[str, Any]
_FEW: _Example = {"maxItems": MAX_PAPERS}
_AUTHOR = "Each must be an author, in any usual form; ^Zhou the first, Zhou$ the last"


class Narrowing(BaseModel):
    """Who, what and when; every part is optional."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    author: list[str] = Field([], description=_AUTHOR, examples=[["Guorui Zhou"]])
    not_author: list[str] = Field([], description="None may have this very name", examples=[["Gang Zhou"]])
    category: list[str] = Field([], description="One must be a category, or lie in it", examples=[["cs.CL"]])
    start: str | None = Field(None, alias="from", description="Published then or later", examples=["2026-01"])
    end: str | None = Field(None, alias="to", description="Published then or earlier", examples=["2026-06"])
    updated_from: str | None = Field(None, description="Last changed then or later", examples=["30d"])
    updated_to: str | None = Field(None, description="Last changed then or earlier", examples=["2026"])
    like: list[str] = Field(
        [], description="Ids of papers to be near", examples=[["arxiv:2604.24432"]], json_schema_extra=_FEW
    )
    unlike: list[str] = Field([], description="Ids of papers to stay away from", json_schema_extra=_FEW)
    mode: Mode = Field("hybrid", description="hybrid, semantic (meaning) or lexical (words)")

    def query(self) -> Query:
        """What is asked, apart from the words.

        Raises:
            InvalidValue: see ``Filter.parse`` and ``Query``.
        """
        dates = {"from": self.start, "to": self.end}
        dates |= {"updated-from": self.updated_from, "updated-to": self.updated_to}
        narrow = Filter.parse(self.author, self.not_author, self.category, dates)
        return Query(filter=narrow, mode=self.mode, like=tuple(self.like), unlike=tuple(self.unlike))


class Filters(Narrowing):
    """The same, and how the answer is to come."""

    sort: Sort = Field("relevance", description="newest, oldest: the relevant part of a question in order of date")
    facets: bool = Field(False, description="Count years, categories, authors and sources")
    cursor: str = Field("", description="Of the page before")
    limit: int = Field(10, description="Most hits, 1 to 1000")

    def query(self) -> Query:
        """What is asked, apart from the words.

        Raises:
            InvalidValue: see ``Filter.parse`` and ``Query``.
        """
        asked = super().query()
        return replace(asked, limit=self.limit, sort=self.sort, cursor=self.cursor, facets=self.facets)


class SearchRequest(Filters):
    """A question; without ``q`` what passes the filters is listed, newest first."""

    q: str = Field("", examples=["KV cache compression"])


class SimilarRequest(Filters):
    """A pasted abstract."""

    text: str = Field(examples=["We compress the key-value cache of language models into summary tokens."])


class AuthorsRequest(BaseModel):
    """A name in any usual form."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(examples=["Zhou"])


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


class WhyOut(BaseModel):
    """Where a paper answers: pairs of first character and the one after the last, of the question's words in title
    and abstract and of the sentence that answers best."""

    title: list[tuple[int, int]]
    abstract: list[tuple[int, int]]
    sentence: tuple[int, int] | None


class HitOut(PaperFields):
    """A paper on a page."""

    score: float
    band: Band | None
    matched: MatchedOut
    why: WhyOut
    same: bool


class CountOut(BaseModel):
    """How many papers have a value."""

    value: str
    papers: int


class AuthorMatchOut(BaseModel):
    """The name variants an author who was asked for matches; where there is none, the names one letter off."""

    asked: str
    variants: list[CountOut]
    others: int
    meant: list[str]


class AuthorsOut(AuthorMatchOut):
    """The variants of a name."""

    schema_version: int


class FacetsOut(BaseModel):
    """Counts over all papers that pass the filter, or over the relevant part of a question."""

    of: Literal["filter", "relevant"]
    papers: int
    years: list[CountOut]
    categories: list[CountOut]
    authors: list[CountOut]
    sources: list[CountOut]


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
    reading: str
    total: int
    close: bool
    correction: str | None
    exact: bool
    expected_recall: float
    generation: str
    cursor: str | None
    authors: list[AuthorMatchOut]
    facets: FacetsOut | None
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
