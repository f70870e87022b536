"""Highlights: query words, the best sentence, and corrections of misspelt words."""

from collections.abc import Mapping
from itertools import pairwise
from math import fsum

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.index.analysis import Terms, find_pieces, find_units_between
from search.index.lexicon import create_analyzer
from search.language import spelling
from search.papers.paper import Paper
from search.query.hit import Span
from search.query.query import Query
from search.ranking import highlights
from search.ranking.highlights import Highlighter, split_sentences
from search.searcher import Searcher
from strategies import MakeSearcher

PAPERS: list[dict[str, object]] = [
    {
        "title": "Compressing caches",
        "abstract": "Attention is costly (cf. Fig. 2 of A. Smith). We compress the cache of keys. Caching helps.",
    },
    {"title": "Galaxies", "abstract": "A survey of galaxies, e.g. spirals. It lists 3.5 million of them."},
]


def test_inflected_query_words_and_the_best_sentence_are_highlighted(make_searcher: MakeSearcher) -> None:
    hit = make_searcher(PAPERS).search(Query("cache compression of the keys")).hits[0]
    title, abstract = str(hit.paper.title), str(hit.paper.abstract)
    assert [title[span.start : span.end] for span in hit.highlights.title] == ["Compressing", "caches"]
    assert [abstract[span.start : span.end] for span in hit.highlights.abstract] == [
        "compress",
        "cache",
        "keys",
        "Caching",
    ]
    assert hit.highlights.sentence
    assert abstract[hit.highlights.sentence.start : hit.highlights.sentence.end] == "We compress the cache of keys."


LETTERS = {
    "title": "A k of its own, k-means",
    "abstract": "Neighbours, a.k.a. the k nearest, i.e. e and E. coli. It's S phase.",
}


def highlighted(searcher: Searcher, query: str) -> list[str]:
    """Returns the highlighted words, each with the letters around it."""
    (hit,) = searcher.search(Query(query, mode="lexical")).hits
    texts = (str(hit.paper.title), hit.highlights.title), (str(hit.paper.abstract), hit.highlights.abstract)
    return [text[max(span.start - 1, 0) : span.end + 1] for text, spans in texts for span in spans]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("k", [" k ", " k-", " k "]), ("e", [" e ", " E."]), ("s", [" S "])],
)
def test_a_letter_is_highlighted_as_a_word_of_its_own(
    make_searcher: MakeSearcher, query: str, expected: list[str]
) -> None:
    assert highlighted(make_searcher([LETTERS]), query) == expected


WORK = {"title": "Work on bees and papers", "abstract": "This paper studies how researchers work on bees."}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("who works on bees", ["bees", "bees"]),
        ("papers about bees", ["bees", "bees"]),
        ("what are people working on bees?", ["bees", "bees"]),
        ("bees papers", ["bees", "bees"]),
        ("research that studies bees", ["studies", "bees", "bees"]),
        ("paper bees", ["bees", "papers", "paper", "bees"]),
        ("paper", ["papers", "paper"]),
    ],
)
def test_words_that_ask_for_papers_or_people_are_not_highlighted(
    make_searcher: MakeSearcher, query: str, expected: list[str]
) -> None:
    found = [word.strip(" .") for word in highlighted(make_searcher([WORK]), query)]
    assert sorted(found) == sorted(expected)


TERMS_OF = create_analyzer(10_000)
WORDS = (
    *(
        "transform",
        "Transformers",
        "transforming",
        "probability",
        "dying",
        "die",
        "WHO",
        "who",
        "U-Net",
        "unet",
        "Unets",
    ),
    *("k", "$k$-means", "kmeans", "a.k.a.", "K.", "it's", "C++", "c", "F#", ".NET", "ASP.NET", "example.net", "trans"),
    *(
        "forêt",
        "foret",
        "fore\u0302t",
        "CO₂",
        "co2",
        "10²",
        "ﬁelds",
        "field",
        "Straße",
        "strasse",
        "深度学习",
        "学习",
        "カ",
    ),
    *("LLMs", "llm", "data-set", "dataset", "data–set", "set-up-cost", "x_transform", "(transform)", "Kelvin", "İk"),
)
SEPARATORS = (" ", " ", " ", "-", "$-$", "-$", "\n", ". ", ", ", "/", "–", "_", "", "\u00ad", "e.g. ", ".) ")
texts = st.lists(st.sampled_from((*WORDS, *SEPARATORS)) | st.text(max_size=3), max_size=25).map("".join)


def plain_places(text: str, weights: Mapping[str, float]) -> list[tuple[int, int, str]]:
    """Finds the query terms in a text by analyzing all of it, with the letters of abbreviations."""

    def term_of(word: str) -> str | None:
        terms = TERMS_OF[word]
        return next((term for term in terms.ranked or terms.unordered if term in weights), None)

    def is_searched(terms: Terms) -> bool:
        return not weights.keys().isdisjoint((*terms.ranked, *terms.unordered))

    units = [(start, unit) for start, unit in find_units_between(text, 0, len(text)) if is_searched(TERMS_OF[unit])]
    pieces = [(start + first, start + end, piece) for start, unit in units for first, end, piece in find_pieces(unit)]
    return [(start, end, term) for start, end, piece in pieces if (term := term_of(piece))]


