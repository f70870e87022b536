"""The pages of saved searches: all of them with their unread papers, and one with its new papers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from search.errors import InvalidValue, NameNotFound, PaperNotFound
from search.query.counts import format_count
from search.query.query import MAX_EXAMPLES
from service.state.searches import SavedSearch
from service.web.cards import Card, build_cards
from service.web.follow import WatchAccess
from service.web.html import SearchForm, render_template
from service.web.pagination import paginate_rows, range_text
from service.web.searches import describe_search, search_params
from service.web.unread import count_unread
from service.web.urls import PageUrl
from service.web.viewer import Viewer

PAGE_SIZE = 50
"""New papers on one page."""
_LATEST = 10
"""Papers that are shown if none is new."""


@dataclass(frozen=True, slots=True)
class WatchSummary:
    """A saved search among all of them.

    Attributes:
        name: its name.
        description: the search in words.
        unread: the number of its unread papers; None if the index cannot answer it at present.
    """

    name: str
    description: str
    unread: int | None


@dataclass(frozen=True, slots=True)
class NewPapers:
    """What a saved search finds.

    Attributes:
        cards: the papers of this page.
        total: the number of unread papers.
        position: what to mark as read; empty if nothing is unread.
        problem: why the index cannot answer; empty if it can.
    """

    cards: Sequence[Card]
    total: int
    position: str = ""
    problem: str = ""


def watches_page(viewer: Viewer) -> str:
    """Renders all saved searches of the viewer, those with unread papers first."""
    watches, lists, session = viewer.watches, viewer.lists, viewer.session
    found = [
        WatchSummary(watch.name, describe_search(watch.search, session), count_unread(watches, lists, watch, session))
        for watch in viewer.saved_searches
    ]
    ordered = sorted(found, key=lambda each: -(each.unread or 0))
    return render_template("watches.html", viewer, SearchForm(), watches=ordered)


def watch_page(viewer: Viewer, url: PageUrl, name: str, number: int) -> str:
    """Renders the unread papers of a saved search, the last added first, or if there are none, the last ones.

    Args:
        viewer: whose search it is.
        url: the URL of this page.
        name: the saved search.
        number: the page of its papers, from 1.

    Raises:
        NameNotFound: there is no such saved search.
    """
    watch = viewer.watches.get(name)
    search_url = whole_search_url(viewer, watch.search)
    found = _find_new_papers(viewer, name, search_url, number)
    return render_template(
        "watch.html",
        viewer,
        SearchForm(),
        name=name,
        description=describe_search(watch.search, viewer.session),
        search_url=str(search_url),
        created=watch.created[:10],
        found=found,
        status=_status_text(found, number),
        days=list(_group_by_day(found.cards)),
        access=WatchAccess.of(watch, viewer),
        pagination=paginate_rows(url, number, found.total, PAGE_SIZE),
    )


def _status_text(found: NewPapers, number: int) -> str:
    if not found.total:
        return "No new papers"
    return range_text((number - 1) * PAGE_SIZE, len(found.cards)) + format_count(found.total, "new paper")


def whole_search_url(viewer: Viewer, search: SavedSearch) -> PageUrl:
    """Returns the results page of a saved search; the papers of its list become examples, the last added ones."""
    params = tuple(pair for pair in search_params(search) if pair[0] != "list")
    if search.list:
        try:
            entries = viewer.lists.entries(search.list, viewer.session)[::-1]
        except NameNotFound:
            entries = ()
        known = [("like", entry.paper.id) for entry in entries if entry.in_index]
        params += tuple(known[: MAX_EXAMPLES - len(search.like)])
    return PageUrl("/", params or (("sort", "newest"),))


def _find_new_papers(viewer: Viewer, name: str, url: PageUrl, number: int) -> NewPapers:
    try:
        unread = viewer.watches.unread(name, viewer.session)
        if unread.page.hits:
            shown = unread.page.hits[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
            return NewPapers(build_cards(shown, url, viewer), len(unread.page.hits), str(unread.position))
        latest = viewer.watches.latest(name, viewer.session, _LATEST)
    except (InvalidValue, PaperNotFound, NameNotFound) as error:
        return NewPapers((), 0, problem=str(error))
    return NewPapers(build_cards(latest.hits, url, viewer), 0)


def _group_by_day(cards: Sequence[Card]) -> Iterator[tuple[str, list[Card]]]:
    def day(card: Card) -> str:
        return f"{card.paper.added:%Y-%m-%d}" if card.paper.added else ""

    for heading, group in groupby(cards, day):
        yield heading, list(group)
