"""Zotero's own JSON, as its web API and its local API list items (https://www.zotero.org/support/dev/web_api/v3/basics;
fields: https://api.zotero.org/schema), and as they list the keys of deleted items."""

from collections.abc import Iterator
from functools import partial

from indexer.sources.file import SourceFile
from indexer.sources.guard import read_record
from indexer.sources.json import iter_values, parse_json
from indexer.sources.json_records import JsonFields
from indexer.sources.json_shape import record_fields
from indexer.sources.limits import DeletedRecord, MalformedRecord
from indexer.sources.record import Draft, select_non_empty
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
            yield from read_record(file, number, partial(_read_value, text, number, file))


def _read_value(text: str, line: int, file: SourceFile) -> Paper | None:
    """Parses an item, or the key of a deleted one."""
    value = parse_json(text)
    if isinstance(value, str):
        file.identifier = value
        raise DeletedRecord(f"{value}: the item was deleted")
    data = value.get("data") if isinstance(value, dict) else None
    if not (isinstance(value, dict) and isinstance(data, dict)):
        raise MalformedRecord(f"{text[:40]!r} is not an item of Zotero")
    file.identifier = JsonFields(value).text("key")
    return _parse_paper(JsonFields(data, partial(file.warn, line)), file)


def _parse_paper(data: JsonFields, file: SourceFile) -> Paper | None:
    if data.text("itemType") in _OTHER_ITEM_TYPES:
        return None
    if data.values.get("deleted"):
        raise DeletedRecord(f"{file.identifier}: the item is in the trash")
    note, archive_id = data.text("extra"), data.text("archiveID")
    keywords: list[Json] = [each.text("tag") for each in data.objects("tags")]
    editors: list[Json] = [*_names(data, "editor")]
    extra: dict[str, Json] = {
        "journal": data.text(*_CONTAINERS),
        "volume": data.plain("volume"),
        "issue": data.plain("issue"),
        "pages": data.plain("pages"),
        "publisher": data.text(*_PUBLISHERS),
        "keywords": keywords,
        "comment": note,
        "editors": editors,
    }
    return Draft(
        file.source,
        ids=[
            data.text("DOI"),
            archive_id if archive_id.lower().startswith("arxiv:") else "",
            *(f"{name.lower()}:{text}" for name in ("PMID", "PMCID") if (text := data.plain(name))),
            *(f"{scheme.lower()}:{name}" for scheme, name in EXTRA_ID.findall(note)),
        ],
        title=data.text(*_TITLES),
        abstract=data.text("abstractNote"),
        authors=next((names for kind in _AUTHORS if (names := _names(data, kind))), []),
        published=data.date("date"),
        url=data.text("url"),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _names(data: JsonFields, kind: str) -> list[str]:
    return [
        each.text("name") or " ".join(filter(None, (each.text("firstName"), each.text("lastName"))))
        for each in data.objects("creators")
        if each.text("creatorType") == kind
    ]
