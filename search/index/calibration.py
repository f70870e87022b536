"""Confidence: how close a hit is, in words that hold on any index, and whether anything is close at all.

Cosines mean nothing by themselves: with one model .4 is near, with another it is what any two papers have. So each
index is its own yardstick, measured when it is published. Where to cut a ranked list follows from the scores of what
does not answer (Arampatzis, Kamps and Robertson, "Where to stop reading a ranked list?", SIGIR 2009, who model their
distribution; here it is sampled). Titles stand in for questions, since both are short and name a subject; a title and
another paper drawn at random are what chance gives.

A hit is ``related`` if one random pair in 50 is as close, ``strong`` if one in 500 is, or if it is as close as titles
are to their own papers. Words have a scale of their own, for names that no embedding knows: a hit has a share of the
highest BM25 there could be (``Lexicon.highest``).
"""

from dataclasses import dataclass, replace
from math import floor
from typing import TYPE_CHECKING, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from search.papers.paper import Paper
from search.query.page import Band
from search.query.query import is_abstract_length
from search.rows import Rows

if TYPE_CHECKING:
    from search.vectors.vectors import VectorIndex

RELATED_QUANTILE, STRONG_QUANTILE = 0.98, 0.998
"""Shares of random pairs that are less close than a related, and than a strong hit."""
OWN_TITLE_QUANTILE = 0.05
"""Share of titles that are less close to their own paper than what is strong in any case."""
NO_MATCH_QUANTILE = 0.05
"""Share of the index's own titles, asked of the other papers, that may be told that nothing is close."""
MIN_RELATED_HITS = 5
"""Related hits that are an answer together, though none of them is strong; of few papers fewer: one in a hundred."""
SINGLE_OCCURRENCE_SHARE, TITLE_OCCURRENCE_SHARE = 1 / 2.2, 2 / 3.2
"""Shares of the highest BM25 of a paper of mean length that holds every word of the question once, and in its title,
which counts twice: n / (n + k1), k1 = 1.2. They are what makes a hit related and strong by its words."""
_PROBE_COUNT, _PAIRS_PER_PROBE = 256, 4_096
"""Titles asked, and papers that each is paired with; from draw to draw a scale then varies by .005 (deviation)."""
_LIMIT_RESOLUTION = 10_000
"""Limits are kept to so many parts, rounded down, so that a score equal to one but for rounding reaches it."""


class ThresholdsJson(TypedDict):
    """A ``Scale`` as it is written."""

    related: float
    strong: float
    answer: float
    words: float


class CalibrationJson(TypedDict):
    """A ``Calibration`` as it is written."""

    questions: ThresholdsJson
    texts: ThresholdsJson
    papers: int


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """Papers of an index whose texts are asked of it.

    Attributes:
        rows: (n,) int64. vectors: (n, dim) float32, unit: of the short text that stands for each (``probe_text``).
        words: (n,) float32, what its words get best from any other paper, as a share of ``Lexicon.highest``.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    bm25_share: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of the candidates for an answer, in any order.

    Attributes:
        cosine: (n,) float32 of question and paper, None where the vector leg was not asked.
        words: (n,) float32, BM25 of the question's words over the highest it could be, 0 to 1; None where the question
            is a paper or a long text, whose words no other paper shares.
    """

    cosine: NDArray[np.float32] | None = None
    bm25_share: NDArray[np.float32] | None = None

    def reaches(self, cosine: float, bm25_share: float) -> NDArray[np.bool_]:
        """(n,) bool: which candidates reach either limit."""
        near = None if self.cosine is None else self.cosine >= cosine
        held = None if self.bm25_share is None else self.bm25_share >= bm25_share
        if near is None or held is None:
            known = held if near is None else near
            return np.zeros(0, bool) if known is None else known
        return near | held


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Cosines that tell close from far for one kind of question on one index.

    Attributes:
        related, strong: least cosines of these bands.
        answer: least cosine of hits that are an answer together; not above ``related``. It is lower where the index
            is of one subject, so that random pairs are related already, or too small to have near neighbours: there
            hits can answer though each is weak beside what papers of this index are to each other.
        words: least share of the highest BM25 that is an answer where only words were asked for.
    """

    related: float
    strong: float
    answer: float
    bm25_share: float

    @classmethod
    def measure(cls, index: "VectorIndex", live: Rows, probes: Probes) -> Self:
        """Asks the index for its own papers: pairs by chance, each probe's own paper, and its nearest others.

        An index of one paper has no pairs; half of what its own title gets stands for chance there.
        """
        if not len(probes.rows):
            return cls(1.0, 1.0, 1.0, 1.0)
        others, found = (
            _sample_rows(live, _PAIRS_PER_PROBE, 1),
            index.nearest(probes.vectors, required_related_hits(len(live)) + 1, live),
        )
        own, pairs, nearest = np.empty(len(found), np.float32), [], []
        for place, (row, vector, ranked) in enumerate(zip(probes.rows.tolist(), probes.vectors, found, strict=True)):
            own[place] = index.scores(vector, probes.rows[place : place + 1])[0]
            pairs.append(index.scores(vector, others[others != row]))
            nearest.append(ranked.without((row,)).scores[: required_related_hits(len(live))][-1:])
        chance = np.concatenate(pairs)
        related, strong = np.quantile(chance if len(chance) else own / 2, (RELATED_QUANTILE, STRONG_QUANTILE)).tolist()
        strong = max(related, min(strong, float(np.quantile(own, OWN_TITLE_QUANTILE))))
        answer = np.quantile(np.append(np.concatenate(nearest), related), NO_MATCH_QUANTILE)
        words = np.quantile(probes.bm25_share, NO_MATCH_QUANTILE)
        return cls(
            _round_down(related),
            _round_down(strong),
            _round_down(min(related, float(answer))),
            _round_down(min(SINGLE_OCCURRENCE_SHARE, float(words))),
        )

    def assign_bands(self, evidence: Evidence) -> tuple[Band, ...]:
        """Each candidate's band: the better one of what its cosine and its words say."""
        strong, related = (
            evidence.reaches(self.strong, TITLE_OCCURRENCE_SHARE),
            evidence.reaches(self.related, SINGLE_OCCURRENCE_SHARE),
        )
        return tuple(
            "strong" if best else "related" if good else "weak"
            for best, good in zip(strong.tolist(), related.tolist(), strict=True)
        )

    def has_answer(self, evidence: Evidence, passing: int) -> bool:
        """Whether the candidates answer the question: one is strong, or enough reach ``answer`` or hold its words.

        Words alone tell less: in lexical mode one candidate that reaches ``words`` is enough, and half of what has no
        answer is not told apart.

        Args:
            evidence: of the best candidates of each leg that was asked, ``ENOUGH`` or more where so many pass.
            passing: papers that pass the filter.
        """
        if evidence.cosine is None:
            return bool(evidence.reaches(1.0, self.bm25_share).any())
        if evidence.reaches(self.strong, TITLE_OCCURRENCE_SHARE).any():
            return True
        return int(evidence.reaches(self.answer, SINGLE_OCCURRENCE_SHARE).sum()) >= required_related_hits(passing)

    def to_json(self) -> ThresholdsJson:
        """As one JSON object."""
        return {"related": self.related, "strong": self.strong, "answer": self.answer, "words": self.bm25_share}

    @classmethod
    def from_json(cls, fields: ThresholdsJson) -> Self:
        """Reads what ``to_json`` wrote."""
        return cls(fields["related"], fields["strong"], fields["answer"], fields["words"])


