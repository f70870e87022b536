"""The README does what it says: its commands run as they stand, and print what it shows."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture
def home(tmp_path: Path, sample_index: Path) -> Path:
    """A home with the files that the README's commands name."""
    shutil.copy(ROOT / "data" / "sample.jsonl", tmp_path / "papers.jsonl")
    shutil.copytree(sample_index, tmp_path / "index")
    (tmp_path / "zotero.bib").write_text("@misc{a,\n title = {A paper about summaries}\n}\n", "utf-8")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "one.txt").write_text("Abstract: A bare paragraph without any title.\n", "utf-8")
    return tmp_path


def run_shell(command: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    cache = os.environ.get("PAPERS_CACHE") or str(Path.home() / ".cache" / "papers")
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "HOME": str(home), "PATH": path, "PAPERS_CACHE": cache, **env},
    )


def test_the_first_commands_are_those_of_the_makefile_and_print_what_is_shown(home: Path, sample_index: Path) -> None:
    first, second = BLOCKS[0].strip().splitlines()
    makefile = (ROOT / "Makefile").read_text("utf-8")
    asked = re.search(r"\$\(BIN\)/(papers search .*)", makefile)
    assert first.split()[:2] == ["make", "demo"]
    assert asked
    printed = run_shell(asked[1], home, PAPERS_INDEX=str(sample_index)).stdout
    shown = BLOCKS[1].strip()
    start = printed[: len(shown)]
    assert NUMBER.sub("#", start) == NUMBER.sub("#", shown)
    assert [float(each) for each in NUMBER.findall(start)] == pytest.approx(
        [float(each) for each in NUMBER.findall(shown)], abs=0.02
    )
    done = run_shell(second.removeprefix(".venv/bin/"), home, PAPERS_INDEX=str(sample_index))
    assert done.returncode == 0, done.stderr


def test_the_commands_for_ones_own_papers_run(home: Path) -> None:
    commands = [line.partition("  #")[0].strip() for line in BLOCKS[2].strip().splitlines()]
    waiting = {"papers serve", "papers mcp"}
    asked = [line for line in commands if line.startswith("papers") and line not in waiting]
    assert len(asked) >= 6
    assert waiting < set(commands)
    done = run_shell("set -e\n" + commands[1] + "\n" + "\n".join(asked), home)
    assert done.returncode == 0, done.stderr
    assert "62 papers in gen-000002" in done.stderr


def test_every_folder_it_names_is_there() -> None:
    for name in re.findall(r"`([\w.]+/(?:[\w.]+/?)*)`", README):
        assert name == "data/index" or (ROOT / name).exists(), name


def test_it_says_what_it_is_within_40_lines() -> None:
    lines = README.splitlines()[:40]
    assert any("make demo" in line for line in lines)
    assert any("cosine" in line for line in lines)
    assert "badge" not in README


def test_the_changelog_speaks_of_this_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_table_of_relevance_is_what_was_measured() -> None:
    page = (ROOT / "docs" / "relevance.md").read_text("utf-8")
    measured = json.loads((ROOT / "benchmarks" / "results" / "ablation.json").read_text("utf-8"))
    over_sets = measured["nDCG@10 over the four held out"]
    sets = ["scifact, test", "cranfield, test, odd queries", "cacm, test", "cisi, test"]
    sets += ["scifact, train", "cranfield, test, even queries"]
    rows = {row[1].strip(" *"): row[2:-1] for row in (line.split("|") for line in page.splitlines()) if len(row) == 10}
    for way, mean in over_sets.items():
        figures = [[measured[each][way][name] for name in ("nDCG@10", "R@100")] for each in sets]
        figures.insert(4, [mean["mean"]])
        assert [[float(value) for value in cell.split("/")] for cell in rows[way]] == figures, way


def test_the_quickstart_runs_in_its_order(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "quickstart.md").read_text("utf-8")
    install, *blocks = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    python = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert install.startswith("make demo\n")
    assert len(blocks) == 4
    assert len(python) == 1
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers = f"""
    for _ in $(seq 300); do curl -sf http://127.0.0.1:{port}/readyz > ready && break; sleep 0.2; done
    """
    script = "\n".join(blocks).replace(
        "papers serve &", f"papers serve --port {port} &\ntrap 'kill $!; wait $!' EXIT\n{answers}"
    )
    script = script.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    ask = f"{sys.executable} -W error - <<'END'\n{python[0]}END"
    (tmp_path / "data").symlink_to(ROOT / "data")
    done = run_shell(f"cd {tmp_path}\nexport PYTHONPATH={ROOT}\nset -e\n{script}\n{ask}\necho all of it", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("all of it\n")
    assert '"generation":"gen-000001"' in (tmp_path / "ready").read_text("utf-8")
    assert done.stdout.count("@") >= 10  # BibTeX, of the command line and over HTTP
    assert "<feed " in done.stdout
