"""Harvests of the library of the Zotero that runs on this machine.

See https://www.zotero.org/support/dev/web_api/v3/local_api and, for what differs from zotero.org,
https://github.com/zotero/zotero/blob/main/chrome/content/zotero/xpcom/server/server_localAPI.js: the versions of items
only change when Zotero syncs, if it does at all, and there is no list of deleted items. So each round lists all items,
which takes seconds, and brings those that differ from what the round before has seen.
"""

import hashlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from indexer.harvest import limits
from indexer.harvest.errors import StatusError
from indexer.harvest.json_page import JSON_TYPES, describe_error, parse_list
from indexer.harvest.service import HarvestPage, Service, State
from search.errors import HarvestFailed
from search.papers.json import Json
from search.papers.paper import Paper

if TYPE_CHECKING:
    from indexer.harvest.client import Check, Client, Response

FORMAT = "zotero-json"
"""The format of pages (``indexer.sources.zotero_json``)."""
ORDER = {"format": "json", "sort": "dateAdded", "direction": "asc"}
"""The order of items: new ones come last, and a change moves none."""

_KEYS_TYPES = ("text/plain",)
_CONNECT_S = 5.0
"""Seconds in which a local Zotero accepts a connection."""
_HASH_BYTES = 6
"""Bytes of the hash of an item; of 100,000 changes, one is overlooked with a probability of 1 in 2 billion."""


@dataclass(frozen=True, slots=True)
class LocalZotero:
    """A harvest of the library of the local Zotero.

    The state has ``items``, the hash of each known item by its key. While a round runs, it also has ``start``, the
    number of the next item, and ``total``, the number of items at the last page; if it has become lower, the list
    starts again, since the other items have moved up.

    Attributes:
        service: The service.
        name: The canonical name.
        url: The address of the library.
    """

    service: Service
    name: str
    url: str

    def count(self, client: "Client") -> int:
        """Returns the number of items."""
        return find_total(self._request(client, {"format": "json", "limit": "1"}, JSON_TYPES, parse_list))

    def pages(self, client: "Client", state: State) -> Iterator[HarvestPage]:
        """Yields the pages of the round; see ``Harvest.pages``."""
        if "start" not in state:
            state = {"items": state.get("items", {}), "start": 0, "total": 0}
        while "start" in state:
            page = self._list(client, state) if state["start"] is not None else self._find_deletions(client, state)
            yield page
            state = page.state

    def accepts(self, paper: Paper) -> bool:  # noqa: ARG002  all of the library is wanted
        """Whether a paper is wanted: always."""
        return True

    def _list(self, client: "Client", state: State) -> HarvestPage:
        """Fetches the items after a state, and selects the new and changed ones."""
        start = int(str(state["start"]))
        parameters = {**ORDER, "limit": str(limits.ZOTERO_LOCAL_PAGE_RECORDS), "start": str(start)}
        response = self._request(client, parameters, JSON_TYPES, parse_list)
        items, total, known = parse_list(response.body), find_total(response), _items(state)
        if total < int(str(state["total"])):
            return HarvestPage(b"", FORMAT, 0, {**state, "start": 0, "total": total}, False)
        changed = [item for item in items if known.get(_key(item)) != _hash(item)]
        body = response.body if len(changed) == len(items) else json.dumps(changed).encode()
        end = start + len(items)
        after: State = {
            "items": known | {_key(item): _hash(item) for item in changed},
            "start": end if items and end < total else None,
            "total": total,
        }
        return HarvestPage(body, FORMAT, len(changed), after, False, done=end / max(total, 1))

    def _find_deletions(self, client: "Client", state: State) -> HarvestPage:
        """Fetches the keys of all items, and returns those that are gone."""
        response = self._request(client, {"format": "keys"}, _KEYS_TYPES, lambda body: None)  # noqa: ARG005
        keys, total = response.body.decode("ascii", "replace").split(), find_total(response)
        if len(keys) < total:
            raise HarvestFailed(self.url, f"it lists {len(keys):,} keys of {total:,} items; run the command again")
        known = _items(state)
        gone = sorted(known.keys() - set(keys))
        return deletions_page(gone, {"items": {key: known[key] for key in keys if key in known}})

    def _request(
        self, client: "Client", parameters: dict[str, str], types: tuple[str, ...], check: "Check"
    ) -> "Response":
        parts = urlsplit(self.url)
        try:
            socket.create_connection((parts.hostname, parts.port or 80), _CONNECT_S).close()
        except OSError as error:
            raise HarvestFailed(
                self.url, f"no Zotero answers ({error.strerror or error}); start Zotero 7 or later on this machine"
            ) from None
        try:
            return client.get(
                f"{self.url}/items/top", parameters, types=types, check=check, secrets={"Zotero-API-Version": "3"}
            )
        except StatusError as error:
            hint = (
                "; in Zotero's settings, under Advanced, allow other applications on this computer to communicate with "
                "Zotero"
            )
            raise HarvestFailed(self.url, describe_error(error) + (hint if error.status == 403 else "")) from None


def find_total(response: "Response") -> int:
    """Returns the number of items of the whole list; 0 if the response does not say it."""
    text = response.headers.get("Total-Results", "")
    return int(text) if text.isdecimal() else 0


def deletions_page(keys: list[str], state: State) -> HarvestPage:
    """Returns the last page of a round: the keys of deleted items, as zotero.org lists them."""
    return HarvestPage(orjson.dumps({"items": keys}), FORMAT, len(keys), state, True)


def _items(state: State) -> dict[str, Json]:
    found = state["items"]
    return dict(found) if isinstance(found, dict) else {}


def _key(item: Any) -> str:
    return str(item.get("key")) if isinstance(item, dict) else ""


def _hash(item: Any) -> str:
    """Returns the hash of what a user can change."""
    data = item.get("data") if isinstance(item, dict) else item
    return hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=_HASH_BYTES).hexdigest()
