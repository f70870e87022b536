"""Suggestions: authors and categories that complete a partly typed query."""

from dataclasses import dataclass

from search.papers.json import Json
from search.query.facets import ValueCount


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A category or archive and the number of papers in it.

    Attributes:
        code: such as ``cs.CL`` or ``cs``.
        name: arXiv's name of it; None if arXiv has no such category.
        papers: the number of papers.
    """

    code: str
    name: str | None
    papers: int

    def to_json(self) -> dict[str, Json]:
        """Returns the count as a JSON object."""
        return {"code": self.code, "name": self.name, "papers": self.papers}


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Completions of a partly typed query, most papers first.

    Attributes:
        authors: names of authors.
        categories: categories and archives.
    """

    authors: tuple[ValueCount, ...]
    categories: tuple[CategoryCount, ...]

    def to_json(self) -> dict[str, Json]:
        """Returns the suggestions as a JSON object."""
        return {
            "authors": [count.to_json() for count in self.authors],
            "categories": [count.to_json() for count in self.categories],
        }
