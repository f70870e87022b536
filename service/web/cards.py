"""Cards: papers as lists show them, with all their links."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from search.papers import names
from search.papers.categories import find_category_name
from search.papers.debris import clean_text
from search.papers.kinds import KIND_LABELS
from search.papers.page_text import find_page_text
from search.papers.paper import Paper
from search.query.hit import Band, Hit, Span
from service.formats.render import display_title, match_reason
from service.state.lists import STARRED
from service.web.html import Link
from service.web.typeset import typeset
from service.web.urls import PageUrl, author_page_url, is_http_url, list_url, paper_page_url
from service.web.viewer import Viewer

_MAX_VISIBLE_AUTHORS = 6
"""Authors before the others are folded."""
_UNMARKED_KINDS = ("method", "withdrawn")
"""Kinds that cards do not show: that of most papers, and the one that is shown as a retraction."""
_SNIPPET_LENGTH = 340
"""Characters of an abstract without a best sentence."""


@dataclass(frozen=True, slots=True)
class Card:
    """One paper.

    Attributes:
        paper: the paper.
        title: as HTML.
        page_url: the page of the paper.
        authors: the first authors, and the one whose papers the page lists, each with a link to the author's page.
        more_authors: the folded authors.
        categories: full names, each with a link that adds the category to the query.
        kinds: what the paper is or offers, each with a link that adds the kind to the query, if the index has kinds.
        snippet: as HTML, the best sentence of the abstract or its beginning; None without an abstract or a title.
        abstract: as HTML.
        external_url: where the paper can be read; None unless a source gives an HTTP URL.
        band: how close the paper is to the query.
        match_reason: its rank and score in each leg; empty if the papers are only filtered.
        exact_match: the paper is the one that the query names or quotes.
        similar_url: the search for papers similar to this one.
        more_like_url: the query with this paper as a positive example.
        less_like_url: the query with this paper as a negative example; empty if the papers are only filtered, because
            a negative example needs a query.
        bibtex_url: the paper as BibTeX.
        added_day: the day (UTC) on which the paper was added to the index, if the papers are in that order; else empty.
        near: the paper of the viewer's list that a recommended paper is near; None for other papers.
        is_starred: it is on the list of stars.
        lists: the other lists that it is on.
    """

    paper: Paper
    title: Markup
    page_url: str
    authors: tuple[Link, ...]
    more_authors: tuple[Link, ...]
    categories: tuple[Link, ...]
    kinds: tuple[Link, ...]
    snippet: Markup | None
    abstract: Markup | None
    external_url: str | None
    band: Band | None
    match_reason: str
    exact_match: bool
    similar_url: str
    more_like_url: str
    less_like_url: str
    bibtex_url: str
    added_day: str
    near: Link | None
    is_starred: bool
    lists: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class PaperLine:
    """A paper on one line.

    Attributes:
        id: its ID.
        title: its title.
        detail: what follows the title.
    """

    id: str
    title: str
    detail: str = ""

    @property
    def title_html(self) -> Markup:
        """The title as HTML."""
        return typeset(self.title)

    @property
    def href(self) -> str:
        """The URL of its page."""
        return paper_page_url(self.id)


def build_cards(hits: Sequence[Hit], url: PageUrl, viewer: Viewer, shown_names: Sequence[str] = ()) -> list[Card]:
    """Returns one card per hit.

    Args:
        hits: the papers.
        url: the URL of the query, which the links that refine it start from.
        viewer: whose stars and lists the cards show.
        shown_names: spellings of the author whose papers these are, who is not folded.
    """
    notes, kinds = viewer.notes([hit.paper for hit in hits]), viewer.filter_kinds
    keys = frozenset(names.parse(name).key for name in shown_names)
    return [build_card(hit, url, notes.get(hit.paper.id), kinds, keys) for hit in hits]


def build_card(
    hit: Hit,
    url: PageUrl,
    notes: Mapping[str, str] | None = None,
    filter_kinds: Collection[str] = (),
    shown_keys: Collection[str] = (),
) -> Card:
    """Returns the card of one hit.

    Args:
        hit: the paper.
        url: see ``build_cards``.
        notes: the notes of the paper by list.
        filter_kinds: the kinds that the index can filter by; the others have no link.
        shown_keys: keys (``Name.key``) of the author whose papers the page lists, who is not folded.
    """
    notes = notes or {}
    paper, highlights = hit.paper, hit.highlights
    authors, folded = _fold_authors(paper.authors, shown_keys)
    has_scores = bool(hit.semantic or hit.lexical)
    is_ranked = has_scores or hit.exact_match
    return Card(
        paper=paper,
        title=typeset(display_title(paper), highlights.title if paper.title else ()),
        page_url=paper_page_url(paper.id),
        authors=authors,
        more_authors=folded,
        categories=_category_links(paper, url),
        kinds=_kind_links(hit, url, filter_kinds),
        snippet=_snippet(hit),
        abstract=typeset(paper.abstract, highlights.abstract) if paper.abstract else None,
        external_url=external_url(paper),
        band=hit.band,
        match_reason=match_reason(replace(hit, band=None, exact_match=False)) if has_scores else "",
        exact_match=hit.exact_match,
        similar_url=str(PageUrl("/", (("like", paper.id),))),
        more_like_url=str(url.remove_param("unlike", paper.id).include_param("like", paper.id)),
        less_like_url=str(url.remove_param("like", paper.id).include_param("unlike", paper.id)) if is_ranked else "",
        bibtex_url=bibtex_url(paper),
        added_day=str(paper.added.date()) if paper.added and url.get_first("sort") == "added" else "",
        near=_near_link(hit),
        is_starred=STARRED in notes,
        lists=tuple(Link(name, list_url(name)) for name in notes if name != STARRED),
    )


def _fold_authors(authors: Sequence[str], shown_keys: Collection[str]) -> tuple[tuple[Link, ...], tuple[Link, ...]]:
    """Returns the authors that a card shows, and those that it folds."""
    links = tuple(Link(name, author_page_url(name)) for name in authors)
    if len(links) <= _MAX_VISIBLE_AUTHORS + 1:  # a single folded author would take as much room as the fold
        return links, ()
    shown, folded = links[:_MAX_VISIBLE_AUTHORS], links[_MAX_VISIBLE_AUTHORS:]
    wanted = tuple(link for link in folded if shown_keys and names.parse(link.label).key in shown_keys)[:1]
    return shown + wanted, tuple(link for link in folded if link not in wanted)


def category_name(code: str) -> str:
    """Returns the full name of a category, or its code if arXiv has no such category."""
    return find_category_name(code) or code


def category_names(codes: Sequence[str]) -> tuple[str, ...]:
    """Returns the full names, with the codes of those that share a name, as cs.LG and stat.ML do."""
    names = [category_name(code) for code in codes]
    named = zip(names, codes, strict=True)
    return tuple(name if names.count(name) == 1 else f"{name} ({code})" for name, code in named)


def bibtex_url(paper: Paper) -> str:
    """Returns the URL of a paper's BibTeX entry."""
    return str(PageUrl(f"/v1/papers/{paper.id}", (("format", "bibtex"),)))


