"""PaperMap: papers in two dimensions, with their themes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from typing import TYPE_CHECKING, Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from search.index.backend import Backend
from search.maps.projection import project
from search.papers.date import Date
from search.papers.html import table_html
from search.papers.json import Json
from search.query.counts import format_count
from search.themes.themes import MAX_GROUPED, Grouping, Themes, group_papers
from search.vectors.whitening import Whitening

if TYPE_CHECKING:
    from pandas import DataFrame

_COLUMNS = ("id", "title", "published", "theme", "x", "y")
"""Columns of ``PaperMap.to_dataframe``."""
_INNER_QUANTILE = 0.98
"""Share of the coordinates that lie within the inner part of a map."""
_INNER = 0.85
"""Half the width of the inner part; the rest is for the papers farthest out, whose distances are compressed."""
_LABEL_CELLS = 8
"""Cells of a grid over the map, in each direction, of which the fullest one of a theme has its label."""


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A paper on a map.

    Attributes:
        id: its public ID.
        title: its title; empty if it has none.
        published: the date of its publication; None if unknown.
        theme: the number of its theme, from 0; None on a map without themes.
        x: from -1 to 1, to the right.
        y: from -1 to 1, downwards.
    """

    id: str
    title: str
    published: Date | None
    theme: int | None
    x: float
    y: float

    def to_json(self) -> dict[str, Json]:
        """Returns the point as a JSON object."""
        published = str(self.published) if self.published else None
        return {
            "id": self.id,
            "title": self.title,
            "published": published,
            "theme": self.theme,
            "x": self.x,
            "y": self.y,
        }


@dataclass(frozen=True, slots=True)
class MapTheme:
    """A theme on a map.

    Attributes:
        label: two to four words of its papers.
        papers: number of its papers.
        x: where its label belongs, above many of its papers; from -1 to 1, to the right.
        y: the same, downwards.
    """

    label: str
    papers: int
    x: float
    y: float

    def to_json(self) -> dict[str, Json]:
        """Returns the theme as a JSON object."""
        return {"label": self.label, "papers": self.papers, "x": self.x, "y": self.y}


@dataclass(frozen=True, slots=True, eq=False)
class PaperMap:
    """Papers in two dimensions: similar ones are near each other. It has a length and iterates over its points.

    Attributes:
        points: the papers, of an answer the nearest to the query first.
        themes: the largest first; none of fewer than 20 papers.
        relevant: number of relevant papers of the answer, or of papers of the list.
        estimated: ``relevant`` is an estimate, within about one per cent.
        generation: name of the generation that answered.
        answered_query: the text of the search box that was answered; empty for a list.
        counted_over: see ``Facets``.
    """

    points: tuple[MapPoint, ...]
    themes: tuple[MapTheme, ...]
    relevant: int
    estimated: bool
    generation: str
    answered_query: str
    counted_over: str = ""

    @classmethod
    def of_themes(cls, snapshot: Backend, themes: Themes) -> Self:
        """Returns the map of the papers of an answer that are grouped into themes."""
        points, on_map = _place(snapshot, themes.grouping)
        relevant = themes.relevant, themes.estimated
        return cls(points, on_map, *relevant, themes.generation, themes.answered_query, themes.counted_over)

    @classmethod
    def of_rows(cls, snapshot: Backend, rows: Sequence[int]) -> Self:
        """Returns the map of some papers; of more than ``MAX_GROUPED``, of the first."""
        ids = np.array(rows[:MAX_GROUPED], np.int64)
        points, on_map = _place(snapshot, group_papers(snapshot, ids))
        return cls(points, on_map, len(rows), False, snapshot.generation, "")

    def __len__(self) -> int:
        return len(self.points)

    def __bool__(self) -> bool:
        """Always True, as that of ``Page``."""
        return True

    def __getitem__(self, position: int) -> MapPoint:
        return self.points[position]

    def __iter__(self) -> Iterator[MapPoint]:
        return iter(self.points)

    def __repr__(self) -> str:
        return f"<PaperMap of {self.description}>"

    @property
    def description(self) -> str:
        """Which papers the map shows."""
        papers = format_count(self.relevant, estimated=self.estimated, counted_over=self.counted_over)
        return papers if len(self) == self.relevant else f"the {len(self):,} nearest of {papers}"

    def papers_of(self, theme: int) -> list[MapPoint]:
        """Returns the papers of a theme, in the order of the points."""
        return [point for point in self.points if point.theme == theme]

    def to_json(self) -> dict[str, Json]:
        """Returns the map as a JSON object."""
        return {
            "answered_query": self.answered_query,
            "relevant": self.relevant,
            "relevant_estimated": self.estimated,
            "counted_over": self.counted_over,
            "generation": self.generation,
            "themes": [theme.to_json() for theme in self.themes],
            "points": [point.to_json() for point in self.points],
        }

    def to_svg(self) -> str:
        """Returns the map as an SVG document with its own style, whose points link to the papers on the web."""
        from search.maps.drawing import draw_document

        return draw_document(self)

    def to_dataframe(self) -> "DataFrame":
        """Returns a pandas DataFrame with one row per paper.

        The columns are id, title, published, theme (its label, or None), x and y. Dates are strings.

        Raises:
            ImportError: pandas is not installed.
        """
        from search.query.dataframe import make_dataframe

        labels = [theme.label for theme in self.themes]
        rows = (
            (
                point.id,
                point.title,
                str(point.published) if point.published else None,
                None if point.theme is None else labels[point.theme],
                point.x,
                point.y,
            )
            for point in self.points
        )
        return make_dataframe(rows, _COLUMNS)

    def _repr_html_(self) -> str:
        """Returns the map as notebooks display it: the drawing, and a table of its themes."""
        from search.maps.drawing import draw_document, theme_sample

        key = repr((self.generation, self.answered_query, [point.id for point in self.points]))
        drawing = draw_document(self, f"map-{crc32(key.encode('utf-8', 'replace')):08x}")
        rows = [
            (theme_sample(number, theme.label), escape(theme.label), f"{theme.papers:,}")
            for number, theme in enumerate(self.themes)
        ]
        themes = table_html(f"Themes of {self.description}", ("", "Theme", "Papers"), rows) if rows else ""
        return f"<div>{drawing}{themes}</div>"


