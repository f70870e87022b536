"""Harvests of arXiv: of categories by its OAI-PMH interface, of a query by its API.

``arxiv?category=cs.IR&from=2026-01`` and ``arxiv?query=au:zhou+AND+ti:recommendation``. See
https://info.arxiv.org/help/oa/index.html and, for the API, ``indexer.harvest.arxiv_api``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.harvest import limits
from indexer.harvest.arxiv_api import ArxivSearch
from indexer.harvest.oai import OaiHarvest, parse_first_date
from indexer.harvest.service import Harvest, Parameters, Service, make_name
from indexer.harvest.settings import service_url
from search.errors import InvalidValue
from search.papers.categories import ARCHIVES, resolve_codes
from search.papers.date import Date

if TYPE_CHECKING:
    from indexer.harvest.client import Client

SERVICE = Service(
    key="arxiv",
    title="arXiv",
    licence="CC0 1.0 for the metadata",
    licence_url="https://info.arxiv.org/help/api/tou.html",
    interval=limits.ARXIV_INTERVAL_S,
    page_records=limits.ARXIV_OAI_PAGE_RECORDS,
    parameters=("query", "category", "from"),
    turn="arxiv.org",
)
_OAI_URL = "https://oaipmh.arxiv.org/oai"
_API_URL = "https://export.arxiv.org/api/query"
_PREFIX = "arXivRaw"
"""The metadata prefix with the history of versions; the others lack the date of the first one."""
_GROUPS = ("cs", "econ", "eess", "math", "q-bio", "q-fin", "stat")
"""Archives that are a group by themselves; all others are in the group physics."""


@dataclass(frozen=True, slots=True)
class ArxivListing(OaiHarvest):
    """A harvest of categories.

    Attributes:
        search: The same papers as a query of the API, which tells their number.
    """

    search: ArxivSearch | None = None

    def count(self, client: "Client") -> int | None:
        """Returns the number of papers."""
        return self.search.count(client) if self.search else None


def parse(parameters: Parameters) -> Harvest:
    """Makes a harvest from the parameters of its name: ``query``, ``category`` and ``from``.

    Raises:
        InvalidValue: One of them is invalid, or there is neither a query nor a category nor a date.
    """
    query = " ".join(next(iter(parameters.get("query", ())), "").split())
    codes = tuple(sorted({resolve_codes(each)[0] for each in parameters.get("category", ())}))
    start = parse_first_date(parameters)
    if not (query or codes or start):
        raise InvalidValue(
            "query",
            query,
            "give a query, a category or a date; all of arXiv is in its metadata snapshot (docs/getting-papers.md)",
        )
    categories = [("category", code) for code in codes]
    name = make_name(SERVICE.key, [("query", query), *categories, ("from", str(start or ""))])
    search = ArxivSearch(SERVICE, name, service_url("PAPERS_ARXIV_API_URL", _API_URL), _make_query(query, codes, start))
    if query:
        return search
    return ArxivListing(
        SERVICE,
        name,
        service_url("PAPERS_ARXIV_OAI_URL", _OAI_URL),
        _PREFIX,
        tuple(map(_set_of, codes)) or ("",),
        start=start,
        published_from=start,
        search=search,
    )


def _set_of(code: str) -> str:
    """Returns the set of a category or archive, as in ``cs:cs:IR``, ``physics:astro-ph:CO`` or ``math``."""
    archive, _, category = code.partition(".")
    if archive in _GROUPS:
        return f"{archive}:{archive}:{category}" if category else archive
    return f"physics:{archive}:{category}" if category else f"physics:{archive}"


def _make_query(query: str, codes: tuple[str, ...], start: Date | None) -> str:
    """Returns a query of the API for papers that meet the query, are in one of the categories and not older."""
    parts = [f"({query})"] if query else []
    if codes:
        terms = [f"cat:{code} OR cat:{code}.*" if code in ARCHIVES else f"cat:{code}" for code in codes]
        parts.append(f"({' OR '.join(terms)})")
    if start:
        first = f"{start.year:04}{start.month or 1:02}{start.day or 1:02}0000"
        parts.append(f"submittedDate:[{first} TO 999912312359]")
    return " AND ".join(parts) if len(parts) > 1 else query or "".join(parts)
