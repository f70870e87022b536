"""Errors of the command line: names of options and arguments, input that is not UTF-8, unusable indexes, closed pipes,
missing optional packages."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

import cli_process
from cli_call import run
from cli_process import PAPERS
from sample import KSA, ROOT
from service.cli import main

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
    index_options: list[str],
    arguments: list[str | bytes],
    name: str,
) -> None:
    done = run(*map(os.fsdecode, arguments), *index_options)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(rf"papers: invalid {name} '.*': it is not valid UTF-8;", done.stderr)


@pytest.mark.parametrize("command", [["index", "x.jsonl"], ["search", "x"], ["status"], ["doctor"], ["serve"]])
def test_an_index_folder_whose_name_is_not_utf8_is_rejected(tmp_path: Path, command: list[str]) -> None:
    done = run(*command, "--index", os.fsdecode(os.fsencode(tmp_path) + b"/" + LATIN_1))
    assert done.returncode == 2
    assert "papers: invalid --index" in done.stderr
    assert "not valid UTF-8" in done.stderr


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
    text = file.with_suffix(".txt")
    text.write_text("Short summaries of long contexts.", "utf-8")
    abstract = run_bytes("similar", "--file", str(text), *index)
    assert abstract.returncode == 0, abstract.stderr


def test_an_abstract_on_standard_input_may_have_any_bytes(index_options: list[str]) -> None:
    done = run_bytes("similar", "-", *index_options, stdin=b"KV cache compression \xff\xfe for long contexts")
    assert done.returncode == 0, done.stderr
    assert b"1. " in done.stdout


def test_output_to_a_terminal_without_unicode_is_escaped(index_options: list[str]) -> None:
    done = run_bytes("search", "naïve Bayes 深", *index_options, PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"about 'na\xefve Bayes \\u6df1'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "x", "--updated-from", "soon"], "invalid --updated-from 'soon': "),
        (["search", "x", "--updated-to", "soon"], "invalid --updated-to 'soon': "),
        (["search", "x", "--added-from", "soon"], "invalid --added-from 'soon': "),
        (["search", "x", "--added-to", "2026-13"], "invalid --added-to '2026-13': "),
        (["search", "x", "--from", "soon"], "invalid --from 'soon': "),
        (["search", "x", "--not-author", ""], "invalid --not-author ''"),
        (["search", "x", "-a", "..."], "invalid --author '...': "),
        (["authors", "..."], "invalid NAME '...': "),
        (["search", "autor:zhou"], "invalid QUERY at character 1 ('autor:zhou'): "),
        (["search", "y" * 30_000], "invalid QUERY 'yyy"),
        (["similar", "x", "-n", "-1"], "invalid --limit '-1': "),
        (["index", "nowhere.jsonl"], "invalid PATHS 'nowhere.jsonl': "),
        (["keys", "add", "a b", "--keys", "keys.json"], "invalid NAME 'a b': "),
        (["eval", "nowhere"], "invalid FOLDER 'nowhere': "),
        (["eval", str(ROOT), "--queries", "some"], "invalid --queries 'some': "),
        (["serve", "--rate", "nan"], "invalid --rate 'nan': "),
    ],
)
def test_errors_name_the_option_or_argument_of_the_command(
    index_options: list[str],
    tmp_path: Path,
    arguments: list[str],
    message: str,
) -> None:
    index = index_options if arguments[0] in ("search", "similar", "authors", "serve") else []
    done = run(*arguments, *index, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith(f"papers: {message}"), done.stderr


def test_an_invalid_environment_variable_is_named(index_options: list[str]) -> None:
    done = run("serve", *index_options, PAPERS_RATE="-1")
    assert done.returncode == 2
    assert "papers: invalid PAPERS_RATE '-1'" in done.stderr


def test_the_error_of_a_missing_index_shows_how_to_create_one(tmp_path: Path) -> None:
    for command in (["search", "x"], ["similar", KSA], ["show", KSA], ["status"], ["serve"]):
        done = run(*command, "--index", str(tmp_path / "none"))
        assert done.returncode == 1
        assert "papers index FILE" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_error_of_a_damaged_index_names_the_file(sample_index: Path, tmp_path: Path) -> None:
    shutil.copytree(sample_index, tmp_path / "index")
    (tmp_path / "index" / "gen-000001" / "tombstones.npy").write_bytes(b"")
    done = run("search", "x", "--index", str(tmp_path / "index"))
    assert done.returncode == 1
    assert "tombstones.npy has 0 bytes" in done.stderr


def test_a_server_runs_until_interrupted_and_rejects_a_damaged_index(sample_index: Path, tmp_path: Path) -> None:
    command = [PAPERS, "serve", "--index", str(sample_index), "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr
        first_line = server.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", first_line)
        assert address, first_line
        response = httpx.get(f"{address[0]}/v1/search", params={"q": "KV cache compression"}, timeout=30)
        assert response.json()["total"] == 60
        port = address[0].rpartition(":")[2]
        second = run("serve", "--index", str(sample_index), "--port", port)
        assert (second.returncode, second.stdout) == (2, "")
        assert f"invalid --port '127.0.0.1:{port}': Address already in use" in second.stderr
    finally:
        server.send_signal(signal.SIGINT)
        rest = server.communicate(timeout=30)[1]
    assert "Traceback" not in rest
    shutil.copytree(sample_index, tmp_path / "index")
    (vectors,) = (tmp_path / "index").glob("vectors-*")
    vectors.write_bytes(b"\1" * vectors.stat().st_size)
    refused = cli_process.run("serve", "--index", str(tmp_path / "index"), "--port", "0")
    assert refused.returncode == 1
    assert f"{vectors.name} does not have the checksum" in refused.stderr


def test_a_closed_pipe_is_not_an_error(index_options: list[str]) -> None:
    command = f"{PAPERS} search --json -n 60 {' '.join(index_options)} | head -c 10"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert done.stderr == ""


CORE_COMMANDS = [
    ["index", str(ROOT / "data" / "sample.jsonl"), "--index", "new"],
    ["search", "cache", "--index", "new"],
    ["search", "cache", "--index", "new", "-f", "atom"],
    ["similar", "2604.24432", "--index", "new", "--json"],
    ["show", "2604.24432", "--index", "new", "-f", "bibtex"],
    ["authors", "zhou", "--index", "new"],
    ["list", "add", "starred", "2604.24432", "--index", "new"],
    ["watch", "add", "all", "--index", "new"],
    ["watch", "--index", "new", "-f", "html"],
    ["state", "export", "state.json", "--index", "new"],
    ["doctor", "--index", "new"],
    ["status", "--index", "new"],
]
EXTRA_COMMANDS = [
    (["serve", "--index", "new"], "serve"),
    (["keys", "list", "--keys", "keys.json"], "serve"),
    (["mcp", "--index", "new"], "mcp"),
    (["eval", str(ROOT)], "eval"),
    (["fetch", "arxiv", "au:zhou", "--index", "new"], "fetch"),
    (["index", str(ROOT / "data" / "sample.jsonl"), "--index", "new", "--ray", "auto"], "ray"),
]


def run_without_extras(commands: Sequence[list[str]], cwd: Path) -> list[tuple[int, str, str]]:
    """Runs commands in one process, as if none of the optional dependencies were installed.

    Returns:
        The exit status, standard output and standard error of each.
    """
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    packages = {
        re.split(r"[\[>=<]", requirement)[0].replace("-", "_")
        for extra in ("serve", "mcp", "fetch", "eval", "ray")
        for requirement in extras[extra]
    } - {"papers_search", "scipy", "httpx2"}  # the last two are installed with sentence-transformers
    program = f"""
