"""Parameters of the HTTP API: those of URLs, and those of bodies."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SkipValidation, WithJsonSchema
from pydantic_core import PydanticCustomError

from search.papers.kinds import KINDS
from search.query.filter import Filter
from search.query.people import MAX_RANKED_AUTHORS
from search.query.query import MAX_EXAMPLES, MAX_LIMIT, Mode, Query
from search.query.sort import Sort
from search.trends.count import MAX_QUESTIONS
from search.trends.periods import Per
from search.trends.trends import Measure
from service.formats import Format
from service.formats.maps import MapFormat
from service.formats.trends import TrendsFormat

MAX_BATCH_SEARCHES = 50
"""Most searches of a batch."""

MAX_LIBRARY_ENTRIES = 2_000
"""Most papers of a library in a request."""

_MAX_ITEMS_SCHEMA: dict[str, Any] = {"maxItems": MAX_EXAMPLES}

_StringList = Annotated[list[str], Field(max_length=100)]

_AUTHOR_DESCRIPTION = "Every one must be an author, in any usual form of the name; ^Zhou: first, Zhou$: last author"

_KIND_DESCRIPTION = f"Every one must be a kind of the paper: {', '.join(KINDS)}"

_SORT_DESCRIPTION = (
    "relevance; or an order of the papers closest to q: newest or oldest, by date; added, those first that were added "
    "to the index last; citations, the most cited first, papers without a count last"
)

_THEME_DESCRIPTION = (
    "Label of a theme of the same search without it (GET /v1/themes): only the papers of the theme match"
)

_FORMAT_DESCRIPTION = "Format of the response; default: what the Accept header prefers, else json"

_FIELDS_DESCRIPTION = "Fields of each paper to return, comma-separated, in json, ndjson and csv; default: all"

_FIELDS_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


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
    """The filters of a search; all are optional."""

    model_config = ConfigDict(extra="forbid")

    author: _StringList = Field([], description=_AUTHOR_DESCRIPTION, examples=[["Guorui Zhou"]])
    not_author: _StringList = Field(
        [],
        description="Exclude papers by this exact name; a surname alone excludes every author with it",
        examples=[["Gang Zhou"]],
    )
    category: _StringList = Field(
        [], description="At least one must be a category of the paper, or contain it", examples=[["cs.CL"]]
    )
    kind: _StringList = Field([], description=_KIND_DESCRIPTION, examples=[["survey"]])
    start: str | None = Field(None, alias="from", description="Published on or after", examples=["2026-01"])
    end: str | None = Field(None, alias="to", description="Published on or before", examples=["2026-06"])
    updated_from: str | None = Field(None, description="Last updated on or after", examples=["30d"])
    updated_to: str | None = Field(None, description="Last updated on or before", examples=["2026"])
    added_from: str | None = Field(
        None, description="Added to the index on or after a day (UTC) or a time", examples=["7d"]
    )
    added_to: str | None = Field(
        None, description="Added to the index on or before a day (UTC) or a time", examples=["2026-11-29T09:14:00Z"]
    )

    def to_filter(self) -> Filter:
        """Returns the filter.

        Raises:
            InvalidValue: see ``Filter.parse``.
        """
        dates = {"from": self.start, "to": self.end}
        dates |= {name: getattr(self, name) for name in ("updated_from", "updated_to", "added_from", "added_to")}
        return Filter.parse(self.author, self.not_author, self.category, dates, kinds=self.kind)


class QueryParams(FilterParams):
    """The same, with example papers and the mode."""

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
    verbatim: bool = Field(
        False, description="Answer q as typed, even if nothing is close to it but something is to its correction"
    )

    def to_query(self) -> Query:
        """Returns the query without its text.

        Raises:
            InvalidValue: see ``Filter.parse`` and ``Query``.
        """
        like, unlike = tuple(self.like), tuple(self.unlike)
        return Query(filter=self.to_filter(), mode=self.mode, like=like, unlike=unlike, verbatim=self.verbatim)


class PageParams(QueryParams):
    """The same, with theme, order, facets and paging."""

    theme: str = Field("", description=_THEME_DESCRIPTION)
    sort: Sort = Field("relevance", description=_SORT_DESCRIPTION)
    facets: bool = Field(False, description="Count years, categories, kinds, authors and sources")
    cursor: str = Field("", description="Cursor from the previous page")
    limit: int = Field(10, description=f"Maximum number of hits, 0 to {MAX_LIMIT}; 0 returns counts only")

    def to_query(self) -> Query:
        """Returns the query without its text.

        Raises:
            InvalidValue: see ``Filter.parse`` and ``Query``.
        """
        return replace(
            super().to_query(),
            theme=self.theme,
            facets=self.facets,
            limit=self.limit,
            sort=self.sort,
            cursor=self.cursor,
        )


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


class ThemesRequest(QueryParams, _QueryText):
    """A search whose relevant papers are grouped."""


class MapRequest(QueryParams, _QueryText):
    """A search whose relevant papers are on a map."""

    format: MapFormat = Field("json", description="Format of the response")


class SimilarBody(ResultsRequest):
    """A text, such as an abstract, to find similar papers to."""

    text: str = Field(
        description="The text", examples=["We compress the key-value cache of language models into summary tokens."]
    )
    fields: _FieldNames = Field("", description=_FIELDS_DESCRIPTION, examples=["id,title,score", ["id", "title"]])


class RecommendBody(FilterParams):
    """A library, and which papers to recommend for it."""

    library: list[str | dict[str, Any]] = Field(
        min_length=1,
        max_length=MAX_LIBRARY_ENTRIES,
        description="The papers of a user: IDs, or records with the fields of a paper, such as title, abstract and "
        "authors. An entry that cannot be read, or is not in the index and has no text, is left out with a notice",
        examples=[["arxiv:2604.24432", {"title": "Compressing key-value caches", "authors": ["Jane Doe"]}]],
    )
    limit: int = Field(10, description=f"Maximum number of hits, 0 to {MAX_LIMIT}")
    format: Format | None = Field(None, description=_FORMAT_DESCRIPTION, examples=["csv"])
    fields: _FieldNames = Field("", description=_FIELDS_DESCRIPTION, examples=["id,title,near", ["id", "title"]])


class TrendsRequest(QueryParams):
    """Questions to compare, with the filters that they share."""

    q: list[str] = Field(
        min_length=1,
        max_length=MAX_QUESTIONS,
        description=f"1 to {MAX_QUESTIONS} questions, each as the q of a search: plain words and filters",
        examples=[["KV cache compression", "speculative decoding"]],
    )
    per: Per | None = Field(
        None, description="Length of the periods; default: month if almost all papers are of the last three years"
    )
    measure: Measure | None = Field(
        None,
        description="What the chart draws: share of the papers of each period, or papers; default: share, if at least "
        "half of the periods have 50 papers",
    )
    format: TrendsFormat = Field("json", description="Format of the response")


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


class PeopleRequest(QueryParams, _QueryText):
    """A search whose relevant papers have the authors to rank; without ``q``, all papers that match the filters."""

    limit: int = Field(20, description=f"Maximum number of authors, 1 to {MAX_RANKED_AUTHORS}")


class SuggestRequest(BaseModel):
    """The text typed so far."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", description="Beginnings of the words of a name, or of a category code", examples=["guo zh"])
    limit: int = Field(8, description="Maximum number of authors, and of categories, 1 to 50")
    format: Literal["json", "opensearch"] = Field(
        "json", description="Format of the response; opensearch is that of the search bar of browsers"
    )
