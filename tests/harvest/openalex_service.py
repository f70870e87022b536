"""OpenAlex's list of works (https://developers.openalex.org/guides/page-through-results)."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from harvest.servers import Reply
from harvest.works import Work, Works

_CONDITIONS: dict[str, Callable[[Work, str], bool]] = {
    "from_publication_date": lambda work, value: work.published >= date.fromisoformat(value),
    "from_updated_date": lambda work, value: work.changed >= date.fromisoformat(value),
    "concepts.id": lambda work, _value: work.number % 2 == 0,
    "is_oa": lambda work, value: str(work.number % 2 == 0).lower() == value,
    "type": lambda _work, value: value == "article",
    "primary_location.source.issn": lambda work, value: work.issn in value.split("|"),
}


@dataclass
class OpenAlex:
    """The list.

    Attributes:
        works: Its works.
        paid_keys: Keys that may use the filter for changed works.
        generation: A number that cursors have; those with another one have expired.
        accepts_cursors: Whether any cursor is accepted.
    """

    works: Works
    paid_keys: set[str] = field(default_factory=set)
    generation: int = 1
    accepts_cursors: bool = True

    def __call__(self, parameters: dict[str, str]) -> Reply:
        size, cursor = int(parameters.get("per_page", "25")), parameters.get("cursor", "")
        if not 1 <= size <= 100:
            return _error(400, "Invalid query parameters error.", "per_page must be between 1 and 100")
        *last, generation = json.loads(base64.b64decode(cursor)) if cursor not in ("", "*") else [self.generation]
        if generation != self.generation or (last and not self.accepts_cursors):
            return _error(400, "Invalid query parameters error.", "Cursor is not valid.")
        found = sorted(self.works.live, key=_sort_key)
        for condition in filter(None, parameters.get("filter", "").split(",")):
            name, _, value = condition.partition(":")
            if name not in _CONDITIONS:
                return _error(400, "Invalid query parameters error.", f"{name} is not a valid field.")
            if name == "from_updated_date" and parameters.get("api_key") not in self.paid_keys:
                return _error(403, "Plan upgrade required", "from_updated_date needs a paid plan.")
            found = [work for work in found if _CONDITIONS[name](work, value)]
        found = [work for work in found if work.has_words(parameters.get("search", "").split())]
        count = len(found)
        if last:
            found = [work for work in found if _sort_key(work) > tuple(last)]
        page, following = found[:size], None
        if cursor and page:
            place = [*_sort_key(page[-1]), self.generation]
            following = base64.b64encode(json.dumps(place).encode()).decode()
        meta = {"count": count, "db_response_time_ms": 3, "per_page": size, "next_cursor": following}
        body = {"meta": meta, "results": [_record(work) for work in page], "group_by": []}
        return Reply(json.dumps(body).encode(), "application/json")


def _sort_key(work: Work) -> tuple[int, str]:
    return -work.published.toordinal(), f"W{4_000_000_000 + work.number}"


def _record(work: Work) -> dict[str, Any]:
    places: dict[str, list[int]] = {}
    for place, word in enumerate(work.abstract.split()):
        places.setdefault(word, []).append(place)
    url, source = f"https://doi.org/{work.doi}", {"display_name": work.journal, "issn_l": work.issn, "type": "journal"}
    return {
        "id": f"https://openalex.org/W{4_000_000_000 + work.number}",
        "doi": url,
        "title": work.title,
        "display_name": work.title,
        "publication_year": work.published.year,
        "publication_date": str(work.published),
        "ids": {"doi": url, "pmid": f"https://pubmed.ncbi.nlm.nih.gov/{work.pmid}"},
        "primary_location": {"landing_page_url": url, "source": source},
        "authorships": [{"author": {"display_name": f"{given} {family}"}} for given, family in work.authors],
        "biblio": {"volume": "7", "issue": None, "first_page": "1", "last_page": "9"},
        "is_retracted": work.is_retracted,
        "abstract_inverted_index": places,
        "updated_date": f"{work.changed}T06:00:00.123456",
        "created_date": str(work.entered),
    }


def _error(status: int, error: str, message: str) -> Reply:
    return Reply(json.dumps({"error": error, "message": message}).encode(), "application/json", status)
