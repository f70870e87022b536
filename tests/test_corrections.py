"""Spelling corrections: none for a right word; the corrected query answers where only that finds something close."""

import pytest

from search.language import spelling
from search.language.english import is_english
from search.papers.dictionary import is_english_word
from search.searcher import Searcher
from strategies import MakeSearcher

FREQUENCIES = {
    "latent": 40, "more": 300, "unit": 60, "attention": 90, "models": 200, "model": 300, "graph": 90,
    "photon": 50, "every": 80, "transformer": 70,
    "transformers": 60, "tasks": 90, "takes": 30, "geometry": 1, "flora": 1, "diskann": 1,
    "segmentation": 30, "vial": 20, "they": 90,
}  # fmt: skip


def correct(text: str, **known: bool) -> dict[str, str]:
    """Returns the corrections in an index with FREQUENCIES, in which no other word occurs."""
    return spelling.corrections(
        text,
        lambda word: FREQUENCIES.get(word, 0),
        lambda word: FREQUENCIES.get(word.lower(), 0),
        lambda word: known.get(word, False),
        400,
    )


@pytest.mark.parametrize(
    "text",
    [
        "latest papers on attention",
        "modal logic of graft",
        "unet segmentation",
        "Moore and his law",
        "attention of Mote and Modelz",
        "lateNt attention",
        "evry1 attention",
        "Wie viel CO2 nehmen Moore auf?",
        "les modeles sont dans une attenion",
        "图像 attenion 识别",
    ],
)
def test_a_right_word_is_not_corrected(text: str) -> None:
    assert correct(text) == {}


@pytest.mark.parametrize(
    ("text", "corrections"),
    [
        ("atention modles", {"atention": "attention", "modles": "models"}),
        ("evry photon", {"evry": "every"}),
        ("tehy transformer", {"tehy": "they"}),
        ("Segmentaton", {"Segmentaton": "Segmentation"}),
        ("transfomer, attentoin", {"transfomer": "transformer", "attentoin": "attention"}),
        ("transfromers", {"transfromers": "transformers"}),  # two letters swapped
        ("transformrs", {"transformrs": "transformers"}),  # one missing
        ("transsformers", {"transsformers": "transformers"}),  # one doubled
        ("transfirmers", {"transfirmers": "transformers"}),  # a wrong one
        ("modlels taeks", {"modlels": "models", "taeks": "takes"}),  # the likelier edit before the frequent word
        ("geomerty", {"geomerty": "geometry"}),  # in one paper, but a long English word
        ("flra diskamn", {}),  # in one paper: too short, or no English word
    ],
)
def test_a_typo_is_corrected(text: str, corrections: dict[str, str]) -> None:
    assert correct(text) == corrections
    assert correct(text, **dict.fromkeys(corrections, True)) == {}


def test_the_dictionary_has_words_and_no_typos() -> None:
    assert all(map(is_english_word, ["latest", "moore", "quark", "modal", "they"]))
    assert not any(map(is_english_word, ["atention", "modles", "segmentaton", "unet"]))
    assert is_english("")


@pytest.fixture(scope="module")
def searcher(make_searcher: MakeSearcher) -> Searcher:
    records: list[dict[str, object]] = [
        {
            "title": f"Segmentation of units {number}",
            "abstract": "Segmentation splits images.",
            "authors": ["Ida Segal"],
        }
        for number in range(30)
    ]
    others = ["U-Net in practice", "Deep learning of forms", "Learned deep learning", "Phonons in glass"]
    records += [{"title": title} for title in others]
    return make_searcher(records)


def test_words_side_by_side_by_chance_are_not_a_spelling_of_a_typo(make_searcher: MakeSearcher) -> None:
    """Nor are a genitive and a word, nor a stop word and another one."""
    titles = ["They apply IG to scans", "A model's ability", "Forest fires", "The find in Rome"]
    titles += [f"We apply rule {number}" for number in range(30)] + [f"An IG filter {number}" for number in range(30)]
    titles += [f"Applying the ability {number}" for number in range(40)] + ["Findings of stability"] * 5
    searcher = make_searcher([{"title": title} for title in titles])
    terms = searcher.snapshot.lexicon.terms
    assert [terms(word) for word in ("applyig", "sability", "findin", "forestfires")] == [
        ["applyig"], ["sabil"], ["findin"], ["forest", "fire"]
    ]  # fmt: skip
    assert searcher.ask("applyig").answered_query == "applying"


@pytest.mark.parametrize("text", ["unet", "deeplearning", "segal", "latest segmentation", "segmentation"])
def test_words_that_the_index_knows_are_not_corrected(searcher: Searcher, text: str) -> None:
    page = searcher.ask(text)
    assert (page.correction, page.answered_query) == (None, None)


def test_the_correction_is_answered_with_a_way_back(searcher: Searcher) -> None:
    page = searcher.ask("segmentaton")
    assert (page.answered_query, page.correction) == ("segmentation", "segmentation")
    assert [hit.paper.id for hit in page] == [hit.paper.id for hit in searcher.ask("segmentation")]
    typed = searcher.ask("segmentaton", verbatim=True)
    assert (typed.answered_query, typed.correction, typed.has_close_match) == (None, "segmentation", False)


def test_a_correction_that_finds_nothing_close_is_not_offered(searcher: Searcher) -> None:
    page = searcher.ask("zyzzyva qwertyuiop asdfghjkl segmentaton")
    assert (page.has_close_match, page.answered_query, page.correction) == (False, None, None)
