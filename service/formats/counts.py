"""Counts as people read them: estimates are rounded."""

from dataclasses import replace

from search.query.counts import round_count
from search.query.facets import Facets, ValueCount


def round_facets(facets: Facets) -> Facets:
    """Returns facets whose counts are rounded to two significant digits if they are estimates."""
    if not facets.estimated:
        return facets

    def round_counts(counts: tuple[ValueCount, ...]) -> tuple[ValueCount, ...]:
        return tuple(replace(count, papers=round_count(count.papers, estimated=True)) for count in counts)

    return replace(
        facets,
        papers=round_count(facets.papers, estimated=True),
        years=round_counts(facets.years),
        categories=round_counts(facets.categories),
        kinds=round_counts(facets.kinds),
        authors=round_counts(facets.authors),
        sources=round_counts(facets.sources),
    )
