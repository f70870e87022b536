"""Maps as JSON and as a list of themes, which the command line and HTTP share."""

from typing import Literal, get_args

from search.errors import InvalidValue
from search.maps.paper_map import PaperMap
from search.papers.json import Json, clean_object
from service.formats.render import SCHEMA_VERSION, sanitize_line

MapFormat = Literal["json", "svg"]

MAP_FORMATS: tuple[MapFormat, ...] = get_args(MapFormat)


def parse_map_format(name: str) -> MapFormat:
    """Parses the name of a format of maps.

    Raises:
        InvalidValue: there is no such format.
    """
    for known in MAP_FORMATS:
        if known == name.lower():
            return known
    raise InvalidValue("format", name, f"choose one of {', '.join(MAP_FORMATS)}")


def map_json(found: PaperMap) -> dict[str, Json]:
    """The output of ``papers map --json`` and GET /v1/map."""
    return clean_object({"schema_version": SCHEMA_VERSION, **found.to_json()})


def map_text(found: PaperMap) -> str:
    """The papers of the map in words, and its themes."""
    lines = [f"Map of {found.description}", *(f"{theme.papers:>6,}  {theme.label}" for theme in found.themes)]
    return "".join(f"{sanitize_line(line)}\n" for line in lines)
