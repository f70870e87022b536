"""Routes of the profile in the HTTP API: whose lists and saved searches a client uses."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Body, Depends
from fastapi.responses import Response

from service.api.bodies import require_json
from service.api.problems import GUARD_STATUSES, problem_docs
from service.api.profiles import AccessDependency, ProfileAccess, refuse_cross_site
from service.api.state_schemas import ProfileBody, ProfileOut
from service.api.strict import StrictRoute
from service.formats.render import SCHEMA_VERSION
from service.state.profiles import NOBODY, Profile, Profiles

router = APIRouter(route_class=StrictRoute, dependencies=[Depends(refuse_cross_site)])
_STATUSES = (403, 422, 503, *GUARD_STATUSES)


@router.get("/v1/profile", responses={200: {"model": ProfileOut}, **problem_docs(*_STATUSES)})
def profile(access: AccessDependency) -> Response:
    """Whose lists and saved searches the client uses."""
    return _profile_response(access, access.to_read())


@router.post(
    "/v1/profile",
    responses={200: {"model": ProfileOut}, **problem_docs(400, 413, 415, *_STATUSES)},
    dependencies=[Depends(require_json)],
)
def name_profile(access: AccessDependency, body: Annotated[ProfileBody, Body()]) -> Response:
    """Names the profile of a browser, which gets one of its own with a cookie if it has none."""
    found = access.to_name()
    Profiles(access.state).rename(found, body.name)
    return _profile_response(access, found)


def _profile_response(access: ProfileAccess, found: Profile) -> Response:
    kind = "browser" if found.is_browser or found == NOBODY else "named"
    fields = {"schema_version": SCHEMA_VERSION, "name": Profiles(access.state).title(found), "kind": kind}
    return access.finish(Response(orjson.dumps(fields), media_type="application/json"))
