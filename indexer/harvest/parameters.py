"""Parameters that the names of several services' harvests have."""

from indexer.harvest.oai import parse_first_date as parse_first_date
from indexer.harvest.service import Parameters
from search.papers.date import Date


def parse_query(parameters: Parameters) -> str:
    """Returns the parameter ``query`` with single spaces; empty without it."""
    return " ".join(next(iter(parameters.get("query", ())), "").split())


def first_day(start: Date) -> str:
    """Returns the first day of a date, as in ``2026-01-01``."""
    return f"{start.year:04}-{start.month or 1:02}-{start.day or 1:02}"
