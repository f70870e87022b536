"""The application: every door that HTTP has, behind one guard."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from search.query.page import Page
from search.searcher import Searcher
from service.agents import mcp
from service.api import docs as api_docs
from service.api import routes
from service.api.guard.layers import Watch, guarded
from service.api.guard.metrics import CONTENT_TYPE
from service.api.guard.rates import Buckets
from service.api.problems import add_problems
from service.settings import Settings
from service.web.routes import refusal
from service.web.routes import router as page


class Application(FastAPI):
    """FastAPI with the guard around all of it, its handling of errors too.

    Args:
        settings, watch, buckets: see ``guarded``.
    """

    def __init__(self, settings: Settings, watch: Watch, buckets: Buckets | None) -> None:
        super().__init__(
            title="papers", summary="Semantic search over your papers", version="1", docs_url=None, redoc_url=None
        )
        self._guard = settings, watch, buckets

    def build_middleware_stack(self) -> ASGIApp:
        """What FastAPI has, guarded."""
        return guarded(super().build_middleware_stack(), *self._guard)


def create_app(searcher: Searcher, settings: Settings, buckets: Buckets | None = None) -> Application:
    """The application over one index.

    Args:
        searcher: answers the questions. settings: limits. buckets: of the rates, where processes share them.
    """
    watch = Watch.of(settings)
    app = Application(settings, watch, buckets)
    app.state.searcher = searcher
    _measure(searcher, watch)
    add_problems(app, refusal)
    app.include_router(routes.router)
    app.include_router(page)
    mcp.add_to(app, origins=settings.origins, max_body=settings.max_body)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(watch.metrics.text(), media_type=CONTENT_TYPE)

    @app.get("/docs", include_in_schema=False)
    def docs() -> Response:
        return HTMLResponse(api_docs.page(app.openapi()))

    return app


def _measure(searcher: Searcher, watch: Watch) -> None:
    """Has every page counted, through whichever door it goes."""

    def answered(page: Page) -> None:
        watch.metrics.answered(page)
        watch.metrics.generation(searcher.snapshot)

    searcher.on_page = answered
    watch.metrics.generation(searcher.snapshot)
