"""The query syntax: the condition and text of each form; prose stays prose; errors report their position."""

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from search.errors import InvalidValue
from search.language.parser import ParsedQuery, parse_query
from search.papers.date import Date
from search.query.author import parse_author
from search.query.condition import (
    AddedBetween,
    AllOf,
    AnyOf,
    Author,
    Category,
    Condition,
    ContainsText,
    HasId,
    InDateRange,
    Not,
)

LANGUAGE_DOC = (Path(__file__).parent.parent / "docs" / "query-language.md").read_text("utf-8")
TODAY = date(2026, 11, 25)


def parse(text: str) -> ParsedQuery:
    return parse_query(text, today=TODAY)


def all_of(*parts: Condition) -> Condition:
    return AllOf(parts)


def any_of(*parts: Condition) -> Condition:
    return AnyOf(parts)


def word(text: str) -> ContainsText:
    return ContainsText(text)


def phrase(text: str) -> ContainsText:
    return ContainsText(text, phrase=True)


def years(start: int | None, end: int | None) -> InDateRange:
    return InDateRange(Date(start) if start else None, Date(end) if end else None)


ZHOU, GAI, LI = Author("zhou"), Author("gai"), Author("li")
KV = ContainsText("kv cache", "title")

PARSED: dict[str, tuple[Condition | None, str]] = {
    # people
    "au:zhou": (ZHOU, ""),
    "AU:zhou kv": (ZHOU, "kv"),
    "a:zhou kv": (ZHOU, "kv"),
    "Author:zhou kv": (ZHOU, "kv"),
    "au:zhou, kv": (ZHOU, "kv"),
    'kv au:"Guorui Zhou" cache': (Author("Guorui Zhou"), "kv cache"),
    "au:Zhou,G": (Author("Zhou,G"), ""),
    "au:zhou_g": (Author("zhou, g"), ""),
    "au:del_maestro_a": (Author("del maestro, a"), ""),
    "au:^zhou": (Author("zhou", "first"), ""),
    'au:^"Zhou, G"': (Author("Zhou, G", "first"), ""),
    'author:"^Zhou, G"': (Author("Zhou, G", "first"), ""),
    "first_author:zhou": (Author("zhou", "first"), ""),
    'first_author:"^Zhou, G"': (Author("Zhou, G", "first"), ""),
    "au:zhou$": (Author("zhou", "last"), ""),
    'au:"Guorui Zhou"$': (Author("Guorui Zhou", "last"), ""),
    'author:"=Zhou, G"': (Author("Zhou, G", exact=True), ""),
    '=author:"Zhou, G"': (Author("Zhou, G", exact=True), ""),
    'au:^="Guorui Zhou"': (Author("Guorui Zhou", "first", exact=True), ""),
    'au:""Guorui Zhou"" kv': (Author("Guorui Zhou", exact=True), "kv"),
    "au:(zhou OR gai) kv": (any_of(ZHOU, GAI), "kv"),
    'au:("Zhou, G" AND ^gai) kv': (all_of(Author("Zhou, G"), Author("gai", "first")), "kv"),
    "au:(zhou -gai)": (all_of(ZHOU, Not(GAI)), ""),
    "au:((zhou OR gai) ANDNOT (li))": (all_of(any_of(ZHOU, GAI), Not(LI)), ""),
    # words
    "ti:cache": (ContainsText("cache", "title"), "cache"),
    "ti:(kv cache) au:zhou": (all_of(KV, ZHOU), "kv cache"),
    'title:"kv cache" x': (ContainsText("kv cache", "title", phrase=True), "kv cache x"),
    "abstract:cache?": (ContainsText("cache", "abstract"), "cache"),
    "all:electron": (word("electron"), "electron"),
    "ti:(kv OR cache)": (any_of(ContainsText("kv", "title"), ContainsText("cache", "title")), "kv cache"),
    'the "kv cache", compressed': (phrase("kv cache"), "the kv cache, compressed"),
    "“kv cache” compressed": (phrase("kv cache"), "kv cache compressed"),
    """the "kv''-cache""": (phrase("kv"), "the kv-cache"),
    '"Min-max"-ing of x': (phrase("Min-max"), "Min-max-ing of x"),
    '"Why?": an ("old") question': (all_of(phrase("Why?"), phrase("old")), "Why?: an old question"),
    # categories, ids
    "cat:cs.ir kv": (Category("cs.IR"), "kv"),
    'cat:"Information Retrieval"': (Category("cs.IR"), ""),
    "cat:computation_and_language": (Category("cs.CL"), ""),
    "cat:(cs.IR OR cs.CL)": (any_of(Category("cs.IR"), Category("cs.CL")), ""),
    "primary:cs.LG": (Category("cs.LG", primary=True), ""),
    "arxiv_class:cs.LG": (Category("cs.LG"), ""),
    'cat:"machine learning"': (any_of(Category("cs.LG"), Category("stat.ML")), ""),
    "[see arXiv:1706.03762v5] x": (HasId("arxiv:1706.03762"), "[see] x"),
    "on arXiv:1706.03762v5: x": (HasId("arxiv:1706.03762"), "on: x"),
    "see arXiv:1706.03762v5": (HasId("arxiv:1706.03762"), "see"),
    "identifier:10.1145/3292500 x": (HasId("doi:10.1145/3292500"), "x"),
    "id:https://arxiv.org/abs/1706.03762 x": (HasId("arxiv:1706.03762"), "x"),
    "acl:2022.acl-long.1 x": (HasId("acl:2022.acl-long.1"), "x"),
    # dates
    "year:2020-2024 kv": (years(2020, 2024), "kv"),
    "year:(2020 OR 2022)": (any_of(years(2020, 2020), years(2022, 2022)), ""),
    "date:>=2026": (years(2026, None), ""),
    "date:2020..": (years(2020, None), ""),
    "date:2020.": (years(2020, 2020), ""),
    "pubdate:[2000 TO 2005] kv": (years(2000, 2005), "kv"),
    "lastUpdatedDate:[2000 TO *] kv": (InDateRange(Date(2000), None, "updated"), "kv"),
    "added:2026-11.. kv": (AddedBetween(Date(2026, 11)), "kv"),
    "added:today": (AddedBetween(Date(2026, 11, 25), Date(2026, 11, 25)), ""),
    "kv, added:2026-11-24T09:14:00Z.": (AddedBetween(*[datetime(2026, 11, 24, 9, 14, tzinfo=UTC)] * 2), "kv,"),
    "added:>=2026-11-24T10:14+01:00 kv": (AddedBetween(datetime(2026, 11, 24, 9, 14, tzinfo=UTC)), "kv"),
    'added:"2026-11-24 09:14" kv': (AddedBetween(*[datetime(2026, 11, 24, 9, 14, tzinfo=UTC)] * 2), "kv"),
    "entdate:[* TO 2026-11-24T09:14:00Z] -added:2025": (
        all_of(
            AddedBetween(None, datetime(2026, 11, 24, 9, 14, tzinfo=UTC)), Not(AddedBetween(Date(2025), Date(2025)))
        ),
        "",
    ),
    "Added: a proof": (None, "Added: a proof"),
    # operators
    "attention OR recurrence": (any_of(word("attention"), word("recurrence")), "attention recurrence"),
    "a OR b AND c": (any_of(word("a"), all_of(word("b"), word("c"))), "a b c"),
    "a AND b OR c": (any_of(all_of(word("a"), word("b")), word("c")), "a b c"),
    "attention AND NOT recurrence": (all_of(word("attention"), Not(word("recurrence"))), "attention"),
    "attention NOT recurrence": (Not(word("recurrence")), "attention"),
    "efficient attention ANDNOT survey": (
        all_of(word("efficient attention"), Not(word("survey"))),
        "efficient attention",
    ),
    "kv cache OR au:zhou": (any_of(word("kv cache"), ZHOU), "kv cache"),
    "au:zhou OR au:gai kv cache": (any_of(ZHOU, GAI), "kv cache"),
    "au:zhou OR NOT au:gai": (any_of(ZHOU, Not(GAI)), ""),
    "NOT NOT au:zhou": (ZHOU, ""),
    "(kv cache) OR quantization": (any_of(word("kv cache"), word("quantization")), "(kv cache) quantization"),
    "nets (CNN OR RNN) for images": (any_of(word("CNN"), word("RNN")), "nets CNN RNN for images"),
    "(au:zhou kv) cache": (all_of(ZHOU, word("kv")), "kv cache"),
    "-survey": (Not(word("survey")), ""),
    "kv  -survey \t cache\n": (Not(word("survey")), "kv cache"),
    "kv -survey, cache": (Not(word("survey")), "kv cache"),
    'kv -"a survey" -au:gai': (all_of(Not(phrase("a survey")), Not(GAI)), "kv"),
    "kv -(au:zhou OR survey)": (Not(any_of(ZHOU, word("survey"))), "kv"),
    "kv -(a b)": (Not(word("a b")), "kv"),
    "-(-au:zhou)": (ZHOU, ""),
}

