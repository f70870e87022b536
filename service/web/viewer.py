"""Viewer: whoever looks at a page, with the lists and saved searches that every page shows."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Request
from fastapi.responses import Response

from search.errors import StateUnavailable
from search.lazy import lazy_property
from search.papers.paper import Paper
from search.session import Session
from service.api.dependencies import SearcherDependency
from service.api.guard.records import RequestRecord
from service.api.negotiation import prefers_html
from service.api.profiles import AccessDependency, ProfileAccess
from service.state.lists import Lists
from service.state.person_statements import PersonStatements
from service.state.profiles import DEFAULT_PROFILE, Profile
from service.state.visits import record_visit
from service.state.watches import Position, Watch, Watches
from service.web.responses import NOTICE_COOKIE, html_response, see_other
from service.web.unread import sum_unread
from service.web.urls import PageUrl

Notes = Mapping[str, str]
"""The lists that a paper is on, each with the note on the paper; a note may be empty."""


class Viewer:
    """Whoever looks at a page or submits a form.

    A state that cannot be read has no lists here, since searches work without it; pages on lists report the problem.

    Args:
        request: the request.
        access: its profile.
        session: the index that answers.
    """

    def __init__(self, request: Request, access: ProfileAccess, session: Session) -> None:
        self.request, self.access, self.session = request, access, session

    def apply_corrections(self) -> None:
        """Lets the session tell people apart as the viewer has stated."""
        with contextlib.suppress(StateUnavailable):
            self.session = replace(self.session, corrections=self.person_statements.corrections())

    @property
    def person_statements(self) -> PersonStatements:
        """The statements about people to read."""
        return PersonStatements(self.access.state, self.profile)

    @lazy_property
    def profile(self) -> Profile:
        """The profile to read."""
        return self.access.to_read()

    @property
    def lists(self) -> Lists:
        """The lists to read."""
        return Lists(self.access.state, self.profile)

    @property
    def watches(self) -> Watches:
        """The saved searches to read."""
        return Watches(self.access.state, self.profile)

    def notes(self, papers: Sequence[Paper]) -> Mapping[str, Notes]:
        """Returns the lists that papers are on, by ID; papers on no list are missing."""
        try:
            return self.lists.notes(papers)
        except StateUnavailable:
            return {}

    @property
    def filter_kinds(self) -> tuple[str, ...]:
        """The kinds of papers that the index can filter by; none if an earlier version wrote it."""
        return self.session.snapshot.columns.kinds.names

    @property
    def has_citations(self) -> bool:
        """Whether a paper of the index has a citation count."""
        return self.session.snapshot.columns.has_citations

    @lazy_property
    def unread(self) -> int:
        """How many papers of saved searches are unread."""
        try:
            return sum_unread(self.watches, self.lists, self.saved_searches, self.session)
        except StateUnavailable:
            return 0

    @lazy_property
    def saved_searches(self) -> tuple[Watch, ...]:
        """All saved searches in alphabetical order.

        Raises:
            StateUnavailable: the state cannot be read.
        """
        return self.watches.all()

    @lazy_property
    def shared_items(self) -> int | None:
        """The papers on lists and the saved searches of the profile, if every browser without one shares it."""
        key = RequestRecord.from_scope(self.request.scope).key_name
        if key is not None or self.profile != Profile.of_name(DEFAULT_PROFILE):
            return None
        try:
            return sum(each.papers for each in self.lists.summaries()) + len(self.saved_searches)
        except StateUnavailable:
            return None

    @lazy_property
    def last_visit(self) -> int | None:
        """The last time at which a paper had been added when the visit before ended; None in the first visit.

        Only pages count, and what they load, so that programs do not make visits.
        """
        headers = self.request.headers
        if not (prefers_html(headers.get("accept", "")) or headers.get("sec-fetch-site") == "same-origin"):
            return None
        try:
            return record_visit(self.access.state, self.profile, Position.of(self.session).added)
        except StateUnavailable:
            return None

    @property
    def here(self) -> str:
        """The URL of the page."""
        return str(PageUrl.from_request(self.request))

    @property
    def notice(self) -> str:
        """What the form did that the viewer submitted before this page; empty without one."""
        return unquote(self.request.cookies.get(NOTICE_COOKIE, ""))

    def respond(self, page: str) -> Response:
        """Returns a page that only this viewer may see."""
        _ = self.last_visit  # every page is part of a visit
        response = self.access.finish(html_response(page))
        if self.notice:
            response.delete_cookie(NOTICE_COOKIE)
        return response

    def redirect(self, url: str, notice: str = "") -> Response:
        """Returns the redirect that follows a form, with a notice of what it did."""
        return self.access.finish(see_other(url, notice))


def _open_viewer(request: Request, access: AccessDependency, searcher: SearcherDependency) -> Viewer:
    viewer = Viewer(request, access, searcher.session())
    if any("@" in value for value in request.query_params.values()):  # the query may tell a person from namesakes
        viewer.apply_corrections()
    return viewer


ViewerDependency = Annotated[Viewer, Depends(_open_viewer)]
"""Whoever sent the request, with the index at present; FastAPI opens it in a thread, because that can take time."""
