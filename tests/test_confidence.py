"""Bands and closeness: against brute force, on indexes too small or too alike to tell, and on the sample."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from oracle import unit
from search.embedding.embedder import Embedder
from search.index.calibration import (
    ENOUGH,
    IN_TITLE,
    LONG_TEXT,
    ONCE,
    Calibration,
    Evidence,
    Probes,
    Scale,
    needed,
    probe_rows,
    probe_text,
)
from search.index.snapshot import Snapshot
from search.papers.paper import Paper
from search.rows import Rows
from search.searcher import Searcher
from search.vectors.vectors import VectorIndex

_DIM = 16
_ORDER = {"weak": 0, "related": 1, "strong": 2}
_SCALE = Scale(related=0.4, strong=0.6, answer=0.35, words=0.25)

shares = st.floats(0, 1, width=32)
evidences = st.lists(st.tuples(shares, shares), min_size=1, max_size=30)


def _index(folder: Path, vectors: NDArray[np.float32]) -> VectorIndex:
    vectors.astype(np.float16).tofile(folder / "vectors.f16")
    return VectorIndex(folder / "vectors.f16", len(vectors), _DIM, None)


def _grouped(count: int, groups: int = 6) -> NDArray[np.float32]:
    """Papers around some subjects."""
    random = np.random.default_rng(count)
    subjects = random.normal(size=(groups, _DIM))
    noise = random.normal(size=(count, _DIM))
    return unit((subjects[random.integers(groups, size=count)] + 0.7 * noise).astype(np.float32))


def _titles(vectors: NDArray[np.float32], live: Rows) -> Probes:
    """Titles near their papers."""
    rows = probe_rows(live)
    noise = 0.1 * np.random.default_rng(1).normal(size=(len(rows), _DIM))
    return Probes(rows, unit((vectors[rows] + noise).astype(np.float32)), np.full(len(rows), 0.3, np.float32))


def _all(count: int) -> Rows:
    return Rows.of_mask(np.ones(count, bool))


def _evidence(pairs: list[tuple[float, float]]) -> Evidence:
    cosine, words = np.array(pairs, np.float32).T
    return Evidence(cosine, words)


def test_limits_are_those_of_all_pairs(tmp_path: Path) -> None:
    vectors = _grouped(230)
    live = Rows.of_ids(np.arange(0, 230, 2), 230)
    titles = _titles(vectors, live)
    held = vectors.astype(np.float16).astype(np.float32)
    scores = titles.vectors @ held[live.ids].T
    other = titles.rows[:, None] != live.ids[None, :]
    second = [np.sort(row[mask])[-2] for row, mask in zip(scores, other, strict=True)]

    scale = Calibration.measured(_index(tmp_path, vectors), live, titles).questions

    related, strong = np.quantile(scores[other], (0.98, 0.998))
    assert needed(len(live)) == 2
    assert scale.related == pytest.approx(related, abs=2e-3)
    assert scale.strong == pytest.approx(max(related, min(strong, np.quantile(scores[~other], 0.05))), abs=2e-3)
    assert scale.answer == pytest.approx(min(related, np.quantile(second, 0.05)), abs=1e-2)


def test_a_paper_asks_by_its_own_vector(tmp_path: Path) -> None:
    vectors = _grouped(150)
    titles = _titles(vectors, _all(150))
    index = _index(tmp_path, vectors)
    far = Probes(titles.rows, unit(-titles.vectors), titles.words)
    near, away = (Calibration.measured(index, _all(150), each) for each in (titles, far))
    assert near.texts == away.texts
    assert near.questions != away.questions


@pytest.mark.parametrize("count", [1, 2, 3, 60, 400])
def test_papers_that_are_asked_for_are_strong_in_an_index_of_any_size(tmp_path: Path, count: int) -> None:
    vectors = _grouped(count)
    live = _all(count)
    index = _index(tmp_path, vectors)
    scale = Calibration.measured(index, live, _titles(vectors, live)).questions
    assert scale.answer <= scale.related <= scale.strong
    for row in range(count):
        asked = index.vector(row)
        found = Evidence(index.nearest(unit(asked[None]), 10, live)[0].scores)
        assert scale.bands(found)[0] == "strong"
        assert scale.close(found, count)


@pytest.mark.parametrize("count", [1, 2, 3, 60])
def test_an_index_of_one_paper_many_times(tmp_path: Path, count: int) -> None:
    vectors = np.repeat(_grouped(1), count, axis=0)
    live = _all(count)
    index = _index(tmp_path, vectors)
    scale = Calibration.measured(index, live, _titles(vectors, live)).questions
    found = Evidence(index.nearest(vectors[:1], 10, live)[0].scores)
    opposite = Evidence(-found.cosine if found.cosine is not None else None)
    assert set(scale.bands(found)) == {"strong"}
    assert set(scale.bands(opposite)) == {"weak"}
    assert scale.close(found, count)
    assert not scale.close(opposite, count)


def test_an_index_without_papers(tmp_path: Path) -> None:
    empty = np.empty((0, _DIM), np.float32)
    index = VectorIndex(tmp_path / "none", 0, _DIM, None)
    scale = Calibration.measured(index, _all(0), _titles(empty, _all(0))).questions
    assert scale.bands(Evidence(np.empty(0, np.float32))) == ()
    assert not scale.close(Evidence(np.empty(0, np.float32)), 0)
    assert not scale.close(Evidence(), 0)


def test_measured_twice_is_the_same_and_is_read_as_written(tmp_path: Path) -> None:
    vectors = _grouped(600)
    live = _all(600)
    index = _index(tmp_path, vectors)
    first, again = (Calibration.measured(index, live, _titles(vectors, live)) for _ in range(2))
    assert first == again
    assert Calibration.from_json(json.loads(json.dumps(first.to_json()))) == first


def test_replaced_papers_are_neither_asked_nor_counted() -> None:
    live = Rows.of_ids(np.arange(1, 4_000, 3), 4_000)
    rows = probe_rows(live)
    assert len(rows) == 256
    assert set(rows.tolist()) <= set(live.ids.tolist())
    assert (np.diff(rows) > 0).all()


def test_it_holds_until_a_tenth_of_the_papers_are_others() -> None:
    calibration = Calibration(_SCALE, _SCALE, 1_000)
    assert [calibration.fresh(live) for live in (899, 900, 1_000, 1_100, 1_101)] == [False, True, True, True, False]


@given(evidences)
def test_a_higher_score_never_has_a_lower_band(pairs: list[tuple[float, float]]) -> None:
    bands = [_ORDER[band] for band in _SCALE.bands(_evidence(pairs))]
    for (cosine, words), band in zip(pairs, bands, strict=True):
        for (other_cosine, other_words), other in zip(pairs, bands, strict=True):
            if cosine >= other_cosine and words >= other_words:
                assert band >= other


@given(evidences, st.integers(0, 1_000), st.floats(0, 1, width=32))
def test_more_evidence_never_takes_an_answer_away(pairs: list[tuple[float, float]], passing: int, more: float) -> None:
    found, better = _evidence(pairs), [(min(cosine + more, 1), words) for cosine, words in pairs]
    if _SCALE.close(found, passing):
        assert _SCALE.close(_evidence(better), passing)
        assert _SCALE.close(_evidence([*pairs, (0.0, 0.0)]), passing)


@given(evidences)
def test_one_leg_says_no_more_than_both(pairs: list[tuple[float, float]]) -> None:
    both = _evidence(pairs)
    for leg in (Evidence(cosine=both.cosine), Evidence(words=both.words)):
        for alone, together in zip(_SCALE.bands(leg), _SCALE.bands(both), strict=True):
            assert _ORDER[alone] <= _ORDER[together]


def test_one_strong_or_enough_related_hits_are_an_answer() -> None:
    def close(*cosines: float, passing: int = 1_000) -> bool:
        return _SCALE.close(Evidence(np.array(cosines, np.float32)), passing)

    assert close(0.61)
    assert not close(0.59)
    assert close(*[0.36] * ENOUGH)
    assert not close(*[0.36] * (ENOUGH - 1))
    assert not close(*[0.34] * 50)
    assert close(0.36, passing=60)


def test_a_name_is_found_by_its_words() -> None:
    def found(share: float) -> Evidence:
        return Evidence(np.zeros(1, np.float32), np.array([share], np.float32))

    assert _SCALE.bands(found(IN_TITLE + 0.01)) == ("strong",)
    assert _SCALE.bands(found(ONCE + 0.01)) == ("related",)
    assert _SCALE.bands(found(ONCE - 0.01)) == ("weak",)
    assert _SCALE.close(found(IN_TITLE + 0.01), 1_000)
    assert not _SCALE.close(found(ONCE + 0.01), 1_000)


def test_words_alone_are_held_to_what_titles_find() -> None:
    assert _SCALE.close(Evidence(words=np.array([0.26], np.float32)), 1_000)
    assert not _SCALE.close(Evidence(words=np.array([0.24] * 20, np.float32)), 1_000)


def test_long_texts_have_their_own_scale() -> None:
    calibration = Calibration(_SCALE, Scale(0.5, 0.7, 0.5, 0.25), 10)
    assert calibration.scale("word " * (LONG_TEXT - 1)) == calibration.questions
    assert calibration.scale("word " * LONG_TEXT) == calibration.texts


def test_a_paper_without_a_title_is_asked_for_by_its_first_words() -> None:
    abstract = " ".join(f"w{number}" for number in range(40))
    assert probe_text(Paper(title="A title", abstract=abstract)) == "A title"
    assert probe_text(Paper(abstract=abstract)).split() == [f"w{number}" for number in range(12)]


@pytest.fixture(scope="module")
def measured(sample: Searcher, embedder: Embedder) -> Calibration:
    snapshot = sample.snapshot
    rows = probe_rows(snapshot.live)
    texts = [probe_text(paper) for paper in snapshot.store.get(rows.tolist())]
    words = [_shares(snapshot, text)[snapshot.live.ids != row].max() for row, text in zip(rows, texts, strict=True)]
    titles = Probes(rows, embedder.encode(texts), np.array(words, np.float32))
    return Calibration.measured(snapshot.vectors, snapshot.live, titles)


def _shares(snapshot: Snapshot, text: str) -> NDArray[np.float32]:
    return snapshot.lexicon.scores(text, snapshot.live.ids) / np.float32(snapshot.lexicon.highest(text) or 1)


def _asked(snapshot: Snapshot, embedder: Embedder, text: str) -> Evidence:
    cosine = snapshot.vectors.scores(embedder.encode([text])[0], snapshot.live.ids)
    return Evidence(cosine, _shares(snapshot, text))


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
def test_what_the_sample_answers(sample: Searcher, embedder: Embedder, measured: Calibration, question: str) -> None:
    found = _asked(sample.snapshot, embedder, question)
    assert measured.questions.close(found, 60)
    bands = measured.questions.bands(found)
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
    sample: Searcher, embedder: Embedder, measured: Calibration, question: str
) -> None:
    found = _asked(sample.snapshot, embedder, question)
    assert not measured.questions.close(found, 60)
    assert set(measured.questions.bands(found)) == {"weak"}


@given(
    st.lists(
        st.sampled_from(
            ["model", "language", "whale", "the", "kuaishou", "zzyzx", "recommendation", "attention", "code"]
        )
    )
)
def test_no_paper_scores_more_than_the_highest(sample: Searcher, words: list[str]) -> None:
    snapshot, text = sample.snapshot, " ".join(words)
    highest = snapshot.lexicon.highest(text)
    assert (snapshot.lexicon.scores(text, snapshot.live.ids) <= highest * (1 + 1e-5)).all()
    assert (highest == 0) == (not snapshot.lexicon.terms(text))
    assert snapshot.lexicon.highest(text + " qqxqq") > highest
