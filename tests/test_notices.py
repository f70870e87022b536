"""Notices: a filter by date that finds nothing names the dates of the index."""

import pytest

from strategies import MakeSearcher

RECORDS: list[dict[str, object]] = [
    {"title": "cache", "published": "2019-05", "updated": "2024-01-02"},
    {"title": "cache graph", "published": "2026-08-21"},
    {"title": "an undated graph", "published": None},
]
PUBLISHED = "The newest paper of this index was published on 2026-08-21, the oldest on 2019-05-01."
UPDATED = "The newest paper of this index was updated on 2024-01-02, the oldest on 2024-01-02."


@pytest.mark.parametrize(
    ("box", "notices"),
    [
        ("cache date:>=2026-09", (PUBLISHED,)),
        ("cache (year:2001 OR year:2002)", (PUBLISHED,)),
        ("updated:2020 date:1999", (UPDATED, PUBLISHED)),
        ("year:2026", ()),
        ("cat:cs.CL -year:2026", ()),
        ("cache added:<=1999", ()),
    ],
)
def test_a_date_that_finds_nothing(make_searcher: MakeSearcher, box: str, notices: tuple[str, ...]) -> None:
    assert set(make_searcher(RECORDS).ask(box).notices) == set(notices)


def test_an_index_without_dates_names_none(make_searcher: MakeSearcher) -> None:
    assert make_searcher([{"title": "cache", "published": None}]).ask("year:2026").notices == ()
