"""Identifiers: every usual spelling gives the same canonical ID, in files, in the search box and after ``id:``."""

import json
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fake_embedder import FakeEmbedder
from indexer.build import index
from indexer.sources.record import Draft
from search.errors import InvalidValue
from search.language.parser import parse_query
from search.papers.identifiers import SCHEMES, id_url, parse, preference_key, split_scheme
from search.query.condition import HasId
from service.cli import papers
from source_samples import WriteSource, read_papers

TODAY = date(2026, 6, 15)
HEX = "649def34f8be52c8b66281af98ae884c09aef38b"
SPELLINGS = {
    "arxiv:2401.00001": """
        2401.00001 | arXiv:2401.00001v3 | arXiv 2401.00001 | arXiv:2401.00001 [cs.CL] | arXiv.2401.00001
        arXiv:2401.00001v5 [cs.CL] 6 Dec 2024 | arXiv preprint arXiv:2401.00001 | CoRR abs/2401.00001
        arxiv.org/abs/2401.00001 | https://arxiv.org/pdf/2401.00001v2.pdf | http://export.arxiv.org/abs/2401.00001
        https://arxiv.org/abs/2401.00001?context=cs.LG | https://arxiv.org/html/2401.00001v1#S2
        https://www.alphaxiv.org/abs/2401.00001v1 | alphaxiv.org/overview/2401.00001 | https://ar5iv.org/html/2401.00001
        https://huggingface.co/papers/2401.00001 | hf.co/papers/2401.00001 | https://scirate.com/arxiv/2401.00001
        https://ar5iv.labs.arxiv.org/html/2401.00001 | https://arxiv-org.ezproxy.example.edu/abs/2401.00001
        https://www.semanticscholar.org/arxiv/2401.00001 | https://api.semanticscholar.org/arXiv:2401.00001
        10.48550/arXiv.2401.00001 | https://doi.org/10.48550/arXiv.2401.00001 | arxiv%3A2401.00001
        oai:arXiv.org:2401.00001 | <https://arxiv.org/abs/2401.00001> | "2401.00001"
    """,
    "arxiv:math/0309136": "math.GT/0309136 | math/0309136v2 | https://arxiv.org/abs/math.GT/0309136v1",
    "doi:10.5555/ab(c)": """
        10.5555/ab(c) | 10.5555/AB(C) | doi:10.5555/ab(c) | DOI: 10.5555/ab(c). | doi 10.5555/ab(c) | doi=10.5555/ab(c)
        https://doi.org/10.5555/ab(c) | http://dx.doi.org/10.5555/ab(c) | doi.org/10.5555/ab(c)
        www.doi.org/10.5555/ab(c)
        https://doi.org/10.5555%2Fab%28c%29 | 10.5555%2Fab(c) | https%3A%2F%2Fdoi.org%2F10.5555%2Fab(c)
        https://doi-org.proxy.example.edu/10.5555/ab(c) | https://dx-doi-org.example.edu:2443/10.5555/ab(c)
        https://doi.org.proxy.example.edu/10.5555/ab(c) | https://proxy.example.edu/login?url=https://doi.org/10.5555/ab(c)
        https://proxy.example.edu/login?qurl=https%3A%2F%2Fdoi.org%2F10.5555%2Fab(c)
        https://sfx.example.edu/?sid=X&id=doi:10.5555%2Fab(c)&title=Y | https://doi.org/https://doi.org/10.5555/ab(c)
        doi:https://doi.org/10.5555/ab(c) | urn:doi:10.5555/ab(c) | info:doi/10.5555/ab(c) | (doi:10.5555/ab(c))
        <https://doi.org/10.5555/ab(c)> | 10.5555/ab(c) [doi] | 10.5555/ab(c)) | https://doi.org/10.5555/ab(c)?utm_source=x
        https://dl.acm.org/doi/pdf/10.5555/ab(c) | https://onlinelibrary.wiley.com/doi/full/10.5555/ab(c)
        https://link.springer.com/content/pdf/10.5555/ab(c).pdf | https://iopscience.iop.org/article/10.5555/ab(c)/meta
    """,
    "doi:10.1002/(sici)1097-0142(1999)4:2<387::aid-x>3.0.co;2-#": """
        10.1002/(SICI)1097-0142(1999)4:2<387::AID-X>3.0.CO;2-#
        10.1002/(SICI)1097-0142(1999)4:2&lt;387::AID-X&gt;3.0.CO;2-#
        10.1002/(SICI)1097-0142(1999)4:2&amp;lt;387::AID-X&amp;gt;3.0.CO;2-#
        https://doi.org/10.1002/(SICI)1097-0142(1999)4:2%3C387::AID-X%3E3.0.CO;2-%23
        https://doi.org/10.1002/%28SICI%291097-0142%281999%294%3A2%253C387%3A%3AAID-X%253E3.0.CO%3B2-%23
    """,
    "doi:10.1101/2020.01.01.123456": """
        https://www.biorxiv.org/content/10.1101/2020.01.01.123456v2 | 10.1101/2020.01.01.123456
        https://www.biorxiv.org/content/10.1101/2020.01.01.123456v1.full.pdf
    """,
    "doi:10.1007/978-3-030": "10.1007/978‐3‐030 | 10.1007/978–3–030 | https://doi.org/10.1007/978\u00ad-3-030",
    "pmid:29768149": """
        pmid:29768149 | PMID: 29768149 | PMID 29768149 | PMID29768149 | https://pubmed.ncbi.nlm.nih.gov/29768149/
        pubmed.ncbi.nlm.nih.gov/29768149 | https://www.ncbi.nlm.nih.gov/pubmed/29768149 | info:pmid/29768149
        https://europepmc.org/article/MED/29768149 | pmid:029768149
    """,
    "pmc:5334499": """
        PMC5334499 | pmc:5334499 | PMC:PMC5334499 | PMCID: PMC5334499 | PMC5334499.1
        https://www.ncbi.nlm.nih.gov/pmc/articles/PMC5334499/ | https://pmc.ncbi.nlm.nih.gov/articles/PMC5334499/pdf/a.pdf
        https://europepmc.org/articles/PMC5334499 | https://europepmc.org/article/PMC/PMC5334499
    """,
    "acl:2022.acl-long.1": "acl:2022.acl-long.1 | https://aclanthology.org/2022.acl-long.1.pdf",
    "acl:p19-1001": "https://www.aclweb.org/anthology/P19-1001/ | https://aclweb.org/anthology/papers/P/P19/P19-1001",
    "openalex:w2741809807": """
        W2741809807 | openalex:W2741809807 | https://openalex.org/W2741809807 | https://api.openalex.org/works/W2741809807
        openalex.org/works/w2741809807
    """,
    "corpusid:215416146": """
        CorpusID:215416146 | corpus id: 215416146 | s2:215416146 | https://api.semanticscholar.org/CorpusID:215416146
    """,
    f"s2:{HEX}": f"""
        s2:{HEX.upper()} | https://www.semanticscholar.org/paper/Attention-is-All-You-Need/{HEX}
        https://www.semanticscholar.org/paper/{HEX} | https://api.semanticscholar.org/graph/v1/paper/{HEX}?fields=title
    """,
    "h:0123456789ab": "h:0123456789ab | H:0123456789AB",
}  # fmt: skip
PAIRS = [
    (spelling.strip(), paper_id)
    for paper_id, lines in SPELLINGS.items()
    for line in lines.splitlines()
    for spelling in line.split(" | ")
    if spelling.strip()
]
OTHER_TEXTS = (
    "", "attention is all you need", "pubmed 2019", "pmc 2019", "PMC7", "w3c", "w2020", "mydoi.org/10.5555/a",
    "10.5555/.", "https://example.org/a", "https://openalex.org/A123", "https://doi.org/", "kv cache 2401.00001",
    "10.5555/a%20b", "s2:x", "https://arxiv.org/list/cs.CL/recent", "12345", "corpus", "x" * 5_000,
    "https://huggingface.co/papers/trending",
)  # fmt: skip


