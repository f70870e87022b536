"""Sources: every format read from real files on disk, and what is malformed skipped, counted and named."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer import sources
from indexer.sources.file import SourceFile
from search.errors import InvalidValue, SourceError
from search.papers.paper import Date, Json, Paper

AS_OF = date(2026, 6, 15)

ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">
  <title>ArXiv Query</title>
  <entry>
    <id>http://arxiv.org/abs/2401.00001v3</id>
    <published>2024-01-01T10:00:00Z</published><updated>2024-05-02T10:00:00Z</updated>
    <title>Small caches &amp; long
      contexts</title>
    <summary>  We keep less and lose little.
    </summary>
    <author><name>Ada Byron</name></author><author><name>José García</name></author>
    <arxiv:comment>12 pages</arxiv:comment><arxiv:doi>10.1000/XYZ.1</arxiv:doi>
    <arxiv:primary_category term="cs.LG"/><category term="cs.CL"/><category term="cs.LG"/>
  </entry>
</feed>"""
SNAPSHOT = json.dumps(
    {
        "id": "hep-th/9901001",
        "submitter": "A. Byron",
        "title": "Strings\n  and things",
        "abstract": "  A short\nabstract.\n",
        "authors_parsed": [["Byron", "Ada", ""], ["García", "José", "Jr."]],
        "categories": "hep-th math.AG",
        "doi": "10.1000/abc",
        "comments": "4 pages",
        "versions": [
            {"version": "v1", "created": "Mon, 4 Jan 1999 19:18:42 GMT"},
            {"version": "v2", "created": "Tue, 6 Jul 1999 00:18:42 GMT"},
        ],
        "update_date": "2008-11-26",
    }
)
BIBTEX = r"""% exported
@string{tocl = "Transactions of Computing Letters"}
@article{byron2024, title = {Small {KV} caches \& {$O(n)$} contexts}, journal = "Letters",
  author = {Byron, Ada and Garc{\'\i}a, Jos{\'e} and {The Cache Collaboration} and others},
  abstract = {We \textit{keep} less, \~{}5\%, and lose little.}, date = {2024-03-02}, doi = {10.1000/XYZ.1},
  archiveprefix = {arXiv}, eprint = {2401.00001v3}, primaryclass = {cs.LG}, keywords = {cache, context}}
@book{noauthor, title = "A book", year = 1999, month = feb}
"""
RIS = """TY  - JOUR
TI  - Small caches
AU  - Byron, Ada
AU  - García, José, Jr.
AB  - We keep less.
PY  - 2024
DA  - 2024/03/02/
DO  - 10.1000/XYZ.1
UR  - https://arxiv.org/abs/2401.00001
KW  - cache
T2  - Letters
ER  -

TY  - JOUR
TI  - Second
ER  -
"""
PUBMED = """<?xml version="1.0"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" "https://dtd.nlm.nih.gov/x.dtd">
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>123</PMID>
  <DateRevised><Year>2020</Year><Month>02</Month><Day>03</Day></DateRevised>
  <Article><Journal><JournalIssue><PubDate><MedlineDate>2018 Jan-Feb</MedlineDate></PubDate></JournalIssue>
  <Title>Letters</Title></Journal><ArticleTitle>Caches <i>in vivo</i></ArticleTitle>
  <Abstract><AbstractText Label="BACKGROUND">We <b>keep</b> less.</AbstractText>
  <AbstractText>Good.</AbstractText></Abstract>
  <AuthorList CompleteYN="N"><Author><LastName>Byron</LastName><ForeName>Ada</ForeName><Initials>A</Initials></Author>
  <Author><CollectiveName>The Group</CollectiveName></Author></AuthorList></Article>
  <KeywordList><Keyword>cache</Keyword></KeywordList></MedlineCitation>
  <PubmedData><ArticleIdList><ArticleId IdType="pubmed">123</ArticleId><ArticleId IdType="doi">10.1000/XYZ.1</ArticleId>
  </ArticleIdList></PubmedData></PubmedArticle></PubmedArticleSet>"""