def external_url(paper: Paper) -> str | None:
    """Returns where the paper can be read, unless its source gave something other than an HTTP URL."""
    url = paper.link
    return url if url and is_http_url(url) else None


def _category_links(paper: Paper, url: PageUrl) -> tuple[Link, ...]:
    named = zip(category_names(paper.categories), paper.categories, strict=True)
    return tuple(Link(name, str(url.include_param("category", code))) for name, code in named)


def _kind_links(hit: Hit, url: PageUrl, filter_kinds: Collection[str]) -> tuple[Link, ...]:
    """Returns links for the kinds that distinguish a paper; its retraction is shown elsewhere."""
    shown = (kind for kind in hit.kinds if kind not in _UNMARKED_KINDS)
    return tuple(
        Link(KIND_LABELS[kind].lower(), str(url.include_param("kind", kind)) if kind in filter_kinds else "")
        for kind in shown
    )


def _near_link(hit: Hit) -> Link | None:
    if hit.near is None:
        return None
    return Link(
        clean_text(hit.near.title or hit.near.id or "untitled"), paper_page_url(hit.near.id) if hit.near.id else ""
    )


def _snippet(hit: Hit) -> Markup | None:
    """Returns the best sentence of the abstract, or else its beginning."""
    abstract, highlights = hit.paper.abstract, hit.highlights
    if not abstract or not hit.paper.title:  # the abstract already heads the card of a paper without a title
        return None
    if highlights.sentence or len(abstract) <= _SNIPPET_LENGTH:
        return typeset(abstract, highlights.abstract, highlights.sentence)
    start = next((end for start, end in find_page_text(abstract) if not start), 0)
    longest = start + _SNIPPET_LENGTH
    end = abstract.rfind(" ", start, longest)
    return typeset(abstract, highlights.abstract, Span(start, end if end > start else longest)) + " …"
