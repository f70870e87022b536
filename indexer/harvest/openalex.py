"""Harvests of OpenAlex: works by a text, by filters, or both.

``openalex?query=retrieval+augmented+generation``, ``openalex?filter=concepts.id:C41008148&from=2026-01``. See
https://developers.openalex.org/guides/page-through-results for the paging,
https://developers.openalex.org/guides/filtering for filters, and
https://developers.openalex.org/api-reference/authentication for keys and what requests cost.

Later rounds bring the works that were changed since the round before. The filter for them, ``from_updated_date``, needs
a paid plan (https://docs.openalex.org/api-entities/works/filter-works). Without one the whole list is requested again,
and pages without a changed work are dropped.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from indexer.harvest import limits
from indexer.harvest.cursor import list_pages
from indexer.harvest.errors import PassingError, StatusError
from indexer.harvest.json_page import JSON_TYPES, describe_error, parse_object
from indexer.harvest.parameters import first_day, parse_first_date, parse_query
from indexer.harvest.service import HarvestPage, Parameters, Service, State, make_name
from indexer.harvest.settings import api_key, mail_address, service_url
from search.errors import HarvestFailed, InvalidValue
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.harvest.client import Client

SERVICE = Service(
    key="openalex",
    title="OpenAlex",
    licence="CC0 1.0",
    licence_url="https://developers.openalex.org/",
    interval=limits.OPENALEX_INTERVAL_S,
    page_records=limits.OPENALEX_PAGE_RECORDS,
    parameters=("query", "filter", "from"),
)
_URL = "https://api.openalex.org/works"
_FILTER = re.compile(r"[a-z][a-z_]*(?:\.[a-z_]+)*:\S.*")
"""A text that is a filter, as in ``type:article,concepts.id:C41008148``; in prose a space follows a colon."""
_REFUSED_STATUSES = frozenset({400, 401, 402, 403})
"""Statuses with which the filter for changed works is refused without a paid plan."""
_OVERLAP = timedelta(days=2)
"""What a round repeats of the one before: works are published up to a day after their date of change."""


@dataclass(frozen=True, slots=True)
class OpenAlexHarvest:
    """A harvest of works.

    The state has ``cursor``; ``began``, the day on which the round began; and ``seen``, the number of works before the
    cursor. In later rounds it has ``since``, the day from which changed works are wanted, and ``filtered``, whether the
    service may be asked for these alone. Between rounds it only has ``since``.

    Attributes:
        service: The service.
        name: The canonical name.
        url: The address of the list of works.
        query: The text to search for; empty for none.
        filters: Filters, all of which a work meets.
        key: The key of the user; empty for none.
    """

    service: Service
    name: str
    url: str
    query: str
    filters: tuple[str, ...]
    key: str = field(default="", repr=False)

    def count(self, client: "Client") -> int:
        """Returns the number of works."""
        try:
            return _total(self._request(client, self.filters, {"per_page": "1"})[1])
        except StatusError as error:
            raise HarvestFailed(self.url, describe_error(error)) from None

    def pages(self, client: "Client", state: State) -> Iterator[HarvestPage]:
        """Yields the pages of the round; see ``Harvest.pages``."""
        if "cursor" not in state:
            began = datetime.now(UTC).date().isoformat()
            state = {**state, "cursor": "", "seen": 0, "began": began, "filtered": bool(self.key and "since" in state)}
        try:
            yield from list_pages(self.url, state, lambda each: self._fetch(client, each))
        except StatusError as error:
            raise HarvestFailed(self.url, describe_error(error)) from None

    def accepts(self, paper: Paper) -> bool:  # noqa: ARG002  the query says it all
        """Whether a paper meets the query: always."""
        return True

    def _fetch(self, client: "Client", state: State) -> HarvestPage:
        """Fetches the page at the cursor."""
        since, cursor = str(state.get("since", "")), str(state["cursor"])
        filters = (*self.filters, f"from_updated_date:{since}") if state["filtered"] else self.filters
        parameters = {"per_page": str(limits.OPENALEX_PAGE_RECORDS), "cursor": cursor or "*"}
        try:
            body, page = self._request(client, filters, parameters)
        except StatusError as error:
            if cursor or not state["filtered"] or error.status not in _REFUSED_STATUSES:
                raise
            return self._fetch(client, {**state, "filtered": False})
        works, following = page["results"], (page.get("meta") or {}).get("next_cursor") or ""
        seen, total = (int(str(state["seen"])) if cursor else 0) + len(works), _total(page)
        after: State = {**state, "cursor": following, "seen": seen}
        is_last = not (works and following) or seen >= total  # the service would give one more page, without works
        if is_last:
            began = datetime.fromisoformat(str(state["began"]))
            after = {"since": (began - _OVERLAP).date().isoformat()}
        if not since or state["filtered"]:
            return HarvestPage(body, "openalex", len(works), after, is_last, total)
        records = len(works) if any(_is_changed(work, since) for work in works) else 0
        return HarvestPage(body, "openalex", records, after, is_last, done=min(1.0, seen / max(total, 1)))

    def _request(
        self, client: "Client", filters: tuple[str, ...], parameters: dict[str, str]
    ) -> tuple[bytes, dict[str, Any]]:
        if filters:
            parameters["filter"] = ",".join(filters)
        if self.query:
            parameters["search"] = self.query
        if address := mail_address(client.contact):
            parameters["mailto"] = address
        if self.key:
            parameters["api_key"] = self.key
        body = client.get(self.url, parameters, types=JSON_TYPES, check=_check).body
        return body, parse_object(body)


def parse(parameters: Parameters) -> OpenAlexHarvest:
    """Makes a harvest from the parameters of its name: ``query``, ``filter`` and ``from``.

    Raises:
        InvalidValue: One of them is invalid, or there is none.
    """
    query, start = parse_query(parameters), parse_first_date(parameters)
    given = {each.strip() for each in parameters.get("filter", ())}
    if _FILTER.fullmatch(query):
        query, given = "", {*given, query}
    for each in given:
        if ":" not in each:
            raise InvalidValue("filter", each, "give a field and a value, as in concepts.id:C41008148 or type:article")
    filters = tuple(sorted(given))
    if not (query or filters or start):
        raise InvalidValue(
            "query",
            query,
            "give a text, a filter or a date; all of OpenAlex is in its snapshot (docs/getting-papers.md)",
        )
    name = make_name(
        SERVICE.key, [("query", query), *(("filter", each) for each in filters), ("from", str(start or ""))]
    )
    if start:
        filters = (*filters, f"from_publication_date:{first_day(start)}")
    key = api_key("PAPERS_OPENALEX_KEY")
    return OpenAlexHarvest(SERVICE, name, service_url("PAPERS_OPENALEX_URL", _URL), query, filters, key)


def _check(body: bytes) -> None:
    page = parse_object(body)
    if not isinstance(page.get("results"), list):
        raise PassingError("the page has no list of results")


def _total(page: dict[str, Any]) -> int:
    found = (page.get("meta") or {}).get("count")
    return found if isinstance(found, int) else 0


def _is_changed(work: Any, since: str) -> bool:
    """Whether a work was changed on a day or later; one that does not say it is assumed to be."""
    updated = work.get("updated_date") if isinstance(work, dict) else None
    return not isinstance(updated, str) or updated >= since
