"""MODS, the Metadata Object Description Schema (https://www.loc.gov/standards/mods/userguide/), as written by library
catalogues, bibutils and Zotero."""

from collections.abc import Iterator
from functools import partial

from lxml import etree

from indexer.sources.dates import find_date
from indexer.sources.file import SourceFile
from indexer.sources.record import Draft, add_subtitle, select_non_empty
from indexer.sources.xml import find_all, find_text, inner_text, read_elements, root_name
from search.errors import SourceError
from search.papers.date import Date
from search.papers.folding import normalize_whitespace, put_given_name_first
from search.papers.json import Json
from search.papers.paper import Paper

_AUTHOR_ROLES = frozenset(("", "author", "aut", "creator", "cre"))
"""Terms and codes of authors (https://www.loc.gov/marc/relators/); a name without a role counts as one."""
_EDITOR_ROLES = frozenset(("editor", "edt"))
_DATES = ("originInfo/dateIssued", "part/date", "originInfo/copyrightDate", "originInfo/dateCreated")
_SCHEMES = {"doi": "", "pmid": "pmid:", "pubmed": "pmid:", "arxiv": "arxiv:", "uri": ""}
"""Prefixes of identifiers by their type."""


def sniff(head: str) -> bool:
    """Whether the file has MODS records."""
    return root_name(head) in ("mods", "modsCollection")


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the records in order."""
    return read_elements(file, partial(_parse_paper, source=file.source), "mods")


def _parse_paper(record: etree._Element, source: str) -> Paper:
    host = next((each for each in find_all(record, "relatedItem") if each.get("type") == "host"), None)
    names = [(_role(each), _name(each)) for each in find_all(record, "name")]
    urls = [inner_text(each).strip() for each in find_all(record, "location/url")]
    keywords: list[Json] = [_clean(each) for each in find_all(record, "subject/topic")]
    editors: list[Json] = [name for role, name in names if role in _EDITOR_ROLES]
    places = [record, *([host] if host is not None else [])]
    extra: dict[str, Json] = {
        "journal": _title(host) if host is not None else "",
        "volume": next(filter(None, (_number(place, "volume") for place in places)), ""),
        "issue": next(filter(None, (_number(place, "issue", "number") for place in places)), ""),
        "pages": next(filter(None, map(_pages, places)), ""),
        "publisher": next((each for place in places if (each := find_text(place, "originInfo/publisher").strip())), ""),
        "keywords": keywords,
        "comment": " ".join(_clean(each) for each in find_all(record, "note")),
        "editors": editors,
    }
    return Draft(
        source,
        ids=[
            _SCHEMES[kind] + inner_text(each).strip()
            for each in find_all(record, "identifier")
            if (kind := str(each.get("type")).lower()) in _SCHEMES
        ],
        title=_title(record),
        abstract=" ".join(_clean(each) for each in find_all(record, "abstract")),
        authors=[name for role, name in names if role in _AUTHOR_ROLES],
        published=next((day for place in places for path in _DATES if (day := _parse_date(place, path))), None),
        url=next(iter(urls), None),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _title(record: etree._Element) -> str:
    """The main title with its article and subtitle; other titles have a type, such as ``abbreviated``."""
    info = next((each for each in find_all(record, "titleInfo") if each.get("type") is None), None)
    if info is None:
        return ""
    title = normalize_whitespace(f"{find_text(info, 'nonSort')} {find_text(info, 'title')}")
    subtitle = normalize_whitespace(find_text(info, "subTitle"))
    return add_subtitle(title, subtitle)


def _role(name: etree._Element) -> str:
    return normalize_whitespace(find_text(name, "role/roleTerm")).lower()


def _name(name: etree._Element) -> str:
    parts: dict[str, list[str]] = {}
    for part in find_all(name, "namePart"):
        parts.setdefault(str(part.get("type") or ""), []).append(_clean(part))
    named = [*parts.get("given", []), *parts.get("family", []), *parts.get("termsOfAddress", [])]
    return " ".join(named) if parts.get("family") else put_given_name_first(" ".join([*named, *parts.get("", [])]))


def _number(place: etree._Element, *kinds: str) -> str:
    details = (each for each in find_all(place, "part/detail") if each.get("type") in kinds)
    return next((_clean(number) for each in details for number in find_all(each, "number")), "")


def _pages(place: etree._Element) -> str:
    ends = (find_text(place, f"part/extent/{name}").strip() for name in ("start", "end"))
    return "-".join(filter(None, ends)) or find_text(place, "part/extent/list").strip()


def _parse_date(place: etree._Element, path: str) -> Date | None:
    return find_date(find_text(place, path))


def _clean(element: etree._Element) -> str:
    return normalize_whitespace(inner_text(element))
