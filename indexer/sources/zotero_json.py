"""Zotero's own JSON, as its web API and its local API list items (https://www.zotero.org/support/dev/web_api/v3/basics;
fields: https://api.zotero.org/schema), and as they list the keys of deleted items."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.json import iter_values, parse_json
from indexer.sources.json_shape import record_fields
from indexer.sources.limits import DeletedRecord, MalformedRecord
from indexer.sources.record import Draft, find_date, select_non_empty
from indexer.sources.zotero_rdf import EXTRA_ID
from search.errors import SourceError
from search.papers.json import Json
from search.papers.paper import Paper

_OTHER_ITEM_TYPES = frozenset(("attachment", "note", "annotation"))
_TITLES = ("title", "caseName", "nameOfAct", "subject")
"""The field that is the title, by the type of the item."""
_CONTAINERS = (
    "publicationTitle", "proceedingsTitle", "bookTitle", "encyclopediaTitle", "dictionaryTitle", "websiteTitle",
    "blogTitle", "forumTitle", "programTitle", "code", "reporter",
)  # fmt: skip
_PUBLISHERS = ("publisher", "university", "institution", "repository", "company", "label", "studio", "network")
_AUTHORS = (
    "author", "presenter", "inventor", "programmer", "artist", "director", "podcaster", "performer", "cartographer",
    "interviewee", "sponsor",
)  # fmt: skip
"""Types of creators that stand first, by the type of the item; a paper has those of the first type that it has."""


def sniff(head: str) -> bool:
    """Whether the file is JSON with items of Zotero."""
    fields = record_fields(head)
    return fields.get("key") == '"' and fields.get("data") == "{" and "version" in fields and "library" in fields


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the items in order, without notes and attachments; a deleted item is an error."""
    for each in iter_values(file, "items"):
        if isinstance(each, SourceError):
            yield each
        else:
            number, text = each
            file.record_line = number
            yield from read_record(file, number, partial(_read_value, text, file))


def _read_value(text: str, file: SourceFile) -> Paper | None:
    """Parses an item, or the key of a deleted one."""
    value: Any = parse_json(text)
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        file.identifier = str(value.get("key"))
        try:
            return _parse_paper(value["data"], file)
        except (TypeError, AttributeError) as error:
            raise MalformedRecord(f"not an item of Zotero: a field has an unexpected value ({error})") from None
    if isinstance(value, str):
        file.identifier = value
        raise DeletedRecord(f"{value}: the item was deleted")
    raise MalformedRecord(f"{text[:40]!r} is not an item of Zotero")


def _parse_paper(data: dict[str, Any], file: SourceFile) -> Paper | None:
    if data.get("itemType") in _OTHER_ITEM_TYPES:
        return None
    if data.get("deleted"):
        raise DeletedRecord(f"{file.identifier}: the item is in the trash")
    note = data.get("extra") or ""
    keywords: list[Json] = [each.get("tag") for each in data.get("tags") or []]
    editors: list[Json] = [*_names(data, "editor")]
    extra: dict[str, Json] = {
        "journal": _first(data, _CONTAINERS),
        "volume": data.get("volume"),
        "issue": data.get("issue"),
        "pages": data.get("pages"),
        "publisher": _first(data, _PUBLISHERS),
        "keywords": keywords,
        "comment": note,
        "editors": editors,
    }
    archive_id = data.get("archiveID") or ""
    return Draft(
        file.source,
        ids=[
            data.get("DOI") or "",
            archive_id if archive_id.lower().startswith("arxiv:") else "",
            *(f"{name.lower()}:{data[name]}" for name in ("PMID", "PMCID") if data.get(name)),
            *(f"{scheme.lower()}:{name}" for scheme, name in EXTRA_ID.findall(note)),
        ],
        title=_first(data, _TITLES),
        abstract=data.get("abstractNote"),
        authors=next((names for kind in _AUTHORS if (names := _names(data, kind))), []),
        published=find_date(data.get("date")),
        url=data.get("url"),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _first(data: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((data[name] for name in names if data.get(name)), "")


def _names(data: dict[str, Any], kind: str) -> list[str]:
    return [
        each.get("name") or " ".join(filter(None, (each.get("firstName"), each.get("lastName"))))
        for each in data.get("creators") or []
        if each.get("creatorType") == kind
    ]