NBIB = """PMID- 123
LR  - 20200203
DP  - 2018 Jan
TI  - Caches in
      vivo
LID - 10.1000/XYZ.1 [doi]
AB  - We keep less.
FAU - Byron, Ada
AU  - Byron A
CN  - The Group
JT  - Letters
OT  - cache

PMID- 124
TI  - Second
"""
S2 = json.dumps(
    {
        "paperId": "649def34f8be52c8b66281af98ae884c09aef38b",
        "externalIds": {"ArXiv": "2401.00001", "DOI": "10.1000/XYZ.1", "CorpusId": 5},
        "title": "Small caches",
        "abstract": None,
        "authors": [{"authorId": "1", "name": "Ada Byron"}],
        "year": 2024,
        "publicationDate": "2024-03-02",
        "citationCount": 7,
        "journal": {"name": "Letters"},
    }
)
ACL = """<?xml version='1.0' encoding='UTF-8'?>
<collection id="2022.acl"><volume id="long"><meta><booktitle>Proceedings</booktitle><month>May</month><year>2022</year>
<editor><first>Ed</first><last>Itor</last></editor></meta>
<frontmatter><url>2022.acl-long.0</url></frontmatter>
<paper id="1"><title><fixed-case>KV</fixed-case> caches <tex-math>n^2</tex-math></title>
<author><first>Ada</first><last>Byron</last></author><pages>1-9</pages><abstract>We keep less.</abstract>
<url hash="ab">2022.acl-long.1</url><doi>10.18653/v1/2022.acl-long.1</doi></paper>
<paper id="2"><title>Second</title></paper></volume></collection>"""
CSL = """[
  {"id": "http://zotero.org/items/1", "type": "article-journal", "title": "Small caches", "container-title": "Letters",
   "abstract": "We keep less.", "DOI": "10.1000/XYZ.1", "URL": "https://arxiv.org/abs/2401.00001v3", "page": "1-9",
   "author": [{"family": "Byron", "given": "Ada"}, {"family": "Beethoven", "non-dropping-particle": "van",
    "given": "Ludwig", "suffix": "Jr."}, {"literal": "The Group"}],
   "issued": {"date-parts": [["2024", 3, "2"]]}, "keyword": "cache, context", "note": "12 pages"},

  {"id": 2, "type": "article", "title": "Second", "issued": {"raw": "2023-05"}, "PMID": 123}
]
"""
CSV = (
    "Title;Author;Date;Abstract Note;DOI;Publication Title;Shelf\r\n"
    '"Small; caches";"Byron, Ada; van Beethoven, Ludwig";2024-03;"We keep\r\nless.";10.1000/XYZ.1;Letters;7\r\n'
    "Second;;;;;;\r\n"
)
PAGE = """h-index12
97.1IRJun 4

Small caches
for ranking

Ada Byron, José García, Ada Byron et al. · pku

We keep less and lose little, across every length we tried it on.

CVFeb 28, 2023Code

Second

Ada Byron, José García

Another abstract.

MLJun 16

Third

Ada Byron

A third abstract.

Abstract: A bare paragraph without any title, which is a paper all the same.
"""


def read(path: Path, format_: str = "") -> list[Paper | SourceError]:
    return list(sources.read(SourceFile(path, AS_OF, format_)))


def read_papers(path: Path, format_: str = "") -> list[Paper]:
    found = read(path, format_)
    assert [each for each in found if isinstance(each, SourceError)] == []
    return [each for each in found if isinstance(each, Paper)]