PROSE = (
    "",
    "KV cache compression",
    "Is attention OR recurrence better?",
    "NOT all tokens are what you need",
    "LLMs IN the loop",
    "A or B: C",
    "LEARNING TO RANK OR NOT TO RANK",
    "TO BE OR NOT TO BE",
    "What is NOT",
    "OR",
    "AND OR NOT",
    "attention OR",
    "Portland, OR",
    "x OR y AND z w",
    "Low-rank adaptation (LoRA) of LLMs",
    "Large models (LLMs) AND small ones",
    "(a) first, (b) second",
    "a) first b) second",
    "f(x) and g(x) :( or :)",
    "state-of-the-art",
    "T cell - B cell",
    "-40 degrees",
    "(LoRA)-based --x",
    "Title: something",
    "CO:H2 ratio 3:1 at 12:30",
    "Ti:sapphire lasers on Au:TiO2, Nd:YAG",
    "std::vector, see http://example.org/a:b",
    "A:T pairs",
    'a 5" wafer and 12" disks',
    "don't 'quote' ``this''",
    "A* search, 5 * 3 = 15?",
    "C++ && C# || [x] {y} ^z ~w",
)

INVALID: dict[str, tuple[int, str]] = {
    "auther:zhou": (1, "unknown field 'auther'; did you mean 'author'?"),
    "kv titel:cache": (4, "did you mean 'title'?"),
    "nd:yag laser": (1, "put a space after the colon"),
    "bibcode:2020ApJ": (1, "doi: or arxiv:"),
    "since:2020": (1, "write date:>="),
    "x au:": (3, "no value"),
    "au: zhou": (1, "no space after the colon"),
    "au:?": (1, "no value"),
    "(au:) x": (2, "no value"),
    'kv "cache': (4, "is not closed"),
    'au:"zhou': (1, "is not closed"),
    '""': (1, "the quotes are empty"),
    "date:[2000 TO 2005": (1, "bracket is not closed"),
    "(au:zhou": (1, "is not closed"),
    "au:(zhou": (1, "is not closed"),
    "-(zhou": (2, "is not closed"),
    "au:zhou)": (8, "does not match"),
    "au:()": (1, "the parentheses are empty"),
    "-()": (2, "the parentheses are empty"),
    "au:zhou OR": (9, "OR has nothing on its right"),
    "AND au:zhou": (1, "AND has nothing on its left"),
    "au:zhou OR AND au:gai": (9, "OR has nothing on its right"),
    "kv ANDNOT": (4, "ANDNOT has nothing on its right"),
    "x NOT (ANDNOT y)": (8, "ANDNOT has nothing on its left"),
    "au:(Guorui Zhou)": (5, 'in "quotes"'),
    "au:(zhou or gai)": (5, "join values with OR or AND"),
    'au:("Zhou, G" "Gai, K")': (1, "join values with OR or AND"),
    "au:(zhou OR ti:x)": (13, "among the values of another"),
    "au:^zhou$": (1, "use only one"),
    "au:zhou*": (1, "wildcards are not supported"),
    "ti:quant*": (1, "wildcards are not supported"),
    'ti:="kv cache"': (1, "only author names"),
    "kv cat:cs.LX": (4, "did you mean cs.LG"),
    'cat:"Computation and Langage"': (1, "did you mean cs.CL"),
    "date:foo": (1, "not a valid date or range; try 2026, 2026-03"),
    "date:2026-11-24T09:14:00Z": (1, "not a valid date or range; try 2026, 2026-03"),
    "added:foo": (1, "not a valid date or range; try 2026, 2026-03"),
    "added:2026-11-24T24:14:00Z": (1, "or 2026-11-29T09:14:00Z"),
    "date:last year": (1, "last-year"),
    "date:2024-2020": (1, "swap the two"),
    "year:2024-03": (1, "or use date:2024-03"),
    "id:foo": (1, "give an ID such as"),
    "(" * 51 + "x": (51, "more than 50 deep"),
}


