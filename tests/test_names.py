"""Names: the spellings of one person match, look-alikes stay apart, and no name is lost on its way to disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import names
from search.names import Name

SAME = {
    "Guorui Zhou": (
        "guorui zhou", "GUORUI ZHOU", "Zhou, Guorui", "Zhou Guorui", "G. Zhou", "Zhou, G.", "Zhou G", "Zhou",
    ),
    "José García-Márquez": (
        "Jose Garcia Marquez", "J. García-Márquez", "Garcia-Marquez, Jose", r"Jos\'e Garc{\'\i}a-M{\'a}rquez",
    ),
    "Jean-Baptiste Poquelin": (
        "Jean Baptiste Poquelin", "J.-B. Poquelin", "J. B. Poquelin", "JB Poquelin", "Poquelin",
    ),
    "Chao-Lin Liu": ("Chaolin Liu", "Chao Lin Liu", "C. Liu", "Liu, Chao-Lin"),
    "Rens van de Schoot": ("van de Schoot, Rens", "R. van de Schoot", "Rens Schoot", "Schoot, R. van de"),
    "Martin L. King Jr.": ("M. King", "King, Martin", "Martin Luther King", "Martin King Jr."),
    "Łukasz Kaiser": ("Lukasz Kaiser", "L. Kaiser", "Kaiser, Ł."),
    "Seán O'Brien": ("Sean OBrien", "S. O’Brien"),
    "李明": ("李明",),
}  # fmt: skip
APART = {
    "Guorui Zhou": ("Gang Zhou", "Guorui Zhu", "Guorui Zhao", "R. Zhou", "Zho", "Zhou, Gang"),
    "Jie Zhang": ("Jing Zhang", "Jie Zheng"),
    "Martin L. King": ("Martin K. King",),
    "Rens van de Schoot": ("Jan van de Schoot",),
}


@pytest.mark.parametrize(("written", "asked"), [(name, asked) for name, every in SAME.items() for asked in every])
def test_every_spelling_of_a_name_finds_it(written: str, asked: str) -> None:
    assert names.matches(asked, names.parse(written))


@pytest.mark.parametrize(("written", "asked"), [(name, asked) for name, every in APART.items() for asked in every])
def test_look_alikes_stay_apart(written: str, asked: str) -> None:
    assert not names.matches(asked, names.parse(written))


def test_names_of_two_sources_are_compatible_either_way_round() -> None:
    for one, other in (("G. Zhou", "Guorui Zhou"), ("Zhou", "Guorui Zhou"), ("Chaolin Liu", "Chao-Lin Liu")):
        assert names.compatible(names.parse(one), names.parse(other))
        assert names.compatible(names.parse(other), names.parse(one))
    assert not names.compatible(names.parse("Gang Zhou"), names.parse("Guorui Zhou"))


words = st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=2, max_size=10).filter(
    lambda word: not word.isupper()
)


@given(st.text(max_size=60))
def test_any_text_is_parsed_and_its_key_read_back(text: str) -> None:
    name = names.parse(text)
    assert Name.from_key(name.key) == name
    assert names.fold(names.fold(text)) == names.fold(text)


@given(given_name=words, middle=st.none() | words, surname=words)
def test_the_ways_to_write_a_name_are_one_name(given_name: str, middle: str | None, surname: str) -> None:
    written = names.parse(" ".join(part for part in (given_name, middle, surname) if part))
    if not written.surname or not written.given:
        return
    for asked in (
        f"{surname}, {given_name}",
        f"{given_name} {surname}",
        surname,
        f"{surname}, {given_name} {middle or ''}",
    ):
        assert names.matches(asked, written)
