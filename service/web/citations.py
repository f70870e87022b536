"""The lists of a paper's references and of the papers that cite it, as far as the index has them."""

from dataclasses import dataclass

from search.index.citations import CitedOrCiting, find_citations
from search.papers.paper import Paper
from search.session import Session
from service.formats.render import cited_by, display_title
from service.web.cards import PaperLine

_MAX_PAPERS = 100
"""Papers of one list; further ones are only counted."""
_VISIBLE_PAPERS = 8
"""Papers before the others are folded."""


@dataclass(frozen=True, slots=True)
class PaperList:
    """Papers, most cited first.

    Attributes:
        name: identifies the list within the page.
        heading: what the papers are.
        total: their number.
        lines: the first papers.
        more: the folded ones.
    """

    name: str
    heading: str
    total: int
    lines: tuple[PaperLine, ...]
    more: tuple[PaperLine, ...]


def citation_lists(session: Session, paper: Paper) -> list[PaperList]:
    """Returns the papers of the index that a paper cites and those that cite it; a list without papers is missing."""
    found = find_citations(session.snapshot, paper, _MAX_PAPERS)
    lists = (
        _build_list("references", "References in this index", found.references),
        _build_list("citing", "Cited in this index by", found.citing),
    )
    return [each for each in lists if each.total]


def _build_list(name: str, heading: str, found: CitedOrCiting) -> PaperList:
    lines = tuple(PaperLine(each.id, display_title(each), _detail(each)) for each in found.papers)
    visible = len(lines) if len(lines) <= _VISIBLE_PAPERS + 1 else _VISIBLE_PAPERS
    return PaperList(name, heading, found.total, lines[:visible], lines[visible:])


def _detail(paper: Paper) -> str:
    """Returns the first author, the year and the citation count of a paper."""
    authors = "".join(paper.authors[:1]) + (" et al." if len(paper.authors) > 1 or paper.authors_partial else "")
    year = str(paper.published.year) if paper.published else ""
    return " · ".join(filter(None, (authors, year, cited_by(paper.citations))))
