"""Answer: the papers that answer a query, from which its page, facets, themes, trends and people follow."""

from dataclasses import dataclass

from search.lazy import lazy_property
from search.query.hit import Band
from search.query.query import Query
from search.ranking.bands import Bands
from search.ranking.filtered_index import FilteredIndex
from search.ranking.legs import LegInput, Ranking
from search.ranking.relevance import RelevantPapers, RelevantSet, find_closest, find_relevant


@dataclass(frozen=True, eq=False)
class Answer:
    """The papers that answer a query. Each part is computed once, when it is first needed.

    Attributes:
        query: the query.
        index: the papers that match its filter.
        leg_input: its text and examples; None if it has only a filter.
        start: position of the first hit of its page in the ranking, from 0.
    """

    query: Query
    index: FilteredIndex
    leg_input: LegInput | None
    start: int = 0

    @lazy_property
    def ranking(self) -> Ranking:
        """The first segment of the ranking; empty if the query has only a filter."""
        return Ranking.compute(self.index, self.leg_input) if self.leg_input else Ranking.empty()

    @lazy_property
    def bands(self) -> Bands | None:
        """The thresholds that apply; None if the query has only a filter."""
        return Bands.of(self.index, self.leg_input) if self.leg_input else None

    @lazy_property
    def relevant(self) -> RelevantPapers:
        """All papers that are relevant; all that match if the query has only a filter."""
        if self.leg_input is None or self.bands is None:
            return RelevantPapers.matching(self.index.snapshot, self.index.rows)
        return find_relevant(self.index, self.leg_input, self.bands, self.ranking)

    @lazy_property
    def listed(self) -> RelevantPapers:
        """The papers that facets count: the relevant ones, and those closest if they are listed in order of a field."""
        if self.leg_input is None or self.bands is None or self.query.sort == "relevance":
            return self.relevant
        return find_closest(self.index, self.leg_input, self.bands, self.ranking)

    @property
    def lists_only_closest(self) -> bool:
        """Whether only the papers closest to the query are listed."""
        return self.query.sort != "relevance" and self.leg_input is not None and self.listed.scope == "closest"

    @lazy_property
    def has_close_match(self) -> bool:
        """Whether some paper is close to the query."""
        return not self.bands or self.bands.has_close_match(self.ranking.fused, len(self.index.rows))

    @property
    def has_hits(self) -> bool:
        """Whether some paper answers the query, close or not."""
        return len(self.ranking.fused.rows if self.leg_input else self.index.rows) > 0

    def top_bands(self, count: int) -> list[Band | None]:
        """Returns the bands of the first papers, best first."""
        return list(self.bands.classify(self.ranking.fused.select_range(0, count))) if self.bands else []

    def relevant_set(self, box: str) -> RelevantSet:
        """Returns the relevant papers with what ranks them.

        Args:
            box: the text of the search box that the query is from.
        """
        return RelevantSet(self.index, self.leg_input, self.relevant, box)
