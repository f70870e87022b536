"""BibTeX and BibLaTeX, read by bibtexparser; LaTeX in fields becomes the text it stands for."""

import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from indexer.sources.file import SourceFile
from indexer.sources.record import (
    Draft,
    MalformedRecord,
    date_from_parts,
    parse_extra,
    parse_positive_int,
    select_non_empty,
)
from search.errors import SourceError
from search.papers.folding import normalize_whitespace, put_given_name_first
from search.papers.paper import Date, Json, Paper

if TYPE_CHECKING:
    from bibtexparser.model import Entry
    from pylatexenc.latex2text import LatexNodes2Text

_ENTRY_START = re.compile(r"^\s*@(?!comment|string|preamble)\w+\s*[{(]", re.IGNORECASE | re.MULTILINE)
_LATEX_SYMBOLS = {
    r"\~{}": "~", r"\^{}": "^", r"\textbraceleft{}": "{", r"\textbraceright{}": "}", "~": " ",
    "``": "\u201c", "''": "\u201d", "---": "\u2014", "--": "\u2013",
}  # fmt: skip
_LATEX = re.compile(
    r"""(?P<math>\$[^$]*\$|\\\(.*?\\\))          # mathematics
    |\\['"`^~=.]\s*(?:\{\\?[^\W\d_]*\}|\\?[^\W\d_])  # an accent over a letter
    |\\[cvuHkrbdt](?:\{\\?[^\W\d_]*\}|\s+[^\W\d_])  # an accent whose name is a letter
    |\\(?:[ijlLoO]|ss|ae|AE|oe|OE|aa|AA)(?:\{\}|\s+|(?![A-Za-z]))  # a letter of its own; it takes the space after it
    |\\[A-Za-z]+\*?(?:\{[^{}]*\})*                 # a command and its arguments
    |\\[^A-Za-z]                                   # an escaped character
    |[{}~]|``|''|---?""",
    re.VERBOSE | re.DOTALL,
)
_BRACED = re.compile(r"\{(?:\\.|[^{}\\]|\{\})*\}")
"""One pair of braces around all of it."""


def sniff(head: str) -> bool:
    """Whether a file has a line that starts an entry."""
    return bool(_ENTRY_START.search(head))


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """The entries in order; one that is not closed ends where the next one starts."""
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.model import DuplicateBlockKeyBlock, Entry, ParsingFailedBlock

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # what it would log, the SourceErrors say
    for block in parse_string(file.text(), parse_stack=[]).blocks:
        entry = block.ignore_error_block if isinstance(block, DuplicateBlockKeyBlock) else block
        line = (block.start_line or 0) + 1
        if isinstance(entry, Entry):
            try:
                yield _parse_paper(entry, file.source)
            except MalformedRecord as error:
                yield SourceError(file.path, line, f"{entry.key}: {error}")
        elif isinstance(block, ParsingFailedBlock):
            yield SourceError(file.path, line, f"not a BibTeX entry: {' '.join(str(block.error).split())[:200]}")


def _parse_paper(entry: "Entry", source: str) -> Paper:
    from bibtexparser.middlewares.names import split_multiple_persons_names

    fields = {name.lower(): _strip_delimiters(str(field.value)) for name, field in entry.fields_dict.items()}
    get = fields.get
    people = split_multiple_persons_names(get("author", ""))
    words = re.split("[,;]", _decode_latex(get("keywords", "")))
    keywords: list[Json] = [word.strip() for word in words if word.strip(" /")]
    journal = _decode_latex(get("journal") or get("journaltitle") or get("booktitle") or "")
    told: dict[str, Json] = {"journal": journal, "keywords": keywords}
    told |= {name: normalize_whitespace(_decode_latex(get(name, ""))) for name in ("comment", "pages")}
    return Draft(
        source,
        ids=_decode_latex(get("paperids", "")).split() or _extract_ids(fields),
        title=_decode_latex(get("title", "")),
        abstract=_decode_latex(get("abstract", "")),
        authors=[_author_name(person) for person in people if person.strip().lower() != "others"],
        authors_partial=any(person.strip().lower() == "others" for person in people),
        published=_publication_date(fields),
        updated=date_from_parts(*get("updated", "").split("-")[:3]),
        categories=_decode_latex(get("categories") or get("primaryclass") or get("eprintclass") or "").split(),
        url=get("url"),
        version=parse_positive_int(get("version")),
        extra={**select_non_empty(told, told), **parse_extra(_decode_latex(get("extra", "")))},
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
        return _decode_latex(person)  # a collaboration: what looks like parts of a name is none
    return put_given_name_first(_decode_latex(person))


def _decode_latex(text: str) -> str:
    """The text that LaTeX stands for: accents and commands decoded, braces dropped, mathematics left as it is."""
    return _LATEX.sub(lambda match: match["math"] or _LATEX_SYMBOLS.get(match[0]) or _decode_command(match[0]), text)


@lru_cache(maxsize=4_096)
def _decode_command(latex: str) -> str:
    """One command with its arguments; whole abstracts take the decoder too long."""
    return "" if latex in "{}" else str(_latex_decoder().latex_to_text(latex))


@lru_cache(maxsize=1)
def _latex_decoder() -> "LatexNodes2Text":
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(math_mode="verbatim", strict_latex_spaces=True)


def _strip_delimiters(value: str) -> str:
    """The value without the braces or quotes around it."""
    value = value.strip()
    return value[1:-1] if value[:1] + value[-1:] in ("{}", '""') else value
