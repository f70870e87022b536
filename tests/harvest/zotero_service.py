"""A library of Zotero, as zotero.org (https://www.zotero.org/support/dev/web_api/v3/basics) and as the local API."""

import json
from dataclasses import dataclass, field
from typing import Any

from harvest.servers import Reply, ServiceServer
from harvest.works import Work, Works


@dataclass
class Zotero:
    """A library.

    Attributes:
        works: Its items, in the order in which they were added.
        server: The server, which knows the headers of the request.
        is_local: Whether it is a local library that is not synced: all versions are 0.
        version: The version of the library.
        versions: The version of each item that was changed, by its number.
        trash: The numbers of items in the trash.
        deleted: The version at which each deleted item was deleted, by its key.
        backoff: Seconds of the header Backoff; 0 for none.
    """

    works: Works
    server: ServiceServer
    is_local: bool = False
    version: int = 100
    versions: dict[int, int] = field(default_factory=dict)
    trash: set[int] = field(default_factory=set)
    deleted: dict[str, int] = field(default_factory=dict)
    backoff: int = 0

    def change(self, number: int) -> None:
        self.version += 1
        self.works.change(number)
        self.versions[number] = self.version

    def add(self) -> None:
        self.version += 1
        self.versions[self.works.add().number] = self.version

    def move_to_trash(self, number: int) -> None:
        self.version += 1
        self.trash.add(number)
        self.versions[number] = self.version

    def delete(self, number: int) -> None:
        self.version += 1
        self.works.works[number].is_deleted = True
        self.deleted[self._key(self.works.works[number])] = self.version

    def titles(self) -> set[str]:
        return {work.title for work in self.works.live if work.number not in self.trash}

    def list_items(self, parameters: dict[str, str]) -> Reply:
        headers = {name.lower(): value for name, value in self.server.requests[-1].headers.items()}
        if not self.is_local and headers.get("zotero-api-key") != "secret":
            return Reply(b"Forbidden", "text/plain", 403)
        version = "0" if self.is_local else str(self.version)
        shared = (("Last-Modified-Version", version), *((("Backoff", str(self.backoff)),) if self.backoff else ()))
        if headers.get("if-modified-since-version") == version != "0":
            return Reply(b"", "", 304, shared)
        since, trashed = int(parameters.get("since", "0")), parameters.get("includeTrashed") == "1"
        found = [
            work
            for work in self.works.live
            if (trashed or work.number not in self.trash) and (not since or self._version(work) > since)
        ]
        shared = (*shared, ("Total-Results", str(len(found))))
        if parameters.get("format") == "keys":
            return Reply("\n".join(map(self._key, found)).encode(), "text/plain", 200, shared)
        assert self.is_local or int(parameters["limit"]) <= 100
        start = int(parameters.get("start", "0"))
        page = [self._record(work) for work in found[start : start + int(parameters["limit"])]]
        return Reply(json.dumps(page, indent=4).encode(), "application/json", 200, shared)

    def list_deleted(self, parameters: dict[str, str]) -> Reply:
        keys = [key for key, at in self.deleted.items() if at > int(parameters["since"])]
        body = {"collections": ["AAAABBBB"], "items": keys, "searches": [], "tags": ["old"], "settings": []}
        return Reply(
            json.dumps(body).encode(), "application/json", 200, (("Last-Modified-Version", str(self.version)),)
        )

    def _version(self, work: Work) -> int:
        return 0 if self.is_local else self.versions.get(work.number, 50)

    def _record(self, work: Work) -> dict[str, Any]:
        key, version = self._key(work), self._version(work)
        data = {
            "key": key,
            "version": version,
            "itemType": "journalArticle",
            "title": work.title,
            "creators": [
                {"creatorType": "author", "firstName": given, "lastName": family} for given, family in work.authors
            ],
            "abstractNote": work.abstract,
            "publicationTitle": work.journal,
            "volume": "7",
            "issue": "",
            "pages": "1-9",
            "date": str(work.published),
            "DOI": work.doi,
            "ISSN": work.issn,
            "url": f"https://doi.org/{work.doi}",
            "extra": f"PMID: {work.pmid}",
            "tags": [{"tag": "to read"}],
            "collections": [],
            "relations": {},
            "dateAdded": f"{work.entered}T10:00:00Z",
            "dateModified": f"{work.changed}T10:00:00Z",
        }
        if work.number in self.trash:
            data["deleted"] = 1
        library = {"type": "user", "id": 475425, "name": "Someone"}
        return {"key": key, "version": version, "library": library, "links": {}, "meta": {}, "data": data}

    def _key(self, work: Work) -> str:
        """The key of an item, which is its place, so that copies have different ones."""
        return f"KEY{next(place for place, each in enumerate(self.works.works) if each is work):05}"
