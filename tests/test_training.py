"""The training scripts, run through their command lines on a dozen papers and a tiny encoder with random weights."""

import importlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="training needs torch")
transformers = pytest.importorskip("transformers", reason="training needs transformers")
tokenizers = pytest.importorskip("tokenizers", reason="training needs tokenizers")

from safetensors.numpy import load_file, save_file  # noqa: E402

from training.average import main as average  # noqa: E402
from training.embed import main as embed  # noqa: E402
from training.evaluate import main as evaluate  # noqa: E402
from training.export import main as export  # noqa: E402
from training.kinds import KINDS, SPLITS  # noqa: E402
from training.prepare import main as prepare  # noqa: E402
from training.prepare import split_of  # noqa: E402
from training.rerank import main as rerank  # noqa: E402
from training.train import main as train  # noqa: E402
from training.weights import read_weights, split_into_shards  # noqa: E402

WIDTH = 32
TOPICS = (
    "galaxies rotate",
    "proteins fold",
    "robots grasp cups",
    "markets crash",
    "networks learn",
    "graphs have cycles",
    "lasers cool atoms",
    "cells divide",
    "oceans warm",
    "primes thin out",
    "bridges sway",
    "words change meaning",
)


def run(main: Callable[[Sequence[str]], None], *arguments: object) -> None:
    main([str(argument) for argument in arguments])


