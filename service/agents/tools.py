"""Tools: arguments and results of the MCP tools, with the names of the HTTP API."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from search.errors import InvalidValue
from search.papers.kinds import Kind
from search.query.hit import Band
from search.query.query import MAX_EXAMPLES, MAX_TEXT_LENGTH, Query
from search.trends.count import MAX_QUESTIONS
from search.trends.periods import Per
from service.api.overview_schemas import CountedOut, GroupedOut, RankedAuthorOut
from service.api.parameters import AuthorsRequest, PageParams, QueryParams, TrendsRequest
from service.api.schemas import (
    COUNTED_OVER,
    AuthorMatchOut,
    CitationListsOut,
    FacetsOut,
    PersonOut,
    RefinementOut,
)

MAX_HITS = 50
"""Most papers that one call returns."""

_Schema = dict[str, Any]
_MAX_LENGTH_SCHEMA: _Schema = {"maxLength": MAX_TEXT_LENGTH}
_MAX_LIST_LENGTH = 100
"""Most authors or categories of a call."""
_QUERY_DESCRIPTION = (
    "Plain words, with filters among them: au:zhou ti:cache cat:cs.CL kind:survey year:2024-2026 date:>=2026-01 "
    'added:7d "a phrase" -word OR ANDNOT ( ). An ID, DOI or URL alone returns that paper and similar ones; a text of '
    "more than 60 words is read as an abstract. Empty: all papers that match the filters, newest first."
)
_QUERY_EXAMPLES = ["KV cache compression", 'au:zhou cat:cs.IR date:>=2026-01 "kv cache" -survey']
_ID_EXAMPLES = ["arxiv:2604.24432", "doi:10.1145/3292500"]


def _to_list(value: object) -> object:
    """Turns a string into a list of one: models often pass a single value as a string."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise PydanticCustomError("string_or_list", "use a string or a list of strings")
    return value


def _description(parameter: str) -> str:
    return QueryParams.model_fields[parameter].description or ""


def _string_or_list_schema(max_items: int) -> _Schema:
    item: _Schema = {"type": "string"}
    return {"anyOf": [item, {"type": "array", "items": item, "maxItems": max_items}]}


_StringOrList = Annotated[
    list[str],
    Field(max_length=_MAX_LIST_LENGTH),
    BeforeValidator(_to_list),
    WithJsonSchema(_string_or_list_schema(_MAX_LIST_LENGTH)),
]
_PaperIds = Annotated[list[str], BeforeValidator(_to_list), WithJsonSchema(_string_or_list_schema(MAX_EXAMPLES))]


class QueryArguments(BaseModel):
    """The query."""

    q: str = Field("", description=_QUERY_DESCRIPTION, examples=_QUERY_EXAMPLES, json_schema_extra=_MAX_LENGTH_SCHEMA)


class QuestionsArguments(BaseModel):
    """The questions of trends."""

    q: Annotated[list[str], BeforeValidator(_to_list), WithJsonSchema(_string_or_list_schema(MAX_QUESTIONS))] = Field(
        description=TrendsRequest.model_fields["q"].description, examples=["KV cache compression", ["robot", "drone"]]
    )
    per: Per | None = Field(None, description=TrendsRequest.model_fields["per"].description)


class SimilarToArguments(BaseModel):
    """What to find similar papers to."""

    paper_id: str = Field(
        "", description="A paper to find similar papers to; pass further ones in like", examples=_ID_EXAMPLES
    )
    text: str = Field(
        "",
        description="An abstract or any other text to find similar papers to, alone or with papers",
        json_schema_extra=_MAX_LENGTH_SCHEMA,
    )


class FilterArguments(QueryParams):
    """The filters of HTTP; where it takes a list, a string counts as a list of one."""

    author: _StringOrList = Field([], description=_description("author"), examples=["Guorui Zhou", ["^Zhou", "Gai"]])
    not_author: _StringOrList = Field([], description=_description("not_author"), examples=["Gang Zhou"])
    category: _StringOrList = Field([], description=_description("category"), examples=["cs.CL", ["cs.CL", "cs.IR"]])
    kind: _StringOrList = Field([], description=_description("kind"), examples=["survey", ["benchmark", "code"]])
    like: _PaperIds = Field([], description=_description("like"), examples=["arxiv:2604.24432"])
    unlike: _PaperIds = Field([], description=_description("unlike"))


class PageArguments(FilterArguments, PageParams):
    """The arguments that the tools with a page of results share."""

    limit: int = Field(
        10,
        description=f"Maximum number of papers, 1 to {MAX_HITS}",
        json_schema_extra={"minimum": 1, "maximum": MAX_HITS},
    )
    full_abstracts: bool = Field(
        False, description="Return whole abstracts instead of their beginning and the sentence that answers best"
    )

    def to_query(self) -> Query:
        """Returns the query without its text.

        Raises:
            InvalidValue: more papers than one call returns; see also ``PageParams.to_query``.
        """
        if not 1 <= self.limit <= MAX_HITS:
            allowed = f"use a whole number from 1 to {MAX_HITS}; for more papers pass the cursor"
            raise InvalidValue("limit", self.limit, allowed)
        return super().to_query()


class SearchArguments(PageArguments, QueryArguments):
    """Arguments of the tool search."""


class SimilarArguments(PageArguments, SimilarToArguments):
    """Arguments of the tool similar."""


class GetArguments(BaseModel):
    """Arguments of the tool get."""

    model_config = ConfigDict(extra="forbid")

    paper_id: str = Field(
        description="A current or former ID, DOI or URL of the paper, in any usual form", examples=_ID_EXAMPLES
    )