@pytest.mark.parametrize(("text", "parsed"), PARSED.items())
def test_conditions_and_ranking_text(text: str, parsed: tuple[Condition | None, str]) -> None:
    found = parse(text)
    assert (found.condition, found.text) == parsed
    assert (found.kind, found.paper_id) == ("question", None)


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_prose(text: str) -> None:
    found = parse(text)
    assert (found.kind, found.text, found.condition) == ("question", text, None)


@pytest.mark.parametrize(("text", "expected"), INVALID.items())
def test_invalid_queries_report_their_position(text: str, expected: tuple[int, str]) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse(text)
    assert caught.value.field == "q"
    assert caught.value.position == expected[0]
    assert expected[1] in caught.value.allowed
    assert caught.value.value[:20] == text[expected[0] - 1 :][: len(caught.value.value)][:20]


def test_parsed_query_is_described() -> None:
    assert (
        parse("au:zhou cat:cs.IR date:>=2026-01 kv cache").description
        == "au:zhou, cs.IR, since 2026-01, about 'kv cache'"
    )
    assert parse("").description == "all papers"
    assert parse("date:2024-03-05").description == "on 2024-03-05"
    assert parse("(a OR b) AND NOT au:(x AND y)").description == "all:a or all:b, not (au:x and au:y), about 'a b'"
    assert len(parse("x" * 300).description) < 250


