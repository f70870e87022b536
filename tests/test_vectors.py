"""Nearest neighbours against brute force in numpy: exact results are exact, and recall holds under any filter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import oracle
from search.checksums import BlockChecksums
from search.errors import IndexDamaged, InvalidValue
from search.rows import Ranked, Rows
from search.vectors.code_writer import DEFAULT_CODES_TUNING, write_codes
from search.vectors.file import VectorsFile, block_checksums
from search.vectors.half_precision import to_float32
from search.vectors.row_checks import RowChecks, compute_row_checksums
from search.vectors.vectors import DEFAULT_SEARCH_TUNING, VectorIndex

DIM = 32


def make_vectors(rows: int, *, seed: int = 1, dim: int = DIM) -> NDArray[np.float16]:
    """Creates unit vectors in clusters with few principal directions, like the vectors of papers."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(max(1, rows // 50), dim))
    noise = random.normal(scale=0.4, size=(rows, 8)) @ random.normal(size=(8, dim))
    return oracle.normalize_rows((centres[random.integers(0, len(centres), rows)] + noise).astype(np.float32)).astype(
        np.float16
    )


def save_vectors(path: Path, rows: NDArray[np.float16]) -> Path:
    VectorsFile(path, rows.shape[1], 0).append(rows)
    return path


def nearest(index: VectorIndex, vector: NDArray[np.float32], k: int, rows: Rows) -> Ranked:
    """Searches for one vector."""
    (ranked,) = index.nearest(vector[None], k, rows)
    return ranked


def find_nearest(vector: NDArray[np.float32], rows: NDArray[np.float16], mask: NDArray[np.bool_], k: int) -> set[int]:
    """Returns the k nearest rows that match, by brute force."""
    matching = np.flatnonzero(mask)
    scores = rows[matching].astype(np.float32) @ vector
    return set(matching[np.argsort(-scores, kind="stable")[:k]].tolist())


@pytest.fixture(scope="module")
def small_index(tmp_path_factory: pytest.TempPathFactory) -> tuple[VectorIndex, NDArray[np.float16]]:
    rows = make_vectors(500)
    return VectorIndex(save_vectors(tmp_path_factory.mktemp("v") / "v.f16", rows), len(rows), DIM, None), rows


@pytest.fixture(scope="module")
def coded_index(tmp_path_factory: pytest.TempPathFactory) -> tuple[VectorIndex, NDArray[np.float16]]:
    rows = make_vectors(24_000, dim=64)
    folder = tmp_path_factory.mktemp("coded")
    path = save_vectors(folder / "v.f16", rows)
    write_codes(rows, np.arange(len(rows)), folder / "codes", None)
    return VectorIndex(path, len(rows), 64, folder / "codes"), rows


@given(matching=st.sets(st.integers(0, 499)), k=st.integers(1, 600), row=st.integers(0, 499))
@settings(max_examples=60, deadline=None)
def test_few_matching_rows_are_scored_exactly(
    small_index: tuple[VectorIndex, NDArray[np.float16]], matching: set[int], k: int, row: int
) -> None:
    index, rows = small_index
    vector = rows[row].astype(np.float32)
    found = nearest(index, vector, k, Rows.from_ids(np.array(sorted(matching), np.int64), len(rows)))
    expected = oracle.nearest(vector, rows, sorted(matching), k)
    assert found.complete
    assert len(found.rows) == min(k, len(matching))
    assert found.scores == pytest.approx([score for _, score in expected], abs=1e-5)
    by_row = dict(oracle.nearest(vector, rows, sorted(matching), len(matching)))
    assert [by_row[r] for r in found.rows.tolist()] == pytest.approx(found.scores.tolist(), abs=1e-5)


def test_approximate_search_of_many_rows_has_high_recall(
    coded_index: tuple[VectorIndex, NDArray[np.float16]],
) -> None:
    index, rows = coded_index
    random = np.random.default_rng(3)
    found = expected = 0
    for share in (1.0, 0.7, 0.5):
        mask = random.random(len(rows)) < share
        for row in random.integers(0, len(rows), 30):
            vector = rows[row].astype(np.float32)
            ranked = nearest(index, vector, 10, Rows.from_mask(mask))
            assert not ranked.complete
            assert mask[ranked.rows].all()
            assert ranked.scores == pytest.approx(index.scores(vector, ranked.rows), abs=1e-5)
            exact = find_nearest(vector, rows, mask, 10)
            found += len(exact & set(ranked.rows.tolist()))
            expected += 10
    assert found / expected >= 0.99


