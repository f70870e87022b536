"""BibTeX, written by bibtexparser. Text is escaped so that LaTeX prints it as it is and ``indexer.sources.bibtex``
reads it back; mathematics stays what it is."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from search.papers.paper import Paper
from search.query.page import Page
from service.formats import Wanted
from service.formats.citation import keys
from service.formats.extra import Extra
from service.formats.person import Person
from service.formats.render import url_of

if TYPE_CHECKING:
    from bibtexparser.model import Entry

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MATH = re.compile(r"(?<!\\)\$[^$]+(?<!\\)\$|(?<!\\)\\\([^$]*?\\\)")
_SPECIAL = re.compile(r"[\\{}&%$#_~^]|-(?=-)|`(?=`)|'(?=')")
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\~{}", "^": r"\^{}", "-": "-{}", "`": "`{}", "'": "'{}",
}  # fmt: skip
_OPEN = {**_ESCAPES, "{": r"\textbraceleft{}", "}": r"\textbraceright{}"}
"""For texts whose braces do not pair, since BibTeX counts an escaped brace, too."""
_CAPITALS = re.compile(r"\S+[A-Z][^\s{}]*")
"""Words with a capital that is not their first letter: a style that writes titles small must leave them."""
_VERBATIM = re.compile(r"[^\\{}\s]+")


def page(answer: Page, _wanted: Wanted) -> bytes:
    """The papers of a page, an entry each."""
    return written([hit.paper for hit in answer.hits])


def paper(answer: Paper, _wanted: Wanted) -> bytes:
    """One entry."""
    return written([answer])


def written(papers: Sequence[Paper]) -> bytes:
    """Entries in the order given."""
    from bibtexparser.entrypoint import write_string
    from bibtexparser.library import Library
    from bibtexparser.writer import BibtexFormat

    form = BibtexFormat()  # type: ignore[no-untyped-call]
    form.indent, form.block_separator = "  ", "\n"
    library = Library([_entry(paper, key) for paper, key in zip(papers, keys(papers), strict=True)])
    return write_string(library, unparse_stack=[], bibtex_format=form).encode()


def _entry(paper: Paper, key: str) -> "Entry":
    from bibtexparser.model import Entry, Field

    fields = [Field(name, value) for name, value in _fields(paper) if value not in ("", "{}")]
    return Entry(_kind(paper), key, fields)


def _kind(paper: Paper) -> str:
    if any(each.startswith("acl:") for each in paper.ids):
        return "inproceedings"
    return "article" if paper.extra.get("journal") else "misc"


def _fields(paper: Paper) -> Iterator[tuple[str, str]]:
    """The names and values of an entry, enclosed; some are empty."""
    extra, date = Extra.of(paper.extra), paper.published
    yield "title", f"{{{_title(paper.title or '')}}}"
    yield "author", f"{{{_authors(paper)}}}"
    yield "year", f"{{{date.year:04}}}" if date else ""
    yield "month", _MONTHS[date.month - 1] if date and date.month else ""
    yield "day", f"{{{date.day}}}" if date and date.day else ""
    yield "booktitle" if _kind(paper) == "inproceedings" else "journal", f"{{{escaped(extra.texts['journal'])}}}"
    yield "pages", f"{{{escaped(extra.texts['pages'])}}}"
    yield from _identifiers(paper)
    yield "url", f"{{{_address(url_of(paper) or '')}}}"
    yield "abstract", f"{{{escaped(paper.abstract or '')}}}"
    yield "keywords", f"{{{escaped(', '.join(extra.keywords))}}}"
    yield "comment", f"{{{escaped(extra.texts['comment'])}}}"
    yield "version", f"{{{paper.version or ''}}}"
    yield "updated", f"{{{paper.updated or ''}}}"
    yield "categories", f"{{{escaped(' '.join(paper.categories))}}}"
    yield "paperids", f"{{{escaped(' '.join(paper.ids))}}}"
    yield "extra", f"{{{escaped(extra.written, math=False)}}}"


def _identifiers(paper: Paper) -> Iterator[tuple[str, str]]:
    held: dict[str, str] = {}
    for each in reversed(paper.ids):
        scheme, _, rest = each.partition(":")
        held[scheme] = rest
    if "arxiv" in held:
        yield "eprint", f"{{{held['arxiv']}}}"
        yield "archiveprefix", "{arXiv}"
        yield "primaryclass", f"{{{escaped(next(iter(paper.categories), ''))}}}"
    if _VERBATIM.fullmatch(held.get("doi", "")):
        yield "doi", f"{{{held['doi']}}}"
    yield "pmid", f"{{{held.get('pmid', '')}}}"


def _authors(paper: Paper) -> str:
    people = [_person(Person.of(name)) for name in paper.authors]
    return " and ".join([*(each for each in people if each), *(["others"] if paper.authors_partial else [])])


def _person(person: Person) -> str:
    if person.family:
        return re.sub(
            r"(^|\s)(?=\\)", r"\1{}", escaped(person.inverted)
        )  # bibtexparser loses a sign that is escaped there
    return f"{{{escaped(person.name)}}}" if person.name else ""


def _title(title: str) -> str:
    return escaped(title, capitals=True)


def _address(url: str) -> str:
    """BibTeX cannot hold a brace that does not pair, and an address needs none."""
    return url.replace("{", "%7B").replace("}", "%7D")


def escaped(text: str, *, math: bool = True, capitals: bool = False) -> str:
    """LaTeX that prints the text.

    Args:
        math: mathematics in it is LaTeX already and stays so. capitals: words that must keep theirs get braces.
    """
    signs = _ESCAPES if _pairs(text) else _OPEN
    parts, end = list[str](), 0
    for match in _MATH.finditer(text) if math else ():
        if _pairs(match[0]):
            parts += [_plain(text[end : match.start()], signs, capitals=capitals), match[0]]
            end = match.end()
    return "".join([*parts, _plain(text[end:], signs, capitals=capitals)])


def _plain(text: str, signs: dict[str, str], *, capitals: bool) -> str:
    if capitals:
        words = re.split(r"(\s+)", text)
        return "".join(_kept(word, signs) for word in words)
    return _SPECIAL.sub(lambda match: signs[match[0]], text)


def _kept(word: str, signs: dict[str, str]) -> str:
    plain = _SPECIAL.sub(lambda match: signs[match[0]], word)
    return f"{{{plain}}}" if _CAPITALS.fullmatch(word) and not {"{", "}"} & set(word) else plain


def _pairs(text: str) -> bool:
    """Whether braces pair, both with those that are escaped and without."""
    return _paired(text) and _paired(re.sub(r"\\[{}]", "", text)) if "{" in text or "}" in text else True


def _paired(text: str) -> bool:
    depth = 0
    for brace in re.findall("[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0