@dataclass(frozen=True, slots=True)
class Calibration:
    """The yardstick of one index.

    Attributes:
        questions: for the words of a question. texts: for a paper, or a text as long as an abstract, that others are
            compared with. papers: live papers there were when it was measured.
    """

    queries: Thresholds
    texts: Thresholds
    papers: int

    @classmethod
    def measure(cls, index: "VectorIndex", live: Rows, titles: Probes) -> Self:
        """Measures an index: the same for the same index and probes.

        Args:
            index: its vectors. live: its live rows. titles: of the rows that ``probe_rows`` draws.
        """
        vectors = [index.get_vector(row) for row in titles.rows.tolist()]
        papers = replace(titles, vectors=np.stack(vectors) if vectors else titles.vectors)
        return cls(Thresholds.measure(index, live, titles), Thresholds.measure(index, live, papers), len(live))

    def thresholds_for(self, text: str) -> Thresholds:
        """The scale for a text that was asked: a question's, or that of long texts."""
        return self.texts if is_abstract_length(len(text.split())) else self.queries

    def is_fresh(self, live: int) -> bool:
        """Whether it still holds of so many live papers: they are a tenth more or fewer at most."""
        return 0.9 * self.papers <= live <= 1.1 * self.papers

    def to_json(self) -> CalibrationJson:
        """As one JSON object."""
        return {
            "questions": self.queries.to_json(),
            "texts": self.texts.to_json(),
            "papers": self.papers,
        }

    @classmethod
    def from_json(cls, fields: CalibrationJson) -> Self:
        """Reads what ``to_json`` wrote.

        Raises:
            KeyError, TypeError: it is not that.
        """
        queries, texts = Thresholds.from_json(fields["questions"]), Thresholds.from_json(fields["texts"])
        return cls(queries, texts, fields["papers"])


def required_related_hits(passing: int) -> int:
    """How many related hits are an answer among so many papers."""
    return min(MIN_RELATED_HITS, 1 + passing // 100)


def sample_probe_rows(live: Rows) -> NDArray[np.int64]:
    """The live rows whose titles an index is measured with: up to 256, drawn with a fixed seed, ascending."""
    return _sample_rows(live, _PROBE_COUNT, 0)


def probe_text(paper: Paper) -> str:
    """What stands for a question that the paper answers: its title, or without one the first words of its abstract."""
    return paper.title or " ".join((paper.abstract or "").split()[:_TITLE_WORDS])


_TITLE_WORDS = 12
"""Of a title, roughly."""


def _sample_rows(live: Rows, most: int, seed: int) -> NDArray[np.int64]:
    if len(live) <= most:
        return live.ids
    return np.sort(np.random.default_rng(seed).choice(live.ids, most, replace=False))


def _round_down(limit: float) -> float:
    return floor(limit * _LIMIT_RESOLUTION) / _LIMIT_RESOLUTION
