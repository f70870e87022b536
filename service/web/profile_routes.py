"""Routes of the profile: whose lists and saved searches a browser uses."""

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from service.api.profiles import COOKIE
from service.state.profiles import Profiles
from service.web.forms import FormDependency, require_own_page
from service.web.profile import profile_page
from service.web.responses import PageRoute, see_other
from service.web.viewer import ViewerDependency

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_FROM_OWN_PAGE = [Depends(require_own_page)]


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
