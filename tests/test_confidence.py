"""Calibration and bands: against brute force, on very small and very uniform indexes, and on the sample."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from oracle import normalize_rows
from search.embedding.embedder import Embedder
from search.index.calibration import (
    CALIBRATION_TUNING,
    Calibration,
    Evidence,
    Probes,
    Thresholds,
    probe_text,
    required_related_hits,
    sample_probe_rows,
)
from search.index.snapshot import Snapshot
from search.papers.paper import Paper
from search.query.condition import AllOf
from search.query.query import MAX_QUESTION_WORDS
from search.ranking.bands import Bands
from search.ranking.filtered_index import FilteredIndex
from search.ranking.legs import LegInput
from search.rows import Rows
from search.searcher import Searcher
from search.vectors.vectors import VectorIndex

_DIM = 16
_BAND_ORDER = {"weak": 0, "related": 1, "strong": 2}
_THRESHOLDS = Thresholds(related=0.4, strong=0.6, answer=0.35, bm25_share=0.25)

unit_floats = st.floats(0, 1, width=32)
evidence_pairs = st.lists(st.tuples(unit_floats, unit_floats), min_size=1, max_size=30)


def _index(folder: Path, vectors: NDArray[np.float32]) -> VectorIndex:
    vectors.astype(np.float16).tofile(folder / "vectors.f16")
    return VectorIndex(folder / "vectors.f16", len(vectors), _DIM, None)


def _clustered_vectors(count: int, groups: int = 6) -> NDArray[np.float32]:
    """Returns unit vectors of papers that cluster around a few subjects."""
    random = np.random.default_rng(count)
    subjects = random.normal(size=(groups, _DIM))
    noise = random.normal(size=(count, _DIM))
    return normalize_rows((subjects[random.integers(groups, size=count)] + 0.7 * noise).astype(np.float32))


def _title_probes(vectors: NDArray[np.float32], live: Rows) -> Probes:
    """Returns probes whose title vectors are close to those of their papers."""
    rows = sample_probe_rows(live)
    noise = 0.1 * np.random.default_rng(1).normal(size=(len(rows), _DIM))
    return Probes(rows, normalize_rows((vectors[rows] + noise).astype(np.float32)), np.full(len(rows), 0.3, np.float32))


def _all_rows(count: int) -> Rows:
    return Rows.from_mask(np.ones(count, bool))


def _evidence(pairs: list[tuple[float, float]]) -> Evidence:
    cosine, bm25_share = np.array(pairs, np.float32).T
    return Evidence(cosine, bm25_share)


def test_thresholds_match_brute_force(tmp_path: Path) -> None:
    vectors = _clustered_vectors(230)
    live = Rows.from_ids(np.arange(0, 230, 2), 230)
    titles = _title_probes(vectors, live)
    stored = vectors.astype(np.float16).astype(np.float32)
    scores = titles.vectors @ stored[live.ids].T
    other = titles.rows[:, None] != live.ids[None, :]
    second = [np.sort(row[mask])[-2] for row, mask in zip(scores, other, strict=True)]

    thresholds = Calibration.measure(_index(tmp_path, vectors), live, titles).queries

    related, strong = np.quantile(scores[other], (0.98, 0.99997))
    assert required_related_hits(len(live)) == 2
    assert thresholds.related == pytest.approx(related, abs=2e-3)
    assert thresholds.strong == pytest.approx(max(related, min(strong, np.quantile(scores[~other], 0.1))), abs=2e-3)
    assert thresholds.answer == pytest.approx(min(related, np.quantile(second, 0.05)), abs=1e-2)


def test_thresholds_of_texts_depend_on_the_papers_alone(tmp_path: Path) -> None:
    vectors = _clustered_vectors(150)
    titles = _title_probes(vectors, _all_rows(150))
    index = _index(tmp_path, vectors)
    opposite = Probes(titles.rows, normalize_rows(-titles.vectors), titles.bm25_share)
    first, second = (Calibration.measure(index, _all_rows(150), probes) for probes in (titles, opposite))
    assert first.texts == second.texts
    assert first.queries != second.queries


@pytest.mark.parametrize("count", [1, 2, 3, 60, 400])
def test_known_papers_are_strong_in_an_index_of_any_size(tmp_path: Path, count: int) -> None:
    vectors = _clustered_vectors(count)
    live = _all_rows(count)
    index = _index(tmp_path, vectors)
    thresholds = Calibration.measure(index, live, _title_probes(vectors, live)).queries
    assert thresholds.answer <= thresholds.related <= thresholds.strong
    for row in range(count):
        vector = index.get_vector(row)
        evidence = Evidence(index.nearest(normalize_rows(vector[None]), 10, live)[0].scores)
        assert thresholds.assign_bands(evidence)[0] == "strong"
        assert thresholds.has_answer(evidence, count)


@pytest.mark.parametrize("count", [1, 2, 3, 60])
def test_copies_of_one_paper_are_strong_and_its_opposite_is_weak(tmp_path: Path, count: int) -> None:
    vectors = np.repeat(_clustered_vectors(1), count, axis=0)
    live = _all_rows(count)
    index = _index(tmp_path, vectors)
    thresholds = Calibration.measure(index, live, _title_probes(vectors, live)).queries
    same = Evidence(index.nearest(vectors[:1], 10, live)[0].scores)
    opposite = Evidence(-same.cosine if same.cosine is not None else None)
    assert set(thresholds.assign_bands(same)) == {"strong"}
    assert set(thresholds.assign_bands(opposite)) == {"weak"}
    assert thresholds.has_answer(same, count)
    assert not thresholds.has_answer(opposite, count)


def test_an_index_without_papers(tmp_path: Path) -> None:
    empty = np.empty((0, _DIM), np.float32)
    index = VectorIndex(tmp_path / "none", 0, _DIM, None)
    thresholds = Calibration.measure(index, _all_rows(0), _title_probes(empty, _all_rows(0))).queries
    assert thresholds.assign_bands(Evidence(np.empty(0, np.float32))) == ()
    assert not thresholds.has_answer(Evidence(np.empty(0, np.float32)), 0)
    assert not thresholds.has_answer(Evidence(), 0)


def test_calibration_is_deterministic_and_loads_as_saved(tmp_path: Path) -> None:
    vectors = _clustered_vectors(600)
    live = _all_rows(600)
    index = _index(tmp_path, vectors)
    first, second = (Calibration.measure(index, live, _title_probes(vectors, live)) for _ in range(2))
    assert first == second
    first.save(tmp_path / "confidence.json")
    assert Calibration.load(tmp_path / "confidence.json") == first


def test_quantiles_of_the_tuning_move_the_thresholds(tmp_path: Path) -> None:
    vectors = _clustered_vectors(200)
    live = _all_rows(200)
    index, titles = _index(tmp_path, vectors), _title_probes(vectors, live)
    lenient = replace(CALIBRATION_TUNING, related_quantile=0.5, strong_quantile=0.9)
    default, changed = (Thresholds.measure(index, live, titles, tuning) for tuning in (CALIBRATION_TUNING, lenient))
    assert changed.related < default.related
    assert changed.strong < default.strong


def test_replaced_papers_are_not_probed_or_counted() -> None:
    live = Rows.from_ids(np.arange(1, 4_000, 3), 4_000)
    rows = sample_probe_rows(live)
    assert len(rows) == 256
    assert set(rows.tolist()) <= set(live.ids.tolist())
    assert (np.diff(rows) > 0).all()


def test_calibration_is_valid_until_a_tenth_of_the_papers_change() -> None:
    calibration = Calibration(_THRESHOLDS, _THRESHOLDS, 1_000)
    assert [calibration.is_fresh(live) for live in (899, 900, 1_000, 1_100, 1_101)] == [False, True, True, True, False]


@given(evidence_pairs)
def test_a_higher_score_never_has_a_lower_band(pairs: list[tuple[float, float]]) -> None:
    bands = [_BAND_ORDER[band] for band in _THRESHOLDS.assign_bands(_evidence(pairs))]
    for (cosine, share), band in zip(pairs, bands, strict=True):
        for (other_cosine, other_share), other in zip(pairs, bands, strict=True):
            if cosine >= other_cosine and share >= other_share:
                assert band >= other


@given(evidence_pairs, st.integers(0, 1_000), st.floats(0, 1, width=32))
def test_more_evidence_never_removes_an_answer(
    pairs: list[tuple[float, float]], match_count: int, increase: float
) -> None:
    better = [(min(cosine + increase, 1), share) for cosine, share in pairs]
    if _THRESHOLDS.has_answer(_evidence(pairs), match_count):
        assert _THRESHOLDS.has_answer(_evidence(better), match_count)
        assert _THRESHOLDS.has_answer(_evidence([*pairs, (0.0, 0.0)]), match_count)


@given(evidence_pairs)
def test_one_leg_never_exceeds_both(pairs: list[tuple[float, float]]) -> None:
    both = _evidence(pairs)
    for leg in (Evidence(cosine=both.cosine), Evidence(bm25_share=both.bm25_share)):
        for alone, together in zip(_THRESHOLDS.assign_bands(leg), _THRESHOLDS.assign_bands(both), strict=True):
            assert _BAND_ORDER[alone] <= _BAND_ORDER[together]


def test_one_strong_or_enough_related_hits_are_an_answer() -> None:
    def close(*cosines: float, match_count: int = 1_000) -> bool:
        return _THRESHOLDS.has_answer(Evidence(np.array(cosines, np.float32)), match_count)

    assert close(0.61)
    assert not close(0.59)
    assert close(*[0.36] * CALIBRATION_TUNING.min_related_hits)
    assert not close(*[0.36] * (CALIBRATION_TUNING.min_related_hits - 1))
    assert not close(*[0.34] * 50)
    assert close(0.36, match_count=60)


def test_bm25_alone_makes_a_hit_related_or_strong() -> None:
    def evidence(share: float) -> Evidence:
        return Evidence(np.zeros(1, np.float32), np.array([share], np.float32))

    assert _THRESHOLDS.assign_bands(evidence(CALIBRATION_TUNING.title_occurrence_share + 0.01)) == ("strong",)
    assert _THRESHOLDS.assign_bands(evidence(CALIBRATION_TUNING.single_occurrence_share + 0.01)) == ("related",)
    assert _THRESHOLDS.assign_bands(evidence(CALIBRATION_TUNING.single_occurrence_share - 0.01)) == ("weak",)
    assert _THRESHOLDS.has_answer(evidence(CALIBRATION_TUNING.title_occurrence_share + 0.01), 1_000)
    assert not _THRESHOLDS.has_answer(evidence(CALIBRATION_TUNING.single_occurrence_share + 0.01), 1_000)


def test_lexical_thresholds_come_from_titles() -> None:
    assert _THRESHOLDS.has_answer(Evidence(bm25_share=np.array([0.26], np.float32)), 1_000)
    assert not _THRESHOLDS.has_answer(Evidence(bm25_share=np.array([0.24] * 20, np.float32)), 1_000)


def test_long_texts_have_their_own_thresholds(sample_searcher: Searcher) -> None:
    snapshot = sample_searcher.snapshot
    index = FilteredIndex.of(snapshot, AllOf(()))
    for words, thresholds in (
        (MAX_QUESTION_WORDS, snapshot.calibration.queries),
        (MAX_QUESTION_WORDS + 1, snapshot.calibration.texts),
    ):
        assert Bands.of(index, LegInput(None, "word", word_count=words)).thresholds == thresholds


def test_a_paper_without_a_title_is_probed_by_its_first_words() -> None:
    abstract = " ".join(f"w{number}" for number in range(40))
    assert probe_text(Paper(title="A title", abstract=abstract)) == "A title"
    assert probe_text(Paper(abstract=abstract)).split() == [f"w{number}" for number in range(12)]


@pytest.fixture(scope="module")
def sample_calibration(sample_searcher: Searcher, embedder: Embedder) -> Calibration:
    snapshot = sample_searcher.snapshot
    rows = sample_probe_rows(snapshot.live)
    texts = [probe_text(paper) for paper in snapshot.store.get(rows.tolist())]
    shares = [
        _lexical_shares(snapshot, text)[snapshot.live.ids != row].max() for row, text in zip(rows, texts, strict=True)
    ]
    titles = Probes(rows, embedder.encode(texts), np.array(shares, np.float32))
    return Calibration.measure(snapshot.vectors, snapshot.live, titles)


def _lexical_shares(snapshot: Snapshot, text: str) -> NDArray[np.float32]:
    return snapshot.lexicon.scores(text, snapshot.live.ids) / np.float32(snapshot.lexicon.max_score(text) or 1)


def _query_evidence(snapshot: Snapshot, embedder: Embedder, text: str) -> Evidence:
    cosine = snapshot.vectors.scores(embedder.encode([text])[0], snapshot.live.ids)
    return Evidence(cosine, _lexical_shares(snapshot, text))


@pytest.mark.parametrize(
    "query",
    [
        "generative recommendation",
        "semantic ids for items",
        "how to make a language model see pictures",
        "quantum error correction",
        "deep learning for protein folding",
        "AKARI",
        "LightRAG",
    ],
)
def test_queries_that_the_sample_answers(
    sample_searcher: Searcher, embedder: Embedder, sample_calibration: Calibration, query: str
) -> None:
    evidence = _query_evidence(sample_searcher.snapshot, embedder, query)
    assert sample_calibration.queries.has_answer(evidence, 60)
    bands = sample_calibration.queries.assign_bands(evidence)
    assert "strong" in bands
    assert bands.count("weak") > 40


def test_a_question_in_everyday_words_is_answered(
    sample_searcher: Searcher, embedder: Embedder, sample_calibration: Calibration
) -> None:
    evidence = _query_evidence(sample_searcher.snapshot, embedder, "how do whales talk to each other")
    assert sample_calibration.queries.has_answer(evidence, 60)


@pytest.mark.parametrize(
    "query",
    [
        "photosynthesis of ferns",
        "what is the best pasta recipe",
        "treatment of high blood pressure",
        "roman law in the middle ages",
        "boundary layer of a flat plate",
        "stock market crash",
    ],
)
def test_queries_that_the_sample_does_not_answer(
    sample_searcher: Searcher, embedder: Embedder, sample_calibration: Calibration, query: str
) -> None:
    evidence = _query_evidence(sample_searcher.snapshot, embedder, query)
    assert not sample_calibration.queries.has_answer(evidence, 60)
    assert set(sample_calibration.queries.assign_bands(evidence)) == {"weak"}


@given(
    st.lists(
        st.sampled_from(
            ["model", "language", "whale", "the", "kuaishou", "zzyzx", "recommendation", "attention", "code"]
        )
    )
)
def test_no_score_exceeds_max_score(sample_searcher: Searcher, words: list[str]) -> None:
    snapshot, text = sample_searcher.snapshot, " ".join(words)
    max_score = snapshot.lexicon.max_score(text)
    assert (snapshot.lexicon.scores(text, snapshot.live.ids) <= max_score * (1 + 1e-5)).all()
    assert (max_score == 0) == (not snapshot.lexicon.terms(text))
    if set(words) != {"the"}:  # stop words rank only where there are no others
        assert snapshot.lexicon.max_score(text + " qqxqq") > max_score
