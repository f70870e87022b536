"""Posting lists and BM25 compared with a plain computation, after any history of additions and replacements."""

import math
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.index.analysis import Terms
from search.index.bm25 import LENGTHS, encode, score_table
from search.index.term_postings import ABSTRACT, TEXT, TITLE, TermPostings, open_segments
from search.index.term_postings_writer import TermPostingsBuilder, TermPostingsTuning
from search.index.text_scores import TextScores
from search.rows import Rows

K1, B = 1.2, 0.75
WORDS = ("cache", "cached", "galaxy", "llm", "llms", "proof", "ø", "éclair", "鿏", ".net", "the", "of", "to")
STOP_WORDS = {"the", "of", "to"}
TERMS = (*(word for word in WORDS if word not in STOP_WORDS), "llm|llms", " the", " of", "absent")
"""Terms of queries: words, two forms of an acronym, and stop words with their mark."""
words = st.lists(st.sampled_from(WORDS), max_size=12).map(tuple)
texts = st.lists(st.sampled_from(TERMS), min_size=1, max_size=5)
sizes = st.builds(
    TermPostingsTuning, max_fragments=st.integers(1, 60), max_merged=st.integers(1, 40), merge_factor=st.integers(1, 4)
)


@dataclass(frozen=True)
class Text:
    """A paper: the words of its title and abstract."""

    title: tuple[str, ...]
    abstract: tuple[str, ...]

    def add_to(self, builder: TermPostingsBuilder, row: int) -> None:
        """Adds the paper in fragments of two words."""
        title, abstract = (
            [
                builder.add_fragment(Terms(some, tuple(word for word in some if word not in STOP_WORDS), (), some))
                for some in (words[start : start + 2] for start in range(0, len(words), 2))
            ]
            for words in (self.title, self.abstract)
        )
        builder.add(row, title, abstract)

    def field(self, field: int) -> list[str]:
        """Returns the words that a field has in the order of TEXT, TITLE, ABSTRACT."""
        ranked = [word for word in (*self.title * 2, *self.abstract) if word not in STOP_WORDS]
        return (ranked, list(self.title), list(self.abstract))[field]


@dataclass(frozen=True)
class Publish:
    """New papers, and the places of earlier ones, by the number of papers, that they replace."""

    papers: list[Text]
    replaced: list[float]


publishes = st.lists(
    st.builds(
        Publish,
        st.lists(st.builds(Text, words, words), max_size=6),
        st.lists(st.floats(0, 1, exclude_max=True), max_size=3),
    ),
    min_size=1,
    max_size=5,
)


def write_history(folder: Path, history: list[Publish], tuning: TermPostingsTuning) -> tuple[dict[int, Text], Path]:
    """Writes one generation per publish, and returns the live papers by row and the last generation."""
    live: dict[int, Text] = {}
    replaced: list[int] = []
    rows, last = 0, None
    for number, publish in enumerate(history):
        builder = TermPostingsBuilder(folder / str(number), last, tuning)
        replaced = sorted({*replaced, *(int(place * rows) for place in publish.replaced if rows)})
        builder.remove(replaced, lambda rows: [{*live[row].title, *live[row].abstract} for row in rows])
        for row in replaced:
            live.pop(row, None)
        for paper in publish.papers:
            paper.add_to(builder, rows)
            live[rows] = paper
            rows += 1
        builder.save()
        last = folder / str(number)
    assert last
    return live, last


def bm25(papers: Mapping[int, Text], term: str) -> dict[int, float]:
    """Returns the BM25 of each paper that has a term of a query, computed paper by paper."""
    best: dict[int, float] = {}
    for word, field in places(term):
        with_word = {row: paper.field(field).count(word) for row, paper in papers.items()}
        doc_freq = sum(count > 0 for count in with_word.values())
        mean = sum(len(paper.field(field)) for paper in papers.values()) / max(len(papers), 1)
        idf = math.log(1 + (len(papers) - doc_freq + 0.5) / (doc_freq + 0.5))
        for row, count in with_word.items():
            if count:
                length = len(papers[row].field(field))
                score = idf * count * (K1 + 1) / (count + K1 * (1 - B + B * length / mean))
                best[row] = max(best.get(row, 0.0), score)
    return best


def places(term: str) -> Iterator[tuple[str, int]]:
    if term.startswith(" "):
        yield from ((term[1:], TITLE), (term[1:], ABSTRACT))
    else:
        yield from ((form, TEXT) for form in term.split("|"))


