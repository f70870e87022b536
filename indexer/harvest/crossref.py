"""Harvests of Crossref: works of journals, of a query, or both, by its REST API.

``crossref?issn=0028-0836&from=2026`` and ``crossref?query=kv+cache+compression``. See
https://api.crossref.org/swagger-ui/index.html and, for filters,
https://www.crossref.org/documentation/retrieve-metadata/rest-api/rest-api-filters/.

Works are listed in the order in which they were indexed, and each page starts with the last timestamp of the one before
it. Crossref's own ``cursor`` is not used: it is that of a scroll of Elasticsearch, which stays the same, so that a
request that is repeated gets the page after the lost one, and it expires after five minutes
(https://community.crossref.org/t/cursor-based-pagination/3289). Later rounds start with the timestamp of the round
before: a work is indexed again whenever its record is changed, or the record of a retraction that names it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from indexer.harvest import limits
from indexer.harvest.errors import PassingError, StatusError
from indexer.harvest.json_page import JSON_TYPES, describe_error, parse_object
from indexer.harvest.parameters import first_day, parse_first_date, parse_query
from indexer.harvest.service import HarvestPage, Parameters, Service, State, make_name
from indexer.harvest.settings import contact, mail_address, service_url
from search.errors import HarvestFailed, InvalidValue
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.harvest.client import Check, Client, Response

SERVICE = Service(
    key="crossref",
    title="Crossref",
    licence="no copyright in the facts; abstracts may be copyrighted by publishers",
    licence_url="https://www.crossref.org/documentation/retrieve-metadata/rest-api/",
    interval=limits.CROSSREF_INTERVAL_S,
    page_records=limits.CROSSREF_PAGE_RECORDS,
    parameters=("query", "issn", "from"),
)
_URL = "https://api.crossref.org/v1/works"
_ISSN = re.compile(r"([0-9]{4})-?([0-9]{3}[0-9Xx])")
_STAMP = "%Y-%m-%dT%H:%M:%S"
_STAMP_CHARACTERS, _DAY_CHARACTERS = 19, 10
"""Characters of a timestamp that a filter has, and of its day."""
_OVERLAP = timedelta(hours=2)
"""What a round repeats of the one before: a work appears up to 20 minutes after its timestamp
(https://github.com/CrossRef/rest-api-doc#frequency-of-indexing)."""


@dataclass(frozen=True, slots=True)
class CrossrefHarvest:
    """A harvest of works.

    The state has ``since``, the timestamp at which the list starts, an empty text for its beginning; ``offset``, the
    number of works of the list that are before the page; ``began``, when the round began; ``total``, the works of the
    round; ``characters``, those of a timestamp in a filter; and ``ordered``, whether no work had a lower timestamp than
    the one before it. Between rounds it only has ``since``.

    Attributes:
        service: The service.
        name: The canonical name.
        url: The address of the list of works.
        query: The words to search for; empty for none.
        filters: Filters, which with equal names are alternatives.
    """

    service: Service
    name: str
    url: str
    query: str
    filters: tuple[str, ...]

    def count(self, client: "Client") -> int:
        """Returns the number of works."""
        try:
            return _total(self._request(client, self.filters, {"rows": "0"})[1])
        except StatusError as error:
            raise HarvestFailed(self.url, describe_error(error)) from None

    def pages(self, client: "Client", state: State) -> Iterator[HarvestPage]:
        """Yields the pages of the round; see ``Harvest.pages``."""
        if "offset" not in state:
            began = datetime.now(UTC).strftime(_STAMP)
            first = {"since": state.get("since", ""), "offset": 0, "began": began, "total": None}
            state = {**first, "characters": _STAMP_CHARACTERS, "ordered": True}
        while "offset" in state:
            try:
                page = self._fetch(client, state)
            except StatusError as error:
                if error.status == 400 and "T" in str(state["since"]):  # only days are accepted
                    state = {**state, "since": str(state["since"])[:_DAY_CHARACTERS], "characters": _DAY_CHARACTERS}
                    continue
                raise HarvestFailed(self.url, describe_error(error)) from None
            yield page
            state = page.state

    def accepts(self, paper: Paper) -> bool:  # noqa: ARG002  the query says it all
        """Whether a paper meets the query: always."""
        return True

    def _fetch(self, client: "Client", state: State) -> HarvestPage:
        """Fetches the page after a state."""
        since, offset = str(state["since"]), int(str(state["offset"]))
        if offset + limits.CROSSREF_PAGE_RECORDS > limits.CROSSREF_MAX_OFFSET:
            raise HarvestFailed(
                self.url,
                f"it lists only {limits.CROSSREF_MAX_OFFSET:,} works without an order, and there are more from "
                f"{since or 'the start'} on; select fewer works, with --issn or --from",
            )
        filters = (*self.filters, f"from-index-date:{since}") if since else self.filters
        parameters = {"sort": "indexed", "order": "asc", "offset": str(offset)}

        def check(body: bytes) -> None:
            found = _parse(body)
            if not found["items"] and offset < _total(found):
                raise PassingError(f"the page is empty, although there are {_total(found):,} works")

        parameters["rows"] = str(limits.CROSSREF_PAGE_RECORDS)
        response, message = self._request(client, filters, parameters, check)
        works, listed = message["items"], _total(message)
        total = listed if state["total"] is None else state["total"]
        after = {**_advance(state, works), "total": total}
        is_last = offset + len(works) >= listed
        if is_last:
            began = datetime.strptime(str(state["began"]), _STAMP).replace(tzinfo=UTC)
            after = {"since": (began - _OVERLAP).strftime(_STAMP)}
        return HarvestPage(response.body, "crossref", len(works), after, is_last, int(str(total)))

    def _request(
        self, client: "Client", filters: tuple[str, ...], parameters: dict[str, str], check: "Check | None" = None
    ) -> tuple["Response", dict[str, Any]]:
        if filters:
            parameters["filter"] = ",".join(filters)
        if self.query:
            parameters["query"] = self.query
        if address := mail_address(client.contact):
            parameters["mailto"] = address
        response = client.get(self.url, parameters, types=JSON_TYPES, check=check or _parse)
        client.interval = max(client.interval, _find_interval(response))
        return response, _parse(response.body)


def parse(parameters: Parameters) -> CrossrefHarvest:
    """Makes a harvest from the parameters of its name: ``query``, ``issn`` and ``from``.

    Raises:
        InvalidValue: One of them is invalid, or there is neither a query nor an ISSN.
    """
    query, start = parse_query(parameters), parse_first_date(parameters)
    issns = tuple(sorted({_parse_issn(each) for each in parameters.get("issn", ())}))
    if not (query or issns):
        raise InvalidValue(
            "query",
            query,
            "give words, or the ISSN of a journal; all of Crossref is in its public data file (docs/getting-papers.md)",
        )
    name = make_name(SERVICE.key, [("query", query), *(("issn", each) for each in issns), ("from", str(start or ""))])
    filters = [f"issn:{each}" for each in issns]
    if start:
        filters.append(f"from-pub-date:{first_day(start)}")
    interval = limits.CROSSREF_POLITE_INTERVAL_S if mail_address(contact()) else limits.CROSSREF_INTERVAL_S
    url = service_url("PAPERS_CROSSREF_URL", _URL)
    return CrossrefHarvest(replace(SERVICE, interval=interval), name, url, query, tuple(filters))


def _parse_issn(text: str) -> str:
    match = _ISSN.fullmatch(text.strip())
    if not match:
        raise InvalidValue("issn", text, "give the eight characters of an ISSN, as in 0028-0836")
    return f"{match[1]}-{match[2].upper()}"


def _advance(state: State, works: list[Any]) -> State:
    """Returns where the next page starts: at the last timestamp of this one or, if all have the same, by an offset.

    Without any order, pages are numbered by the offset alone.
    """
    since = str(state["since"])
    stamps = [_find_stamp(work)[: int(str(state["characters"]))] for work in works]
    if not (state["ordered"] and all(stamps) and [since, *stamps] == sorted([since, *stamps])):
        return {**state, "offset": int(str(state["offset"])) + len(works), "ordered": False}
    if stamps and stamps[-1] > since:
        return {**state, "since": stamps[-1], "offset": 0}
    return {**state, "offset": int(str(state["offset"])) + len(works)}


def _find_stamp(work: Any) -> str:
    indexed = work.get("indexed") if isinstance(work, dict) else None
    found = indexed.get("date-time") if isinstance(indexed, dict) else None
    return found if isinstance(found, str) else ""


def _parse(body: bytes) -> dict[str, Any]:
    message = parse_object(body).get("message")
    if not (isinstance(message, dict) and isinstance(message.get("items"), list)):
        raise PassingError("the page has no list of works")
    return message


def _total(message: dict[str, Any]) -> int:
    found = message.get("total-results")
    return found if isinstance(found, int) else 0


def _find_interval(response: "Response") -> float:
    """Returns the seconds between two requests that X-Rate-Limit-Limit and X-Rate-Limit-Interval allow."""
    requests = response.headers.get("X-Rate-Limit-Limit", "")
    seconds = response.headers.get("X-Rate-Limit-Interval", "").removesuffix("s")
    if not (requests.isdecimal() and int(requests) and seconds.isdecimal()):
        return 0.0
    return float(seconds) / int(requests)