@pytest.mark.parametrize(
    ("text", "paper"),
    [
        ("1706.03762", "arxiv:1706.03762"),
        (" arXiv:1706.03762v5 ", "arxiv:1706.03762"),
        ("hep-th/9901001", "arxiv:hep-th/9901001"),
        ("https://arxiv.org/pdf/1706.03762v5.pdf", "arxiv:1706.03762"),
        ("10.1145/3292500", "doi:10.1145/3292500"),
        ("https://doi.org/10.1145/3292500", "doi:10.1145/3292500"),
        ("doi: 10.1145/3292500", "doi:10.1145/3292500"),
        ("pmid:29768149", "pmid:29768149"),
        ("https://aclanthology.org/2022.acl-long.1/", "acl:2022.acl-long.1"),
    ],
)
def test_an_id_alone_is_a_paper(text: str, paper: str) -> None:
    found = parse(text)
    assert (found.kind, found.text, found.condition, found.paper_id) == ("paper", "", None, paper)
    assert parse(text).description == f"{paper} and similar papers"


ABSTRACT = (
    'We study "attention OR recurrence" (in full: NOT a survey) - and see arXiv:1706.03762, note:this; -x) OR y. ' * 5
)


def test_a_long_text_is_an_abstract_with_filters_only() -> None:
    found = parse(ABSTRACT)
    assert (found.kind, found.text, found.condition, found.paper_id) == ("abstract", ABSTRACT.strip(), None, None)
    assert parse(ABSTRACT).description == "similar to a text of 90 words"
    found = parse(f'au:(zhou OR "Gai, K") Abstract:We {ABSTRACT} -cat:cs.IR year:2020')
    assert found.condition == all_of(any_of(ZHOU, Author("Gai, K")), Not(Category("cs.IR")), years(2020, 2020))
    assert found.text == f"Abstract:We {ABSTRACT}".strip()
    assert found.description == 'au:zhou or au:"Gai, K", not cs.IR, in 2020, similar to a text of 91 words'
    with pytest.raises(InvalidValue, match=f"at character {len(ABSTRACT) + 1} .*did you mean"):
        parse(ABSTRACT + "cat:cs.LX")


