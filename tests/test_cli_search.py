"""Commands that search an index: search, similar, show and authors."""

import re
from pathlib import Path

import pytest

from cli_call import run, run_json
from sample import KSA

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


@pytest.mark.parametrize("text", ["LLMs IN the loop: A or B?", "NOT all tokens", "-n", "🙂", "深度学习", "مرحبا", "(a"])
def test_any_text_is_a_query(index_options: list[str], text: str) -> None:
    page = run_json("search", *index_options, "--", text)
    assert len(page["hits"]) == 10


def test_explain_prints_strategy_and_timings(index_options: list[str]) -> None:
    done = run("search", "KV cache compression", "--author", "Guorui Zhou", "--explain", *index_options)
    assert done.returncode == 0
    assert re.search(
        r"semantic search: exact, scored all \d+ matching papers; \d+ papers match; gen-000001", done.stderr
    )
    stages = r"timings \(ms\): filter [\d.]+, .*embedding [\d.]+, .*semantic [\d.]+, fusion [\d.]+"
    assert re.search(stages, done.stderr)
    listed = run("search", "--category", "cs", "--explain", *index_options)
    assert "semantic search: not used" in listed.stderr


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
    assert {hit["band"] for hit in page["hits"]} == {"strong", "related", "weak"}
    best = next(hit for hit in page["hits"] if "KV Cache Compression" in hit["title"])
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
    others = run_json("search", "-a", "Zhou", "--not-author", "Guorui Zhou", "-n", "60", *index_options)
    assert not [hit for hit in others["hits"] if "Guorui Zhou" in hit["authors"]]


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
