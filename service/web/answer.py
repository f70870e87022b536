"""The page of an answer, and that of a question that has none."""

from dataclasses import replace

from search.query.page import Facets, Page
from search.query.query import Query
from search.session import Session
from service.api.schemas import Problem
from service.web.address import Address
from service.web.cards import cards
from service.web.facets import groups, histogram
from service.web.html import FIELDS, Box, Link, html
from service.web.reading import chips, named

FORMATS = (
    ("BibTeX", "bibtex"),
    ("RIS", "ris"),
    ("CSL-JSON", "csl-json"),
    ("CSV", "csv"),
    ("JSON", "json"),
    ("NDJSON", "ndjson"),
    ("Atom", "atom"),
)
"""What an answer can be had as, and what the API calls it."""
EXPORTED = 100
"""Papers of an answer that an export holds."""
_CONDITIONS = ("author", "not_author", "category", "from", "to", "updated_from", "updated_to")


def answer_page(session: Session, asked: Address, box: str, query: Query) -> str:
    """The papers that answer, with all that narrows and refines them.

    Args:
        asked: the address of this page. box: what the box holds. query: what the other parameters ask.

    Raises:
        InvalidValue, PaperNotFound, IndexUnavailable, ModelUnavailable: see ``Searcher.ask``.
    """
    page = session.ask(box, replace(query, facets=True))
    narrowing = groups(page.facets, asked) if page.facets else ()
    return html(
        "answer.html",
        Box.of(asked, FIELDS if narrowing else ("q", "sort", "mode")),
        problem=None,
        advice=_advice(page),
        reading=page.reading,
        chips=chips(asked, query.filter, page, session),
        correction=Link(page.correction, str(asked.setting("q", page.correction))) if page.correction else None,
        named=named(asked, page),
        of=_counted(page.facets) if page.facets else "",
        groups=narrowing,
        bars=histogram(page.facets.years) if page.facets else None,
        status=_status(page),
        cards=cards(page.hits, asked),
        exports=_exports(asked) if page.hits else (),
        exported=f"The first {EXPORTED} papers" if page.total > EXPORTED else "All papers of this answer",
        onwards=_onwards(asked, page),
        how=_how(page),
        **paging(asked, page),
    )


def refused_page(asked: Address, problem: Problem) -> str:
    """What went wrong, the box as it was typed, and what to do next."""
    field = (problem.field or "").replace("-", "_")
    onwards = [Link("Start again", "/")]
    if asked.path == "/" and field != "q" and asked.values(field):
        onwards.insert(0, Link(f"Ask the same without {problem.field}", str(asked.removing(field))))
    if problem.status == 422:
        onwards.append(Link("Everything the box reads", "/help"))
    if asked.path != "/":
        return html("refused.html", Box(), problem=problem, onwards=onwards)
    nothing = dict.fromkeys(("chips", "named", "groups", "cards", "exports"), ())
    told = {"problem": problem, "reading": problem.title, "status": "", "correction": None, "onwards": onwards}
    return html("answer.html", Box.of(asked, ("q", field)), **nothing, **told)


def paging(asked: Address, page: Page) -> dict[str, str]:
    """The links between the pages of one answer, empty where there is no such page."""
    onwards = str(asked.removing("cursor").adding("cursor", page.cursor)) if page.cursor else ""
    return {"first_page": str(asked.removing("cursor")) if asked.values("cursor") else "", "next_page": onwards}


def papers_said(many: int) -> str:
    """1 paper, 1,234 papers."""
    return "1 paper" if many == 1 else f"{many:,} papers"


def _status(page: Page) -> str:
    if not page.hits:
        return "No paper passes"
    if not page.close:
        return "Nothing here is close"
    facets = page.facets
    if facets and facets.of == "relevant" and facets.papers < page.total:
        return f"{facets.papers:,} relevant of {papers_said(page.total)}"
    return papers_said(page.total)


def _advice(page: Page) -> str:
    """What the status leaves open."""
    if not page.hits:
        return "No paper meets every condition. Take one away, or use other words."
    return "" if page.close else "What follows is only the nearest there is. Other words may find more."


def _onwards(asked: Address, page: Page) -> list[Link]:
    """What to do where there is no answer."""
    if page.hits and page.close:
        return []
    links = []
    if any(asked.values(name) for name in _CONDITIONS):
        bare = asked
        for name in _CONDITIONS:
            bare = bare.removing(name)
        links.append(Link("Ask the same of all papers", str(bare)))
    if asked.first("mode"):
        links.append(Link("Look by meaning and by words", str(asked.removing("mode"))))
    if asked.values("cursor"):
        links.append(Link("The first page", str(asked.removing("cursor"))))
    return [*links, Link("How to ask", "/help"), Link("Start again", "/")]


def _exports(asked: Address) -> tuple[Link, ...]:
    api = asked.at("/v1/search")
    return tuple(Link(said, str(_exported(api, name).adding("format", name))) for said, name in FORMATS)


def _exported(api: Address, name: str) -> Address:
    """A feed is not a number of papers, but what is newest."""
    return api.removing("limit") if name == "atom" else api.setting("limit", str(EXPORTED))


def _how(page: Page) -> str:
    """How the answer came about, in one line."""
    roads = {
        "rows": f"meaning compared with all {page.explanation.scored:,} papers that pass",
        "codes": f"meaning compared with {page.explanation.scanned:,} papers; "
        f"{page.expected_recall:.1%} of the nearest are expected to be found",
        "none": "",
    }
    return "; ".join(part for part in (roads[page.explanation.road], page.generation) if part)


def _counted(facets: Facets) -> str:
    """What a facet's numbers count."""
    return f"Counts are over {papers_said(facets.papers)} that {'pass' if facets.of == 'filter' else 'are relevant'}."
