"""Converts hits to a pandas DataFrame. pandas is optional and imported at the first use."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

    from search.query.page import Hit


_COLUMNS = (
    "rank",
    "id",
    "title",
    "authors",
    "published",
    "categories",
    "score",
    "band",
    "url",
    "exact_match",
    "abstract",
)


def hits_dataframe(hits: "Iterable[Hit]") -> "DataFrame":
    """Returns one row per hit; see ``Page.to_dataframe``.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ModuleNotFoundError as error:
        raise ImportError("to_dataframe needs pandas; install it with: pip install pandas") from error
    return DataFrame([_row(rank, hit) for rank, hit in enumerate(hits, 1)], columns=list(_COLUMNS))


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
        hit.score,
        hit.band,
        paper.link,
        hit.exact_match,
        paper.abstract,
    )
