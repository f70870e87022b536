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


def run_json(*arguments: str, **more: Any) -> dict[str, Any]:
    """The JSON object that a command prints, and nothing beside it."""
    done = run(*arguments[:1], "--json", *arguments[1:], **more)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema_version"] == 1
    return dict(answer)


@pytest.fixture(scope="module")
def index_options(sample_index: Path) -> list[str]:
    return ["--index", str(sample_index)]


HIT_KEYS = {"id", "title", "authors", "published", "updated", "categories", "url", "abstract", "score", "legs"}


def test_search_prints_one_json_object(index_options: list[str]) -> None:
    page = run_json("search", "KV cache compression", "-n", "3", *index_options)
    assert {"hits", "total", "exact"} <= set(page)
    assert (len(page["hits"]), page["total"], page["exact"]) == (3, 60, True)
    for hit in page["hits"]:
        assert set(hit) >= HIT_KEYS
        assert set(hit["legs"]["semantic"]) == {"rank", "score"}
    assert KSA in {hit["id"] for hit in page["hits"]}


def test_filters_narrow(index_options: list[str]) -> None:
    page = run_json(
        "search", "recommendation", "-a", "Zhou, Guorui", "-c", "cs.IR", "--from", "2026-01", *index_options
    )
    assert page["total"] == len(page["hits"]) > 0
    for hit in page["hits"]:
        assert "Guorui Zhou" in hit["authors"]
        assert "cs.IR" in hit["categories"]
        assert hit["published"] >= "2026-01"
    both = run_json("search", "-a", "Guorui Zhou", "-a", "Kun Gai", "-n", "60", *index_options)
    assert all({"Guorui Zhou", "Kun Gai"} <= set(hit["authors"]) for hit in both["hits"])
    either = run_json("search", "-c", "cs.IR", "-c", "cs.CV", "-n", "60", *index_options)
    assert {"cs.IR", "cs.CV"} <= {category for hit in either["hits"] for category in hit["categories"]}
    dates = [hit["published"] for hit in either["hits"]]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("mode", ["semantic", "lexical"])
def test_modes_use_one_leg(index_options: list[str], mode: str) -> None:
    page = run_json("search", "cache", "--mode", mode, *index_options)
    other = "lexical" if mode == "semantic" else "semantic"
    assert all(hit["legs"][mode] and not hit["legs"][other] for hit in page["hits"])
    assert (page["total"] == 60) == (mode == "semantic")


def test_similar_by_id_file_and_standard_input(index_options: list[str], tmp_path: Path) -> None:
    paper = run_json("show", "https://arxiv.org/abs/2604.24432v1", *index_options)
    assert paper["id"] == KSA
    by_id = run_json("similar", KSA.upper(), *index_options)
    assert KSA not in {hit["id"] for hit in by_id["hits"]}
    assert by_id["total"] == 59
    file = tmp_path / "abstract.txt"
    file.write_text(paper["abstract"], "utf-8")
    by_file, by_pipe = (
        run_json("similar", "--file", str(file), *index_options),
        run_json("similar", "-", *index_options, stdin=paper["abstract"]),
    )
    assert by_file.pop("explanation")["strategy"] == by_pipe.pop("explanation")["strategy"] == "exact"
    assert by_file == by_pipe
    assert (by_file["hits"][0]["id"], by_file["hits"][0]["exact_match"]) == (KSA, True)
    assert [hit["exact_match"] for hit in by_file["hits"][1:]] == [False] * 9


def test_status_says_what_the_index_holds(index_options: list[str], sample_index: Path) -> None:
    status = run_json("status", *index_options)
    assert (status["papers"], status["generation"]) == (60, "gen-000001")
    assert status["model"]["name"] == "all-MiniLM-L6-v2"
    assert status["size_bytes"] == sum(path.stat().st_size for path in sample_index.rglob("*") if path.is_file())
    assert "60" in run("status", *index_options).stdout


def test_an_int8_index_reports_quality_and_is_searched_with_int8(tmp_path: Path, index_options: list[str]) -> None:
    fast = ["--index", str(tmp_path / "fast")]
    done = run("index", str(ROOT / "data" / "sample.jsonl"), "--precision", "int8", *fast)
    assert (done.returncode, done.stdout) == (0, "")
    quality = (
        r"int8 vectors compared with float on 12 papers .*: cosine 0\.99\d\d on average, 0\.99\d\d at least; \d+% of"
    )
    assert re.search(quality, done.stderr), done.stderr
    assert run_json("status", *fast)["model"]["precision"] == "int8"
    assert "256 tokens, int8" in run("status", *fast).stdout
    page, other = (
        run_json("search", "KV cache compression", "-m", "semantic", *where) for where in (fast, index_options)
    )
    scores = [hit["legs"]["semantic"]["score"] for hit in page["hits"]]
    assert scores == pytest.approx([hit["legs"]["semantic"]["score"] for hit in other["hits"]], abs=0.05)
    assert scores != [hit["legs"]["semantic"]["score"] for hit in other["hits"]]
    mixed = run("index", str(ROOT / "data" / "sample.jsonl"), *fast)
    assert mixed.returncode == 1
    assert "use another folder with --index, or the --model and --precision" in mixed.stderr


