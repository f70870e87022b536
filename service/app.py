"""The application: every door that HTTP has, behind one guard."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from search.query.page import Page
from search.searcher import Searcher
from service.agents import mcp
from service.api import docs as api_docs
from service.api import routes
from service.api.guard.layers import GuardState, add_guard
from service.api.guard.metrics import CONTENT_TYPE
from service.api.guard.rate_limit import TokenBuckets
from service.api.problems import add_problem_handlers
from service.settings import Settings
from service.web.routes import problem_as_page
from service.web.routes import router as page


class Application(FastAPI):
    """FastAPI with the guard around all of it, its handling of errors too.

    Args:
        settings, watch, buckets: see ``guarded``.
    """

    def __init__(self, settings: Settings, guard_state: GuardState, buckets: TokenBuckets | None) -> None:
        super().__init__(
            title="papers", summary="Semantic search over your papers", version="1", docs_url=None, redoc_url=None
        )
        self._guard_options = settings, guard_state, buckets

    def build_middleware_stack(self) -> ASGIApp:
        """What FastAPI has, guarded."""
        return add_guard(super().build_middleware_stack(), *self._guard_options)


def create_app(searcher: Searcher, settings: Settings, buckets: TokenBuckets | None = None) -> Application:
    """The application over one index.

    Args:
        searcher: answers the questions. settings: limits. buckets: of the rates, where processes share them.
    """
    watch = GuardState.from_settings(settings)
    app = Application(settings, watch, buckets)
    app.state.searcher = searcher
    _attach_metrics(searcher, watch)
    add_problem_handlers(app, problem_as_page)
    app.include_router(routes.router)
    app.include_router(page)
    mcp.mount(app, origins=settings.origins, max_body=settings.max_body)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(watch.metrics.render(), media_type=CONTENT_TYPE)

    @app.get("/docs", include_in_schema=False)
    def docs() -> Response:
        return HTMLResponse(api_docs.render_docs(app.openapi()))

    return app


def _attach_metrics(searcher: Searcher, guard_state: GuardState) -> None:
    """Has every page counted, through whichever door it goes."""

    def answered(page: Page) -> None:
        guard_state.metrics.observe_page(page)
        guard_state.metrics.observe_generation(searcher.snapshot)

    searcher.on_page = answered
    guard_state.metrics.observe_generation(searcher.snapshot)
