"""One small file of each format, and how tests read files."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

from indexer import sources
from indexer.sources.file import SourceFile
from search.errors import SourceError
from search.papers.paper import Paper

AS_OF = date(2026, 6, 15)
WriteSource = Callable[[str, str | bytes], Path]
"""Writes a file of this name and content; returns its path."""

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


def read_with_warnings(path: Path, format_: str = "") -> tuple[list[Paper | SourceError], list[str]]:
    file = SourceFile(path, AS_OF, format_)
    return list(sources.read(file)), file.warnings
