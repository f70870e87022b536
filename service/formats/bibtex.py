"""BibTeX, written by bibtexparser.

Text is escaped so that LaTeX prints it unchanged and ``indexer.sources.bibtex`` reads it back; mathematics is kept
if its commands only print.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from search.papers.json import replace_surrogates
from search.papers.paper import Paper
from search.query.page import Page
from service.formats import RenderOptions
from service.formats.citation import citation_keys
from service.formats.extra_fields import Extra
from service.formats.latex_math import is_harmless
from service.formats.person import Person

if TYPE_CHECKING:
    from bibtexparser.model import Entry

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MATH = re.compile(r"(?<!\\)\$(?P<dollars>[^$]+)(?<!\\)\$|(?<!\\)\\\((?P<parentheses>[^$]*?)\\\)")
_SPECIAL_CHARACTERS = re.compile(r"[\\{}&%$#_~^]|-(?=-)|`(?=`)|'(?=')")
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\~{}", "^": r"\^{}", "-": "-{}", "`": "`{}", "'": "'{}",
}  # fmt: skip
_UNBALANCED_ESCAPES = {**_ESCAPES, "{": r"\textbraceleft{}", "}": r"\textbraceright{}"}
"""Escapes for texts with unbalanced braces, since BibTeX counts escaped braces as well."""
_INNER_CAPITAL_WORD = re.compile(r"\S+[A-Z][^\s{}]*")
"""Words with a capital after the first letter, which styles that lower-case titles must not change."""
_VERBATIM_DOI = re.compile(r"[^\\{}^%$\s]+")
"""DOIs without characters that LaTeX would act on; others are in ``paperids`` alone."""
_URL_ESCAPES = str.maketrans({character: quote(character) for character in "\\{}^"})
"""Characters that URLs may not contain, with which a text could start a LaTeX command."""


def render_page(page: Page, _options: RenderOptions) -> bytes:
    """One entry per hit."""
    return serialize([hit.paper for hit in page.hits])


def render_paper(paper: Paper, _options: RenderOptions) -> bytes:
    """One entry."""
    return serialize([paper])


def serialize(papers: Sequence[Paper]) -> bytes:
    """Serializes papers as entries, in this order."""
    from bibtexparser.entrypoint import write_string
    from bibtexparser.library import Library
    from bibtexparser.writer import BibtexFormat

    layout = BibtexFormat()  # type: ignore[no-untyped-call]
    layout.indent = "  "
    layout.block_separator = "\n"
    library = Library([_entry(paper, key) for paper, key in zip(papers, citation_keys(papers), strict=True)])
    return replace_surrogates(write_string(library, unparse_stack=[], bibtex_format=layout)).encode()


def _entry(paper: Paper, key: str) -> "Entry":
    from bibtexparser.model import Entry, Field

    fields = [Field(name, value) for name, value in _fields(paper) if value not in ("", "{}")]
    return Entry(_entry_type(paper), key, fields)


def _entry_type(paper: Paper) -> str:
    if any(each.startswith("acl:") for each in paper.ids):
        return "inproceedings"
    return "article" if paper.extra.get("journal") else "misc"


def _fields(paper: Paper) -> Iterator[tuple[str, str]]:
    """Yields the names and enclosed values of an entry; empty values are to be dropped."""
    extra, date = Extra.of(paper), paper.published
    yield "title", f"{{{_escape_title(paper.title or '')}}}"
    yield "author", f"{{{_format_authors(paper)}}}"
    yield "year", f"{{{date.year:04}}}" if date else ""
    yield "month", _MONTHS[date.month - 1] if date and date.month else ""
    yield "day", f"{{{date.day}}}" if date and date.day else ""
    yield (
        "booktitle" if _entry_type(paper) == "inproceedings" else "journal",
        f"{{{escape_latex(extra.texts['journal'])}}}",
    )
    yield "pages", f"{{{escape_latex(extra.texts['pages'])}}}"
    yield from _identifiers(paper)
    yield "url", f"{{{(paper.link or '').translate(_URL_ESCAPES)}}}"
    yield "abstract", f"{{{escape_latex(paper.abstract or '')}}}"
    yield "keywords", f"{{{escape_latex(', '.join(extra.keywords))}}}"
    yield "comment", f"{{{escape_latex(extra.texts['comment'])}}}"
    yield "version", f"{{{paper.version or ''}}}"
    yield "pubstate", f"{{{paper.retraction or ''}}}"
    yield "updated", f"{{{paper.updated or ''}}}"
    yield "categories", f"{{{escape_latex(' '.join(paper.categories))}}}"
    yield "paperids", f"{{{escape_latex(' '.join(paper.ids))}}}"
    yield "extra", f"{{{escape_latex(extra.rest_json, keep_math=False)}}}"


def _identifiers(paper: Paper) -> Iterator[tuple[str, str]]:
    by_scheme: dict[str, str] = {}
    for each in reversed(paper.ids):
        scheme, _, rest = each.partition(":")
        by_scheme[scheme] = rest
    if "arxiv" in by_scheme:
        yield "eprint", f"{{{escape_latex(by_scheme['arxiv'], keep_math=False)}}}"
        yield "archiveprefix", "{arXiv}"
        yield "primaryclass", f"{{{escape_latex(next(iter(paper.categories), ''))}}}"
    if _VERBATIM_DOI.fullmatch(by_scheme.get("doi", "")):
        yield "doi", f"{{{by_scheme['doi']}}}"
    yield "pmid", f"{{{escape_latex(by_scheme.get('pmid', ''), keep_math=False)}}}"


def _format_authors(paper: Paper) -> str:
    people = [_format_person(Person.parse(name)) for name in paper.authors]
    return " and ".join([*(each for each in people if each), *(["others"] if paper.authors_partial else [])])


def _format_person(person: Person) -> str:
    if person.family:
        name = person.inverted
        # an unpaired dollar sign does not delimit math, nor do two in parts of the name that change places
        escaped = escape_latex(name, keep_math=all(part.count("$") % 2 == 0 for part in name.split(",")))
        return re.sub(r"(^|\s)(?=\\)", r"\1{}", escaped)  # bibtexparser drops an escaped character there
    return f"{{{escape_latex(person.name)}}}" if person.name else ""


def _escape_title(title: str) -> str:
    return escape_latex(title, protect_capitals=True)


def escape_latex(text: str, *, keep_math: bool = True, protect_capitals: bool = False) -> str:
    """Converts a text to LaTeX that prints it.

    Args:
        text: plain text, in which mathematics may be LaTeX.
        keep_math: whether to leave mathematics unescaped if it is harmless.
        protect_capitals: whether to enclose words with inner capitals in braces.
    """
    escapes = _ESCAPES if _has_balanced_braces(text) else _UNBALANCED_ESCAPES
    parts, end = list[str](), 0
    for match in _MATH.finditer(text) if keep_math else ():
        if is_harmless(match["dollars"] or match["parentheses"] or "") and _has_balanced_braces(match[0]):
            parts += [_escape_plain(text[end : match.start()], escapes, protect_capitals=protect_capitals), match[0]]
            end = match.end()
    return "".join([*parts, _escape_plain(text[end:], escapes, protect_capitals=protect_capitals)])


def _escape_plain(text: str, escapes: dict[str, str], *, protect_capitals: bool) -> str:
    if protect_capitals:
        words = re.split(r"(\s+)", text)
        return "".join(_escape_word(word, escapes) for word in words)
    return _SPECIAL_CHARACTERS.sub(lambda match: escapes[match[0]], text)


def _escape_word(word: str, escapes: dict[str, str]) -> str:
    plain = _SPECIAL_CHARACTERS.sub(lambda match: escapes[match[0]], word)
    return f"{{{plain}}}" if _INNER_CAPITAL_WORD.fullmatch(word) and not {"{", "}"} & set(word) else plain


def _has_balanced_braces(text: str) -> bool:
    """Whether braces are balanced, both with and without the escaped ones."""
    return _is_balanced(text) and _is_balanced(re.sub(r"\\[{}]", "", text)) if "{" in text or "}" in text else True


def _is_balanced(text: str) -> bool:
    depth = 0
    for brace in re.findall("[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0