@pytest.mark.parametrize("matching", ["all", "half", "far", "near"])
def test_many_results_have_high_recall(celled_index: tuple[VectorIndex, NDArray[np.float16]], matching: str) -> None:
    index, rows = celled_index
    exact, found = rows.astype(np.float32), 0
    for row in range(0, 1_000, 50):
        scores = exact @ exact[row]
        order, mask = np.argsort(-scores), np.ones(len(rows), bool)
        if matching == "half":
            mask = np.random.default_rng(row).random(len(rows)) < 0.5
        elif matching != "all":
            mask[order[:13_000] if matching == "far" else order[13_000:]] = False
        ranked = nearest(index, exact[row], 200, Rows.from_mask(mask))
        assert not ranked.complete
        assert len(set(ranked.rows.tolist())) == len(ranked.rows) == 200
        assert mask[ranked.rows].all()
        assert ranked.scores == pytest.approx(scores[ranked.rows], abs=1e-3)
        assert (np.diff(ranked.scores) <= 0).all()
        assert set(ranked.rows.tolist()) <= set(ranked.scored_rows.tolist())
        found += len(np.intersect1d(ranked.rows, order[mask[order]][:200]))
    assert found / (20 * 200) >= 0.98


def test_scores_of_rows_that_were_scored_before_are_exact(
    celled_index: tuple[VectorIndex, NDArray[np.float16]],
) -> None:
    index, rows = celled_index
    exact = rows.astype(np.float32)
    sets = [np.random.default_rng(size).permutation(len(rows))[:size] for size in (900, 3_000, 2_000, 5_000)]
    for query, which in enumerate((1, 1, 0, 1, 2, 3, 2, 1, 3, 3)):
        ids, vector = sets[which], exact[query]
        assert index.scores(vector, ids) == pytest.approx(exact[ids] @ vector, abs=1e-4)


def test_the_most_promising_rows_have_the_best_codes(
    celled_index: tuple[VectorIndex, NDArray[np.float16]],
) -> None:
    index, rows = celled_index
    ranked = nearest(index, rows[3].astype(np.float32), 200, Rows.from_mask(np.ones(len(rows), bool)))
    code_of = dict(zip(ranked.scored_rows.tolist(), ranked.scored_codes.tolist(), strict=True))
    promising = ranked.most_promising_rows(250)
    assert len(promising) == 250
    assert min(code_of[row] for row in promising.tolist()) == sorted(code_of.values())[-250]
    assert set(ranked.most_promising_rows(10**6).tolist()) == set(code_of)


def test_all_finite_half_precision_numbers_are_converted() -> None:
    numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = numbers[np.isfinite(numbers)]
    converted = to_float32(finite)
    assert np.array_equal(converted.view(np.uint32), finite.astype(np.float32).view(np.uint32))


def test_an_anticorrelated_filter_keeps_recall(coded_index: tuple[VectorIndex, NDArray[np.float16]]) -> None:
    index, rows = coded_index
    found = 0
    for row in range(0, 200, 10):
        vector = rows[row].astype(np.float32)
        opposite = rows[np.argmin(rows.astype(np.float32) @ vector)].astype(np.float32)
        mask = np.zeros(len(rows), bool)
        mask[np.argsort(rows.astype(np.float32) @ opposite)[-11_000:]] = True
        ranked = nearest(index, vector, 10, Rows.from_mask(mask))
        exact = find_nearest(vector, rows, mask, 10)
        assert not ranked.complete
        found += len(exact & set(ranked.rows.tolist()))
    assert found >= 0.98 * 200


def test_match_count_decides_the_strategy(coded_index: tuple[VectorIndex, NDArray[np.float16]]) -> None:
    index, rows = coded_index
    limit = DEFAULT_SEARCH_TUNING.exact_max_rows
    vector = rows[5].astype(np.float32)
    assert nearest(index, vector, 5, Rows.from_ids(np.arange(limit), len(rows))).complete
    assert not nearest(index, vector, 5, Rows.from_ids(np.arange(limit + 1), len(rows))).complete


