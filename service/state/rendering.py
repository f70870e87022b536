"""Lists as JSON, as plain text, and as a page for the export formats."""

from collections.abc import Sequence

from search.papers.json import Json, clean_object
from search.query.explanation import Explanation
from search.query.hit import Hit
from search.query.page import Page
from service.formats.render import SCHEMA_VERSION, clean_title, metadata_line, sanitize_line
from service.state.lists import ListEntry

_NOT_IN_INDEX = "not in the index at present"


def list_json(name: str, entries: Sequence[ListEntry]) -> dict[str, Json]:
    """The output of ``papers list show --json`` and GET /v1/lists/{name}."""
    papers: list[Json] = [entry.to_json() for entry in entries]
    return clean_object({"schema_version": SCHEMA_VERSION, "name": name, "papers": papers})


def entries_text(entries: Sequence[ListEntry]) -> str:
    """The papers of a list as plain text, one paragraph each."""
    return "\n".join(f"{rank}. {_entry_text(entry)}\n" for rank, entry in enumerate(entries, 1))


def entries_page(name: str, entries: Sequence[ListEntry], generation: str) -> Page:
    """The papers of a list as a page of hits, which the export formats render."""
    hits = tuple(Hit(entry.paper, 0.0) for entry in entries)
    return Page(hits, len(hits), True, 1.0, generation, Explanation("none", 0, 0, ()), f"list {name}")


def _entry_text(entry: ListEntry) -> str:
    lines = [clean_title(entry.paper), metadata_line(entry.paper)]
    lines += [entry.note] if entry.note else []
    lines += [entry.paper.link] if entry.paper.link else []
    lines += [] if entry.in_index else [_NOT_IN_INDEX]
    return "\n   ".join(map(sanitize_line, lines))
