"""Names: properties of any name, and lookup in an index compared with a full scan."""

import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from name_examples import DISTINCT_NAMES, MATCHING_NAMES, build_author_names
from search.columns.authors import AuthorNames
from search.columns.other_given_names import drop_other_given_names
from search.papers import names
from search.papers.folding import expand_umlauts, fold
from search.papers.name_matching import matches
from search.papers.names import Name

plain_words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=10).map(str.title)


@given(data=st.data(), first=plain_words, last=plain_words)
@settings(deadline=None)
def test_any_typo_suggests_the_intended_name(data: st.DataObject, first: str, last: str) -> None:
    index = build_author_names([f"{first} {last}", "Ada Byron", "Wei Wang"])
    wrong, right = data.draw(st.sampled_from([(first, last), (last, first)]))
    place = data.draw(st.integers(1, len(wrong) - 2))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    mistyped = data.draw(
        st.sampled_from(
            [
                wrong[:place] + letter + wrong[place:],
                wrong[:place] + wrong[place + 1 :],
                wrong[:place] + letter + wrong[place + 1 :],
                wrong[:place] + wrong[place + 1] + wrong[place] + wrong[place + 2 :],
            ]
        )
    )
    query = f"{right}, {mistyped}" if wrong == first else f"{mistyped}, {right}"
    assert 0 in [*index.match(query), *index.match_fuzzy(query)]


letters = st.characters(categories=["Lu", "Ll", "Lo"])
NON_NAMES = ("jr", "sr", "ii", "iii", "iv", "and")


def is_word(text: str) -> bool:
    """Returns whether a text folds to one word of two or more letters that is neither initials nor a suffix."""
    return not text.isupper() and len(fold(text)) > 1 and " " not in fold(text) and fold(text) not in NON_NAMES


words = st.text(letters, min_size=2, max_size=10).filter(is_word)


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_text_is_parsed_and_its_key_read_back(text: str) -> None:
    name = names.parse(text)
    assert Name.from_key(name.key) == name
    assert fold(fold(text)) == fold(text)
    assert names.index_keys(text)[0] == name.key
    if name.surname:
        build_author_names([text]).match(text)


given_names = st.sampled_from(
    ["Jean-Baptiste", "Jürgen", "Søren", "Guorui", "Chao-Lin", "José", "Łukasz", "Ming", "Anne Marie", "Zoë", "Åsa"]
)
middles = st.sampled_from(["", "K.", "Karl", "M. L."])
surnames = st.sampled_from(
    [
        "Zhou",
        "Müller",
        "van der Berg",
        "García-Márquez",
        "O'Brien",
        "Ångström",
        "de la Cruz",
        "Köhler",
        "Nguyễn",
        "Sørensen",
    ]
)


def to_latex(text: str) -> str:
    """Returns the text with its accents in LaTeX."""
    marks = {"\u0308": '"', "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u030a": "r"}
    text = text.replace("ø", r"{\o}").replace("Ł", r"{\L}")
    written = ""
    for character in unicodedata.normalize("NFD", text):
        if character in marks:
            written = f"{written[:-1]}{{\\{marks[character]}{{{written[-1]}}}}}"
        else:
            written += character
    return written


def initials(text: str) -> str:
    return " ".join(".-".join(part[0] for part in word.split("-")) + "." for word in text.split())


@given(given_name=given_names, middle=middles, surname=surnames)
def test_a_real_name_is_found_in_every_spelling(given_name: str, middle: str, surname: str) -> None:
    full = " ".join(part for part in (given_name, middle, surname) if part)
    index = build_author_names([full, "Ada Byron"])
    plain = unicodedata.normalize("NFD", full.replace("ø", "o").replace("Ł", "L"))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    for query in (
        full,
        full.lower(),
        full.upper(),
        plain,
        to_latex(full),
        expand_umlauts(full),
        f"{surname}, {given_name} {middle}",
        f"{surname}, {given_name}",
        f"{surname}, {initials(given_name)}",
        f"{initials(given_name)} {surname}",
        f"{given_name[0]}. {surname}",
        f"{given_name.replace('-', ' ')} {surname}",
        f"{given_name.replace('-', '').replace(' ', '')} {surname}",
        f"{full} Jr.",
        f"{initials(f'{given_name} {middle}')} {surname}",
        f"{surname} {given_name} {middle}".strip(),
        f"{surname} {''.join(filter(str.isupper, initials(given_name)))}",
        f"{surname}_{given_name[0]}".replace(" ", "_").lower(),
        f"{given_name} {surname.upper()}",
        f"{surname}, {given_name}, III",
        surname,
    ):
        assert index.match(query).tolist() == [0], query


