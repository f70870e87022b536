"""Works of Crossref's REST API (https://github.com/CrossRef/rest-api-doc/blob/master/api_format.md): a response with
one work or ``items``, a file of the public data with ``items``, a list, or one work per line."""

from collections.abc import Iterator
from functools import partial

from indexer.sources.dates import date_from_list
from indexer.sources.file import SourceFile
from indexer.sources.json_records import JsonFields, read_records
from indexer.sources.json_shape import record_fields
from indexer.sources.record import Draft, add_subtitle, select_non_empty
from search.errors import SourceError
from search.papers.date import Date
from search.papers.json import Json
from search.papers.paper import Paper

_PUBLICATION_DATES = (
    "issued", "published", "published-online", "published-print", "published-other", "posted", "approved",
    "content-created", "accepted",
)  # fmt: skip
"""Fields with dates of publication, the most certain ones first. ``issued`` is the earliest of ``published-print`` and
``published-online``, and may be empty. Preprints have ``posted``, dissertations ``approved``, peer reviews
``content-created``."""
_REGISTRATION_DATE = "created"
"""The field with the date on which the DOI was registered. Of a work without a date of publication, it tells the year
at best."""
_RETRACTIONS = frozenset(("retraction", "partial_retraction", "removal", "withdrawal"))
"""Types of updates (https://www.crossref.org/documentation/crossmark/version-control-corrections-and-retractions/)
that take a work back."""


def sniff(head: str) -> bool:
    """Whether the file is JSON with works of Crossref; in CSL-JSON, which is similar, a title is not a list."""
    fields = record_fields(head, "message.items[]", "message", "items[]")
    lists = ("title", "container-title", "short-container-title", "subtitle")
    return "DOI" in fields and any(fields.get(name, "").startswith("[") for name in lists)


def read(file: SourceFile) -> Iterator[Paper | SourceError]:
    """Yields the works in order."""
    return read_records(file, partial(_parse_paper, file=file), "message.items", "message", "items")


def _parse_paper(fields: JsonFields, file: SourceFile) -> Paper:
    doi = file.identifier = fields.text("DOI")
    retracted = _retractions(fields.objects("update-to"))
    extra: dict[str, Json] = {
        "journal": fields.text("container-title"),
        "volume": fields.plain("volume"),
        "issue": fields.plain("issue"),
        "pages": fields.plain("page", "article-number"),
        "publisher": fields.text("publisher"),
        "keywords": [*fields.texts("subject")],
        "citations": fields.number("is-referenced-by-count"),
        "retracted": bool(_retractions(fields.objects("updated-by")))
        or doi.lower() in (each.lower() for each in retracted),
        "retraction_of": [each for each in retracted if each.lower() != doi.lower()],
    }
    return Draft(
        file.source,
        ids=[doi],
        title=add_subtitle(fields.text("title"), fields.text("subtitle")),
        abstract=fields.text("abstract"),
        authors=fields.people("author", _author_name),
        published=_publication_date(fields),
        url=fields.text("URL"),
        extra=select_non_empty(extra, extra),
        references=[each.text("DOI") for each in fields.objects("reference")],
    ).to_paper()


def _retractions(updates: list[JsonFields]) -> list[str]:
    """The DOIs in the updates that take a work back; empty texts for those without one."""
    return [each.text("DOI") for each in updates if each.text("type") in _RETRACTIONS]


def _author_name(author: JsonFields) -> str:
    parts = (author.text(name) for name in ("given", "family", "suffix"))
    return " ".join(filter(None, parts)) or author.text("name", "literal")


def _publication_date(fields: JsonFields) -> Date | None:
    """The first date of publication, in the precision of the others of its year; else the date of the issue or the
    event, else the year of registration.
    """
    found = [date for name in _PUBLICATION_DATES if (date := _parse_date(fields, name))]
    if found:
        return max((date for date in found if date.year == found[0].year), key=lambda date: date.precision)
    of_issue = _parse_date(fields.object("journal-issue"), "published-print")
    registered = _parse_date(fields, _REGISTRATION_DATE)
    year = Date(registered.year) if registered else None
    return of_issue or _parse_date(fields.object("event"), "start") or year


def _parse_date(fields: JsonFields, name: str) -> Date | None:
    """The date in ``date-parts``, else in ``date-time``; a date as a text is read as well."""
    if isinstance(fields.values.get(name), str | int):
        return fields.date(name)
    value = fields.object(name)
    return date_from_list(value.values.get("date-parts")) or value.date("date-time")
