"""Schemas of the HTTP API: people, themes, maps and trends of the papers of a question."""

from pydantic import BaseModel, Field

from search.trends.periods import Per
from service.api.schemas import COUNTED_OVER


class PaperReferenceOut(BaseModel):
    """A paper in short."""

    id: str
    title: str | None
    published: str | None
    url: str | None


class RankedAuthorOut(BaseModel):
    """An author of relevant papers."""

    name: str
    papers: int = Field(description="Number of relevant papers")
    first_year: int | None = Field(description="Year of the earliest of them; null if none has a date")
    last_year: int | None = Field(description="Year of the latest of them")
    score: float = Field(description="Weight of the papers, relative to the first author")
    may_be_several: bool = Field(description="The name is so common that several people may have written the papers")
    person: str | None = Field(
        description="The ID of a paper, by which author=NAME @ ID finds the one person whose papers these are, if "
        "others have the name too"
    )
    top_papers: list[PaperReferenceOut] = Field(description="The papers with the most weight, at most three")


class PeopleOut(BaseModel):
    """The authors of the papers that are relevant to a query, best first."""

    schema_version: int
    query: str = Field(description="The query that was answered; its correction, if nothing is close to q")
    papers: int = Field(description="Number of relevant papers")
    papers_estimated: bool = Field(description="papers is an estimate, within about one per cent")
    counted_over: str = Field(description=COUNTED_OVER)
    generation: str
    authors: list[RankedAuthorOut]


class TypicalPaperOut(BaseModel):
    """A paper that fits the label of a theme."""

    id: str
    title: str = Field(description="Empty if the paper has none")


class ThemeOut(BaseModel):
    """A group of similar papers."""

    label: str = Field(description="Two to four words of the papers")
    papers: int = Field(description="Number of grouped papers in the theme")
    share: float = Field(description="Their share of the grouped papers")
    typical: list[TypicalPaperOut] = Field(description="The papers that fit the label best")


class GroupedOut(BaseModel):
    """The themes of an answer."""

    answered_query: str = Field(description="The query whose papers are grouped: q, or what a search answers instead")
    relevant: int = Field(description="Number of relevant papers")
    relevant_estimated: bool = Field(description="relevant is an estimate, within about one per cent")
    counted_over: str = Field(description=COUNTED_OVER)
    grouped: int = Field(description="Number of grouped papers: of the nearest 2,000, those that match the query well")
    generation: str
    themes: list[ThemeOut] = Field(description="The largest first; none of fewer than 20 papers")


class ThemesOut(GroupedOut):
    """The same, with the version of its shape."""

    schema_version: int


class MapPointOut(BaseModel):
    """A paper on a map."""

    id: str
    title: str = Field(description="Empty if it has none")
    published: str | None
    theme: int | None = Field(description="Position in themes, from 0; null on a map without themes")
    x: float = Field(description="From -1 to 1, to the right")
    y: float = Field(description="From -1 to 1, downwards")


class MapThemeOut(BaseModel):
    """A theme on a map."""

    label: str = Field(description="Two to four words of the papers")
    papers: int = Field(description="Number of its papers")
    x: float = Field(description="Where its label belongs, above many of its papers")
    y: float


class MapOut(BaseModel):
    """The relevant papers of an answer in two dimensions; similar papers are near each other."""

    schema_version: int
    answered_query: str = Field(
        description="The query whose papers are on the map: q, or what a search answers instead"
    )
    relevant: int = Field(description="Number of relevant papers")
    relevant_estimated: bool = Field(description="relevant is an estimate, within about one per cent")
    counted_over: str = Field(description=COUNTED_OVER)
    generation: str
    themes: list[MapThemeOut] = Field(description="The largest first; none of fewer than 20 papers")
    points: list[MapPointOut] = Field(description="The papers that are grouped into themes; the nearest first")


class TrendPeriodOut(BaseModel):
    """A month or year."""

    period: str = Field(description="2026, or 2026-04")
    papers: int = Field(description="All papers of the index that are published in it and match the filters")
    complete: bool = Field(description="The index has papers of a later day, and the filters allow the whole period")


class TrendOut(BaseModel):
    """The papers on a question: those that ``sort=newest`` lists."""

    question: str
    answered_query: str | None = Field(
        description="The question that is counted instead, because nothing is close to this one"
    )
    papers: int = Field(description="All papers on the question, in a period or not")
    error: int = Field(description="The error of papers that 19 of 20 counts are expected not to exceed")
    estimated: bool = Field(description="The counts are estimates")
    counted_over: str = Field(description=COUNTED_OVER)
    counts: list[int] = Field(description="Those of each period")
    errors: list[int] = Field(description="The error of each count")
    shares: list[float | None] = Field(description="Share of the papers of each period; null if there are none")
    undated: int = Field(description="Those without a date, which no period contains")
    without_month: int = Field(description="Those of which only the year is known, while months are counted")
    earlier: int = Field(description="Those before the first period")


class CountedOut(BaseModel):
    """The papers on several questions by the same periods."""

    generation: str = Field(description="The index generation that answered")
    per: Per
    newest: str | None = Field(description="The last day on which a paper of the index is published")
    periods: list[TrendPeriodOut] = Field(description="Consecutive periods, those without a paper included")
    trends: list[TrendOut] = Field(description="One for each q")
    notices: list[str] = Field(description="What a reader of the counts has to know")


class TrendsOut(CountedOut):
    """The same, with the version of its shape."""

    schema_version: int