class AuthorsArguments(AuthorsRequest):
    """Arguments of the tool authors."""

    name: str = Field(
        description="A name in any usual form; a surname alone lists everyone with it", examples=["Zhou", "Zhou, G."]
    )


class PeopleArguments(FilterArguments, QueryArguments):
    """Arguments of the tool people."""

    limit: int = Field(
        20,
        description=f"Maximum number of authors, 1 to {MAX_HITS}",
        json_schema_extra={"minimum": 1, "maximum": MAX_HITS},
    )


class FacetsArguments(FilterArguments, QueryArguments):
    """Arguments of the tool facets."""


class ThemesArguments(FilterArguments, QueryArguments):
    """Arguments of the tool themes."""


class TrendsArguments(FilterArguments, QuestionsArguments):
    """Arguments of the tool trends."""


class QuotingAnswer(BaseModel):
    """A result that quotes papers."""

    notice: str = Field(description="How to treat text quoted from papers")


class PaperSummary(BaseModel):
    """A paper with long fields shortened; what no source states is null or empty."""

    id: str
    title: str | None
    authors: list[str]
    more_authors: int = Field(description="Number of authors beyond those listed")
    authors_partial: bool = Field(description="The source itself shortened the list of authors")
    published: str | None
    updated: str | None
    added: str | None = Field(description="Time at which the paper became part of the index, in UTC")
    categories: list[str]
    url: str | None
    retraction: str | None = Field(description="retracted or withdrawn, if the paper was")
    citations: int | None = Field(description="How often the paper is cited, if a source has a count")
    abstract: str | None


class HitSummary(PaperSummary):
    """A paper on a page of results."""

    score: float
    band: Band | None = Field(description="How close the hit is, calibrated for this index; null if not known")
    match_reason: str = Field(description="Ranks and scores in the semantic and the lexical search")
    sentence: str | None = Field(description="The sentence of the abstract that answers best")
    exact_match: bool = Field(description="The paper that the query names, or whose abstract it contains")
    kinds: list[Kind] = Field(description="What the paper is or offers")


class PageAnswer(QuotingAnswer):
    """A page of results, best first."""

    interpretation: str = Field(description="How the query was understood")
    total: int = Field(
        description="Number of papers that match the filters; in another order than by relevance, of the closest to q"
    )
    total_estimated: bool = Field(description="total is an estimate, within about one per cent")
    has_close_match: bool = Field(description="False: no paper is close to the query; the hits are only the nearest")
    notices: list[str] = Field(description="What limits the answer, such as a question that is not in English")
    correction: str | None = Field(description="The query with corrected spelling, if it seems to be misspelt")
    answered_query: str | None = Field(
        description="The query that was answered instead, because nothing is close to q; verbatim answers q as typed"
    )
    refinements: list[RefinementOut] = Field(description="Further queries to try")
    exact: bool = Field(description="The semantic search scored all papers (see exact_match for single hits)")
    expected_recall: float = Field(description="Expected share of the true best papers that were found")
    generation: str
    cursor: str | None = Field(description="Cursor of the next page of this query; null on the last one")
    authors: list[AuthorMatchOut] = Field(description="Variants of the names of authors that the query requires")
    facets: FacetsOut | None
    hits: list[HitSummary]


class PaperAnswer(PaperSummary, QuotingAnswer):
    """A paper with its abstract."""

    ids: list[str]
    version: int | None
    extra: dict[str, str | int | float | bool] = Field(description="Other fields, such as comment and journal")
    sources: list[str]


class CitationsAnswer(CitationListsOut, QuotingAnswer):
    """What a paper cites and what cites it, within the index."""


class AuthorsAnswer(AuthorMatchOut, QuotingAnswer):
    """The variants of a name in the index, most papers first."""

    people: list[PersonOut] = Field(
        description="People who seem to share the name, as computed; author: NAME @ ID searches the papers of one"
    )


class PeopleAnswer(QuotingAnswer):
    """Authors of the papers relevant to a query, best first."""

    query: str = Field(description="The query that was answered; its correction, if nothing is close to q")
    papers: int = Field(description="Number of relevant papers")
    papers_estimated: bool = Field(description="papers is an estimate, within about one per cent")
    counted_over: str = Field(description=COUNTED_OVER)
    authors: list[RankedAuthorOut]


class FacetsAnswer(QuotingAnswer):
    """Counts over the papers that match the filters, or over those relevant or closest to the query; see ``scope``."""

    interpretation: str
    answered_query: str | None = Field(
        description="The query that was answered instead, because nothing is close to q; verbatim answers q as typed"
    )
    total: int = Field(
        description="Number of papers that match the filters; in another order than by relevance, of the closest to q"
    )
    total_estimated: bool = Field(description="total is an estimate, within about one per cent")
    facets: FacetsOut


class ThemesAnswer(GroupedOut, QuotingAnswer):
    """The themes of the papers that are relevant to a query."""


class TrendsAnswer(CountedOut, QuotingAnswer):
    """The papers on each question by month or year."""


class _UntitledSchemaGenerator(GenerateJsonSchema):
    """Omits titles, which repeat the names: an agent reads every word of a schema."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False

    def generate(self, schema: CoreSchema, mode: Literal["validation", "serialization"] = "validation") -> _Schema:
        schema_json: JsonSchemaValue = super().generate(schema, mode)
        for model in (schema_json, *schema_json.get("$defs", {}).values()):
            model.pop("title", None)
        return schema_json


def json_schema_for(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> _Schema:
    """Returns the JSON schema of arguments (``validation``) or of a result (``serialization``)."""
    return model.model_json_schema(schema_generator=_UntitledSchemaGenerator, mode=mode)
