"""Damaged files of an index are reported as IndexDamaged, with the file, the problem and the repair; no open leaks."""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fake_embedder import FakeEmbedder
from indexer import doctor, generations
from indexer.build import index
from search.errors import IndexDamaged
from search.index.layout import Manifest
from search.index.snapshot import Snapshot
from search.papers.json import Json
from search.query.query import Query
from search.searcher import Searcher

HINT = "run papers doctor --repair"
GENERATION = "gen-000001"
WRONG_VALUES: tuple[Json, ...] = (None, True, -1, 1.5, "text", [], [1], {}, float("nan"))
MANIFEST_KEYS = (
    "format",
    "generation",
    "rows",
    "live",
    "trained_on",
    "vectors_sha256",
    "papers_sha256",
    "files",
    "model",
    *(
        f"model.{key}"
        for key in (
            "name",
            "weights_sha256",
            "dim",
            "max_tokens",
            "pooling",
            "normalisation",
            "template",
            "precision",
        )
    ),
    *(f"files.0.{key}" for key in ("path", "bytes", "sha256")),
)
CALIBRATION_KEYS = (
    "questions",
    "texts",
    "papers",
    *(f"{kind}.{key}" for kind in ("questions", "texts") for key in ("related", "strong", "answer", "words")),
)


@pytest.fixture(scope="module")
def intact_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damage")
    records = [{"title": f"On galaxy {n}", "abstract": f"About star {n}.", "authors": ["Ada Byron"]} for n in range(12)]
    (folder / "papers.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
    index([folder / "papers.jsonl"], folder / "index", FakeEmbedder())
    return folder / "index"


@pytest.fixture
def directory(intact_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the index that a test may damage."""
    monkeypatch.setattr(generations, "known_identities", lambda: (FakeEmbedder().model,))
    shutil.copytree(intact_index, tmp_path / "index")
    return tmp_path / "index"


def change(fields: Json, key: str, edit: Callable[[dict[str, Json], str], None]) -> None:
    """Edits the key at a dotted path; a number selects from a list."""
    *parents, last = key.split(".")
    for parent in parents:
        fields = fields[int(parent)] if isinstance(fields, list) else fields[parent]  # type: ignore[index, call-overload]
    assert isinstance(fields, dict)
    edit(fields, last)


def remove(fields: dict[str, Json], key: str) -> None:
    del fields[key]


def set_to(value: Json) -> Callable[[dict[str, Json], str], None]:
    def edit(fields: dict[str, Json], key: str) -> None:
        fields[key] = value

    return edit


def edit_manifest(directory: Path, key: str, edit: Callable[[dict[str, Json], str], None]) -> None:
    """Edits the manifest and signs it again, so that only the edited key is wrong."""
    path = directory / GENERATION / "manifest.json"
    body = json.loads(path.read_text("utf-8"))["manifest"]
    change(body, key, edit)
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    path.write_text(json.dumps({"manifest": body, "sha256": hashlib.sha256(canonical).hexdigest()}), "utf-8")


def edit_calibration(directory: Path, key: str, edit: Callable[[dict[str, Json], str], None]) -> None:
    """Edits the calibration and records its new size and checksum in the manifest."""
    path = directory / GENERATION / "confidence.json"
    fields = json.loads(path.read_text("utf-8"))
    change(fields, key, edit)
    write_and_record(path, json.dumps(fields).encode())


def write_and_record(path: Path, content: bytes) -> None:
    """Replaces a file of the generation and its record in the manifest."""
    path.write_bytes(content)

    def record(fields: dict[str, Json], _key: str) -> None:
        for file in fields["files"]:  # type: ignore[union-attr]
            if file["path"] == path.name:  # type: ignore[index, call-overload]
                file.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())  # type: ignore[union-attr]

    edit_manifest(path.parents[1], "files", record)


def open_file_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  a Path would open one more while it lists


def assert_repairable(directory: Path) -> None:
    assert doctor.examine(directory)
    doctor.repair(directory, lambda _model: FakeEmbedder())
    assert doctor.examine(directory) == []
    assert len(Searcher(directory, lambda _model: FakeEmbedder()).search(Query("galaxy 3")).hits) == 10


def is_valid(key: str, value: Json) -> bool:
    """Whether a value has the type of a key."""
    last = key.rpartition(".")[2]
    if last in ("format", "rows", "live", "trained_on", "dim", "max_tokens", "bytes", "papers"):
        return False
    if last in ("related", "strong", "answer", "words"):
        return value in (-1, 1.5)
    if last in ("files", "vectors_sha256", "papers_sha256"):
        return value == []
    return value == "text" and last not in ("model", "questions", "texts")


@pytest.mark.parametrize("key", MANIFEST_KEYS)
def test_a_missing_key_of_the_manifest_is_named(directory: Path, key: str) -> None:
    edit_manifest(directory, key, remove)
    with pytest.raises(IndexDamaged) as caught:
        Snapshot.open(directory)
    message = str(caught.value)
    assert message.startswith(f"{directory / GENERATION / 'manifest.json'}: the key manifest.")
    assert message.endswith(f"{key.rpartition('.')[2]} is missing; {HINT}")


@pytest.mark.parametrize("key", MANIFEST_KEYS)
def test_a_wrong_type_in_the_manifest_is_named(directory: Path, key: str) -> None:
    for value in WRONG_VALUES:
        if is_valid(key, value):
            continue
        edit_manifest(directory, key, set_to(value))
        with pytest.raises(IndexDamaged) as caught:
            Snapshot.open(directory)
        message = str(caught.value)
        assert "manifest.json: the value of manifest." in message or "the key manifest.model." in message, value
        assert message.endswith(HINT)


@pytest.mark.parametrize("key", ["manifest", "sha256"])
@pytest.mark.parametrize("edit", [remove, set_to(None), set_to([]), set_to(0)])
def test_a_manifest_without_its_two_parts_is_damaged(
    directory: Path, key: str, edit: Callable[[dict[str, Json], str], None]
) -> None:
    path = directory / GENERATION / "manifest.json"
    whole = json.loads(path.read_text("utf-8"))
    edit(whole, key)
    path.write_text(json.dumps(whole), "utf-8")
    with pytest.raises(IndexDamaged, match=rf"manifest\.json: the (key|value of) {key} .*{HINT}"):
        Manifest.load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe\xfa", b"[" * 100_000])
def test_a_manifest_that_is_not_a_json_object_is_damaged(directory: Path, content: bytes) -> None:
    (directory / GENERATION / "manifest.json").write_bytes(content)
    with pytest.raises(
        IndexDamaged, match=rf"manifest\.json: it (cannot be read as JSON|is not a JSON object).*{HINT}"
    ):
        Snapshot.open(directory)


def test_a_truncated_manifest_is_damaged_at_every_length(directory: Path) -> None:
    path = directory / GENERATION / "manifest.json"
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(IndexDamaged, match=HINT):
            Snapshot.open(directory)


@pytest.mark.parametrize("key", ["rows", "model", "model.dim", "files.0.sha256"])
def test_a_manifest_without_a_key_can_be_repaired(directory: Path, key: str) -> None:
    edit_manifest(directory, key, remove)
    assert_repairable(directory)


@pytest.mark.parametrize("key", CALIBRATION_KEYS)
def test_a_calibration_with_a_missing_key_or_a_wrong_type_is_damaged(directory: Path, key: str) -> None:
    edits = [remove, *(set_to(value) for value in WRONG_VALUES if not is_valid(key, value))]
    whole = (directory / GENERATION / "confidence.json").read_bytes()
    for edit in edits:
        edit_calibration(directory, key, edit)
        with pytest.raises(IndexDamaged, match=rf"{GENERATION}/confidence\.json: the (key|value of) .*; {HINT}$"):
            Snapshot.open(directory)
        write_and_record(directory / GENERATION / "confidence.json", whole)
    assert Snapshot.open(directory).calibration


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null"])
def test_a_malformed_calibration_is_found_and_repaired(directory: Path, content: bytes) -> None:
    write_and_record(directory / GENERATION / "confidence.json", content)
    (problem,) = doctor.examine(directory)
    assert problem.startswith(f"{GENERATION}/confidence.json: it ")
    assert_repairable(directory)


@pytest.mark.parametrize("content", [b"", b"gen-1\0", b"gen-", b"../gen-000001", b"gen-" + b"1" * 300, b"\xff"])
def test_current_with_other_contents_is_damaged(directory: Path, content: bytes) -> None:
    (directory / "CURRENT").write_bytes(content)
    with pytest.raises(IndexDamaged, match=f"CURRENT does not contain the name of a generation; {HINT}"):
        Snapshot.open(directory)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", np.array([99], np.uint32).tobytes(), b"PK\x03\x04"],
    ids=["empty", "cut", "raw", "zip"],
)
def test_unreadable_tombstones_are_damaged(directory: Path, content: bytes) -> None:
    write_and_record(directory / GENERATION / "tombstones.npy", content)
    with pytest.raises(IndexDamaged, match=rf"tombstones\.npy: it cannot be read .*; {HINT}"):
        _ = Snapshot.open(directory).live


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM papers WHERE row = 3", "row 3 is missing"),
        ("UPDATE papers SET paper = substr(paper, 1, 20) WHERE row = 3", "row 3 does not have the checksum"),
        ("UPDATE papers SET paper = 1 WHERE row = 3", "row 3 does not have the checksum"),
        (
            "UPDATE papers SET paper = replace(paper, 'galaxy', 'planet') WHERE row = 3",
            "row 3 does not have the checksum",
        ),
    ],
)
def test_a_row_that_is_missing_or_altered_is_damaged(directory: Path, statement: str, problem: str) -> None:
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database:
        database.execute(statement)
        database.commit()
    with pytest.raises(IndexDamaged, match=rf"papers\.sqlite: {problem}.*(restore it from a backup|{HINT})"):
        Snapshot.open(directory).store.get([1, 3])


@pytest.mark.parametrize("statement", ["UPDATE keys SET key = key + 1", "DELETE FROM keys"])
def test_an_id_is_not_reported_as_unknown_if_the_keys_are_damaged(directory: Path, statement: str) -> None:
    paper = Searcher(directory, lambda _model: FakeEmbedder()).search(Query("galaxy 3")).hits[0].paper
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database:
        database.execute(statement)
        database.commit()
    searcher = Searcher(directory, lambda _model: FakeEmbedder())
    with pytest.raises(IndexDamaged, match=f"papers.sqlite: its keys are not those of its papers; {HINT}"):
        searcher.paper(paper.id)
    with pytest.raises(IndexDamaged, match=HINT):
        searcher.ask(f"galaxy id:{paper.id}")


def cut_manifest(directory: Path) -> None:
    (directory / GENERATION / "manifest.json").write_bytes(b"{")


def remove_key(directory: Path) -> None:
    edit_manifest(directory, "rows", remove)


def write_later_format(directory: Path) -> None:
    edit_manifest(directory, "format", set_to(99))


def cut_vectors(directory: Path) -> None:
    next(directory.glob("vectors-*")).write_bytes(b"")


def flip_paper(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database:
        database.execute("UPDATE papers SET paper = replace(paper, 'galaxy', 'planet')")
        database.commit()


def break_calibration(directory: Path) -> None:
    write_and_record(directory / GENERATION / "confidence.json", b"{}")


@pytest.mark.parametrize(
    "damage", [cut_manifest, remove_key, write_later_format, cut_vectors, flip_paper, break_calibration]
)
def test_failed_opens_leave_no_file_open(directory: Path, damage: Callable[[Path], None]) -> None:
    damage(directory)
    counts = []
    for _ in range(20):
        with pytest.raises(IndexDamaged):
            Snapshot.open(directory, verify_checksums=True)
        counts.append(open_file_descriptors())
    assert counts[-1] == counts[0], counts


def test_a_failed_refresh_leaves_no_file_open(directory: Path) -> None:
    def refreshes() -> Iterator[int]:
        shutil.copytree(directory / GENERATION, directory / "gen-000002")
        (directory / "gen-000002" / "manifest.json").write_bytes(b"{")
        for _ in range(20):
            (directory / "CURRENT").write_text(GENERATION, "ascii")
            searcher = Searcher(directory, lambda _model: FakeEmbedder())
            (directory / "CURRENT").write_text("gen-000002\n", "ascii")
            assert searcher.session().generation == GENERATION
            yield open_file_descriptors()
            del searcher

    counts = list(refreshes())
    assert counts[-1] == counts[0], counts


def test_a_snapshot_holds_one_lock_until_it_is_released(directory: Path) -> None:
    before = open_file_descriptors()
    snapshots = [Snapshot.open_unchecked(directory) for _ in range(3)]
    assert open_file_descriptors() == before + 3
    snapshots.clear()
    assert open_file_descriptors() == before