def write_lines(path: Path, records: Sequence[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def write_tokenizer(path: Path) -> Path:
    """Writes a tokenizer of whole words with the special tokens of BERT's uncased vocabulary."""
    words = sorted({word for topic in TOPICS for word in topic.split()} | {"why", "do", "paper"})
    vocabulary = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102} | {
        word: 103 + at for at, word in enumerate(words)
    }
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    tokenizer.save(str(path))
    return path


def write_encoder(folder: Path, *, mpnet: bool = False) -> Path:
    """Writes an encoder of two layers with random weights."""
    sizes = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    transformers.set_seed(int(mpnet))
    if mpnet:
        configuration = transformers.MPNetConfig(vocab_size=200, **{**sizes, "hidden_size": 2 * WIDTH})
        model = transformers.MPNetModel(configuration, add_pooling_layer=False)
    else:
        configuration = transformers.BertConfig(vocab_size=200, **sizes)
        model = transformers.BertModel(configuration, add_pooling_layer=False)
    folder.mkdir()
    save_file({name: value.numpy() for name, value in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(configuration.to_json_string(), "utf-8")
    return folder


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of ``training.prepare`` for a dozen papers, of which some are in the test split."""
    folder = tmp_path_factory.mktemp("training")
    papers = [{"id": f"p{at}", "title": topic, "abstract": f"paper {topic}"} for at, topic in enumerate(TOPICS)]
    texts = [{"id": paper["id"], "kind": "summary", "text": f"why {paper['title']}"} for paper in papers]
    questions = [{"id": paper["id"], "q1": f"why do {paper['title']}", "q2": paper["title"]} for paper in papers]
    collection = folder / "judged"
    (collection / "qrels").mkdir(parents=True)
    write_lines(
        collection / "corpus.jsonl", [{"_id": "1", "title": "cells divide"}, {"_id": "2", "title": "oceans warm"}]
    )
    write_lines(collection / "queries.jsonl", [{"_id": "a", "text": "oceans warm"}])
    (collection / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\na\t2\t1\n", "utf-8")
    run(
        prepare,
        *("--papers", write_lines(folder / "papers.jsonl", papers)),
        *("--texts", write_lines(folder / "texts.jsonl", texts)),
        *("--dev", write_lines(folder / "questions.jsonl", questions)),
        *("--collection", collection),
        *("--tokenizer", write_tokenizer(folder / "tokenizer.json")),
        *("--out", folder / "arrays"),
    )
    return folder / "arrays"


def assert_unit(vectors: NDArray[np.float16], shape: tuple[int, int]) -> None:
    assert vectors.shape == shape
    assert vectors.dtype == np.float16
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=2e-3)


def test_no_text_of_a_test_paper_is_used_for_training(arrays: Path) -> None:
    queries = np.load(arrays / "queries.npz")
    splits = np.array([split_of(f"p{row}", is_dev=True) for row in range(len(TOPICS))])
    assert {"train", "test"} <= set(splits)
    assert np.array_equal(queries["test_papers"], np.flatnonzero(splits == "test"))
    assert np.array_equal(np.array(SPLITS)[queries["split"]], splits[queries["row"]])
    held_out = splits[queries["row"]] != "train"
    assert {KINDS[kind] for kind in queries["kind"][held_out]} == {"q1", "q2"}
    assert {KINDS[kind] for kind in queries["kind"][~held_out]} == {"summary", "title", "abstract", "q1", "q2"}


def test_tokens_are_those_of_each_text(arrays: Path) -> None:
    papers = np.load(arrays / "papers.npz")
    tokenizer = tokenizers.Tokenizer.from_file(str(arrays.parent / "tokenizer.json"))
    for row, topic in enumerate(TOPICS):
        tokens = papers["tokens"][papers["offsets"][row] : papers["offsets"][row + 1]]
        assert tokens.tolist() == tokenizer.encode(f"{topic}. paper {topic}").ids


def test_recipe_from_teacher_to_averaged_encoder(arrays: Path, tmp_path: Path) -> None:
    common = ("--arrays", arrays, "--device", "cpu")
    training = (*common, "--steps", 2, "--batch", 8)
    base, large = write_encoder(tmp_path / "base"), write_encoder(tmp_path / "large", mpnet=True)
    run(train, *training, "--model", large, "--out", tmp_path / "teacher")
    teacher = tmp_path / "teacher.npz"
    run(embed, *common, "--model", tmp_path / "teacher", "--dim", WIDTH, "--align", base, "--out", teacher)
    vectors, queries = np.load(teacher), np.load(arrays / "queries.npz")
    assert_unit(vectors["papers"], (len(TOPICS), WIDTH))
    assert_unit(vectors["queries"], (len(queries["row"]), WIDTH))

    run(train, *training, "--model", base, "--teacher", teacher, "--out", tmp_path / "student")
    run(train, *training, "--model", base, "--teacher", teacher, "--keep-space", "--out", tmp_path / "kept")
    run(average, "--model", tmp_path / "kept", 0.75, "--model", tmp_path / "student", 0.25, "--out", tmp_path / "small")
    kept, student, small = (read_weights(tmp_path / name) for name in ("kept", "student", "small"))
    assert kept.keys() == student.keys() == small.keys() == read_weights(base).keys()
    assert any(np.abs(kept[name] - student[name]).max() > 1e-5 for name in kept)
    for name, weight in small.items():
        np.testing.assert_allclose(weight, 0.75 * kept[name] + 0.25 * student[name], rtol=1e-3, atol=1e-6)

    run(evaluate, *common, "--model", tmp_path / "small")
    results = json.loads((tmp_path / "small" / "results.json").read_text("utf-8"))
    assert {"test q1", "test q2", "judged test"} <= results.keys()
    assert all(0 <= value <= 1 for scores in results.values() for value in scores.values())


def test_students_with_some_layers_of_the_teacher_share_its_projection(arrays: Path, tmp_path: Path) -> None:
    common = ("--arrays", arrays, "--device", "cpu")
    large, out = write_encoder(tmp_path / "large", mpnet=True), tmp_path / "one.npz"
    run(embed, *common, "--model", large, "--dim", WIDTH, "--out", tmp_path / "all.npz")
    run(train, *common, "--model", large, "--layers", 1, "--steps", 1, "--batch", 8, "--out", tmp_path / "one")
    run(embed, *common, "--model", tmp_path / "one", "--out", out)
    assert_unit(np.load(out)["papers"], (len(TOPICS), WIDTH))
    assert json.loads((tmp_path / "one" / "config.json").read_text("utf-8"))["num_hidden_layers"] == 1


def test_cross_encoder_is_trained_and_evaluated(arrays: Path, tmp_path: Path) -> None:
    common = ("--arrays", arrays, "--device", "cpu", "--model", write_encoder(tmp_path / "base"))
    vectors = tmp_path / "base.npz"
    run(embed, *common, "--out", vectors)
    run(rerank, *common, "--vectors", vectors, "--steps", 1, "--batch", 4, "--layers", 1, "--out", tmp_path / "rerank")
    results = json.loads((tmp_path / "rerank" / "results.json").read_text("utf-8"))
    assert {"dense", "20 0.01", "30 1.0"} <= results["test q1"].keys()


def test_the_average_of_equal_encoders_is_the_encoder(tmp_path: Path) -> None:
    base = write_encoder(tmp_path / "base")
    run(average, "--model", base, 2, "--model", base, 3, "--out", tmp_path / "mean")
    expected, averaged = read_weights(base), load_file(tmp_path / "mean" / "model.safetensors")
    assert averaged.keys() == expected.keys()
    for name, weight in averaged.items():
        assert weight.dtype == np.float16
        np.testing.assert_allclose(weight, expected[name], rtol=1e-3, atol=1e-6)


def test_encoders_of_other_architectures_are_not_averaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, large = write_encoder(tmp_path / "base"), write_encoder(tmp_path / "large", mpnet=True)
    with pytest.raises(SystemExit):
        run(average, "--model", base, 1, "--model", large, 1, "--out", tmp_path / "mean")
    assert "model 2 differs from the first" in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()


def test_int8_differs_by_half_a_step_per_row_at_most(tmp_path: Path) -> None:
    large = write_encoder(tmp_path / "large", mpnet=True)
    run(export, "--model", large, "--out", tmp_path / "int8")
    expected, stored = read_weights(large), read_weights(tmp_path / "int8")
    assert stored.keys() == expected.keys()
    for name, weight in expected.items():
        step = np.abs(weight).max(axis=-1, keepdims=True) / 127
        assert (np.abs(stored[name] - weight) <= step / 2 + 1e-6).all()
    run(export, "--model", tmp_path / "int8", "--out", tmp_path / "again")
    again = read_weights(tmp_path / "again")
    assert all(np.allclose(again[name], weight, rtol=1e-6) for name, weight in stored.items())


def test_shards_are_below_the_limit_and_contain_every_tensor() -> None:
    tensors: dict[str, NDArray[np.generic]] = {str(size): np.zeros(size, np.int8) for size in (40, 60, 1, 99, 100, 5)}
    shards = list(split_into_shards(tensors, limit=100))
    assert [list(shard) for shard in shards] == [["40", "60"], ["1", "99"], ["100"], ["5"]]


@pytest.mark.parametrize("name", ["average", "embed", "evaluate", "export", "prepare", "rerank", "train"])
def test_help_shows_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        importlib.import_module(f"training.{name}").main(["--help"])
    assert exit_.value.code == 0
    assert f"    python -m training.{name} --" in capsys.readouterr().out
