"""BibTeX and BibLaTeX, parsed by bibtexparser; LaTeX in fields is converted to plain text."""

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from indexer.sources.file import SourceFile
from indexer.sources.json import parse_extra
from indexer.sources.limits import MalformedRecord, check_record_size
from indexer.sources.record import (
    Draft,
    date_from_parts,
    parse_positive_int,
    select_non_empty,
)
from search.errors import SourceError
from search.papers.date import Date
from search.papers.folding import normalize_whitespace, put_given_name_first
from search.papers.json import Json
from search.papers.latex import latex_to_text
from search.papers.paper import Paper

if TYPE_CHECKING:
    from bibtexparser.model import Entry

_BLOCK_START = re.compile(r"\s*@\w*[ \t]*[{(]")
"""The start of a block; an entry that is not closed ends there."""
_ENTRY_START = re.compile(r"^[ \t]*@(?!comment|string|preamble)\w+\s*[{(]", re.IGNORECASE | re.MULTILINE)
_BRACED = re.compile(r"\{(?:\\.|[^{}\\]|\{\})*\}")
"""A text enclosed in one pair of braces."""


def sniff(head: str) -> bool:
    """Whether a line starts an entry."""
    return bool(_ENTRY_START.search(head))


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the entries in order; an entry that is not closed ends where the next one starts."""
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # the SourceErrors report the same
    for number, lines in file.records(_BLOCK_START.match):
        try:
            check_record_size(sum(map(len, lines)))
        except MalformedRecord as error:
            yield SourceError(file.path, number, str(error))
        else:
            yield from _parse_blocks("".join(lines), number, file)


def _parse_blocks(text: str, number: int, file: SourceFile) -> Iterator[Paper | SourceError]:
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.model import Entry, ParsingFailedBlock

    for block in parse_string(text, parse_stack=[]).blocks:
        line = number + (block.start_line or 0)
        if isinstance(block, Entry):
            try:
                yield _parse_paper(block, file.source)
            except MalformedRecord as error:
                yield SourceError(file.path, line, f"{block.key}: {error}")
        elif isinstance(block, ParsingFailedBlock):
            yield SourceError(file.path, line, f"not a BibTeX entry: {' '.join(str(block.error).split())[:200]}")


def _parse_paper(entry: "Entry", source: str) -> Paper:
    from bibtexparser.middlewares.names import split_multiple_persons_names

    fields = {name.lower(): _strip_delimiters(str(field.value)) for name, field in entry.fields_dict.items()}
    get = fields.get
    authors = split_multiple_persons_names(get("author", ""))
    keywords: list[Json] = [
        keyword.strip() for keyword in re.split("[,;]", latex_to_text(get("keywords", ""))) if keyword.strip(" /")
    ]
    journal = latex_to_text(get("journal") or get("journaltitle") or get("booktitle") or "")
    extra: dict[str, Json] = {"journal": journal, "keywords": keywords}
    extra |= {name: normalize_whitespace(latex_to_text(get(name, ""))) for name in ("comment", "pages")}
    return Draft(
        source,
        ids=latex_to_text(get("paperids", "")).split() or _extract_ids(fields),
        title=latex_to_text(get("title", "")),
        abstract=latex_to_text(get("abstract", "")),
        authors=[_author_name(person) for person in authors if person.strip().lower() != "others"],
        authors_partial=any(person.strip().lower() == "others" for person in authors),
        published=_publication_date(fields),
        updated=date_from_parts(*get("updated", "").split("-")[:3]),
        categories=latex_to_text(get("categories") or get("primaryclass") or get("eprintclass") or "").split(),
        url=get("url"),
        version=parse_positive_int(get("version")),
        retraction=get("pubstate"),
        extra={**select_non_empty(extra, extra), **parse_extra(latex_to_text(get("extra", "")))},
    ).to_paper()


def _extract_ids(fields: dict[str, str]) -> list[str]:
    archive = (fields.get("archiveprefix") or fields.get("eprinttype") or "").lower()
    eprint = fields.get("eprint", "").strip()
    found = [fields.get("doi", ""), fields.get("url", "") if "arxiv.org/" in fields.get("url", "") else ""]
    if archive == "pubmed" or fields.get("pmid"):
        found.append("pmid:" + (fields.get("pmid") or eprint))
    elif eprint and archive in ("arxiv", ""):
        found.append(eprint)
    return [text.strip() for text in found if text.strip()]


def _publication_date(fields: dict[str, str]) -> Date | None:
    parts = re.split(r"[-/T]", fields.get("date", "").partition("/")[0])
    if parts != [""]:
        return date_from_parts(*parts[:3])
    return date_from_parts(fields.get("year"), fields.get("month"), fields.get("day"))


def _author_name(person: str) -> str:
    person = " ".join(person.split())
    if _BRACED.fullmatch(person):
        return latex_to_text(person)  # a collaboration: it has no parts
    return put_given_name_first(latex_to_text(person))


def _strip_delimiters(value: str) -> str:
    """The value without the braces or quotes around it."""
    value = value.strip()
    return value[1:-1] if value[:1] + value[-1:] in ("{}", '""') else value
