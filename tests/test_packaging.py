"""The wheel: built, installed in a new environment, and used from an empty folder."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEPENDENCIES = Path(pytest.__file__).parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command without PYTHONPATH and returns its standard output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PAPERS_INDEX"))}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by setuptools without network access."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target]
    outside = [  # of the checkout: no files are left in it, and no stale ones get into the wheel
        f"--config-setting=--global-option=egg_info --egg-base={target}",
        f"--config-setting=--build-option=build --build-base={target / 'build'}",
    ]
    run(*command, *outside, ROOT, cwd=target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment with the wheel and the dependencies of this one.

    A .pth file adds the dependencies as a plain folder, so an editable install in them has no effect.
    """
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(f"{DEPENDENCIES}\n", "utf-8")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    run(*pip, wheel, cwd=environment)
    return python


def test_the_installed_wheel_indexes_and_searches_from_any_folder(python: Path, tmp_path: Path) -> None:
    lines = (ROOT / "data" / "sample.jsonl").read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "few.jsonl").write_text("".join(lines[:5]), "utf-8")
    papers = python.with_name("papers")
    run(papers, "index", "few.jsonl", cwd=tmp_path)
    page = json.loads(run(papers, "search", json.loads(lines[2])["title"], "--json", cwd=tmp_path))
    assert page["hits"][0]["title"] == json.loads(lines[2])["title"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "few.jsonl"]


def test_nothing_is_imported_from_the_checkout(python: Path, tmp_path: Path) -> None:
    program = """
import importlib, pkgutil, sys
import indexer, search, service
for package in (indexer, search, service):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name != "ray":  # too large for a test environment
                raise
from search.embedding.model import BUILT_IN_MODELS
from search.embedding.quantize import CALIBRATION_SHA256, calibration_papers
import hashlib
assert hashlib.sha256(calibration_papers()).hexdigest() == CALIBRATION_SHA256
for model in BUILT_IN_MODELS.values():
    model.check_weights()
for name, module in sys.modules.items():
    if name.partition(".")[0] in ("indexer", "search", "service") and getattr(module, "__file__", None):
        print(module.__file__)
"""
    files = run(python, "-c", program, cwd=tmp_path).split()
    assert len(files) > 100
    assert all(Path(file).is_relative_to(python.parents[1]) for file in files)


def test_the_wheel_contains_package_data_and_type_markers(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("indexer", "search", "service"):
        missing = {
            str(path.relative_to(ROOT))
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        } - names
        assert not missing
        assert f"{folder}/py.typed" in names
    assert "search/data/sample.jsonl" in names
    for folder in ("encoder", "encoder-large"):
        files = [path for path in (ROOT / "data" / folder).rglob("*") if path.is_file()]
        assert {f"search/data/{path.relative_to(ROOT / 'data')}" for path in files} <= names
    others = {name for name in names if name.partition("/")[0] not in ("indexer", "search", "service")}
    assert all(name.startswith("papers_search-") for name in others)
