"""Comparison of indexes: asks two of them the same questions and finds what differs in their answers."""

import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean, median

from search.errors import InvalidValue, PapersError
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.counts import format_count
from search.query.query import Query
from search.query.sort import Sort
from search.searcher import Searcher

SAME_SCORE = 1e-4
"""Difference of scores up to which either order of two papers is right: float32 sums differ from 1e-6 on."""
SAME_ESTIMATE = 0.05
"""Share by which two estimated totals may differ: each is within about one per cent (``Page.total_estimated``)."""
_ORDERS: tuple[Sort, ...] = ("newest", "oldest", "citations", "added")
"""Orders of the papers whose titles become questions."""
_TITLE_WORDS = 8
"""Words of a title in a question."""
_WORD = re.compile(r"[^\W\d_]{2,}")
"""A word that is no operator of the query language, if it is in lower case."""
_SEED = 20_260
"""Seed of the drawn questions, which therefore are the same in each run."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one index answers.

    Attributes:
        ids: The public IDs of the first papers, best first.
        scores: Their scores.
        bands: Their bands.
        total: ``Page.total``.
        is_estimated: Whether the total is an estimate.
        has_close_match: ``Page.has_close_match``.
        answered_query: ``Page.answered_query``.
        seconds: How long the answer took.
        error: Why there is no answer; empty if there is one.
    """

    ids: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    bands: tuple[str | None, ...] = ()
    total: int = 0
    is_estimated: bool = False
    has_close_match: bool = True
    answered_query: str | None = None
    seconds: float = 0.0
    error: str = ""

    @classmethod
    def ask(cls, index: Searcher, question: str, limit: int) -> "Answer":
        """Asks a question; an error that the user would see is an answer."""
        start = time.perf_counter()
        try:
            page = index.ask(question, limit=limit)
        except PapersError as error:
            return cls(seconds=time.perf_counter() - start, error=str(error))
        seconds = time.perf_counter() - start
        return cls(
            tuple(hit.paper.id for hit in page),
            tuple(hit.score for hit in page),
            tuple(hit.band for hit in page),
            page.total,
            page.total_estimated,
            page.has_close_match,
            page.answered_query,
            seconds,
        )


@dataclass(frozen=True, slots=True)
class ComparedQuestion:
    """The answers of two indexes to a question.

    Attributes:
        question: The text of the search box.
        one: The answer of the first index.
        other: That of the second index.
    """

    question: str
    one: Answer
    other: Answer

    @property
    def overlap(self) -> float:
        """The share of the first papers that both have; 1 if both have none."""
        longest = max(len(self.one.ids), len(self.other.ids))
        return len(set(self.one.ids).intersection(self.other.ids)) / longest if longest else 1.0

    @property
    def has_same_order(self) -> bool:
        """Whether the papers that both have are in the same order, except for equal scores."""
        places = {paper_id: place for place, paper_id in enumerate(self.other.ids)}
        shared = [
            (score, places[each]) for each, score in zip(self.one.ids, self.one.scores, strict=True) if each in places
        ]
        return all(
            first[1] < second[1] or abs(first[0] - second[0]) <= SAME_SCORE for first, second in combinations(shared, 2)
        )

    @property
    def has_same_total(self) -> bool:
        """Whether the totals are equal; estimates may differ by SAME_ESTIMATE."""
        one, other = self.one.total, self.other.total
        is_estimated = self.one.is_estimated or self.other.is_estimated
        return abs(one - other) <= (SAME_ESTIMATE * max(one, other) if is_estimated else 0)

    @property
    def other_bands(self) -> dict[str, tuple[str | None, str | None]]:
        """The papers that both have with different bands, each with its two bands."""
        bands = dict(zip(self.other.ids, self.other.bands, strict=True))
        pairs = {each: (band, bands.get(each, band)) for each, band in zip(self.one.ids, self.one.bands, strict=True)}
        return {paper_id: pair for paper_id, pair in pairs.items() if pair[0] != pair[1]}

    def differences(self) -> Iterator[str]:
        """Yields what differs, in sentences in which the indexes are A and B."""
        one, other = self.one, self.other
        for name, here, there in (("A", one, other), ("B", other, one)):
            if missing := [each for each in here.ids if each not in there.ids]:
                yield f"only in {name}: {', '.join(missing)}"
        if not self.has_same_order:
            shared = [
                [each for each in ids if each in self.one.ids and each in self.other.ids]
                for ids in (one.ids, other.ids)
            ]
            yield f"order in A: {', '.join(shared[0])}; in B: {', '.join(shared[1])}"
        if not self.has_same_total:
            yield f"total in A: {_format_total(one)}; in B: {_format_total(other)}"
        for paper_id, (band, other_band) in self.other_bands.items():
            yield f"band of {paper_id} in A: {band or 'none'}; in B: {other_band or 'none'}"
        if one.error != other.error:
            yield f"error in A: {one.error or 'none'}; in B: {other.error or 'none'}"
        if one.has_close_match != other.has_close_match:
            yield f"close match in A: {_yes(one.has_close_match)}; in B: {_yes(other.has_close_match)}"
        if one.answered_query != other.answered_query:
            yield f"answered in A: {one.answered_query or 'as typed'}; in B: {other.answered_query or 'as typed'}"

    def to_json(self) -> dict[str, Json]:
        """Returns the question, its overlap and its differences."""
        return {"question": self.question, "overlap": round(self.overlap, 4), "differences": list(self.differences())}


