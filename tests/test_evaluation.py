"""papers eval: measures compared with ir_measures and hand-computed values, comparison of runs, error messages."""

import bz2
import gzip
import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
import zstandard

from cli_call import run
from fake_embedder import FakeEmbedder
from search.errors import InvalidValue, SourceError
from search.searcher import Searcher
from service.evaluation.beir import RetrievalSet, corpus_ids
from service.evaluation.measure import RunOptions, build_index, run_queries
from service.evaluation.runs import MEASURES, Difference, Run, RunDescription, compare_runs

TEXTS = {
    "d1": ("Galaxies", "The spectrum of a galaxy tells how fast it moves away."),
    "d2": ("Caches", "A cache keeps what is asked for again, so that nothing is read twice."),
    "d3": ("", "Proofs in a lattice of types are found by a machine that searches for them."),
    "d4": ("Attention", "Attention over tokens costs the square of their number, which pruning lowers."),
    "d5": ("", ""),
}
COMPRESSORS = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.compress, ".bz2": bz2.compress}
QUERIES = {"1": "galaxy spectrum", "2": "cache", "3": "lattice proofs", "4": "pruning of tokens", "5": "never judged"}
JUDGMENTS = {"1": {"d1": 2, "d4": 0}, "2": {"d2": 1, "d1": 1}, "3": {"d3": 1}, "4": {"d4": 1, "d5": 3}}


def to_json_lines(objects: Iterable[object]) -> str:
    return "".join(json.dumps(each) + "\n" for each in objects)


def corpus_lines(texts: dict[str, tuple[str, str]]) -> str:
    return to_json_lines({"_id": name, "title": title, "text": text} for name, (title, text) in texts.items())


def qrels_text(judged: dict[str, dict[str, int]]) -> str:
    rows = [f"{query}\t{paper}\t{grade}" for query, grades in judged.items() for paper, grade in grades.items()]
    return "\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A retrieval set."""
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(corpus_lines(TEXTS), "utf-8")
    (folder / "queries.jsonl").write_text(
        to_json_lines({"_id": q, "text": text} for q, text in QUERIES.items()), "utf-8"
    )
    (folder / "qrels" / "test.tsv").write_text(qrels_text(JUDGMENTS), "utf-8")
    return folder


def evaluate(folder: Path, index: Path, mode: Any = "hybrid", **chosen: Any) -> Run:
    truth, embedder = RetrievalSet.read(folder, **chosen), FakeEmbedder()
    made = build_index(truth, truth.read_corpus_info(), embedder, index)
    return run_queries(Searcher(made, lambda _model: embedder), truth, truth.read_corpus_info(), RunOptions(mode))


def test_every_judged_query_is_evaluated(folder: Path, tmp_path: Path) -> None:
    run = evaluate(folder, tmp_path / "index")
    assert list(run.rankings) == ["1", "2", "3", "4"]
    assert {query: ranking[0] for query, ranking in run.rankings.items()} == {
        "1": "d1",
        "2": "d2",
        "3": "d3",
        "4": "d4",
    }
    assert all(set(ranking) == {"d1", "d2", "d3", "d4"} for ranking in run.rankings.values())
    found = {q: {name: -float(place) for place, name in enumerate(ranking)} for q, ranking in run.rankings.items()}
    wanted = [ir_measures.parse_measure(name) for name in MEASURES]
    expected = {str(name): value for name, value in ir_measures.calc_aggregate(wanted, JUDGMENTS, found).items()}
    assert run.means == pytest.approx(expected)
    discount = 1 / np.log2(3)
    assert run.measures["nDCG@10"]["4"] == pytest.approx(1 / (3 + discount))  # d5 has no text: nothing can find it
    assert run.measures["R@100"]["4"] == 0.5
    assert run.measures["RR"] == {"1": 1.0, "2": 1.0, "3": 1.0, "4": 1.0}


