"""Pages for commands: POST /commands/page returns the page that ``papers search`` or ``papers similar`` would print.

The command has found the server by its announcement (``service/announcement.py``) and answers itself if it gets no page
from here. So a question that this server would answer otherwise than the command is refused.
"""

from dataclasses import replace
from datetime import date
from typing import Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from search.embedding.cache import EmbedderCache
from search.embedding.embedder import Embedder
from search.embedding.model import BUILT_IN_MODELS, ModelIdentity
from search.embedding.numpy_embedder import NumpyEmbedder
from search.errors import ModelUnavailable
from search.searcher import Searcher
from service.api.bodies import require_json
from service.api.dependencies import SearcherDependency
from service.api.parameters import PageParams
from service.api.strict import StrictRoute
from service.formats.page_fields import dump_page

router = APIRouter(route_class=StrictRoute)


class CommandQuestion(PageParams):
    """What a command is to answer: the parameters of a search, and how it would answer them itself."""

    q: str = Field("", description="The text of the search box")
    command: Literal["search", "similar"] = Field(description="The command")
    index: str = Field(description="Checksum of the manifest of the generation that the command would open")
    today: date = Field(description="The day of the command, to which dates such as 30d are relative")


def command_embedders(searcher: Searcher) -> EmbedderCache:
    """Returns the embedders with which commands embed a query: its vector in OpenVINO differs in the fourth digit."""
    return EmbedderCache(searcher.directory, _load_embedder)


@router.post("/commands/page", include_in_schema=False, dependencies=[Depends(require_json)])
def command_page(request: Request, searcher: SearcherDependency, body: CommandQuestion) -> Response:
    """The page with all its fields; 409 if the command has to answer itself."""
    session, query = searcher.session(), body.to_query()
    if (body.index, body.today) != (session.snapshot.checksum, date.today()):
        return Response(status_code=409)
    session = replace(session, embedders=request.app.state.command_embedders)
    try:
        page = session.ask(body.q, query) if body.command == "search" else session.search(query)
    except ModelUnavailable:
        return Response(status_code=409)
    return Response(dump_page(page), media_type="application/json")


def _load_embedder(model: ModelIdentity) -> Embedder:
    """Loads the embedder of short queries.

    Raises:
        ModelUnavailable: commands embed with this model in OpenVINO, whose results depend on how it is set up.
    """
    built_in = BUILT_IN_MODELS.get(model.name)
    if built_in is None or not NumpyEmbedder.supports(built_in):
        raise ModelUnavailable("commands embed with this model themselves")
    return NumpyEmbedder(built_in, model.precision, _refuse)


def _refuse() -> Embedder:
    raise ModelUnavailable("commands embed long texts themselves")
