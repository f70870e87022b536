"""AuthorMatch: the variants of a name that an author condition matches."""

from dataclasses import dataclass

from search.papers.json import Json
from search.query.facets import ValueCount


@dataclass(frozen=True, slots=True)
class AuthorMatch:
    """The variants of a name that match an author condition.

    Attributes:
        name: the name in the query.
        variants: spellings and their number of papers that match the filter, most papers first; at most MAX_VARIANTS.
        more_variants: the number of further variants.
        suggestions: names one edit away, if no variant matches.
    """

    name: str
    variants: tuple[ValueCount, ...]
    more_variants: int = 0
    suggestions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Returns the match as a JSON object."""
        return {
            "name": self.name,
            "variants": [count.to_json() for count in self.variants],
            "more_variants": self.more_variants,
            "suggestions": list(self.suggestions),
        }