@given(history=publishes, tuning=sizes, terms=texts, k=st.integers(1, 12), data=st.data())
@settings(max_examples=40, deadline=None)
def test_scores_are_those_of_a_plain_computation(
    history: list[Publish], tuning: TermPostingsTuning, terms: list[str], k: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        papers, last = write_history(Path(folder), history, tuning)
        postings = TermPostings.open(last)
    universe = sum(len(publish.papers) for publish in history)
    chosen = data.draw(st.lists(st.booleans(), min_size=universe, max_size=universe))
    rows = Rows.from_mask(np.array([row in papers and keep for row, keep in enumerate(chosen)], bool))
    counts = Counter(terms)
    scores = TextScores(postings, universe, lambda _text: counts)
    of_terms = {term: bm25(papers, term) for term in counts}
    expected = np.zeros(universe)
    for term, count in counts.items():
        for row, score in of_terms[term].items():
            expected[row] += count * score
    assert postings.papers == len(papers)
    assert postings.rows().tolist() == sorted(papers)
    assert scores.scores("") == pytest.approx(expected, rel=1e-5)
    assert ((scores.scores("") > 0) == (expected > 0)).all()
    matching = [row for row in rows if expected[row] > 0]
    ranked = scores.top_k("", k, rows)
    assert len(ranked.rows) == len(set(ranked.rows.tolist())) == min(k, len(matching))
    assert set(ranked.rows.tolist()) <= set(matching)
    assert ranked.complete == (len(matching) <= k)
    assert ranked.scores == pytest.approx(sorted(expected[matching], reverse=True)[:k], rel=1e-5)
    least = data.draw(st.floats(0.01, 5))
    found, reached = scores.reaching("", least, rows)
    assert set(found.tolist()) >= {row for row in matching if expected[row] >= least * 1.001}
    assert set(found.tolist()) <= {row for row in matching if expected[row] >= least * 0.999}
    assert reached == pytest.approx(expected[found], rel=1e-5)
    weights = {term: weight for weight, term in enumerate(counts, 1)}
    covered = [sum(weights[term] for term in counts if row in of_terms[term]) for row in range(universe)]
    assert scores.coverage(weights, np.arange(universe)).tolist() == covered


@given(history=publishes, tuning=sizes)
@settings(max_examples=25, deadline=None)
def test_postings_do_not_depend_on_the_history(history: list[Publish], tuning: TermPostingsTuning) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        papers, last = write_history(folder, history, tuning)
        builder = TermPostingsBuilder(folder / "at once")
        for row, paper in papers.items():
            paper.add_to(builder, row)
            if row % 3 == 0:
                builder.forget_fragments()
        builder.save()
        postings, at_once = TermPostings.open(last), TermPostings.open(folder / "at once")
        terms = {term for _, segment in open_segments(last) for term in segment.all_terms()}
        assert terms == {term for _, segment in open_segments(folder / "at once") for term in segment.all_terms()}
    for word in WORDS:
        assert postings.written_freq(word) == sum(word in (*text.title, *text.abstract) for text in papers.values())
        for field in (TEXT, TITLE, ABSTRACT):
            assert all_postings(postings, word, field) == all_postings(at_once, word, field)
            assert (postings.scores(field) == at_once.scores(field)).all()


def all_postings(postings: TermPostings, term: str, field: int) -> list[tuple[int, int]]:
    """Returns row and code of each posting of a term."""
    lists = postings.lists(term, field)
    return [each for rows, codes in lists for each in zip(rows.tolist(), codes.tolist(), strict=True)]


def test_segments_without_replaced_papers_are_linked(tmp_path: Path) -> None:
    paper = Text(("galaxy",), ("proof", "the"))

    def words_of(rows: Sequence[int]) -> list[set[str]]:
        return [{*paper.title, *paper.abstract} for _ in rows]

    first = TermPostingsBuilder(tmp_path / "1")
    for row in range(40):
        paper.add_to(first, row)
    first.save()
    second = TermPostingsBuilder(tmp_path / "2", tmp_path / "1")
    paper.add_to(second, 40)
    second.save()
    before = {path.name: path.stat().st_ino for path in (tmp_path / "1").iterdir()}
    after = {path.name: path.stat().st_ino for path in (tmp_path / "2").iterdir()}
    assert before.items() <= after.items()
    assert len(after) == 2 * len(before)
    third = TermPostingsBuilder(tmp_path / "3", tmp_path / "2")
    assert third.remove([3, 99], words_of) == [3]
    third.save()
    assert TermPostings.open(tmp_path / "3").doc_freq("galaxy", TEXT) == 40
    assert TermPostings.open(tmp_path / "3").written_freq("the") == 40
    assert not before.keys() & {path.name for path in (tmp_path / "3").iterdir()}
    fourth = TermPostingsBuilder(tmp_path / "4", tmp_path / "3")
    fourth.remove(range(41), words_of)
    fourth.save()
    assert not list((tmp_path / "4").iterdir())
    assert len(TermPostings.open(tmp_path / "4").rows()) == 0


@given(count=st.integers(1, 100_000), length=st.integers(0, 2**31 - 1))
def test_a_code_keeps_frequency_and_rounds_the_length_down(count: int, length: int) -> None:
    (code,) = encode(np.array([count]), np.array([length])).tolist()
    assert code >> 8 == min(count, 255)
    known = int(LENGTHS[code & 255])
    assert known <= length
    assert length == known if length <= 40 else length < 1.125 * known + 1


def test_the_table_has_the_score_of_each_code() -> None:
    table = score_table(120.0)
    for count, length in ((1, 10), (3, 200), (255, 5_000)):
        (code,) = encode(np.array([count]), np.array([length])).tolist()
        known = int(LENGTHS[code & 255])
        assert table[code] == pytest.approx(count * (K1 + 1) / (count + K1 * (1 - B + B * known / 120.0)), rel=1e-6)
