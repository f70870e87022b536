"""Harvests of PubMed: a query, by NCBI's E-utilities (https://www.ncbi.nlm.nih.gov/books/NBK25499/).

``pubmed?query=asthma[mesh]+AND+steroids&from=2026-01``. ESearch lists the IDs of a query, and EFetch returns the
records of some of them. One search lists 9,999 IDs at most, so a query with more is divided by the day on which records
entered PubMed (``edat``). The IDs are part of the state. The history server, which would keep them instead, loses them
after some hours, and has the same limit.

Later rounds bring the records that entered PubMed or were modified (``mdat``) since the round before. What PubMed
deletes altogether it only lists at ftp.ncbi.nlm.nih.gov/pubmed/deleted.pmids.gz, which is not read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from lxml import etree

from indexer.harvest import limits
from indexer.harvest.errors import PassingError, StatusError
from indexer.harvest.json_page import describe_error
from indexer.harvest.parameters import first_day, parse_first_date, parse_query
from indexer.harvest.service import HarvestPage, Parameters, Service, State, make_name
from indexer.harvest.settings import api_key, mail_address, service_url
from indexer.sources.xml import find_text, local_name
from search.errors import HarvestFailed, InvalidValue
from search.papers.folding import normalize_whitespace
from search.papers.json import Json
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.harvest.client import Check, Client

SERVICE = Service(
    key="pubmed",
    title="PubMed",
    licence="terms of the NLM; abstracts may be copyrighted by publishers",
    licence_url="https://www.nlm.nih.gov/databases/download/terms_and_conditions.html",
    interval=limits.PUBMED_INTERVAL_S,
    page_records=limits.PUBMED_PAGE_RECORDS,
    parameters=("query", "from"),
)
_URL = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
_TOOL = "papers-search"
_TYPES = ("text/xml", "application/xml")
_FIRST_DAY = date(1900, 1, 1)
"""No record entered PubMed earlier."""
_LAST_YEAR = "3000"
"""The end of an open range of dates, as PubMed's own pages write it."""
_OVERLAP = timedelta(days=2)
"""What a round repeats of the one before: dates are those of Bethesda, and updates take a day to appear."""
_END = re.compile(rb"</PubmedArticleSet\s*>\s*\Z")
_RECORD = re.compile(rb"<Pubmed(?:Book)?Article[\s>]")


