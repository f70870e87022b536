"""Refinements: what a question is offered, what it is not, and that an offer means what it says."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fake_embedder import FakeEmbedder
from oracle import matches
from sample import ROOT
from search.errors import InvalidValue, PaperNotFound
from search.language.parser import parse_query
from search.language.prose_filters import find_prose_filters
from search.language.stop_words import STOP_WORDS
from search.papers.paper import Paper
from search.query.condition import AllOf, Condition
from search.query.page import Page
from search.query.query import Query
from search.query.refinement import Refinement
from search.refinements.acronyms import find_senses
from search.refinements.phrase_counts import count_phrases
from search.refinements.related import RELATED_TUNING, find_phrases
from search.searcher import Searcher
from search.themes.cache import ThemeCache
from strategies import AUTHOR_MATCHES, QUERY_FRAGMENTS, WORDS, MakeSearcher

Records = list[dict[str, object]]
TYPO = "recomendation"
TODAY = date(2026, 11, 25)
"""The day of the examples in the documentation."""
LANGUAGE_DOC = (ROOT / "docs" / "query-language.md").read_text("utf-8")
OFFERS = re.findall(r"^\| `([^|]+?)` \| `([^|]+?)`(, newest first)? \|$", LANGUAGE_DOC, re.MULTILINE)
PROSE_OFFERS = [offer for offer in OFFERS if re.search(r"20\d\d|last|recent|survey|dataset|not", offer[0])]


def paper(title: str, abstract: str = "", authors: Iterable[str] = (), published: str = "2024") -> dict[str, object]:
    return {"title": title, "abstract": abstract or title, "authors": list(authors), "published": published}


def offers(page: Page, kind: str) -> dict[str, Refinement]:
    """Returns the refinements of a kind by their query."""
    return {each.query: each for each in page.refinements if each.kind == kind}


@pytest.fixture(scope="module")
def library(make_searcher: MakeSearcher) -> Searcher:
    """Papers of two senses of SAM, one person, another person named like a subject, and other subjects."""
    people = {0: ["Chelsea Finn"], 1: ["Chelsea Finn", "M. Lee"], 2: ["C. Finn"], 3: ["Gaussian Process"]}
    records: Records = [
        paper(f"{WORDS[n % 12]} {WORDS[n % 7]} study {n}", authors=people.get(n, ()), published=str(2010 + n % 10))
        for n in range(60)
    ]
    records += [paper(f"Gaussian process kernels {n}", "We fit a Gaussian process to data.") for n in range(4)]
    records += [
        paper(f"Promptable masks {n}", "We adapt the Segment Anything Model (SAM) to scans. SAM needs prompts.")
        for n in range(5)
    ]
    records += [
        paper(f"Flat minima {n}", f"{name} (SAM) finds flat minima of the loss.")
        for n, name in enumerate(["Sharpness-Aware Minimization", "sharpness aware minimizer"] * 2)
    ]
    records += [
        paper("Ground games", "A surface to air missile (SAM) follows a target."),
        paper("The sky survey of us"),
    ]
    records += [paper(f"A loom of numbers {n}", authors=["Ada Lovelace"]) for n in range(2)]
    records += [paper("Ada Lovelace", "Letters of Ada Lovelace.")]
    records += [paper(f"Radio sky survey {n}", f"A sky survey of {WORDS[n]} galaxies.") for n in range(4)]
    records += [paper("A survey of lattices"), paper("A benchmark for proofs", published="2025")]
    return make_searcher(records)


@pytest.mark.parametrize(("question", "query", "newest"), PROSE_OFFERS)
def test_the_filters_of_the_documentation_are_found(question: str, query: str, newest: str) -> None:
    found = {f"{each.words} {each.condition}".strip(): each.sort for each in find_prose_filters(question, TODAY)}
    assert found == {query: "newest" if newest else None}


def test_the_documentation_has_offers_of_every_kind() -> None:
    assert len(PROSE_OFFERS) == 8
    assert len(OFFERS) >= 9


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("papers from 2020 to 2022 on caches", "papers on caches year:2020-2022"),
        ("caches between 2020 and 2022", "caches year:2020-2022"),
        ("caches published after 2020", "caches date:>2020"),
        ("caches before 2020", "caches date:<2020"),
        ("caches until 2020", "caches date:<=2020"),
        ("caches from 2020 on", "caches date:>=2020"),
        ("caches in the past three months", "caches date:3m"),
        ("caches over the last 2 years", "caches date:2y"),
        ("caches this year", "caches date:this-year"),
        ("papers of Sept. 2025 on caches", "papers on caches date:2025-09"),
        ("literature review on caches", "caches kind:survey"),
        ("cache compression survey papers", "cache compression kind:survey"),
        ("caches, excluding key values", 'caches -"key values"'),
        ("caches other than attention", "caches -attention"),
    ],
)
def test_more_filters_in_prose(question: str, query: str) -> None:
    (found,) = find_prose_filters(question, TODAY)
    assert f"{found.words} {found.condition}" == query
    parsed = parse_query(query, today=TODAY)
    assert parsed.condition == found.requirement or found.condition.startswith("-")
    assert found.words in parsed.text


@pytest.mark.parametrize(
    "question",
    [
        "caches of 4096 tokens",
        "the year 2050",
        "caches from 2022 to 2020",
        "the last year of life",
        "most recent common ancestor",
        "new physics",
        "peer reviews",
        "dataset distillation",
        "MNIST dataset",
        "survey",
        "why is attention not explanation",
        "not all samples are equal",
        "whether or not",
        "attention is not all you need",
    ],
)
def test_prose_that_is_no_filter(question: str) -> None:
    assert not list(find_prose_filters(question, TODAY))


def test_the_words_of_a_term_are_no_filter(library: Searcher) -> None:
    assert not offers(library.ask("radio sky survey"), "filter")
    assert offers(library.ask("lattice survey"), "filter").keys() == {"lattice kind:survey"}


def test_a_filter_is_offered_only_if_it_selects_some_papers(library: Searcher) -> None:
    assert offers(library.ask("lattice 2012"), "filter").keys() == {"lattice year:2012"}
    assert not offers(library.ask("lattice 1999"), "filter")
    assert not offers(library.ask("lattice since 1960"), "filter")
    assert not offers(library.ask("lattice but not zyzzyva"), "filter")


def test_doing_without_something_is_no_exclusion(make_searcher: MakeSearcher) -> None:
    records = [paper(f"Anchor-free detection {n}", "We detect objects without anchors.") for n in range(4)]
    records += [paper(f"Masks {n}", "Objects have masks. A lattice of anchors.") for n in range(20)]
    searcher = make_searcher(records)
    assert not offers(searcher.ask("objects without anchors"), "filter")
    assert offers(searcher.ask("objects without masks"), "filter").keys() == {"objects -masks"}


prose_dates = st.sampled_from(["2024", "in 2025", "since 2025", "before 2025", "between 2023 and 2024"])
prose_words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)


@given(words=prose_words, when=prose_dates, condition=st.sampled_from(["", " cat:cs", " au:Zhou", " -cat:cs.IR"]))
def test_an_accepted_filter_ranks_the_other_words_and_keeps_all_conditions(
    random_searcher: Searcher, random_papers: list[Paper], words: str, when: str, condition: str
) -> None:
    page = random_searcher.ask(f"{words} {when}{condition}")
    (offer,) = (each for each in page.refinements if "Published" in each.label)
    parsed = parse_query(offer.query, today=date.today())
    assert parsed.text == words
    assert parsed.condition is not None
    accepted = random_searcher.ask(offer.query, limit=1_000, verbatim=True)
    assert {hit.paper.id for hit in accepted} == {
        each.id for each in random_papers if matches(each, parsed.condition, AUTHOR_MATCHES)
    }
    assert not any("Published" in each.label for each in accepted.refinements)
    assert not condition or condition.strip(" -").split(":")[-1] in accepted.interpretation


def test_a_full_name_is_offered_with_its_papers(library: Searcher) -> None:
    page = library.ask("chelsea finn", verbatim=True)
    assert page.refinements == (Refinement("author", "Papers by Chelsea Finn", 'au:"chelsea finn"', papers=3),)
    by = offers(library.ask("cache study by Chelsea Finn", verbatim=True), "author")
    assert by.keys() == {'cache study au:"Chelsea Finn"'}


@pytest.mark.parametrize("question", ["Finn", "Chelsea", "C. Finn", "Chelsea Finnegan", "M Lee", "Gaussian Process"])
def test_what_is_no_full_name_or_a_subject_is_not_offered_as_an_author(library: Searcher, question: str) -> None:
    assert not offers(library.ask(question, verbatim=True), "author")
    assert library.ask(question).answered_query is None


def test_each_word_of_a_name_needs_its_own_word(make_searcher: MakeSearcher) -> None:
    searcher = make_searcher([paper(f"Caches {n}", authors=["Fei Li"]) for n in range(3)])
    assert not offers(searcher.ask("Fei-Fei Li", verbatim=True), "author")
    assert offers(searcher.ask("Fei Li", verbatim=True), "author")


def test_the_papers_of_an_author_are_shown_if_nothing_is_close_to_the_name(library: Searcher) -> None:
    typed = library.ask("Chelsea Finn", verbatim=True)
    assert not typed.has_close_match
    page = library.ask("Chelsea Finn")
    assert page.answered_query == 'au:"Chelsea Finn"'
    assert {hit.paper.id for hit in page} == {hit.paper.id for hit in library.ask('au:"Chelsea Finn"')}
    assert len(page) == 3


def test_the_senses_of_an_acronym_are_offered(library: Searcher) -> None:
    expected = {"Segment Anything Model (SAM)": 5, "Sharpness-Aware Minimization (SAM)": 4}
    for question in ("SAM", "SAMs"):
        senses = offers(library.ask(question), "sense")
        assert {query: sense.papers for query, sense in senses.items()} == expected
    assert offers(library.ask("sam"), "sense").keys() == {query.replace("SAM", "sam") for query in expected}
    accepted = library.ask("Segment Anything Model (SAM)")
    assert not offers(accepted, "sense")
    assert str(accepted.hits[0].paper.title).startswith("Promptable")


def test_beside_other_words_only_the_senses_of_the_nearest_papers_are_offered(library: Searcher) -> None:
    both = offers(library.ask("SAM prompts and minima year:2024"), "sense")
    assert both.keys() == {
        "Segment Anything Model (SAM) prompts and minima year:2024",
        "Sharpness-Aware Minimization (SAM) prompts and minima year:2024",
    }
    for question in ("sam prompts and minima", "SAM PROMPTS", "lattice", "the", "NASA"):
        assert not offers(library.ask(question), "sense"), question


long_forms = st.lists(st.sampled_from("bdgkp"), min_size=2, max_size=5).map(
    lambda found: [f"{first}ason" for first in found]
)


@given(words=long_forms, before=st.lists(st.sampled_from(["we", "use", "the"]), max_size=3), hyphens=st.booleans())
def test_a_long_form_of_initials_is_found(words: list[str], before: list[str], hyphens: bool) -> None:
    acronym, form = "".join(word[0] for word in words).upper(), ("-" if hyphens else " ").join(words)
    texts = [f"A title. {' '.join(before)} {form} ({acronym}{'s' * (n % 2)}) works." for n in range(3)]
    found = list(find_senses(texts, acronym).values())
    assert len(found) == 1
    assert form.endswith(found[0])
    assert not find_senses(texts[:2], acronym)


@pytest.mark.parametrize(
    "text", ["It (SAM) works.", "no such thing (SAM)", "Sam (SAM)", "a sum. Anything Model (SAM)", "the model (SAM)"]
)
def test_what_is_no_long_form(text: str) -> None:
    assert not find_senses([text] * 3, "SAM")


def test_related_phrases_are_offered_where_few_hits_are_strong(make_searcher: MakeSearcher) -> None:
    records = [paper(f"Chatbot answers {n}", "Chatbot. Hallucination detection.") for n in range(8)]
    records += [paper(f"{WORDS[n % 12]} {WORDS[n % 7]} {WORDS[n % 5]} {n}") for n in range(300)]
    searcher = make_searcher(records)
    page = searcher.ask("chatbot answers zyzzyva year:2024")
    assert "hallucination detection year:2024" in offers(page, "related")
    assert not offers(searcher.ask("chatbot answers"), "related")
    assert not offers(searcher.ask("zyzzyva"), "related")


texts = st.lists(
    st.lists(st.sampled_from([*WORDS[:6], "the", ".", "model", "x"]), max_size=12).map(" ".join), max_size=25
)


@given(texts=texts, known=st.sets(st.sampled_from(WORDS[:6])))
def test_phrases_are_frequent_in_the_texts_and_new(
    random_searcher: Searcher, texts: list[str], known: set[str]
) -> None:
    lexicon = random_searcher.snapshot.lexicon
    terms = {term for word in known for term in lexicon.terms(word)}
    found = find_phrases(texts, lexicon, 1_000_000, terms)
    assert len(found) <= RELATED_TUNING.max_phrases
    assert len(set(found)) == len(found)
    for phrase in found:
        assert 1 <= len(phrase.split()) <= 3
        assert sum(f" {phrase} " in f" {text} " for text in texts) >= RELATED_TUNING.min_papers
        assert set(lexicon.terms(phrase)) - terms
        assert not {"the", "."} & set(phrase.split())


def plain_phrases(text: str) -> set[tuple[str, ...]]:
    """Returns the sequences of up to three words of a text that no mark and no stop word interrupts."""
    for mark in ".,;:()[]!?\"'’“”$/":
        text = text.replace(mark, f" {mark} ")
    words = text.split()
    phrases = {tuple(words[start : start + length]) for start in range(len(words)) for length in (1, 2, 3)}
    word = re.compile("(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
    return {each for each in phrases if all(word.fullmatch(part) and part not in STOP_WORDS for part in each)}


ODD_WORDS = (
    "the",
    "of",
    ".",
    ",",
    "’",
    "“",
    "$k$",
    "(x)",
    "3",
    "w2",
    "naïve",
    "深度",
    "e=mc",
    "\u00a0",
    "\x1c",
    "b-c",
    "-b",
)
odd_words = st.sampled_from([*ODD_WORDS, "a-", "abcdefgh", "abcdefghi", "k" * 64, "k" * 65])
odd_texts = st.lists(st.sampled_from(WORDS[:4]) | odd_words | st.text(max_size=4), max_size=15).map(" ".join)


@given(texts=st.lists(odd_texts, max_size=25), min_texts=st.integers(1, 4))
def test_phrases_are_counted_once_in_each_text(texts: list[str], min_texts: int) -> None:
    texts = [text.lower().replace("\0", " ") for text in texts]
    found = [plain_phrases(text) for text in texts]
    words = Counter(each for some in found for each in some)
    frequent = {each for each, count in words.items() if len(each) == 1 and count >= min_texts and len(each[0]) <= 64}
    expected = {each: n for each, n in words.items() if n >= min_texts and all((part,) in frequent for part in each)}
    assert count_phrases(texts, min_texts) == expected


@pytest.fixture(scope="module")
def misspelt(make_searcher: MakeSearcher) -> Searcher:
    records = [paper(f"Recommendation of songs {n}", "We recommend songs to listeners.") for n in range(30)]
    return make_searcher(records + [paper(f"{WORDS[n % 12]} {WORDS[n % 7]} {n}") for n in range(90)])


def test_the_correction_is_answered_if_only_that_is_close(misspelt: Searcher) -> None:
    typed = misspelt.ask("recomendation", verbatim=True)
    assert (typed.has_close_match, typed.correction, typed.answered_query) == (False, "recommendation", None)
    page, corrected = misspelt.ask("recomendation"), misspelt.ask("recommendation")
    assert page.answered_query == page.correction == "recommendation"
    assert (page.hits, page.interpretation) == (corrected.hits, corrected.interpretation)


def test_whether_a_name_is_answered_by_its_papers_depends_on_no_page(library: Searcher) -> None:
    first = library.ask("Ada Lovelace", limit=3)
    assert (first[0].paper.title, first[0].band, first.answered_query) == ("Ada Lovelace", "strong", None)
    following = library.ask("Ada Lovelace", limit=3, cursor=first.cursor)
    assert len(following) == 3
    assert not any(hit.band == "strong" for hit in following)
    for page in (following, library.ask("Ada Lovelace", limit=0), library.ask("Ada Lovelace", sort="oldest")):
        assert page.answered_query is None


@pytest.mark.parametrize("name", ["ask", "relevant", "themes", "trends", "people", "map"])
def test_each_text_is_embedded_once_whatever_follows_from_its_answer(misspelt: Searcher, name: str) -> None:
    session = misspelt.session()
    embedder = session.embedders.get(session.snapshot.model)
    assert isinstance(embedder, FakeEmbedder)
    for box, texts in (("songs to listeners", ["songs to listeners"]), (TYPO, [TYPO, "recommendation"])):
        before = len(embedder.texts)
        getattr(replace(session, theme_cache=ThemeCache()), name)(box)
        assert embedder.texts[before:] == texts


def test_a_theme_of_an_answer_needs_no_further_embedding(misspelt: Searcher) -> None:
    session = replace(misspelt.session(), theme_cache=ThemeCache())
    embedder = session.embedders.get(session.snapshot.model)
    assert isinstance(embedder, FakeEmbedder)
    label = next(iter(session.themes(TYPO))).label
    before = len(embedder.texts)
    page = session.ask(TYPO, theme=label)
    assert (page.answered_query, embedder.texts[before:]) == ("recommendation", [TYPO, "recommendation"])


def test_stop_words_are_not_corrected(make_searcher: MakeSearcher) -> None:
    searcher = make_searcher([{"title": f"Every galaxy {number}"} for number in range(30)])
    assert searcher.ask("very galaxy").correction is None
    assert searcher.ask("evry galaxy").correction == "every galaxy"


def test_a_close_query_is_never_replaced(misspelt: Searcher) -> None:
    page = misspelt.ask("songs for listeners recomendation")
    assert page.has_close_match
    assert page.answered_query is None
    assert page.correction == "songs for listeners recommendation"
    assert misspelt.ask("zyzzyva qwertyuiop").answered_query is None


def test_the_pages_of_an_answered_correction_follow_each_other(misspelt: Searcher) -> None:
    seen, cursor = [], ""
    while True:
        page = misspelt.ask("recomendation", limit=50, cursor=cursor)
        assert page.answered_query == "recommendation"
        assert not (cursor and page.refinements)
        seen += [hit.paper.id for hit in page]
        if not page.cursor:
            break
        cursor = page.cursor
    assert seen == [hit.paper.id for hit in misspelt.ask("recommendation", limit=200)]
    with pytest.raises(InvalidValue, match="another query"):
        misspelt.ask("galaxy", cursor=cursor)


def test_only_the_first_page_has_refinements(library: Searcher) -> None:
    first = library.ask("lattice 2012", limit=5)
    second = library.ask("lattice 2012", limit=5, cursor=first.cursor)
    assert first.refinements
    assert not second.refinements


def conjuncts(condition: Condition | None) -> list[Condition]:
    """Returns the conditions that a condition requires together."""
    if isinstance(condition, AllOf):
        return [each for part in condition.parts for each in conjuncts(part)]
    return [condition] if condition else []


boxes = st.lists(st.sampled_from([*QUERY_FRAGMENTS, *WORDS, "since 2024", "not", "survey", "by", "SAM"]), max_size=6)


@given(box=boxes.map(" ".join))
@example(box="( since 2024")
@example(box="(?:a+)+$ since 2024")
def test_every_offer_is_a_valid_query_that_keeps_the_conditions(random_searcher: Searcher, box: str) -> None:
    try:
        page = random_searcher.ask(box, Query(verbatim=True))
    except (InvalidValue, PaperNotFound):
        return
    parsed = parse_query(box.strip("\0 "), today=date.today())
    for offer in page.refinements:
        accepted = parse_query(offer.query, today=date.today())
        assert accepted.kind == "question"
        assert set(conjuncts(parsed.condition)) <= set(conjuncts(accepted.condition)), offer.query


def test_offers_do_not_depend_on_the_order_of_hashes() -> None:
    script = (
        "from types import SimpleNamespace as Lexicon\n"
        "from collections import defaultdict\n"
        "from search.refinements.related import find_phrases\n"
        "term_by_word = defaultdict(lambda: 'hole')\n"
        "lexicon = Lexicon(term_by_word=term_by_word, inflected_doc_freq=lambda word: 1, read_words=list)\n"
        "print(find_phrases(['relation relations'] * 9, lexicon, 1000, set()))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, env={**env, "PYTHONHASHSEED": str(seed)}
        ).stdout
        for seed in range(4)
    }
    assert len(outputs) == 1
