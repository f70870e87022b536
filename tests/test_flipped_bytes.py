"""Altered bytes in any file of an index lead to the right answer or to one line that reports damage."""

import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from answers import QUESTIONS, answer, answer_all
from fake_embedder import FakeEmbedder
from indexer.build import ImportOptions, index
from records import make_records, write_records
from search.errors import IndexDamaged
from search.searcher import Searcher
from search.vectors.code_writer import DEFAULT_CODES_TUNING

CODES_TUNING = replace(DEFAULT_CODES_TUNING, min_rows=300, rows_per_cell=100)
FLIPS_OF_APPEND_ONLY_FILES = 30
QUESTIONS_PER_FLIP = 3
_SEED = 7


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with codes, tombstones and two segments of the lexicon."""
    folder = tmp_path_factory.mktemp("flips")
    for records in (make_records(0, 350), [{**each, "version": 2, "title": "new"} for each in make_records(0, 5)]):
        options = ImportOptions(codes=CODES_TUNING)
        index([write_records(folder / "papers.jsonl", records)], folder / "index", FakeEmbedder(), options=options)
    return folder / "index"


@pytest.fixture(scope="module")
def answers(intact: Path) -> dict[str, Any]:
    return answer_all(Searcher(intact, lambda _model: FakeEmbedder()))


@pytest.fixture(scope="module")
def directory(intact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the index; each test restores the file that it alters."""
    return Path(shutil.copytree(intact, tmp_path_factory.mktemp("flips") / "index"))


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file() and path.stat().st_size)


def alter(content: bytes, chooser: random.Random) -> bytes:
    """Flips one bit, or overwrites a few bytes with zeros or others, at a random place."""
    altered, start = bytearray(content), chooser.randrange(len(content))
    length = min(chooser.choice((1, 1, 8, 100)), len(content) - start)
    if length == 1:
        altered[start] ^= 1 << chooser.randrange(8)
    else:
        altered[start : start + length] = chooser.choice((bytes(length), chooser.randbytes(length)))
    return bytes(altered)


def outcome(directory: Path, answers: dict[str, Any], name: str) -> str:
    """Asks a question: ``right``, ``wrong``, or the message of a report of damage."""
    try:
        return "right" if answer(Searcher(directory, lambda _model: FakeEmbedder()), name) == answers[name] else "wrong"
    except IndexDamaged as error:
        return str(error)


def test_no_altered_byte_changes_an_answer(directory: Path, answers: dict[str, Any]) -> None:
    chooser, reports = random.Random(_SEED), 0
    for path in files(directory):
        content = path.read_bytes()
        append_only = path.parent == directory and path.suffix in (".sqlite", ".f16")
        for _ in range(FLIPS_OF_APPEND_ONLY_FILES if append_only else 1):
            path.write_bytes(alter(content, chooser))
            for name in chooser.sample(list(QUESTIONS), QUESTIONS_PER_FLIP):
                found = outcome(directory, answers, name)
                is_report = found.startswith(str(directory)) and "\n" not in found
                assert found == "right" or is_report, f"{path}, {name}: {found}"
                reports += is_report
        path.write_bytes(content)
    assert reports > FLIPS_OF_APPEND_ONLY_FILES
    assert answer_all(Searcher(directory, lambda _model: FakeEmbedder())) == answers
