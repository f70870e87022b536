"""Suggestions against an oracle that scans every name."""

import re
from collections import Counter
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_embedder import FakeEmbedder
from indexer.build import index
from search.columns.suggestions import MAX_SUGGESTIONS
from search.errors import InvalidValue
from search.papers import names
from search.papers.folding import collapse_umlaut_digraphs, expand_umlauts, fold
from search.query.suggestions import CategoryCount
from search.searcher import Searcher
from strategies import MakeSearcher, write_papers

GIVEN_NAMES = (
    "Wei", "Guorui", "G.", "W.", "Wen-Tau", "José", "Jörg", "Ada", "Alexander", "Alexandra", "Alexandria", "M.",
    "Chao-Lin", "Ødegaard", "Łukasz", "ZHEN", "a",
)  # fmt: skip
FAMILY_NAMES = (
    "Wang", "Wu", "Wei", "Zhou", "Müller", "Mueller", "Muller", "García Márquez", "van de Schoot", "O'Brien",
    "Garcia-Molina", "Nguyen", "d'Aspremont", "Alexandrov", "Alexandropoulou", "Li", "周国睿", "Åström", "Öz", "X",
    "von Bargen",
)  # fmt: skip
CODES = "cs.CL cs.CV cs.LG stat.ML stat.ME hep-th math-ph math.NA cs.NA cs.ZZ physics.optics".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def people_searcher(make_searcher: MakeSearcher) -> Searcher:
    random = np.random.default_rng(5)
    records: list[dict[str, object]] = []
    for number in range(400):
        authors = [
            " ".join((*random.choice(GIVEN_NAMES, random.integers(0, 3)), random.choice(FAMILY_NAMES)))
            for _ in range(number % 4)
        ]
        codes = random.choice(CODES, random.integers(0, 3), replace=False).tolist()
        records.append({"title": f"paper {number}", "abstract": "", "authors": authors, "categories": codes})
    return make_searcher(records)


def matches_prefixes(typed: list[str], words: list[str]) -> bool:
    """Whether each typed prefix matches a different word."""
    selections = permutations(words, len(typed))
    return any(
        all(word.startswith(prefix) for prefix, word in zip(typed, selected, strict=True)) for selected in selections
    )


def expected_authors(searcher: Searcher, text: str) -> Counter[str]:
    """Returns the number of papers of every author that matches, by canonical key."""
    folded = fold(text).split()
    readings = [folded, fold(expand_umlauts(text)).split(), [collapse_umlaut_digraphs(word) for word in folded]]
    keys_of_author: dict[str, set[str]] = {}
    papers: Counter[str] = Counter()
    for _, paper in searcher.snapshot.store.scan(0):
        authors = [names.index_keys(name) for name in paper.authors]
        papers.update({keys[0] for keys in authors})
        for keys in authors:
            keys_of_author.setdefault(keys[0], set()).update(keys)
    found = {
        canonical
        for canonical, keys in keys_of_author.items()
        for key in keys
        for typed in readings
        if typed and matches_prefixes(typed, [word for word in re.split("[|, ]", key) if word])
    }
    return Counter({canonical: papers[canonical] for canonical in found})


words = st.sampled_from([*GIVEN_NAMES, *" ".join(FAMILY_NAMES).split(), "z", "q", "ue", "'", "-", "zhou,"])
prefixes = st.builds(lambda word, length: word[:length], words, st.integers(1, 9))
typed_texts = st.lists(prefixes, max_size=4).map(" ".join) | st.text(max_size=4)


@given(typed_texts, st.integers(1, MAX_SUGGESTIONS))
@settings(max_examples=100, deadline=None)
def test_authors_match_one_word_per_typed_prefix(people_searcher: Searcher, text: str, limit: int) -> None:
    expected = expected_authors(people_searcher, text)
    found = people_searcher.suggest(text, limit).authors
    assert [count.papers for count in found] == sorted(expected.values(), reverse=True)[:limit]
    canonical = [names.index_keys(count.value)[0] for count in found]
    assert len(set(canonical)) == len(canonical)
    assert [expected[key] for key in canonical] == [count.papers for count in found]


