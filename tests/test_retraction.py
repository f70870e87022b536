"""Retraction: the mark is found in every place where sources have it, shown, exported and filtered."""

import json
from pathlib import Path

import pytest

from fake_embedder import FakeEmbedder
from indexer.build import index
from indexer.doctor import examine, repair
from indexer.sources.jsonl import parse_paper
from records import open_index
from search.errors import InvalidValue
from search.papers.json import Json
from search.papers.retraction import find_retraction
from search.query.hit import Hit
from service import formats
from service.formats.render import paper_text
from service.web.cards import build_card
from service.web.urls import PageUrl

MARKED: dict[str, list[dict[str, Json]]] = {
    "retracted": [
        {"title": "RETRACTED: How bees fly"},
        {"title": "Retracted article: How bees fly"},
        {"title": "[Retracted] How bees fly"},
        {"title": "How bees fly [Retracted]"},
        {"title": "How bees fly (Retracted article. See vol. 12, pg. 345, 2019)"},
        {"title": "RETRACTED CHAPTER: How bees fly"},
        {"title": "How bees fly", "retracted": True},
        {"title": "How bees fly", "is_retracted": "true"},
        {"title": "How bees fly", "type": "Retracted Publication"},
        {"title": "How bees fly", "extra": {"publication_types": ["Journal Article", "Retracted Publication"]}},
        {"title": "How bees fly", "retraction": "retracted"},
    ],
    "withdrawn": [
        {"title": "WITHDRAWN: How bees fly"},
        {"title": "How bees fly", "comment": "This paper has been withdrawn by the author due to an error in Lemma 2"},
        {"title": "How bees fly", "comment": "arXiv admin note: Withdrawn by arXiv administrators"},
        {"title": "How bees fly", "comment": "12 pages. Withdrawn"},
        {"title": "How bees fly", "comment": "We would like to withdraw this submission to repeat the experiments"},
        {"title": "How bees fly", "comment": "The authors request withdrawal of the manuscript"},
        {"title": "How bees fly", "abstract": "This paper has been withdrawn."},
    ],
}
UNMARKED: list[dict[str, Json]] = [
    {"title": "Retraction: How bees fly"},
    {"title": "Retraction notice to: How bees fly"},
    {"title": "Retracted wings of bees in flight"},
    {"title": "Withdrawal of water from hives"},
    {"title": "How bees fly", "comment": "Withdrawn from a conference"},
    {"title": "How bees fly", "comment": "This paper was withdrawn from the proceedings of a conference"},
    {"title": "How bees fly", "comment": "9 pages, this update withdraws Theorem 4"},
    {"title": "How bees fly", "comment": "v2; no claims of v1 retracted"},
    {"title": "How bees fly", "retracted": False, "is_retracted": "no"},
    {"title": "How bees fly", "retraction": "reported"},
    {
        "title": "How bees fly",
        "abstract": "We ask how often a paper has been withdrawn by its authors. " + "And more. " * 40,
    },
]


@pytest.mark.parametrize(("mark", "record"), [(mark, record) for mark, found in MARKED.items() for record in found])
def test_a_mark_is_found_wherever_a_source_has_it(mark: str, record: dict[str, Json]) -> None:
    assert parse_paper(record, "jsonl:test").retraction == mark


@pytest.mark.parametrize("record", UNMARKED)
def test_other_papers_are_not_marked(record: dict[str, Json]) -> None:
    assert parse_paper(record, "jsonl:test").retraction is None


def test_a_notice_marks_the_papers_that_it_retracts(tmp_path: Path) -> None:
    """In any order, and in one import or several."""
    records: list[dict[str, Json]] = [
        {"doi": "10.1000/x", "title": "How bees fly", "abstract": "Bees fly."},
        {"doi": "10.1000/n", "title": "Retraction: How bees fly", "extra": {"retraction_of": ["10.1000/X", "pmid:7"]}},
        {"id": "pmid:8", "title": "How wasps fly", "abstract": "Wasps fly."},
    ]
    for number, order in enumerate((records, records[::-1])):
        paths = [tmp_path / f"{number}.jsonl"]
        paths[0].write_text("\n".join(map(json.dumps, order)), "utf-8")
        index(paths, tmp_path / f"together{number}", FakeEmbedder())
        for record in order:
            paths[0].write_text(json.dumps(record), "utf-8")
            index(paths, tmp_path / f"alone{number}", FakeEmbedder())
        for name in ("together", "alone"):
            directory = tmp_path / f"{name}{number}"
            assert [hit.paper.id for hit in open_index(directory).ask("is:retracted").hits] == ["doi:10.1000/x"]
            assert examine(directory) == []


