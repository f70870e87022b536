"""README.md, the quickstart and the changelog: commands run and print what is shown, and facts agree with the code."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli_call import Done, run
from service.cli import papers
from service.commands.exit_status import ExitStatus

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture
def home(tmp_path: Path, sample_index: Path) -> Path:
    """A home folder with the files that the README's commands name."""
    shutil.copy(ROOT / "data" / "sample.jsonl", tmp_path / "papers.jsonl")
    shutil.copytree(sample_index, tmp_path / "index")
    (tmp_path / "zotero.bib").write_text("@misc{a,\n title = {A paper about summaries}\n}\n", "utf-8")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "one.txt").write_text("Abstract: A bare paragraph without any title.\n", "utf-8")
    return tmp_path


def run_line(line: str, home: Path, cwd: Path = ROOT, **env: str) -> Done:
    """Runs one ``papers`` command as a shell would, in this process; ``> FILE`` takes its output."""
    line, _, target = line.replace("~/", f"{shlex.quote(str(home))}/").partition(" > ")
    _, *arguments = shlex.split(line, comments=True)
    done = run(*arguments, cwd=cwd, HOME=str(home), PAPERS_CACHE=cache_folder(), **env)
    if target:
        Path(target).write_text(done.stdout, "utf-8")
    return done


def cache_folder() -> str:
    return os.environ.get("PAPERS_CACHE") or str(Path.home() / ".cache" / "papers")


def run_shell(command: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        timeout=300,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "HOME": str(home), "PATH": path, "PAPERS_CACHE": cache_folder(), **env},
    )


@pytest.mark.parametrize("block", [0, 2])
def test_commands_at_the_top_print_the_output_below_them(block: int, home: Path, sample_index: Path) -> None:
    command, shown = BLOCKS[block].strip(), BLOCKS[block + 1].strip()
    if command == "make demo":
        makefile = (ROOT / "Makefile").read_text("utf-8")
        search = re.search(r"\$\(BIN\)/(papers search .*)", makefile)
        assert search
        command = search[1]
    done = run_shell(command.removeprefix(".venv/bin/"), home, PAPERS_INDEX=str(sample_index))
    assert done.returncode == 0, done.stderr
    start = done.stdout[: len(shown)]
    assert NUMBER.sub("#", start) == NUMBER.sub("#", shown)
    assert [float(number) for number in NUMBER.findall(start)] == pytest.approx(
        [float(number) for number in NUMBER.findall(shown)], abs=0.02
    )


def test_commands_for_your_own_papers_run(home: Path) -> None:
    (block,) = (block for block in BLOCKS if block.startswith("papers index"))
    commands = block.strip().splitlines()
    endless = {"papers serve", "papers mcp"}
    assert endless < set(commands)
    assert len(commands) >= 10
    printed = ""
    for line in commands:
        if line.startswith("export "):
            assert line == "export PAPERS_INDEX=~/index"
        elif line not in endless:
            done = run_line(line, home, PAPERS_INDEX=str(home / "index"))
            assert done.returncode == 0, (line, done.stderr)
            printed += done.stderr
    assert "The index has 62 papers (gen-000002)" in printed
    assert (home / "decoding.bib").read_text("utf-8").startswith("@")


def test_exit_statuses_are_those_listed(home: Path) -> None:
    (sentence,) = re.findall(r"The exit status is (.+?)\.", README, re.DOTALL)
    assert {int(number) for number in re.findall(r"\d+", sentence)} == set(ExitStatus)
    for arguments, status in (
        ("status", ExitStatus.OK),
        ("status --index nowhere", ExitStatus.FAILURE),
        ("search --mode psychic x", ExitStatus.USAGE),
        ("search --author Nobody", ExitStatus.NOT_FOUND),
        ("show arxiv:9999.99999", ExitStatus.NOT_FOUND),
    ):
        done = run_line(f"papers {arguments}", home, PAPERS_INDEX=str(home / "index"))
        assert done.returncode == status, arguments


def test_commands_with_json_are_those_listed() -> None:
    (sentence,) = re.findall(r"all options\. (.+?) print JSON", README, re.DOTALL)
    listed = set(re.findall(r"`([a-z -]+)`", sentence))
    assert listed == {path for path, command in leaf_commands(papers) if "--json" in options_of(command)}


