"""PubMed XML (https://dtd.nlm.nih.gov/ncbi/pubmed/out/): articles of an export, inline markup reduced to its text."""

from collections.abc import Iterator

from lxml import etree

from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, Malformed, date_of, extra_of
from indexer.sources.xml import BrokenXml, elements, find, find_all, text
from search.errors import SourceError
from search.papers.paper import Date, Json, Paper


def sniff(head: str) -> bool:
    """Whether a file is an export of PubMed."""
    return "<PubmedArticle" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """The articles in order."""
    try:
        for article in elements(file, "PubmedArticle"):
            try:
                yield _paper(article, file.source)
            except Malformed as error:
                yield SourceError(file.path, article.sourceline, str(error))
    except BrokenXml as error:
        yield SourceError(file.path, error.line, str(error))


def _paper(element: etree._Element, source: str) -> Paper:
    ids = [f"{kind}:{text(each)}" for each in find_all(element, "PubmedData/ArticleIdList/ArticleId")
           if (kind := _SCHEMES.get(str(each.get("IdType"))))]  # fmt: skip
    article = "MedlineCitation/Article"
    keywords: list[Json] = [text(each).strip() for each in find_all(element, "MedlineCitation/KeywordList/Keyword")]
    told: dict[str, Json] = {"journal": find(element, f"{article}/Journal/Title"), "keywords": keywords}
    authors = find_all(element, f"{article}/AuthorList")
    return Draft(
        source,
        ids=[f"pmid:{find(element, 'MedlineCitation/PMID')}", *ids],
        title=find(element, f"{article}/ArticleTitle"),
        abstract=" ".join(_section(each) for each in find_all(element, f"{article}/Abstract/AbstractText")),
        authors=[_name(each) for each in find_all(element, f"{article}/AuthorList/Author")],
        authors_partial=any(each.get("CompleteYN") == "N" for each in authors),
        published=_published(element, article),
        updated=_day(element, "MedlineCitation/DateRevised"),
        extra=extra_of(told, told),
    ).paper()


_SCHEMES = {"pubmed": "pmid", "doi": "doi"}


def _section(element: etree._Element) -> str:
    label = element.get("Label")
    return f"{label}: {text(element).strip()}" if label else text(element)


def _name(author: etree._Element) -> str:
    parts = (find(author, "ForeName") or find(author, "Initials"), find(author, "LastName"), find(author, "Suffix"))
    return " ".join(part for part in parts if part) or find(author, "CollectiveName")


def _published(element: etree._Element, article: str) -> Date | None:
    """The day it appeared online, else the issue's date, which may be a year or "2018 Jan-Feb"."""
    issue = f"{article}/Journal/JournalIssue/PubDate"
    free = find(element, f"{issue}/MedlineDate").split()
    return _day(element, f"{article}/ArticleDate") or _day(element, issue) or date_of(*free[:2] if free else [None])


def _day(element: etree._Element, path: str) -> Date | None:
    return date_of(find(element, f"{path}/Year"), find(element, f"{path}/Month"), find(element, f"{path}/Day"))
