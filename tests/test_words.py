"""Words: spellings of a word that mean the same find each other, and words that look alike stay apart."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search.errors import InvalidValue
from search.index.analysis import Terms, beginning_of, find_units
from search.index.lexicon import create_analyzer
from search.papers.normalization import normalize
from search.query.condition import ContainsText
from search.query.query import Query
from search.rows import Rows
from search.searcher import Searcher
from strategies import MakeSearcher

TITLES = {
    "composed": "Carbone de la for\u00eat bor\u00e9ale",
    "decomposed": "Faune de la fore\u0302t tropicale",
    "ligature": "Magnetic \ufb01elds of pulsars",
    "wide": "\uff26\uff55\uff4c\uff4c wave rectifiers",
    "german": "Die Stra\u00dfe im Winter",
    "subscript": "Uptake of CO\u2082 by mosses",
    "plain": "CO2 capture in cement",
    "square": "A grid of 10\u00b2 cells",
    "number": "The 102 nearest galaxies",
    "area": "Plots of 5 m\u00b2 each",
    "isotope": "Relaxation of \u00b9\u00b3C nuclei",
    "soft hyphen": "Photo\u00adsynthesis in algae",
    "acronym": "An LLM for law",
    "plural": "Serving LLMs on phones",
    "several": "Training GNNs, CNNs and GPUs",
    "small letters": "llms for small children",
    "positioning": "Satellite clocks of GPS",
    "processes": "Sampling of sparse GPs",
    "health": "WHO guidelines on malaria",
    "pronoun": "Patients who smoke",
    "technology": "Governance of IT in banks",
    "it": "How it works and what it costs us",
    "country": "US elections and turnout",
    "hamlet": "To be or not to be: doubt in drama",
    "shuffled": "Not to be read or to be cited",
    "c++": "Generic containers in C++",
    "c": "Pointers in C",
    "c#": "Async methods in C#",
    "f#": "Type providers in F#",
    ".net": "Tuning of .NET runtimes",
    "net": "Fishing with a net",
    "r": "Mixed models in R",
    "hyphenated": "U-Net for cells",
    "joined": "A deeper UNet variant",
    "hyphenated means": "Seeding of k-means",
    "mathematical means": "A bound for $k$-means",
    "joined means": "Kmeans on a stream",
    "apart": "Zero shot translation",
    "with hyphen": "Zero-shot parsing",
    "en dash": "Zero\u2013shot grounding",
    "run together": "Zeroshot tagging",
    "data set": "A data set of bird songs",
    "dataset": "A dataset of frog calls",
}


@pytest.fixture(scope="module")
def searcher(make_searcher: MakeSearcher) -> Searcher:
    return make_searcher([{"title": title} for title in TITLES.values()])


def found(searcher: Searcher, box: str, **options: Any) -> set[str]:
    """Returns the keys of the titles that a query finds."""
    # stored titles are composed
    by_title = {unicodedata.normalize("NFC", title): key for key, title in TITLES.items()}
    return {by_title[str(hit.paper.title)] for hit in searcher.ask(box, limit=100, **options)}


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (("forêt", "foret", "FORÊT", "fore\u0302t"), ("composed", "decomposed")),
        (("fields", "\ufb01eld"), ("ligature",)),
        (("full", "\uff26ull"), ("wide",)),
        (("Strasse", "Straße", "STRASSE"), ("german",)),
        (("CO2", "CO\u2082", "co2"), ("subscript", "plain")),
        (("102",), ("number",)),
        (("m2", "m\u00b2"), ("area",)),
        (("13C", "\u00b9\u00b3C"), ("isotope",)),
        (("photosynthesis", "photo\u00adsynthesis"), ("soft hyphen",)),
        (("LLM", "LLMs", "llm", "llms"), ("acronym", "plural", "small letters")),
        (("GNN", "GNNs"), ("several",)),
        (("gpu", "GPUs", "gpus"), ("several",)),
        (("GPS",), ("positioning",)),
        (("GP", "GPs"), ("processes",)),
        (("WHO",), ("health",)),
        (("who",), ("health", "pronoun")),
        (("IT",), ("technology",)),
        (("US",), ("country",)),
        (("C++", "c++"), ("c++",)),
        (("C",), ("c",)),
        (("C#",), ("c#",)),
        (("F#",), ("f#",)),
        ((".NET", ".net"), (".net",)),
        (("net",), ("net", "hyphenated")),
        (("R", "r"), ("r",)),
        (("U-Net", "unet", "UNet", "u\u2011net"), ("hyphenated", "joined")),
        (("k-means", "kmeans", "K-Means"), ("hyphenated means", "mathematical means", "joined means")),
        (("zero-shot", "zeroshot", "zero\u2013shot"), ("apart", "with hyphen", "en dash", "run together")),
        (("dataset", "datasets", "data-set"), ("data set", "dataset")),
    ],
)
def test_every_spelling_of_a_word_finds_the_same_papers(
    searcher: Searcher, words: Sequence[str], keys: Sequence[str]
) -> None:
    others = TITLES.keys() - set(keys)
    for word in words:
        assert found(searcher, f"ti:{word}") == set(keys), word
        assert found(searcher, f"all:{word}") == set(keys), word
        assert found(searcher, f'ti:"{word}"') >= set(keys) - {"pronoun"}, word
        assert found(searcher, f"-ti:{word}") == others, word


@pytest.mark.parametrize(
    ("phrase", "keys"),
    [
        ("to be or not to be", ("hamlet",)),
        ("not to be", ("hamlet", "shuffled")),
        ("how it works", ("it",)),
        ("foret boreale", ("composed",)),
        ("zero shot", ("apart", "with hyphen", "en dash", "run together")),
        ("zeroshot parsing", ("with hyphen",)),
        ("deeper u-net variant", ("joined",)),
        ("unet for cells", ("hyphenated",)),
        ("data set of", ("data set", "dataset")),
        ("who guidelines", ("health",)),
        ("10 2 cells", ("square",)),
        ("serving LLM on phones", ("plural",)),
        ("containers in C++", ("c++",)),
        ("models in C", ()),
    ],
)
def test_phrases_find_every_word_in_order(searcher: Searcher, phrase: str, keys: Sequence[str]) -> None:
    assert found(searcher, f'"{phrase}"') == set(keys)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("LLMs", ("acronym", "plural", "small letters")),
        ("llms", ("acronym", "plural", "small letters")),
        ("IT", ("technology",)),
        ("the US elections", ("country",)),
        ("WHO", ("health",)),
        ("unet", ("hyphenated", "joined")),
        ("U-Net", ("hyphenated", "joined", "net")),
        ("kmeans", ("hyphenated means", "mathematical means", "joined means")),
        ("fore\u0302t", ("composed", "decomposed")),
        ("C++", ("c++",)),
        (".NET", (".net",)),
    ],
)
def test_the_lexical_leg_ranks_every_spelling(searcher: Searcher, text: str, keys: Sequence[str]) -> None:
    assert found(searcher, text, mode="lexical") == set(keys)


def test_the_hybrid_ranking_puts_every_spelling_first(searcher: Searcher) -> None:
    titles = [str(hit.paper.title) for hit in searcher.ask("LLM", limit=2)]
    assert set(titles) == {TITLES["acronym"], TITLES["plural"]}


def test_words_that_nothing_distinguishes_stay_apart(make_searcher: MakeSearcher) -> None:
    records: list[dict[str, object]] = [{"title": f"A neural network {number}"} for number in range(300)]
    page = make_searcher([*records, {"title": "The net work of friction"}]).ask("ti:network", limit=0)
    assert page.total == 300


@pytest.mark.parametrize("word", ["LLM", "LLMs", "llms", "llm", "LLMS"])
def test_a_long_acronym_is_one_word_in_any_spelling(make_searcher: MakeSearcher, word: str) -> None:
    """Also if no paper has the plural with a small s; of short acronyms such as GPS, many end in s."""
    others = ["A GP in the city", "GPS clocks", "Sea shells", "A CM of ice", "CMS detectors"]
    searcher = make_searcher([{"title": each} for each in ("An LLM for law", "llms for games", *others)])
    titles = {"An LLM for law", "llms for games"}
    for mode in ("lexical", "hybrid", "semantic"):
        assert {hit.paper.title for hit in searcher.ask(f"ti:{word}", mode=mode)} == titles
        assert {hit.paper.title for hit in searcher.ask(f"-{word}", mode=mode, limit=20)} == set(others)
    hits = list(searcher.ask(word, mode="lexical"))
    assert {hit.paper.title for hit in hits} == titles
    assert all(hit.highlights.title for hit in hits)
    for short, title in {"GPS": "GPS clocks", "gps": "GPS clocks", "CMS": "CMS detectors", "GP": others[0]}.items():
        assert [hit.paper.title for hit in searcher.ask(short, mode="lexical")] == [title]


def test_titles_in_capitals_have_words_and_no_acronyms(make_searcher: MakeSearcher) -> None:
    titles = ["WHO MAY USE LLMS AND WHY IT COSTS US", "WHO GUIDELINES", "US", "LLMs FOR LAW", "HOW VLMS SEE: A TEST"]
    searcher = make_searcher([{"title": each} for each in titles])
    for box, wanted in {
        "ti:WHO": [1], "ti:IT": [], "ti:US": [2], "ti:LLM": [0, 3], "llms": [0, 3], "LLM": [0, 3], "ti:vlm": [4],
        "-llms": [1, 2, 4], '"use LLMs and why"': [0], "who": [0, 1],
    }.items():  # fmt: skip
        found = {hit.paper.title for hit in searcher.ask(box, mode="lexical")}
        assert found == {titles[number] for number in wanted}, box


def test_capitals_throughout_are_no_acronyms(searcher: Searcher) -> None:
    assert found(searcher, "THE GOVERNANCE OF IT", mode="lexical") == {"technology"}
    assert found(searcher, "ti:(DATASET OF FROG)") == {"dataset"}


def test_stop_words_that_cannot_rank_are_still_required(searcher: Searcher) -> None:
    for mode in ("lexical", "semantic", "hybrid"):
        assert found(searcher, "ti:who", mode=mode) == {"health", "pronoun"}
        assert found(searcher, '"to be or not to be"', mode=mode) == {"hamlet"}


@pytest.mark.parametrize(
    ("box", "best"),
    [
        ("to be or not to be", {"hamlet", "shuffled"}),
        ("TO BE OR NOT TO BE", {"hamlet", "shuffled"}),
        ("who", {"health", "pronoun"}),
        ("how what", {"it"}),
        ("with", set()),
    ],
)
def test_a_query_of_stop_words_alone_finds_them(searcher: Searcher, box: str, best: set[str]) -> None:
    hits = list(searcher.ask(box, mode="lexical", limit=100))
    titles = {unicodedata.normalize("NFC", TITLES[key]) for key in best}
    assert {hit.paper.title for hit in hits[: len(best)]} == titles
    assert searcher.ask(box, mode="lexical", limit=0).total == len(hits)
    hybrid = {hit.paper.id: hit.lexical for hit in searcher.ask(box, limit=100)}
    for hit in hits:
        in_hybrid = hybrid[hit.paper.id]
        assert hit.lexical is not None
        assert in_hybrid is not None
        assert 0 < hit.lexical.score == pytest.approx(in_hybrid.score)


def test_the_bm25_of_stop_words_is_bounded_by_the_maximum(searcher: Searcher) -> None:
    lexicon, rows = searcher.snapshot.lexicon, np.arange(len(TITLES))
    for text in ("to be or not to be", "who", "the of a", "in the"):
        scores = lexicon.scores(text, rows)
        assert 0 < scores.max() <= lexicon.max_score(text)
        assert 0 < lexicon.coverage(text, rows).max() <= 1 + 1e-6
        found, _ = lexicon.search_reaching(text, 0.3, Rows.from_ids(rows, len(rows)))
        expected = np.flatnonzero(scores >= 0.3 * lexicon.max_score(text))
        assert set(expected.tolist()) <= set(found.tolist())


def test_a_query_without_a_word_cannot_rank(searcher: Searcher) -> None:
    with pytest.raises(InvalidValue, match="it contains no word to look up"):
        searcher.ask("?!", mode="lexical")


@pytest.mark.parametrize(
    ("box", "title", "words"),
    [
        ("unet", "U-Net for cells", ["U-Net"]),
        ("LLM phones", "Serving LLMs on phones", ["LLMs", "phones"]),
        ("foret", unicodedata.normalize("NFC", TITLES["decomposed"]), ["forêt"]),
        ("CO2 mosses", TITLES["subscript"], ["CO\u2082", "mosses"]),
        ("WHO malaria", TITLES["health"], ["WHO", "malaria"]),
        ("C++", TITLES["c++"], ["C++"]),
    ],
)
def test_every_spelling_is_highlighted(searcher: Searcher, box: str, title: str, words: list[str]) -> None:
    hit = next(hit for hit in searcher.ask(box, limit=100) if hit.paper.title == title)
    assert [title[span.start : span.end] for span in hit.highlights.title] == words


@pytest.mark.parametrize("box", ["C++ OR .NET", "(.NET OR ti:C++)", "ti:(.NET OR C++)", "all:(C++ OR .NET)"])
def test_names_of_languages_are_operands(searcher: Searcher, box: str) -> None:
    assert found(searcher, box) == {"c++", ".net"}


def test_a_name_with_a_full_stop_is_excluded(searcher: Searcher) -> None:
    assert found(searcher, "-.NET") == TITLES.keys() - {".net"}
    parts = searcher.ask(".NET OR R -ti:C++").parts
    assert [part.remaining_query for part in parts] == ["-ti:C++", "all:(.NET) OR all:R"]


letters = st.text(st.sampled_from("aeouncçéèüñôåřžïşâß\u0131\ufb01\uff41かがΩάй가각"), min_size=1, max_size=8)


@given(text=letters)
def test_composed_and_decomposed_texts_are_equal(text: str) -> None:
    forms = {normalize(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert len(forms) == 1
    assert normalize(normalize(text)) == normalize(text)


@given(text=st.text(max_size=30))
def test_normalization_is_idempotent(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)
    assert not text.isascii() or normalize(text) == text


acronyms = st.from_regex(r"[A-Z]{2,5}", fullmatch=True).filter(lambda each: each[-1] != "S")


@given(acronym=acronyms)
def test_the_plural_of_an_acronym_has_its_terms(searcher: Searcher, acronym: str) -> None:
    terms = searcher.snapshot.lexicon.terms_by_unit
    assert terms[f"{acronym}s"].ordered == terms[acronym].ordered
    assert terms[f"{acronym}s"].unordered == terms[acronym].unordered


@given(text=st.text(max_size=40))
def test_any_condition_on_text_is_evaluated(searcher: Searcher, text: str) -> None:
    for phrase in (False, True):
        condition = ContainsText(text, phrase=phrase)
        if any(map(str.isalnum, text)):
            assert len(searcher.snapshot.lexicon.rows_matching(condition)) <= len(TITLES)
        else:
            with pytest.raises(InvalidValue, match="it contains no word; add one"):
                searcher.snapshot.lexicon.rows_matching(condition)


@given(words=st.lists(st.sampled_from(sorted(TITLES.values())), min_size=1, max_size=2))
def test_decomposed_queries_have_the_answers_of_composed_ones(searcher: Searcher, words: list[str]) -> None:
    text = " ".join(words)
    composed, decomposed = (
        searcher.search(Query(unicodedata.normalize(form, text), mode="lexical")) for form in ("NFC", "NFD")
    )
    assert [hit.paper.id for hit in composed] == [hit.paper.id for hit in decomposed]
    assert [hit.highlights for hit in composed] == [hit.highlights for hit in decomposed]


ENDINGS = (
    "",
    "s",
    "ies",
    "ying",
    "ed",
    "y",
    "ility",
    "bility",
    "ation",
    "ency",
    "ator",
    "ingly",
    "fulness",
    "ical",
    "e",
)


@given(st.text(st.sampled_from("abcdefghilABDLMSYst019"), max_size=7), st.sampled_from(ENDINGS))
@example("", "dying")
@example("", "skies")
@example("proba", "bility")
@example("LLM", "s")
def test_a_word_begins_as_its_term(searcher: Searcher, word: str, ending: str) -> None:
    word = f"{word}{ending}" or "a"
    terms = searcher.snapshot.lexicon.terms_by_unit[word]
    assert all(word.lower().startswith(beginning_of(term)) for term in (*terms.ranked, *terms.unordered))


ANALYZER = create_analyzer(1_000)


@given(st.text("aZ0s-$ .,+#_N\n\u00e9\u2013\u4e2d", max_size=30))
@example("$k$-means, U-Net-s--b and C++ in .NET")
def test_the_terms_of_a_text_are_those_of_its_units(text: str) -> None:
    units = find_units(text.lower())
    assert ANALYZER.analyze_text(text.lower()) == Terms.concatenate([ANALYZER[unit] for unit in units])
