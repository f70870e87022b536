"""Dependencies: what the application provides to its routes."""

from typing import Annotated

from fastapi import Depends, Request

from search.searcher import Searcher


async def get_searcher(request: Request) -> Searcher:  # async: FastAPI would run a plain function in a thread
    """Returns the searcher of the application."""
    searcher: Searcher = request.app.state.searcher
    return searcher


SearcherDependency = Annotated[Searcher, Depends(get_searcher)]
"""A route opens one session on it, in its own thread: opening a new generation can take time."""
