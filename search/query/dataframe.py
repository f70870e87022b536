"""Converts answers to a pandas DataFrame. pandas is optional and imported at the first use."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

    from search.query.hit import Hit
    from search.query.people import RankedAuthor


_COLUMNS = (
    "rank",
    "id",
    "title",
    "authors",
    "published",
    "categories",
    "citations",
    "score",
    "band",
    "url",
    "exact_match",
    "abstract",
)
_PEOPLE_COLUMNS = ("rank", "name", "papers", "first_year", "last_year", "score", "top_papers")


def hits_dataframe(hits: "Iterable[Hit]") -> "DataFrame":
    """Returns one row per hit; see ``Page.to_dataframe``.

    Raises:
        ImportError: pandas is not installed.
    """
    return make_dataframe((_row(rank, hit) for rank, hit in enumerate(hits, 1)), _COLUMNS)


def people_dataframe(authors: "Iterable[RankedAuthor]") -> "DataFrame":
    """Returns one row per author; see ``People.to_dataframe``.

    Raises:
        ImportError: pandas is not installed.
    """
    rows = (
        (rank, each.name, each.papers, each.first_year, each.last_year, each.score, _join_titles(each))
        for rank, each in enumerate(authors, 1)
    )
    return make_dataframe(rows, _PEOPLE_COLUMNS)


def make_dataframe(rows: "Iterable[tuple[object, ...]]", columns: tuple[str, ...]) -> "DataFrame":
    """Returns a table.

    Args:
        rows: the values of each row, in the order of the columns.
        columns: their names.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ModuleNotFoundError as error:
        raise ImportError("to_dataframe needs pandas; install it with: pip install pandas") from error
    return DataFrame(list(rows), columns=list(columns))


def _join_titles(author: "RankedAuthor") -> str:
    return "; ".join(paper.title or paper.id for paper in author.top_papers)


def _row(rank: int, hit: "Hit") -> tuple[str | int | float | bool | None, ...]:
    """Returns the values of a hit in the order of ``_COLUMNS``."""
    paper = hit.paper
    return (
        rank,
        paper.id,
        paper.title,
        "; ".join(paper.authors),
        paper.published.isoformat() if paper.published else None,
        "; ".join(paper.categories),
        paper.citations,
        hit.score,
        hit.band,
        paper.link,
        hit.exact_match,
        paper.abstract,
    )