def test_tuning_moves_the_limit_of_exact_search(tmp_path: Path) -> None:
    rows = make_vectors(1_000)
    path = save_vectors(tmp_path / "v.f16", rows)
    write_codes(rows, np.arange(len(rows)), tmp_path / "codes", None, replace(DEFAULT_CODES_TUNING, rows_per_cell=50))
    vector, everything = rows[3].astype(np.float32), Rows.from_mask(np.ones(len(rows), bool))
    for limit, complete in ((999, False), (1_000, True)):
        tuning = replace(DEFAULT_SEARCH_TUNING, exact_max_rows=limit)
        ranked = nearest(VectorIndex(path, len(rows), DIM, tmp_path / "codes", tuning), vector, 5, everything)
        assert ranked.complete == complete
        assert ranked.rows[0] == 3
    one_in_two = replace(DEFAULT_SEARCH_TUNING, exact_max_rows=10, exact_row_divisor=2)
    index = VectorIndex(path, len(rows), DIM, tmp_path / "codes", one_in_two)
    assert nearest(index, vector, 5, Rows.from_ids(np.arange(500), len(rows))).complete
    assert not nearest(index, vector, 5, Rows.from_ids(np.arange(501), len(rows))).complete


@pytest.fixture(scope="module")
def celled_index(tmp_path_factory: pytest.TempPathFactory) -> tuple[VectorIndex, NDArray[np.float16]]:
    """Codes in 300 cells with a grouped coarse quantizer, as an index of 300,000 rows has."""
    rows, folder = make_vectors(24_000, dim=64), tmp_path_factory.mktemp("celled")
    write_codes(rows, np.arange(len(rows)), folder / "codes", None, replace(DEFAULT_CODES_TUNING, rows_per_cell=80))
    return VectorIndex(save_vectors(folder / "v.f16", rows), len(rows), 64, folder / "codes"), rows


def measure_recall(
    index: VectorIndex, rows: NDArray[np.float16], queries: list[tuple[int, NDArray[np.bool_]]]
) -> float:
    """Returns recall@10 and checks that expected_recall is close to it.

    Args:
        index: the index.
        rows: its vectors.
        queries: for each query, the row whose vector is searched for and a mask of the matching rows.
    """
    exact, found, expected = rows.astype(np.float32), 0, 0.0
    for row, mask in queries:
        matching = np.flatnonzero(mask)
        ranked = nearest(index, exact[row], 10, Rows.from_mask(mask))
        best = matching[np.argsort(-(exact[matching] @ exact[row]), kind="stable")[:10]]
        assert mask[ranked.rows].all()
        found += len(np.intersect1d(ranked.rows, best))
        expected += ranked.expected_recall
    recall = found / len(queries) / 10
    # The tolerance is wide because the tails are tuned to the vectors of papers, which these only resemble.
    assert recall == pytest.approx(expected / len(queries), abs=0.04)
    return recall


def test_queries_scan_some_cells_with_high_recall(
    celled_index: tuple[VectorIndex, NDArray[np.float16]],
) -> None:
    index, rows = celled_index
    everything = Rows.from_mask(np.ones(len(rows), bool))
    scanned = [nearest(index, rows[row].astype(np.float32), 10, everything).scanned for row in range(0, 2_000, 50)]
    assert np.mean(scanned) < 0.8 * len(rows)
    assert measure_recall(index, rows, [(row, everything.mask) for row in range(0, 6_000, 50)]) >= 0.97


@pytest.mark.parametrize("share", [0.5, 0.7])
def test_an_uncorrelated_filter_keeps_recall_in_cells(
    celled_index: tuple[VectorIndex, NDArray[np.float16]], share: float
) -> None:
    index, rows = celled_index
    mask = np.random.default_rng(3).random(len(rows)) < share
    assert measure_recall(index, rows, [(row, mask) for row in range(0, 6_000, 50)]) >= 0.97


@pytest.mark.parametrize("near", [True, False])
def test_a_correlated_filter_keeps_recall_in_cells(
    celled_index: tuple[VectorIndex, NDArray[np.float16]], near: bool
) -> None:
    index, rows = celled_index
    exact, queries = rows.astype(np.float32), []
    for row in range(0, 1_000, 20):
        order = np.argsort(exact @ exact[row])
        mask = np.zeros(len(rows), bool)
        mask[order[-11_000:] if near else order[:11_000]] = True
        queries.append((row, mask))
    # The best of the far rows have nearly equal scores, which makes them harder to rank.
    assert measure_recall(index, rows, queries) >= (0.97 if near else 0.95)


