"""Works of OpenAlex (https://docs.openalex.org/api-entities/works/work-object): a work, a page with ``results``, a
list, or one work per line as in the snapshot."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from indexer.sources.file import SourceFile
from indexer.sources.json import parse_json, read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, find_date, select_non_empty
from search.errors import SourceError
from search.papers.paper import Paper


def sniff(head: str) -> bool:
    """Whether the file is JSON with works of OpenAlex; authors and other entities have no title."""
    fields = record_fields(head, "results[]")
    return (
        "authorships" in fields
        or "abstract_inverted_index" in fields
        or (
            "https://openalex.org/W" in head
            and fields.get("id") == '"'
            and ("title" in fields or "display_name" in fields)
        )
    )


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the works in order."""
    return read_records(file, partial(_parse_paper, file=file), "a work of OpenAlex", "results")


def _parse_paper(fields: dict[str, Any], file: SourceFile) -> Paper:
    file.identifier = str(fields.get("id") or "")
    ids = fields.get("ids") or {}
    locations = [each for each in (fields.get("primary_location"), *(fields.get("locations") or [])) if each]
    addresses = [each.get("landing_page_url") or "" for each in locations]
    biblio = fields.get("biblio") or {}
    extra = {
        "journal": next((name for each in locations if (name := (each.get("source") or {}).get("display_name"))), None),
        "volume": biblio.get("volume"),
        "issue": biblio.get("issue"),
        "pages": "-".join(dict.fromkeys(filter(None, (biblio.get("first_page"), biblio.get("last_page"))))),
        "keywords": [each.get("display_name") or each.get("keyword") for each in fields.get("keywords") or []],
        "citations": fields.get("cited_by_count"),
        "retracted": fields.get("is_retracted") is True,
    }
    return Draft(
        file.source,
        ids=[
            fields.get("doi") or "",
            *(ids.get(name) or "" for name in ("doi", "pmid", "pmcid")),
            *(address for address in addresses if "arxiv.org/" in address),
            fields.get("id") or ids.get("openalex") or "",
        ],
        title=fields.get("title") or fields.get("display_name"),
        abstract=_restore_abstract(fields.get("abstract_inverted_index")),
        authors=[_author_name(each) for each in fields.get("authorships") or []],
        authors_partial=fields.get("is_authors_truncated") is True,
        published=find_date(fields.get("publication_date")) or find_date(fields.get("publication_year")),
        url=next(filter(None, addresses), None),
        extra=select_non_empty(extra, extra),
    ).to_paper()


def _author_name(authorship: dict[str, Any]) -> str:
    return (authorship.get("author") or {}).get("display_name") or authorship.get("raw_author_name") or ""


def _restore_abstract(index: Any) -> str:
    """The text of an abstract that is given by the positions of its words."""
    if isinstance(index, str):
        index = parse_json(index)
    places = ((place, word) for word, found in (index or {}).items() for place in found)
    return " ".join(word for _, word in sorted(places))
