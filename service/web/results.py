"""The page of an answer, and that of a question that has none."""

from dataclasses import replace

from search.query.page import Facets, Page
from search.query.query import Query
from search.session import Session
from service.api.schemas import Problem
from service.web.cards import build_cards
from service.web.facets import build_groups, build_histogram
from service.web.html import FORM_FIELDS, Link, SearchForm, render_template
from service.web.interpretation import build_author_notes, build_chips
from service.web.urls import PageUrl

EXPORT_FORMATS = (
    ("BibTeX", "bibtex"),
    ("RIS", "ris"),
    ("CSL-JSON", "csl-json"),
    ("CSV", "csv"),
    ("JSON", "json"),
    ("NDJSON", "ndjson"),
    ("Atom", "atom"),
)
"""What an answer can be had as, and what the API calls it."""
EXPORT_LIMIT = 100
"""Papers of an answer that an export holds."""
_FILTER_PARAMS = ("author", "not_author", "category", "from", "to", "updated_from", "updated_to")


def results_page(session: Session, asked: PageUrl, box: str, query: Query) -> str:
    """The papers that answer, with all that narrows and refines them.

    Args:
        asked: the address of this page. box: what the box holds. query: what the other parameters ask.

    Raises:
        InvalidValue, PaperNotFound, IndexUnavailable, ModelUnavailable: see ``Searcher.ask``.
    """
    page = session.ask(box, replace(query, facets=True))
    narrowing = build_groups(page.facets, asked) if page.facets else ()
    return render_template(
        "answer.html",
        SearchForm.from_url(asked, FORM_FIELDS if narrowing else ("q", "sort", "mode")),
        problem=None,
        advice=_advice_text(page),
        reading=page.interpretation,
        chips=build_chips(asked, query.filter, page, session),
        correction=Link(page.correction, str(asked.replace_param("q", page.correction))) if page.correction else None,
        named=build_author_notes(asked, page),
        of=_facet_counts_note(page.facets) if page.facets else "",
        groups=narrowing,
        bars=build_histogram(page.facets.years) if page.facets else None,
        status=_status_text(page),
        cards=build_cards(page.hits, asked),
        exports=_export_links(asked) if page.hits else (),
        exported=f"The first {EXPORT_LIMIT} papers" if page.total > EXPORT_LIMIT else "All papers of this answer",
        onwards=_next_steps(asked, page),
        how=_explanation_text(page),
        **pagination_links(asked, page),
    )


def problem_page(asked: PageUrl, problem: Problem) -> str:
    """What went wrong, the box as it was typed, and what to do next."""
    field = (problem.field or "").replace("-", "_")
    onwards = [Link("Start again", "/")]
    if asked.path == "/" and field != "q" and asked.get_all(field):
        onwards.insert(0, Link(f"Ask the same without {problem.field}", str(asked.remove_param(field))))
    if problem.status == 422:
        onwards.append(Link("Everything the box reads", "/help"))
    if asked.path != "/":
        return render_template("refused.html", SearchForm(), problem=problem, onwards=onwards)
    nothing = dict.fromkeys(("chips", "named", "groups", "cards", "exports"), ())
    told = {"problem": problem, "reading": problem.title, "status": "", "correction": None, "onwards": onwards}
    return render_template("answer.html", SearchForm.from_url(asked, ("q", field)), **nothing, **told)


def pagination_links(asked: PageUrl, page: Page) -> dict[str, str]:
    """The links between the pages of one answer, empty where there is no such page."""
    onwards = str(asked.remove_param("cursor").include_param("cursor", page.cursor)) if page.cursor else ""
    return {"first_page": str(asked.remove_param("cursor")) if asked.get_all("cursor") else "", "next_page": onwards}


def format_paper_count(many: int) -> str:
    """1 paper, 1,234 papers."""
    return "1 paper" if many == 1 else f"{many:,} papers"


def _status_text(page: Page) -> str:
    if not page.total:
        return "No paper passes"
    if not page.has_close_match:
        return "Nothing here is close"
    facets = page.facets
    if facets and facets.scope == "relevant" and facets.papers < page.total:
        return f"{facets.papers:,} relevant of {format_paper_count(page.total)}"
    return format_paper_count(page.total)


def _advice_text(page: Page) -> str:
    """What the status leaves open."""
    if not page.total:
        return "No paper meets every condition. Take one away, or use other words."
    return "" if page.has_close_match else "What follows is only the nearest there is. Other words may find more."


def _next_steps(asked: PageUrl, page: Page) -> list[Link]:
    """What to do where there is no answer."""
    if page.total and page.has_close_match:
        return []
    links = []
    if any(asked.get_all(name) for name in _FILTER_PARAMS):
        bare = asked
        for name in _FILTER_PARAMS:
            bare = bare.remove_param(name)
        links.append(Link("Ask the same of all papers", str(bare)))
    if asked.get_first("mode"):
        links.append(Link("Look by meaning and by words", str(asked.remove_param("mode"))))
    if asked.get_all("cursor"):
        links.append(Link("The first page", str(asked.remove_param("cursor"))))
    return [*links, Link("How to ask", "/help"), Link("Start again", "/")]


def _export_links(asked: PageUrl) -> tuple[Link, ...]:
    api = asked.with_path("/v1/search")
    return tuple(
        Link(said, str(_with_export_limit(api, name).include_param("format", name))) for said, name in EXPORT_FORMATS
    )


def _with_export_limit(api: PageUrl, name: str) -> PageUrl:
    """A feed is not a number of papers, but what is newest."""
    return api.remove_param("limit") if name == "atom" else api.replace_param("limit", str(EXPORT_LIMIT))


def _explanation_text(page: Page) -> str:
    """How the answer came about, in one line."""
    roads = {
        "exact": f"meaning compared with all {page.explanation.papers_scored:,} papers that pass",
        "approximate": f"meaning compared with {page.explanation.codes_scanned:,} papers; "
        f"{page.expected_recall:.1%} of the nearest are expected to be found",
        "none": "",
    }
    return "; ".join(part for part in (roads[page.explanation.strategy], page.generation) if part)


def _facet_counts_note(facets: Facets) -> str:
    """What a facet's numbers count."""
    kind = "matching" if facets.scope == "filter" else "relevant"
    return f"Counts cover {format_paper_count(facets.papers)} ({kind})."
