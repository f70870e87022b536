"""The page of recommendations: papers near those of a list, each with the paper that it is near."""

from collections.abc import Sequence

from indexer.library import find_library
from search.errors import InvalidValue
from search.query.counts import format_count
from search.query.filter import Filter
from search.query.hit import Hit
from service.state.lists import STARRED
from service.web.cards import build_cards
from service.web.html import SearchForm, render_template
from service.web.lists import with_starred
from service.web.urls import PageUrl
from service.web.viewer import Viewer

PERIODS = (
    ("", "at any time"),
    ("7d", "in the last 7 days"),
    ("30d", "in the last 30 days"),
    ("1y", "in the last year"),
)
"""When the papers were added: values of ``added_from``, and what the page calls them."""
_LIMIT = 20
"""Papers on the page; recommendations have one page only."""
_LONG_LIMIT = 100
"""Papers on the page if the user wants more."""


def recommend_page(viewer: Viewer, url: PageUrl, name: str, added_from: str, *, more: bool) -> str:
    """Renders papers near those of a list and not on it.

    Args:
        viewer: whose list it is.
        url: the URL of this page.
        name: the list; empty for that of the stars.
        added_from: since when the papers are in the index; empty for any time.
        more: whether the page has more papers than usual.

    Raises:
        NameNotFound: there is no such list.
        InvalidValue: the time is invalid.
    """
    name = name or STARRED
    papers = [entry.paper for entry in viewer.lists.entries(name)]
    wanted = Filter.parse(dates={"added_from": added_from or None})
    limit, problem = _LONG_LIMIT if more else _LIMIT, ""
    hits: Sequence[Hit] = ()
    notices: Sequence[str] = ()
    try:
        page = viewer.session.recommend(find_library(viewer.session.snapshot, papers), filter=wanted, limit=limit)
        hits, notices = page.hits, page.notices
    except InvalidValue as error:
        if papers:
            problem = error.allowed
    can_have_more = not more and len(hits) == limit
    return render_template(
        "recommend.html",
        viewer,
        SearchForm(),
        name=name,
        lists=with_starred(viewer.lists.summaries()),
        periods=PERIODS,
        added_from=added_from,
        is_empty=not papers,
        problem=problem,
        notices=notices,
        status=format_count(len(hits)),
        cards=build_cards(hits, PageUrl(), viewer),
        more=str(url.replace_param("more", "true")) if can_have_more else "",
    )