@dataclass(frozen=True, slots=True)
class PubmedHarvest:
    """A harvest of a query.

    The state has ``days``, the ranges of days that are to be searched, each as a list of the first and the last one,
    and an empty list for all days; ``ids``, the PubMed IDs that are found and not fetched; ``total``, the records of
    the round; and ``began``, the day on which it began. In later rounds it has ``since``, the first day of changes.
    Between rounds it only has ``since``.

    Attributes:
        service: The service.
        name: The canonical name.
        url: The address of the E-utilities.
        query: The query in the language of PubMed.
        key: The key of the user; empty for none.
    """

    service: Service
    name: str
    url: str
    query: str
    key: str = field(default="", repr=False)

    def count(self, client: "Client") -> int:
        """Returns the number of records."""
        return self._search(client, self.query, [], 0)[0]

    def pages(self, client: "Client", state: State) -> Iterator[HarvestPage]:
        """Yields the pages of the round; see ``Harvest.pages``."""
        if "ids" not in state:
            began = datetime.now(UTC).date().isoformat()
            state = {**state, "days": [[]], "ids": [], "total": None, "began": began}
        while "ids" in state:
            if not state["ids"] and state["days"]:
                state = self._find_ids(client, state)
                continue
            ids = _texts(state["ids"])
            body = self._fetch(client, ids[: limits.PUBMED_PAGE_RECORDS]) if ids else b""
            state = {**state, "ids": [*ids[limits.PUBMED_PAGE_RECORDS :]]}
            total, is_last = int(str(state["total"])), not (state["ids"] or state["days"])
            if is_last:
                state = {"since": (date.fromisoformat(str(state["began"])) - _OVERLAP).isoformat()}
            yield HarvestPage(body, "pubmed", len(_RECORD.findall(body)), state, is_last, total)

    def accepts(self, paper: Paper) -> bool:  # noqa: ARG002  the query says it all
        """Whether a paper meets the query: always."""
        return True

    def _find_ids(self, client: "Client", state: State) -> State:
        """Searches the first range of days; one with too many records is replaced by its halves."""
        days = [*_list(state["days"])]
        first = _texts(days.pop(0))
        query = self.query
        if "since" in state:
            changed = str(state["since"]).replace("-", "/")
            dates = " OR ".join(f'"{changed}"[{name}] : "{_LAST_YEAR}"[{name}]' for name in ("edat", "mdat"))
            query = f"({query}) AND ({dates})"
        count, ids = self._search(client, query, first, limits.PUBMED_MAX_RECORDS)
        total = count if state["total"] is None else state["total"]
        if len(ids) >= count:
            return {**state, "days": days, "ids": [*ids], "total": total}
        return {**state, "days": [*self._divide(first), *days], "total": total}

    def _divide(self, days: list[str]) -> list[Json]:
        first, last = map(date.fromisoformat, days) if days else (_FIRST_DAY, datetime.now(UTC).date() + _OVERLAP)
        if first == last:
            raise HarvestFailed(
                self.url, f"it does not list all of the records that entered PubMed on {first}; use a narrower query"
            )
        middle = first + (last - first) // 2
        return [[str(first), str(middle)], [str(middle + timedelta(days=1)), str(last)]]

    def _search(self, client: "Client", query: str, days: list[str], records: int) -> tuple[int, list[str]]:
        """Returns the number of records and the IDs of the first ones."""
        parameters = {"term": query, "retmax": str(records), "retmode": "xml"}
        if days:
            first, last = (each.replace("-", "/") for each in days)
            parameters |= {"datetype": "edat", "mindate": first, "maxdate": last}

        def check(body: bytes) -> None:
            count, ids = _parse_search(body)
            if count and records and not ids:
                raise PassingError(f"the search lists no IDs, although there are {count:,} records")

        return _parse_search(self._request(client, "esearch.fcgi", parameters, check))

    def _fetch(self, client: "Client", ids: list[str]) -> bytes:
        def check(body: bytes) -> None:
            if not _END.search(body[-4_096:]):
                raise PassingError("the page is incomplete: it does not end with </PubmedArticleSet>")
            if not _RECORD.search(body):
                raise PassingError("the page has no records")

        return self._request(client, "efetch.fcgi", {"id": ",".join(ids), "retmode": "xml"}, check)

    def _request(self, client: "Client", utility: str, parameters: dict[str, str], check: "Check") -> bytes:
        parameters |= {"db": "pubmed", "tool": _TOOL}
        if address := mail_address(client.contact):
            parameters["email"] = address
        if self.key:
            parameters["api_key"] = self.key
        try:
            return client.get(f"{self.url}/{utility}", parameters, types=_TYPES, check=check).body
        except StatusError as error:
            raise HarvestFailed(self.url, describe_error(error)) from None


def parse(parameters: Parameters) -> PubmedHarvest:
    """Makes a harvest from the parameters of its name: ``query`` and ``from``.

    Raises:
        InvalidValue: One of them is invalid, or there is no query.
    """
    query, start = parse_query(parameters), parse_first_date(parameters)
    if not query:
        raise InvalidValue(
            "query", query, "give a query; all of PubMed is in its baseline files (docs/getting-papers.md)"
        )
    name = make_name(SERVICE.key, [("query", query), ("from", str(start or ""))])
    if start:
        first = first_day(start).replace("-", "/")
        query = f'({query}) AND ("{first}"[pdat] : "{_LAST_YEAR}"[pdat])'
    key = api_key("PAPERS_NCBI_KEY")
    interval = limits.PUBMED_KEY_INTERVAL_S if key else limits.PUBMED_INTERVAL_S
    url = service_url("PAPERS_PUBMED_URL", _URL).rstrip("/")
    return PubmedHarvest(replace(SERVICE, interval=interval), name, url, query, key)


def _parse_search(body: bytes) -> tuple[int, list[str]]:
    """Parses a response of ESearch.

    Raises:
        PassingError: It is cut, or the search failed.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise PassingError(f"the page is incomplete, or no XML: {error}") from None
    if local_name(root) != "eSearchResult":
        raise PassingError("the page is no result of a search")
    if message := find_text(root, "ERROR"):
        raise PassingError(f'it answered "{normalize_whitespace(message)}"')
    count = find_text(root, "Count").strip()
    if not count.isdecimal():
        raise PassingError("the page has no number of records")
    return int(count), [(each.text or "").strip() for each in root.iterfind("IdList/Id")]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _texts(value: Json) -> list[str]:
    return [str(each) for each in _list(value)]