def test_after_a_third_of_the_rows_is_replaced_recall_is_the_same(tmp_path: Path) -> None:
    rows = np.concatenate((make_vectors(24_000, dim=64), make_vectors(8_000, dim=64, seed=2)))
    live = np.ones(len(rows), bool)
    live[np.random.default_rng(5).choice(24_000, 8_000, replace=False)] = False
    path = save_vectors(tmp_path / "v.f16", rows)
    write_codes(rows[:24_000], np.arange(24_000), tmp_path / "one", None)
    write_codes(rows, np.flatnonzero(live), tmp_path / "two", tmp_path / "one")
    index = VectorIndex(path, len(rows), 64, tmp_path / "two")
    queries = [(row, live) for row in np.flatnonzero(live)[::200].tolist()]
    assert measure_recall(index, rows, queries) >= 0.97


def test_identical_rows_are_all_found(tmp_path: Path) -> None:
    rows = np.repeat(make_vectors(1, dim=64), 21_000, axis=0)
    write_codes(rows, np.arange(len(rows)), tmp_path / "codes", None)
    index = VectorIndex(save_vectors(tmp_path / "v.f16", rows), len(rows), 64, tmp_path / "codes")
    ranked = nearest(index, rows[0].astype(np.float32), 10, Rows.from_mask(np.ones(len(rows), bool)))
    assert ranked.scores == pytest.approx(np.ones(10), abs=1e-3)
    assert len(set(ranked.rows.tolist())) == 10


def test_batch_search_equals_single_searches(celled_index: tuple[VectorIndex, NDArray[np.float16]]) -> None:
    index, rows = celled_index
    everything, queries = Rows.from_mask(np.ones(len(rows), bool)), rows[:40].astype(np.float32)
    batch = index.nearest(queries, 10, everything)
    assert [ranked.rows.tolist() for ranked in batch] == [
        nearest(index, query, 10, everything).rows.tolist() for query in queries
    ]
    assert index.nearest(queries[:0], 10, everything) == []


@pytest.mark.parametrize(
    ("invalid", "message"),
    [
        (np.ones((1, DIM), np.float64), "float64"),
        (np.ones((1, DIM + 1), np.float32), f"shape .n, {DIM}."),
        (np.ones(DIM, np.float32), "float32 .32,."),
        (np.full((1, DIM), np.nan, np.float32), "finite vectors of length 1"),
        (np.zeros((1, DIM), np.float32), "length 1"),
    ],
)
def test_non_unit_vectors_are_rejected(
    small_index: tuple[VectorIndex, NDArray[np.float16]], invalid: NDArray[np.float32], message: str
) -> None:
    index, rows = small_index
    with pytest.raises(InvalidValue, match=message):
        index.nearest(invalid, 5, Rows.from_mask(np.ones(len(rows), bool)))


def test_invalid_k_and_rows_are_rejected(
    small_index: tuple[VectorIndex, NDArray[np.float16]],
) -> None:
    index, rows = small_index
    vector, everything = rows[:1].astype(np.float32), Rows.from_mask(np.ones(len(rows), bool))
    with pytest.raises(InvalidValue, match="at least 1"):
        index.nearest(vector, 0, everything)
    with pytest.raises(InvalidValue, match="universe of 500"):
        index.nearest(vector, 5, Rows.from_ids(np.arange(3), 499))
    for ids in ([3, 3], [4, 2], [-1, 2], [499, 500]):
        with pytest.raises(ValueError, match="ascend"):
            Rows.from_ids(np.array(ids), 500)
    assert len(index.nearest(vector, 10_000, everything)[0].rows) == len(rows)
    empty = index.nearest(vector, 5, Rows.from_ids(np.empty(0, np.int64), len(rows)))[0]
    assert (empty.rows.tolist(), empty.complete, empty.scored) == ([], True, 0)


def test_replaced_rows_in_a_row_set_are_scored(small_index: tuple[VectorIndex, NDArray[np.float16]]) -> None:
    index, rows = small_index  # the vector index does not know which rows are replaced; Snapshot removes them
    assert nearest(index, rows[7].astype(np.float32), 1, Rows.from_ids(np.array([7]), len(rows))).rows.tolist() == [7]


