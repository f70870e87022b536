"""Names: spellings of one person match, and similar names of others do not."""

from pathlib import Path

import pytest

from name_examples import DISTINCT_NAMES, MATCHING_NAMES, build_author_names
from search.columns.builder import ColumnsBuilder
from search.columns.columns import Columns
from search.errors import InvalidValue
from search.papers import names
from search.papers.name_matching import are_compatible
from search.papers.paper import Paper


@pytest.mark.parametrize(
    ("written", "query"), [(name, query) for name, every in MATCHING_NAMES.items() for query in every]
)
def test_every_spelling_of_a_name_finds_it(written: str, query: str) -> None:
    assert build_author_names([written]).match(query).tolist() == [0]


@pytest.mark.parametrize(
    ("written", "query"), [(name, query) for name, every in DISTINCT_NAMES.items() for query in every]
)
def test_similar_names_stay_distinct(written: str, query: str) -> None:
    assert build_author_names([written]).match(query).tolist() == []


def test_quoted_names_match_nothing_but_themselves() -> None:
    index = build_author_names(
        [
            "Guorui Zhou",
            "G. Zhou",
            "Guorui X. Zhou",
            "Zhou",
            "José García",
            "Müller",
            "Mueller",
            "Jean-Baptiste Poquelin",
            "Stephen de Bruyn Kops",
        ]
    )
    for query, expected in (
        ("Guorui Zhou", [0]),
        ("Zhou, Guorui", [0]),
        ("G. Zhou", [1]),
        ("Zhou", [3]),
        ("Jose Garcia", [4]),
        ("J. Garcia", []),
        ("García, José", [4]),
        ("Müller", [5]),
        ("Muller", [5]),
        ("Mueller", [6]),
        ("Jean Baptiste Poquelin", [7]),
        ("Jean Poquelin", []),
        ("de Bruyn Kops", []),
        ("Stephen de Bruyn Kops", [8]),
    ):
        assert index.match(query, exact=True).tolist() == expected


@pytest.mark.parametrize(
    ("written", "query"),
    [
        ("Guorui Zhou", "Guorui Zhuo"),
        ("Guorui Zhou", "Guroui Zhou"),
        ("Guorui Zhou", "Zhou, Guorue"),
        ("Sepp Hochreiter", "Hochrieter"),
        ("Łukasz Kaiser", "Lukas Kaiser"),
        ("Thomas Müller", "Möller"),
        ("Christopher Ré", "Cristopher Re"),
        ("Martin Luther King", "Martin Lutehr King"),
        ("Gabriel García Márquez", "García Márqez, G."),
    ],
)
def test_a_typo_suggests_the_intended_name(written: str, query: str) -> None:
    index = build_author_names([written, "Ada Byron", "Wei Wang"])
    assert index.match(query).tolist() == []
    assert index.match_fuzzy(query).tolist() == [0]


def test_an_author_is_displayed_as_first_spelled_and_in_capitals_only_if_every_source_has_them() -> None:
    index = build_author_names(["GUORUI ZHOU", "Zhou, Guorui", "Guorui Zhou", "ADA BYRON"])
    assert [index.display_name(number) for number in range(len(index))] == ["Zhou, Guorui", "ADA BYRON"]


def test_a_spelling_added_later_finds_the_author() -> None:
    before = build_author_names(["Thomas Muller", "Ada Byron"])
    assert before.match("Thomas Mueller").tolist() == [0]
    assert before.match("Jager").tolist() == build_author_names(["Jager"]).match("Jaeger").tolist() == []
    index = build_author_names(["T. Jager", "T. Jäger", "Thomas Müller"], before)
    assert index.match("Jaeger").tolist() == [2]
    assert index.match("Mueller", exact=True).tolist() == []
    assert len(index) == 3


def test_names_of_two_sources_are_compatible_either_way_round() -> None:
    for one, other in (("G. Zhou", "Guorui Zhou"), ("Zhou", "Guorui Zhou"), ("Chaolin Liu", "Chao-Lin Liu")):
        assert are_compatible(names.parse(one), names.parse(other))
        assert are_compatible(names.parse(other), names.parse(one))
    for one, other in (
        ("Gang Zhou", "Guorui Zhou"),
        ("Robert Lee", "Mark Robert Lee"),
        ("García, Pedro", "Ana García"),
        ("Mahesh Babu S", "Sudarshan Babu"),
        ("Andre S. Gala-Garza", "Andres Muñoz Garza"),
        ("J. Koech", "J. Koch"),
        ("Hans Fuentes", "Hans Funtes"),
    ):
        assert not are_compatible(names.parse(one), names.parse(other))


def test_a_paper_of_5000_authors_and_a_name_of_500_characters(tmp_path: Path) -> None:
    index = build_author_names([f"Given{number} Family{number % 97} Surname{number % 7}" for number in range(5_000)])
    assert len(index.match("Surname3")) == 714
    assert index.match("Given3 Family3 Surname3").tolist() == [3]
    builder = ColumnsBuilder()
    builder.add(Paper(ids=("x:1",), authors=tuple(index.display_name(number) for number in range(5_000))))
    builder.save(tmp_path / "columns")
    columns = Columns.open(tmp_path / "columns")
    assert len(columns.author_postings.rows) == 5_000
    assert (columns.first_author.tolist(), columns.last_author.tolist()) == ([0], [4_999])
    for match in (index.match, index.match_fuzzy):
        with pytest.raises(InvalidValue, match="at most 200 characters"):
            match("x" * 500)
    assert build_author_names(["y" * 500]).match("y" * 200).tolist() == []
