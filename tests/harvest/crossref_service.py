"""Crossref's list of works (https://api.crossref.org/swagger-ui/index.html)."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from harvest.servers import Reply
from harvest.works import Work, Works


@dataclass
class Crossref:
    """The list.

    Attributes:
        works: Its works.
        accepts_times: Whether filters may have a time, or only a day.
        ordered: Whether it lists in the order that is requested.
        same_time: Whether all works of a day were indexed in the same second.
        max_offset: Works up to the end of a page with an offset.
    """

    works: Works
    accepts_times: bool = True
    ordered: bool = True
    same_time: bool = False
    max_offset: int = 10_000

    def __call__(self, parameters: dict[str, str]) -> Reply:
        offset, rows = int(parameters.get("offset", "0")), int(parameters.get("rows", "20"))
        if rows > 1_000 or offset + rows > self.max_offset:
            return _failure("integer-not-valid", f"offset {offset} and rows {rows} are too large")
        issns, found = set[str](), self.works.live
        for condition in filter(None, parameters.get("filter", "").split(",")):
            name, _, value = condition.partition(":")
            if name == "issn":
                issns.add(value)
            elif name == "from-pub-date":
                found = [work for work in found if work.published >= date.fromisoformat(value)]
            elif name == "from-index-date":
                if "T" in value and not self.accepts_times:
                    return _failure("date-not-valid", f"{value} is not a date")
                found = [work for work in found if self._stamp(work)[: len(value)] >= value]
            else:
                return _failure("filter-not-available", f"{name} is not available")
        words = parameters.get("query", "").split()
        found = [work for work in found if (not issns or work.issn in issns) and (not words or _has_any(work, words))]
        if parameters.get("sort") == "indexed" and self.ordered:
            found.sort(key=lambda work: (self._stamp(work), work.number), reverse=parameters.get("order") != "asc")
        message = {
            "facets": {},
            "total-results": len(found),
            "items": [self._record(work) for work in found[offset : offset + rows]],
            "items-per-page": rows,
        }
        body = {"status": "ok", "message-type": "work-list", "message-version": "1.0.0", "message": message}
        limits = (("X-Rate-Limit-Limit", "5"), ("X-Rate-Limit-Interval", "1s"))
        return Reply(json.dumps(body).encode(), "application/json", 200, limits)

    def _stamp(self, work: Work) -> str:
        second = 0 if self.same_time else work.number
        return f"{work.changed}T12:{second // 60 % 60:02}:{second % 60:02}Z"

    def _record(self, work: Work) -> dict[str, Any]:
        notice = [{"type": "retraction", "DOI": f"{work.doi}.r"}] if work.is_retracted else []
        return {
            "indexed": {"date-parts": [[2026, 1, 1]], "date-time": self._stamp(work), "timestamp": 1},
            "DOI": work.doi,
            "type": "journal-article",
            "title": [work.title],
            "container-title": [work.journal],
            "ISSN": [work.issn],
            "volume": "7",
            "page": "1-9",
            "author": [{"given": given, "family": family, "sequence": "first"} for given, family in work.authors],
            "abstract": f"<jats:p>{work.abstract}</jats:p>",
            "published-online": {"date-parts": [[work.published.year, work.published.month, work.published.day]]},
            "URL": f"https://doi.org/{work.doi}",
            "updated-by": notice,
        }


def _has_any(work: Work, words: list[str]) -> bool:
    return any(work.has_words([word]) for word in words)


def _failure(kind: str, message: str) -> Reply:
    body = {"status": "failed", "message-type": "validation-failure", "message": [{"type": kind, "message": message}]}
    return Reply(json.dumps(body).encode(), "application/json", 400)