import contextlib, io, json, sys
sys.modules.update(dict.fromkeys({sorted(packages | {"starlette"})!r}))
from service.cli import main

def run(arguments):
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2)]
    sys.argv[:] = ["papers", *arguments]
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            main()
        except SystemExit as ended:
            status = ended.code
    for stream in streams:
        stream.flush()
    return [status, *(stream.buffer.getvalue().decode() for stream in streams)]

json.dump([run(arguments) for arguments in json.load(sys.stdin)], sys.__stdout__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return [(status, stdout, stderr) for status, stdout, stderr in json.loads(done.stdout)]


def test_core_commands_need_no_extra(tmp_path: Path) -> None:
    ran = run_without_extras([*CORE_COMMANDS, *(command for command, _ in EXTRA_COMMANDS)], tmp_path)
    core, others = ran[: len(CORE_COMMANDS)], ran[len(CORE_COMMANDS) :]
    for command, (status, _, stderr) in zip(CORE_COMMANDS, core, strict=True):
        assert status == 0, (command, stderr)
    for (command, extra), (status, stdout, stderr) in zip(EXTRA_COMMANDS, others, strict=True):
        assert (status, stdout) == (1, ""), command
        (line,) = stderr.splitlines()
        install = rf"run: pip install 'papers-search\[{extra}\]'"
        wanted = rf"papers: papers {command[0]}( list| arxiv| --ray)? needs the package \w+; {install}"
        assert re.fullmatch(wanted, line), line


@pytest.mark.parametrize(("cause", "status"), [(EOFError("the file ended early"), 1), (KeyboardInterrupt(), 130)])
def test_an_early_end_of_data_is_not_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cause: BaseException, status: int
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise cause

    monkeypatch.setattr("sys.argv", ["papers", "status"])
    monkeypatch.setattr("service.commands.index.status.callback", fail)
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == status
    assert (
        "the file ended early" if status == 1 else "interrupted; imported papers are kept"
    ) in capsys.readouterr().err
