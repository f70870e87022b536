"""The command line, as its users meet it: the console script in a process of its own, its streams and exit status."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parent.parent
PAPERS = Path(sys.executable).with_name("papers")
KSA = "arxiv:2604.24432"


def run(*arguments: str, stdin: str = "", cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PAPERS, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PAPERS_INDEX": "", "COLUMNS": "100", **env},
    )


def asked(*arguments: str, **more: Any) -> dict[str, Any]:
    """The JSON object that a command prints, and nothing beside it."""
    done = run(*arguments[:1], "--json", *arguments[1:], **more)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema_version"] == 1
    return dict(answer)


@pytest.fixture(scope="module")
def at(sample_index: Path) -> list[str]:
    return ["--index", str(sample_index)]


HIT = {"id", "title", "authors", "published", "updated", "categories", "url", "abstract", "score", "matched"}


def test_search_prints_one_json_object(at: list[str]) -> None:
    page = asked("search", "KV cache compression", "-n", "3", *at)
    assert {"hits", "total", "exact"} <= set(page)
    assert (len(page["hits"]), page["total"], page["exact"]) == (3, 60, True)
    for hit in page["hits"]:
        assert set(hit) >= HIT
        assert set(hit["matched"]["semantic"]) == {"rank", "score"}
    assert KSA in {hit["id"] for hit in page["hits"]}


def test_filters_narrow(at: list[str]) -> None:
    page = asked("search", "recommendation", "-a", "Zhou, Guorui", "-c", "cs.IR", "--from", "2026-01", *at)
    assert page["total"] == len(page["hits"]) > 0
    for hit in page["hits"]:
        assert "Guorui Zhou" in hit["authors"]
        assert "cs.IR" in hit["categories"]
        assert hit["published"] >= "2026-01"
    both = asked("search", "-a", "Guorui Zhou", "-a", "Kun Gai", "-n", "60", *at)
    assert all({"Guorui Zhou", "Kun Gai"} <= set(hit["authors"]) for hit in both["hits"])
    either = asked("search", "-c", "cs.IR", "-c", "cs.CV", "-n", "60", *at)
    assert {"cs.IR", "cs.CV"} <= {category for hit in either["hits"] for category in hit["categories"]}
    dates = [hit["published"] for hit in either["hits"]]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("mode", ["semantic", "lexical"])
def test_modes_ask_one_leg(at: list[str], mode: str) -> None:
    page = asked("search", "cache", "--mode", mode, *at)
    other = "lexical" if mode == "semantic" else "semantic"
    assert all(hit["matched"][mode] and not hit["matched"][other] for hit in page["hits"])
    assert (page["total"] == 60) == (mode == "semantic")


def test_similar_by_id_file_and_standard_input(at: list[str], tmp_path: Path) -> None:
    paper = asked("show", "https://arxiv.org/abs/2604.24432v1", *at)
    assert paper["id"] == KSA
    by_id = asked("similar", KSA.upper(), *at)
    assert KSA not in {hit["id"] for hit in by_id["hits"]}
    assert by_id["total"] == 59
    file = tmp_path / "abstract.txt"
    file.write_text(paper["abstract"], "utf-8")
    by_file, by_pipe = asked("similar", "--file", str(file), *at), asked("similar", "-", *at, stdin=paper["abstract"])
    assert by_file.pop("explanation")["road"] == by_pipe.pop("explanation")["road"] == "rows"
    assert by_file == by_pipe
    assert (by_file["hits"][0]["id"], by_file["hits"][0]["same"]) == (KSA, True)
    assert [hit["same"] for hit in by_file["hits"][1:]] == [False] * 9


def test_status_says_what_the_index_holds(at: list[str], sample_index: Path) -> None:
    status = asked("status", *at)
    assert (status["papers"], status["generation"]) == (60, "gen-000001")
    assert status["model"]["name"] == "all-MiniLM-L6-v2"
    assert status["bytes"] == sum(path.stat().st_size for path in sample_index.rglob("*") if path.is_file())
    assert "60" in run("status", *at).stdout


def test_an_int8_index_says_how_good_it_is_and_is_asked_with_int8(tmp_path: Path, at: list[str]) -> None:
    fast = ["--index", str(tmp_path / "fast")]
    done = run("index", str(ROOT / "data" / "sample.jsonl"), "--precision", "int8", *fast)
    assert (done.returncode, done.stdout) == (0, "")
    said = r"int8 beside float, on 12 papers .*: cosine 0\.99\d\d on average, 0\.99\d\d at least; \d+% of"
    assert re.search(said, done.stderr), done.stderr
    assert asked("status", *fast)["model"]["precision"] == "int8"
    assert "256 tokens, int8" in run("status", *fast).stdout
    page, other = (asked("search", "KV cache compression", "-m", "semantic", *where) for where in (fast, at))
    scores = [hit["matched"]["semantic"]["score"] for hit in page["hits"]]
    assert scores == pytest.approx([hit["matched"]["semantic"]["score"] for hit in other["hits"]], abs=0.05)
    assert scores != [hit["matched"]["semantic"]["score"] for hit in other["hits"]]
    mixed = run("index", str(ROOT / "data" / "sample.jsonl"), *fast)
    assert mixed.returncode == 1
    assert "leave --model and --precision as they were" in mixed.stderr


def test_the_index_is_an_option_or_a_variable_or_data_index(at: list[str], sample_index: Path, tmp_path: Path) -> None:
    assert run("status", PAPERS_INDEX=str(sample_index)).stdout == run("status", *at).stdout
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index").symlink_to(sample_index)
    assert asked("status", cwd=tmp_path)["papers"] == 60


def test_a_pipe_gets_plain_text_and_a_terminal_cards(at: list[str]) -> None:
    plain = run("search", "KV cache compression", "-n", "2", *at).stdout
    assert "\x1b" not in plain
    assert plain.startswith("about 'KV cache compression'\n60 papers pass, 2 shown\n\n1. ")
    assert "╭" in on_terminal("search", "KV cache compression", "-n", "2", *at)


def on_terminal(*arguments: str) -> str:
    """What a command writes on a terminal."""
    master, slave = pty.openpty()
    child = subprocess.Popen([PAPERS, *arguments], stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += os.read(master, 65_536)
        except OSError:  # how Linux says that the other side is closed
            break
    os.close(master)
    assert child.wait() == 0
    return shown.decode()


def test_long_work_shows_how_far_it_is(tmp_path: Path) -> None:
    shown = on_terminal("index", str(ROOT / "data" / "sample.jsonl"), "--index", str(tmp_path))
    assert re.search(r"\r60 read, 60 embedded, \d+ papers/s, 100%, 0 s left *\r?\n60 records read", shown), shown


def test_results_go_to_standard_output_and_all_else_to_standard_error(at: list[str]) -> None:
    found = run("search", "cache", *at)
    assert (found.returncode, found.stderr) == (0, "")
    nothing = run("search", "cache", "--to", "1990", *at)
    assert (nothing.returncode, nothing.stdout) == (4, "")
    assert "no paper passes the filters" in nothing.stderr
    empty = run("search", "cache", "--to", "1990", "--json", *at)
    assert (empty.returncode, json.loads(empty.stdout)["hits"]) == (4, [])
    words = run("search", "zyzzyva", "--mode", "lexical", *at)
    assert (words.returncode, words.stdout) == (4, "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["search", "x", "-n", "-1"], 2, "limit: '-1' is not allowed; give a whole number from 1 to 1000"),
        (["search", "x", "-n", "1000000000"], 2, "limit: '1000000000' is not allowed"),
        (["search", "x", "--from", "2026", "--to", "2025"], 2, "from: '2026' is not allowed"),
        (["search", "x", "--from", "2026-13"], 2, "from: '2026-13' is not allowed; write a date that exists"),
        (["search", "x", "-c", "cs.LX"], 2, "category: 'cs.LX' is not allowed"),
        (["search", "x", "-a", ""], 2, "author: '' is not allowed"),
        (["search", "x", "--mode", "fast"], 2, "mode: 'fast' is not allowed; choose one of hybrid"),
        (["search", "y" * 30_000], 2, "it has 30,000 characters"),
        (["search", "the of", "--mode", "lexical"], 2, "use mode hybrid"),
        (["search", "x", "--depth", "3"], 2, "No such option"),
        (["search", "autor:zhou"], 2, "at character 1: "),
        (["search", 'the "open quote'], 2, "at character 5: the quote is never closed"),
        (["search", "x cat:cs.LX"], 2, "at character 3: "),
        (["search", "year:soon"], 2, "at character 1: "),
        (["search", "(" * 5_000 + "au:zhou"], 2, "at character"),
        (["search", "x", "--sort", "best"], 2, "sort: 'best' is not allowed; choose one of relevance, newest, oldest"),
        (["search", "x", "--cursor", "abc"], 2, "cursor: 'abc' is not allowed"),
        (["search", "x", "--like", "2499.99999"], 4, "no paper '2499.99999' in the index"),
        (["search", "--unlike", KSA], 2, "it needs a query or --like as well"),
        (["search", "x", "-a", "y" * 500], 2, "a name has at most 200 characters"),
        (["authors", "y" * 500], 2, "a name has at most 200 characters"),
        (["authors", "..."], 2, "author: "),
        (["similar"], 2, "give papers' ids, --file FILE, or -"),
        (["similar", "arxiv:2499.99999"], 4, "no paper 'arxiv:2499.99999' in the index"),
        (["similar", "--file", "/nowhere.txt"], 2, "file: '/nowhere.txt' is not allowed"),
        (["similar", "-"], 2, "paste an abstract"),
        (["show", "KSA"], 4, "IDs look like arxiv:"),
        (["index", "nowhere.jsonl"], 2, "there is no such file or folder"),
        (["index", str(ROOT / "README.md"), "--format", "word"], 2, "choose one of"),
        (["index", str(ROOT / "README.md"), "--as-of", "soon"], 2, "as-of: 'soon' is not allowed"),
        (
            ["index", str(ROOT / "README.md"), "--precision", "int4"],
            2,
            "precision: 'int4' is not allowed; choose one of",
        ),
        (["index", str(ROOT / "README.md"), "--precision", "int8", "--model", "m"], 2, "m can only be had in float"),
        (["searhc", "x"], 2, "No such command"),
    ],
)
def test_mistakes_are_named_without_a_traceback(
    at: list[str], tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    index = ["--index", str(tmp_path)] if arguments[0] == "index" else [] if arguments[0] == "searhc" else at
    done = run(*arguments, *index)
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


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
        said = server.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert address, said
        asked = httpx.get(f"{address[0]}/v1/search", params={"q": "KV cache compression"}, timeout=30)
        assert asked.json()["total"] == 60
        port = address[0].rpartition(":")[2]
        second = run("serve", "--index", str(sample_index), "--port", port)
        assert (second.returncode, second.stdout) == (2, "")
        assert f"port: '127.0.0.1:{port}' is not allowed; Address already in use" in second.stderr
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


def test_an_import_says_what_it_read_merged_and_skipped(tmp_path: Path) -> None:
    lines = [
        '{"id": "2401.00001", "title": "Short summaries of long contexts", "abstract": "We keep less and lose it."}',
        '{"id": "2401.00001v2", "title": "Short summaries of long contexts", "abstract": "We keep less, lose little."}',
        '{"title": ""}',
        '{"id": "2401.00002", "title": "<b>Galaxies</b> \\u001b[31m& $(reboot)"}',
    ]
    file, at = tmp_path / "papers.jsonl", ["--index", str(tmp_path / "index")]
    file.write_text("\n".join(lines), "utf-8")
    done = run("index", str(file), *at)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"skipped {file}:3: neither title nor abstract" in done.stderr
    assert (
        "3 records read: 2 new papers, 1 merged, 0 unchanged, 1 skipped; 2 texts embedded. 2 papers in gen-000001"
        in (done.stderr)
    )
    again = run("index", str(file), *at)
    assert "0 new papers, 0 merged, 3 unchanged, 1 skipped; 0 texts embedded. 2 papers in gen-000001" in again.stderr
    strict = run("index", str(file), "--strict", *at)
    assert strict.returncode == 1
    assert f"{file}:3: neither title nor abstract" in strict.stderr
    shown = run("show", "2401.00002", *at).stdout
    assert "<b>Galaxies</b> [31m& $(reboot)" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("text", ["LLMs IN the loop: A or B?", "NOT all tokens", "-n", "🙂", "深度学习", "مرحبا", "(a"])
def test_any_question_is_answered(at: list[str], text: str) -> None:
    page = asked("search", *at, "--", text)
    assert len(page["hits"]) == 10


def test_a_closed_pipe_is_no_failure(at: list[str]) -> None:
    command = f"{PAPERS} search --json -n 60 {' '.join(at)} | head -c 10"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_help_has_an_example_of_every_command_and_completion_knows_them() -> None:
    names = re.findall(r"^  (\w+)  ", run("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    commands = {"index", "search", "similar", "authors", "show", "status", "serve", "mcp", "keys", "doctor", "eval"}
    assert set(names) == commands
    for name in names:
        text = run(name, "--help").stdout
        assert name in ("status", "serve") or f"\n  papers {name} " in text, name
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


def test_the_road_and_the_times_are_told_when_asked(at: list[str]) -> None:
    done = run("search", "KV cache compression", "--author", "Guorui Zhou", "--explain", *at)
    assert done.returncode == 0
    assert re.search(r"vectors: scored all \d+ passing papers exactly; \d+ papers pass; gen-000001", done.stderr)
    assert re.search(r"milliseconds: filter [\d.]+, .*embed [\d.]+, vectors [\d.]+, fuse [\d.]+", done.stderr)
    listed = run("search", "--category", "cs", "--explain", *at)
    assert "vectors: not asked" in listed.stderr


def test_the_doctor_finds_and_repairs(at: list[str], tmp_path: Path) -> None:
    shutil.copytree(at[1], tmp_path / "index")
    there = ["--index", str(tmp_path / "index")]
    assert run("doctor", *there).stdout == "the index is whole\n"
    (columns,) = (tmp_path / "index").glob("gen-*/columns/published.npy")
    columns.write_bytes(columns.read_bytes()[:-4] + b"oops")
    found = run("doctor", *there)
    assert (found.returncode, found.stdout) == (
        1,
        "columns/published.npy does not have the checksum it was published with\n",
    )
    assert "papers doctor --repair" in found.stderr
    assert run("doctor", "--repair", *there).returncode == 0
    assert json.loads(run("doctor", "--json", *there).stdout)["problems"] == []
    assert run("search", "KV cache compression", *there).returncode == 0


def test_one_box_and_options_mean_the_same(at: list[str]) -> None:
    box = asked("search", 'au:zhou cat:cs.IR date:>=2026-01 "kv cache" -survey', *at)
    assert box["reading"] == "au:zhou, cs.IR, since 2026-01, \"kv cache\", not all:survey, about 'kv cache'"
    assert [hit["id"] for hit in box["hits"]] == [KSA]
    options = asked("search", "kv cache", "-a", "zhou", "-c", "Information Retrieval", "--from", "2026-01", *at)
    assert KSA in {hit["id"] for hit in options["hits"]}
    first = asked("search", "recommendation", "-a", "^Zhou", *at, "--facets")
    assert all(hit["authors"][0].split()[-1] == "Zhou" for hit in first["hits"])
    plain = run("search", "LLMs IN the loop: A or B?", *at).stdout
    assert plain.startswith("about 'LLMs IN the loop: A or B?'\n")


def test_every_hit_says_why_and_how_close_it_is(at: list[str]) -> None:
    page = asked("search", "KV cache compression", *at)
    assert page["close"]
    assert {hit["band"] for hit in page["hits"]} == {"strong", "weak"}
    best = page["hits"][0]
    marked = {best["title"][start:end].lower() for start, end in best["why"]["title"]}
    assert marked == {"kv", "cache", "compression"}
    start, end = best["why"]["sentence"]
    assert f"> {best['abstract'][start:end][:40]}" in run("search", "KV cache compression", *at).stdout
    far = run("search", "how to bake sourdough bread", *at)
    assert "nothing here is close; nearest:" in far.stdout
    assert far.returncode == 0


def test_pages_go_on_and_facets_are_counted(at: list[str]) -> None:
    first = asked("search", "recommendation", "-n", "25", "--facets", *at)
    seen = [hit["id"] for hit in first["hits"]]
    assert first["facets"]["of"] == "relevant"
    cursor = first["cursor"]
    while cursor:
        page = asked("search", "recommendation", "-n", "25", "--cursor", cursor, *at)
        seen += [hit["id"] for hit in page["hits"]]
        cursor = page["cursor"]
    assert len(seen) == len(set(seen)) == 60
    listed = asked("search", "--category", "cs", "--facets", "--sort", "oldest", *at)
    assert listed["facets"]["of"] == "filter"
    assert listed["facets"]["papers"] == listed["total"] == sum(each["papers"] for each in listed["facets"]["years"])
    dates = [hit["published"] for hit in listed["hits"]]
    assert dates == sorted(dates)
    assert "more: --cursor " in run("search", "recommendation", *at).stdout


def test_authors_are_listed_with_their_variants(at: list[str]) -> None:
    listed = asked("authors", "zhou", *at)
    assert listed["variants"][0] == {"value": "Guorui Zhou", "papers": 7}
    assert {"value": "Jie Zhou", "papers": 1} in listed["variants"]
    assert re.search(r"^ +7  Guorui Zhou$", run("authors", "Zhou, G.", *at).stdout, re.MULTILINE)
    nobody = run("authors", "Guorui Zhuo", *at)
    assert (nobody.returncode, nobody.stdout) == (4, "")
    assert "did you mean Guorui Zhou" in nobody.stderr
    kept = asked("search", "-a", "Zhou", "--not-author", "Guorui Zhou", "-n", "60", *at)
    assert not [hit for hit in kept["hits"] if "Guorui Zhou" in hit["authors"]]


def test_papers_near_some_and_away_from_others(at: list[str]) -> None:
    near = asked("similar", KSA, "2412.14838", "--unlike", "2503.19950", *at)
    assert not {KSA, "arxiv:2412.14838", "arxiv:2503.19950"} & {hit["id"] for hit in near["hits"]}
    assert near["total"] == 57
    assert near["reading"] == f"like {KSA} and 2412.14838, unlike 2503.19950"
    box = asked("search", "https://arxiv.org/abs/2604.24432v1", *at)
    assert [hit["same"] for hit in box["hits"][:2]] == [True, False]
    assert asked("search", "long context", "--like", KSA, *at)["reading"] == f"like {KSA}, about 'long context'"


def test_a_misspelt_word_is_offered_mended(at: list[str]) -> None:
    assert "did you mean: recommendation" in run("search", "recomendation", *at).stderr
    assert run("search", "speed up decoding with a draft model", *at).stderr == ""  # only "speeds" is here