def test_field_values_do_not_count_as_words_of_an_abstract() -> None:
    names = " OR ".join(f"name{number}" for number in range(100))
    found = parse(f"kv au:({names})")
    assert found.kind == "question"
    assert isinstance(found.condition, AnyOf)
    assert len(found.condition.parts) == 100
    assert parse("a " * 60).kind == "question"
    assert parse("a " * 61).kind == "abstract"


def test_categories_of_the_index_are_valid() -> None:
    assert parse_query("cat:NLP.x", today=TODAY, categories=["nlp.X"]).condition == Category("nlp.X")
    with pytest.raises(InvalidValue):
        parse("cat:nlp.X")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Guorui Zhou", Author("Guorui Zhou")),
        ("^Zhou", Author("Zhou", "first")),
        ("Zhou$", Author("Zhou", "last")),
        ('"Guorui Zhou"', Author("Guorui Zhou", exact=True)),
        ('="Guorui Zhou"', Author("Guorui Zhou", exact=True)),
        ('"=Zhou, G"', Author("Zhou, G", exact=True)),
        ('^"Guorui Zhou"', Author("Guorui Zhou", "first", exact=True)),
        ('"^Zhou, G"', Author("Zhou, G", "first", exact=True)),
        ('"Zhou"$', Author("Zhou", "last", exact=True)),
        ("van_de_schoot_r", Author("van de schoot, r")),
    ],
)
def test_a_bare_author_name_parses_as_in_a_query(text: str, name: Author) -> None:
    assert parse_author(text) == name


@pytest.mark.parametrize("text", ["", "^", '"', '""', "?!", "^Zhou$", '"Zhou', 'Zhou"', "Zh*"])
def test_an_invalid_author_name_is_an_error(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_author(text)
    assert caught.value.field == "author"


def test_positions_count_from_one() -> None:
    found = parse("kv au:zhou (cat:cs.IR OR ti:cache)").condition
    assert isinstance(found, AllOf)
    name, others = found.parts
    assert isinstance(name, Author)
    assert isinstance(others, AnyOf)
    assert [
        name.text_position,
        *(leaf.text_position for leaf in others.parts if isinstance(leaf, Category | ContainsText)),
    ] == [4, 13, 26]
    assert parse_author("zhou", 7).text_position == 7


@pytest.mark.parametrize(("text", "imported"), [("Is attention OR recurrence (LoRA) better?", False), ("au:x", True)])
def test_plain_queries_do_not_import_lark(text: str, imported: bool) -> None:
    code = f"""
import sys
from datetime import date
from search.language.parser import parse_query
parse_query({text!r}, today=date(2026, 11, 25))
print("lark" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(imported)]


EXAMPLES = re.findall(r"^\| [^`|]+ \| `(.+?)` \| (.+?) \|$", LANGUAGE_DOC, re.MULTILINE)


@pytest.mark.parametrize(("example", "description"), EXAMPLES)
def test_examples_of_the_documentation_parse_as_described(example: str, description: str) -> None:
    assert parse(example).description == description


def test_the_docs_list_every_form() -> None:
    forms = LANGUAGE_DOC.partition("\n## ")[0]
    assert len(EXAMPLES) == forms.count("\n| ") - 1 >= 45


def test_a_long_text_of_operators_is_a_question_and_one_of_words_an_abstract() -> None:
    words = [f"word{letter}{other}" for letter in "abcdefghij" for other in "abcdefghij"]
    found = parse_query(" OR ".join(words), today=date(2026, 11, 25))
    assert (found.kind, found.condition) == ("question", AnyOf(tuple(ContainsText(word) for word in words)))
    mixed = parse_query(" OR ".join(f"(ti:{word} OR au:zhou)" for word in words), today=date(2026, 11, 25))
    assert mixed.kind == "question"
    assert isinstance(mixed.condition, AnyOf)
    assert (
        parse_query(" OR ".join([" ".join(words[:50]), " ".join(words[50:])]), today=date(2026, 11, 25)).kind
        == "abstract"
    )