@given(given_name=words, middle=st.none() | words, surname=words)
def test_spellings_of_a_name_match_it(given_name: str, middle: str | None, surname: str) -> None:
    written = names.parse(" ".join(part for part in (given_name, middle, surname) if part))
    if not written.surname or not written.given:
        return
    for query in (
        f"{surname}, {given_name}",
        f"{given_name} {surname}",
        surname,
        f"{surname}, {given_name} {middle or ''}",
    ):
        assert matches(query, written)


name_lists = st.lists(
    st.one_of(
        st.builds("{} {} {}".format, given_names, middles, surnames),
        st.builds("{}, {}".format, surnames, given_names),
        st.sampled_from([*MATCHING_NAMES, *DISTINCT_NAMES]),
        st.text(max_size=12),
    ),
    max_size=25,
)
queries = st.one_of(
    st.sampled_from([query for every in (*MATCHING_NAMES.values(), *DISTINCT_NAMES.values()) for query in every]),
    st.builds("{} {}".format, given_names, surnames),
    surnames,
    st.text(max_size=12),
)


@given(written=name_lists, query=queries, cut=st.integers(0, 25))
@settings(deadline=None)
def test_lookup_equals_a_full_scan(written: list[str], query: str, cut: int) -> None:
    at_once, stepwise = (
        build_author_names(written),
        build_author_names(written[cut:], build_author_names(written[:cut])),
    )
    keys_by_author: dict[str, set[str]] = {}
    for name in written:
        if names.parse(name).surname:
            keys_by_author.setdefault(names.index_keys(name)[0], set()).update(names.index_keys(name))
    with TemporaryDirectory() as folder:
        stepwise.save(Path(folder))
        opened = AuthorNames.open(Path(folder))
    expected = [
        number
        for number, every in enumerate(keys_by_author.values())
        if any(matches(query, Name.from_key(key)) for key in every)
    ]
    for found in (at_once, stepwise, opened):
        assert found.match(query).tolist() == expected
        assert [found.key(number) for number in range(len(found))] == list(keys_by_author)
        assert [found.find(key) for key in keys_by_author] == list(range(len(found)))
        assert all(names.index_keys(found.display_name(number))[0] == found.key(number) for number in range(len(found)))
        assert set(found.match(query, exact=True).tolist()) <= set(expected)
        assert all(number in found.match(found.display_name(number), exact=True) for number in range(len(found)))


name_parts = st.lists(
    st.sampled_from(["C.", "L.", "Chao", "Lin", "Chaolin", "Chao-Lin", "CL", "Li", "Karl", "Juergen", "de"]), max_size=3
).map(" ".join)
namesakes = st.builds("{} {}".format, name_parts, st.sampled_from(["Wang", "García Wang", "de la Wang", "Müller-Wang"]))


@given(written=st.lists(namesakes, min_size=20, max_size=80, unique=True), query=namesakes)
@example(written=["Chaolin Wang", *(f"C. {chr(65 + number)}. Wang" for number in range(20))], query="Chao de Lin Wang")
@settings(deadline=None)
def test_lookup_equals_a_full_scan_for_namesakes(written: list[str], query: str) -> None:
    found = build_author_names(written)
    keys_by_author: dict[str, set[str]] = {}
    for name in written:
        keys_by_author.setdefault(names.index_keys(name)[0], set()).update(names.index_keys(name))
    matching = (any(matches(query, Name.from_key(key)) for key in every) for every in keys_by_author.values())
    assert found.match(query).tolist() == [number for number, matches in enumerate(matching) if matches]


GIVEN_NAMES = ("Wei", "Emma", "Qiang", "Jean", "Baptiste", "Tobias", "Min")


@given(given=st.permutations(GIVEN_NAMES), surname=st.sampled_from(["Quirke", "Zhang"]))
@settings(max_examples=40, deadline=None)
def test_a_name_that_a_source_writes_is_not_somebody_with_another_given_name(given: list[str], surname: str) -> None:
    first, second, middle, *_ = given
    own, hyphenated = f"{first} {surname}", f"{first}-{second.lower()} {surname}"
    variants = {own, f"{first} {middle} {surname}", f"{first} {middle[0]}. {surname}", f"{first[0]}. {surname}"}
    initials = f"{first[0]}. X. {surname}"  # of two given names in China, of a middle name elsewhere
    others = {hyphenated, f"{first[0]}. {middle} {surname}"} | ({initials} if surname == "Zhang" else set())
    index = build_author_names([*variants, *others, initials])

    def find(query: str) -> set[str]:
        return set(index.display_names(drop_other_given_names(index, query, index.match(query))))

    assert find(own) == find(f"{surname}, {first}") == (variants | {initials}) - others
    assert hyphenated in find(hyphenated)
    assert own not in find(hyphenated)
    assert find(f"{first[0]}. {surname}") >= variants | others
    without_own = build_author_names([hyphenated])
    assert len(drop_other_given_names(without_own, own, without_own.match(own))) == 1