def test_the_index_is_an_option_or_a_variable_or_data_index(
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


def run_on_terminal(*arguments: str) -> str:
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


def test_long_commands_show_progress(tmp_path: Path) -> None:
    shown = run_on_terminal("index", str(ROOT / "data" / "sample.jsonl"), "--index", str(tmp_path))
    shown = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown)
    assert re.search(r"60 read, 60 embedded, \d+ papers/s ━+ +100% 0:00:00", shown), shown
    assert re.search(r"computing checksums \(4 of 4\)[^\n]*\s+60 records read", shown), shown


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


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["search", "x", "-n", "-1"], 2, "invalid --limit '-1': give a whole number from 0 to 1000"),
        (["search", "x", "-n", "1000000000"], 2, "invalid --limit '1000000000'"),
        (["search", "x", "--from", "2026", "--to", "2025"], 2, "invalid --from '2026'"),
        (["search", "x", "--from", "2026-13"], 2, "invalid --from '2026-13': not a valid date"),
        (["search", "x", "-c", "cs.LX"], 2, "invalid --category 'cs.LX'"),
        (["search", "x", "-a", ""], 2, "invalid --author ''"),
        (["search", "x", "--mode", "fast"], 2, "invalid --mode 'fast': choose one of hybrid"),
        (["search", "y" * 30_000], 2, "30,000 characters"),
        (["search", "the of", "--mode", "lexical"], 2, "only stop words"),
        (["search", "x", "--depth", "3"], 2, "No such option"),
        (["search", "autor:zhou"], 2, "at character 1 "),
        (["search", 'the "open quote'], 2, "at character 5 ('\"open quote'): the quote is not closed"),
        (["search", "x cat:cs.LX"], 2, "at character 3 "),
        (["search", "year:soon"], 2, "at character 1 "),
        (["search", "(" * 5_000 + "au:zhou"], 2, "at character"),
        (["search", "x", "--sort", "best"], 2, "invalid --sort 'best': choose one of relevance, newest, oldest"),
        (["search", "x", "--cursor", "abc"], 2, "invalid --cursor 'abc'"),
        (["search", "x", "--like", "2499.99999"], 4, "no paper '2499.99999' in the index"),
        (["search", "--unlike", KSA], 2, "it needs a query or like as well"),
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
        (["index", str(ROOT / "README.md"), "--precision", "int8", "--model", "m"], 2, "m can only be had in float"),
        (["searhc", "x"], 2, "No such command"),
    ],
)
def test_usage_errors_have_no_traceback(
    index_options: list[str], tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    index = ["--index", str(tmp_path)] if arguments[0] == "index" else [] if arguments[0] == "searhc" else index_options
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
def test_any_question_is_answered(index_options: list[str], text: str) -> None:
    page = run_json("search", *index_options, "--", text)
    assert len(page["hits"]) == 10


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


def test_explain_prints_strategy_and_timings(index_options: list[str]) -> None:
    done = run("search", "KV cache compression", "--author", "Guorui Zhou", "--explain", *index_options)
    assert done.returncode == 0
    assert re.search(
        r"semantic search: exact, scored all \d+ matching papers; \d+ papers match; gen-000001", done.stderr
    )
    assert re.search(r"timings \(ms\): filter [\d.]+, .*embedding [\d.]+, semantic [\d.]+, fusion [\d.]+", done.stderr)
    listed = run("search", "--category", "cs", "--explain", *index_options)
    assert "semantic search: not used" in listed.stderr


def test_the_doctor_finds_and_repairs(index_options: list[str], tmp_path: Path) -> None:
    shutil.copytree(index_options[1], tmp_path / "index")
    there = ["--index", str(tmp_path / "index")]
    assert run("doctor", *there).stdout == "no problems found\n"
    (columns,) = (tmp_path / "index").glob("gen-*/columns/published.npy")
    columns.write_bytes(columns.read_bytes()[:-4] + b"oops")
    found = run("doctor", *there)
    assert (found.returncode, found.stdout) == (
        1,
        "columns/published.npy does not have the checksum it was published with\n",
    )
    assert "papers doctor --repair" in found.stderr
    repaired = run("doctor", "--repair", *there)
    assert repaired.returncode == 0
    assert "papers: repaired; published as gen-000002" in repaired.stderr
    healthy = {"schema_version": 1, "problems": [], "repaired_generation": None}
    assert json.loads(run("doctor", "--json", *there).stdout) == healthy
    assert run("search", "KV cache compression", *there).returncode == 0


def test_query_text_and_options_are_equivalent(index_options: list[str]) -> None:
    box = run_json("search", 'au:zhou cat:cs.IR date:>=2026-01 "kv cache" -survey', *index_options)
    assert box["interpretation"] == "au:zhou, cs.IR, since 2026-01, \"kv cache\", not all:survey, about 'kv cache'"
    assert [hit["id"] for hit in box["hits"]] == [KSA]
    options = run_json(
        "search", "kv cache", "-a", "zhou", "-c", "Information Retrieval", "--from", "2026-01", *index_options
    )
    assert KSA in {hit["id"] for hit in options["hits"]}
    first = run_json("search", "recommendation", "-a", "^Zhou", *index_options, "--facets")
    assert all(hit["authors"][0].split()[-1] == "Zhou" for hit in first["hits"])
    plain = run("search", "LLMs IN the loop: A or B?", *index_options).stdout
    assert plain.startswith("about 'LLMs IN the loop: A or B?'\n")


def test_every_hit_shows_evidence_and_band(index_options: list[str]) -> None:
    page = run_json("search", "KV cache compression", *index_options)
    assert page["has_close_match"]
    assert {hit["band"] for hit in page["hits"]} == {"strong", "weak"}
    best = page["hits"][0]
    marked = {best["title"][start:end].lower() for start, end in best["highlights"]["title"]}
    assert marked == {"kv", "cache", "compression"}
    start, end = best["highlights"]["sentence"]
    assert f"> {best['abstract'][start:end][:40]}" in run("search", "KV cache compression", *index_options).stdout
    far = run("search", "how to bake sourdough bread", *index_options)
    assert "no close match; nearest papers:" in far.stdout
    assert far.returncode == 0


def test_cursors_and_facets(index_options: list[str]) -> None:
    first = run_json("search", "recommendation", "-n", "25", "--facets", *index_options)
    seen = [hit["id"] for hit in first["hits"]]
    assert first["facets"]["scope"] == "relevant"
    cursor = first["cursor"]
    while cursor:
        page = run_json("search", "recommendation", "-n", "25", "--cursor", cursor, *index_options)
        seen += [hit["id"] for hit in page["hits"]]
        cursor = page["cursor"]
    assert len(seen) == len(set(seen)) == 60
    listed = run_json("search", "--category", "cs", "--facets", "--sort", "oldest", *index_options)
    assert listed["facets"]["scope"] == "filter"
    assert listed["facets"]["papers"] == listed["total"] == sum(each["papers"] for each in listed["facets"]["years"])
    dates = [hit["published"] for hit in listed["hits"]]
    assert dates == sorted(dates)
    assert "next page: --cursor " in run("search", "recommendation", *index_options).stdout


def test_authors_are_listed_with_their_variants(index_options: list[str]) -> None:
    listed = run_json("authors", "zhou", *index_options)
    assert listed["variants"][0] == {"value": "Guorui Zhou", "papers": 7}
    assert {"value": "Jie Zhou", "papers": 1} in listed["variants"]
    assert re.search(r"^ +7  Guorui Zhou$", run("authors", "Zhou, G.", *index_options).stdout, re.MULTILINE)
    nobody = run("authors", "Guorui Zhuo", *index_options)
    assert (nobody.returncode, nobody.stdout) == (4, "")
    assert "did you mean Guorui Zhou" in nobody.stderr
    kept = run_json("search", "-a", "Zhou", "--not-author", "Guorui Zhou", "-n", "60", *index_options)
    assert not [hit for hit in kept["hits"] if "Guorui Zhou" in hit["authors"]]


def test_like_and_unlike(index_options: list[str]) -> None:
    near = run_json("similar", KSA, "2412.14838", "--unlike", "2503.19950", *index_options)
    assert not {KSA, "arxiv:2412.14838", "arxiv:2503.19950"} & {hit["id"] for hit in near["hits"]}
    assert near["total"] == 57
    assert near["interpretation"] == f"like {KSA} and 2412.14838, unlike 2503.19950"
    box = run_json("search", "https://arxiv.org/abs/2604.24432v1", *index_options)
    assert [hit["exact_match"] for hit in box["hits"][:2]] == [True, False]
    assert (
        run_json("search", "long context", "--like", KSA, *index_options)["interpretation"]
        == f"like {KSA}, about 'long context'"
    )


def test_a_misspelt_word_gets_a_suggestion(index_options: list[str]) -> None:
    assert "did you mean: recommendation" in run("search", "recomendation", *index_options).stderr
    assert run("search", "speed up decoding with a draft model", *index_options).stderr == ""  # only "speeds" is here
