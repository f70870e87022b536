"""The threat model: the tests and modules that it names exist, and two of its statements that no other test shows."""

import hashlib
import io
import json
import pickle
import re
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sample import ROOT
from search.errors import IndexDamaged
from search.index.snapshot import Snapshot
from search.papers.paper import Paper
from service.formats.render import paper_text

PAGE = (ROOT / "docs" / "threat-model.md").read_text("utf-8")


def test_the_tests_and_modules_that_the_threat_model_names_exist() -> None:
    named = re.findall(r"`((?:\w+/)?test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 40
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / "tests" / file).read_text("utf-8"), re.MULTILINE), (file, test)
    for path in re.findall(r"`((?:search|indexer|service|docs|requirements)/[\w./-]*)`", PAGE):
        assert (ROOT / path).exists(), path


class _Marker:
    """A pickle of it creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_in_an_index_is_damage_and_does_not_run(sample_index: Path, tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    pickle.loads(pickle.dumps(_Marker(marker)))
    assert marker.exists()  # the pickle does run where it is loaded
    marker.unlink()
    array = io.BytesIO()
    np.save(array, np.array([_Marker(marker)], dtype=object), allow_pickle=True)
    arrays = [path.relative_to(sample_index) for path in sample_index.glob("gen-*/**/*.npy")]
    assert arrays
    for path in arrays:
        directory = tmp_path / "index"
        shutil.copytree(sample_index, directory)
        (directory / path).write_bytes(array.getvalue())
        _record(directory / path, directory / path.parts[0])
        with pytest.raises((IndexDamaged, ValueError)):
            _read_arrays(Snapshot.open(directory))
        assert not marker.exists()
        shutil.rmtree(directory)


def _read_arrays(snapshot: Snapshot) -> None:
    """Reads every array of a generation: some are read when they are first used."""
    _ = snapshot.live, snapshot.columns, snapshot.vectors.get_vector(0), snapshot.store.get([0]), snapshot.lexicon


def _record(path: Path, generation: Path) -> None:
    """Gives the manifest the size and the checksum of a file, as whoever makes an index can."""
    manifest = generation / "manifest.json"
    body = json.loads(manifest.read_text("utf-8"))["manifest"]
    (record,) = (each for each in body["files"] if each["path"] == path.relative_to(generation).as_posix())
    record["bytes"], record["sha256"] = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    manifest.write_text(json.dumps({"manifest": body, "sha256": hashlib.sha256(canonical).hexdigest()}), "utf-8")


@given(st.text(), st.text(min_size=1), st.text())
@example("\x1b]0;title\x07\x9b2J", "\u202e\u200b", "\x1b[2J")
def test_paper_text_cannot_drive_a_terminal(title: str, abstract: str, author: str) -> None:
    paper = Paper(ids=("h:0123456789ab",), title=title or None, abstract=abstract, authors=(author,), url=title or None)
    text = paper_text(paper).replace("\n", "")
    assert not {unicodedata.category(character) for character in text} & {"Cc", "Cf", "Cs"}