@pytest.fixture
def write_source(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


WriteSource = Callable[[str, str | bytes], Path]


def test_arxiv_atom(write_source: WriteSource) -> None:
    assert read_papers(write_source("feed", ATOM)) == [
        Paper(
            ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
            title="Small caches & long contexts",
            abstract="We keep less and lose little.",
            authors=("Ada Byron", "José García"),
            published=Date(2024, 1, 1),
            updated=Date(2024, 5, 2),
            categories=("cs.LG", "cs.CL"),
            url="http://arxiv.org/abs/2401.00001v3",
            version=3,
            extra={"comment": "12 pages"},
            sources=("arxiv-atom:feed",),
        )
    ]
    wrapped = read_papers(write_source("wrapped.json", json.dumps({"status": 200, "body": ATOM})))
    assert [paper.title for paper in wrapped] == ["Small caches & long contexts"]


def test_arxiv_snapshot(write_source: WriteSource) -> None:
    assert read_papers(write_source("snapshot.json", SNAPSHOT)) == [
        Paper(
            ids=("arxiv:hep-th/9901001", "doi:10.1000/abc"),
            title="Strings and things",
            abstract="A short abstract.",
            authors=("Ada Byron", "José García Jr."),
            published=Date(1999, 1, 4),
            updated=Date(2008, 11, 26),
            categories=("hep-th", "math.AG"),
            version=2,
            extra={"comment": "4 pages"},
            sources=("arxiv-snapshot:snapshot.json",),
        )
    ]


def test_bibtex(write_source: WriteSource) -> None:
    article, book = read_papers(write_source("zotero", BIBTEX))
    assert article == Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
        title="Small KV caches & $O(n)$ contexts",
        abstract="We keep less, ~5%, and lose little.",
        authors=("Ada Byron", "José García", "The Cache Collaboration"),
        authors_partial=True,
        published=Date(2024, 3, 2),
        categories=("cs.LG",),
        version=3,
        extra={"journal": "Letters", "keywords": ["cache", "context"]},
        sources=("bibtex:zotero",),
    )
    assert (book.title, book.published, book.authors) == ("A book", Date(1999, 2), ())


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"M{\"u}ller", "Müller"),
        (r"\'Elan Nguy\~ên", "Élan Nguyễn"),
        (r"\v{S}ari\'c", "Šarić"),
        (r"Bod\'\i{}n", "Bodín"),
        (r"{\ss} \o re {\aa}", "ß øre å"),
        (r"\c cedilla", "çedilla"),
        (r"caf\'{e} \textit{au \'{e}lan}", "café au élan"),
        (r"a \& b, 5\%, $x_1 \le 2$", r"a & b, 5%, $x_1 \le 2$"),
        (r"``quoted'' pages 1--9", "“quoted” pages 1–9"),
    ],
)
def test_latex_in_bibtex_becomes_the_text_it_stands_for(write_source: WriteSource, latex: str, text: str) -> None:
    (paper,) = read_papers(write_source("a.bib", f"@misc{{a,\n title = {{{latex}}}\n}}\n"))
    assert paper.title == text


def test_ris(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("zotero.txt", RIS))
    assert first == Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
        title="Small caches",
        abstract="We keep less.",
        authors=("Ada Byron", "José García Jr."),
        published=Date(2024, 3, 2),
        url="https://arxiv.org/abs/2401.00001",
        extra={"journal": "Letters", "keywords": ["cache"]},
        sources=("ris:zotero.txt",),
    )
    assert second.title == "Second"


def test_pubmed(write_source: WriteSource) -> None:
    assert read_papers(write_source("export.xml", PUBMED)) == [
        Paper(
            ids=("doi:10.1000/xyz.1", "pmid:123"),
            title="Caches in vivo",
            abstract="BACKGROUND: We keep less. Good.",
            authors=("Ada Byron", "The Group"),
            authors_partial=True,
            published=Date(2018, 1),
            updated=Date(2020, 2, 3),
            extra={"journal": "Letters", "keywords": ["cache"]},
            sources=("pubmed:export.xml",),
        )
    ]


def test_nbib(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("export", NBIB))
    assert first == Paper(
        ids=("doi:10.1000/xyz.1", "pmid:123"),
        title="Caches in vivo",
        abstract="We keep less.",
        authors=("Ada Byron", "The Group"),
        published=Date(2018, 1),
        updated=Date(2020, 2, 3),
        extra={"journal": "Letters", "keywords": ["cache"]},
        sources=("nbib:export",),
    )
    assert second.ids == ("pmid:124",)


@pytest.mark.parametrize("lines", [False, True])
def test_csl_json(write_source: WriteSource, lines: bool) -> None:
    content = "\n".join(map(json.dumps, json.loads(CSL))) if lines else CSL
    first, second = read_papers(write_source("zotero.json", content))
    assert first == Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
        title="Small caches",
        abstract="We keep less.",
        authors=("Ada Byron", "Ludwig van Beethoven Jr.", "The Group"),
        published=Date(2024, 3, 2),
        url="https://arxiv.org/abs/2401.00001v3",
        version=3,
        extra={"comment": "12 pages", "journal": "Letters", "keywords": ["cache", "context"], "pages": "1-9"},
        sources=("csl-json:zotero.json",),
    )
    assert (second.ids, second.published) == (("pmid:123",), Date(2023, 5))


