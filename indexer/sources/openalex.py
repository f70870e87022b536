"""Works of OpenAlex (https://docs.openalex.org/api-entities/works/work-object): a work, a page with ``results``, a
list, or one work per line as in the snapshot."""

from collections.abc import Iterator
from functools import partial

from indexer.sources.file import SourceFile
from indexer.sources.json import parse_extra
from indexer.sources.json_records import JsonFields, read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, select_non_empty
from search.errors import SourceError
from search.papers.json import Json
from search.papers.paper import Paper

_ABSTRACT = "abstract_inverted_index"


def sniff(head: str) -> bool:
    """Whether the file is JSON with works of OpenAlex; authors and other entities have no title."""
    fields = record_fields(head, "results[]")
    return (
        "authorships" in fields
        or _ABSTRACT in fields
        or (
            "https://openalex.org/W" in head
            and fields.get("id") == '"'
            and ("title" in fields or "display_name" in fields)
        )
    )


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the works in order."""
    return read_records(file, partial(_parse_paper, file=file), "results")


def _parse_paper(fields: JsonFields, file: SourceFile) -> Paper:
    file.identifier = fields.text("id")
    ids, biblio = fields.object("ids"), fields.object("biblio")
    locations = [fields.object("primary_location"), *fields.objects("locations")]
    addresses = [address for each in locations if (address := each.text("landing_page_url"))]
    pages = [biblio.plain(name) for name in ("first_page", "last_page")]
    extra: dict[str, Json] = {
        "journal": next((name for each in locations if (name := each.object("source").text("display_name"))), None),
        "volume": biblio.plain("volume"),
        "issue": biblio.plain("issue"),
        "pages": "-".join(dict.fromkeys(filter(None, pages))),
        "keywords": [each.text("display_name", "keyword") for each in fields.objects("keywords")],
        "citations": fields.number("cited_by_count"),
        "retracted": fields.flag("is_retracted"),
    }
    return Draft(
        file.source,
        ids=[
            fields.text("doi"),
            *(ids.text(name) for name in ("doi", "pmid", "pmcid")),
            *(address for address in addresses if "arxiv.org/" in address),
            fields.text("id") or ids.text("openalex"),
        ],
        title=fields.text("title", "display_name"),
        abstract=_restore_abstract(fields),
        authors=fields.people("authorships", _author_name),
        authors_partial=fields.flag("is_authors_truncated"),
        published=fields.date("publication_date", "publication_year"),
        url=next(iter(addresses), None),
        extra=select_non_empty(extra, extra),
        references=fields.texts("referenced_works"),
    ).to_paper()


def _author_name(authorship: JsonFields) -> str:
    return authorship.object("author").text("display_name") or authorship.text("raw_author_name")


def _restore_abstract(fields: JsonFields) -> str:
    """The text of an abstract that is given by the positions of its words, as an object or as its JSON."""
    index = fields.object(_ABSTRACT)
    if isinstance(text := fields.values.get(_ABSTRACT), str):
        index = JsonFields(parse_extra(text))
    places = ((int(place), word) for word in index.values for place in index.texts(word) if place.isdecimal())
    return " ".join(word for _, word in sorted(places))
