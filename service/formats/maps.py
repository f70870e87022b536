"""Maps as JSON and as a list of themes, which the command line and HTTP share."""

from typing import Literal

from search.maps.paper_map import PaperMap
from search.papers.json import Json, clean_object
from service.formats.render import SCHEMA_VERSION, sanitize_line

MapFormat = Literal["json", "svg"]


def map_json(found: PaperMap) -> dict[str, Json]:
    """The output of ``papers map --json`` and GET /v1/map."""
    return clean_object({"schema_version": SCHEMA_VERSION, **found.to_json()})


def map_text(found: PaperMap) -> str:
    """The papers of the map in words, and its themes."""
    lines = [f"Map of {found.description}", *(f"{theme.papers:>6,}  {theme.label}" for theme in found.themes)]
    return "".join(f"{sanitize_line(line)}\n" for line in lines)
