"""The command line as users meet it: streams, exit statuses, help and completion."""

import io
import json
import re
from pathlib import Path

from rich.console import Console

import cli_process
from cli_call import run, run_json
from cli_process import run_on_terminal
from search.papers.paper import Paper
from search.query.explanation import Explanation
from search.query.facets import Facets, ValueCount
from search.query.hit import Hit
from search.query.library import Near
from search.query.page import Page
from service.commands.terminal import print_cards


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
    assert plain.startswith("about 'KV cache compression'\nshowing 2 of 60 papers\n\n1. ")
    assert "╭" in run_on_terminal("search", "KV cache compression", "-n", "2", *index_options)


def test_cards_show_whole_titles_and_nothing_that_drives_a_terminal() -> None:
    title = " ".join(["A long title of a paper about compression"] * 4)
    paper = Paper(("h:0123456789ab",), title, "One \x1b[2J sentence. Another.", ("Eve",))
    hit = Hit(paper, 1.0, near=Near("arxiv:1", "hostile \x9b2J title", 0.5, 1))
    authors = tuple(ValueCount(f"Ada Byron the {each}th", 9) for each in range(9))
    facets = Facets(scope="relevant", papers=9, years=(), categories=(), authors=authors, sources=())
    page = Page((hit,), 9, True, 1.0, "gen-000001", Explanation("none", 0, 0, ()), "all", facets=facets, cursor="abc")
    printed = io.StringIO()
    print_cards(page, Console(file=printed, width=80, no_color=True))
    text = printed.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert title in " ".join(text.replace("│", "").split())
    assert not {"\x1b", "\x9b"} & set(text)
    counts = [line for line in text.splitlines() if "Ada Byron" in line]
    assert len(counts) > 1
    assert {line[:15] for line in counts[1:]} == {" " * 15}
    assert text.endswith("next page: --cursor abc\nor read on with --browse\n")


def test_results_go_to_standard_output_and_all_else_to_standard_error(index_options: list[str]) -> None:
    found = cli_process.run("search", "cache", *index_options)
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


def test_help_has_an_example_of_every_command() -> None:
    names = re.findall(r"^  ([\w-]+)  ", run("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    commands = {
        "index",
        "fetch",
        "follow",
        "update",
        "reindex",
        "remove",
        "compact",
        "sources",
        "search",
        "similar",
        "recommend",
        "themes",
        "trends",
        "map",
        "people",
        "authors",
        "show",
        "list",
        "watch",
        "merge",
        "split",
        "status",
        "serve",
        "mcp",
        "keys",
        "doctor",
        "backup",
        "restore",
        "export-index",
        "import-index",
        "compare-indexes",
        "state",
        "eval",
    }
    assert set(names) == commands
    for name in names:
        text = run(name, "--help").stdout
        assert f"\n  papers {name}" in text, name
    completed = cli_process.run(_PAPERS_COMPLETE="bash_complete", COMP_WORDS="papers se", COMP_CWORD="1").stdout
    assert completed.split() == ["plain,search", "plain,serve"]
    modes = cli_process.run(
        _PAPERS_COMPLETE="bash_complete", COMP_WORDS="papers search x --mode ", COMP_CWORD="4"
    ).stdout
    assert modes.split() == ["plain,hybrid", "plain,semantic", "plain,lexical"]
    words = "papers index x --precision "
    precisions = cli_process.run(_PAPERS_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD="4").stdout
    assert precisions.split() == ["plain,float", "plain,int8"]
    codes = cli_process.run(_PAPERS_COMPLETE="bash_complete", COMP_WORDS="papers search -c cs.C", COMP_CWORD="3").stdout
    assert "plain,cs.CL" in codes.split()


def test_version() -> None:
    assert cli_process.run("--version").stdout.startswith("papers, version ")
