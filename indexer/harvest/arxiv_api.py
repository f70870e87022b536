"""Searches of arXiv's API (https://info.arxiv.org/help/api/user-manual.html).

The first round lists by the date of submission, oldest first, so that papers that are added meanwhile come last. Later
rounds list by the date of the last change, newest first, as far back as the round before. The API has no cursor: pages
are numbered by their first record, and overlap, since a record that leaves the answer moves the others.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lxml import etree

from indexer.harvest import limits
from indexer.harvest.errors import PassingError, StatusError
from indexer.harvest.service import HarvestPage, Service, State
from indexer.sources.xml import find_all, find_text, local_name
from search.errors import HarvestFailed
from search.papers.folding import normalize_whitespace
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.harvest.client import Client

_TYPES = ("application/atom+xml", "application/xml", "text/xml")
_END = re.compile(rb"</(?:[\w.-]+:)?feed\s*>\s*\Z")
_OVERLAP_RECORDS = 10
"""Records that a page repeats of the one before."""
_OVERLAP = timedelta(days=14)
"""What a round repeats of the one before: papers get their date when they are submitted, and may be listed only after
days of moderation (https://info.arxiv.org/help/moderation/index.html)."""
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class _Feed:
    """One response.

    Attributes:
        total: Papers that match.
        published: When each entry was submitted.
        updated: When each entry was changed last.
    """

    total: int
    published: tuple[str, ...]
    updated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArxivSearch:
    """A query of the API.

    The state has ``start``, the number of the next record, and ``began``, when the round began. In the first round it
    has ``first``, the date of submission at which the numbers start, which moves on when they reach their limit; in
    later rounds it has ``since``, the date of change at which the round ends. Between rounds it has only ``since``.

    Attributes:
        service: The service.
        name: The canonical name.
        url: The address of the API.
        query: The query in the language of the API.
    """

    service: Service
    name: str
    url: str
    query: str

    def count(self, client: "Client") -> int:
        """Returns the number of papers that match."""
        return self._request(client, self.query, "submittedDate", 0, 1)[1].total

    def pages(self, client: "Client", state: State) -> Iterator[HarvestPage]:
        """Yields the pages of the round; see ``Harvest.pages``."""
        if "began" not in state:
            state = {**state, "began": datetime.now(UTC).strftime(_STAMP), "start": 0, "first": ""}
        while "began" in state:
            body, feed, state = self._fetch(client, state)
            is_last = "began" not in state
            yield HarvestPage(body, "arxiv-atom", len(feed.updated), state, is_last, feed.total)

    def accepts(self, paper: Paper) -> bool:  # noqa: ARG002  the query says it all
        """Whether a paper meets the query: always."""
        return True

    def _fetch(self, client: "Client", state: State) -> tuple[bytes, _Feed, State]:
        """Fetches the next page and returns the state after it."""
        start, first, since = int(str(state["start"])), str(state["first"]), str(state.get("since", ""))
        query = f"({self.query}) AND submittedDate:[{first} TO 999912312359]" if first else self.query
        order = "lastUpdatedDate" if since else "submittedDate"
        body, feed = self._request(client, query, order, start, limits.ARXIV_API_PAGE_RECORDS)
        if not (feed.updated or start):  # now and then for no reason: groups.google.com/g/arxiv-api/c/DYHxWrtBgbo
            body, feed = self._request(client, query, order, start, limits.ARXIV_API_PAGE_RECORDS)
        end = start + len(feed.updated)
        if end >= feed.total or (since and min(feed.updated) < since):
            began = datetime.strptime(str(state["began"]), _STAMP).replace(tzinfo=UTC)
            return body, feed, {"since": (began - _OVERLAP).strftime(_STAMP)}
        if end + limits.ARXIV_API_PAGE_RECORDS <= limits.ARXIV_API_MAX_RECORDS:
            return body, feed, {**state, "start": max(start + 1, end - _OVERLAP_RECORDS)}
        if since:  # too many changes to list them: all papers again
            return body, feed, {"began": state["began"], "start": 0, "first": ""}
        last = re.sub(r"\D", "", max(feed.published))[:12]
        if last <= first:
            raise HarvestFailed(self.url, f"more than {limits.ARXIV_API_MAX_RECORDS:,} papers have the same date")
        return body, feed, {**state, "start": 0, "first": last}

    def _request(self, client: "Client", query: str, order: str, start: int, records: int) -> tuple[bytes, _Feed]:
        parameters = {
            "search_query": query,
            "start": str(start),
            "max_results": str(records),
            "sortBy": order,
            "sortOrder": "descending" if order == "lastUpdatedDate" else "ascending",
        }

        def check(body: bytes) -> None:
            feed = _parse_feed(body)
            if not feed.updated and start < feed.total:
                raise PassingError(f"the page is empty, although there are {feed.total:,} papers")

        try:
            body = client.get(self.url, parameters, types=_TYPES, check=check).body
        except StatusError as error:
            raise HarvestFailed(self.url, _find_error(error.body) or str(error)) from None
        if message := _find_error(body):
            raise HarvestFailed(self.url, message)
        return body, _parse_feed(body)


def _parse_feed(body: bytes) -> _Feed:
    """Parses a response; entries that are not well-formed are for the reader to report.

    Raises:
        PassingError: It is cut, or no feed.
    """
    if not _END.search(body[-4_096:]):
        raise PassingError("the page is incomplete: it does not end with </feed>")
    root = _parse(body)
    if root is None or local_name(root) != "feed":
        raise PassingError("the page is no feed")
    total = find_text(root, "totalResults").strip()
    entries = find_all(root, "entry")
    return _Feed(
        int(total) if total.isdecimal() else 0,
        tuple(find_text(each, "published").strip() for each in entries),
        tuple(find_text(each, "updated").strip() for each in entries),
    )


def _find_error(body: bytes) -> str:
    """Returns the message of an error (section 3.4 of the manual); an empty text without one."""
    root = _parse(body)
    for entry in [] if root is None else find_all(root, "entry"):
        if "arxiv.org/api/errors" in find_text(entry, "id"):
            return f'it answered "{normalize_whitespace(find_text(entry, "summary"))}"'
    return ""


def _parse(body: bytes) -> etree._Element | None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError:  # nothing in it is XML
        return None