def test_a_query_that_finds_nothing_counts_as_zero(folder: Path, tmp_path: Path) -> None:
    (folder / "queries.jsonl").write_text(
        to_json_lines(
            {"_id": q, "text": "?" if q == "2" else " " if q == "3" else text} for q, text in QUERIES.items()
        ),
        "utf-8",
    )
    run = evaluate(folder, tmp_path / "index", "lexical")
    assert (run.rankings["2"], run.rankings["3"]) == ((), ())
    assert run.measures["RR"] == {"1": 1.0, "2": 0.0, "3": 0.0, "4": 1.0}


def test_records_that_are_one_paper_are_all_found(folder: Path, tmp_path: Path) -> None:
    more = {**TEXTS, "d6": TEXTS["d2"], "10": TEXTS["d2"]}
    (folder / "corpus.jsonl").write_text(corpus_lines(more), "utf-8")
    run = evaluate(folder, tmp_path / "index")
    assert set(run.rankings["2"][:3]) == {"d2", "d6", "10"}
    assert set(run.rankings["2"]) == {"d1", "d2", "d3", "d4", "d6", "10"}
    assert run.description.papers == 4


def compress(path: Path, extension: str) -> Path:
    """Replaces a file by a compressed one."""
    compressed = path.with_name(path.name + extension)
    compressed.write_bytes(COMPRESSORS[extension](path.read_bytes()))
    path.unlink()
    return compressed


@pytest.mark.parametrize("extension", COMPRESSORS)
def test_compressed_files_are_the_same_set(folder: Path, extension: str) -> None:
    plain = RetrievalSet.read(folder)
    digest = plain.read_corpus_info()
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        compress(folder / name, extension)
    packed = RetrievalSet.read(folder)
    assert packed == plain
    assert packed.read_corpus_info() == digest
    found = [corpus_ids(paper) for paper in packed.iter_papers() if not isinstance(paper, SourceError)]
    assert found == [["d1"], ["d2"], ["d3"], ["d4"]]


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
@pytest.mark.parametrize("extension", COMPRESSORS)
@pytest.mark.parametrize("cut", [0.5, 0.9])
def test_a_truncated_file_is_named(folder: Path, tmp_path: Path, name: str, extension: str, cut: float) -> None:
    file = compress(folder / name, extension)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * cut)])
    with pytest.raises(SourceError, match=rf"{file.name}: cannot be read to its end: .+"):
        evaluate(folder, tmp_path / "index")


def test_a_truncated_file_fails_the_command(folder: Path) -> None:
    file = compress(folder / "qrels" / "test.tsv", ".gz")
    file.write_bytes(file.read_bytes()[:-12])
    failed = run("eval", str(folder))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"papers: {file}: cannot be read to its end: Compressed file ended before")


@pytest.mark.parametrize("text", ["", '{"source": "0123', "[]", "{}", "3", "\ud800"])
def test_a_damaged_marker_file_is_named(folder: Path, tmp_path: Path, text: str) -> None:
    evaluate(folder, tmp_path / "index")
    (tmp_path / "index" / "retrieval-set.json").write_text(text, "utf-8", "surrogatepass")
    with pytest.raises(InvalidValue, match=r"retrieval-set\.json is damaged; remove the folder"):
        evaluate(folder, tmp_path / "index")


def test_authors_and_dates_come_from_the_metadata(folder: Path) -> None:
    about = {"authors": ["Perlis, A. J."], "published": "1958-12"}
    (folder / "corpus.jsonl").write_text(
        to_json_lines([{"_id": 7, "title": "A", "text": "B", "metadata": about}]), "utf-8"
    )
    (paper,) = RetrievalSet.read(folder).iter_papers()
    assert not isinstance(paper, SourceError)
    assert (corpus_ids(paper), paper.authors, str(paper.published)) == (["7"], ("Perlis, A. J.",), "1958-12")