def test_csv(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("zotero.csv", CSV))
    assert first == Paper(
        ids=("doi:10.1000/xyz.1",),
        title="Small; caches",
        abstract="We keep less.",
        authors=("Ada Byron", "Ludwig van Beethoven"),
        published=Date(2024, 3),
        extra={"journal": "Letters", "shelf": "7"},
        sources=("csv:zotero.csv",),
    )
    assert second.title == "Second"
    (tabbed,) = read_papers(write_source("a.tsv", "\ufeffid\ttitle\n2401.00001v2\tA, b\n"))
    assert (tabbed.ids, tabbed.title, tabbed.version) == (("arxiv:2401.00001",), "A, b", 2)


def test_a_score_is_kept_unless_it_is_an_answers(write_source: WriteSource) -> None:
    (own,) = read_papers(write_source("own.csv", "title,score\nA,97.1\n"))
    assert own.extra == {"score": "97.1"}
    (answer,) = read_papers(write_source("answer.csv", "title,score,band\nA,.7,strong\n"))
    assert answer.extra == {}
    (listed,) = read_papers(write_source("listed.csv", "title,score,band\nA,0.0,\n"))
    assert listed.extra == {}
    (line,) = read_papers(
        write_source("answer.jsonl", '{"title": "A", "score": 0.7, "legs": {}, "exact_match": true, "shelf": 7}\n')
    )
    assert line.extra == {"shelf": 7}


@pytest.mark.parametrize("shape", ["{}", "[{}]", '{{"total": 1, "data": [{}]}}', "{}\n{}\n"])
def test_semantic_scholar(write_source: WriteSource, shape: str) -> None:
    content = shape.replace("{{", "{").replace("}}", "}").replace("{}", S2)
    found = read_papers(write_source("s2.json", content))
    assert found[0] == Paper(
        ids=("arxiv:2401.00001", "doi:10.1000/xyz.1"),
        title="Small caches",
        authors=("Ada Byron",),
        published=Date(2024, 3, 2),
        extra={
            "citations": 7,
            "journal": "Letters",
            "semantic_scholar_id": "649def34f8be52c8b66281af98ae884c09aef38b",
        },
        sources=("semantic-scholar:s2.json",),
    )
    assert len(found) == (2 if "\n" in shape else 1)


def test_acl(write_source: WriteSource) -> None:
    first, second = read_papers(write_source("2022.acl.xml", ACL))
    assert first == Paper(
        ids=("doi:10.18653/v1/2022.acl-long.1", "acl:2022.acl-long.1"),
        title="KV caches n^2",
        abstract="We keep less.",
        authors=("Ada Byron",),
        published=Date(2022, 5),
        url="https://aclanthology.org/2022.acl-long.1/",
        extra={"journal": "Proceedings", "pages": "1-9"},
        sources=("acl:2022.acl.xml",),
    )
    assert second.ids == ("acl:2022.acl-long.2",)


def test_author_page(write_source: WriteSource) -> None:
    first, second, third, bare = read_papers(write_source("page.txt", PAGE))
    assert first == Paper(
        title="Small caches for ranking",
        abstract="We keep less and lose little, across every length we tried it on.",
        authors=("Ada Byron", "José García"),
        authors_partial=True,
        published=Date(2026, 6, 4),
        categories=("cs.IR",),
        extra={"score": 97.1, "affiliation": "pku"},
        sources=("author-page:page.txt",),
    )
    assert (second.published, second.categories, second.extra) == (Date(2023, 2, 28), ("cs.CV",), {"code": True})
    assert (third.published, third.categories) == (Date(2025, 6, 16), ("stat.ML",))  # June 16 is after as_of
    assert bare.title is None
    assert bare.abstract == "A bare paragraph without any title, which is a paper all the same."


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress, zstandard.compress])
def test_compressed_files_are_read_as_they_are(write_source: WriteSource, compress: Callable[[bytes], bytes]) -> None:
    assert [p.title for p in read_papers(write_source("no-ending", compress(ATOM.encode())))] == [
        "Small caches & long contexts"
    ]


