"""ESearch and EFetch of PubMed (https://www.ncbi.nlm.nih.gov/books/NBK25499/)."""

import re
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

from harvest.servers import Reply
from harvest.works import Work, Works

_RANGE = re.compile(r'"([0-9/]+)"\[(pdat|edat|mdat)\] : "3000"\[\2\]')


@dataclass
class Pubmed:
    """The E-utilities.

    Attributes:
        works: The records.
        max_records: IDs that a search lists.
    """

    works: Works
    max_records: int = 9_999

    def search(self, parameters: dict[str, str]) -> Reply:
        if parameters.get("db") != "pubmed" or "tool" not in parameters:
            return Reply(b'{"error":"invalid request"}', "application/json", 400)
        term = parameters["term"]
        alternatives = [[(name, _day(day)) for day, name in _RANGE.findall(part)] for part in _split(term)]
        words = re.findall(r"[a-z0-9]+", re.sub(r'"[^"]*"\[\w+\]|AND|OR', "", term))
        found = [
            work
            for work in self.works.live
            if work.has_words(words) and all(any(_date(work, *each) for each in part) for part in alternatives if part)
        ]
        if "mindate" in parameters:
            first, last = _day(parameters["mindate"]), _day(parameters["maxdate"])
            found = [work for work in found if first <= work.entered <= last]
        found.sort(key=lambda work: -work.number)
        ids = found[: min(int(parameters["retmax"]), self.max_records)]
        items = "".join(f"<Id>{work.pmid}</Id>" for work in ids)
        return _xml(
            f"<eSearchResult><Count>{len(found)}</Count><RetMax>{len(ids)}</RetMax><RetStart>0</RetStart>"
            f"<IdList>{items}</IdList><QueryTranslation>{escape(term)}</QueryTranslation></eSearchResult>"
        )

    def fetch(self, parameters: dict[str, str]) -> Reply:
        wanted = parameters["id"].split(",")
        assert len(wanted) <= 200
        records = "".join(_record(work) for work in self.works.live if work.pmid in wanted)
        return _xml(f"<PubmedArticleSet>{records}</PubmedArticleSet>")


def _split(term: str) -> list[str]:
    """Splits a term at AND; the ranges of a part are alternatives."""
    return term.split(" AND ")


def _day(text: str) -> date:
    return date(*map(int, text.split("/")))


def _date(work: Work, name: str, first: date) -> bool:
    return {"pdat": work.published, "edat": work.entered, "mdat": work.changed}[name] >= first


def _xml(text: str) -> Reply:
    return Reply(f'<?xml version="1.0" encoding="UTF-8" ?>\n{text}\n'.encode())


def _record(work: Work) -> str:
    authors = "".join(
        f'<Author ValidYN="Y"><LastName>{family}</LastName><ForeName>{given}</ForeName></Author>'
        for given, family in work.authors
    )
    day = work.published
    kind = "Retracted Publication" if work.is_retracted else "Journal Article"
    return f"""<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">{work.pmid}</PMID>
<Article PubModel="Electronic"><Journal><ISSN IssnType="Electronic">{work.issn}</ISSN><JournalIssue><Volume>7</Volume>
<PubDate><Year>{day.year}</Year></PubDate></JournalIssue><Title>{work.journal}</Title></Journal>
<ArticleTitle>{escape(work.title)}</ArticleTitle><Pagination><MedlinePgn>1-9</MedlinePgn></Pagination>
<ELocationID EIdType="doi">{work.doi}</ELocationID>
<Abstract><AbstractText>{escape(work.abstract)}</AbstractText></Abstract>
<AuthorList CompleteYN="Y">{authors}</AuthorList>
<PublicationTypeList><PublicationType UI="D016428">{kind}</PublicationType></PublicationTypeList>
<ArticleDate DateType="Electronic"><Year>{day.year}</Year><Month>{day.month:02}</Month><Day>{day.day:02}</Day>
</ArticleDate></Article></MedlineCitation><PubmedData><ArticleIdList><ArticleId IdType="pubmed">{work.pmid}</ArticleId>
</ArticleIdList></PubmedData></PubmedArticle>
"""
