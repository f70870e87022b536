"""Names: spellings of one person match, similar names of others do not, and an index preserves every name."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.columns.authors import AuthorNames, AuthorsBuilder
from search.columns.columns import ColumnsBuilder
from search.errors import InvalidValue
from search.papers import names
from search.papers.folding import expand_umlauts, fold
from search.papers.names import Name
from search.papers.paper import Paper

MATCHING_NAMES = {
    "Guorui Zhou": (
        "guorui zhou", "GUORUI ZHOU", "Zhou, Guorui", "Zhou Guorui", "G. Zhou", "Zhou, G.", "Zhou G", "Zhou",
    ),
    "Gabriel José García Márquez": (
        "García Márquez, Gabriel José", "García Márquez, G. J.", "García Márquez, G.", "Garcia Marquez, G",
        "Gabriel Garcia Marquez", "G. J. García Márquez", "García", "García, Gabriel", "García Márquez", "Márquez",
        "Garcia Marquez GJ", "García Márquez Gabriel", "garcia_marquez_g", "Garcia-Marquez, G.",
    ),
    "José García-Márquez": (
        "Jose Garcia Marquez", "J. García-Márquez", "Garcia-Marquez, Jose", r"Jos\'e Garc{\'\i}a-M{\'a}rquez",
        "García, J.", "Garcia", "GARCIA-MARQUEZ, J.",
    ),
    "Stephen M. de Bruyn Kops": (
        "de Bruyn Kops, Stephen", "de Bruyn Kops, S. M.", "S. de Bruyn Kops", "de Bruyn Kops", "Bruyn Kops", "Kops",
        "Kops, S.", "Bruyn Kops, Stephen", "De Bruyn Kops", "de Bruyn Kops SM", "debruynkops",
    ),
    "Jean-Baptiste Poquelin": (
        "Jean Baptiste Poquelin", "J.-B. Poquelin", "J. B. Poquelin", "JB Poquelin", "Poquelin", "Poquelin JB",
        "Jeanbaptiste Poquelin", "Jean-B. Poquelin", "J. Poquelin", "Poquelin, Jean", "Poquelin, JB", "poquelin_jb",
        "POQUELIN Jean-Baptiste", "Poquelin J.-B.",
    ),
    "Adrian Del Maestro": (
        "del_maestro", "del_maestro_a", "Del Maestro A", "Delmaestro, A.", "Maestro", "A. Del Maestro",
    ),
    "Simeon Warner": ("warner_s", "warner_s_1"),
    "Kim Min-Jung": ("Min-Jung Kim", "Minjung Kim", "M.-J. Kim", "Kim MJ", "Kim, Min Jung"),
    "Hyeong-U Kim": ("HyeongU Kim", "H.-U. Kim", "Kim HU"),
    "Alison Fang-Wei Wu": ("Alison Fangwei Wu", "A. F.-W. Wu"),
    "Zhou Guorui": ("G. Zhou", "Zhou, Guorui", "Guorui Zhou", "Zhou"),
    "Nguyễn Văn Minh": ("Minh Van Nguyen", "Nguyen, Minh", "Nguyen VM", "Nguyen", "Nguyen, Van Minh", "Minh Nguyen"),
    "Minh Van Nguyen": ("Nguyen Van Minh", "Nguyễn Văn Minh"),
    "Santiago Ramón y Cajal": ("Ramón y Cajal, S.", "ramon y cajal", "Cajal", "Ramón, S.", "Ramón-Cajal"),
    "José M. Martín del Río": ("Martín del Río", "Martin, J. M.", "del Río, J."),
    "Takako Miyabe-Nishiwaki": ("Miyabe-Nishiwaki Takako", "Miyabe, T.", "Miyabe Nishiwaki T"),
    "Alexandre d'Aspremont": ("Aspremont", "d Aspremont", "dAspremont", "D'ASPREMONT, A."),
    "Mohamad Al-Khalili": ("AlKhalili", "Al Khalili, M.", "Khalili"),
    "Sean MacDonald": ("Mac Donald", "MACDONALD, S."),
    "Paul O'Neil": ("O Neil", "ONEIL, P."),
    "José Ángel González": ("González JÁ", "Gonzalez, J. A."),
    "Wei Li": ("Wei LI", "LI, Wei", "Li, WEI", "LI W"),
    "ZHOU GX": ("Zhou, G.", "G. X. Zhou"),
    "Erik Weiß": ("Weiss", r"Wei{\\ss}", "WEISS"),
    "Thomas Müller": (
        "Thomas Mueller", "Thomas Muller", "Mueller, T.", "MUELLER", "Müller", r'Thomas M\"uller', "Mu\u0308ller",
        r'M{\"u}ller, Thomas',
    ),
    "Thomas Mueller": ("Müller", "Muller", "T. Müller", "Mueller"),
    "Thomas Muller": ("Müller", "Mueller, Thomas"),
    "Jürgen Jäger": ("Juergen Jaeger", "Jurgen Jager", "Jaeger, J.", r'J\"urgen J\"ager', "Jaeger", "Jager"),
    "Anders Ångström": ("Aangstroem", "Angstrom, Anders", "Angstroem", r"{\AA}ngstr{\"o}m"),
    "Mads Hustad Sandøy": ("Sandoey, M. H.", "Sandoy", r"Mads Sand{\o}y"),
    "Søren Sørensen": ("Soerensen", "Sorensen, Soeren", "S. Sørensen"),
    "Chao-Lin Liu": ("Chaolin Liu", "Chao Lin Liu", "C. Liu", "Liu, Chao-Lin", "C.-L. Liu", "CL Liu", "Liu Chao-Lin"),
    "Rens van de Schoot": (
        "van de Schoot, Rens", "R. van de Schoot", "Rens Schoot", "Schoot, R. van de",
        "van de Schoot", "van de Schoot R", "van de Schoot Rens", "vandeschoot",
    ),
    "Martin L. King Jr.": (
        "M. King", "King, Martin", "Martin Luther King", "Martin King Jr.", "King, Martin L., Jr.", "King Jr., Martin",
        "Martin L. King, Jr.", "Martin King III",
    ),
    "Łukasz Kaiser": ("Lukasz Kaiser", "L. Kaiser", "Kaiser, Ł.", r"{\L}ukasz Kaiser"),
    "Seán O'Brien": ("Sean OBrien", "S. O’Brien"),
    "Tomasz Nikšić": (r"T. Nik\v{s}i\'c", "Niksic"),
    "Nguyen Van Minh": ("Minh, Nguyen Van", "Nguyen Van Minh"),
    "Di Wu": ("Wu, Di", "Wu Di", "D. Wu"),
    "李明": ("李明", "李 明"),
    "李 明": ("李明", "李, 明", "李"),
    "Владимир Путин": ("Путин", "ПУТИН, В."),
}  # fmt: skip
DISTINCT_NAMES = {
    "B. García": ("Garcia-Bellido",),
    "Guorui Zhou": ("Gang Zhou", "Guorui Zhu", "Guorui Zhao", "R. Zhou", "Zho", "Zhou, Gang", "Guorui"),
    "Jie Zhang": ("Jing Zhang", "Jie Zheng", "Jie Zhan"),
    "Martin L. King": ("Martin K. King",),
    "Rens van de Schoot": ("Jan van de Schoot", "van der Schoot"),
    "Anna Bauer": ("Baur", "Anna Baur"),
    "Uri Samuel": ("Samul",),
    "Manuel Blum": ("Manul Blum",),
    "Ken Maeda": ("Mada",),
    "Rie Ueda": ("Uda",),
    "Xue Feng Li": ("Xu Feng Li",),
    "Xuefeng Li": ("Xufeng Li",),
    "Daehyun Kim": ("Dahyun Kim",),
    "Ming Li": ("Ming Lee", "Min Li"),
    "Hans de Boer": ("Bor",),
    "Ana Fuentes": ("Funtes",),
    "Marta Cuesta": ("Custa",),
    "Paulo Coelho": ("Colho",),
    "Paul Samuelson": ("Samulson",),
    "Johnson Koech": ("Koch", "J. Koch"),
    "Eva Hueber": ("Huber",),
    "Wim Van den Broeck": ("Brock",),
    "Jacky Kwok": ("Jack Y. L. Kwok",),
    "Kim Smith": ("Kim, S.",),
    "Yang Cai": ("Yang, C.",),
    "Mahesh Babu S": ("Sudarshan Babu",),
    "Andrew Ng": ("Andrew, N. G.",),
    "John Y. Smith": ("John",),
    "Mark Robert Lee": ("Robert Lee", "Lee, Robert"),
    "Di Wu": ("Dan Wu", "Wu, Ding"),
    "Ben Smith": ("Al Smith", "Dan Smith"),
    "Gabriel José García Márquez": ("García, Pedro", "Márquez, Pedro", "José"),
}


def build_author_names(written: Sequence[str], before: AuthorNames | None = None) -> AuthorNames:
    """Indexes names as an import does: one author per key."""
    builder = AuthorsBuilder(before or AuthorNames.empty())
    for name in written:
        builder.add(name)
    return builder.build()


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


def test_names_of_two_sources_are_compatible_either_way_round() -> None:
    for one, other in (("G. Zhou", "Guorui Zhou"), ("Zhou", "Guorui Zhou"), ("Chaolin Liu", "Chao-Lin Liu")):
        assert names.are_compatible(names.parse(one), names.parse(other))
        assert names.are_compatible(names.parse(other), names.parse(one))
    for one, other in (
        ("Gang Zhou", "Guorui Zhou"),
        ("Robert Lee", "Mark Robert Lee"),
        ("García, Pedro", "Ana García"),
        ("Mahesh Babu S", "Sudarshan Babu"),
        ("Andre S. Gala-Garza", "Andres Muñoz Garza"),
        ("J. Koech", "J. Koch"),
        ("Hans Fuentes", "Hans Funtes"),
    ):
        assert not names.are_compatible(names.parse(one), names.parse(other))


letters = st.characters(categories=["Lu", "Ll", "Lo"])
NON_NAMES = ("jr", "sr", "ii", "iii", "iv", "and")


def is_word(text: str) -> bool:
    """Whether a text folds to one word of two or more letters that is neither initials nor a suffix."""
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
    """The text with its accents in LaTeX."""
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
        assert names.matches(query, written)


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
        if any(names.matches(query, Name.from_key(key)) for key in every)
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
    matching = (any(names.matches(query, Name.from_key(key)) for key in every) for every in keys_by_author.values())
    assert found.match(query).tolist() == [number for number, matches in enumerate(matching) if matches]


def test_a_paper_of_5000_authors_and_a_name_of_500_characters() -> None:
    index = build_author_names([f"Given{number} Family{number % 97} Surname{number % 7}" for number in range(5_000)])
    assert len(index.match("Surname3")) == 714
    assert index.match("Given3 Family3 Surname3").tolist() == [3]
    builder = ColumnsBuilder()
    ids = builder.add(Paper(ids=("x:1",), authors=tuple(index.display_name(number) for number in range(5_000))))
    assert (len(ids.authors), ids.first_author, ids.last_author) == (5_000, 0, 4_999)
    for match in (index.match, index.match_fuzzy):
        with pytest.raises(InvalidValue, match="at most 200 characters"):
            match("x" * 500)
    assert build_author_names(["y" * 500]).match("y" * 200).tolist() == []