@dataclass(frozen=True, slots=True)
class IndexComparison:
    """The answers of two indexes to some questions.

    Attributes:
        questions: The answers.
        limit: Papers of each answer that were compared.
        min_overlap: The mean overlap from which the indexes agree.
    """

    questions: Sequence[ComparedQuestion]
    limit: int
    min_overlap: float

    @property
    def overlap(self) -> float:
        """The mean overlap."""
        return mean(each.overlap for each in self.questions)

    @property
    def median_ms(self) -> tuple[float, float]:
        """The median time of an answer of each index, in milliseconds."""
        times = [(each.one.seconds, each.other.seconds) for each in self.questions]
        one, other = (round(1_000 * median(column), 1) for column in zip(*times, strict=True))
        return one, other

    @property
    def agrees(self) -> bool:
        """Whether the overlap is large enough, and all totals and errors are equal."""
        return self.overlap >= self.min_overlap and all(
            each.has_same_total and each.one.error == each.other.error for each in self.questions
        )

    @property
    def different(self) -> list[ComparedQuestion]:
        """The questions whose answers differ in anything."""
        return [each for each in self.questions if next(each.differences(), None)]

    def to_json(self) -> dict[str, Json]:
        """Returns the comparison as a JSON object."""
        questions = self.questions
        return {
            "questions": len(questions),
            "limit": self.limit,
            "agrees": self.agrees,
            "min_overlap": self.min_overlap,
            "overlap": round(self.overlap, 4),
            "same_order": sum(each.has_same_order for each in questions),
            "same_totals": sum(each.has_same_total for each in questions),
            "same_bands": sum(not each.other_bands for each in questions),
            "median_ms": list(self.median_ms),
            "different": [each.to_json() for each in self.different],
        }


def compare_indexes(
    one: Searcher,
    other: Searcher,
    questions: Sequence[str],
    *,
    limit: int,
    min_overlap: float,
    on_question: Callable[[int, int], None] = lambda done, questions: None,  # noqa: ARG005
) -> IndexComparison:
    """Asks two indexes the same questions; which of them is asked first alternates.

    Args:
        one: The first index.
        other: The second one.
        questions: Texts of the search box, at least one.
        limit: Papers of each answer to compare.
        min_overlap: The mean overlap from which the indexes agree, 0 to 1.
        on_question: Called with the number of questions done, and that of all.

    Raises:
        InvalidValue: There are no questions.
    """
    if not questions:
        raise InvalidValue("questions", "", "there are none; give a file with one question per line")
    for index in (one, other):
        Answer.ask(index, questions[0], limit)  # opens what the first question needs
    compared = []
    for number, question in enumerate(questions):
        first, second = (one, other) if number % 2 else (other, one)
        answers = Answer.ask(first, question, limit), Answer.ask(second, question, limit)
        compared.append(ComparedQuestion(question, *(answers if first is one else answers[::-1])))
        on_question(number + 1, len(questions))
    return IndexComparison(compared, limit, min_overlap)


def draw_questions(index: Searcher, count: int) -> list[str]:
    """Returns questions about the papers of an index: the first words of titles, three of four with a filter.

    The papers are drawn from the newest, oldest, most cited and last added ones, which every backend can list.

    Args:
        index: The index.
        count: The number of questions; of a small index there are fewer.
    """
    pages = [index.search(Query(sort=sort, limit=min(count, 1_000))) for sort in _ORDERS]
    papers = {hit.paper.id: hit.paper for page in pages for hit in page}
    order = random.Random(_SEED).sample(sorted(papers), len(papers))  # noqa: S311  not a secret
    questions = (_make_question(papers[paper_id], number) for number, paper_id in enumerate(order))
    return list(dict.fromkeys(filter(None, questions)))[:count]


def _make_question(paper: Paper, number: int) -> str:
    """Returns the first words of a paper's title, with a filter that it matches, which depends on a number."""
    words = " ".join(_WORD.findall((paper.title or "").lower())[:_TITLE_WORDS])
    filters = (
        "",
        f" cat:{paper.categories[0]}" if paper.categories else "",
        f" year:{paper.published.year}" if paper.published else "",
        f' au:"{paper.authors[0]}"' if paper.authors and '"' not in paper.authors[0] else "",
    )
    return words and words + filters[number % len(filters)]


def _format_total(answer: Answer) -> str:
    return format_count(answer.total, estimated=answer.is_estimated)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
