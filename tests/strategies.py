"""Strategies for synthetic papers and for conditions on them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from search.papers.date import Date
from search.papers.kinds import KINDS
from search.query.condition import (
    AddedBetween,
    AllOf,
    AnyOf,
    Author,
    Category,
    Condition,
    ContainsText,
    HasId,
    HasKind,
    InDateRange,
    Moment,
    Not,
)
from search.query.filter import Filter
from search.searcher import Searcher

MakeSearcher = Callable[[list[dict[str, object]]], Searcher]
"""Builds an index of papers with the fake embedder and opens it."""

AUTHOR_MATCHES = {
    "Guorui Zhou": {"Guorui Zhou", "G. Zhou", "GUORUI ZHOU", "Guorui X. Zhou"},
    "zhou, guorui": {"Guorui Zhou", "G. Zhou", "GUORUI ZHOU", "Guorui X. Zhou"},
    "Zhou Guorui": {"Guorui Zhou", "G. Zhou", "GUORUI ZHOU", "Guorui X. Zhou"},
    "G. Zhou": {"Guorui Zhou", "G. Zhou", "GUORUI ZHOU", "Guorui X. Zhou", "Gang Zhou"},
    "Zhou": {"Guorui Zhou", "G. Zhou", "GUORUI ZHOU", "Guorui X. Zhou", "Gang Zhou"},
    "Jose Garcia": {"José García"},
    "Chaolin Liu": {"Chao-Lin Liu"},
    "Nobody Here": set(),
}
"""Names in queries, each with those of ``AUTHOR_NAMES`` that it matches."""
AUTHOR_NAMES = (
    "Guorui Zhou",
    "G. Zhou",
    "GUORUI ZHOU",
    "Guorui X. Zhou",
    "Gang Zhou",
    "José García",
    "Chao-Lin Liu",
    "Ada Byron",
)
CATEGORIES = ("cs.CL", "cs.IR", "stat.ML", "hep-th", "astro-ph.GA", "astro-ph")
QUERY_CATEGORIES = (*CATEGORIES, "cs", "CS.cl", "math", "q-fin.TR")
DATES = ("2023", "2024-02", "2024-02-29", "2024-03-01", "2025", "2025-12-31", "2026-06-15")
WORDS = "attention cache compression galaxy spectrum recommendation pruning token lattice proof video graph".split()  # noqa: SIM905

COMMENTS = ("", "12 pages", "Code: https://github.com/a/b", "Withdrawn by the authors")

QUERY_FRAGMENTS = (
    "au:zhou", "au:", "ti:", "cat:cs.IR", "cat:", "year:2020", "date:[", "]", "TO", "(", ")", "-", '"', "“", "”", "OR",
    "AND", "NOT", "ANDNOT", "kv", "cache", "x:y", "^", "=", "$", "*", ",", ".", ":", "'", "\\", "1706.03762", "\0", "é",
    "au:(", "ti:(", '"kv cache"', "-(", "=author:", "id:1", "'; DROP TABLE papers; --", "(?:a+)+$", "[^]]*", "%22", " ",
)  # fmt: skip
"""Fragments of queries, valid and invalid."""

paper_records = st.builds(
    dict,
    title=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join),
    abstract=st.lists(st.sampled_from(WORDS), min_size=3, max_size=12).map(" ".join),
    authors=st.lists(st.sampled_from(AUTHOR_NAMES), max_size=3, unique=True),
    categories=st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True),
    published=st.none() | st.sampled_from(DATES),
    updated=st.none() | st.sampled_from(DATES),
    comment=st.sampled_from(COMMENTS),
)
dates = st.none() | st.sampled_from([Date.parse(text) for text in DATES])


def order_dates(start: Date | None, end: Date | None) -> tuple[Date | None, Date | None]:
    return (end, start) if start and end and start.first_day > end.last_day else (start, end)


date_intervals = st.builds(order_dates, dates, dates)
early_moments: st.SearchStrategy[Moment | None] = st.sampled_from([None, Date(2020), datetime(2021, 1, 1, tzinfo=UTC)])
late_moments: st.SearchStrategy[Moment | None] = st.sampled_from([None, Date(2105), datetime(2104, 1, 1, tzinfo=UTC)])
added_conditions = st.one_of(
    st.builds(AddedBetween, early_moments, late_moments),
    st.builds(AddedBetween, late_moments),
    st.builds(AddedBetween, st.none(), early_moments),
)
leaf_conditions = st.one_of(
    st.builds(Author, st.sampled_from(sorted(AUTHOR_MATCHES)), st.sampled_from(["any", "first", "last"])),
    st.builds(Category, st.sampled_from(QUERY_CATEGORIES), st.booleans()),
    st.builds(lambda days, field: InDateRange(*days, field), date_intervals, st.sampled_from(["published", "updated"])),
    added_conditions,
    st.builds(HasKind, st.sampled_from(KINDS)),
    st.builds(HasId, st.integers(0, 12).map(lambda number: f"arxiv:2401.{number:05}")),
    st.builds(
        ContainsText,
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join),
        st.sampled_from(["any", "title", "abstract"]),
        st.booleans(),
    ),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaf_conditions,
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, max_size=3).map(lambda parts: AllOf(tuple(parts)))
        | st.lists(inner, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
    ),
    max_leaves=6,
)


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    start, end = draw(date_intervals)
    updated_start, updated_end = draw(st.just((None, None)) | date_intervals)
    return Filter(
        tuple(draw(st.lists(st.sampled_from(sorted(AUTHOR_MATCHES)), max_size=2))),
        (),
        tuple(draw(st.lists(st.sampled_from(QUERY_CATEGORIES), max_size=2))),
        start,
        end,
        updated_start,
        updated_end,
        draw(early_moments),
        draw(late_moments),
        draw(st.none() | conditions),
        tuple(draw(st.lists(st.sampled_from(KINDS), max_size=1))),
    )


def write_papers(folder: Path, records: list[dict[str, object]]) -> Path:
    path = folder / "papers.jsonl"
    lines = [
        json.dumps({"id": f"arXiv:2401.{number:05}", **{k: v for k, v in record.items() if v}})
        for number, record in enumerate(records)
    ]
    path.write_text("\n".join(lines), "utf-8")
    return path
