"""Harvests: papers fetched from services on the network, one module per service. Only this package uses the network.

To add a service: a module with ``SERVICE`` and ``parse(parameters)`` as ``indexer.harvest.service`` describes, its name
in ``SERVICES``, and its limits in ``indexer.harvest.limits``.
"""

import importlib
from types import ModuleType
from urllib.parse import parse_qsl

from indexer.harvest.service import Harvest, Parameters, Service
from search.errors import InvalidValue

SERVICES = ("arxiv", "oai", "openalex", "crossref", "pubmed", "s2", "zotero")
"""The services, by the first part of the names of their harvests, which is the name of their module."""
_MODULES = {"s2": "semantic_scholar"}
"""Modules with another name."""


def parse_name(name: str) -> Harvest:
    """Makes a harvest from its name, as in ``arxiv?category=cs.IR&from=2026-01``.

    Raises:
        InvalidValue: There is no such service, or a parameter is unknown or invalid.
    """
    key, _, query = name.partition("?")
    found = dict[str, tuple[str, ...]]()
    allowed = _import_service(key).SERVICE.parameters
    for parameter, value in parse_qsl(query, keep_blank_values=True):
        if parameter not in allowed:
            raise InvalidValue(
                "source", name, f"{key} has no parameter {parameter!r}; choose from {', '.join(allowed)}"
            )
        if not value:
            raise InvalidValue("source", name, f"give a value: {key}?{parameter}=...")
        found[parameter] = (*found.get(parameter, ()), value)
    return make_harvest(key, found)


def make_harvest(key: str, parameters: Parameters) -> Harvest:
    """Makes a harvest of a service from the parameters of its name.

    Raises:
        InvalidValue: There is no such service, or a parameter is invalid.
    """
    harvest: Harvest = _import_service(key).parse(parameters)
    return harvest


def find_service(name: str) -> Service | None:
    """Returns the service of a canonical name; None for a name that is not one of a harvest."""
    key = name.partition("?")[0]
    if key not in SERVICES:
        return None
    service: Service = _import_service(key).SERVICE
    return service


def _import_service(key: str) -> ModuleType:
    if key not in SERVICES:
        raise InvalidValue("service", key, f"choose one of {', '.join(SERVICES)}")
    return importlib.import_module(f"indexer.harvest.{_MODULES.get(key, key)}")
