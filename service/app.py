"""The application: web page, HTTP API and MCP inside one guard."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.types import ASGIApp

from indexer.state import StateDatabase
from search.query.page import Page
from search.query.page_cache import PageCache
from search.searcher import Searcher
from service.agents import endpoint
from service.api import command_pages, lists, profile, routes, watches
from service.api.direct import DirectRoutes
from service.api.guard.head_options import HeadAndOptions
from service.api.guard.layers import GuardState, add_guard
from service.api.guard.metrics import CONTENT_TYPE
from service.api.guard.rate_limit import TokenBuckets
from service.api.problems import add_problem_handlers
from service.settings import Settings
from service.web import author_routes, list_routes, profile_routes, watch_routes
from service.web import routes as page_routes
from service.web.problem_pages import ProblemPages
from service.web.responses import problem_as_page


class Application(FastAPI):
    """FastAPI with the guard around its whole middleware stack, error handling included.

    Args:
        settings: see ``add_guard``.
        guard_state: see ``add_guard``.
        buckets: see ``add_guard``.
    """

    def __init__(self, settings: Settings, guard_state: GuardState, buckets: TokenBuckets | None) -> None:
        super().__init__(
            title="papers", summary="Semantic search over your papers", version="1", docs_url=None, redoc_url=None
        )
        self._guard_options = settings, guard_state, buckets
        self.guard_state = guard_state

    def build_middleware_stack(self) -> ASGIApp:
        """Returns FastAPI's middleware stack inside the guard."""
        app = HeadAndOptions(super().build_middleware_stack(), self.routes)
        return ProblemPages(add_guard(app, *self._guard_options))


def create_app(
    searcher: Searcher, settings: Settings, buckets: TokenBuckets | None = None, command_token: str = ""
) -> Application:
    """Returns the application for one index.

    Args:
        searcher: answers the queries.
        settings: limits, keys, hosts, proxies and origins.
        buckets: token buckets shared with other processes; None makes buckets for this process.
        command_token: see ``Announcement.token``; empty if the server is not announced.
    """
    guard_state = GuardState.from_settings(settings, command_token)
    app = Application(settings, guard_state, buckets)
    app.state.searcher, app.state.settings = searcher, settings
    app.state.command_embedders = command_pages.command_embedders(searcher)
    directory = Path(searcher.directory)  # of a collection, ``settings.state`` is set
    app.state.state = StateDatabase(settings.state) if settings.state else StateDatabase.of_index(directory)
    _attach_metrics(searcher, guard_state)
    hits, observe = settings.cached_hits, guard_state.metrics.observe_lookup
    searcher.page_cache = PageCache(hits, observe) if hits else None
    add_problem_handlers(app, problem_as_page)
    apis = (routes.router, command_pages.router, lists.router, watches.router, profile.router)
    pages = (
        page_routes.router,
        author_routes.router,
        list_routes.router,
        watch_routes.router,
        profile_routes.router,
    )
    for router in (*apis, *pages):
        app.include_router(router)
    app.router.middleware_stack = DirectRoutes(app.router.middleware_stack, (*apis, *pages))
    endpoint.mount(app, origins=settings.origins, max_body=settings.max_body)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(guard_state.metrics.render(), media_type=CONTENT_TYPE)

    return app


def _attach_metrics(searcher: Searcher, guard_state: GuardState) -> None:
    """Counts every page that the searcher returns, whichever interface requested it."""

    def observe_page(page: Page) -> None:
        guard_state.metrics.observe_page(page)
        if not guard_state.metrics.has_observed(page.generation):
            guard_state.metrics.observe_generation(searcher.snapshot)

    searcher.on_page = observe_page
    searcher.on_problem = guard_state.metrics.observe_problem
    guard_state.metrics.observe_generation(searcher.snapshot)
