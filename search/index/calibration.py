"""Calibration: thresholds that turn the scores of one index into the bands strong, related and weak.

Absolute cosines are not comparable: with one model 0.4 is close, with another it is what any two papers have. So the
thresholds of each index are measured on the index itself when it is published. The cutoff of a ranked list follows
from the scores of non-relevant documents (Arampatzis, Kamps and Robertson, "Where to stop reading a ranked list?",
SIGIR 2009, who model their distribution; here it is sampled). Titles stand in for queries, since both are short and
name a subject. The cosine of a title and another paper, drawn at random, is a sample of the scores of chance.

A hit is ``related`` if at most one random pair in 50 is as close. It is ``strong`` if at most 3 in 100,000 are, or if
it is as close as titles are to their own papers. BM25 has its own scale, because no embedding knows rare names: the
share of the maximum that the query can reach (``Lexicon.max_score``).
"""

import json
from dataclasses import dataclass, replace
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from search.index.json_object import JsonObject
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.hit import Band
from search.rows import PaperSet

if TYPE_CHECKING:
    from search.index.backend import VectorSearch


@dataclass(frozen=True, slots=True)
class CalibrationTuning:
    """Constants of the calibration; ``docs/design/confidence.md`` gives the reasons.

    The quantiles and ``min_related_hits`` were chosen with ``python -m benchmarks.confidence --questions tuning``; the
    results on other questions are in ``benchmarks/results/confidence.json``.
    """

    related_quantile: float = 0.98
    """Share of random pairs that are less close than a related hit."""
    answer_quantile: float = 0.9925
    """Share of random pairs that are less close than the hits that together count as an answer."""
    strong_quantile: float = 0.99997
    """Share of random pairs that are less close than a strong hit."""
    own_title_quantile: float = 0.1
    """Share of titles whose cosine to their own paper is below the upper bound of the strong threshold."""
    no_match_quantile: float = 0.05
    """Share of the index's own titles that may be reported to have no close match among the other papers."""
    min_related_hits: int = 7
    """Hits that together count as an answer without a strong one."""
    papers_per_related_hit: int = 100
    """Papers; n matching papers require min(min_related_hits, 1 + n // papers_per_related_hit) related hits."""
    single_occurrence_share: float = 1 / 2.2
    """Share of the maximum BM25 that makes a hit related: 1 / (1 + k1), k1 = 1.2, which a paper of mean length reaches
    when it contains every query word once."""
    title_occurrence_share: float = 2 / 3.2
    """Share of the maximum BM25 that makes a hit strong: 2 / (2 + k1), which a paper of mean length reaches when its
    title, which counts twice, contains every query word."""
    probe_count: int = 256
    """Titles that serve as probes; thresholds then vary by 0.005 (standard deviation) between samples."""
    pairs_per_probe: int = 4_096
    """Random papers that each probe is paired with; the variation above includes them."""
    probe_words: int = 12
    """Words taken from an abstract in place of a missing title; roughly the length of a title."""
    threshold_resolution: int = 10_000
    """Thresholds are rounded down to multiples of 1 / threshold_resolution, so that rounding errors in a score do not
    put it below a threshold that it equals."""
    max_live_change: float = 0.1
    """Share by which the number of live papers may change before the calibration has to be repeated."""


CALIBRATION_TUNING = CalibrationTuning()


