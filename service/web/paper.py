"""The page of one paper."""

from collections.abc import Iterator
from dataclasses import dataclass

from indexer.related import find_earlier_versions, find_possible_duplicates
from search.papers import identifiers
from search.papers.paper import Paper
from search.query.page import Hit
from search.query.query import Query
from search.session import Session
from service.formats.extra_fields import field_label, field_text
from service.formats.render import display_title, version_line
from service.state.lists import STARRED
from service.web.cards import build_card, build_cards
from service.web.html import EXPORT_FORMATS, Link, SearchForm, render_template
from service.web.urls import PageUrl, is_http_url, paper_page_url
from service.web.viewer import Viewer

_SIMILAR_LIMIT = 6
"""Similar papers below a paper."""
_INTERNAL_FIELDS = ("score", "code", "page_code", "source_id")
"""Extra fields in which sources keep their own values."""


@dataclass(frozen=True, slots=True)
class MetadataItem:
    """A field of a paper.

    Attributes:
        name: the label of the field.
        value: the text of the field.
        href: where the value links to; empty if nowhere.
        is_internal: it concerns this index and not the paper.
    """

    name: str
    value: str
    href: str = ""
    is_internal: bool = False


def paper_page(viewer: Viewer, paper_id: str) -> str:
    """Renders all fields of a paper, and similar papers.

    Args:
        viewer: whoever looks at the page, with the index that answers.
        paper_id: any ID that the paper has, or ever had.

    Raises:
        PaperNotFound: no paper has, or ever had, this ID.
    """
    session = viewer.session
    paper = session.paper(paper_id)
    similar = session.search(Query(like=(paper.id,), limit=_SIMILAR_LIMIT))
    notes = viewer.notes([paper]).get(paper.id, {})
    exports = [
        Link(label, str(PageUrl(f"/v1/papers/{paper.id}", (("format", name),)))) for label, name in EXPORT_FORMATS[:3]
    ]
    return render_template(
        "paper.html",
        viewer,
        SearchForm(),
        here=paper_page_url(paper.id),
        card=build_card(Hit(paper, 0.0), PageUrl(), notes),
        notes=notes or {STARRED: ""},
        starred=STARRED,
        plain_title=display_title(paper),
        metadata=[*_metadata_items(paper), *_related_items(session, paper)],
        exports=exports,
        cards=build_cards(similar.hits, PageUrl(), viewer),
    )


def _related_items(session: Session, paper: Paper) -> Iterator[MetadataItem]:
    for version in find_earlier_versions(session.snapshot, paper):
        yield MetadataItem("Earlier version", version_line(version, paper))
    for other in find_possible_duplicates(session.snapshot, paper):
        yield MetadataItem("Maybe the same paper as", display_title(other), paper_page_url(other.id))


def _metadata_items(paper: Paper) -> Iterator[MetadataItem]:
    for paper_id in paper.ids:
        scheme, rest = identifiers.split_scheme(paper_id)
        url = identifiers.id_url(paper_id)
        if scheme and url:
            yield MetadataItem(scheme.label, rest, url)
        else:
            yield MetadataItem("Internal ID", paper_id, is_internal=True)
    if paper.authors_partial:
        yield MetadataItem("Authors", "the source lists only some of the authors")
    for name, value in paper.extra.items():
        text = field_text(value)
        href = text if is_http_url(text) else ""
        is_internal = name in _INTERNAL_FIELDS and not href
        label = "Score in the source" if name == "score" else field_label(name).capitalize()
        if text:
            yield MetadataItem(label, text, href, is_internal)
    if paper.added:
        yield MetadataItem("Added to this index", f"{paper.added:%Y-%m-%d %H:%M} UTC", is_internal=True)
    for source in paper.sources:
        yield MetadataItem("Source", source, is_internal=True)
