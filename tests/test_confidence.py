"""Bands and closeness: against brute force, on indexes too small or too alike to tell, and on the sample."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from oracle import normalize_rows
from search.embedding.embedder import Embedder
from search.index.calibration import (
    MIN_RELATED_HITS,
    SINGLE_OCCURRENCE_SHARE,
    TITLE_OCCURRENCE_SHARE,
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
from search.query.query import MAX_QUESTION_WORDS
from search.rows import Rows
from search.searcher import Searcher
from search.vectors.vectors import VectorIndex

_DIM = 16
_BAND_ORDER = {"weak": 0, "related": 1, "strong": 2}
_SCALE = Thresholds(related=0.4, strong=0.6, answer=0.35, bm25_share=0.25)

unit_floats = st.floats(0, 1, width=32)
evidence_pairs = st.lists(st.tuples(unit_floats, unit_floats), min_size=1, max_size=30)


def _index(folder: Path, vectors: NDArray[np.float32]) -> VectorIndex:
    vectors.astype(np.float16).tofile(folder / "vectors.f16")
    return VectorIndex(folder / "vectors.f16", len(vectors), _DIM, None)


def _clustered_vectors(count: int, groups: int = 6) -> NDArray[np.float32]:
    """Papers around some subjects."""
    random = np.random.default_rng(count)
    subjects = random.normal(size=(groups, _DIM))
    noise = random.normal(size=(count, _DIM))
    return normalize_rows((subjects[random.integers(groups, size=count)] + 0.7 * noise).astype(np.float32))


def _title_probes(vectors: NDArray[np.float32], live: Rows) -> Probes:
    """Titles near their papers."""
    rows = sample_probe_rows(live)
    noise = 0.1 * np.random.default_rng(1).normal(size=(len(rows), _DIM))
    return Probes(rows, normalize_rows((vectors[rows] + noise).astype(np.float32)), np.full(len(rows), 0.3, np.float32))


def _all_rows(count: int) -> Rows:
    return Rows.from_mask(np.ones(count, bool))


def _evidence(pairs: list[tuple[float, float]]) -> Evidence:
    cosine, words = np.array(pairs, np.float32).T
    return Evidence(cosine, words)


def test_thresholds_match_brute_force(tmp_path: Path) -> None:
    vectors = _clustered_vectors(230)
    live = Rows.from_ids(np.arange(0, 230, 2), 230)
    titles = _title_probes(vectors, live)
    held = vectors.astype(np.float16).astype(np.float32)
    scores = titles.vectors @ held[live.ids].T
    other = titles.rows[:, None] != live.ids[None, :]
    second = [np.sort(row[mask])[-2] for row, mask in zip(scores, other, strict=True)]

    scale = Calibration.measure(_index(tmp_path, vectors), live, titles).queries

    related, strong = np.quantile(scores[other], (0.98, 0.998))
    assert required_related_hits(len(live)) == 2
    assert scale.related == pytest.approx(related, abs=2e-3)
    assert scale.strong == pytest.approx(max(related, min(strong, np.quantile(scores[~other], 0.05))), abs=2e-3)
    assert scale.answer == pytest.approx(min(related, np.quantile(second, 0.05)), abs=1e-2)


def test_a_paper_queries_with_its_own_vector(tmp_path: Path) -> None:
    vectors = _clustered_vectors(150)
    titles = _title_probes(vectors, _all_rows(150))
    index = _index(tmp_path, vectors)
    far = Probes(titles.rows, normalize_rows(-titles.vectors), titles.bm25_share)
    near, away = (Calibration.measure(index, _all_rows(150), each) for each in (titles, far))
    assert near.texts == away.texts
    assert near.queries != away.queries


@pytest.mark.parametrize("count", [1, 2, 3, 60, 400])
def test_known_papers_are_strong_in_an_index_of_any_size(tmp_path: Path, count: int) -> None:
    vectors = _clustered_vectors(count)
    live = _all_rows(count)
    index = _index(tmp_path, vectors)
    scale = Calibration.measure(index, live, _title_probes(vectors, live)).queries
    assert scale.answer <= scale.related <= scale.strong
    for row in range(count):
        asked = index.get_vector(row)
        found = Evidence(index.nearest(normalize_rows(asked[None]), 10, live)[0].scores)
        assert scale.assign_bands(found)[0] == "strong"
        assert scale.has_answer(found, count)


@pytest.mark.parametrize("count", [1, 2, 3, 60])
def test_an_index_of_one_paper_many_times(tmp_path: Path, count: int) -> None:
    vectors = np.repeat(_clustered_vectors(1), count, axis=0)
    live = _all_rows(count)
    index = _index(tmp_path, vectors)
    scale = Calibration.measure(index, live, _title_probes(vectors, live)).queries
    found = Evidence(index.nearest(vectors[:1], 10, live)[0].scores)
    opposite = Evidence(-found.cosine if found.cosine is not None else None)
    assert set(scale.assign_bands(found)) == {"strong"}
    assert set(scale.assign_bands(opposite)) == {"weak"}
    assert scale.has_answer(found, count)
    assert not scale.has_answer(opposite, count)


def test_an_index_without_papers(tmp_path: Path) -> None:
    empty = np.empty((0, _DIM), np.float32)
    index = VectorIndex(tmp_path / "none", 0, _DIM, None)
    scale = Calibration.measure(index, _all_rows(0), _title_probes(empty, _all_rows(0))).queries
    assert scale.assign_bands(Evidence(np.empty(0, np.float32))) == ()
    assert not scale.has_answer(Evidence(np.empty(0, np.float32)), 0)
    assert not scale.has_answer(Evidence(), 0)


def test_measured_twice_is_the_same_and_is_read_as_written(tmp_path: Path) -> None:
    vectors = _clustered_vectors(600)
    live = _all_rows(600)
    index = _index(tmp_path, vectors)
    first, again = (Calibration.measure(index, live, _title_probes(vectors, live)) for _ in range(2))
    assert first == again
    assert Calibration.from_json(json.loads(json.dumps(first.to_json()))) == first


def test_replaced_papers_are_not_probed_or_counted() -> None:
    live = Rows.from_ids(np.arange(1, 4_000, 3), 4_000)
    rows = sample_probe_rows(live)
    assert len(rows) == 256
    assert set(rows.tolist()) <= set(live.ids.tolist())
    assert (np.diff(rows) > 0).all()


def test_calibration_is_valid_until_a_tenth_of_the_papers_change() -> None:
    calibration = Calibration(_SCALE, _SCALE, 1_000)
    assert [calibration.is_fresh(live) for live in (899, 900, 1_000, 1_100, 1_101)] == [False, True, True, True, False]


@given(evidence_pairs)
def test_a_higher_score_never_has_a_lower_band(pairs: list[tuple[float, float]]) -> None:
    bands = [_BAND_ORDER[band] for band in _SCALE.assign_bands(_evidence(pairs))]
    for (cosine, words), band in zip(pairs, bands, strict=True):
        for (other_cosine, other_words), other in zip(pairs, bands, strict=True):
            if cosine >= other_cosine and words >= other_words:
                assert band >= other


@given(evidence_pairs, st.integers(0, 1_000), st.floats(0, 1, width=32))
def test_more_evidence_never_takes_an_answer_away(pairs: list[tuple[float, float]], passing: int, more: float) -> None:
    found, better = _evidence(pairs), [(min(cosine + more, 1), words) for cosine, words in pairs]
    if _SCALE.has_answer(found, passing):
        assert _SCALE.has_answer(_evidence(better), passing)
        assert _SCALE.has_answer(_evidence([*pairs, (0.0, 0.0)]), passing)


@given(evidence_pairs)
def test_one_leg_never_exceeds_both(pairs: list[tuple[float, float]]) -> None:
    both = _evidence(pairs)
    for leg in (Evidence(cosine=both.cosine), Evidence(bm25_share=both.bm25_share)):
        for alone, together in zip(_SCALE.assign_bands(leg), _SCALE.assign_bands(both), strict=True):
            assert _BAND_ORDER[alone] <= _BAND_ORDER[together]


def test_one_strong_or_enough_related_hits_are_an_answer() -> None:
    def close(*cosines: float, passing: int = 1_000) -> bool:
        return _SCALE.has_answer(Evidence(np.array(cosines, np.float32)), passing)

    assert close(0.61)
    assert not close(0.59)
    assert close(*[0.36] * MIN_RELATED_HITS)
    assert not close(*[0.36] * (MIN_RELATED_HITS - 1))
    assert not close(*[0.34] * 50)
    assert close(0.36, passing=60)


def test_a_name_is_found_by_its_words() -> None:
    def found(share: float) -> Evidence:
        return Evidence(np.zeros(1, np.float32), np.array([share], np.float32))

    assert _SCALE.assign_bands(found(TITLE_OCCURRENCE_SHARE + 0.01)) == ("strong",)
    assert _SCALE.assign_bands(found(SINGLE_OCCURRENCE_SHARE + 0.01)) == ("related",)
    assert _SCALE.assign_bands(found(SINGLE_OCCURRENCE_SHARE - 0.01)) == ("weak",)
    assert _SCALE.has_answer(found(TITLE_OCCURRENCE_SHARE + 0.01), 1_000)
    assert not _SCALE.has_answer(found(SINGLE_OCCURRENCE_SHARE + 0.01), 1_000)


def test_lexical_thresholds_come_from_titles() -> None:
    assert _SCALE.has_answer(Evidence(bm25_share=np.array([0.26], np.float32)), 1_000)
    assert not _SCALE.has_answer(Evidence(bm25_share=np.array([0.24] * 20, np.float32)), 1_000)


def test_long_texts_have_their_own_scale() -> None:
    calibration = Calibration(_SCALE, Thresholds(0.5, 0.7, 0.5, 0.25), 10)
    assert calibration.thresholds_for("word " * MAX_QUESTION_WORDS) == calibration.queries
    assert calibration.thresholds_for("word " * (MAX_QUESTION_WORDS + 1)) == calibration.texts


def test_a_paper_without_a_title_is_probed_by_its_first_words() -> None:
    abstract = " ".join(f"w{number}" for number in range(40))
    assert probe_text(Paper(title="A title", abstract=abstract)) == "A title"
    assert probe_text(Paper(abstract=abstract)).split() == [f"w{number}" for number in range(12)]


@pytest.fixture(scope="module")
def sample_calibration(sample_searcher: Searcher, embedder: Embedder) -> Calibration:
    snapshot = sample_searcher.snapshot
    rows = sample_probe_rows(snapshot.live)
    texts = [probe_text(paper) for paper in snapshot.store.get(rows.tolist())]
    words = [
        _lexical_shares(snapshot, text)[snapshot.live.ids != row].max() for row, text in zip(rows, texts, strict=True)
    ]
    titles = Probes(rows, embedder.encode(texts), np.array(words, np.float32))
    return Calibration.measure(snapshot.vectors, snapshot.live, titles)


def _lexical_shares(snapshot: Snapshot, text: str) -> NDArray[np.float32]:
    return snapshot.lexicon.scores(text, snapshot.live.ids) / np.float32(snapshot.lexicon.max_score(text) or 1)


def _query_evidence(snapshot: Snapshot, embedder: Embedder, text: str) -> Evidence:
    cosine = snapshot.vectors.scores(embedder.encode([text])[0], snapshot.live.ids)
    return Evidence(cosine, _lexical_shares(snapshot, text))


@pytest.mark.parametrize(
    "question",
    [
        "how do whales talk to each other",
        "generative recommendation",
        "semantic ids for items",
        "how to make a language model see pictures",
        "quantum error correction",
        "deep learning for protein folding",
        "AKARI",
        "LightRAG",
    ],
)
def test_what_the_sample_answers(
    sample_searcher: Searcher, embedder: Embedder, sample_calibration: Calibration, question: str
) -> None:
    found = _query_evidence(sample_searcher.snapshot, embedder, question)
    assert sample_calibration.queries.has_answer(found, 60)
    bands = sample_calibration.queries.assign_bands(found)
    assert "strong" in bands
    assert bands.count("weak") > 40


@pytest.mark.parametrize(
    "question",
    [
        "photosynthesis of ferns",
        "what is the best pasta recipe",
        "treatment of high blood pressure",
        "roman law in the middle ages",
        "boundary layer of a flat plate",
        "stock market crash",
    ],
)
def test_what_the_sample_cannot_answer(
    sample_searcher: Searcher, embedder: Embedder, sample_calibration: Calibration, question: str
) -> None:
    found = _query_evidence(sample_searcher.snapshot, embedder, question)
    assert not sample_calibration.queries.has_answer(found, 60)
    assert set(sample_calibration.queries.assign_bands(found)) == {"weak"}


@given(
    st.lists(
        st.sampled_from(
            ["model", "language", "whale", "the", "kuaishou", "zzyzx", "recommendation", "attention", "code"]
        )
    )
)
def test_no_score_exceeds_max_score(sample_searcher: Searcher, words: list[str]) -> None:
    snapshot, text = sample_searcher.snapshot, " ".join(words)
    highest = snapshot.lexicon.max_score(text)
    assert (snapshot.lexicon.scores(text, snapshot.live.ids) <= highest * (1 + 1e-5)).all()
    assert (highest == 0) == (not snapshot.lexicon.terms(text))
    assert snapshot.lexicon.max_score(text + " qqxqq") > highest
