"""Routes of saved searches in the HTTP API, and their feeds."""

from dataclasses import replace
from typing import Annotated

import orjson
from fastapi import APIRouter, Body, Depends, Path, Request
from fastapi import Query as Parameter
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from search.papers.json import Json
from service.api.bodies import require_json
from service.api.dependencies import SearcherDependency
from service.api.guard.keys import KeyFile
from service.api.negotiation import format_docs
from service.api.problems import GUARD_STATUSES, problem_docs
from service.api.profiles import AccessDependency, ProfileAccess, refuse_cross_site
from service.api.state_schemas import (
    FeedOut,
    NewPapersRequest,
    ReadBody,
    UnreadOut,
    WatchBody,
    WatchesOut,
    WatchSavedOut,
)
from service.api.strict import StrictRoute
from service.formats import MEDIA_TYPES, MediaType, RenderOptions, render_page
from service.formats.render import SCHEMA_VERSION
from service.settings import Settings
from service.state.digests import DigestFormat, render_digest, unread_json
from service.state.watches import Position, Watch, Watches, find_feed

router = APIRouter(route_class=StrictRoute)
_STATUSES = (403, 404, 422, 503, *GUARD_STATUSES)
_BODY_STATUSES = (400, 413, 415)
_SAME_SITE = [Depends(refuse_cross_site)]
_SAME_SITE_JSON = [*_SAME_SITE, Depends(require_json)]
_FEED_PAPERS = 100
"""Papers of a feed; feed readers keep what they have read."""
_DOCUMENTS = {"markdown": MediaType("text/markdown; charset=utf-8"), "html": MediaType("text/html; charset=utf-8")}
_DIGEST_DOCS = {**format_docs(), **{f"text/{name}": {"schema": {"type": "string"}} for name in _DOCUMENTS}}
_WatchName = Annotated[str, Path(description="The name of a saved search", examples=["kv-cache"])]


@router.get(
    "/v1/watches",
    responses={200: {"model": WatchesOut}, **problem_docs(403, 422, 503, *GUARD_STATUSES)},
    dependencies=_SAME_SITE,
)
def all_watches(access: AccessDependency, searcher: SearcherDependency, request: Request) -> Response:
    """All saved searches of the profile, with the number of papers that were added since each was last read."""
    watches, session = Watches(access.state, access.to_read()), searcher.session()
    found = [_watch_json(watch, watches.try_count_unread(watch.name, session), request) for watch in watches.all()]
    return _json_response(access, {"schema_version": SCHEMA_VERSION, "watches": found})


@router.post(
    "/v1/watches/{name}",
    responses={200: {"model": WatchSavedOut}, **problem_docs(*_BODY_STATUSES, *_STATUSES)},
    dependencies=_SAME_SITE_JSON,
)
def add_watch(
    access: AccessDependency,
    searcher: SearcherDependency,
    request: Request,
    name: _WatchName,
    body: Annotated[WatchBody, Body()],
) -> Response:
    """Saves a search under a new name. Papers that are added to the index from now on are unread."""
    watches = Watches(access.state, access.to_change())
    present = watches.add(name, body.to_search(), searcher.session())
    fields = {"schema_version": SCHEMA_VERSION, **_watch_json(watches.get(name), 0, request)}
    fields |= {"interpretation": present.interpretation, "answered_query": present.answered_query}
    return _json_response(access, fields)


@router.delete("/v1/watches/{name}", status_code=204, responses=problem_docs(*_STATUSES), dependencies=_SAME_SITE)
def remove_watch(access: AccessDependency, name: _WatchName) -> Response:
    """Deletes a saved search and its feed."""
    Watches(access.state, access.to_read()).remove(name)
    return access.finish(Response(status_code=204))


