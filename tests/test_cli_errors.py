"""Errors of the command line: names of options and arguments, input that is not UTF-8, missing optional packages."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from test_cli import PAPERS, ROOT, index_options, run  # noqa: F401  a fixture

LATIN_1 = b"caf\xe9"


def run_bytes(*arguments: str | bytes, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [PAPERS, *arguments], input=stdin, capture_output=True, check=False, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["search", LATIN_1], "QUERY"),
        (["search", "--json", LATIN_1], "QUERY"),
        (["search", "x", "--author", LATIN_1], "--author"),
        (["search", "x", "--author", "zhou", "--not-author", LATIN_1], "--not-author"),
        (["search", "x", "--category", LATIN_1], "--category"),
        (["search", "x", "--from", LATIN_1], "--from"),
        (["search", "x", "--cursor", LATIN_1], "--cursor"),
        (["search", "x", "--like", LATIN_1], "--like"),
        (["search", "x", "--format", LATIN_1], "--format"),
        (["similar", "2604.24432", LATIN_1], "IDS"),
        (["authors", LATIN_1, "--json"], "NAME"),
        (["show", LATIN_1], "PAPER_ID"),
    ],
)
def test_text_that_is_not_utf8_is_rejected(
    index_options: list[str],  # noqa: F811
    arguments: list[str | bytes],
    name: str,
) -> None:
    done = run_bytes(*arguments, *index_options)
    assert (done.returncode, done.stdout) == (2, b"")
    assert re.match(rf"papers: invalid {name} '.*': it is not valid UTF-8;", done.stderr.decode())


@pytest.mark.parametrize("command", [["index", "x.jsonl"], ["search", "x"], ["status"], ["doctor"], ["serve"]])
def test_an_index_folder_whose_name_is_not_utf8_is_rejected(tmp_path: Path, command: list[str]) -> None:
    done = run_bytes(*command, "--index", os.fsencode(tmp_path) + b"/" + LATIN_1)
    assert done.returncode == 2
    assert b"papers: invalid --index" in done.stderr
    assert b"not valid UTF-8" in done.stderr


def test_files_whose_names_are_not_utf8_are_read(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + LATIN_1 + b".jsonl"))
    file.write_text('{"id": "2401.00001", "title": "Short summaries"}\n{"title": ""}\n', "utf-8")
    index = ["--index", str(tmp_path / "index")]
    done = run_bytes("index", str(file), *index)
    assert done.returncode == 0, done.stderr
    assert b"jsonl:2: neither title nor abstract" in done.stderr
    shown = run("show", "2401.00001", "--json", *index)
    assert json.loads(shown.stdout)["sources"] == ["jsonl:caf\ufffd.jsonl"]
    missing = run_bytes("index", os.fsencode(tmp_path) + b"/" + LATIN_1, *index)
    assert missing.returncode == 2
    assert b"there is no such file or folder" in missing.stderr
    abstract = run_bytes("similar", "--file", str(file), *index)
    assert abstract.returncode == 0, abstract.stderr


def test_an_abstract_on_standard_input_may_have_any_bytes(index_options: list[str]) -> None:  # noqa: F811
    done = run_bytes("similar", "-", *index_options, stdin=b"KV cache compression \xff\xfe for long contexts")
    assert done.returncode == 0, done.stderr
    assert b"1. " in done.stdout


def test_output_to_a_terminal_without_unicode_is_escaped(index_options: list[str]) -> None:  # noqa: F811
    done = run_bytes("search", "naïve Bayes 深", *index_options, PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"about 'na\xefve Bayes \\u6df1'")


@pytest.mark.parametrize("text", ["\udcff", "cache \ud800 \udfff", "\udcff" * 100])
def test_lone_surrogates_from_python_are_ignored(sample_searcher, text: str) -> None:  # type: ignore[no-untyped-def]
    assert sample_searcher.ask("cache " + text).hits
    assert len(sample_searcher.ask(text).hits) == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "x", "--updated-from", "soon"], "invalid --updated-from 'soon': "),
        (["search", "x", "--updated-to", "soon"], "invalid --updated-to 'soon': "),
        (["search", "x", "--from", "soon"], "invalid --from 'soon': "),
        (["search", "x", "--not-author", ""], "invalid --not-author ''"),
        (["search", "x", "-a", "..."], "invalid --author '...': "),
        (["authors", "..."], "invalid NAME '...': "),
        (["search", "autor:zhou"], "invalid QUERY at character 1 ('autor:zhou'): "),
        (["search", "y" * 30_000], "invalid QUERY 'yyy"),
        (["similar", "x", "-n", "0"], "invalid --limit '0': "),
        (["index", "nowhere.jsonl"], "invalid PATHS 'nowhere.jsonl': "),
        (["keys", "add", "a b", "--keys", "keys.json"], "invalid NAME 'a b': "),
        (["eval", "nowhere"], "invalid FOLDER 'nowhere': "),
        (["eval", str(ROOT), "--queries", "some"], "invalid --queries 'some': "),
        (["serve", "--rate", "nan"], "invalid --rate 'nan': "),
    ],
)
def test_errors_name_the_option_or_argument_of_the_command(
    index_options: list[str],  # noqa: F811
    tmp_path: Path,
    arguments: list[str],
    message: str,
) -> None:
    index = index_options if arguments[0] in ("search", "similar", "authors", "serve") else []
    done = run(*arguments, *index, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith(f"papers: {message}"), done.stderr


def test_an_invalid_environment_variable_is_named(index_options: list[str]) -> None:  # noqa: F811
    done = run("serve", *index_options, PAPERS_RATE="-1")
    assert done.returncode == 2
    assert "papers: invalid PAPERS_RATE '-1'" in done.stderr


CORE_COMMANDS = [
    ["index", str(ROOT / "data" / "sample.jsonl"), "--index", "new"],
    ["search", "cache", "--index", "new"],
    ["search", "cache", "--index", "new", "-f", "atom"],
    ["similar", "2604.24432", "--index", "new", "--json"],
    ["show", "2604.24432", "--index", "new", "-f", "bibtex"],
    ["authors", "zhou", "--index", "new"],
    ["doctor", "--index", "new"],
    ["status", "--index", "new"],
]
EXTRA_COMMANDS = [
    (["serve", "--index", "new"], "serve"),
    (["keys", "list", "--keys", "keys.json"], "serve"),
    (["mcp", "--index", "new"], "mcp"),
    (["eval", str(ROOT)], "eval"),
]


def run_without_extras(arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command as if none of the optional dependencies were installed."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    packages = {
        re.split(r"[\[>=<]", requirement)[0].replace("-", "_")
        for extra in ("serve", "mcp", "eval", "int8")
        for requirement in extras[extra]
    } - {"papers_search", "scipy"}  # scipy is installed with sentence-transformers
    program = f"""
import sys
sys.modules.update(dict.fromkeys({sorted(packages | {"starlette"})!r}))
sys.argv[0] = "papers"
from service.cli import main
main()
"""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_core_commands_need_no_extra(tmp_path: Path) -> None:
    for command in CORE_COMMANDS:
        done = run_without_extras(command, tmp_path)
        assert done.returncode == 0, (command, done.stderr)
    for command, extra in EXTRA_COMMANDS:
        done = run_without_extras(command, tmp_path)
        assert (done.returncode, done.stdout) == (1, ""), command
        (line,) = done.stderr.splitlines()
        wanted = (
            rf"papers: papers {command[0]}( list)? needs the package \w+; run: pip install 'papers-search\[{extra}\]'"
        )
        assert re.fullmatch(wanted, line), line
