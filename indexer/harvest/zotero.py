"""Harvests of a Zotero library: of the Zotero that runs on this machine, or of zotero.org.

``zotero`` is the library of the local Zotero, see ``indexer.harvest.zotero_local``. ``zotero?library=users/475425`` and
``zotero?library=groups/4567`` are libraries at zotero.org (https://www.zotero.org/support/dev/web_api/v3/basics), which
need a key unless they are public. Items are requested in Zotero's own JSON: its other formats have neither the key by
which a deletion names an item nor all fields.

Later rounds bring what the library has had since its version in the round before, and the keys of the items that it has
deleted since (https://www.zotero.org/support/dev/web_api/v3/syncing).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from indexer.harvest import limits
from indexer.harvest.errors import StatusError
from indexer.harvest.json_page import JSON_TYPES, describe_error, parse_list, parse_object
from indexer.harvest.service import Harvest, HarvestPage, Parameters, Service, State, make_name
from indexer.harvest.settings import api_key, service_url
from indexer.harvest.zotero_local import FORMAT, ORDER, LocalZotero, deletions_page, find_total
from search.errors import HarvestFailed, InvalidValue
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.harvest.client import Client, Response

SERVICE = Service(
    key="zotero",
    title="Zotero",
    licence="your own library; its records are under the terms of their sources",
    licence_url="https://www.zotero.org/support/terms/terms_of_service",
    interval=limits.ZOTERO_INTERVAL_S,
    page_records=limits.ZOTERO_PAGE_RECORDS,
    parameters=("library",),
)
_URL = "https://api.zotero.org"
_LOCAL_URL = "http://localhost:23119/api"
_LOCAL_LIBRARY = "users/0"
_LIBRARY = re.compile(r"(?:users|groups)/[1-9][0-9]*")
_KEY = "PAPERS_ZOTERO_KEY"


@dataclass(frozen=True, slots=True)
class ZoteroHarvest:
    """A harvest of a library at zotero.org.

    The state has ``start``, the number of the next item, or None if only the deletions are left; ``version``, that of
    the library at the first page; and ``total``, the number of items at the last page. In later rounds it has
    ``since``, the version after which changes are wanted. Between rounds it only has ``since``.

    An item that is changed while the pages are fetched comes again in the next round, since its version is higher than
    that of the first page. If an item is deleted meanwhile, the others move up, and the list starts again.

    Attributes:
        service: The service.
        name: The canonical name.
        url: The address of the library.
        key: The key of the user; empty for none.
    """

    service: Service
    name: str
    url: str
    key: str = field(default="", repr=False)

    def count(self, client: "Client") -> int:
        """Returns the number of items."""
        return find_total(self._request(client, "items/top", {"format": "json", "limit": "1"}))

    def pages(self, client: "Client", state: State) -> Iterator[HarvestPage]:
        """Yields the pages of the round; see ``Harvest.pages``."""
        if "start" not in state:
            state = {**state, "start": 0, "version": "", "total": 0}
        while "start" in state:
            page = self._list(client, state) if state["start"] is not None else self._list_deletions(client, state)
            yield page
            state = page.state

    def accepts(self, paper: Paper) -> bool:  # noqa: ARG002  all of the library is wanted
        """Whether a paper is wanted: always."""
        return True

    def _list(self, client: "Client", state: State) -> HarvestPage:
        """Fetches the items after a state."""
        since, start = str(state.get("since", "")), int(str(state["start"]))
        parameters = {**ORDER, "limit": str(limits.ZOTERO_PAGE_RECORDS), "start": str(start)}
        if since:
            parameters |= {"since": since, "includeTrashed": "1"}
        try:
            response = self._request(client, "items/top", parameters, "" if start else since)
        except StatusError as error:
            if error.status != 304:
                raise
            return HarvestPage(b"", FORMAT, 0, {"since": since}, True, 0)
        items, total = parse_list(response.body), find_total(response)
        is_shorter = total < int(str(state["total"]))
        state = {**state, "total": total, "version": state["version"] or response.headers.get("Last-Modified-Version")}
        if is_shorter:
            return HarvestPage(b"", FORMAT, 0, {**state, "start": 0}, False, total)
        is_last = not items or start + len(items) >= total
        after: State = {**state, "start": start + len(items)}
        if is_last:
            after = {**state, "start": None} if since else {"since": str(state["version"])}
        return HarvestPage(response.body, FORMAT, len(items), after, is_last and not since, total)

    def _list_deletions(self, client: "Client", state: State) -> HarvestPage:
        """Fetches the keys of the items that were deleted since the round before."""
        body = self._request(client, "deleted", {"since": str(state["since"])}).body
        keys = parse_object(body).get("items")
        found = [str(key) for key in keys] if isinstance(keys, list) else []
        return deletions_page(found, {"since": str(state["version"])})

    def _request(self, client: "Client", path: str, parameters: dict[str, str], known: str = "") -> "Response":
        """Makes a request.

        Args:
            client: Makes it.
            path: The path below the library.
            parameters: The query string.
            known: The version of the library without changes to which the service answers 304; empty for none.

        Raises:
            StatusError: It answered 304.
            HarvestFailed: See ``Client.get``.
        """
        headers = {"Zotero-API-Version": "3"}
        if self.key:
            headers["Zotero-API-Key"] = self.key
        if known:
            headers["If-Modified-Since-Version"] = known
        check = parse_object if path == "deleted" else parse_list
        try:
            response = client.get(f"{self.url}/{path}", parameters, types=JSON_TYPES, check=check, secrets=headers)
        except StatusError as error:
            if error.status == 304:
                raise
            hint = "" if self.key else f"; set {_KEY} to a key from https://www.zotero.org/settings/keys"
            raise HarvestFailed(self.url, describe_error(error) + hint) from None
        if (wait := response.headers.get("Backoff", "")).isdecimal():
            client.pause(min(float(wait), limits.MAX_RETRY_AFTER_S), "the service asks for a pause")
        return response


def parse(parameters: Parameters) -> Harvest:
    """Makes a harvest from the parameter ``library`` of its name; without it, the library of the local Zotero.

    Raises:
        InvalidValue: It is no library.
    """
    library = next(iter(parameters.get("library", ())), "")
    if library and not _LIBRARY.fullmatch(library):
        raise InvalidValue(
            "library",
            library,
            "give users/NUMBER or groups/NUMBER; https://www.zotero.org/settings/keys shows your number, and the "
            "address of a group contains its number",
        )
    name = make_name(SERVICE.key, [("library", library)])
    if not library:
        url = service_url("PAPERS_ZOTERO_LOCAL_URL", _LOCAL_URL).rstrip("/")
        service = replace(SERVICE, page_records=limits.ZOTERO_LOCAL_PAGE_RECORDS)
        return LocalZotero(service, name, f"{url}/{_LOCAL_LIBRARY}")
    url = service_url("PAPERS_ZOTERO_URL", _URL).rstrip("/")
    return ZoteroHarvest(SERVICE, name, f"{url}/{library}", api_key(_KEY))