def test_even_and_odd_queries_share_the_split(folder: Path) -> None:
    halves = [list(RetrievalSet.read(folder, query_subset=part).queries) for part in ("even", "odd")]
    assert halves == [["2", "4"], ["1", "3"]]
    (folder / "qrels" / "test.tsv").write_text(qrels_text({"q-1": {"d1": 1}}), "utf-8")
    with pytest.raises(InvalidValue, match="is not a number; use all"):
        RetrievalSet.read(folder, query_subset="even")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "corpus.jsonl").unlink(), r"it lacks corpus\.jsonl"),
        (lambda folder: (folder / "queries.jsonl").unlink(), r"it lacks queries\.jsonl"),
        (lambda folder: (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv"), "the splits are dev"),
        (lambda folder: (folder / "qrels" / "test.tsv").unlink(), r"there is no qrels/\*\.tsv"),
        (lambda folder: (folder / "qrels" / "test.tsv").write_text("9\td1\t1\n"), "judges query 9, which"),
        (lambda folder: (folder / "qrels" / "test.tsv").write_text("q\tp\tscore\n"), "judges none of these queries"),
    ],
)
def test_missing_files_are_named(folder: Path, break_it: Any, message: str) -> None:
    break_it(folder)
    with pytest.raises(InvalidValue, match=message):
        RetrievalSet.read(folder)


def test_malformed_lines_are_named(folder: Path) -> None:
    (folder / "qrels" / "test.tsv").write_text("1\td1\tmuch\n", "utf-8")
    with pytest.raises(SourceError, match=r"test\.tsv:1: .* not a query ID, a corpus ID and a whole number"):
        RetrievalSet.read(folder)
    (folder / "queries.jsonl").write_text('{"_id": "1"}\n', "utf-8")
    with pytest.raises(SourceError, match=r"queries\.jsonl:1: text: 'None' is not a string"):
        RetrievalSet.read(folder)
    (folder / "queries.jsonl").write_text("no\n", "utf-8")
    with pytest.raises(SourceError, match=r"queries\.jsonl:1: not JSON"):
        RetrievalSet.read(folder)
    with pytest.raises(InvalidValue, match="no such folder"):
        RetrievalSet.read(folder / "nowhere")
    with pytest.raises(InvalidValue, match="choose one of all, even, odd"):
        RetrievalSet.read(folder, query_subset="some")  # type: ignore[arg-type]


def test_an_index_is_cached_and_rejects_other_folders(folder: Path, tmp_path: Path) -> None:
    truth, embedder, index = RetrievalSet.read(folder), FakeEmbedder(), tmp_path / "index"
    build_index(truth, truth.read_corpus_info(), embedder, index)
    texts = len(embedder.texts)
    build_index(truth, truth.read_corpus_info(), embedder, index)
    assert len(embedder.texts) == texts
    with pytest.raises(InvalidValue, match="another corpus, model or version"):
        build_index(truth, truth.read_corpus_info(), FakeEmbedder(name="other"), index)
    (folder / "corpus.jsonl").write_text(corpus_lines({"d1": TEXTS["d1"]}), "utf-8")
    with pytest.raises(InvalidValue, match="another corpus, model or version"):
        build_index(truth, truth.read_corpus_info(), embedder, index)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "papers.sqlite").write_bytes(b"")
    with pytest.raises(InvalidValue, match="not an index of a retrieval set"):
        build_index(truth, truth.read_corpus_info(), embedder, tmp_path / "mine")


