"""Draft: converts the fields of a record to a Paper, by the same rules for all formats."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from indexer.sources.limits import MalformedRecord
from indexer.sources.markup import markup_to_text
from indexer.sources.placeholders import is_placeholder
from search.papers import identifiers
from search.papers.character_references import decode_references
from search.papers.date import Date
from search.papers.evidence import says_there_is_no_abstract
from search.papers.folding import is_plain, normalize_whitespace
from search.papers.json import Json
from search.papers.latex import decode_commands
from search.papers.paper import Paper
from search.papers.retraction import find_retraction, parse_retraction

MAX_TITLE_CHARACTERS = 2_000
"""Longer texts are not titles."""
MAX_ABSTRACT_CHARACTERS = 100_000
"""Longer texts are not abstracts."""

MAX_REFERENCES = 5_000
"""References that are read; longer lists are bibliographies of whole books."""
_MAX_MARKUP_CHARACTERS = 10 * MAX_ABSTRACT_CHARACTERS
"""Longer texts are too long without their markup as well."""
_MAX_EXTRA_DEPTH = 30
"""Levels of lists and objects in ``extra``; JSON writers and readers of the index allow about 250."""

_TEXTS_AND_NUMBERS = frozenset((str, int, float, bool, type(None)))
_LINES = frozenset(("comment", "editors", "issue", "journal", "keywords", "pages", "publisher", "volume"))
"""Fields of ``extra`` that are a line, or a list of lines."""
_SPACED_HYPHEN = re.compile(r"(?<=\b\w\.) -(?=\w\.)")
"""The hyphen of ``C. -P. Yuan``, as arXiv and IEEE write C.-P. Yuan."""
_CATEGORY_CODE = re.compile(r"[a-z]+(-[a-z]+)?(\.[A-Za-z-]{2,})?", re.ASCII)


@dataclass(slots=True)
class Draft:
    """The fields of one record as its source has them, before validation.

    Attributes:
        source: Format and file name, as in ``bibtex:zotero.bib``.
        ids: IDs in any spelling; the first text that is not an ID is kept in ``extra`` as ``source_id``.
        title: The title; as in all texts, markup is removed and white space normalized.
        abstract: The abstract.
        authors: Names in order.
        authors_partial: Whether the source lists only some of the authors.
        published: The first date of publication.
        updated: The date of the last change.
        categories: arXiv category codes, the primary one first; other texts are dropped.
        url: The address of the paper. If it contains an ID, the record has this ID, unless it has another one of the
            same scheme.
        version: The arXiv version; None takes it from an ID.
        retraction: What our own exports say; other sources say it in the fields that ``find_retraction`` reads.
        extra: Other fields; empty values are dropped. ``citations``, if it is a whole number, is a field of the paper.
        links: Further addresses, of which IDs are taken like from ``url``.
        references: IDs of the cited papers in any spelling; other texts are dropped.
    """

    source: str
    ids: list[str] = field(default_factory=list)
    title: str | None = None
    abstract: str | None = None
    authors: list[str] = field(default_factory=list)
    authors_partial: bool = False
    published: Date | None = None
    updated: Date | None = None
    categories: list[str] = field(default_factory=list)
    url: str | None = None
    version: int | None = None
    retraction: str | None = None
    extra: dict[str, Json] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)

    def to_paper(self) -> Paper:
        """Validates and normalizes the record.

        Raises:
            MalformedRecord: It has neither title nor abstract, one of them is too long, or ``extra`` is too deep.
        """
        is_decoded = self.source.startswith("bibtex:")
        title, abstract = _plain_text(self.title, is_decoded), _plain_text(self.abstract, is_decoded)
        if title and says_there_is_no_abstract(abstract):
            abstract = ""
        if not (title or abstract):
            raise MalformedRecord("neither title nor abstract; a paper needs one of them")
        if len(title) > MAX_TITLE_CHARACTERS:
            raise MalformedRecord(
                f"the title has {len(title):,} characters; at most {MAX_TITLE_CHARACTERS:,} are allowed"
            )
        if len(abstract) > MAX_ABSTRACT_CHARACTERS:
            raise MalformedRecord(
                f"the abstract has {len(abstract):,} characters; at most {MAX_ABSTRACT_CHARACTERS:,} are allowed"
            )
        if _is_deeper(self.extra, _MAX_EXTRA_DEPTH):
            raise MalformedRecord(f"extra: nested deeper than {_MAX_EXTRA_DEPTH} levels, the most allowed")
        ids, version = self._parse_ids()
        citations = parse_count(self.extra.get("citations"))
        return Paper(
            ids=ids,
            title=title or None,
            abstract=abstract or None,
            authors=tuple([name for author in self.authors if (name := _author_name(author, is_decoded))]),
            authors_partial=self.authors_partial,
            published=self.published,
            updated=self.updated,
            categories=tuple(dict.fromkeys(code for code in self.categories if _CATEGORY_CODE.fullmatch(code))),
            url=_drop_placeholder(normalize_whitespace(decode_references(self.url or ""))) or None,
            version=self.version or version,
            retraction=parse_retraction(self.retraction) or find_retraction(title, abstract, self.extra),
            citations=citations,
            references=_parse_references(self.references, ids),
            extra={
                name: value
                for name, found in sorted(self.extra.items())
                if (name != "citations" or citations is None)
                and (value := _clean(found, is_line=name in _LINES)) not in (None, "", [], {}, False)
            },
            sources=(self.source,),
        )

    def _parse_ids(self) -> tuple[tuple[str, ...], int | None]:
        versions: dict[str, int | None] = {}
        for text in self.ids:
            if not text or not _drop_placeholder(text.rpartition(":")[2].strip()):
                continue
            parsed = identifiers.parse(text)
            if parsed:
                versions[parsed.id] = versions.get(parsed.id) or parsed.version
            else:
                self.extra.setdefault("source_id", normalize_whitespace(text))
        for link in (self.url, *self.links):
            parsed = identifiers.parse(link) if link else None
            if parsed and (parsed.id in versions or not _has_scheme_of(parsed.id, versions)):
                versions[parsed.id] = versions.get(parsed.id) or parsed.version
        ids = tuple(sorted(versions, key=identifiers.preference_key))
        return ids, next((version for version in versions.values() if version), None)


def _has_scheme_of(paper_id: str, ids: Iterable[str]) -> bool:
    prefix = paper_id.partition(":")[0] + ":"
    return any(each.startswith(prefix) for each in ids)


def select_non_empty(fields: Mapping[str, Json], names: Iterable[str]) -> dict[str, Json]:
    """Selects the fields with these names that are not empty."""
    return {name: fields[name] for name in names if fields.get(name) not in (None, "", [], {})}


def add_subtitle(title: str, subtitle: str) -> str:
    """``Title: Subtitle``; a title that ends with punctuation, or has the subtitle already, gets no colon."""
    if not title or not subtitle or subtitle.lower() in title.lower():
        return title or subtitle
    return f"{title} {subtitle}" if title.endswith((":", "?", "!", ".", "–", "—")) else f"{title}: {subtitle}"


def parse_positive_int(value: Json) -> int | None:
    """Converts a whole number from 1, as a number or in digits; None for any other value."""
    text = str(value)
    return (int(text) or None) if text.isascii() and text.isdigit() and len(text) < 10 else None


def parse_count(value: Json) -> int | None:
    """Converts a whole number from 0, as a number or in digits; None for any other value."""
    text = str(value).replace(",", "").removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _parse_references(texts: Sequence[str], own_ids: Sequence[str]) -> tuple[str, ...]:
    """Returns the canonical IDs among texts, without those of the paper itself."""
    parsed = (identifiers.parse(text) for text in texts[:MAX_REFERENCES])
    return tuple(dict.fromkeys(each.id for each in parsed if each and each.id not in own_ids))


def _is_deeper(value: Json, levels: int) -> bool:
    """Whether a value has more levels of lists and objects than this."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if levels and _TEXTS_AND_NUMBERS.issuperset(map(type, inner)):
        return False
    return (levels == 0 and isinstance(value, dict | list)) or any(_is_deeper(each, levels - 1) for each in inner)


