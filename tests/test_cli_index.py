"""Commands that build and check an index: index, status and doctor."""

import json
import re
import shutil
from pathlib import Path

import pytest

from cli_call import run, run_json
from cli_process import run_on_terminal
from sample import ROOT


def test_status_describes_the_index(index_options: list[str], sample_index: Path) -> None:
    status = run_json("status", *index_options)
    assert (status["papers"], status["generation"]) == (60, "gen-000001")
    assert status["model"]["name"] == "small"
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
    again = run("index", str(ROOT / "data" / "sample.jsonl"), *fast)
    assert again.returncode == 0
    assert "int8" not in again.stderr
    mixed = run("index", str(ROOT / "data" / "sample.jsonl"), "--precision", "float", *fast)
    assert mixed.returncode == 1
    assert "omit --model and --precision to use those of the index" in mixed.stderr


def test_long_commands_show_progress(tmp_path: Path) -> None:
    shown = run_on_terminal("index", str(ROOT / "data" / "sample.jsonl"), "--index", str(tmp_path))
    shown = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown)
    assert re.search(r"60 read, 60 embedded, \d+ papers/s ━+ +100% 0:00:00", shown), shown
    assert re.search(r"computing checksums \(4 of 4\)[^\n]*\s+60 records read", shown), shown


def test_an_import_reports_read_merged_and_skipped_records(tmp_path: Path) -> None:
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
        "3 records read: 2 new papers, 1 merged, 0 unchanged; 1 skipped; 2 texts embedded. "
        "The index has 2 papers (gen-000001)" in (done.stderr)
    )
    again = run("index", str(file), *at)
    assert (
        "0 new papers, 0 merged, 3 unchanged; 1 skipped; 0 texts embedded. The index has 2 papers (gen-000001)"
        in again.stderr
    )
    strict = run("index", str(file), "--strict", *at)
    assert strict.returncode == 1
    assert f"{file}:3: neither title nor abstract" in strict.stderr
    shown = run("show", "2401.00002", *at).stdout
    assert "Galaxies [31m& $(reboot)" in shown
    assert "\x1b" not in shown


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


def test_assumptions_about_the_text_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "latin.bib"
    file.write_bytes("@misc{a,\n title = {Über die Straße}}\n".encode("latin-1"))
    done = run("index", str(file), "--strict", "--index", str(tmp_path / "index"))
    assert done.returncode == 0
    assert f"warning {file}:2: bytes that are not UTF-8 were read as Windows-1252" in done.stderr
    assert "1 record read: 1 new paper, 0 merged, 0 unchanged; 0 skipped; 1 text embedded. " in done.stderr


def test_formats_are_pointed_to_once(tmp_path: Path) -> None:
    (tmp_path / "refs").mkdir()
    for name, content in {"a.txt": "Nothing.", "b.pdf": "%PDF-1.7\n", "c.bib": ""}.items():
        (tmp_path / "refs" / name).write_text(content)
    done = run("index", str(tmp_path / "refs"), "--index", str(tmp_path / "index"))
    assert done.stderr.count("the formats that are read; if a file of unknown format has one of them") == 1
    assert "b.pdf: unknown format: it looks like a PDF; import the bibliographic record of the paper" in done.stderr
    assert "c.bib: the file is empty; export or download it again, or leave it out" in done.stderr
    assert "arxiv-atom" not in done.stderr