def leaf_commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaf_commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def test_folders_named_in_the_readme_exist() -> None:
    for name in re.findall(r"`([\w.]+/(?:[\w.]+/?)*)`", README):
        assert name == "data/index" or (ROOT / name).exists(), name


def test_readme_shows_commands_and_output_within_40_lines() -> None:
    lines = README.splitlines()[:40]
    assert any("make demo" in line for line in lines)
    assert any("cosine" in line for line in lines)
    assert "badge" not in README


def test_changelog_has_this_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_relevance_table_equals_the_results() -> None:
    page = (ROOT / "docs" / "relevance.md").read_text("utf-8")
    measured = json.loads((ROOT / "benchmarks" / "results" / "ablation.json").read_text("utf-8"))
    means = measured["nDCG@10 over the four held out"]
    sets = ["scifact, test", "cranfield, test, odd queries", "cacm, test", "cisi, test"]
    sets += ["scifact, train", "cranfield, test, even queries"]
    rows = {row[1].strip(" *"): row[2:-1] for row in (line.split("|") for line in page.splitlines()) if len(row) == 10}
    for variant, mean in means.items():
        figures = [[measured[each][variant][name] for name in ("nDCG@10", "R@100")] for each in sets]
        figures.insert(4, [mean["mean"]])
        assert [[float(value) for value in cell.split("/")] for cell in rows[variant]] == figures, variant


def test_recommendation_table_equals_the_results() -> None:
    page = (
        (ROOT / "docs" / "relevance.md")
        .read_text("utf-8")
        .partition("## Recommendations")[2]
        .partition("The difference of")[0]
    )
    kinds = json.loads((ROOT / "benchmarks" / "results" / "recommend.json").read_text("utf-8"))["kinds"]
    rows = {row[1].strip(" *"): row[2:-1] for row in (line.split("|") for line in page.splitlines()) if len(row) == 7}
    names = {
        "mean vector": "mean vector",
        "nearest paper": "nearest paper of the library",
        "tf-idf SVM": "tf-idf SVM (arxiv-sanity)",
        "density alone": "density of whitened vectors",
        "product without shares": "density and words",
        "product": "all: at most its share for each interest",
        "product, round robin": "round robin over the interests",
    }
    kind_order = [kind.strip() for kind in rows[""]]
    for method, row in names.items():
        for kind, cell in zip(kind_order, rows[row], strict=True):
            measured = kinds[kind]["measures"][method].values()
            assert [float(value) for value in cell.split("/")] == pytest.approx(list(measured), abs=6e-4), (
                method,
                kind,
            )


def test_quickstart_runs_in_its_order(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "quickstart.md").read_text("utf-8")
    install, *blocks = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (python,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert install.startswith("make demo\n")
    assert len(blocks) == 4
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = f"papers serve --port {port} &\ntrap 'kill $!; wait $!' EXIT\n"
    script = "\n".join(blocks).replace("papers serve &\n", serve).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    notebook = f"{sys.executable} -W error - <<'END'\n{python}END"
    (tmp_path / "data").symlink_to(ROOT / "data")
    done = run_shell(f"cd {tmp_path}\nexport PYTHONPATH={ROOT}\nset -e\n{script}\n{notebook}\necho the end", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("the end\n")
    assert '"generation":"gen-000001"' in done.stdout  # the response of /readyz
    assert done.stdout.count("@") >= 10  # BibTeX, from the command line and over HTTP
    assert "<feed " in done.stdout


def test_searches_of_the_quickstart_find_close_papers(home: Path) -> None:
    page = (ROOT / "docs" / "quickstart.md").read_text("utf-8")
    searches = [
        line for line in re.findall(r"^papers (?:search|similar) .+$", page, re.MULTILINE) if "--format" not in line
    ]
    assert len(searches) >= 4
    for line in searches:
        found = json.loads(run_line(f"{line} --json", home, PAPERS_INDEX=str(home / "index")).stdout)
        assert found["has_close_match"], line
        assert found["hits"][0]["band"] in ("strong", "related"), line
