"""EndNote's XML export (RSXML.dtd, which comes with EndNote), as written by EndNote, Mendeley, Zotero and others."""

import re
from collections.abc import Iterator
from functools import partial

from lxml import etree

from indexer.sources.dates import find_date
from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, select_non_empty
from indexer.sources.xml import find_all, find_text, inner_text, read_elements, root_name
from search.errors import SourceError
from search.papers.date import Date
from search.papers.folding import normalize_whitespace, put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper

_PUBMED = re.compile(r"pubmed|medline|nlm", re.IGNORECASE)
"""Names of databases whose accession numbers are PubMed IDs."""


def sniff(head: str) -> bool:
    """Whether the file has records of EndNote."""
    return root_name(head) in ("xml", "records", "record") and ("<ref-type" in head or "<titles>" in head)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order."""
    return read_elements(file, partial(_parse_paper, source=file.source), "record")


def _parse_paper(record: etree._Element, source: str) -> Paper:
    urls = [inner_text(each).strip() for each in find_all(record, "urls/related-urls/url")]
    urls = [url for url in urls if re.match(r"https?://|www\.", url)]  # others are for EndNote, as in <Go to ISI>
    accession = find_text(record, "accession-num").strip()
    if accession.isdigit() and _PUBMED.search(find_text(record, "remote-database-name")):
        accession = f"pmid:{accession}"
    keywords: list[Json] = [normalize_whitespace(inner_text(each)) for each in find_all(record, "keywords/keyword")]
    editors: list[Json] = [*_names(record, "secondary-authors"), *_names(record, "tertiary-authors")]
    extra: dict[str, Json] = {
        "journal": _text(record, "titles/secondary-title") or _text(record, "periodical/full-title"),
        "volume": _text(record, "volume"),
        "issue": _text(record, "number") or _text(record, "issue"),
        "pages": _text(record, "pages"),
        "publisher": _text(record, "publisher"),
        "keywords": keywords,
        "comment": _text(record, "notes"),
        "editors": editors,
    }
    return Draft(
        source,
        ids=[_text(record, "electronic-resource-num"), accession],
        title=find_text(record, "titles/title"),
        abstract=find_text(record, "abstract"),
        authors=_names(record, "authors"),
        published=parse_dates(_text(record, "dates/year"), _text(record, "dates/pub-dates/date")),
        url=next(iter(urls), None),
        links=urls,
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _text(record: etree._Element, path: str) -> str:
    return normalize_whitespace(find_text(record, path))


def _names(record: etree._Element, group: str) -> list[str]:
    """The names in a group of contributors; a comma at the end of a name marks an organization."""
    names = (normalize_whitespace(inner_text(each)) for each in find_all(record, f"contributors/{group}/author"))
    return [put_given_name_first(name.rstrip(",")) for name in names if name]


def parse_dates(year: str, date: str) -> Date | None:
    """The date of a year and a text such as ``Jan``, ``May 14`` or ``14 May``, which may have a year as well."""
    found = find_date(date)
    return found if found and found.month else find_date(f"{date} {year}") or find_date(year)