def test_names_match_in_any_typed_form(make_searcher: MakeSearcher) -> None:
    authors = ["Guorui Zhou", "Wei Wang", "Wei Liu", "Jörg Müller", "José García", "Rens van de Schoot", "Guorui Zhou"]
    searcher = make_searcher([{"title": name, "abstract": "", "authors": [name]} for name in authors])

    def found(text: str) -> list[str]:
        return [count.value for count in searcher.suggest(text).authors]

    assert found("guo zh") == found("Zhou, G") == found("zhou_g") == found("GUORUI ZHOU") == ["Guorui Zhou"]
    assert found("wei w") == ["Wei Wang"]
    assert found("wei") == ["Wei Wang", "Wei Liu"]
    assert found("mül") == found("muell") == found("muller jorg") == found("Mueller, Joerg") == ["Jörg Müller"]
    assert found("jose g") == found("garcía") == ["José García"]
    assert found("van de s") == found("schoot") == ["Rens van de Schoot"]
    assert found("") == found(" - ") == found("zhou zhou") == found("uorui") == []


def test_categories_match_by_code_and_by_words_of_their_names(people_searcher: Searcher) -> None:
    papers: Counter[str] = Counter()
    for _, paper in people_searcher.snapshot.store.scan(0):
        papers.update({code for each in paper.categories for code in (each, each.split(".")[0])})

    def found(text: str) -> list[CategoryCount]:
        return list(people_searcher.suggest(text, MAX_SUGGESTIONS).categories)

    assert found("comp lang") == [CategoryCount("cs.CL", "Computation and Language", papers["cs.CL"])]
    assert found("cl") == found("CS.cl") == found("comp lang")
    assert {each.code for each in found("mach learn")} == {"cs.LG", "stat.ML"}
    assert found("cs")[0].code == "cs"
    assert [each.papers for each in found("cs")[1:]] == sorted(
        (papers[f"cs.{code}"] for code in ("CL", "CV", "LG", "NA", "ZZ")), reverse=True
    )
    assert found("zz") == [CategoryCount("cs.ZZ", None, papers["cs.ZZ"])]
    assert found("math-ph")[0].code == "math-ph"
    assert found("q-fin") == found("machine machine") == []


def test_values_of_replaced_papers_are_not_suggested(tmp_path: Path) -> None:
    embedder = FakeEmbedder()
    for version, authors in ((1, ["Ada Byron"]), (2, ["Wei Wang", "Wu Li"])):
        record: dict[str, object] = {"id": f"arXiv:2401.00001v{version}", "title": "a title", "authors": authors}
        index([write_papers(tmp_path, [record])], tmp_path / "index", embedder)
    searcher = Searcher(tmp_path / "index", lambda _model: embedder)
    assert [(count.value, count.papers) for count in searcher.suggest("w").authors] == [("Wei Wang", 1), ("Wu Li", 1)]
    assert searcher.suggest("ada").authors == ()


@pytest.mark.parametrize("limit", [0, -1, MAX_SUGGESTIONS + 1])
def test_an_invalid_limit_is_rejected(people_searcher: Searcher, limit: int) -> None:
    with pytest.raises(InvalidValue, match="from 1 to 50"):
        people_searcher.suggest("a", limit)


def test_a_text_that_is_too_long_is_rejected(people_searcher: Searcher) -> None:
    with pytest.raises(InvalidValue, match="at most 200"):
        people_searcher.suggest("a " * 101)


def test_an_index_without_names_suggests_none(make_searcher: MakeSearcher) -> None:
    searcher = make_searcher([{"title": "a title", "abstract": "", "authors": []}])
    assert searcher.suggest("a").authors == searcher.suggest("a").categories == ()