@pytest.mark.parametrize(("spelling", "paper_id"), PAIRS)
def test_every_spelling_gives_the_canonical_id(spelling: str, paper_id: str) -> None:
    found = parse(spelling)
    assert found is not None
    assert found.id == paper_id


@pytest.mark.parametrize("text", OTHER_TEXTS)
def test_other_texts_are_no_ids(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("paper_id", SPELLINGS)
def test_the_url_of_an_id_leads_back_to_it(paper_id: str) -> None:
    url = id_url(paper_id)
    assert (url is None) == paper_id.startswith("h:")
    for text in (paper_id, url) if url else (paper_id,):
        found = parse(text)
        assert found is not None
        assert found.id == paper_id
    scheme, _ = split_scheme(paper_id)
    assert scheme in SCHEMES.values()
    assert preference_key(paper_id)[0] < len(SCHEMES)


SUFFIX_CHARACTERS = st.characters(codec="ascii", exclude_characters="\"'%&<>()[]{}#?\\^`|", categories=["L", "N", "P"])
SUFFIXES = st.text(SUFFIX_CHARACTERS, min_size=1, max_size=20).map(lambda text: f"a{text}z")


@given(SUFFIXES, st.integers(0, 2))
def test_a_doi_may_be_escaped_repeatedly(suffix: str, times: int) -> None:
    doi = f"10.5555/{suffix}"
    escaped = doi
    for _ in range(times):
        escaped = quote(escaped, safe="")
    for text in (escaped, f"https://doi.org/{escaped}", f"doi:{doi}", f"{doi}.", f"({doi})"):
        found = parse(text)
        assert found is not None
        assert found.id == f"doi:{doi.lower()}"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with a paper for each canonical ID; a local ID is that of a paper without others."""
    folder = tmp_path_factory.mktemp("ids")
    records = [{"id": paper_id, "title": f"Paper {paper_id}"} for paper_id in SPELLINGS]
    path = folder / "papers.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    index([path], folder / "index", FakeEmbedder())
    return folder / "index"


@pytest.mark.parametrize(("spelling", "paper_id"), PAIRS)
def test_the_box_and_id_and_show_read_the_same_forms(library: Path, spelling: str, paper_id: str) -> None:
    assert parse_query(spelling, today=TODAY).paper_id == paper_id
    value = spelling if " " not in spelling and spelling[0] not in '"<(' and spelling[-1] not in ".)" else ""
    for text in (value, f'"{spelling}"' if '"' not in spelling else ""):
        if text:
            assert parse_query(f"id:{text} bees", today=TODAY).condition == HasId(paper_id), text
    shown = CliRunner().invoke(papers, ["show", spelling, "--json", "--index", str(library)])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["id"] == paper_id


@pytest.mark.parametrize(
    ("query", "paper_id"),
    [
        ("pmc:5334499 bees", "pmc:5334499"),
        ("pmcid:PMC5334499 bees", "pmc:5334499"),
        ("id:PMC11 bees", "pmc:11"),
        ("pmid:11 bees", "pmid:11"),
        ("openalex:W11 bees", "openalex:w11"),
        ("corpusid:11 bees", "corpusid:11"),
        ("acl:P19-1001 bees", "acl:p19-1001"),
        ("id:W123456 bees", "openalex:w123456"),
        ("identifier:W19-1001 bees", "acl:w19-1001"),
        (f"s2:{HEX} bees", f"s2:{HEX}"),
        ("s2:11 bees", "corpusid:11"),
        (f"S2:https://www.semanticscholar.org/paper/{HEX} bees", f"s2:{HEX}"),
        ("id:oai:arXiv.org:2401.00001 bees", "arxiv:2401.00001"),
        ("arxiv:oai:arXiv.org:2401.00001 bees", "arxiv:2401.00001"),
        ("doi:https://doi.org/10.5555%2Fa bees", "doi:10.5555/a"),
        ("doi:2401.00001 bees", "arxiv:2401.00001"),
        ("arxiv:10.5555/a bees", "doi:10.5555/a"),
    ],
)
def test_a_scheme_is_a_field(query: str, paper_id: str) -> None:
    parsed = parse_query(query, today=TODAY)
    assert parsed.condition == HasId(paper_id)
    assert parsed.text == "bees"


@pytest.mark.parametrize("query", ["doi:12345", "openalex:12345", "arxiv:12345", "s2:word"])
def test_an_id_of_another_scheme_is_no_pmid(query: str) -> None:
    with pytest.raises(InvalidValue, match="give an ID such as"):
        parse_query(query, today=TODAY)


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_none(text: str) -> None:
    found = parse(text)
    assert found is None or parse(found.id) == type(found)(found.id)


@pytest.mark.parametrize(
    "text",
    ["a-" * 999, "a." * 999 + "/", "https://" + "doi/" * 500, "(" * 999 + ")" * 999, "&amp;" * 400, "%25" * 600,
     "10.5555/" + ")" * 2_000]
)  # fmt: skip
def test_hostile_texts_are_read_in_linear_time(text: str) -> None:
    for _ in range(20):
        parse(text)


def test_ids_are_taken_from_addresses() -> None:
    draft = Draft(
        "x", title="A", url="https://doi.org/10.5555%2Fa", links=["https://hf.co/papers/2401.00001v2", "https://x.org"]
    )
    paper = draft.to_paper()
    assert (paper.ids, paper.version) == (("arxiv:2401.00001", "doi:10.5555/a"), 2)
    other = Draft("x", ids=["10.5555/b"], title="A", url="https://doi.org/10.5555/a").to_paper()
    assert other.ids == ("doi:10.5555/b",)  # the record's own DOI decides


def test_ids_of_one_scheme_do_not_always_separate_papers() -> None:
    assert {prefix for prefix, scheme in SCHEMES.items() if not scheme.is_unique} == {"openalex", "corpusid", "s2", "h"}


def test_ids_of_a_ris_file(write_source: WriteSource) -> None:
    records = [
        "DO  - 10.1002/(SICI)1(1999)4:2<387::AID-X>3.0.CO;2-Y",
        "DO  - https://doi.org/10.5555%2Fabc",
        "UR  - https://doi.org/10.5555/only-ur",
        "M3  - doi: 10.5555/m3",
        "AN  - 123\nDB  - PubMed\nC2  - PMC5334499",
        "AN  - 123\nDB  - Scopus",
        "N1  - PMID: 29768149",
        "L2  - https://example.org/a.pdf\nL1  - https://arxiv.org/pdf/2401.00001v2",
    ]
    content = "".join(f"TY  - JOUR\nTI  - A\n{lines}\nER  - \n" for lines in records)
    assert [paper.ids for paper in read_papers(write_source("a.ris", content))] == [
        ("doi:10.1002/(sici)1(1999)4:2<387::aid-x>3.0.co;2-y",),
        ("doi:10.5555/abc",),
        ("doi:10.5555/only-ur",),
        ("doi:10.5555/m3",),
        ("pmid:123", "pmc:5334499"),
        (),
        ("pmid:29768149",),
        ("arxiv:2401.00001",),
    ]


def test_ids_of_csl_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        '[{"type": "article", "title": "A", "issued": {}, "DOI": "https://dx.doi.org/10.5555/A", "PMID": 7,'
        '"PMCID": "PMC8", "URL": "https://www.alphaxiv.org/abs/2401.00001v2"}]'
    )
    (paper,) = read_papers(path)
    assert paper.ids == ("arxiv:2401.00001", "doi:10.5555/a", "pmid:7", "pmc:8")
