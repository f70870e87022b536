"""The page of one paper."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from indexer.related import find_earlier_versions, find_possible_duplicates
from search.papers import identifiers
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.hit import Hit
from search.session import Session
from service import formats
from service.formats.extra_fields import field_label, field_text
from service.formats.render import display_title, version_line
from service.state.lists import STARRED
from service.web.back import find_way_back
from service.web.cards import build_card, build_cards
from service.web.citations import citation_lists
from service.web.contribution import Contribution
from service.web.html import EXPORT_FORMATS, Link, render_template
from service.web.reading_links import reading_links
from service.web.text_links import find_links
from service.web.urls import PageUrl, is_http_url, paper_page_url
from service.web.viewer import Viewer

_SIMILAR_LIMIT = 6
"""Similar papers below a paper."""
_LATER_LIMIT = 4
"""Later papers below a paper, besides those that are among the similar ones."""
_INTERNAL_FIELDS = ("score", "code", "page_code", "source_id")
"""Extra fields in which sources keep their own values."""


@dataclass(frozen=True, slots=True)
class MetadataItem:
    """A field of a paper.

    Attributes:
        name: the label of the field.
        value: the text of the field.
        href: where the value links to; empty if nowhere.
    """

    name: str
    value: str
    href: str = ""


def paper_page(viewer: Viewer, paper_id: str) -> str:
    """Renders a paper: where to read it, what it contributes, all its fields, and the papers similar to it.

    Args:
        viewer: whoever looks at the page, with the index that answers.
        paper_id: any ID that the paper has, or ever had.

    Raises:
        PaperNotFound: no paper has, or ever had, this ID.
    """
    session = viewer.session
    paper = session.paper(paper_id)
    back = find_way_back(viewer.request)
    notes = viewer.notes([paper]).get(paper.id, {})
    contribution = Contribution(session, paper)
    similar = contribution.find_similar(_SIMILAR_LIMIT)
    exports = [
        Link(label, str(PageUrl(f"/v1/papers/{paper.id}", (("format", name),)))) for label, name in EXPORT_FORMATS[:3]
    ]
    return render_template(
        "paper.html",
        viewer,
        back.form,
        back=back.link,
        here=paper_page_url(paper.id),
        card=build_card(Hit(paper, 0.0), PageUrl(), notes, viewer.filter_kinds),
        notes=notes or {STARRED: ""},
        starred=STARRED,
        plain_title=display_title(paper),
        reading=reading_links(paper),
        links=find_links(paper),
        contribution=contribution,
        citation_lists=citation_lists(session, paper),
        metadata=[*_metadata_items(paper)],
        origin=[*_version_items(session, paper), *_source_items(paper)],
        bibtex=formats.render_paper("bibtex", paper).decode().strip(),
        exports=exports,
        cards=build_cards(similar, PageUrl(), viewer),
        place_url=str(PageUrl("/paper-theme", (("id", paper.id),))),
        themes_url=str(PageUrl("/themes", (("like", paper.id),))),
        later_cards=build_cards(_find_later(contribution, similar), PageUrl(), viewer),
    )


def _find_later(contribution: Contribution, similar: Sequence[Hit]) -> list[Hit]:
    """Returns the most similar later papers that are not among the similar ones."""
    if not contribution.later:
        return []
    shown = {hit.paper.id for hit in similar}
    found = contribution.find_similar(_SIMILAR_LIMIT + _LATER_LIMIT, contribution.later)
    return [hit for hit in found if hit.paper.id not in shown][:_LATER_LIMIT]


def _version_items(session: Session, paper: Paper) -> Iterator[MetadataItem]:
    for version in find_earlier_versions(session.snapshot, paper):
        yield MetadataItem("Earlier version", version_line(version, paper))
    for other in find_possible_duplicates(session.snapshot, paper):
        yield MetadataItem("Maybe the same paper as", display_title(other), paper_page_url(other.id))


def _source_items(paper: Paper) -> Iterator[MetadataItem]:
    for paper_id in paper.ids:
        if not identifiers.id_url(paper_id):
            yield MetadataItem("Internal ID", paper_id)
    for name, value in paper.extra.items():
        if _is_internal(name, value):
            yield MetadataItem("Score in the source" if name == "score" else _label(name), field_text(value))
    if paper.added:
        yield MetadataItem("Added to this index", f"{paper.added:%Y-%m-%d %H:%M} UTC")
    for source in paper.sources:
        yield MetadataItem("Source", source)


def _metadata_items(paper: Paper) -> Iterator[MetadataItem]:
    for paper_id in paper.ids:
        scheme, rest = identifiers.split_scheme(paper_id)
        url = identifiers.id_url(paper_id)
        if scheme and url:
            yield MetadataItem(scheme.label, rest, url)
    if paper.authors_partial:
        yield MetadataItem("Authors", "the source lists only some of the authors")
    if paper.references:
        yield MetadataItem("References", f"{len(paper.references):,} listed by its sources")
    for name, value in paper.extra.items():
        text = field_text(value)
        if text and not _is_internal(name, value):
            yield MetadataItem(_label(name), text, text if is_http_url(text) else "")


def _is_internal(name: str, value: Json) -> bool:
    """Whether a further field concerns its source and not the paper."""
    return name in _INTERNAL_FIELDS and not is_http_url(field_text(value))


def _label(name: str) -> str:
    return field_label(name).capitalize()