def _drop_placeholder(text: str) -> str:
    """The text, or an empty one if it only says that there is no value."""
    return "" if is_placeholder(text) else text


def _plain_text(text: str | None, is_decoded: bool) -> str:
    """The text without markup and, unless its reader has decoded LaTeX already, without commands of LaTeX; empty if it
    only says that there is no value.
    """
    if not text or len(text) > _MAX_MARKUP_CHARACTERS:
        return normalize_whitespace(text)
    if is_plain(text):
        return _drop_placeholder(text)
    text = markup_to_text(text)
    if not is_decoded and (decoded := decode_commands(text)) != text:
        text = markup_to_text(decoded)  # so that a second reading changes nothing
    return _drop_placeholder(normalize_whitespace(text))


@lru_cache(65_536)
def _author_name(text: str, is_decoded: bool) -> str:  # keywords would double the time of a lookup
    """A name as plain text; cached, since most authors have several papers."""
    name = _plain_text(text, is_decoded)
    return _SPACED_HYPHEN.sub("-", name) if " -" in name else name


def _clean(value: Json, *, is_line: bool = False) -> Json:
    """The value without the markup and the placeholders of a text or of the texts in a list.

    Args:
        value: The value.
        is_line: Whether the line breaks in a text are only those of its source.
    """
    if isinstance(value, list):
        found = [_clean(each, is_line=is_line) if isinstance(each, str) else each for each in value]
        return [each for each in found if each != ""]
    if not isinstance(value, str):
        return value
    if is_plain(value):
        return _drop_placeholder(value)
    text = _drop_placeholder(markup_to_text(value))
    return normalize_whitespace(text) if is_line else text
