"""Routes of saved searches and their new papers, and of the viewer's profile."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter
from fastapi.responses import Response

from service.api.profiles import COOKIE
from service.state.names import parse_name
from service.state.profiles import Profiles
from service.state.watches import Position, Watches
from service.web.forms import FormDependency, require_own_page
from service.web.list_routes import ListPageRequest
from service.web.profile import profile_page
from service.web.responses import PageRoute, see_other
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
    """Saves a search."""
    search, name = search_of_url(PageUrl("/", form.fields)), parse_name(form.get("name"))
    Watches(viewer.access.state, viewer.access.to_change()).add(name, search, viewer.session)
    return viewer.redirect(form.back(watch_url(name)), f"Following “{name}”: papers added from now on are new.")


@router.post("/watches/{name}/read", dependencies=_FROM_OWN_PAGE)
def mark_read(viewer: ViewerDependency, name: str, form: FormDependency) -> Response:
    """Marks the papers that a page has shown as read."""
    position = Position.parse(form.get("position")).at_most(Position.of(viewer.session))
    viewer.watches.mark_read(name, position)
    return viewer.redirect(watch_url(name), "Marked as read.")


@router.post("/watches/{name}/remove", dependencies=_FROM_OWN_PAGE)
def remove(viewer: ViewerDependency, name: str, _form: FormDependency) -> Response:
    """Deletes a saved search and its feed."""
    viewer.watches.remove(name)
    return viewer.redirect("/watches", f"“{name}” removed.")


@router.post("/watches/{name}/feed", dependencies=_FROM_OWN_PAGE)
def feed(viewer: ViewerDependency, name: str, form: FormDependency) -> Response:
    """Gives a saved search a feed with a new address, or ends its feed."""
    if form.get("do") == "end":
        viewer.watches.revoke_feed(name)
        return viewer.redirect(watch_url(name), "The feed has ended; its address no longer works.")
    viewer.watches.create_feed(name)
    return viewer.redirect(watch_url(name), "The feed has a new address.")


@router.get("/profile")
def profile(viewer: ViewerDependency) -> Response:
    """Whose lists and saved searches the viewer uses."""
    return viewer.respond(profile_page(viewer))


@router.post("/profile", dependencies=_FROM_OWN_PAGE)
def name_profile(viewer: ViewerDependency, form: FormDependency) -> Response:
    """Names the profile of a browser, which gets one of its own if it has none."""
    Profiles(viewer.access.state).rename(viewer.access.to_name(), form.get("name"))
    return viewer.redirect(form.back("/profile"), "Name saved.")


@router.post("/profile/leave", dependencies=_FROM_OWN_PAGE)
def leave_profile(viewer: ViewerDependency, _form: FormDependency) -> Response:
    """Deletes the profile of a browser, with its lists and saved searches, and the cookie that leads to it."""
    if viewer.profile.is_browser:
        Profiles(viewer.access.state).delete(viewer.profile)
    response = see_other("/profile", "This browser has left its profile.")
    response.delete_cookie(COOKIE)
    return response
