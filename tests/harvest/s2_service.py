"""Semantic Scholar's bulk search (https://api.semanticscholar.org/api-docs/graph)."""

import hashlib
import json
from dataclasses import dataclass
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
        generation: A number that tokens have; those with another one have expired.
    """

    works: Works
    server: ServiceServer
    page_size: int = 1_000
    generation: int = 1

    def __call__(self, parameters: dict[str, str]) -> Reply:
        headers = {name.lower(): value for name, value in self.server.requests[-1].headers.items()}
        if headers.get("x-api-key") != "secret":
            return Reply(b'{"message": "Forbidden"}', "application/json", 403)
        token, _, generation = parameters.get("token", f"-{self.generation}").partition("-")
        start = parameters.get("publicationDateOrYear", "").rstrip(":")
        if generation != str(self.generation):
            return Reply(b'{"error": "Invalid token"}', "application/json", 400)
        found = sorted((work for work in self.works.live if work.has_words(parameters["query"].split())), key=_paper_id)
        if start:
            found = [work for work in found if work.published >= date.fromisoformat(start)]
        rest = [work for work in found if _paper_id(work) > token]
        page, following = rest[: self.page_size], None
        if len(rest) > self.page_size:
            following = f"{_paper_id(page[-1])}-{self.generation}"
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
