"""Decisions: what the user decides about papers holds for later imports, and survives repairs and backups."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_call import run
from fake_embedder import FakeEmbedder
from indexer.backup import back_up, restore
from indexer.build import ImportOptions, index
from indexer.corrections import merge_papers, split_paper
from indexer.decisions import Decision, Decisions
from indexer.doctor import examine, repair
from indexer.grouping import group_records
from indexer.identity import ensure_id
from indexer.reindex import reindex
from indexer.related import find_earlier_versions, find_possible_duplicates
from indexer.removal import remove
from indexer.removal_selection import select_ids, select_source
from indexer.sources.jsonl import parse_paper
from records import open_index
from search.embedding.embedder import Embedder
from search.embedding.model import ModelIdentity
from search.errors import IndexMissing, InvalidValue, ModelUnavailable, PaperNotFound
from search.papers.json import Json
from search.papers.paper import Paper

ABSTRACT = (
    "Bees return to a flower that once was rich although it has been empty for days. We followed forty foragers and "
    "found that they weigh what they remember against what they saw last, and that age makes them trust memory more."
)
PREPRINT: dict[str, Json] = {
    "id": "2401.00001v1", "title": "What bees remember of empty flowers", "authors": ["Ada Byron", "José García"],
    "abstract": ABSTRACT, "published": "2024-01-02", "categories": ["q-bio.NC"], "version": 1,
}  # fmt: skip
ARTICLE: dict[str, Json] = {
    "doi": "10.1000/x", "title": "How bees remember flowers that are empty", "authors": ["A. Byron", "J. Garcia"],
    "abstract": ABSTRACT.replace("forty", "sixty"), "published": "2025",
}  # fmt: skip
OTHER: dict[str, Json] = {"doi": "10.1000/y", "title": "Wheat under lamps", "authors": ["Gang Zhou"]}


def load(_model: ModelIdentity) -> Embedder:
    return FakeEmbedder()


def load_nothing(_model: ModelIdentity) -> Embedder:
    raise ModelUnavailable("a text is embedded again")


def import_records(directory: Path, *records: dict[str, Json]) -> None:
    path = directory.parent / f"{directory.name}.jsonl"
    path.write_text("\n".join(map(json.dumps, records)), "utf-8")
    index([path], directory, FakeEmbedder())


def paper_ids(directory: Path) -> list[tuple[str, ...]]:
    """Returns the IDs of each paper, after the doctor has examined the index."""
    assert examine(directory) == []
    snapshot = open_index(directory).snapshot
    return sorted(paper.ids for row, paper in snapshot.store.scan(0) if row in snapshot.live)


def papers_by_id(directory: Path) -> dict[str, Paper]:
    snapshot = open_index(directory).snapshot
    return {paper.id: paper for row, paper in snapshot.store.scan(0) if row in snapshot.live}


MERGED = [("arxiv:2401.00001", "doi:10.1000/x"), ("doi:10.1000/y",)]
APART = [("arxiv:2401.00001",), ("doi:10.1000/x",), ("doi:10.1000/y",)]


def test_a_decision_holds_until_it_is_reversed(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    import_records(directory, PREPRINT, ARTICLE, OTHER)
    assert paper_ids(directory) == APART
    manifest, (merged,) = merge_papers(directory, ("arXiv:2401.00001", "https://doi.org/10.1000/X"), load_nothing)
    assert (manifest.live, merged.ids) == (2, MERGED[0])
    assert paper_ids(directory) == MERGED
    import_records(directory, ARTICLE, {**PREPRINT, "id": "2401.00001v2", "version": 2}, OTHER)
    assert paper_ids(directory) == MERGED
    _, parts = split_paper(directory, "10.1000/x", load_nothing)
    assert [paper.ids for paper in parts] == APART[:2]
    import_records(directory, PREPRINT, ARTICLE, OTHER)
    assert paper_ids(directory) == APART
    merge_papers(directory, ("10.1000/x", "2401.00001"), load_nothing)
    assert paper_ids(directory) == MERGED


def test_papers_whose_ids_contradict_each_other_are_merged_if_the_user_says_so(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    import_records(directory, ARTICLE, OTHER)
    merge_papers(directory, ("10.1000/x", "10.1000/y"), load_nothing)
    assert paper_ids(directory) == [("doi:10.1000/x", "doi:10.1000/y")]
    import_records(directory, {**OTHER, "authors": ["Gang Zhou", "Ada Byron"]})
    assert len(paper_ids(directory)) == 1


def test_records_that_share_an_id_are_split_by_their_texts(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    wrong: dict[str, Json] = {**OTHER, "doi": "10.1000/x", "authors": ["A. Byron"]}
    import_records(directory, ARTICLE, wrong)
    assert len(paper_ids(directory)) == 1
    _, parts = split_paper(directory, "10.1000/x", load)
    assert {paper.title for paper in parts} == {ARTICLE["title"], OTHER["title"]}
    import_records(directory, wrong, ARTICLE)
    assert [ids[1:] for ids in paper_ids(directory)] == [("doi:10.1000/x",)] * 2
    with pytest.raises(InvalidValue, match="several papers have it; give one of h:"):
        split_paper(directory, "10.1000/x", load)
    one, other = (paper.id for paper in parts)
    merge_papers(directory, (one, other), load_nothing)
    assert len(paper_ids(directory)) == 1


@pytest.mark.parametrize("shared", ["arxiv:2401.00001", "pmid:29768149", "pmc:5334499", "acl:2022.acl-long.1"])
def test_versions_of_one_id_are_not_split(tmp_path: Path, shared: str) -> None:
    directory = tmp_path / "index"
    later = {"title": "Bees and what they remember", "abstract": ABSTRACT.replace("forty", "sixty")}
    import_records(
        directory,
        {"id": shared, "title": "Bees"},
        {"id": shared, **later},
        {"id": shared, "title": "Bees, edited"},
        OTHER,
    )
    merge_papers(directory, (shared, "10.1000/y"), load)
    assert len(paper_ids(directory)) == 1
    split_paper(directory, "10.1000/y", load)
    before = paper_ids(directory)
    with pytest.raises(InvalidValue, match=f"all 3 records of {shared} have the ID {shared}, so they are versions"):
        split_paper(directory, shared, load)
    assert paper_ids(directory) == before
    assert len(before) == 2


def test_records_of_one_doi_and_title_stay_together(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    untitled: dict[str, Json] = {"doi": "10.1000/x", "abstract": "It has no title, but an abstract of its own."}
    import_records(directory, ARTICLE, {**ARTICLE, "abstract": "Bees come back."}, untitled)
    with pytest.raises(InvalidValue, match=r"all 3 records of doi:10\.1000/x have the ID doi:10\.1000/x"):
        split_paper(directory, "10.1000/x", load)
    wrong: dict[str, Json] = {**OTHER, "doi": "10.1000/x", "authors": ["A. Byron"]}
    import_records(directory, wrong, {**wrong, "abstract": "Lamps make wheat grow."})
    _, parts = split_paper(directory, "10.1000/x", load)
    assert sorted(paper.title or "" for paper in parts) == ["", ARTICLE["title"], OTHER["title"]]


def test_a_wrong_id_is_corrected_as_the_message_says(tmp_path: Path) -> None:
    directory, file = tmp_path / "index", tmp_path / "wrong.jsonl"
    import_records(directory, PREPRINT)
    text = json.dumps({**OTHER, "id": "2401.00001"}) + "\n" + json.dumps({"id": "2401.00007", "title": "Rye"})
    file.write_text(text, "utf-8")
    index([file], directory, FakeEmbedder())
    with pytest.raises(InvalidValue, match="papers remove --source FILE, correct the ID, and run: papers index FILE"):
        split_paper(directory, "2401.00001", load)
    remove(directory, select_source(directory, str(file)), load)
    file.write_text(text.replace("2401.00001", "2401.00002"), "utf-8")
    index([file], directory, FakeEmbedder(), options=ImportOptions(restore=True))
    assert paper_ids(directory) == [
        ("arxiv:2401.00001",), ("arxiv:2401.00002", "doi:10.1000/y"), ("arxiv:2401.00007",)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"doi": "10.1000/a", "published": "2019"}, {"doi": "10.1000/b", "published": "2023"}),
        ({"doi": "10.1000/a", "published": "2023"}, {"doi": "10.1000/b", "published": "2019"}),
        ({"id": "2301.00001", "published": "2023"}, {"id": "2301.00009", "published": "2023-05"}),
        ({"id": "2301.00001", "published": "2021"}, {"doi": "10.1000/b", "published": "2023"}),
        ({"published": "2019"}, {"published": "2023"}),
    ],
)
def test_a_merged_paper_has_the_id_of_the_record_that_its_title_is_from(
    tmp_path: Path, one: dict[str, Json], other: dict[str, Json]
) -> None:
    directory = tmp_path / "index"
    import_records(directory, {**one, "title": "Wheat under red lamps"}, {**other, "title": "Rye in the long dark"})
    before = {paper_id: paper.title for paper_id, paper in papers_by_id(directory).items()}
    first, second = before
    _, (merged,) = merge_papers(directory, (first, second), load)
    assert before[merged.id] == merged.title
    assert set(merged.ids) == set(before)


def test_a_decision_survives_repair_reindex_and_backup(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    import_records(directory, PREPRINT, ARTICLE, OTHER)
    merge_papers(directory, ("2401.00001", "10.1000/x"), load)
    repair(directory, load)
    back_up(directory, tmp_path / "backup")
    shutil.rmtree(directory)
    restore(tmp_path / "backup", directory)
    assert paper_ids(directory) == MERGED
    import_records(directory, {**ARTICLE, "published": "2025-02"}, PREPRINT)
    assert paper_ids(directory) == MERGED
    reindex(directory, FakeEmbedder(name="other"))
    assert paper_ids(directory) == MERGED
    with closing(sqlite3.connect(directory / "papers.sqlite")) as database, database:
        database.execute("UPDATE decisions SET one = 'arxiv:2401.00009'")
    assert examine(directory) == ["the decisions in papers.sqlite are not those it was published with"]


def test_mistakes_are_named(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    with pytest.raises(IndexMissing):
        split_paper(directory, "2401.00001", load)
    import_records(directory, PREPRINT)
    for paper_id in ("10.1000/x", "no ID"):
        with pytest.raises(PaperNotFound, match=paper_id):
            merge_papers(directory, ("2401.00001", paper_id), load)
    with pytest.raises(InvalidValue, match=r"it is the same paper, arxiv:2401\.00001"):
        merge_papers(directory, ("2401.00001", "arXiv:2401.00001v3"), load)
    with pytest.raises(InvalidValue, match="there is nothing to split"):
        split_paper(directory, "2401.00001", load)


def test_show_lists_earlier_versions_and_possible_duplicates(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    later = {**PREPRINT, "id": "2401.00001v2", "version": 2, "categories": ["cs.NE"], "authors": ["Ada Byron"]}
    import_records(directory, PREPRINT, {**ARTICLE, "authors": ["A. Byron"]}, OTHER, later)
    snapshot = open_index(directory).snapshot
    preprint, article, other = (
        snapshot.store.get([snapshot.ids.find(paper_id)[-1]])[0]
        for paper_id in ("arxiv:2401.00001", "doi:10.1000/x", "doi:10.1000/y")
    )
    (earlier,) = find_earlier_versions(snapshot, preprint)
    assert (earlier.version, earlier.categories) == (1, ("q-bio.NC",))
    assert find_possible_duplicates(snapshot, preprint) == [article]
    assert find_possible_duplicates(snapshot, article) == [preprint]
    assert find_possible_duplicates(snapshot, other) == find_earlier_versions(snapshot, other) == []
    shown = run("show", "2401.00001", "--index", str(directory)).stdout
    assert "   earlier version  v1 · 2024-01-02 · q-bio.NC · Ada Byron, José García\n" in shown
    assert "   maybe the same paper as  doi:10.1000/x: How bees remember flowers that are empty\n" in shown
    merge_papers(directory, (preprint.id, article.id), load)
    split_paper(directory, preprint.id, load)
    assert find_possible_duplicates(open_index(directory).snapshot, article) == []


NAMES = ("arxiv:2401.00001", "arxiv:2401.00002", "doi:10.1000/x", "doi:10.1000/y")
decisions = st.lists(
    st.builds(
        Decision, st.sampled_from(NAMES[:2]), st.sampled_from(NAMES[2:]), st.sampled_from(["same", "different", "open"])
    ),
    max_size=4,
)
records = st.lists(
    st.builds(
        dict,
        id=st.sampled_from([None, *NAMES[:2]]),
        doi=st.sampled_from([None, "10.1000/x", "10.1000/y"]),
        title=st.sampled_from(["What bees remember", "Wheat under lamps and stars"]),
        authors=st.just(["Ada Byron"]),
    ).filter(lambda record: record["id"] or record["doi"]),
    min_size=2,
    max_size=5,
    unique_by=json.dumps,
)


@given(records=records, decisions=decisions, data=st.data())
@settings(max_examples=100, deadline=None)
def test_papers_depend_on_records_and_decisions_alone(
    records: list[dict[str, Json]], decisions: Sequence[Decision], data: st.DataObject
) -> None:
    papers = {json.dumps(record): ensure_id(parse_paper(record, "jsonl:test")) for record in records}
    shuffled = {text: papers[text] for text in data.draw(st.permutations(list(papers)))}
    grouped = group_records(papers, Decisions(decisions))
    assert {frozenset(group) for group in grouped} == {
        frozenset(group) for group in group_records(shuffled, Decisions(decisions))
    }
    verdicts = {frozenset((each.one, each.other)): each.verdict for each in decisions}
    together = {frozenset((one, other)) for group in grouped for one in group for other in group if one != other}
    for one, other in ((one, other) for one in papers for other in papers if one < other):
        found = {
            verdict
            for pair, verdict in verdicts.items()
            if verdict != "open" and any({a, b} == pair for a in papers[one].ids for b in papers[other].ids)
        }
        if found == {"same"}:
            assert frozenset((one, other)) in together


def test_later_imports_leave_out_a_part_of_a_book_after_its_removal(tmp_path: Path) -> None:
    """The other parts, which have the same DOI, are not removed."""
    directory = tmp_path / "index"
    parts: list[dict[str, Json]] = [
        {"doi": "10.1000/book", "title": "How bees fly", "authors": ["Ada Byron"]},
        {"doi": "10.1000/book", "title": "Why they sting", "authors": ["Gang Zhou"]},
    ]
    import_records(directory, *parts)
    (removed, _), (kept, _) = paper_ids(directory)
    remove(directory, select_ids(directory, [removed]), load)
    import_records(directory, *parts)
    assert paper_ids(directory) == [(kept, "doi:10.1000/book")]
