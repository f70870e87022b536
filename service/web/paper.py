"""The page of one paper."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from search.papers import identifiers
from search.papers.paper import Paper
from search.query.page import Hit
from search.query.query import Query
from search.session import Session
from service.formats.render import display_title
from service.web.cards import build_card, build_cards
from service.web.html import Link, SearchForm, render_template
from service.web.results import EXPORT_FORMATS
from service.web.urls import PageUrl, is_http_url

_SIMILAR_LIMIT = 6
"""Similar papers beneath a paper."""


@dataclass(frozen=True, slots=True)
class MetadataItem:
    """Something that is known of a paper. ``href``: where it leads, if anywhere."""

    name: str
    value: str
    href: str = ""


def paper_page(session: Session, paper_id: str) -> str:
    """All that is known of a paper, and what is similar.

    Raises:
        PaperNotFound: no paper has, or ever had, this id.
    """
    paper = session.paper(paper_id)
    near = session.search(Query(like=(paper.id,), limit=_SIMILAR_LIMIT))
    exports = [
        Link(said, str(PageUrl(f"/v1/papers/{paper.id}", (("format", name),)))) for said, name in EXPORT_FORMATS[:3]
    ]
    return render_template(
        "paper.html",
        SearchForm(),
        card=build_card(Hit(paper, 0.0), PageUrl()),
        plain_title=display_title(paper),
        known=list(_metadata_items(paper)),
        exports=exports,
        cards=build_cards(near.hits, PageUrl()),
    )


def _metadata_items(paper: Paper) -> Iterator[MetadataItem]:
    for paper_id in paper.ids:
        scheme, rest = identifiers.split_scheme(paper_id)
        url = identifiers.id_url(paper_id)
        yield MetadataItem(scheme.label if scheme else "ID", rest if url else paper_id, url or "")
    if paper.authors_partial:
        yield MetadataItem("Authors", "the source names only these")
    for name, value in paper.extra.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield MetadataItem(name, text, text if is_http_url(text) else "")
    for source in paper.sources:
        yield MetadataItem("Source", source)
