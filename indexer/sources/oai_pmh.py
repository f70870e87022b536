"""Responses of OAI-PMH 2.0 (https://www.openarchives.org/OAI/openarchivesprotocol.html) with records in Dublin Core or
in arXiv's formats ``arXiv``, ``arXivRaw`` and ``arXivOld`` (https://info.arxiv.org/help/oa/index.html)."""

import re
from collections.abc import Callable, Iterator
from functools import cache, partial

from lxml import etree

from indexer.sources.arxiv_authors import split_authors
from indexer.sources.dates import find_date
from indexer.sources.file import SourceFile
from indexer.sources.limits import DeletedRecord, MalformedRecord
from indexer.sources.record import Draft, select_non_empty
from indexer.sources.xml import find_all, find_text, inner_text, local_name, read_elements, root_name
from search.errors import SourceError
from search.papers.categories import ARCHIVES, CATEGORIES, find_category_name
from search.papers.folding import normalize_whitespace, put_given_name_first
from search.papers.json import Json
from search.papers.latex import decode_accents
from search.papers.paper import Paper

_COMMENT = "Comment: "
"""What a ``dc:description`` of arXiv starts with if it is not the abstract."""
_NAMESPACES = ("http://www.openarchives.org/OAI/2.0/", "http://arxiv.org/OAI/")


def sniff(head: str) -> bool:
    """Whether the file is a response, or a list of its records."""
    return root_name(head) in ("OAI-PMH", "ListRecords", "GetRecord", "record", "records") and any(
        name in head for name in _NAMESPACES
    )


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order; a deleted record, and an error that the repository reports, is an error."""
    return read_elements(file, partial(_parse_paper, file=file), "record", "error")


def _parse_paper(record: etree._Element, file: SourceFile) -> Paper:
    if local_name(record) == "error":
        raise MalformedRecord(
            f'the repository answered "{record.get("code")}: {normalize_whitespace(inner_text(record))}"'
        )
    file.identifier = identifier = find_text(record, "header/identifier").strip()
    if any(header.get("status") == "deleted" for header in find_all(record, "header")):
        raise DeletedRecord(f"{identifier}: the repository has deleted the record")
    for metadata in find_all(record, "metadata"):
        for element in metadata.iterchildren(tag=etree.Element):
            parse = _PARSERS.get(local_name(element))
            if parse:
                return parse(element, Draft(file.source, ids=[identifier.removeprefix("oai:arXiv.org:")])).to_paper()
            raise MalformedRecord(
                f"metadata: {local_name(element)} is not read; choose the metadata prefix arXiv or oai_dc"
            )
    raise MalformedRecord(f"{identifier}: the record has no metadata; harvest it with ListRecords or GetRecord")


def _fill_from_arxiv(element: etree._Element, draft: Draft) -> Draft:
    """Fills in what the three formats of arXiv share, and the history of arXivRaw."""
    versions = find_all(element, "version")
    dates = [find_date(find_text(version, "date")) for version in versions]
    extra = {
        "comment": find_text(element, "comments"),
        "journal": find_text(element, "journal-ref"),
        "license": find_text(element, "license"),
    }
    draft.ids = [find_text(element, "id"), *find_text(element, "doi").split()]
    draft.title, draft.abstract = find_text(element, "title"), find_text(element, "abstract")
    draft.authors = [_author_name(author) for author in find_all(element, "authors/author")] or split_authors(
        decode_accents(find_text(element, "authors"))
    )
    draft.categories = find_text(element, "categories").split()
    draft.published = dates[0] if dates else find_date(find_text(element, "created"))
    draft.updated = dates[-1] if dates else find_date(find_text(element, "updated"))
    draft.version = len(versions) or None
    draft.retraction = "withdrawn" if versions and _is_withdrawn(versions[-1]) else None
    draft.extra = select_non_empty(extra, extra)
    return draft


def _is_withdrawn(version: etree._Element) -> bool:
    """Whether a version withdraws the paper (``_process_source_format`` of https://github.com/arXiv/oaipmh)."""
    return "I" in find_text(version, "source_type")


def _author_name(author: etree._Element) -> str:
    return " ".join(find_text(author, part) for part in ("forenames", "keyname", "suffix"))


def _fill_from_dublin_core(element: etree._Element, draft: Draft) -> Draft:
    """Fills in the elements of https://www.dublincore.org/specifications/dublin-core/dces/, as arXiv and others use
    them: the first description is the abstract, the last date that of the last change."""
    descriptions = _list_texts(element, "description")
    comments = [each.removeprefix(_COMMENT) for each in descriptions if each.startswith(_COMMENT)]
    abstracts = [each for each in descriptions if not each.startswith(_COMMENT)]
    identifiers = [*_list_texts(element, "identifier"), *_list_texts(element, "relation")]
    subjects = _list_texts(element, "subject")
    dates = [found for each in _list_texts(element, "date") if (found := find_date(each))]
    keywords: list[Json] = [each for each in subjects if each not in _subject_codes()]
    extra: dict[str, Json] = {
        "comment": " ".join(comments),
        "journal": next(iter(_list_texts(element, "source")), ""),
        "keywords": keywords,
    }
    draft.ids = [*_list_texts(element, "identifier"), *draft.ids]
    draft.title, draft.abstract = next(iter(_list_texts(element, "title")), ""), next(iter(abstracts), "")
    draft.authors = [put_given_name_first(name) for name in _list_texts(element, "creator")]
    draft.categories = [_subject_codes().get(each, "") for each in subjects]
    draft.published, draft.updated = (min(dates), max(dates)) if dates else (None, None)
    draft.url = next((each for each in identifiers if re.match(r"https?://", each)), None)
    draft.extra = select_non_empty(extra, extra)
    return draft


_PARSERS: dict[str, Callable[[etree._Element, Draft], Draft]] = {
    "arXiv": _fill_from_arxiv,
    "arXivRaw": _fill_from_arxiv,
    "arXivOld": _fill_from_arxiv,
    "dc": _fill_from_dublin_core,
}
"""The function for each format, by the local name of its element."""


def _list_texts(element: etree._Element, name: str) -> list[str]:
    texts = (normalize_whitespace(inner_text(each)) for each in find_all(element, name))
    return [text for text in texts if text]


@cache
def _subject_codes() -> dict[str, str]:
    """The code of each category by the text that arXiv has as a subject, as in ``Mathematics - Combinatorics``."""
    archives = {str(find_category_name(code)): code for code in ARCHIVES}
    return archives | {
        f"{find_category_name(code.partition('.')[0])} - {find_category_name(code)}": code for code in CATEGORIES
    }
