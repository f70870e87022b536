"""Harvest: a query to a service whose answer is fetched page by page.

A module of a service has a constant ``SERVICE`` and a function ``parse(parameters)``, which makes a harvest from the
parameters of its canonical name; ``indexer.harvest.parse_name`` finds it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import quote_plus, urlencode

from search.papers.json import Json
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.harvest.client import Client

State: TypeAlias = Mapping[str, Json]
"""Where a harvest continues, as JSON: empty before the first page. What it contains is up to the service."""
Parameters: TypeAlias = Mapping[str, tuple[str, ...]]
"""The values of each parameter of a canonical name."""

_READABLE = ":/,*()[]'\"@|"
"""Characters that a canonical name has as they are."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service that papers are harvested from.

    Attributes:
        key: The first part of the names of its harvests.
        title: Its name.
        licence: The licence of its metadata, or what is known of it.
        licence_url: The page that says so; empty if there is none.
        interval: Seconds between two requests.
        page_records: Records of a page, to estimate times.
        parameters: The parameters that names of its harvests may have.
        turn: What its addresses have in common, if the pause counts for all of them together.
    """

    key: str
    title: str
    licence: str
    licence_url: str
    interval: float
    page_records: int
    parameters: tuple[str, ...]
    turn: str = ""


@dataclass(frozen=True, slots=True)
class HarvestPage:
    """One page of a harvest.

    Attributes:
        body: The page as the service sent it.
        format: One of ``indexer.sources.FORMATS``.
        records: Records in it, deleted ones included; a page without any only ends a round, and is not stored.
        state: Where the harvest continues after this page. After the last one it is where the next round starts, which
            brings what is new or changed since.
        is_last: Whether it is the last page of this round.
        total: Records of this round, if the service says so.
        done: The share of the round that is done, 0 to 1, if the service can tell this but not the total.
    """

    body: bytes
    format: str
    records: int
    state: State
    is_last: bool
    total: int | None = None
    done: float | None = None


class Harvest(Protocol):
    """A query to a service.

    A page may repeat records of earlier pages, which the import recognises; a record must not be missed. What a killed
    process has not spooled is requested again, with the state of the last page that it has.
    """

    @property
    def service(self) -> Service:
        """The service."""

    @property
    def name(self) -> str:
        """The canonical name, as in ``arxiv?category=cs.IR&from=2026-01``; equal queries have equal names."""

    def count(self, client: "Client") -> int | None:
        """Returns the number of records, by one request; None if the service does not say it.

        Raises:
            HarvestFailed: See ``Client.get``.
        """

    def pages(self, client: "Client", state: State) -> Iterator[HarvestPage]:
        """Yields the pages of this round from a state on; each is requested when the one before it is processed.

        Args:
            client: Makes the requests.
            state: That of the last page spooled, in this round or an earlier one.

        Raises:
            HarvestFailed: See ``Client.get``; or the service reports an error.
        """

    def accepts(self, paper: Paper) -> bool:
        """Whether a paper in a page meets the query, where the service cannot narrow it as exactly as wanted."""


def make_name(key: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Returns the canonical name of a harvest; parameters with an empty value are left out.

    Args:
        key: That of the service.
        parameters: Names with values, in an order that equal queries share.
    """
    given = [(name, value) for name, value in parameters if value]
    query = urlencode(given, safe=_READABLE, quote_via=quote_plus)
    return f"{key}?{query}" if query else key
