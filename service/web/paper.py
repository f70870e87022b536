"""The page of one paper."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from search.papers.paper import Paper
from search.query.page import Hit
from search.query.query import Query
from search.session import Session
from service.formats.render import title_of
from service.web.address import Address, of_the_web
from service.web.answer import FORMATS
from service.web.cards import card, cards
from service.web.html import Box, Link, html

_NEAR = 6
"""Similar papers beneath a paper."""
_RESOLVED = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/", "pmid": "https://pubmed.ncbi.nlm.nih.gov/",
             "acl": "https://aclanthology.org/"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
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
    near = session.search(Query(like=(paper.id,), limit=_NEAR))
    exports = [Link(said, str(Address(f"/v1/papers/{paper.id}", (("format", name),)))) for said, name in FORMATS[:3]]
    return html(
        "paper.html",
        Box(),
        card=card(Hit(paper, 0.0), Address()),
        plain_title=title_of(paper),
        known=list(_known(paper)),
        exports=exports,
        cards=cards(near.hits, Address()),
    )


def _known(paper: Paper) -> Iterator[Known]:
    for paper_id in paper.ids:
        scheme, _, rest = paper_id.partition(":")
        name = {"arxiv": "arXiv", "doi": "DOI", "pmid": "PubMed", "acl": "ACL Anthology"}.get(scheme, "Name here")
        yield Known(name, paper_id if scheme not in _RESOLVED else rest, _href(scheme, rest))
    if paper.authors_partial:
        yield Known("Authors", "the source names only these")
    for name, value in paper.extra.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield Known(name, text, text if of_the_web(text) else "")
    for source in paper.sources:
        yield Known("Source", source)


def _href(scheme: str, rest: str) -> str:
    return _RESOLVED[scheme] + quote(rest) if scheme in _RESOLVED else ""
