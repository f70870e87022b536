"""The command line exports every format and imports its own exports."""

import csv
import io
import json
from pathlib import Path

import bibtexparser
import pytest
import rispy

import cli_process
from cli_call import run
from sample import KSA
from service.formats import FORMATS, PAPER_FIELDS


@pytest.fixture(scope="module")
def index_options(sample_index: Path) -> list[str]:
    return ["--index", str(sample_index)]


def test_search_similar_and_show_export_every_format(index_options: list[str]) -> None:
    for command in (["search", "KV cache", "-n", "2"], ["similar", KSA, "-n", "2"], ["show", KSA]):
        order = ["-s", "relevance"] if command[0] != "show" else []
        exports = {name: run(*command, *order, "--format", name, *index_options) for name in FORMATS}
        assert {done.returncode for done in exports.values()} == {0}
        assert {done.stderr for done in exports.values()} == {""}
        count = 1 if command[0] == "show" else 2
        assert exports["json"].stdout.replace("\n", "")[0] == "{"
        assert len(exports["ndjson"].stdout.splitlines()) == count
        assert len(list(csv.DictReader(io.StringIO(exports["csv"].stdout)))) == count
        assert len(bibtexparser.parse_string(exports["bibtex"].stdout).entries) == count
        assert len(rispy.loads(exports["ris"].stdout)) == count
        assert len(json.loads(exports["csl-json"].stdout)) == count
        assert exports["atom"].stdout.startswith("<?xml")
        assert (
            json.loads(run(*command, "--json", *index_options).stdout).keys()
            == json.loads(exports["json"].stdout).keys()
        )


@pytest.mark.parametrize("name", ["bibtex", "ris", "csl-json", "csv", "ndjson"])
def test_exports_reimport_as_the_same_papers(index_options: list[str], tmp_path: Path, name: str) -> None:
    done = run("search", "-n", "1000", "--format", name, *index_options)
    export, copy = tmp_path / "export", ["--index", str(tmp_path / "index")]
    export.write_text(done.stdout, "utf-8")
    assert "The index has 60 papers (gen-000001)" in run("index", str(export), *copy).stderr
    compared = [name for name in PAPER_FIELDS if name not in ("sources", "added")]
    before, after = (
        {hit["id"]: [hit[field] for field in compared] for hit in json.loads(listed.stdout)["hits"]}
        for listed in (
            run("search", "-n", "1000", "--json", *index_options),
            run("search", "-n", "1000", "--json", *copy),
        )
    )
    assert after == before


def test_no_results_are_an_empty_file_and_a_note(index_options: list[str]) -> None:
    for name, printed in (("csl-json", "[]\n"), ("bibtex", ""), ("ris", ""), ("ndjson", "")):
        done = run("search", "-a", "Nobody Here", "--format", name, *index_options)
        assert (done.returncode, done.stdout) == (4, printed)
        assert "no papers match" in done.stderr


def test_a_feed_is_newest_first_and_its_id_depends_on_the_query(index_options: list[str]) -> None:
    first, second = (
        run("search", "KV cache", "-n", str(count), "-f", "atom", *index_options).stdout for count in (1, 2)
    )
    assert [text.splitlines()[2] for text in (first, second)] == [first.splitlines()[2]] * 2  # its id
    assert "newest first" in first
    assert "newest first" not in run("search", "KV cache", "-s", "relevance", "-f", "atom", *index_options).stdout


def test_an_unknown_format_is_named_and_completion_lists_formats(index_options: list[str]) -> None:
    for command in (["search", "x"], ["similar", KSA], ["show", KSA]):
        done = run(*command, "--format", "word", *index_options)
        assert (done.returncode, done.stdout) == (2, "")
        assert "choose one of json, ndjson, csv, atom, bibtex, ris, csl-json" in done.stderr
        assert run(*command, "--json", "--format", "ris", *index_options).returncode == 2
        line = f"papers {' '.join(command)} --format b"
        completed = cli_process.run(
            _PAPERS_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(line.split()) - 1)
        ).stdout
        assert completed.split() == ["plain,bibtex"]
    assert run("show", "2499.99999", "--format", "ris", *index_options).returncode == 4
