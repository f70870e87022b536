"""Histories: the same records give the same answers and scores, however they are ordered, divided and interrupted."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_embedder import FakeEmbedder
from indexer import paper_writer
from indexer.build import index
from indexer.doctor import examine, repair
from killed_process import run_and_kill
from records import assert_rows_aligned, make_records, open_index, write_records
from search.papers import names
from search.papers.json import Json
from search.query.filter import Filter
from search.query.query import Query
from strategies import CATEGORIES, DATES, WORDS

SPELLINGS = (("Guorui Zhou", "G. Zhou", "GUORUI ZHOU"), ("José García", "J. Garcia"), ("Ada Byron",), ("Chao-Lin Liu",))
QUERIES = (
    *(Query(f"{one} {other}", mode=mode, limit=100, facets=True)
      for one, other in (("galaxy", "cache"), ("video", "proof"), ("token", "unique3"))
      for mode in ("hybrid", "lexical", "semantic")),
    Query("attention", Filter(authors=("Zhou",)), limit=100),
    Query("", Filter(categories=("cs.CL",)), limit=100, facets=True),
    Query("", Filter(authors=("G. Zhou",)), limit=100, sort="newest"),
)  # fmt: skip


@st.composite
def record_sets(draw: st.DrawFn) -> list[dict[str, Json]]:
    """Records of a few papers: each is described by one to four sources."""
    return [record for number in range(draw(st.integers(2, 12))) for record in draw(records_of_a_paper(number))]


@st.composite
def records_of_a_paper(draw: st.DrawFn, number: int) -> list[dict[str, Json]]:
    words = draw(st.lists(st.sampled_from(WORDS), min_size=8, max_size=14))
    authors = draw(st.lists(st.sampled_from(SPELLINGS), max_size=3, unique=True))
    abstract = f"We study unique{number} and also {' '.join(words)} in this work. Then we find {' '.join(words[::-1])}."
    records: list[dict[str, Json]] = []
    for source in draw(st.lists(st.sampled_from(["arxiv", "doi", "both", "plain"]), min_size=1, max_size=4)):
        record: dict[str, Json] = {
            "title": f"The {words[0]} of unique{number} {words[1]}",
            "abstract": draw(st.sampled_from([abstract, abstract, f"{abstract} It is {words[2]}."])),
            "authors": [draw(st.sampled_from(spellings)) for spellings in authors],
            "categories": draw(st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True)),
            "published": draw(st.sampled_from(DATES)),
        }
        if source in ("arxiv", "both"):
            record |= {"id": f"2401.{number:05}", "version": draw(st.integers(1, 3))}
        if source in ("doi", "both"):
            record |= {"doi": f"10.1000/{number}"}
        records.append(record)
    return records


@dataclass(frozen=True)
class Import:
    """One run of an import.

    Attributes:
        records: its records.
        batch: papers that are embedded and written together.
        kill_after: file events before an earlier run of the same import is killed; None without such a run.
    """

    records: list[dict[str, Json]]
    batch: int
    kill_after: int | None

    def run(self, directory: Path) -> None:
        path = write_records(directory.parent / "papers.jsonl", self.records)
        if self.kill_after is not None:
            run_and_kill(import_in_batches, path, directory, self.batch, after=self.kill_after)
        import_in_batches(path, directory, self.batch)


def import_in_batches(path: Path, directory: Path, batch: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_writer, "BATCH_PAPERS", batch)
        index([path], directory, FakeEmbedder())


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[dict[str, Json]], list[Import]]:
    """Records, and imports that together have all of them, some of them twice."""
    records = draw(record_sets())
    order = draw(st.permutations([*records, *draw(st.lists(st.sampled_from(records), max_size=3))]))
    ends = sorted(draw(st.lists(st.integers(0, len(order)), max_size=3)))
    parts = [order[start:end] for start, end in zip([0, *ends], [*ends, len(order)], strict=True)]
    options = st.tuples(st.sampled_from([1, 3, 1_000]), st.none() | st.integers(0, 150))
    return records, [Import(part, *draw(options)) for part in parts if part]


def answers(directory: Path) -> list[dict[str, Any]]:
    """What pages have in common whatever the history of the index is (``docs/design/identity.md``)."""
    searcher, pages = open_index(directory), []
    for query in QUERIES:
        page = searcher.search(query).to_json()
        hits = [_comparable_hit(hit) for hit in page["hits"]]
        measured = query.text and query.mode != "lexical"  # the relevant papers depend on the calibration
        facets = {} if measured else page["facets"] or {}
        pages.append(
            {
                "total": page["total"],
                "order": [hit["score"] if query.text else hit["published"] for hit in hits],
                "hits": sorted(hits, key=lambda hit: str(hit["id"])),
                "authors": [_count_by_key(match["variants"]) for match in page["authors"]],
                "author_facet": _count_by_key(facets.get("authors", [])),
                **{name: _in_any_order(facets.get(name, [])) for name in ("years", "categories", "sources")},
            }
        )
    return pages


def _comparable_hit(hit: dict[str, Any]) -> dict[str, Any]:
    """A hit without its band, its time of addition, and its ranks, since hits of equal score may be in any order."""
    scores = {name: leg and leg["score"] for name, leg in hit["legs"].items()}
    return {**hit, "legs": scores, "band": None, "added": None}


def _count_by_key(counts: list[dict[str, Any]]) -> list[Any]:
    """Papers by author; the spelling shown may be any of the author's."""
    return sorted((names.index_keys(count["value"])[0], count["papers"]) for count in counts)


def _in_any_order(counts: list[dict[str, Any]]) -> list[Any]:
    return sorted((count["value"], count["papers"]) for count in counts)


@settings(max_examples=8)
@given(histories())
def test_every_history_of_the_same_records_gives_the_same_answers(
    history: tuple[list[dict[str, Json]], list[Import]],
) -> None:
    records, imports = history
    with tempfile.TemporaryDirectory() as folder:
        for name in ("at once", "in parts"):
            (Path(folder) / name).mkdir()
        at_once, in_parts = Path(folder) / "at once" / "index", Path(folder) / "in parts" / "index"
        Import(records, 1_000, None).run(at_once)
        for each in imports:
            each.run(in_parts)
        assert examine(in_parts) == []
        assert_rows_aligned(open_index(in_parts))
        assert answers(in_parts) == answers(at_once)


def test_scores_after_replacements_equal_those_of_a_new_index(tmp_path: Path) -> None:
    """Papers replaced one by one, in an index with several segments, and then repaired."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = tmp_path / "old" / "index", tmp_path / "new" / "index"
    records = make_records(0, 120)
    for start in range(0, 120, 20):
        Import(records[start : start + 20], 1_000, None).run(old)
    for number in (3, 50, 51, 119, 3):  # the same paper twice; its abstract is longer each time
        text = f"{records[number]['abstract']} Then more on galaxy, cache and attention."
        records[number] = {**records[number], "abstract": text, "version": len(text)}
        Import([records[number]], 1_000, None).run(old)
    Import(records, 1_000, None).run(new)
    expected = answers(new)
    assert answers(old) == expected
    repair(old, lambda _model: FakeEmbedder())
    assert answers(old) == expected
