"""HTTP: the same questions as the command line's, answered with the same JSON."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter

from search.query import Query
from search.searcher import Searcher
from service.problems import PROBLEMS
from service.render import authors_json, page_json, shown_paper_json
from service.schemas import (
    AuthorsOut,
    AuthorsRequest,
    Filters,
    PageOut,
    PaperOut,
    SearchRequest,
    SimilarRequest,
)
from service.strict import StrictRoute

router = APIRouter(route_class=StrictRoute)


def _searcher(request: Request) -> Searcher:
    searcher: Searcher = request.app.state.searcher
    return searcher


_Searcher = Annotated[Searcher, Depends(_searcher)]


@router.get("/v1/search", response_model=PageOut, responses=PROBLEMS)
def search(searcher: _Searcher, asked: Annotated[SearchRequest, Parameter()]) -> dict[str, Any]:
    """Papers that answer a question in plain words; without one, what passes the filters, newest first."""
    return page_json(searcher.ask(asked.q, _query(asked)))


@router.post("/v1/search", response_model=PageOut, responses=PROBLEMS)
def search_body(searcher: _Searcher, body: SearchRequest) -> dict[str, Any]:
    """The same with the names in a JSON object."""
    return page_json(searcher.ask(body.q, _query(body)))


@router.get("/v1/papers/{paper_id:path}/similar", response_model=PageOut, responses=PROBLEMS)
def similar(searcher: _Searcher, paper_id: str, asked: Annotated[Filters, Parameter()]) -> dict[str, Any]:
    """Papers near one that the index holds, which is left out."""
    query = _query(asked)
    return page_json(searcher.search(replace(query, like=(paper_id, *query.like))))


@router.get("/v1/papers/{paper_id:path}", response_model=PaperOut, responses=PROBLEMS)
def paper(searcher: _Searcher, paper_id: str) -> dict[str, Any]:
    """One paper, by any id it has or ever had; an id may hold slashes."""
    return shown_paper_json(searcher.paper(paper_id))


@router.post("/v1/similar", response_model=PageOut, responses=PROBLEMS)
def similar_text(searcher: _Searcher, body: SimilarRequest) -> dict[str, Any]:
    """Papers near a pasted abstract; one that the index holds comes first, marked ``same``."""
    return page_json(searcher.search(replace(_query(body), text=body.text, pasted=True)))


@router.get("/v1/authors", response_model=AuthorsOut, responses=PROBLEMS)
def authors(searcher: _Searcher, asked: Annotated[AuthorsRequest, Parameter()]) -> dict[str, Any]:
    """The variants of a name that papers have, with how many papers each."""
    return authors_json(searcher.authors(asked.name))


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz", responses=PROBLEMS)
def readyz(searcher: _Searcher) -> dict[str, str]:
    """Questions are answered."""
    return {"status": "ok", "generation": searcher.snapshot.manifest.generation}


def _query(asked: Filters) -> Query:
    return asked.query()
