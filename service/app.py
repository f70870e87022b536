"""The application: every door that HTTP has, behind one guard."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import Response

from search.searcher import Searcher
from service import api
from service.problems import add_problems, problem
from service.settings import Settings
from service.web.routes import router as page


def create_app(searcher: Searcher, settings: Settings) -> FastAPI:
    """The application over one index.

    Args:
        searcher: answers the questions. settings: limits.
    """
    app = FastAPI(title="papers", summary="Semantic search over your papers", version="1")
    app.state.searcher = searcher
    _add_limits(app, settings)
    add_problems(app)
    app.include_router(api.router)
    app.include_router(page)
    return app


def _add_limits(app: FastAPI, settings: Settings) -> None:

    @app.middleware("http")
    async def limits(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        length = request.headers.get("content-length", "")
        if request.method == "POST" and not length.isdigit():
            return problem(request, 411, "say how long the body is, with a Content-Length header")
        if request.method == "POST" and int(length) > settings.max_body:
            return problem(request, 413, f"the body may have {settings.max_body:,} bytes; shorten it")
        return await answer(request)