@given(mask=st.lists(st.booleans(), max_size=200).map(lambda bits: np.array(bits, bool)), row=st.integers(0, 199))
def test_row_numbers_and_bitmaps_represent_the_same_set(mask: NDArray[np.bool_], row: int) -> None:
    ids = np.flatnonzero(mask)
    from_ids, from_mask = Rows.from_ids(ids, len(mask)), Rows.from_mask(mask)
    for rows in (from_ids, from_mask):
        assert (len(rows), list(rows), rows.ids.tolist()) == (len(ids), ids.tolist(), ids.tolist())
        assert np.array_equal(rows.mask, mask)
        assert np.array_equal(rows.contains(np.arange(len(mask))), mask)
        if row < len(mask):
            assert (row in rows) == mask[row]
            assert rows.without(row).ids.tolist() == [each for each in ids.tolist() if each != row]
    assert np.array_equal(from_ids.bitmap, from_mask.bitmap)


def test_codes_grow_with_their_rows(tmp_path: Path) -> None:
    rows = make_vectors(22_000, dim=64)
    path = save_vectors(tmp_path / "v.f16", rows[:20_000])
    write_codes(rows[:20_000], np.arange(20_000), tmp_path / "one", None)
    VectorsFile(path, 64, 20_000).append(rows[20_000:])
    write_codes(rows, np.arange(22_000), tmp_path / "two", tmp_path / "one")
    index = VectorIndex(path, 22_000, 64, tmp_path / "two")
    everything = Rows.from_mask(np.ones(22_000, bool))
    for row in (3, 20_000, 21_999):
        assert nearest(index, rows[row].astype(np.float32), 1, everything).rows.tolist() == [row]


def test_trailing_uncommitted_rows_are_truncated(tmp_path: Path) -> None:
    rows = make_vectors(10)
    path = save_vectors(tmp_path / "v.f16", rows)
    with path.open("ab") as file:
        file.write(b"a partial row")
    reopened = VectorsFile(path, DIM, 8)
    assert path.stat().st_size == 8 * DIM * 2
    assert (reopened.read(7) == rows[7]).all()
    with pytest.raises(IndexDamaged, match="shorter than 9 vectors"):
        VectorsFile(path, DIM, 9)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 5), dim=st.integers(1, 33), data=st.data())
def test_a_row_with_any_altered_byte_is_damaged(rows: int, dim: int, data: st.DataObject) -> None:
    vectors = np.random.default_rng(dim).standard_normal((rows, dim)).astype(np.float16)
    checks = RowChecks(Path("v.f16"), vectors, compute_row_checksums(vectors))
    place = data.draw(st.integers(0, vectors.nbytes - 1))
    vectors.reshape(-1).view(np.uint8)[place] ^= data.draw(st.integers(1, 255))
    altered = place // (2 * dim)
    others = np.array([row for row in range(rows) if row != altered], np.int64)
    checks.check(others)
    with pytest.raises(IndexDamaged, match=f"row {altered} "):
        checks.check(np.arange(rows))
    checks.check(others)


def test_checksums_cover_blocks_and_change_with_one_bit(tmp_path: Path) -> None:
    path = save_vectors(tmp_path / "v.f16", make_vectors(10))
    before = block_checksums(path, 10, DIM, block_rows=4)
    assert len(before) == 3
    assert block_checksums(path, 8, DIM, block_rows=4) == before[:2]
    known = (before[0], "full block")
    assert block_checksums(path, 10, DIM, BlockChecksums(8, known), block_rows=4) == (*known, before[2])
    content = bytearray(path.read_bytes())
    content[5 * DIM * 2] ^= 1
    path.write_bytes(content)
    after = block_checksums(path, 10, DIM, block_rows=4)
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, False, True]


@given(rows=st.integers(1, 12), published=st.integers(0, 12), damaged=st.integers(0, 11))
def test_published_bytes_are_compared_before_they_get_a_new_checksum(
    tmp_path_factory: pytest.TempPathFactory, rows: int, published: int, damaged: int
) -> None:
    path = save_vectors(tmp_path_factory.mktemp("blocks") / "v.f16", make_vectors(12))
    known = BlockChecksums(published, block_checksums(path, published, DIM, block_rows=4))
    whole = block_checksums(path, rows, DIM, block_rows=4)
    assert block_checksums(path, rows, DIM, known, block_rows=4) == whole
    content = bytearray(path.read_bytes())
    content[damaged * DIM * 2] ^= 1
    path.write_bytes(content)
    lost_tail = published > rows and damaged >= rows // 4 * 4  # its block was published with later rows
    is_published = damaged < min(rows, published) and not lost_tail
    try:
        extended = block_checksums(path, rows, DIM, known, block_rows=4)
    except IndexDamaged:
        assert is_published
    else:
        assert (extended != block_checksums(path, rows, DIM, block_rows=4)) == is_published
