"""Routes of saved searches and their new papers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter
from fastapi.responses import Response

from service.state.names import parse_name
from service.state.watches import Position, Watches
from service.web.follow import followed_notice
from service.web.forms import FormDependency, require_own_page
from service.web.list_routes import ListPageRequest
from service.web.responses import PageRoute
from service.web.searches import search_of_url
from service.web.urls import PageUrl, watch_url
from service.web.viewer import ViewerDependency
from service.web.watches import watch_page, watches_page

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_FROM_OWN_PAGE = [Depends(require_own_page)]


@router.get("/watches")
def all_watches(viewer: ViewerDependency) -> Response:
    """All saved searches of the viewer."""
    return viewer.respond(watches_page(viewer))


@router.get("/watches/{name}")
def one_watch(
    request: Request, viewer: ViewerDependency, name: str, params: Annotated[ListPageRequest, Parameter()]
) -> Response:
    """The new papers of a saved search."""
    return viewer.respond(watch_page(viewer, PageUrl.from_request(request), parse_name(name), params.page))


@router.post("/watches", dependencies=_FROM_OWN_PAGE)
def follow(viewer: ViewerDependency, form: FormDependency) -> Response:
    """Saves a search, with a feed, whose address the next page shows."""
    search, name = search_of_url(PageUrl("/", form.fields)), parse_name(form.get("name"))
    watches = Watches(viewer.access.state, viewer.access.to_change())
    watches.add(name, search, viewer.session)
    watches.create_feed(name)
    return viewer.redirect(form.back(watch_url(name)), followed_notice(name))


@router.post("/watches/{name}/read", dependencies=_FROM_OWN_PAGE)
def mark_read(viewer: ViewerDependency, name: str, form: FormDependency) -> Response:
    """Marks the papers that a page has shown as read."""
    position = Position.parse(form.get("position")).at_most(Position.of(viewer.session))
    viewer.watches.mark_read(name, position)
    return viewer.redirect(watch_url(name), "Marked as read.")


@router.post("/watches/{name}/remove", dependencies=_FROM_OWN_PAGE)
def remove(viewer: ViewerDependency, name: str, form: FormDependency) -> Response:
    """Deletes a saved search and its feed."""
    viewer.watches.remove(name)
    return viewer.redirect(form.back("/watches"), f"No longer following “{name}”.")


@router.post("/watches/{name}/feed", dependencies=_FROM_OWN_PAGE)
def feed(viewer: ViewerDependency, name: str, form: FormDependency) -> Response:
    """Gives a saved search a feed with a new address, or ends its feed."""
    if form.get("do") == "end":
        viewer.watches.revoke_feed(name)
        return viewer.redirect(watch_url(name), "The feed has ended; its address no longer works.")
    viewer.watches.create_feed(name)
    return viewer.redirect(watch_url(name), "The feed has a new address.")
