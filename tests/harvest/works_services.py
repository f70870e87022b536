"""The services over works, each with its settings, for tests that hold for all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harvest.crossref_service import Crossref
from harvest.openalex_service import OpenAlex
from harvest.pubmed_service import Pubmed
from harvest.s2_service import SemanticScholar
from harvest.servers import ServiceServer
from harvest.works import Work, Works
from harvest.zotero_service import Zotero
from indexer.harvest import limits

_MAX_RECORDS = 10
"""Records that a search of PubMed lists, so that most harvests are divided by days."""


@dataclass
class Mounted:
    """A service that the server has.

    Attributes:
        key: Its key in ``MOUNTS``.
        name: The name of the harvest of all works.
        service: The service.
        set_page_size: Sets the records of a page.
        change: Changes a work, by its number.
        add: Adds a work.
    """

    key: str
    name: str
    service: object
    set_page_size: Callable[[int], None]
    change: Callable[[int], object]
    add: Callable[[], object]


def mount(key: str, server: ServiceServer, works: Works, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    """Mounts a service at the server, and sets the settings that lead to it."""
    return MOUNTS[key](server, works, monkeypatch)


def _page_size(monkeypatch: pytest.MonkeyPatch, name: str) -> Callable[[int], None]:
    return lambda records: monkeypatch.setattr(limits, name, records)


def _mount_openalex(server: ServiceServer, works: Works, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    service = server.services["/works"] = OpenAlex(works)
    monkeypatch.setenv("PAPERS_OPENALEX_URL", f"{server.url}/works")
    size = _page_size(monkeypatch, "OPENALEX_PAGE_RECORDS")
    return Mounted("openalex", "openalex?query=examine", service, size, works.change, works.add)


def _mount_crossref(server: ServiceServer, works: Works, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    service = server.services["/v1/works"] = Crossref(works)
    monkeypatch.setenv("PAPERS_CROSSREF_URL", f"{server.url}/v1/works")
    size = _page_size(monkeypatch, "CROSSREF_PAGE_RECORDS")
    return Mounted("crossref", "crossref?query=examine", service, size, works.change, works.add)


def _mount_pubmed(server: ServiceServer, works: Works, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    service = Pubmed(works, max_records=_MAX_RECORDS)
    server.services |= {"/eutils/esearch.fcgi": service.search, "/eutils/efetch.fcgi": service.fetch}
    monkeypatch.setenv("PAPERS_PUBMED_URL", f"{server.url}/eutils")
    monkeypatch.setattr(limits, "PUBMED_MAX_RECORDS", _MAX_RECORDS)
    size = _page_size(monkeypatch, "PUBMED_PAGE_RECORDS")
    return Mounted("pubmed", "pubmed?query=examine", service, size, works.change, works.add)


def _mount_s2(server: ServiceServer, works: Works, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    service = server.services["/bulk"] = SemanticScholar(works, server)
    monkeypatch.setenv("PAPERS_S2_URL", f"{server.url}/bulk")
    monkeypatch.setenv("PAPERS_S2_KEY", "secret")

    def set_page_size(records: int) -> None:
        service.page_size = records

    return Mounted("s2", "s2?query=examine", service, set_page_size, works.change, works.add)


def _mount_zotero(server: ServiceServer, works: Works, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    service = Zotero(works, server)
    library = "/users/475425"
    server.services |= {f"{library}/items/top": service.list_items, f"{library}/deleted": service.list_deleted}
    monkeypatch.setenv("PAPERS_ZOTERO_URL", server.url)
    monkeypatch.setenv("PAPERS_ZOTERO_KEY", "secret")
    size = _page_size(monkeypatch, "ZOTERO_PAGE_RECORDS")
    return Mounted("zotero", "zotero?library=users/475425", service, size, service.change, service.add)


def _mount_local_zotero(server: ServiceServer, works: Works, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    service = Zotero(works, server, is_local=True)
    server.services["/api/users/0/items/top"] = service.list_items
    monkeypatch.setenv("PAPERS_ZOTERO_LOCAL_URL", f"{server.url}/api")
    size = _page_size(monkeypatch, "ZOTERO_LOCAL_PAGE_RECORDS")
    return Mounted("local-zotero", "zotero", service, size, service.change, service.add)


MOUNTS = {
    "openalex": _mount_openalex,
    "crossref": _mount_crossref,
    "pubmed": _mount_pubmed,
    "s2": _mount_s2,
    "zotero": _mount_zotero,
    "local-zotero": _mount_local_zotero,
}


def expected_ids(key: str, work: Work) -> set[str]:
    """The IDs that a paper has when it comes from a service."""
    ids = {f"doi:{work.doi}"}
    if key != "crossref":
        ids.add(f"pmid:{work.pmid}")
    if key == "openalex":
        ids.add(f"openalex:w{4_000_000_000 + work.number}")
    return ids
