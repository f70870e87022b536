"""Routes of lists in the HTTP API."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Body, Depends, Path
from fastapi import Query as Parameter
from fastapi.responses import Response

from service.api.bodies import require_json
from service.api.dependencies import SearcherDependency
from service.api.maps import MAP_DOCS, map_response
from service.api.negotiation import format_docs, negotiate_format
from service.api.problems import GUARD_STATUSES, problem_docs
from service.api.profiles import AccessDependency, refuse_cross_site
from service.api.state_schemas import ListAddBody, ListChangeOut, ListFormatRequest, ListMapRequest, ListOut, ListsOut
from service.api.strict import StrictRoute
from service.formats import MEDIA_TYPES, RenderOptions, render_page
from service.formats.render import SCHEMA_VERSION
from service.state.lists import Lists
from service.state.rendering import entries_page, list_json

router = APIRouter(route_class=StrictRoute, dependencies=[Depends(refuse_cross_site)])
_STATUSES = (403, 422, 503, *GUARD_STATUSES)
_ListName = Annotated[str, Path(description="The name of a list", examples=["starred"])]
_PaperId = Annotated[str, Path(description="Any current or former ID", examples=["arxiv:2604.24432"])]


@router.get("/v1/lists", responses={200: {"model": ListsOut}, **problem_docs(*_STATUSES)})
def all_lists(access: AccessDependency) -> Response:
    """All lists of the profile, with the number of their papers."""
    found = [summary.to_json() for summary in Lists(access.state, access.to_read()).summaries()]
    return access.finish(_json_response({"schema_version": SCHEMA_VERSION, "lists": found}))


@router.get(
    "/v1/lists/{name}",
    responses={200: {"model": ListOut, "content": format_docs()}, **problem_docs(404, 406, *_STATUSES)},
)
def one_list(
    access: AccessDependency,
    searcher: SearcherDependency,
    name: _ListName,
    params: Annotated[ListFormatRequest, Parameter()],
) -> Response:
    """The papers of a list in the order in which they were added, with the notes on them; in any format of a search."""
    output_format, session = negotiate_format(params.format, access.accept), searcher.session()
    entries = Lists(access.state, access.to_read()).entries(name, session)
    if output_format == "json":
        return access.finish(_json_response(list_json(name, entries)))
    options = RenderOptions(feed_key=f"list\n{name}")
    content = render_page(output_format, entries_page(name, entries, session.generation), options)
    media = MEDIA_TYPES[output_format]
    headers = {"Content-Type": media.content_type}
    if media.extension:
        headers["Content-Disposition"] = f'attachment; filename="list.{media.extension}"'
    return access.finish(Response(content, headers=headers))


@router.get("/v1/lists/{name}/map", responses={200: MAP_DOCS, **problem_docs(404, *_STATUSES)})
def list_map(
    access: AccessDependency,
    searcher: SearcherDependency,
    name: _ListName,
    params: Annotated[ListMapRequest, Parameter()],
) -> Response:
    """The papers of a list that the index has in two dimensions; see ``GET /v1/map``."""
    ids = [entry.paper.id for entry in Lists(access.state, access.to_read()).entries(name)]
    return access.finish(map_response(searcher.map_papers(ids), params.format))


@router.post(
    "/v1/lists/{name}",
    responses={200: {"model": ListChangeOut}, **problem_docs(400, 404, 413, 415, *_STATUSES)},
    dependencies=[Depends(require_json)],
)
def add_to_list(
    access: AccessDependency, searcher: SearcherDependency, name: _ListName, body: Annotated[ListAddBody, Body()]
) -> Response:
    """Adds papers of the index to a list, which is created if it is missing; ``starred`` is the list of stars."""
    lists = Lists(access.state, access.to_change())
    added = lists.add(name, body.ids, searcher.session(), note=body.note)
    fields = {"schema_version": SCHEMA_VERSION, "name": name, "added": added, "papers": len(lists.entries(name))}
    return access.finish(_json_response(fields))


@router.delete("/v1/lists/{name}", status_code=204, responses=problem_docs(404, *_STATUSES))
def delete_list(access: AccessDependency, name: _ListName) -> Response:
    """Deletes a list with its notes; its papers stay in the index."""
    Lists(access.state, access.to_read()).delete(name)
    return access.finish(Response(status_code=204))


@router.delete("/v1/lists/{name}/papers/{paper_id:path}", status_code=204, responses=problem_docs(404, *_STATUSES))
def remove_from_list(
    access: AccessDependency, searcher: SearcherDependency, name: _ListName, paper_id: _PaperId
) -> Response:
    """Removes a paper from a list; an ID may contain slashes."""
    Lists(access.state, access.to_read()).remove(name, [paper_id], searcher.session())
    return access.finish(Response(status_code=204))


def _json_response(fields: object) -> Response:
    return Response(orjson.dumps(fields), media_type="application/json")
