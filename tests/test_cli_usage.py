"""Usage errors of the command line: one line on standard error, no traceback, exit status 2 or 4."""

from pathlib import Path

import pytest

from cli_call import run
from sample import KSA, ROOT


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["search", "x", "-n", "-1"], 2, "invalid --limit '-1': give a whole number from 0 to 1000"),
        (["search", "x", "-n", "1000000000"], 2, "invalid --limit '1000000000'"),
        (["search", "x", "--from", "2026", "--to", "2025"], 2, "invalid --from '2026'"),
        (["search", "x", "--from", "2026-13"], 2, "invalid --from '2026-13': not a valid date"),
        (["search", "x", "-c", "cs.LX"], 2, "invalid --category 'cs.LX'"),
        (["search", "x", "-a", ""], 2, "invalid --author ''"),
        (["search", "x", "--mode", "fast"], 2, "invalid --mode 'fast': choose one of hybrid"),
        (["search", "y" * 30_000], 2, "30,000 characters"),
        (["search", "??? !", "--mode", "lexical"], 2, "it contains no word to look up"),
        (["search", "x", "--depth", "3"], 2, "No such option"),
        (["search", "autor:zhou"], 2, "at character 1 "),
        (["search", 'the "open quote'], 2, "at character 5 ('\"open quote'): the quote is not closed"),
        (["search", "x cat:cs.LX"], 2, "at character 3 "),
        (["search", "year:soon"], 2, "at character 1 "),
        (["search", "(" * 5_000 + "au:zhou"], 2, "at character"),
        (["search", "x", "--sort", "best"], 2, "invalid --sort 'best': choose one of relevance, newest, oldest"),
        (["search", "x", "--cursor", "abc"], 2, "invalid --cursor 'abc'"),
        (["search", "x", "--like", "2499.99999"], 4, "no paper '2499.99999' in the index"),
        (["search", "--unlike", KSA], 2, "add a query, or example papers"),
        (["search", "x", "-a", "y" * 500], 2, "a name has at most 200 characters"),
        (["authors", "y" * 500], 2, "a name has at most 200 characters"),
        (["authors", "..."], 2, "invalid NAME '...'"),
        (["similar"], 2, "missing paper ID: give one or more IDs, --file FILE, or - for standard input"),
        (["similar", "-", "--file", "/nowhere.txt"], 2, "--file cannot be combined with -"),
        (["similar", "arxiv:2499.99999"], 4, "no paper 'arxiv:2499.99999' in the index"),
        (["similar", "--file", "/nowhere.txt"], 2, "invalid --file '/nowhere.txt'"),
        (["similar", "-"], 2, "paste an abstract"),
        (["show", "KSA"], 4, "IDs look like arxiv:"),
        (["index", "nowhere.jsonl"], 2, "invalid PATHS 'nowhere.jsonl': there is no such file or folder"),
        (["index", str(ROOT / "README.md"), "--format", "word"], 2, "choose one of"),
        (["index", str(ROOT / "README.md"), "--as-of", "soon"], 2, "invalid --as-of 'soon'"),
        (
            ["index", str(ROOT / "README.md"), "--precision", "int4"],
            2,
            "invalid --precision 'int4': choose one of",
        ),
        (["index", str(ROOT / "README.md"), "--precision", "int8", "--model", "m"], 2, "model m supports float only"),
        (["searhc", "x"], 2, "No such command"),
    ],
)
def test_usage_errors_have_no_traceback(
    index_options: list[str], tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    index = ["--index", str(tmp_path)] if arguments[0] == "index" else [] if arguments[0] == "searhc" else index_options
    done = run(*arguments, *index)
    assert done.returncode == code, done.stderr
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
