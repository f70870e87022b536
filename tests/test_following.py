"""docs/following.md: its commands run in their order and do what the page says."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_call import CommandLine
from sample import ROOT

PAGE = (ROOT / "docs" / "following.md").read_text("utf-8")


def commands() -> Iterator[tuple[str, str]]:
    """Yields the commands of the blocks without a language, each with the text of its here-document."""
    fences = re.split(r"^```(.*)\n", PAGE, flags=re.MULTILINE)
    blocks = [text for language, text in zip(fences[1::4], fences[2::4], strict=True) if not language]
    for block in blocks:
        for command, text in re.findall(r"^(\S.*?)(?: <<'END'\n(.*?)^END)?$", block, re.MULTILINE | re.DOTALL):
            if not command.endswith(" #"):
                yield command, text


def test_the_commands_on_the_page_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    call = CommandLine(monkeypatch, capfd)
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    printed: dict[str, str] = {}
    for command, text in commands():
        words, _, target = command.partition(" > ")
        name, *arguments = shlex.split(words)
        if name == "export":
            monkeypatch.setenv(*arguments[0].split("=", 1))
            continue
        if name == "papers":
            done = call(*arguments)
            assert done.returncode == 0, (command, done.stderr)
            text = done.stdout
        if target:
            Path(target).write_text(text, "utf-8")
        printed[command] = text
    assert len(printed) > 25
    assert {"kv-cache: 1 new paper", "zhou: 1 new paper"} <= set(printed["papers watch"].splitlines())
    assert "       0 new  zhou: --author 'Guorui Zhou'\n" in printed["papers watch list"]
    assert printed["papers watch --format markdown"].startswith("# 2 new papers: kv-cache, near-ksa\n")
    assert (tmp_path / "thesis.bib").read_text("utf-8").count("@") == 3
    assert {"new-papers.html", "lists.json", "my-index.state.sqlite"} <= {path.name for path in tmp_path.iterdir()}