def test_an_interrupted_index_is_completed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth, embedder, index = RetrievalSet.read(folder), FakeEmbedder(), tmp_path / "index"
    with monkeypatch.context() as patch:
        patch.setattr("indexer.build.publish", lambda _library: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            build_index(truth, truth.read_corpus_info(), embedder, index)
    texts = len(embedder.texts)
    made = build_index(truth, truth.read_corpus_info(), embedder, index)
    assert Searcher(made, lambda _model: embedder).snapshot.manifest.live == 4
    assert len(embedder.texts) - texts <= 4  # titles for the calibration; no paper is embedded again


def make_run(values: list[float], queries: list[str] | None = None, **description: Any) -> Run:
    names = queries or [str(number) for number in range(len(values))]
    fields: dict[str, Any] = {"corpus": "c", "split": "test", **description}
    described = RunDescription(name="s", query_subset="all", mode="hybrid", model="m", papers=1, depth=100, **fields)
    scores = dict(zip(names, values, strict=True))
    return Run(described, dict.fromkeys(names, ()), dict.fromkeys(MEASURES, scores))


def test_significant_differences_are_detected() -> None:
    random = np.random.default_rng(5)
    base = random.random(200)
    better, same = base + random.normal(0.05, 0.1, 200), base + random.normal(0, 0.1, 200)
    found = compare_runs(make_run(better.tolist()), make_run(base.tolist()))["AP"]
    assert found.mean == pytest.approx((better - base).mean())
    error = (better - base).std(ddof=1) / np.sqrt(200)
    assert (found.low, found.high) == pytest.approx((found.mean - 1.96 * error, found.mean + 1.96 * error), abs=0.003)
    assert found.p < 0.001
    assert compare_runs(make_run(same.tolist()), make_run(base.tolist()))["AP"].p > 0.05
    nothing = compare_runs(make_run(base.tolist()), make_run(base.tolist()))["AP"]
    assert (nothing.mean, nothing.low, nothing.high, nothing.p) == (0, 0, 0, 1)


def test_the_randomization_test_is_exact_for_few_queries() -> None:
    """If all of four queries are better by one, 2 of the 16 sign flips are as extreme."""
    found = compare_runs(make_run([1.0] * 4), make_run([0.0] * 4))["RR"]
    assert found.p == 1 / 8


def test_a_comparison_is_reproducible() -> None:
    random = np.random.default_rng(6)
    run, baseline = make_run(random.random(100).tolist()), make_run(random.random(100).tolist())
    assert compare_runs(run, baseline) == compare_runs(run, baseline)
    assert run.intervals == run.intervals


def test_a_single_query_has_no_spread() -> None:
    run = make_run([0.75])
    assert run.intervals["AP"] == (0.75, 0.75)
    assert compare_runs(run, make_run([0.5]))["AP"] == Difference(0.25, 0.25, 0.25, 1.0)


def test_runs_of_other_papers_or_queries_are_not_compared() -> None:
    with pytest.raises(InvalidValue, match="its corpus differs"):
        compare_runs(make_run([1.0]), make_run([1.0], corpus="d"))
    with pytest.raises(InvalidValue, match="give a run of the same queries: test split, queries all"):
        compare_runs(make_run([1.0]), make_run([1.0], ["7"], split="train"))


def test_a_saved_run_is_loaded_unchanged(folder: Path, tmp_path: Path) -> None:
    run = evaluate(folder, tmp_path / "index")
    run.save(tmp_path / "run.jsonl")
    assert Run.load(tmp_path / "run.jsonl") == run
    for text in ("", "{}\n", "[1]\n", '{"run": {}}\n', "no"):
        (tmp_path / "other").write_text(text, "utf-8")
        with pytest.raises(InvalidValue, match="not a run"):
            Run.load(tmp_path / "other")
    with pytest.raises(InvalidValue, match="cannot read the file"):
        Run.load(tmp_path / "nowhere")


def test_unknown_modes_are_rejected() -> None:
    with pytest.raises(InvalidValue, match="choose one of hybrid"):
        RunOptions("both")  # type: ignore[arg-type]


def test_the_command_measures_compares_and_keeps_its_index(folder: Path, tmp_path: Path) -> None:
    at, saved = ["--index", str(tmp_path / "index")], str(tmp_path / "words.jsonl")
    words = run("eval", str(folder), "--mode", "lexical", "--run-out", saved, *at)
    assert words.returncode == 0, words.stderr
    assert "4 papers indexed, 1 skipped" in words.stderr
    assert "tiny, test split: 4 queries, 4 papers; lexical" in words.stdout
    done = run("eval", str(folder), "--json", "--against", saved, *at)
    assert done.returncode == 0, done.stderr
    assert "indexed" not in done.stderr
    answer = json.loads(done.stdout)
    assert {*MEASURES} <= set(answer)
    assert (answer["schema_version"], answer["dataset"], answer["queries"], answer["mode"]) == (1, "tiny", 4, "hybrid")
    assert set(answer["comparison"]) == {*MEASURES}
    assert answer["comparison"]["RR"]["mean"] == pytest.approx(answer["RR"] - 1.0)
    failed = run("eval", str(folder), "--split", "dev", *at)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "papers: invalid --split 'dev'" in failed.stderr
