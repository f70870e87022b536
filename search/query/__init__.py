"""Queries and pages: the types of the public Python interface."""

from search.query.filter import Filter
from search.query.page import Facets, Hit, Page
from search.query.query import Query

__all__ = ["Facets", "Filter", "Hit", "Page", "Query"]