@dataclass(frozen=True, slots=True, eq=False)
class Probes:
    """Papers of an index whose texts are used as queries to it.

    Attributes:
        rows: (n,) int64, ascending.
        vectors: (n, dim) float32, unit; vector of the short text of each paper (``probe_text``).
        bm25_share: (n,) float32, 0 to 1; highest BM25 of that text in any other paper, over ``Lexicon.max_score``.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    bm25_share: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Scores of the candidates of one query, in any order.

    Attributes:
        cosine: (n,) float32, cosine of query and paper; None if the semantic leg did not run.
        bm25_share: (n,) float32, 0 to 1; BM25 over the maximum that the query can reach. None if the query is a paper
            or a long text, since no other paper contains all its words.
    """

    cosine: NDArray[np.float32] | None = None
    bm25_share: NDArray[np.float32] | None = None

    def reaches(self, cosine: float, bm25_share: float) -> NDArray[np.bool_]:
        """Returns (n,) bool: whether each candidate reaches at least one of the two thresholds."""
        by_cosine = None if self.cosine is None else self.cosine >= cosine
        by_bm25 = None if self.bm25_share is None else self.bm25_share >= bm25_share
        if by_cosine is None or by_bm25 is None:
            known = by_bm25 if by_cosine is None else by_cosine
            return np.zeros(0, bool) if known is None else known
        return by_cosine | by_bm25


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Thresholds for one kind of query on one index.

    Attributes:
        related: minimum cosine of a related hit.
        strong: minimum cosine of a strong hit.
        answer: minimum cosine of hits that together count as an answer. It is above ``related``, but lower where random
            pairs are related already, because the index covers a single subject, and where the index is too small to
            contain close neighbours. There hits can be an answer although each of them is weak.
        bm25_share: minimum share of the maximum BM25 that counts as an answer in lexical mode.
    """

    related: float
    strong: float
    answer: float
    bm25_share: float

    @classmethod
    def measure(
        cls, index: "VectorSearch", live: PaperSet, probes: Probes, tuning: CalibrationTuning = CALIBRATION_TUNING
    ) -> Self:
        """Measures random pairs, each probe and its own paper, and each probe and its nearest other papers.

        An index of one paper has no pairs; half the cosine of its title to itself is used in their place.

        Args:
            index: the vectors.
            live: the live rows.
            probes: the papers to measure with.
            tuning: quantiles and sample sizes.
        """
        if not len(probes.rows):
            return cls(1.0, 1.0, 1.0, 1.0)
        own, pairs, nearest = _measure_cosines(index, live, probes, tuning)
        chance = pairs if len(pairs) else own / 2
        quantiles = (tuning.related_quantile, tuning.answer_quantile, tuning.strong_quantile)
        related, unusual, strong = np.quantile(chance, quantiles).tolist()
        strong = max(related, min(strong, float(np.quantile(own, tuning.own_title_quantile))))
        answer = float(np.quantile(np.append(nearest, unusual), tuning.no_match_quantile))
        bm25_share = float(np.quantile(probes.bm25_share, tuning.no_match_quantile))
        limits = (related, strong, min(unusual, answer), min(tuning.single_occurrence_share, bm25_share))
        return cls(*(_round_down(limit, tuning.threshold_resolution) for limit in limits))

    def limit_to_bands(self, cosine: float, tuning: CalibrationTuning = CALIBRATION_TUNING) -> float:
        """Returns a cosine as a threshold that separates strong papers from related ones, or some of these."""
        return min(self.strong, max(self.related, _round_down(cosine, tuning.threshold_resolution)))

    def are_related(self, evidence: Evidence, tuning: CalibrationTuning = CALIBRATION_TUNING) -> NDArray[np.bool_]:
        """Returns (n,) bool: whether each candidate is at least related, by its cosine or by its BM25."""
        return evidence.reaches(self.related, tuning.single_occurrence_share)

    def assign_bands(self, evidence: Evidence, tuning: CalibrationTuning = CALIBRATION_TUNING) -> tuple[Band, ...]:
        """Returns the band of each candidate: the better one of those that its cosine and its BM25 give."""
        strong = evidence.reaches(self.strong, tuning.title_occurrence_share)
        related = self.are_related(evidence, tuning)
        return tuple(
            "strong" if is_strong else "related" if is_related else "weak"
            for is_strong, is_related in zip(strong.tolist(), related.tolist(), strict=True)
        )

    def has_answer(self, evidence: Evidence, match_count: int, tuning: CalibrationTuning = CALIBRATION_TUNING) -> bool:
        """Returns whether the candidates answer the query: one is strong, or enough of them reach ``answer``.

        In lexical mode one candidate that reaches ``bm25_share`` is enough. BM25 alone discriminates less: half of the
        queries without an answer are not detected.

        Args:
            evidence: scores of the best candidates of each leg that ran; at least ``required_related_hits`` of them
                where that number of papers match.
            match_count: number of papers that match the filter.
            tuning: thresholds of BM25 and the required number of hits.
        """
        if evidence.cosine is None:
            return bool(evidence.reaches(1.0, self.bm25_share).any())
        if evidence.reaches(self.strong, tuning.title_occurrence_share).any():
            return True
        related_hits = int(evidence.reaches(self.answer, tuning.single_occurrence_share).sum())
        return related_hits >= required_related_hits(match_count, tuning)

    def to_json(self) -> dict[str, Json]:
        """Returns the thresholds as a JSON object, under the keys of index format 3."""
        return {"related": self.related, "strong": self.strong, "answer": self.answer, "words": self.bm25_share}

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Reads the output of ``to_json``.

        Raises:
            IndexDamaged: a key is missing or is not a number.
        """
        return cls(fields.number("related"), fields.number("strong"), fields.number("answer"), fields.number("words"))


