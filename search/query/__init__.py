"""Queries and pages: the types of the public Python interface, imported when they are first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.query.facets import Facets
    from search.query.filter import Filter
    from search.query.hit import Hit
    from search.query.page import Page
    from search.query.query import Query

__all__ = ["Facets", "Filter", "Hit", "Page", "Query"]
_MODULES = {"Facets": "facets", "Filter": "filter", "Hit": "hit", "Page": "page", "Query": "query"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
