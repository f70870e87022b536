"""RIS, NBIB and PubMed XML: variants of the formats lose no field."""

import pytest

from search.papers.date import Date
from source_samples import WriteSource, read_papers, read_with_warnings


def ris(*lines: str, start: str = "TY  - JOUR") -> str:
    return "\n".join((start, *lines, "ER  - ", ""))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("PY  - 2003/10/12/Autumn",), "2003-10-12"),
        (("PY  - 2003///Autumn",), "2003"),
        (("DA  - 2021/02/01/", "PY  - 2021"), "2021-02-01"),
        (("DA  - nan", "PY  - 2021"), "2021"),
        (("DA  - in press", "Y1  - 2021/04//"), "2021-04"),
        (("DA  - Mar 5", "PY  - 2021"), "2021-03-05"),
        (("PY  - 2021", "Y1  - 2021/04/05"), "2021-04-05"),
        (("Y2  - 2022/01/01",), "None"),  # the date of access
    ],
)
def test_dates_of_ris(write_source: WriteSource, lines: tuple[str, ...], expected: str) -> None:
    (paper,) = read_papers(write_source("a.ris", ris("TI  - A", *lines)))
    assert str(paper.published) == expected


def test_an_unreadable_date_of_ris_is_reported(write_source: WriteSource) -> None:
    (_, paper), warnings = read_with_warnings(
        write_source("a.ris", ris("TI  - A") + ris("TI  - B", "PY  - forthcoming"))
    )
    assert paper.published is None  # type: ignore[union-attr]
    assert [warning.partition(": ")[2] for warning in warnings] == [
        "published: the text contains no year, so the date was left out: 'forthcoming'"
    ]
    assert ":4: " in warnings[0]


def test_variants_of_ris(write_source: WriteSource) -> None:
    content = (
        ris(
            "T1  - A title", "  that goes on", "A1  - Byron, Ada; Roe, Rick", "N2  - One.", "", "Two.",
            "JF  - Letters", "VL  - 3", "IS  - 2", "SP  - 1", "EP  - 9", "PB  - P", "KW  - cache; context",
            "KW  - token", "ED  - Poe, Eva",
        )
        + ris("TI - A title that goes on", "AU - Byron, Ada", "AU - Roe, Rick", "AB - One. Two.", start="TY - JOUR")
        + ris("BT  - A title that goes on", "AU  - Byron, Ada", "AU  - Roe, Rick", "AB  - One.",
              "AB  - Two.", "EP  - NaN")
        + "TY  - JOUR\r\nTI  - A title that goes on\r\nAU  - Byron, Ada\r\nAU  - Roe, Rick\r\nAB  - One. Two.\r\n"
    )  # fmt: skip
    papers = read_papers(write_source("a.ris", content))
    assert len(papers) == 4
    for paper in papers:
        assert (paper.title, paper.abstract) == ("A title that goes on", "One. Two.")
        assert paper.authors == ("Ada Byron", "Rick Roe")
    assert papers[0].extra == {
        "journal": "Letters", "volume": "3", "issue": "2", "pages": "1-9", "publisher": "P",
        "keywords": ["cache", "context", "token"], "editors": ["Eva Poe"],
    }  # fmt: skip
    assert "pages" not in papers[2].extra


def test_addresses_of_ris_are_kept_whole(write_source: WriteSource) -> None:
    (paper,) = read_papers(
        write_source("a.ris", ris("TI  - A", "UR  - https://x.org/a;b?c=1; https://doi.org/10.5555/a"))
    )
    assert (paper.url, paper.ids) == ("https://x.org/a;b?c=1", ("doi:10.5555/a",))


NBIB = """PMID- 21
TI  - Hives of a junior
FAU - Byron, Ada A Jr
AU  - Byron AA Jr
FAU - Roe, Rick 3rd
FAU - van der Berg, Jan
CN  - The Group
DP  - 1998 Dec-1999 Jan
LID - S1234(98)00001-2 [pii]
AID - 10.5555/A [doi]
PMC - PMC12
VI  - 3
IP  - 2
PG  - 1-9
JT  - Letters

PMID- 22
TI  - [Not Available].
TT  - Die Bienen.
OAB - Other abstract.
DP  - 2003 Spring
DEP - nan

PMID- 23
BTI - A book of hives
FED - Poe, Eva
DP  - 2004
"""


