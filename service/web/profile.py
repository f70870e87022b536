"""The page of the profile: whose lists and saved searches a viewer uses."""

from service.api.guard.records import RequestRecord
from service.state.profiles import NOBODY, Profiles
from service.web.html import SearchForm, render_template
from service.web.viewer import Viewer


def profile_page(viewer: Viewer) -> str:
    """Renders the profile, and forms that name and leave it."""
    profile = viewer.profile
    kind = "none" if profile == NOBODY else "browser" if profile.is_browser else "named"
    return render_template(
        "profile.html",
        viewer,
        SearchForm(),
        kind=kind,
        has_key=RequestRecord.from_scope(viewer.request.scope).key_name is not None,
        title=Profiles(viewer.access.state).title(profile),
        lists=len(viewer.lists.summaries()),
        watches=len(viewer.saved_searches),
    )
