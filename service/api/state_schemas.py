"""Parameters and responses of the HTTP API for lists, saved searches and profiles."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from service.api.parameters import QueryParams, SearchRequest
from service.api.schemas import PageOut, PaperFields
from service.formats import Format
from service.formats.maps import MapFormat
from service.state.digests import DigestFormat
from service.state.lists import MAX_PAPERS
from service.state.searches import SavedSearch

_SEARCH_FIELDS = (
    "author",
    "not_author",
    "category",
    "kind",
    "start",
    "end",
    "updated_from",
    "updated_to",
    "like",
    "unlike",
)
"""Parameters of a search that a saved search has too, besides the text and the mode."""


class ListFormatRequest(BaseModel):
    """The format of a list."""

    model_config = ConfigDict(extra="forbid")

    format: Format | None = Field(
        None, description="Format of the response; default: what the Accept header prefers, else json", examples=["ris"]
    )


class ListMapRequest(BaseModel):
    """The format of the map of a list."""

    model_config = ConfigDict(extra="forbid")

    format: MapFormat = Field("json", description="Format of the response")


class ListAddBody(BaseModel):
    """Papers to add to a list."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(
        max_length=MAX_PAPERS,
        description="IDs of papers of the index, any current or former ones",
        examples=[["arxiv:2604.24432"]],
    )
    note: str | None = Field(
        None, description="A note on each of them, one line; absent: notes stay as they are", examples=["for chapter 3"]
    )


class ListSummaryOut(BaseModel):
    """A list without its papers."""

    name: str
    papers: int
    created: str = Field(description="When it was created, in UTC")


class ListsOut(BaseModel):
    """All lists of a profile."""

    schema_version: int
    lists: list[ListSummaryOut]


class ListEntryOut(PaperFields):  # type: ignore[misc]  # derived
    """A paper on a list."""

    note: str = Field(description="One line by the user; may be empty")
    saved: str = Field(description="When it was added to the list, in UTC")
    in_index: bool = Field(description="False: the index lacks it at present, and abstract and other fields are absent")


class ListOut(BaseModel):
    """The papers of a list."""

    schema_version: int
    name: str
    papers: list[ListEntryOut]


class ListChangeOut(BaseModel):
    """What was added to a list."""

    schema_version: int
    name: str
    added: int = Field(description="Papers that were not on the list")
    papers: int = Field(description="Papers on the list now")


_FIELDS: dict[str, Any] = {
    name: (model.model_fields[name].annotation, model.model_fields[name])
    for model, names in ((SearchRequest, ("q",)), (QueryParams, (*_SEARCH_FIELDS, "mode")))
    for name in names
}
_SearchFields = create_model("_SearchFields", __config__=ConfigDict(extra="forbid"), **_FIELDS)


class WatchBody(_SearchFields):  # type: ignore[misc, valid-type]  # derived
    """A search to save."""

    list: str = Field("", description="Name of a list; favours papers similar to those on it", examples=["starred"])

    def to_search(self) -> SavedSearch:
        """Returns the saved search."""
        return SavedSearch.from_json(self.model_dump(by_alias=True, exclude_none=True))


class WatchOut(BaseModel):
    """A saved search."""

    name: str
    search: dict[str, Any] = Field(description="Its parameters that are set")
    created: str = Field(description="When it was saved, in UTC")
    unread: int | None = Field(
        description="Relevant papers added since it was last read; null if the index cannot answer it at present"
    )
    feed: str | None = Field(description="Private address of its Atom feed; null if it has none")


class WatchesOut(BaseModel):
    """All saved searches of a profile."""

    schema_version: int
    watches: list[WatchOut]


class WatchSavedOut(WatchOut):
    """A saved search, and how the index understands it."""

    schema_version: int
    interpretation: str = Field(description="How the query is understood")
    answered_query: str | None = Field(
        description="A query that finds papers where nothing is close to q at present; the search is saved as typed"
    )


class NewPapersRequest(BaseModel):
    """The format of new papers."""

    model_config = ConfigDict(extra="forbid")

    format: DigestFormat = Field("json", description="Format of the response", examples=["markdown"])


class UnreadOut(PageOut):
    """The papers that were added since a saved search was last read; all of them, without a cursor."""

    name: str
    search: dict[str, Any]
    unread: int = Field(description="Number of papers")
    position: str = Field(description="What to mark as read")


class ReadBody(BaseModel):
    """Up to where new papers were read."""

    model_config = ConfigDict(extra="forbid")

    position: str = Field(description="The position of the response with the papers", examples=["0/gen-000001"])


class FeedOut(BaseModel):
    """The address of a feed."""

    schema_version: int
    feed: str = Field(description="Its address, for feed readers; whoever has it can read the feed")


class ProfileBody(BaseModel):
    """The name of a profile."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="What to call the profile of this browser", examples=["Anna, laptop"])


class ProfileOut(BaseModel):
    """A profile."""

    schema_version: int
    name: str = Field(description="Name of the API key, of the profile of the command line, or what the user called it")
    kind: str = Field(description="named, or browser: it belongs to a cookie")
