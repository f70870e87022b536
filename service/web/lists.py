"""The pages of lists: all of them, one with its papers and notes, and the choice of a list for some papers."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.query.counts import format_count
from search.query.hit import Hit
from search.query.query import MAX_EXAMPLES
from service.state.lists import STARRED, ListEntry, ListSummary
from service.state.searches import SavedSearch
from service.web.cards import Card, build_card
from service.web.follow import build_follow
from service.web.html import EXPORT_FORMATS, Link, SearchForm, render_template
from service.web.pagination import paginate_rows, range_text
from service.web.urls import PageUrl, list_url
from service.web.viewer import Notes, Viewer

PAGE_SIZE = 50
"""Papers on one page of a list."""


@dataclass(frozen=True, slots=True)
class ListItem:
    """A paper on the page of a list.

    Attributes:
        card: the paper.
        note: the note on it; empty without one.
        saved: the day on which it was added to the list.
        in_index: whether the paper is in the index at present, so that it has a page and similar papers.
    """

    card: Card
    note: str
    saved: str
    in_index: bool


def lists_page(viewer: Viewer) -> str:
    """Renders the names of all lists, and forms that create one and that move to another profile."""
    summaries = viewer.lists.summaries()
    return render_template("lists.html", viewer, SearchForm(), lists=with_starred(summaries))


def list_page(viewer: Viewer, url: PageUrl, name: str, number: int) -> str:
    """Renders the papers of a list, the last added first.

    Args:
        viewer: whose list it is.
        url: the URL of this page.
        name: the list.
        number: the page of the list, from 1.

    Raises:
        NameNotFound: there is no such list.
    """
    entries = viewer.lists.entries(name, viewer.session)[::-1]
    shown = entries[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    notes = viewer.notes([entry.paper for entry in shown])
    items = [_build_item(entry, notes.get(entry.paper.id, {}), name, viewer.filter_kinds) for entry in shown]
    known = [entry.paper.id for entry in entries if entry.in_index]
    return render_template(
        "list.html",
        viewer,
        SearchForm(),
        name=name,
        here=str(url),
        is_starred=name == STARRED,
        status=range_text((number - 1) * PAGE_SIZE, len(shown)) + format_count(len(entries)),
        items=items,
        exports=[Link(label, f"/v1{list_url(name)}?format={value}") for label, value in EXPORT_FORMATS],
        similar_url=str(PageUrl("/", tuple(("like", each) for each in known[:MAX_EXAMPLES]))) if known else "",
        map_url=str(PageUrl("/map", (("list", name),))) if known else "",
        recommend_url=str(PageUrl("/recommend", (("list", name),))),
        follow=build_follow(viewer, SavedSearch(list=name), f"Like {name}") if known else None,
        pagination=paginate_rows(url, number, len(entries), PAGE_SIZE),
    )


def choose_list_page(viewer: Viewer, paper_ids: Sequence[str], back: str) -> str:
    """Renders the lists that papers can be added to.

    Raises:
        PaperNotFound: a paper is not in the index.
    """
    papers = [viewer.session.paper(each) for each in paper_ids]
    notes = viewer.notes(papers)
    on_all = set.intersection(*(set(notes.get(paper.id, ())) for paper in papers))
    return render_template(
        "choose_list.html",
        viewer,
        SearchForm(),
        cards=[build_card(Hit(paper, 0.0), PageUrl(), filter_kinds=viewer.filter_kinds) for paper in papers],
        lists=with_starred(viewer.lists.summaries()),
        on_all=on_all,
        back=back,
    )


def with_starred(summaries: Sequence[ListSummary]) -> list[ListSummary]:
    """Returns the lists, that of the stars first, which exists before the first star."""
    starred = next((each for each in summaries if each.name == STARRED), ListSummary(STARRED, 0, ""))
    return [starred, *(each for each in summaries if each.name != STARRED)]


def _build_item(entry: ListEntry, notes: Notes, name: str, filter_kinds: tuple[str, ...]) -> ListItem:
    others = {each: note for each, note in notes.items() if each != name or name == STARRED}
    card = build_card(Hit(entry.paper, 0.0), PageUrl(), others, filter_kinds)
    return ListItem(card, entry.note, entry.saved[:10], entry.in_index)