def test_pubmed_marks_retracted_papers_and_their_notices(tmp_path: Path) -> None:
    citation = "<PMID>{}</PMID><Article><ArticleTitle>{}</ArticleTitle>{}</Article>{}"
    linked = "<CommentsCorrectionsList><CommentsCorrections RefType='{}'><PMID>{}</PMID></CommentsCorrections>\
</CommentsCorrectionsList>"
    types = "<PublicationTypeList><PublicationType>Retracted Publication</PublicationType></PublicationTypeList>"
    articles = (
        citation.format(1, "How bees fly", types, ""),
        citation.format(2, "How wasps fly", "", linked.format("RetractionIn", 9)),
        citation.format(3, "How flies fly", "", linked.format("CommentIn", 9)),
        citation.format(9, "Retraction", "", linked.format("RetractionOf", 3)),
    )
    body = "".join(f"<PubmedArticle><MedlineCitation>{each}</MedlineCitation></PubmedArticle>" for each in articles)
    nbib = "PMID- {}\nTI  - {}\n{}\n\n"
    text = nbib.format(4, "How ants walk", "PT  - Retracted Publication")
    text += nbib.format(5, "How ants swim", "RIN - Bees. 2020;3:4. PMID: 8")
    text += nbib.format(8, "Retraction", "ROF - Bees. 2019;1:2. doi: 10.1000/z. PMID: 6") + nbib.format(
        6, "How ants sit", ""
    )
    (tmp_path / "a.xml").write_text(f"<PubmedArticleSet>{body}</PubmedArticleSet>", "utf-8")
    (tmp_path / "b.nbib").write_text(text, "utf-8")
    index([tmp_path / "a.xml", tmp_path / "b.nbib"], tmp_path / "index", FakeEmbedder())
    hits = open_index(tmp_path / "index").ask("is:retracted", limit=20).hits
    assert sorted(hit.paper.id for hit in hits) == [f"pmid:{number}" for number in range(1, 7)]


def test_a_long_title_takes_linear_time() -> None:
    assert find_retraction("(retracted " * 180, "", {"comment": "this paper " * 2_000}) is None


def test_retracted_papers_are_shown_filtered_and_exported(tmp_path: Path) -> None:
    records: list[dict[str, Json]] = [
        {"id": "2401.00001", "title": "How bees fly", "abstract": "Bees fly.", "comment": "withdrawn by the authors"},
        {"doi": "10.1000/x", "title": "RETRACTED: How bees fly home", "abstract": "Bees fly home."},
        {"doi": "10.1000/y", "title": "How bees fly back", "abstract": "Bees fly back."},
    ]
    path, directory = tmp_path / "papers.jsonl", tmp_path / "index"
    for record in (records[0] | {"comment": "9 pages"}, *records):  # the first record is withdrawn by the second
        path.write_text(json.dumps(record), "utf-8")
        index([path], directory, FakeEmbedder())
    for _ in range(2):
        searcher = open_index(directory)
        titles = {
            box: {hit.paper.title for hit in searcher.ask(box, limit=10).hits}
            for box in (
                "is:retracted", "-is:retracted", "bees is:withdrawn", "is:Withdrawn", "is:retracted -is:withdrawn",
                "bees -is:retracted", "bees",
            )
        }  # fmt: skip
        assert titles["is:retracted"] == {"How bees fly", "RETRACTED: How bees fly home"}
        assert titles["bees is:withdrawn"] == titles["is:Withdrawn"] == {"How bees fly"}
        assert titles["is:retracted -is:withdrawn"] == {"RETRACTED: How bees fly home"}
        assert titles["-is:retracted"] == titles["bees -is:retracted"] == {"How bees fly back"}
        assert len(titles["bees"]) == 3
        assert searcher.ask("bees -is:retracted").interpretation == "not is:retracted (or withdrawn), about 'bees'"
        assert examine(directory) == []
        repair(directory, lambda _model: FakeEmbedder())
    with pytest.raises(InvalidValue, match="write is:retracted"):
        searcher.ask("is:new")
    paper = searcher.paper("2401.00001")
    assert paper.retraction == "withdrawn"
    assert "   WITHDRAWN · arxiv:2401.00001" in paper_text(paper)
    assert "WITHDRAWN" in paper._repr_html_()
    assert build_card(Hit(paper, 0.0), PageUrl()).paper.retraction == "withdrawn"
    for name, text in (("csl-json", '"status": "withdrawn"'), ("ris", "retraction: withdrawn"), ("csv", '"withdrawn"'),
                       ("bibtex", "pubstate = {withdrawn}"), ("ndjson", '"retraction":"withdrawn"')):  # fmt: skip
        assert text in formats.render_paper(formats.parse_format(name), paper).decode(), name
