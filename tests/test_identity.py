"""Identity: which records are merged into one paper, and its fields, for any order of the records."""

import json
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_embedder import FakeEmbedder
from indexer import identity
from indexer.build import index
from indexer.decisions import Decisions
from indexer.doctor import examine
from indexer.grouping import group_records
from indexer.sources.jsonl import parse_paper
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper
from search.query.query import Query
from search.searcher import Searcher

ABSTRACT = (
    "We measure how far short summaries of past tokens can stand in for the tokens themselves when a context is long. "
    "Across nine tasks a ratio of eight loses little, while a ratio of sixty-four loses a lot. "
    "The summaries are learned with the rest of the network and cost one extra projection for each layer."
)
EDITED = ABSTRACT.replace("nine", "eleven").replace("a lot", "much") + " Code is released."
OTHER = (
    "Galaxies in clusters turn red before those in the field. "
    "With spectra of nine hundred members of forty clusters we date the change and find it early. "
    "Gas that falls in late cannot explain what we see in the most massive ones."
)
TITLE = "Short summaries of long contexts"

SAME_PAPER: dict[str, tuple[dict[str, Json], dict[str, Json]]] = {
    "versions of one arXiv id": ({"id": "arXiv:2401.00001v1", "title": "A"}, {"id": "2401.00001v2", "title": "B"}),
    "an arXiv id and its DOI": ({"id": "2401.00001", "title": "A"}, {"doi": "10.48550/arXiv.2401.00001", "title": "B"}),
    "a DOI in two cases": ({"doi": "10.1000/ABC", "title": "A"}, {"id": "https://doi.org/10.1000/abc", "title": "B"}),
    "title, authors and abstract": (
        {"id": "2401.00001", "title": TITLE, "authors": ["Ada Byron", "José García"], "abstract": ABSTRACT},
        {"doi": "10.1000/x", "title": TITLE.upper() + ".", "authors": ["A. Byron", "Jose Garcia"], "abstract": EDITED},
    ),
    "LaTeX in a title": (
        {"title": r"\emph{Short} s\"ummaries of {L}ong contexts", "authors": ["Ada Byron"], "abstract": ABSTRACT},
        {"id": "2401.00001", "title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
    ),
    "a cut author list": (
        {"title": TITLE, "authors": ["Ada Byron"], "authors_partial": True, "abstract": ABSTRACT},
        {"title": TITLE, "authors": ["Ada Byron", "José García", "Guorui Zhou"], "abstract": ABSTRACT},
    ),
    "a bare abstract": ({"abstract": EDITED}, {"id": "2401.00001", "title": TITLE, "abstract": ABSTRACT}),
    "an abstract cut short": ({"abstract": ABSTRACT[:210]}, {"id": "2401.00001", "title": TITLE, "abstract": ABSTRACT}),
    "one arXiv id, two DOIs": (
        {"id": "2401.00001", "doi": "10.1000/x", "title": TITLE}, {"id": "2401.00001", "doi": "10.1000/y", "title": "B"}
    ),
    "a DOI whose title changed": (
        {"doi": "10.1000/x", "title": TITLE, "authors": ["Ada Byron"]},
        {"doi": "10.1000/x", "title": "Compressing what came before", "authors": ["A. Byron"], "pages": "1-9"},
    ),
    "a translated title": (
        {"doi": "10.1000/x", "title": "Kurze Texte", "authors": ["Ada Byron"], "journal": "Bees", "pages": "1-9"},
        {"doi": "10.1000/x", "title": "Short texts", "authors": ["Ada Byron"], "journal": "Bees", "pages": "1--9"},
    ),
    "an editorial of one journal and year": (
        {"title": "Editorial", "authors": ["Ada Byron"], "published": "2018", "journal": "Journal of the Bees"},
        {"title": "Editorial", "authors": ["A. Byron"], "published": "2018-03", "journal": "J. Bees", "volume": "3"},
    ),
    "a notice in place of an abstract": (
        {"title": TITLE, "authors": ["Ada Byron"], "abstract": "[No abstract available]"},
        {"id": "2401.00001", "title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
    ),
}  # fmt: skip
NOTICES = (
    "Abstract not available",
    "An abstract is not available for this content so a preview has been provided. Please use the Get access link "
    "above for information on how to access this content.",
    "This article has been retracted: please see the policy of the publisher on the withdrawal of articles. It has "
    "been retracted at the request of the editor, since the data could not be verified.",
    "The full text of this article hosted at iucr.org is unavailable due to technical difficulties. Please try later.",
    "We grow wheat under lamps.",
)
"""Texts in place of an abstract, and a short one, that many papers have."""
DIFFERENT_PAPERS: dict[str, tuple[dict[str, Json], dict[str, Json]]] = {
    "two arXiv ids": ({"id": "2401.00001", "title": TITLE}, {"id": "2401.00002", "title": TITLE}),
    "one title, other people": (
        {"title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
        {"title": TITLE, "authors": ["Gang Zhou"], "abstract": EDITED},
    ),
    "one title, other abstracts": (
        {"title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
        {"title": TITLE, "authors": ["Ada Byron"], "abstract": OTHER},
    ),
    "short titles alone": (
        {"title": "Editorial", "authors": ["Ada Byron"]},
        {"id": "2401.00001", "title": "Editorial", "authors": ["Ada Byron"]},
    ),
    "abstracts that share a sentence": ({"abstract": ABSTRACT}, {"abstract": ABSTRACT.split(". ")[0] + ". " + OTHER}),
    "one abstract, other people": (
        {"abstract": ABSTRACT, "authors": ["Ada Byron"]}, {"abstract": EDITED, "authors": ["Gang Zhou"]}
    ),
    "one DOI, two arXiv ids": (
        {"id": "2401.00001", "doi": "10.1000/x", "title": TITLE},
        {"id": "2401.00002", "doi": "10.1000/x", "title": TITLE},
    ),
    "special issues of two years": (
        {"title": "Introduction to the special issue", "authors": ["A. Byron"], "published": "2018", "journal": "Bees"},
        {"title": "Introduction to the special issue", "authors": ["A. Byron"], "published": "2019", "journal": "Bees"},
    ),
    "editorials of two issues": (
        {"title": "Guest editorial: bees in winter", "authors": ["Ada Byron"], "published": "2018", "journal": "Bees",
         "volume": "1"},
        {"title": "Guest editorial: bees in winter", "authors": ["Ada Byron"], "published": "2018", "journal": "Bees",
         "volume": "2"},
    ),
    "comments of two people without a year": (
        {"title": "Comment on the theory of bees", "authors": ["Ada Byron"]},
        {"title": "Comment on the theory of bees", "authors": ["A. Byron"], "published": "2018"},
    ),
    "one title on two pages": (
        {"title": "Bees in the news of the week", "authors": ["Ada Byron"], "published": "2018", "pages": "3-4"},
        {"title": "Bees in the news of the week", "authors": ["Ada Byron"], "published": "2018", "pages": "17-18"},
    ),
    "chapters on other pages": (
        {"doi": "10.1000/book", "title": "How bees fly", "authors": ["Ada Byron"], "pages": "3-20"},
        {"doi": "10.1000/book", "title": "Why they sting", "authors": ["Ada Byron"], "pages": "21-40"},
    ),
    "chapters by other people": (
        {"doi": "10.1000/book", "title": "How bees fly", "authors": ["Ada Byron"]},
        {"doi": "10.1000/book", "title": "Why they sting", "authors": ["Gang Zhou"]},
    ),
    "chapters of one title": (
        {"doi": "10.1000/book", "title": "Introduction", "authors": ["Ada Byron"], "pages": "3-20"},
        {"doi": "10.1000/book", "title": "Introduction", "authors": ["Ada Byron"], "pages": "201-204"},
    ),
    "a DOI with an ISBN": (
        {"doi": "10.1007/978-3-16-148410-0", "title": "How bees fly"},
        {"doi": "10.1007/978-3-16-148410-0", "title": "Why they sting"},
    ),
    "a chapter and its book": (
        {"doi": "10.1000/book", "title": "Lives of bees and wasps"},
        {"doi": "10.1000/book", "title": "How they fly", "authors": ["A. Byron"], "journal": "Lives of Bees and Wasps"},
    ),
    "one title without authors": ({"title": TITLE}, {"id": "2401.00001", "title": TITLE}),
    "one title, no abstracts, other people": (
        {"title": TITLE, "authors": ["Ada Byron"]}, {"title": TITLE, "authors": ["Gang Zhou"]}
    ),
    **{
        f"{notice[:30]!r} for an abstract": ({"title": "How bees fly", "abstract": notice}, {"abstract": notice})
        for notice in NOTICES
    },
    **{
        f"{text!r} for an abstract": (
            {"title": "How bees fly", "abstract": text}, {"title": "Why they sting", "abstract": text}
        )
        for text in ("No abstract available.", "[No abstract available]")
    },
}  # fmt: skip
BRIDGES: dict[str, list[dict[str, Json]]] = {
    "a record without an id": [
        {"doi": "10.1000/x", "title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
        {"doi": "10.1000/y", "title": TITLE, "authors": ["Ada Byron"], "abstract": EDITED},
        {"title": TITLE, "authors": ["A. Byron"], "abstract": EDITED + " It is fast."},
    ],
    "a record without a title": [
        {"id": "2401.00001", "title": TITLE, "abstract": ABSTRACT},
        {"doi": "10.1000/y", "title": "A short history of summaries", "abstract": ABSTRACT},
        {"abstract": ABSTRACT},
    ],
    "a record without an abstract": [
        {"id": "2401.00001", "title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
        {"doi": "10.1000/y", "title": TITLE, "authors": ["Ada Byron"], "abstract": OTHER},
        {"title": TITLE, "authors": ["Ada Byron"]},
    ],
    "a record without authors": [
        {"id": "2401.00001", "title": TITLE, "authors": ["Ada Byron"], "abstract": ABSTRACT},
        {"doi": "10.1000/y", "title": TITLE, "authors": ["Gang Zhou"], "abstract": ABSTRACT},
        {"title": TITLE, "abstract": ABSTRACT},
    ],
    "a DOI that two arXiv papers have": [
        {"id": "2401.00001", "doi": "10.1000/x", "title": TITLE},
        {"id": "2401.00002", "doi": "10.1000/x", "title": TITLE},
        {"doi": "10.1000/x", "title": TITLE},
    ],
    "the DOI of a book": [
        {"doi": "10.1000/book", "title": "How bees fly", "authors": ["Ada Byron"]},
        {"doi": "10.1000/book", "title": "Why they sting", "authors": ["Gang Zhou"]},
        {"doi": "10.1000/book", "abstract": ABSTRACT},
    ],
}
"""Records of two papers, and one that is related to both."""


def index_papers(folder: Path, *imports: Sequence[dict[str, Json]]) -> set[str]:
    """Imports records, in one or several runs, and returns the resulting papers as JSON."""
    folder.mkdir(parents=True)
    path = folder / "papers.jsonl"
    for records in imports:
        path.write_text("\n".join(json.dumps(record) for record in records), "utf-8")
        index([path], folder / "index", FakeEmbedder())
    snapshot = Searcher(folder / "index", lambda _model: FakeEmbedder()).snapshot
    return {
        json.dumps(paper.to_json(), sort_keys=True) for row, paper in snapshot.store.scan(0) if row in snapshot.live
    }


def parse_record(record: dict[str, Json]) -> Paper:
    return identity.ensure_id(parse_paper(record, "jsonl:test"))


@pytest.mark.parametrize("why", SAME_PAPER)
def test_records_of_one_paper_become_one(tmp_path: Path, why: str) -> None:
    one, other = SAME_PAPER[why]
    first, second = index_papers(tmp_path / "a", [one, other]), index_papers(tmp_path / "b", [other, one])
    assert len(first) == 1
    assert first == second


@pytest.mark.parametrize("why", DIFFERENT_PAPERS)
def test_records_of_two_papers_stay_two(tmp_path: Path, why: str) -> None:
    assert len(index_papers(tmp_path / "a", DIFFERENT_PAPERS[why])) == 2


@pytest.mark.parametrize("what", BRIDGES)
def test_no_record_joins_two_papers_that_contradict_each_other(tmp_path: Path, what: str) -> None:
    one, other, bridge = BRIDGES[what]
    papers = index_papers(tmp_path / "bridge last", [one, other, bridge])
    assert len(papers) == 2
    assert index_papers(tmp_path / "bridge first", [bridge, one, other]) == papers
    assert index_papers(tmp_path / "two imports", [other, bridge], [one]) == papers


def test_papers_that_share_an_id_have_other_public_ids(tmp_path: Path) -> None:
    """Whatever their order, and whether they are imported together or one by one."""
    chapters: list[dict[str, Json]] = [
        {"doi": "10.1000/book", "title": f"Chapter on {bee}", "authors": [name], "abstract": f"{bee} {ABSTRACT}"}
        for bee, name in (("hives", "Ada Byron"), ("honey", "Gang Zhou"), ("wax", "José García"))
    ]
    together = index_papers(tmp_path / "together", chapters)
    directory = tmp_path / "index"
    for chapter in chapters[::-1]:
        (tmp_path / "papers.jsonl").write_text(json.dumps(chapter), "utf-8")
        index([tmp_path / "papers.jsonl"], directory, FakeEmbedder())
    searcher = Searcher(directory, lambda _model: FakeEmbedder())
    page = searcher.ask("id:10.1000/book", limit=10)
    assert {json.dumps(hit.paper.to_json(), sort_keys=True) for hit in page.hits} == together
    ids = [hit.paper.id for hit in page.hits]
    assert len(set(ids)) == 3
    assert all(searcher.paper(paper_id).id == paper_id for paper_id in ids)
    assert examine(directory) == []


def test_the_newest_version_has_the_categories_authors_and_retraction(tmp_path: Path) -> None:
    first: dict[str, Json] = {
        "id": "2401.00001v1", "title": TITLE, "authors": ["Ada Byron", "José García", "Gang Zhou"],
        "categories": ["cs.LG", "cs.CL"], "comment": "This paper has been withdrawn by the authors",
    }  # fmt: skip
    second: dict[str, Json] = {
        "id": "2401.00001v2", "title": TITLE, "authors": ["Ada Byron", "José García"], "categories": ["stat.ML"],
        "comment": "9 pages",
    }  # fmt: skip
    published: dict[str, Json] = {"id": "2401.00001", "doi": "10.1000/x", "title": TITLE, "authors": ["A. Byron"]}
    results = {
        frozenset(index_papers(tmp_path / str(number), order))
        for number, order in enumerate(permutations([first, second, published]))
    }
    ((text,),) = results
    paper = Paper.from_json(json.loads(text))
    assert (paper.categories, paper.authors) == (("stat.ML",), ("Ada Byron", "José García"))
    assert (paper.version, paper.retraction, paper.extra["comment"]) == (2, None, "9 pages")
    assert index_papers(tmp_path / "withdrawn", [{**first, "id": "2401.00001v3"}, second]).pop().count("withdrawn") == 2


@pytest.mark.parametrize(("earlier", "later"), [("2024-01-02", "2024-03-05"), ("2023", "2024-03-05")])
def test_a_later_update_from_the_same_format_is_a_newer_version(tmp_path: Path, earlier: str, later: str) -> None:
    old: dict[str, Json] = {"id": "pmid:7", "title": TITLE, "authors": ["Ada Byron", "Gang Zhou"], "updated": earlier}
    new: dict[str, Json] = {**old, "authors": ["Ada Byron"], "updated": later}
    for name, order in (("a", [old, new]), ("b", [new, old])):
        (text,) = index_papers(tmp_path / name, order)
        assert Paper.from_json(json.loads(text)).authors == ("Ada Byron",)


def test_a_notice_does_not_replace_an_abstract(tmp_path: Path) -> None:
    notice: dict[str, Json] = {"id": "2401.00001v2", "title": TITLE, "abstract": NOTICES[3], "version": 2}
    (text,) = index_papers(tmp_path / "a", [{**notice, "version": 1, "abstract": ABSTRACT}, notice])
    assert Paper.from_json(json.loads(text)).abstract == ABSTRACT


def test_a_short_abstract_of_a_newer_version_replaces_a_longer_one(tmp_path: Path) -> None:
    old: dict[str, Json] = {"id": "2401.00001v1", "title": TITLE, "abstract": ABSTRACT}
    new: dict[str, Json] = {"id": "2401.00001v2", "title": TITLE, "abstract": "We count bees."}
    published: dict[str, Json] = {"id": "2401.00001", "doi": "10.1000/x", "title": TITLE, "abstract": EDITED}
    for name, order in (("a", [old, new]), ("b", [new, old])):
        (text,) = index_papers(tmp_path / name, order)
        assert Paper.from_json(json.loads(text)).abstract == "We count bees."
    (text,) = index_papers(tmp_path / "c", [new, old, published])
    assert Paper.from_json(json.loads(text)).abstract == EDITED


def test_a_merged_paper_has_the_best_value_of_each_field(tmp_path: Path) -> None:
    records: list[dict[str, Json]] = [
        {"id": "2401.00001v1", "title": "Old title", "abstract": ABSTRACT, "authors": ["Ada Byron", "José García"],
         "published": "2024-01-02", "updated": "2024-01-02", "categories": ["cs.LG"], "version": 1},
        {"id": "2401.00001v3", "title": TITLE, "abstract": EDITED, "authors": ["Ada Byron", "José García", "Gang Zhou"],
         "published": "2024-01", "updated": "2025-03-04", "categories": ["cs.LG", "cs.CL"], "version": 3},
        {"id": "doi:10.1000/x", "title": TITLE, "abstract": EDITED, "authors": ["A. Byron"], "authors_partial": True,
         "published": "2024-06", "extra": {"citations": 9}},
    ]  # fmt: skip
    results = {frozenset(index_papers(tmp_path / str(n), order)) for n, order in enumerate(permutations(records))}
    assert len(results) == 1
    (text,) = results.pop()
    paper = Paper.from_json(json.loads(text))
    assert paper.ids == ("arxiv:2401.00001", "doi:10.1000/x")
    assert (paper.title, paper.abstract, paper.version) == (TITLE, EDITED, 3)
    assert paper.authors == ("Ada Byron", "José García", "Gang Zhou")
    assert not paper.authors_partial
    assert (paper.published, paper.updated) == (Date(2024, 1, 2), Date(2025, 3, 4))
    assert paper.categories == ("cs.LG", "cs.CL")
    assert (paper.extra, paper.citations) == ({}, 9)


def test_every_id_a_paper_ever_had_still_finds_it(tmp_path: Path) -> None:
    path, directory, embedder = tmp_path / "papers.jsonl", tmp_path / "index", FakeEmbedder()
    bare: dict[str, Json] = {"abstract": ABSTRACT}
    path.write_text(json.dumps(bare), "utf-8")
    index([path], directory, embedder)
    searcher = Searcher(directory, lambda _model: embedder)
    (hit,) = searcher.search(Query(ABSTRACT, is_abstract=True)).hits
    assert hit.paper.id.startswith("h:")
    assert len(hit.paper.id) == len("h:0123456789ab")
    path.write_text(json.dumps({"doi": "10.1000/x", "title": TITLE, "abstract": EDITED}), "utf-8")
    index([path], directory, embedder)
    path.write_text(json.dumps({"id": "2401.00001", "doi": "10.1000/x", "title": TITLE, "abstract": EDITED}), "utf-8")
    index([path], directory, embedder)
    for paper_id in (hit.paper.id, hit.paper.id.upper(), "https://doi.org/10.1000/X", "arXiv:2401.00001v9"):
        assert searcher.paper(paper_id).id == "arxiv:2401.00001"


def test_an_id_of_another_paper_does_not_change_the_order_of_ids(tmp_path: Path) -> None:
    notice: dict[str, Json] = {"doi": "10.1000/x", "abstract": "Abstract not available"}
    papers = [{"id": "2401.00002", **notice}, {"id": "2401.00002", "doi": "10.1000/y", "title": TITLE}]
    other = {"id": "2401.00001", "abstract": "Abstract not available", "doi": "10.1000/y"}
    results = {
        frozenset(index_papers(tmp_path / f"{n}-{split}", order[:split], order[split:]))
        for n, order in enumerate(map(list, permutations([*papers, other])))
        for split in (1, 2)
    }
    assert len(results) == 1


records = st.lists(
    st.builds(
        dict,
        id=st.sampled_from([None, "2401.00001v1", "2401.00001v2", "2401.00002"]),
        doi=st.sampled_from([None, None, "10.1000/x", "10.1000/y"]),
        title=st.sampled_from([None, TITLE, TITLE.upper(), "Editorial", "Another title of enough words"]),
        abstract=st.sampled_from([None, "Abstract not available", ABSTRACT, EDITED, OTHER]),
        authors=st.sampled_from([None, ["Ada Byron"], ["A. Byron", "José García"], ["Gang Zhou"]]),
        version=st.sampled_from([None, 1, 2]),
        published=st.sampled_from([None, "2024", "2024-01-02", "2025-03"]),
        categories=st.sampled_from([None, ["cs.LG"], ["cs.CL", "cs.LG"]]),
    ).filter(lambda record: record["title"] or record["abstract"]),
    min_size=2,
    max_size=5,
)


@given(records=records, data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_import_gives_the_same_papers(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Json]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("order")
    shuffled = data.draw(st.permutations(records))
    split = data.draw(st.integers(1, len(records) - 1))
    assert index_papers(folder / "a", records) == index_papers(folder / "b", shuffled[:split], shuffled[split:])
    assert examine(folder / "b" / "index") == []  # which compares the keys with those that follow from the papers


@given(records=records)
@settings(max_examples=200, deadline=None)
def test_records_of_a_paper_contradict_each_other_only_if_ids_connect_them(records: list[dict[str, Json]]) -> None:
    """Each record has at most one arXiv ID and one DOI."""
    papers = group_records({json.dumps(record): parse_record(record) for record in records}, Decisions())
    assert sum(map(len, papers)) == len({json.dumps(record) for record in records})
    for paper in papers:
        ids = {paper_id for record in paper.values() for paper_id in record.ids}
        assert len([paper_id for paper_id in ids if paper_id.startswith("arxiv:")]) <= 1
        if len([paper_id for paper_id in ids if paper_id.startswith("doi:")]) > 1:
            assert any(paper_id.startswith("arxiv:") for paper_id in ids)


@given(records=records)
@settings(max_examples=200, deadline=None)
def test_records_of_one_paper_share_a_key_and_the_relation_is_symmetric(records: list[dict[str, Json]]) -> None:
    papers = list(map(parse_record, records))
    for one in papers:
        for other in papers:
            assert identity.compare(one, other) == identity.compare(other, one)
            assert identity.is_possible_duplicate(one, other) == identity.is_possible_duplicate(other, one)
            if identity.is_same_paper(one, other):
                assert identity.keys(one) & identity.keys(other)
