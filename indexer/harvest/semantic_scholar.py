"""Harvests of Semantic Scholar by its bulk search (``/paper/search/bulk`` of
https://api.semanticscholar.org/api-docs/graph).

``s2?query="kv+cache"+compression&from=2026-01``; a key is needed. The service cannot say what was changed since a day,
so that later rounds list all papers again, of which the import takes those that are new or changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexer.harvest import limits
from indexer.harvest.cursor import list_pages
from indexer.harvest.errors import PassingError, StatusError
from indexer.harvest.json_page import JSON_TYPES, describe_error, parse_object
from indexer.harvest.parameters import first_day, parse_first_date, parse_query
from indexer.harvest.service import HarvestPage, Parameters, Service, State, make_name
from indexer.harvest.settings import api_key, service_url
from search.errors import HarvestFailed, InvalidValue
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.harvest.client import Client

SERVICE = Service(
    key="s2",
    title="Semantic Scholar",
    licence="ODC-BY 1.0, and the licence agreement of the API",
    licence_url="https://www.semanticscholar.org/product/api/license",
    interval=limits.S2_INTERVAL_S,
    page_records=limits.S2_PAGE_RECORDS,
    parameters=("query", "from"),
)
_URL = "https://api.semanticscholar.org/graph/v1/paper/search/bulk"
_KEY = "PAPERS_S2_KEY"
_FIELDS = (
    "paperId", "corpusId", "externalIds", "url", "title", "abstract", "venue", "year", "publicationDate", "journal",
    "citationCount", "fieldsOfStudy", "authors",
)  # fmt: skip
"""The fields that ``indexer.sources.semantic_scholar`` reads."""


@dataclass(frozen=True, slots=True)
class SemanticScholarHarvest:
    """A harvest of a query; the state has ``cursor``, the token of the next page, and is empty between rounds.

    Attributes:
        service: The service.
        name: The canonical name.
        url: The address of the bulk search.
        query: The query in its language.
        published_from: The first day of publication; empty for all.
        key: The key of the user; empty for none.
    """

    service: Service
    name: str
    url: str
    query: str
    published_from: str
    key: str = field(default="", repr=False)

    def count(self, client: "Client") -> int | None:
        """Returns the number of papers, which the service estimates."""
        try:
            return self._fetch(client, {"cursor": ""}, ("paperId",)).total
        except StatusError as error:
            raise HarvestFailed(self.url, describe_error(error)) from None

    def pages(self, client: "Client", state: State) -> Iterator[HarvestPage]:
        """Yields the pages of the round; see ``Harvest.pages``."""
        state = state if "cursor" in state else {"cursor": ""}
        try:
            yield from list_pages(self.url, state, lambda each: self._fetch(client, each, _FIELDS))
        except StatusError as error:
            raise HarvestFailed(self.url, describe_error(error)) from None

    def accepts(self, paper: Paper) -> bool:  # noqa: ARG002  the query says it all
        """Whether a paper meets the query: always."""
        return True

    def _fetch(self, client: "Client", state: State, fields: tuple[str, ...]) -> HarvestPage:
        """Fetches the page at the token."""
        if not self.key:
            raise InvalidValue(
                _KEY, "", "request a key, which is free, at https://www.semanticscholar.org/product/api#api-key"
            )
        parameters = {"query": self.query, "fields": ",".join(fields), "sort": "paperId"}
        if self.published_from:
            parameters["publicationDateOrYear"] = f"{self.published_from}:"
        if state["cursor"]:
            parameters["token"] = str(state["cursor"])
        secrets = {"x-api-key": self.key}
        body = client.get(self.url, parameters, types=JSON_TYPES, check=_check, secrets=secrets).body
        page = parse_object(body)
        papers, token, total = page["data"], page.get("token") or "", page.get("total")
        is_last = not (papers and token)
        after = {} if is_last else {"cursor": token}
        return HarvestPage(
            body, "semantic-scholar", len(papers), after, is_last, total if isinstance(total, int) else None
        )


def parse(parameters: Parameters) -> SemanticScholarHarvest:
    """Makes a harvest from the parameters of its name: ``query`` and ``from``.

    Raises:
        InvalidValue: One of them is invalid, or there is no query.
    """
    query, start = parse_query(parameters), parse_first_date(parameters)
    if not query:
        raise InvalidValue(
            "query", query, "give a query; all of Semantic Scholar is in its data sets (docs/getting-papers.md)"
        )
    name = make_name(SERVICE.key, [("query", query), ("from", str(start or ""))])
    url = service_url("PAPERS_S2_URL", _URL)
    return SemanticScholarHarvest(SERVICE, name, url, query, first_day(start) if start else "", api_key(_KEY))


def _check(body: bytes) -> None:
    if not isinstance(parse_object(body).get("data"), list):
        raise PassingError("the page has no list of papers")
