"""Maps in responses: of an answer and of a list."""

from typing import Any

import orjson
from fastapi.responses import Response

from search.maps.paper_map import PaperMap
from service.api.overview_schemas import MapOut
from service.formats.maps import MapFormat, map_json

MAP_DOCS: dict[str, Any] = {
    "model": MapOut,
    "description": "The result",
    "content": {"image/svg+xml": {"schema": {"type": "string"}}},
}
"""Documentation of the response."""


def map_response(found: PaperMap, output_format: MapFormat) -> Response:
    """Returns a map in the requested format."""
    if output_format == "svg":
        return Response(found.to_svg(), media_type="image/svg+xml")
    return Response(orjson.dumps(map_json(found)), media_type="application/json")
