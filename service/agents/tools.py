"""Tools: what an agent can ask and what it is told, in the names of HTTP. Schemas, like those of ``schemas``."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

from search.errors import InvalidValue
from search.query.page import Band
from search.query.query import MAX_TEXT_LENGTH, Query
from service.api.schemas import AuthorMatchOut, AuthorsRequest, FacetsOut, FilterParams, PageParams

MAX_HITS = 50
"""Most papers a call gives."""

_Schema = dict[str, Any]
_MAX_LENGTH_SCHEMA: _Schema = {"maxLength": MAX_TEXT_LENGTH}
_QUERY_DESCRIPTION = (
    "Plain words, or words with conditions: au:zhou ti:cache cat:cs.CL year:2024-2026 date:>=2026-01 "
    '"a phrase" -word OR ANDNOT ( ). An id, DOI or URL alone is that paper and what is near it; more than 60 words are '
    "read as an abstract. Empty: what passes the filters, newest first."
)
_QUERY_EXAMPLES = ["KV cache compression", 'au:zhou cat:cs.IR date:>=2026-01 "kv cache" -survey']
_ID_EXAMPLES = ["arxiv:2604.24432", "doi:10.1145/3292500"]


class QueryArguments(BaseModel):
    """The one box."""

    q: str = Field("", description=_QUERY_DESCRIPTION, examples=_QUERY_EXAMPLES, json_schema_extra=_MAX_LENGTH_SCHEMA)


class SimilarToArguments(BaseModel):
    """What to be near."""

    paper_id: str = Field(
        "", description="A paper to be near, which is left out; further ones: like", examples=_ID_EXAMPLES
    )
    text: str = Field(
        "",
        description="An abstract, or any text, to be near; alone or beside papers",
        json_schema_extra=_MAX_LENGTH_SCHEMA,
    )


class PageArguments(PageParams):
    """What the calls that give a page have in common."""

    limit: int = Field(
        10, description=f"Most papers, 1 to {MAX_HITS}", json_schema_extra={"minimum": 1, "maximum": MAX_HITS}
    )
    full_abstracts: bool = Field(
        False, description="Whole abstracts; else their beginnings and the sentence that answers best"
    )

    def to_query(self) -> Query:
        """What is asked, apart from the words.

        Raises:
            InvalidValue: more papers than a call gives; see ``Filters.query``.
        """
        if not 1 <= self.limit <= MAX_HITS:
            raise InvalidValue(
                "limit", self.limit, f"give a whole number from 1 to {MAX_HITS}; cursor goes on from there"
            )
        return super().to_query()


class SearchArguments(PageArguments, QueryArguments):
    """A question."""


class SimilarArguments(PageArguments, SimilarToArguments):
    """What answers are to be near, and what may answer."""


class GetArguments(BaseModel):
    """One paper."""

    model_config = ConfigDict(extra="forbid")

    paper_id: str = Field(description="An id, DOI or URL in any usual form, or one it once had", examples=_ID_EXAMPLES)


class AuthorsArguments(AuthorsRequest):
    """A name."""

    name: str = Field(
        description="A name in any usual form; a surname alone lists all who have it", examples=["Zhou", "Zhou, G."]
    )


class FacetsArguments(FilterParams, QueryArguments):
    """What to count over."""


class QuotingAnswer(BaseModel):
    """An answer that quotes papers."""

    notice: str = Field(description="How to treat all that is quoted from papers")


class PaperSummary(BaseModel):
    """A paper, long fields cut; what no source says is null or empty."""

    id: str
    title: str | None
    authors: list[str]
    more_authors: int = Field(description="Authors beyond those listed")
    authors_partial: bool = Field(description="The source itself cut the list")
    published: str | None
    updated: str | None
    categories: list[str]
    url: str | None
    abstract: str | None


class HitSummary(PaperSummary):
    """A paper on a page."""

    score: float
    band: Band | None = Field(description="How close, by what is usual in this index; null where nothing tells")
    match_reason: str = Field(description="Its places and scores by meaning and by words")
    sentence: str | None = Field(description="The sentence of the abstract that answers best")
    exact_match: bool = Field(description="It is the very paper that was asked about")


class PageAnswer(QuotingAnswer):
    """An answer, best first."""

    interpretation: str = Field(description="How the question was understood")
    total: int = Field(description="Papers that pass")
    has_close_match: bool = Field(
        description="False: nothing here is near the question, the hits are only the nearest there is"
    )
    correction: str | None = Field(description="The question with misspelt words mended, where it seems to have some")
    exact: bool
    expected_recall: float
    generation: str
    cursor: str | None = Field(description="Gives the next page of the same question; null on the last one")
    authors: list[AuthorMatchOut] = Field(description="The name variants that the authors asked for matched")
    facets: FacetsOut | None
    hits: list[HitSummary]


class PaperAnswer(PaperSummary, QuotingAnswer):
    """A paper with its abstract."""

    ids: list[str]
    version: int | None
    extra: dict[str, str | int | float | bool] = Field(description="What sources say besides: comment, journal, ...")
    sources: list[str]


class AuthorsAnswer(AuthorMatchOut, QuotingAnswer):
    """The variants of a name that papers have, most papers first."""


class FacetsAnswer(QuotingAnswer):
    """Counts over all that pass, or over the relevant part of a question."""

    interpretation: str
    total: int
    facets: FacetsOut


class _UntitledSchemaGenerator(GenerateJsonSchema):
    """Names are titles enough: an agent reads every word of a schema."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False

    def generate(self, schema: CoreSchema, mode: Literal["validation", "serialization"] = "validation") -> _Schema:
        made: JsonSchemaValue = super().generate(schema, mode)
        for model in (made, *made.get("$defs", {}).values()):
            model.pop("title", None)
        return made


def json_schema_for(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> _Schema:
    """The JSON schema of a call (``validation``) or of an answer (``serialization``)."""
    return model.model_json_schema(schema_generator=_UntitledSchemaGenerator, mode=mode)