def is_letter_of_abbreviation(text: str, start: int, end: int) -> bool:
    before, after = text[max(start - 2, 0) : start], text[end : end + 3]
    return (
        end - start == 1
        and text[start].isascii()
        and text[start].isalpha()
        and (
            (len(before) == 2 and before[0].isalpha() and before[1] in ".'’")
            or (len(after) > 1 and after[0] in ".'’" and after[1].isalpha() and not after[2:].isalpha())
        )
    )


@given(
    query=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), papers=st.lists(st.tuples(texts, texts), max_size=2)
)
@example(["WHO"], [("W-HO is no WHO", "ï,WHO,ï W$-$HO")])
@example(["unet"], [("A U-Net and a UNet", "U$-$Net–unet. Is it a Unet?")])
@example([".NET"], [("ASP.NET or .net", "See example.net, C#.NET")])
@settings(max_examples=120, deadline=None)
def test_places_are_those_that_an_analysis_of_all_words_finds(query: list[str], papers: list[tuple[str, str]]) -> None:
    terms = TERMS_OF.analyze_text(" ".join(query))
    weights = {term: 1.0 + place / 7 for place, term in enumerate((*terms.ranked, *terms.unordered))}
    found = Highlighter(weights, TERMS_OF).highlight([Paper(title=title, abstract=text) for title, text in papers])
    for (title, abstract), marked in zip(papers, found, strict=True):
        for text, spans in ((title, marked.title), (abstract, marked.abstract)):
            places = plain_places(text, weights)
            shown = {
                letter
                for start, end, _ in places
                if not is_letter_of_abbreviation(text, start, end)
                for letter in range(start, end)
            }
            assert {letter for span in spans for letter in range(span.start, span.end)} == shown
        assert marked.sentence == plain_best_sentence(abstract, weights)


def plain_best_sentence(text: str, weights: Mapping[str, float]) -> Span | None:
    places = [each for each in plain_places(text, weights) if not is_letter_of_abbreviation(text, *each[:2])]
    sentences = split_sentences(text)
    scores = [
        fsum(weights[term] for term in {term for start, _, term in places if each.start <= start < each.end})
        for each in sentences
    ]
    return sentences[scores.index(max(scores))] if any(scores) else None


def test_nothing_is_highlighted_without_a_query_word(make_searcher: MakeSearcher) -> None:
    for hit in make_searcher(PAPERS).search(Query("zyzzyva")).hits:
        assert (hit.highlights.title, hit.highlights.abstract, hit.highlights.sentence) == ((), (), None)


def test_abbreviations_and_numbers_do_not_end_a_sentence() -> None:
    for paper, expected in zip(PAPERS, (3, 2), strict=True):
        text = str(paper["abstract"])
        sentences = split_sentences(text)
        assert len(sentences) == expected
        assert " ".join(text[span.start : span.end] for span in sentences) == text


@given(text=st.text(max_size=300) | st.text(alphabet="aB. !?()\n0\"'[]", max_size=300))
@example("It holds (as shown.) We prove it.")
@settings(max_examples=300, deadline=None)
def test_sentences_cover_all_text_in_order(text: str) -> None:
    spans = split_sentences(text)
    assert "".join("".join(text[span.start : span.end].split()) for span in spans) == "".join(text.split())
    assert all(before.end <= after.start for before, after in pairwise(spans))


SENTENCE_PIECES = (". ", "! ", "? ", ".", ".) ", '." ', "A", "3.5", "e.g", "al", "et ", "Fig", "cf", "b", " ", "(", "$")


@given(st.lists(st.sampled_from(SENTENCE_PIECES), max_size=20).map("".join))
def test_sentences_end_where_the_pattern_matches(text: str) -> None:
    ends = [match.end(1) for match in highlights._SENTENCE_END.finditer(text, len(text) - len(text.lstrip()))]
    sentences = [span.end for span in split_sentences(text)]
    assert sentences == ([*ends, len(text)] if text[ends[-1] if ends else 0 :].strip() else ends)


@pytest.mark.parametrize(
    ("query", "correction"),
    [
        ("atention", "attention"),
        ("galxay spectrum", "galaxy spectrum"),
        ("Compresion au:zhou", "Compression au:zhou"),
        ("spetcrum -cache", "spectrum -cache"),
        ("attention", None),
        ("GPT4 KLX", None),
        ("an unheard of thing", None),
    ],
)
def test_a_misspelt_word_gets_a_suggestion(random_searcher: Searcher, query: str, correction: str | None) -> None:
    assert random_searcher.ask(query, Query()).correction == correction


@given(
    word=st.text(alphabet="abcdef", min_size=1, max_size=6), other=st.text(alphabet="abcdef", min_size=1, max_size=6)
)
def test_single_edits_are_the_words_at_distance_one(word: str, other: str) -> None:
    assert (other in set(spelling.single_edits(word)) - {word}) == (_edit_distance(word, other) == 1)


def _edit_distance(one: str, two: str) -> int:
    """Edit distance with transpositions of neighbours, by dynamic programming."""
    table = [[max(i, j) if not (i and j) else 0 for j in range(len(two) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(two) + 1):
            cost = one[i - 1] != two[j - 1]
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + cost)
            if i > 1 and j > 1 and one[i - 1] == two[j - 2] and one[i - 2] == two[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]
