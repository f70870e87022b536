"""Semantic Scholar's bulk search (https://api.semanticscholar.org/api-docs/graph)."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from harvest.servers import Reply, ServiceServer
from harvest.works import Work, Works


@dataclass
class SemanticScholar:
    """The bulk search.

    Attributes:
        works: Its papers.
        server: The server, which knows the headers of the request.
        page_size: Papers of a page.
        expired: Tokens that are no longer accepted.
    """

    works: Works
    server: ServiceServer
    page_size: int = 1_000
    expired: set[str] = field(default_factory=set)

    def __call__(self, parameters: dict[str, str]) -> Reply:
        headers = {name.lower(): value for name, value in self.server.requests[-1].headers.items()}
        if headers.get("x-api-key") != "secret":
            return Reply(b'{"message": "Forbidden"}', "application/json", 403)
        token, start = parameters.get("token", ""), parameters.get("publicationDateOrYear", "").rstrip(":")
        if token in self.expired:
            return Reply(b'{"error": "Invalid token"}', "application/json", 400)
        found = sorted((work for work in self.works.live if work.has_words(parameters["query"].split())), key=_paper_id)
        if start:
            found = [work for work in found if work.published >= date.fromisoformat(start)]
        rest = [work for work in found if _paper_id(work) > token]
        page, following = rest[: self.page_size], None
        if len(rest) > self.page_size:
            following = _paper_id(page[-1])
        names = parameters["fields"].split(",")
        records = [{name: value for name, value in _record(work).items() if name in names} for work in page]
        return Reply(
            json.dumps({"total": len(found), "token": following, "data": records}).encode(), "application/json"
        )


def _paper_id(work: Work) -> str:
    return hashlib.sha1(str(work.number).encode()).hexdigest()


def _record(work: Work) -> dict[str, Any]:
    return {
        "paperId": _paper_id(work),
        "corpusId": 9_000 + work.number,
        "externalIds": {"DOI": work.doi, "PubMed": work.pmid, "CorpusId": 9_000 + work.number},
        "url": f"https://www.semanticscholar.org/paper/{_paper_id(work)}",
        "title": work.title,
        "abstract": work.abstract,
        "venue": work.journal,
        "year": work.published.year,
        "publicationDate": str(work.published),
        "journal": {"name": work.journal, "volume": "7", "pages": "1-9"},
        "citationCount": 3,
        "fieldsOfStudy": ["Computer Science"],
        "authors": [{"authorId": "1", "name": f"{given} {family}"} for given, family in work.authors],
    }
