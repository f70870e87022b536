"""The command line as users meet it: streams, exit statuses, help, completion and the server."""

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import httpx

from cli_process import PAPERS, run, run_json, run_on_terminal
from sample import KSA


def test_the_index_folder_comes_from_option_environment_or_default(
    index_options: list[str], sample_index: Path, tmp_path: Path
) -> None:
    assert run("status", PAPERS_INDEX=str(sample_index)).stdout == run("status", *index_options).stdout
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index").symlink_to(sample_index)
    assert run_json("status", cwd=tmp_path)["papers"] == 60


def test_a_pipe_gets_plain_text_and_a_terminal_cards(index_options: list[str]) -> None:
    plain = run("search", "KV cache compression", "-n", "2", *index_options).stdout
    assert "\x1b" not in plain
    assert plain.startswith("about 'KV cache compression'\n60 papers match the filters; showing 2\n\n1. ")
    assert "╭" in run_on_terminal("search", "KV cache compression", "-n", "2", *index_options)


def test_results_go_to_standard_output_and_all_else_to_standard_error(index_options: list[str]) -> None:
    found = run("search", "cache", *index_options)
    assert (found.returncode, found.stderr) == (0, "")
    nothing = run("search", "cache", "--to", "1990", *index_options)
    assert (nothing.returncode, nothing.stdout) == (4, "")
    assert "no papers match; remove a filter or rephrase the query" in nothing.stderr
    empty = run("search", "cache", "--to", "1990", "--json", *index_options)
    assert (empty.returncode, json.loads(empty.stdout)["hits"]) == (4, [])
    counts = run("search", "cache", "--limit", "0", *index_options)
    assert (counts.returncode, counts.stderr) == (0, "")
    assert "60 papers" in counts.stdout
    words = run("search", "zyzzyva", "--mode", "lexical", *index_options)
    assert (words.returncode, words.stdout) == (4, "")


def test_a_missing_index_says_how_to_make_one(tmp_path: Path) -> None:
    for command in (["search", "x"], ["similar", KSA], ["show", KSA], ["status"], ["serve"]):
        done = run(*command, "--index", str(tmp_path / "none"))
        assert done.returncode == 1
        assert "papers index FILE" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_damaged_index_says_which_file(sample_index: Path, tmp_path: Path) -> None:
    shutil.copytree(sample_index, tmp_path / "index")
    (tmp_path / "index" / "gen-000001" / "tombstones.npy").write_bytes(b"")
    done = run("search", "x", "--index", str(tmp_path / "index"))
    assert done.returncode == 1
    assert "tombstones.npy has 0 bytes" in done.stderr


def test_a_server_answers_until_it_is_stopped_and_refuses_a_damaged_index(sample_index: Path, tmp_path: Path) -> None:
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
    refused = run("serve", "--index", str(tmp_path / "index"), "--port", "0")
    assert refused.returncode == 1
    assert f"{vectors.name} does not have the checksum" in refused.stderr


def test_a_closed_pipe_is_not_an_error(index_options: list[str]) -> None:
    command = f"{PAPERS} search --json -n 60 {' '.join(index_options)} | head -c 10"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_help_has_an_example_of_every_command_and_completion_knows_them() -> None:
    names = re.findall(r"^  (\w+)  ", run("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    commands = {"index", "search", "similar", "authors", "show", "status", "serve", "mcp", "keys", "doctor", "eval"}
    assert set(names) == commands
    for name in names:
        text = run(name, "--help").stdout
        assert f"\n  papers {name}" in text, name
    completed = run(_PAPERS_COMPLETE="bash_complete", COMP_WORDS="papers se", COMP_CWORD="1").stdout
    assert completed.split() == ["plain,search", "plain,serve"]
    modes = run(_PAPERS_COMPLETE="bash_complete", COMP_WORDS="papers search x --mode ", COMP_CWORD="4").stdout
    assert modes.split() == ["plain,hybrid", "plain,semantic", "plain,lexical"]
    precisions = run(_PAPERS_COMPLETE="bash_complete", COMP_WORDS="papers index x --precision ", COMP_CWORD="4").stdout
    assert precisions.split() == ["plain,float", "plain,int8"]
    codes = run(_PAPERS_COMPLETE="bash_complete", COMP_WORDS="papers search -c cs.C", COMP_CWORD="3").stdout
    assert "plain,cs.CL" in codes.split()


def test_version() -> None:
    assert run("--version").stdout.startswith("papers, version ")
