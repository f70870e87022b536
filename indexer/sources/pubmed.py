"""PubMed XML (https://dtd.nlm.nih.gov/ncbi/pubmed/out/); inline markup is reduced to its text."""

from collections.abc import Iterator

from lxml import etree

from indexer.sources.dates import date_from_parts, find_date
from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, select_non_empty
from indexer.sources.xml import find_all, find_text, inner_text, local_name, read_elements
from search.errors import SourceError
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether the file is an export of PubMed."""
    return "<PubmedArticle" in head or "<PubmedBookArticle" in head


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the articles, books and chapters in order."""

    def parse(element: etree._Element) -> Paper:
        is_article = local_name(element) == "PubmedArticle"
        return (_parse_paper if is_article else _parse_book)(element, file)

    return read_elements(file, parse, "PubmedBookArticle", "PubmedArticle")


def _parse_paper(element: etree._Element, file: SourceFile) -> Paper:
    file.identifier = find_text(element, "MedlineCitation/PMID")
    ids = [f"{kind}:{inner_text(each)}" for each in find_all(element, "PubmedData/ArticleIdList/ArticleId")
           if (kind := _SCHEMES.get(str(each.get("IdType"))))]  # fmt: skip
    article = "MedlineCitation/Article"
    ids += [inner_text(each) for each in find_all(element, f"{article}/ELocationID") if each.get("EIdType") == "doi"]
    keywords: list[Json] = [
        inner_text(each).strip() for each in find_all(element, "MedlineCitation/KeywordList/Keyword")
    ]
    extra: dict[str, Json] = {
        "journal": find_text(element, f"{article}/Journal/Title"),
        "keywords": keywords,
        "volume": find_text(element, f"{article}/Journal/JournalIssue/Volume"),
        "issue": find_text(element, f"{article}/Journal/JournalIssue/Issue"),
        "pages": find_text(element, f"{article}/Pagination/MedlinePgn"),
        "retracted": _is_retracted(element),
        "retraction_of": [f"pmid:{pmid}" for pmid in _corrected_pmids(element, "RetractionOf")],
    }
    authors = find_all(element, f"{article}/AuthorList")
    return Draft(
        file.source,
        ids=[f"pmid:{file.identifier}", *ids],
        title=_title(element, article),
        abstract=_abstract(element, f"{article}/Abstract") or _abstract(element, "MedlineCitation/OtherAbstract"),
        authors=[_author_name(each) for each in find_all(element, f"{article}/AuthorList/Author")],
        authors_partial=any(each.get("CompleteYN") == "N" for each in authors),
        published=_publication_date(element, article),
        updated=_find_date(element, "MedlineCitation/DateRevised"),
        extra=select_non_empty(extra, extra),
    ).to_paper()


_SCHEMES = {"pubmed": "pmid", "doi": "doi", "pmc": "pmc"}


def _is_retracted(element: etree._Element) -> bool:
    types = find_all(element, "MedlineCitation/Article/PublicationTypeList/PublicationType")
    notices = find_all(element, f"{_CORRECTIONS}[@RefType='RetractionIn']")
    return bool(notices) or any(inner_text(each).strip() == "Retracted Publication" for each in types)


def _corrected_pmids(element: etree._Element, kind: str) -> Iterator[str]:
    """Yields the PubMed IDs of the papers that this one corrects, comments or retracts."""
    for each in find_all(element, f"{_CORRECTIONS}[@RefType='{kind}']"):
        if pmid := find_text(each, "PMID"):
            yield pmid


_CORRECTIONS = "MedlineCitation/CommentsCorrectionsList/CommentsCorrections"


def _title(element: etree._Element, article: str) -> str:
    """The title, else the one in the language of the paper."""
    title = find_text(element, f"{article}/ArticleTitle").strip()
    is_missing = not title or title.strip("[].").lower() == "not available"
    return (find_text(element, f"{article}/VernacularTitle") if is_missing else "") or title


def _abstract(element: etree._Element, path: str) -> str:
    """The first abstract at a path; others are translations."""
    first = next(iter(find_all(element, path)), None)
    return " ".join(_section_text(each) for each in find_all(first, "AbstractText")) if first is not None else ""


def _section_text(element: etree._Element) -> str:
    label = element.get("Label")
    return f"{label}: {inner_text(element).strip()}" if label else inner_text(element)


def _author_name(author: etree._Element) -> str:
    parts = (
        find_text(author, "ForeName") or find_text(author, "Initials"),
        find_text(author, "LastName"),
        find_text(author, "Suffix"),
    )
    return " ".join(part for part in parts if part) or find_text(author, "CollectiveName")


def _publication_date(element: etree._Element, article: str) -> Date | None:
    """The date of online publication, else the date of the issue, which can be a year or "2018 Jan-Feb"."""
    issue = f"{article}/Journal/JournalIssue/PubDate"
    return (
        _find_date(element, f"{article}/ArticleDate")
        or _find_date(element, issue)
        or find_date(find_text(element, f"{issue}/MedlineDate"))
    )


def _find_date(element: etree._Element, path: str) -> Date | None:
    return date_from_parts(
        find_text(element, f"{path}/Year"), find_text(element, f"{path}/Month"), find_text(element, f"{path}/Day")
    )


def _parse_book(element: etree._Element, file: SourceFile) -> Paper:
    """Parses a book, or a chapter, whose book counts as its journal."""
    path = "BookDocument"
    file.identifier = find_text(element, f"{path}/PMID")
    title, book_title = find_text(element, f"{path}/ArticleTitle"), find_text(element, f"{path}/Book/BookTitle")
    lists = [*find_all(element, f"{path}/AuthorList"), *find_all(element, f"{path}/Book/AuthorList")]
    people = {str(each.get("Type")): [_author_name(one) for one in find_all(each, "Author")] for each in lists[::-1]}
    ids = [f"{kind}:{inner_text(each)}"
           for place in (f"{path}/ArticleIdList", "PubmedBookData/ArticleIdList")
           for each in find_all(element, f"{place}/ArticleId")
           if (kind := _SCHEMES.get(str(each.get("IdType"))))]  # fmt: skip
    keywords: list[Json] = [inner_text(each).strip() for each in find_all(element, f"{path}/KeywordList/Keyword")]
    editors: list[Json] = [*people.get("editors", [])]
    extra: dict[str, Json] = {"journal": book_title if title else "", "keywords": keywords, "editors": editors}
    return Draft(
        file.source,
        ids=[f"pmid:{file.identifier}", *ids],
        title=title or book_title,
        abstract=" ".join(_section_text(each) for each in find_all(element, f"{path}/Abstract/AbstractText")),
        authors=people.get("authors", []),
        published=_find_date(element, f"{path}/ContributionDate") or _find_date(element, f"{path}/Book/PubDate"),
        updated=_find_date(element, f"{path}/DateRevised"),
        extra=select_non_empty(extra, extra),
    ).to_paper()
