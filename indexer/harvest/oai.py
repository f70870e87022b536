"""Harvests of any repository by OAI-PMH 2.0 (https://www.openarchives.org/OAI/openarchivesprotocol.html).

``oai?url=https://zenodo.org/oai2d&set=user-cern&prefix=oai_dc&from=2026-01``
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from indexer.harvest import limits
from indexer.harvest.errors import PassingError, StatusError
from indexer.harvest.oai_page import OaiPage, check_complete, parse_identity, parse_page
from indexer.harvest.service import HarvestPage, Parameters, Service, State, make_name
from search.errors import HarvestFailed, InvalidValue
from search.papers.date import Date
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.harvest.client import Client

SERVICE = Service(
    key="oai",
    title="OAI-PMH repository",
    licence="the terms of the repository",
    licence_url="",
    interval=limits.OAI_INTERVAL_S,
    page_records=limits.OAI_PAGE_RECORDS,
    parameters=("url", "set", "prefix", "from"),
)
DEFAULT_PREFIX = "oai_dc"
"""Simple Dublin Core, the metadata prefix that every repository has."""

_TYPES = ("text/xml", "application/xml")
_MAX_RESTARTS = 3
"""Times that an invalid resumption token is replaced by a new list, without two pages in a row."""
_DAY_OVERLAP = timedelta(days=1)
_SECOND_OVERLAP = timedelta(hours=1)
"""What a round repeats of the one before, for records that get a datestamp before they are published."""
_DAY, _SECOND = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"
"""The two granularities of datestamps (section 3.3 of the protocol)."""


@dataclass(frozen=True, slots=True)
class OaiHarvest:
    """A harvest of one or more sets of a repository.

    The state has these members while a round runs: ``set``, the number of the set; ``token``; ``from``, where the list
    of the set starts; ``last``, the last datestamp; ``ordered``, whether none was lower than the one before it;
    ``spans``, whether the last page has lower ones than the last; ``started``, when the round started; ``granularity``.
    Between rounds it only has ``from``.

    An expired token is replaced by a new list: from the last datestamp if the repository lists by it, as arXiv does,
    and from the start otherwise. A token that is left from an earlier run is replaced like this even if it has not
    expired, unless all of the last page would come again: behind a token, repositories count records, and miss one for
    each that was changed since and so moved to the end.

    Attributes:
        service: The service.
        name: The canonical name.
        url: The base URL.
        prefix: The metadata prefix.
        sets: The sets; an empty text stands for the whole repository.
        start: The first datestamp; None for all.
        published_from: Papers published earlier are left out; None leaves out none.
    """

    service: Service
    name: str
    url: str
    prefix: str = DEFAULT_PREFIX
    sets: tuple[str, ...] = ("",)
    start: Date | None = None
    published_from: Date | None = None

    def count(self, client: "Client") -> int | None:
        """Returns the size of the lists as the repository gives it; None if it does not."""
        start = _first_day(self.start)
        sizes = []
        for each in self.sets:
            arguments = {"verb": "ListIdentifiers", "metadataPrefix": self.prefix} | _selection(each, start)
            page = self._request(client, arguments)
            sizes.append(page.total if page.token or page.total else page.records)
        return None if None in sizes else sum(size or 0 for size in sizes)

    def pages(self, client: "Client", state: State) -> Iterator[HarvestPage]:
        """Yields the pages of all sets; see ``Harvest.pages``."""
        state = state if "set" in state else self._start_round(client, state)
        for number in range(_number(state["set"]), len(self.sets)):
            if number != state["set"]:
                state = _start_set(state, number)
            for body, page in self._list(client, state):
                state = _advance(state, page)
                is_last = not page.token and number == len(self.sets) - 1
                after = _end_round(state) if is_last else state
                if not page.token and not is_last:
                    after = _start_set(state, number + 1)
                yield HarvestPage(body, "oai-pmh", page.records, after, is_last, *_measure(state, page, len(self.sets)))

    def accepts(self, paper: Paper) -> bool:
        """Whether a paper is published late enough; one without a date is accepted."""
        first, found = self.published_from, paper.published
        return not (first and found) or found.last_day >= first.first_day

    def _start_round(self, client: "Client", state: State) -> State:
        body = client.get(self.url, {"verb": "Identify"}, types=_TYPES, check=check_complete).body
        page = parse_page(body)
        if page.error:
            raise HarvestFailed(self.url, f'it answered "{page.error}: {page.message}"')
        granularity, earliest = parse_identity(body)
        form = _SECOND if "hh" in granularity else _DAY
        start = str(state.get("from") or "") or _first_day(self.start)
        round_state = {
            "from": start if form == _DAY or not start or "T" in start else start + "T00:00:00Z",
            "earliest": earliest,
            "started": page.response_date or datetime.now(UTC).strftime(_SECOND),
            "granularity": form,
        }
        return _start_set(round_state, 0)

    def _list(self, client: "Client", state: State) -> Iterator[tuple[bytes, OaiPage]]:
        """Yields the pages of one set from a state on."""
        restarts = 0
        if state["ordered"] and state["spans"]:
            state = {**state, "token": ""}
        while True:
            token = str(state["token"])
            arguments = {"verb": "ListRecords"}
            if token:
                arguments["resumptionToken"] = token
            else:
                start = str(state["last"] if state["ordered"] and state["last"] else state["from"])
                arguments |= {"metadataPrefix": self.prefix} | _selection(self.sets[_number(state["set"])], start)
            body, page = self._request_body(client, arguments)
            if page.error == "badResumptionToken" and token:
                restarts += 1
                if restarts > _MAX_RESTARTS:
                    raise HarvestFailed(self.url, f"it accepts none of its own resumption tokens: {page.message}")
                state = {**state, "token": ""}
                continue
            if page.error not in ("", "noRecordsMatch"):
                raise HarvestFailed(self.url, f'it answered "{page.error}: {page.message}"')
            restarts = 0 if token else restarts
            yield body, page
            if not page.token:
                return
            if page.token == token:
                raise HarvestFailed(self.url, f"it repeats the resumption token {token[:60]!r} without end")
            state = _advance(state, page)

    def _request(self, client: "Client", arguments: dict[str, str]) -> OaiPage:
        page = self._request_body(client, arguments)[1]
        if page.error not in ("", "noRecordsMatch"):
            raise HarvestFailed(self.url, f'it answered "{page.error}: {page.message}"')
        return page

    def _request_body(self, client: "Client", arguments: dict[str, str]) -> tuple[bytes, OaiPage]:
        """Makes a request; some repositories send the errors of the protocol with a status of HTTP other than 200."""
        try:
            body = client.get(self.url, arguments, types=_TYPES, check=check_complete).body
            return body, parse_page(body)
        except StatusError as error:
            try:
                page = parse_page(error.body)
            except PassingError:
                raise error from None
            if not page.error:
                raise
            return error.body, page


def parse(parameters: Parameters) -> OaiHarvest:
    """Makes a harvest from the parameters of its name: ``url``, ``set``, ``prefix`` and ``from``.

    Raises:
        InvalidValue: One of them is invalid or missing.
    """
    url = next(iter(parameters.get("url", ())), "")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise InvalidValue("url", url, "give the base URL of a repository, as in https://zenodo.org/oai2d")
    prefix = next(iter(parameters.get("prefix", ())), DEFAULT_PREFIX)
    start = parse_first_date(parameters)
    sets = tuple(sorted(set(parameters.get("set", ())))) or ("",)
    name = make_name(
        SERVICE.key,
        [("url", url), *(("set", each) for each in sets), ("prefix", prefix), ("from", str(start or ""))],
    )
    return OaiHarvest(SERVICE, name, url, prefix, sets, start)


def parse_first_date(parameters: Parameters) -> Date | None:
    """Parses the parameter ``from``; None without it.

    Raises:
        InvalidValue: It is no date.
    """
    text = next(iter(parameters.get("from", ())), "")
    try:
        return Date.parse(text) if text else None
    except ValueError:
        raise InvalidValue("from", text, "give a date such as 2026, 2026-01 or 2026-01-31") from None


def _first_day(start: Date | None) -> str:
    return f"{start.year:04}-{start.month or 1:02}-{start.day or 1:02}" if start else ""


def _selection(name: str, start: str) -> dict[str, str]:
    return ({"set": name} if name else {}) | ({"from": start} if start else {})


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _start_set(state: State, number: int) -> State:
    return {**state, "set": number, "token": "", "last": "", "ordered": True, "spans": False}


def _advance(state: State, page: OaiPage) -> State:
    """Returns the state after a page of a list."""
    stamps = (str(state["last"]), *page.stamps)
    return {
        **state,
        "token": page.token,
        "last": stamps[-1],
        "ordered": bool(state["ordered"]) and all(one <= other for one, other in pairwise(stamps)),
        "spans": len(set(page.stamps)) > 1,
    }


def _end_round(state: State) -> State:
    """Returns the state after the last page: the next round starts where this one did, less the overlap."""
    form = str(state["granularity"])
    started = _parse_stamp(str(state["started"])) or datetime.now(UTC)
    return {"from": (started - (_DAY_OVERLAP if form == _DAY else _SECOND_OVERLAP)).strftime(form)}


def _measure(state: State, page: OaiPage, sets: int) -> tuple[int | None, float | None]:
    """Returns the total and the share that is done; the latter by datestamp if the list is ordered by it."""
    if sets == 1 and page.total is not None:
        return page.total, None
    first, now = _parse_stamp(str(state["from"] or state["earliest"])), _parse_stamp(str(state["started"]))
    last = _parse_stamp(page.stamps[-1]) if page.stamps else None
    done = 1.0 if not page.token else 0.0
    if page.token and state["ordered"] and first and now and last and now > first:
        done = min(1.0, max(0.0, (last - first) / (now - first)))
    return None, (_number(state["set"]) + done) / sets


def _parse_stamp(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
