"""Profiles of requests: whose lists and saved searches a request may read and change.

With API keys, that is the profile of the key's name. Without them, it is the one whose random token is in the cookie of
the browser. On a server that only this machine reaches, a browser without a cookie shares the profile of the command
line.
"""

from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from indexer.state import StateDatabase
from service.api.guard.records import RequestRecord
from service.settings import Settings
from service.state.profiles import DEFAULT_PROFILE, NOBODY, Profile, Profiles, make_token

COOKIE = "papers_profile"
"""Name of the cookie with the token of a browser's profile."""
_COOKIE_SECONDS = 400 * 86_400
"""Seconds for which browsers keep the cookie; the most that they allow (RFC 6265bis, section 5.5)."""
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers that proxies add; a request that has one may come from another machine."""


async def refuse_cross_site(request: Request) -> None:
    """Refuses a request that a page of another site sends: it could change lists, or read them.

    Browsers say where a request comes from: in Sec-Fetch-Site, or on plain HTTP and for scripts, in Origin. Programs
    send neither. An origin has to be listed by name; ``*`` does not include lists and saved searches.

    Raises:
        HTTPException: 403.
    """
    settings: Settings = request.app.state.settings
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin in settings.origins:
        return
    site = request.headers.get("sec-fetch-site")
    is_own = origin is None or origin.partition("://")[2].casefold() == host.casefold()
    if request.method not in _SAFE_METHODS and site is not None:
        is_own = site in ("same-origin", "none")
    if not is_own:
        raise HTTPException(403, "request from a page of another site refused; add its origin to PAPERS_ORIGINS")


class ProfileAccess:
    """The profile of a request.

    Args:
        request: the request.

    Attributes:
        state: where the profile is stored.
        accept: the Accept header of the request; empty if it has none.
    """

    def __init__(self, request: Request) -> None:
        self.state: StateDatabase = request.app.state.state
        self.accept = request.headers.get("accept", "")
        self._request = request
        self._new_token = ""

    def to_read(self) -> Profile:
        """Returns the profile to read; one without lists if the browser has none yet."""
        return self._find() or NOBODY

    def to_change(self) -> Profile:
        """Returns the profile to change; a browser that has none gets a new one with the cookie of ``finish``."""
        return self._find() or self._create()

    def to_name(self) -> Profile:
        """Returns the profile that a browser gives a name: its own, which is created if it has none.

        Raises:
            HTTPException: 403, the profile belongs to an API key.
        """
        profile = self._find()
        if profile and not profile.is_browser and self._settings.keys:
            raise HTTPException(403, "the profile of an API key has the name of the key")
        return profile if profile and profile.is_browser else self._create()

    def finish(self, response: Response) -> Response:
        """Returns the response, with the cookie if the browser has got a profile; nobody else may store it."""
        response.headers["Cache-Control"] = "private, no-store"
        if self._new_token:
            response.set_cookie(
                COOKIE,
                self._new_token,
                max_age=_COOKIE_SECONDS,
                secure=self._request.url.scheme == "https",
                httponly=True,
                samesite="lax",
            )
        return response

    def _find(self) -> Profile | None:
        name = RequestRecord.from_scope(self._request.scope).key_name
        if name is not None:
            return Profile.of_name(name)
        if token := self._request.cookies.get(COOKIE, ""):
            profile = Profile.of_token(token)
            if Profiles(self.state).exists(profile):
                return profile
        return Profile.of_name(DEFAULT_PROFILE) if self._is_of_this_machine() else None

    def _create(self) -> Profile:
        self._new_token = self._new_token or make_token()  # stored, as its hash, by what changes the profile
        return Profile.of_token(self._new_token)

    def _is_of_this_machine(self) -> bool:
        """Whether only programs of this machine reach the server, and no proxy passes on the requests of others."""
        settings, headers = self._settings, self._request.headers
        is_local = _is_loopback(settings.host) and not (settings.keys or settings.proxies or settings.hosts)
        return is_local and not any(name in headers for name in _FORWARDING_HEADERS)

    @property
    def _settings(self) -> Settings:
        settings: Settings = self._request.app.state.settings
        return settings


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def _access(request: Request) -> ProfileAccess:
    return ProfileAccess(request)


AccessDependency = Annotated[ProfileAccess, Depends(_access)]
"""The profile of the request."""