@router.get(
    "/v1/watches/{name}/new",
    responses={200: {"model": UnreadOut, "content": _DIGEST_DOCS}, **problem_docs(*_STATUSES)},
    dependencies=_SAME_SITE,
)
def new_papers(
    access: AccessDependency,
    searcher: SearcherDependency,
    name: _WatchName,
    params: Annotated[NewPapersRequest, Parameter()],
) -> Response:
    """All papers closest to the search that were added since it was last read, the last added first. The header
    Papers-Position, in json also ``position``, is what to mark as read afterwards."""
    found = Watches(access.state, access.to_read()).unread(name, searcher.session())
    if params.format == "json":
        response = Response(
            orjson.dumps({"schema_version": SCHEMA_VERSION, **unread_json(found)}), media_type="application/json"
        )
    else:
        response = Response(render_digest(params.format, [found]))
        response.headers["Content-Type"] = _media_type(params.format).content_type
    response.headers["Papers-Position"] = str(found.position)
    return access.finish(response)


@router.post(
    "/v1/watches/{name}/read",
    status_code=204,
    responses=problem_docs(*_BODY_STATUSES, *_STATUSES),
    dependencies=_SAME_SITE_JSON,
)
def mark_read(
    access: AccessDependency, searcher: SearcherDependency, name: _WatchName, body: Annotated[ReadBody, Body()]
) -> Response:
    """Marks the papers up to a position as read; papers that were added after it stay unread."""
    position = Position.parse(body.position).at_most(Position.of(searcher.session()))
    Watches(access.state, access.to_read()).mark_read(name, position)
    return access.finish(Response(status_code=204))


@router.post(
    "/v1/watches/{name}/feed",
    responses={200: {"model": FeedOut}, **problem_docs(*_STATUSES)},
    dependencies=_SAME_SITE,
)
def create_feed(access: AccessDependency, request: Request, name: _WatchName) -> Response:
    """Gives a saved search a private feed, whose address nobody can guess; an earlier address of it ends."""
    token = Watches(access.state, access.to_read()).create_feed(name)
    return _json_response(access, {"schema_version": SCHEMA_VERSION, "feed": feed_url(request, token)})


@router.delete("/v1/watches/{name}/feed", status_code=204, responses=problem_docs(*_STATUSES), dependencies=_SAME_SITE)
def revoke_feed(access: AccessDependency, name: _WatchName) -> Response:
    """Ends the feed of a saved search."""
    Watches(access.state, access.to_read()).revoke_feed(name)
    return access.finish(Response(status_code=204))


@router.get("/v1/feeds/{token}", include_in_schema=False)
def feed(access: AccessDependency, searcher: SearcherDependency, request: Request, token: str) -> Response:
    """The papers of a saved search that were added last, as an Atom feed. Its address is secret and needs no key."""
    found = find_feed(access.state, token)
    settings: Settings = request.app.state.settings
    if found is None or (settings.keys and not _has_key(settings, found[0].name)):
        raise HTTPException(404, "no such feed; its address was replaced or revoked")
    (owner, name), session = found, searcher.session()
    headers = {"ETag": f'W/"{session.generation}-{token[:8]}"', "Cache-Control": "private, no-cache"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    page = replace(Watches(access.state, owner).latest(name, session, _FEED_PAPERS), interpretation=name)
    options = RenderOptions(feed_key=f"feed\n{owner}\n{name}", self_url=str(request.url))
    content = render_page("atom", page, options)
    return Response(content, headers={**headers, "Content-Type": MEDIA_TYPES["atom"].content_type})


def feed_url(request: Request, token: str | None) -> str | None:
    """Returns the address of a feed; None without a token."""
    return f"{request.base_url}v1/feeds/{token}" if token else None


def _has_key(settings: Settings, name: str) -> bool:
    """Whether an API key of this name exists: the feeds of a key end with it."""
    return settings.keys is not None and any(key.name == name for key in KeyFile(settings.keys).load())


def _media_type(name: DigestFormat) -> MediaType:
    return _DOCUMENTS[name] if name in _DOCUMENTS else MEDIA_TYPES[name]  # type: ignore[index]  # the other formats


def _watch_json(watch: Watch, unread: int | None, request: Request) -> dict[str, Json]:
    return {
        "name": watch.name,
        "search": watch.search.to_json(),
        "created": watch.created,
        "unread": unread,
        "feed": feed_url(request, watch.feed_token),
    }


def _json_response(access: ProfileAccess, fields: object) -> Response:
    return access.finish(Response(orjson.dumps(fields), media_type="application/json"))