@dataclass(frozen=True, slots=True)
class Calibration:
    """The thresholds of one index.

    Attributes:
        queries: for questions.
        texts: for abstracts (``is_abstract_length``), and for papers that others are compared with.
        papers: number of live papers when the index was measured.
    """

    queries: Thresholds
    texts: Thresholds
    papers: int

    @classmethod
    def measure(
        cls, index: "VectorSearch", live: PaperSet, titles: Probes, tuning: CalibrationTuning = CALIBRATION_TUNING
    ) -> Self:
        """Measures an index; deterministic for the same index and probes.

        Args:
            index: its vectors.
            live: its live rows.
            titles: probes of the rows that ``sample_probe_rows`` returns.
            tuning: quantiles and sample sizes.
        """
        vectors = [index.get_vector(row) for row in titles.rows.tolist()]
        papers = replace(titles, vectors=np.stack(vectors) if vectors else titles.vectors)
        queries = Thresholds.measure(index, live, titles, tuning)
        return cls(queries, Thresholds.measure(index, live, papers, tuning), len(live))

    def is_fresh(self, live: int, tuning: CalibrationTuning = CALIBRATION_TUNING) -> bool:
        """Returns whether the calibration is still valid for this number of live papers."""
        change = tuning.max_live_change
        return (1 - change) * self.papers <= live <= (1 + change) * self.papers

    def to_json(self) -> dict[str, Json]:
        """Returns the calibration as a JSON object, under the keys of index format 3."""
        return {"questions": self.queries.to_json(), "texts": self.texts.to_json(), "papers": self.papers}

    def save(self, path: Path) -> None:
        """Writes the calibration to a file."""
        path.write_text(json.dumps(self.to_json()), "utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a file that ``save`` wrote.

        Raises:
            IndexDamaged: the file cannot be read, a key is missing or has a value of the wrong type.
        """
        return cls.from_json(JsonObject.load(path))

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Reads the output of ``to_json``.

        Raises:
            IndexDamaged: a key is missing or has a value of the wrong type.
        """
        queries, texts = (Thresholds.from_json(fields.child(key)) for key in ("questions", "texts"))
        return cls(queries, texts, fields.count("papers"))


def required_related_hits(match_count: int, tuning: CalibrationTuning = CALIBRATION_TUNING) -> int:
    """Returns the number of related hits that count as an answer where this number of papers match."""
    return min(tuning.min_related_hits, 1 + match_count // tuning.papers_per_related_hit)


def sample_probe_rows(live: PaperSet, tuning: CalibrationTuning = CALIBRATION_TUNING) -> NDArray[np.int64]:
    """Returns the live rows whose titles serve as probes: at most ``probe_count``, fixed seed, ascending."""
    return _sample_rows(live, tuning.probe_count, seed=0)


def probe_text(paper: Paper, tuning: CalibrationTuning = CALIBRATION_TUNING) -> str:
    """Returns a short text that stands in for a query: the title, or else the first words of the abstract."""
    return paper.title or " ".join((paper.abstract or "").split()[: tuning.probe_words])


def _measure_cosines(
    index: "VectorSearch", live: PaperSet, probes: Probes, tuning: CalibrationTuning
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Returns the cosines of each probe to its own paper, to random papers, and to the last required neighbour."""
    required = required_related_hits(len(live), tuning)
    others = _sample_rows(live, tuning.pairs_per_probe, seed=1)
    rankings = index.nearest(probes.vectors, required + 1, live)
    own = np.empty(len(rankings), np.float32)
    pairs, nearest = [], []
    for position, (row, vector, ranked) in enumerate(zip(probes.rows.tolist(), probes.vectors, rankings, strict=True)):
        own[position] = index.scores(vector, probes.rows[position : position + 1])[0]
        pairs.append(index.scores(vector, others[others != row]))
        nearest.append(ranked.without((row,)).scores[:required][-1:])
    return own, np.concatenate(pairs), np.concatenate(nearest)


def _sample_rows(live: PaperSet, count: int, *, seed: int) -> NDArray[np.int64]:
    if len(live) <= count:
        return live.ids
    return np.sort(np.random.default_rng(seed).choice(live.ids, count, replace=False))


def _round_down(limit: float, resolution: int) -> float:
    return floor(limit * resolution) / resolution