def test_folders_are_walked_in_order_and_hidden_files_passed_over(tmp_path: Path) -> None:
    for name in ("b/2.ris", "a/1.bib", ".git/x.bib", "b/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(RIS, "utf-8")
    found = sources.discover([tmp_path, tmp_path / "b" / "2.ris"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a/1.bib", "b/2.ris"]
    with pytest.raises(InvalidValue, match="nowhere"):
        sources.discover([tmp_path / "nowhere"])


def test_format_overrides_what_the_content_says(write_source: WriteSource) -> None:
    path = write_source("snapshot.json", SNAPSHOT)
    assert read_papers(path, "arxiv-snapshot")[0].version == 2
    assert "authors_parsed" not in read_papers(path, "jsonl")[0].extra  # only plain fields are kept
    with pytest.raises(InvalidValue, match="choose one of"):
        read(path, "arxiv")


MALFORMED = {
    "half a line": ('{"title": "A"}\n{"title": "B\n', [2], "not JSON"),
    "a list": ('{"title": "A"}\n[1]\n', [2], "not a JSON object"),
    "NaN": ('{"title": "A"}\n{"title": "B", "score": NaN}\n', [2], "not JSON"),
    "half a surrogate pair": ('{"title": "A"}\n{"title": "B \\ud83d"}\n', [2], "surrogate"),
    "nested deep": ('{"title": "A"}\n' + '{"x":' * 100_000 + "\n", [2], "not JSON"),
    "neither": ('{"title": "A"}\n{"title": " ", "authors": ["B"]}\n', [2], "neither title nor abstract"),
    "a number": ('{"title": "A"}\n{"title": 5}\n', [2], "title: '5' is not a text"),
    "no date": ('{"title": "A"}\n{"title": "B", "published": "soon"}\n', [2], "'soon' is not a date"),
    "no such day": ('{"title": "A"}\n{"title": "B", "published": "2026-02-30"}\n', [2], "published"),
    "a long title": ('{"title": "A"}\n{"title": "' + "x" * 2_001 + '"}\n', [2], "2,001 characters"),
    "broken xml": (ATOM.removesuffix("</feed>"), [15], "not well-formed XML"),
    "an open brace": ("@misc{a, title = {A}}\n@misc{b, title = {B\n@misc{c, title = {C}}\n", [2], "not a BibTeX entry"),
    "an empty ris": (RIS + "TY  - JOUR\nAU  - Byron, Ada\nER  - \n", [17], "neither title nor abstract"),
    "a snapshot of another shape": (SNAPSHOT + "\n" + SNAPSHOT.replace('"created"', '"made"'), [2], "'created'"),
    "a list that breaks": (CSL.replace('"id": 2,', '"id" 2,'), [8], "not JSON"),
    "an item that is none": (CSL.replace('"PMID": 123', '"title": [1]'), [8], "title: '[1]' is not a text"),
    "a list nested deep": (CSL.replace('"id": 2,', '"x":' + "[" * 100_000), [8], "not JSON"),
    "a row too long": ("title,abstract\nA,b\nC,d,e\n", [3], "3 cells and the first line 2 names"),
    "a cell without end": ('title,abstract\nA,b\nC,"' + "x" * 500_000, [3], "not CSV"),
    "a row without day": ("title,published\nA,2024\nB,soon\n", [3], "'soon' is not a date"),
    "an impossible date": ("IRFeb 30, 2023\n\nTitle\n\nAda Byron\n\nAn abstract.\n\n" + PAGE, [1], "no day Feb 30"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_record_does_not_affect_others(write_source: WriteSource, name: str) -> None:
    content, lines, reason = MALFORMED[name]
    found = read(write_source("file", content))
    errors = [each for each in found if isinstance(each, SourceError)]
    assert [error.line for error in errors] == lines
    assert reason in str(errors[0])
    assert str(errors[0]).startswith(errors[0].path)
    assert len(found) > len(errors)


def test_a_truncated_file_yields_the_preceding_records(write_source: WriteSource) -> None:
    lines = "".join(json.dumps({"title": f"Paper {n} {hash(n * n)}"}) + "\n" for n in range(20_000)).encode()
    for name, compressed in (("a.gz", gzip.compress(lines)), ("a.xz", lzma.compress(lines))):
        found = read(write_source(name, compressed[: len(compressed) // 2]))
        assert isinstance(found[-1], SourceError)
        assert "cannot be read to its end" in found[-1].reason
        assert all(isinstance(each, Paper) for each in found[:-2])  # the last line may be half a line


def test_nothing_is_expanded_or_fetched_from_xml(write_source: WriteSource) -> None:
    secret = write_source("secret.txt", "the secret")
    bomb = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10 if n else "boom"}">' for n in range(12))
    doctype = f'<!DOCTYPE feed [{bomb}<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    for reference in ("&b11;", "&s;"):
        feed = ATOM.replace("?>", "?>" + doctype, 1).replace("We keep less", reference + " We keep less")
        for path in (
            write_source("feed", feed),
            write_source("feed.json", json.dumps({"body": feed.replace(' encoding="utf-8"', "")})),
        ):
            for each in read(path):
                assert "boom" not in repr(each)
                assert "the secret" not in repr(each)


def test_non_paper_files_are_rejected(write_source: WriteSource) -> None:
    (error,) = read(write_source("notes.md", "# Notes\nnothing here\n"))
    assert isinstance(error, SourceError)
    assert "unknown format" in error.reason
    assert "--format" in error.reason


texts = st.text(max_size=80) | st.text(st.characters(categories=["Cs"]), max_size=3)
dates = st.builds(Date, st.integers(1000, 2100), st.integers(1, 12), st.integers(1, 28)) | st.builds(
    Date, st.integers(1000, 2100)
)
plain_values: st.SearchStrategy[Json] = st.text("abc xyz", min_size=1, max_size=9) | st.integers(1, 99)


@given(
    title=st.text("abc é∂深", min_size=1, max_size=30).map(str.split).map(" ".join).filter(bool),
    authors=st.lists(st.sampled_from(["Ada Byron", "José García", "李明"]), unique=True).map(tuple),
    published=st.none() | dates,
    categories=st.lists(st.sampled_from(["cs.CL", "hep-th", "astro-ph.GA"]), unique=True).map(tuple),
    extra=st.dictionaries(st.sampled_from(["comment", "journal"]), plain_values.filter(lambda each: each != "")),
    partial=st.booleans(),
    version=st.none() | st.integers(1, 9),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_our_json_lines_read_back_what_was_written(
    tmp_path: Path,
    title: str,
    authors: tuple[str, ...],
    published: Date | None,
    categories: tuple[str, ...],
    extra: dict[str, Json],
    partial: bool,
    version: int | None,
) -> None:
    path = tmp_path / "papers.jsonl"
    paper = Paper(
        ids=("arxiv:2401.00001",),
        title=title,
        authors=authors,
        authors_partial=partial,
        published=published,
        categories=categories,
        version=version,
        extra=extra,
        sources=("jsonl:papers.jsonl",),
    )
    path.write_text(json.dumps(paper.to_json()), "utf-8")
    assert read_papers(path) == [paper]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("id", "ids", "title", "abstract", "authors", "published", "categories", "versions", "authors_parsed", "doi",
          "paperId", "externalIds", "extra", "version", "journal", "year", "data", "update_date")  # fmt: skip


@given(fields=st.dictionaries(st.sampled_from(FIELDS), json_values), format_=st.sampled_from(["", *sources.FORMATS]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_read_or_refused_in_words(tmp_path: Path, fields: dict[str, Json], format_: str) -> None:
    path = tmp_path / "any.json"
    path.write_text(json.dumps(fields), "utf-8")
    for each in read(path, format_):
        assert isinstance(each, SourceError) or each.title or each.abstract
        if isinstance(each, Paper):
            json.dumps(each.to_json(), ensure_ascii=False).encode()


@given(
    start=st.sampled_from([ATOM, SNAPSHOT, BIBTEX, RIS, PUBMED, NBIB, S2, ACL, CSL, CSV, PAGE]),
    cut=st.integers(0, 2_000),
    noise=st.binary(max_size=60),
    format_=st.sampled_from(["", *sources.FORMATS]),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused_in_words(
    tmp_path: Path, start: str, cut: int, noise: bytes, format_: str
) -> None:
    path = tmp_path / "any"
    content = start.encode()
    path.write_bytes(content[:cut] + noise + content[cut:])
    for each in read(path, format_):
        assert isinstance(each, SourceError) or each.title or each.abstract
