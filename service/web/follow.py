"""Follow: the part of a page that saves its search, or says where the new papers of a saved one appear."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from search.errors import StateUnavailable
from service.api.watches import feed_url
from service.state.profiles import DEFAULT_PROFILE, NOBODY, Profile
from service.state.searches import SavedSearch
from service.state.watches import Watch
from service.web.html import Link
from service.web.searches import Proposal, propose
from service.web.urls import watch_url
from service.web.viewer import Viewer

_SUBCOMMANDS = ("add", "list", "new", "remove")
"""Words that ``papers watch`` does not take for the name of a saved search."""


@dataclass(frozen=True, slots=True)
class WatchAccess:
    """The ways to the new papers of a saved search.

    Attributes:
        name: the saved search.
        href: its page.
        feed: the address of its feed; None without one.
        command: prints the new papers in a terminal; empty where no command can read the profile.
    """

    name: str
    href: str
    feed: str | None
    command: str

    @classmethod
    def of(cls, watch: Watch, viewer: Viewer) -> Self:
        """Returns the ways to a saved search of a viewer."""
        feed = feed_url(viewer.request, watch.feed_token)
        return cls(watch.name, watch_url(watch.name), feed, _watch_command(watch.name, viewer.profile))


@dataclass(frozen=True, slots=True)
class Follow:
    """What the Follow menu of a page offers: one of its parts.

    Attributes:
        watch: the search is saved already; None otherwise.
        proposal: the form that saves it; None otherwise.
        reason: why the search cannot be saved; empty otherwise.
        links: other searches, if it cannot be saved.
        is_open: whether the menu is open, because the search was saved just before.
        has_commands: whether ``papers watch`` can read what the viewer saves.
    """

    watch: WatchAccess | None = None
    proposal: Proposal | None = None
    reason: str = ""
    links: Sequence[Link] = ()
    is_open: bool = False
    has_commands: bool = False


def build_follow(viewer: Viewer, search: SavedSearch, words: str) -> Follow | None:
    """Returns the Follow menu for a search; None if the state cannot be read.

    Args:
        viewer: whoever looks at the page.
        search: the search.
        words: the search in words, of which the proposed name is made.
    """
    try:
        watches = viewer.saved_searches
    except StateUnavailable:
        return None
    for watch in watches:
        if watch.search == search:
            return Follow(WatchAccess.of(watch, viewer), is_open=viewer.notice == followed_notice(watch.name))
    proposal = propose(search, words, [watch.name for watch in watches])
    return Follow(proposal=proposal, has_commands=_is_named(viewer.profile))


def followed_notice(name: str) -> str:
    """Returns the notice of the page after a search was saved."""
    return f"Following “{name}”: papers added from now on are listed under Watches."


def _watch_command(name: str, profile: Profile) -> str:
    if not _is_named(profile):
        return ""
    options = [] if profile.name == DEFAULT_PROFILE else ["--profile", profile.name]
    if name.startswith("-") or name in _SUBCOMMANDS:
        return shlex.join(["papers", "watch", "new", *options, "--", name])
    return shlex.join(["papers", "watch", name, *options])


def _is_named(profile: Profile) -> bool:
    """Whether the command line can read a profile; that of a browser is found by its cookie alone."""
    return profile != NOBODY and not profile.is_browser