def _place(snapshot: Backend, grouping: Grouping) -> tuple[tuple[MapPoint, ...], tuple[MapTheme, ...]]:
    """Returns the papers of a grouping on the map, in its order, and its themes."""
    if not len(grouping.rows):
        return (), ()
    places = _place_rows(snapshot, grouping.rows)
    numbers = grouping.numbers.tolist() if grouping.labels else [None] * len(grouping.rows)
    papers = snapshot.store.get(grouping.rows.tolist())
    points = tuple(
        MapPoint(paper.id, paper.title or "", paper.published, number, x, y)
        for paper, number, (x, y) in zip(papers, numbers, places.tolist(), strict=True)
    )
    themes = tuple(
        MapTheme(label, len(members), *_label_place(members))
        for number, label in enumerate(grouping.labels)
        for members in [places[grouping.numbers == number]]
    )
    return points, themes


def _place_rows(snapshot: Backend, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the places of papers, (n, 2), from -1 to 1 with three decimals, whatever their order."""
    order = np.argsort(rows)
    vectors, whitening = snapshot.vectors.get_vectors(rows[order]), snapshot.whitening
    places = np.empty((len(rows), 2))
    with _blas().limit(limits=1, user_api="blas"):  # on a busy machine, threads wait longer than they compute
        places[order] = project(whitening.transform(vectors), rows[order], _main_plane(whitening))
    reach = float(np.quantile(np.abs(places), _INNER_QUANTILE))
    distances = np.abs(places) * (_INNER / reach if reach else 0)
    outer = 1 - (1 - _INNER) * np.exp((_INNER - distances) / (1 - _INNER))
    return np.asarray((np.sign(places) * np.where(distances > _INNER, outer, distances)).round(3), np.float64)


@cache
def _blas() -> ThreadpoolController:
    """The libraries of matrix operations that are loaded."""
    return ThreadpoolController()


@lru_cache(maxsize=2)
def _main_plane(whitening: Whitening) -> NDArray[np.float32]:
    return whitening.main_plane


def _label_place(members: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the upper edge of the papers in the fullest cell of a grid."""
    cells = np.floor((members + 1) * (_LABEL_CELLS / 2)).astype(np.int64)
    codes = cells[:, 0] * (2 * _LABEL_CELLS) + cells[:, 1]
    inside = members[codes == np.bincount(codes).argmax()]
    return round(float(inside[:, 0].mean()), 3), round(float(inside[:, 1].min()), 3)