def test_variants_of_pubmed_text(write_source: WriteSource) -> None:
    first, second, third = read_papers(write_source("a.nbib", NBIB))
    assert first.authors == ("Ada A Byron Jr", "Rick Roe 3rd", "Jan van der Berg", "The Group")
    assert (first.ids, first.published) == (("doi:10.5555/a", "pmid:21", "pmc:12"), Date(1998, 12))
    assert first.extra == {"journal": "Letters", "volume": "3", "issue": "2", "pages": "1-9"}
    assert (second.title, second.abstract, second.published) == ("Die Bienen.", "Other abstract.", Date(2003))
    assert (third.title, third.extra) == ("A book of hives", {"editors": ["Eva Poe"]})


def test_eric_text(write_source: WriteSource) -> None:
    record = "OWN - ERIC\nTI  - Hives {}\nAU  - Byron, Ada\nOID - EJ1\nAID - http://dx.doi.org/10.5555/{}\nDP  - 1980\n"
    content = "\n" + "\n".join(
        record.format(n, n) + f"LID - http://eric.ed.gov/?id=EJ{n}\nAB  - Text\n" for n in (1, 2)
    )
    papers = read_papers(write_source("a.nbib", content))
    assert [(paper.title, paper.ids, paper.url) for paper in papers] == [
        ("Hives 1", ("doi:10.5555/1",), "http://eric.ed.gov/?id=EJ1"),
        ("Hives 2", ("doi:10.5555/2",), "http://eric.ed.gov/?id=EJ2"),
    ]
    assert all(paper.authors == ("Ada Byron",) and paper.published == Date(1980) for paper in papers)


PUBMED = """<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>17</PMID><Article><Journal><JournalIssue>
<Volume>3</Volume><Issue>2</Issue><PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate></JournalIssue>
</Journal><ArticleTitle>[Not Available].</ArticleTitle><Pagination><MedlinePgn>1-9</MedlinePgn></Pagination>
<ELocationID EIdType="pii">x</ELocationID><ELocationID EIdType="doi">10.5555/eloc</ELocationID>
<VernacularTitle>Die <i>Bienen</i> &amp;amp; mehr.</VernacularTitle></Article>
<OtherAbstract Language="spa"><AbstractText>Las abejas.</AbstractText></OtherAbstract>
<OtherAbstract Language="fre"><AbstractText>Les abeilles.</AbstractText></OtherAbstract></MedlineCitation>
<PubmedData><ArticleIdList><ArticleId IdType="pmc">PMC12</ArticleId></ArticleIdList></PubmedData></PubmedArticle>
</PubmedArticleSet>"""


def test_variants_of_pubmed_xml(write_source: WriteSource) -> None:
    (paper,) = read_papers(write_source("a.xml", PUBMED))
    assert (paper.title, paper.abstract) == ("Die Bienen & mehr.", "Las abejas.")
    assert (paper.ids, paper.published) == (("doi:10.5555/eloc", "pmid:17", "pmc:12"), Date(1998, 12))
    assert paper.extra == {"volume": "3", "issue": "2", "pages": "1-9"}


@pytest.mark.parametrize(
    ("lines", "authors"),
    [
        (("A1  - Byron, Ada", "AU  - Roe, Rick"), ("Ada Byron", "Rick Roe")),
        (("AU  - Roe, Rick", "A1  - Byron, Ada"), ("Rick Roe", "Ada Byron")),
        (("A1  - Byron, Ada", "A1  - Roe, Rick", "AU  - Byron, Ada", "AU  - Roe, Rick"), ("Ada Byron", "Rick Roe")),
        (("A1  - Byron, Ada", "AU  - Byron, Ada", "AU  - Roe, Rick"), ("Ada Byron", "Rick Roe")),
        (("AU  - Wang, Wei", "AU  - Wang, Wei", "A1  - Wang, Wei"), ("Wei Wang", "Wei Wang")),
    ],
)
def test_authors_of_both_tags_of_ris(
    write_source: WriteSource, lines: tuple[str, ...], authors: tuple[str, ...]
) -> None:
    (paper,) = read_papers(write_source("a.ris", ris("TI  - A", *lines)))
    assert paper.authors == authors
