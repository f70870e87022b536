"""Guard: the middleware around the application.

From the outside in: the record of the request (its ID, log line, metrics and response headers), proxy headers, the
header limit, the host check, CORS, keys, the rate limit, the body limit, the concurrency limit.
"""

import logging
import time
from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from search.cores import available_cores
from service.api.guard import logs
from service.api.guard.body_limit import BodyLimit
from service.api.guard.concurrency import AdmissionQueue, ConcurrencyLimit
from service.api.guard.headers import SECURITY_HEADERS, HeaderLimit, add_missing_headers
from service.api.guard.host_check import HostCheck
from service.api.guard.keys import RequireKey
from service.api.guard.metrics import Metrics
from service.api.guard.rate_limit import RateLimit, TokenBuckets
from service.api.guard.records import RequestIdSource, RequestRecord, peer_address
from service.api.problems import error_response, internal_error_detail
from service.settings import Settings

_CORS_HEADERS = ("authorization", "x-api-key", "content-type")
"""Request headers that pages of other origins may send."""
_CLIENT_CLOSED_REQUEST = 499
"""Status in logs and metrics of a request whose client disconnected before the response."""
_log = logging.getLogger("papers")


@dataclass(frozen=True, slots=True)
class GuardState:
    """The state of the guard in one process.

    Attributes:
        queue: the slots for requests.
        metrics: the metrics.
        command_token: see ``Announcement.token``; empty if the server is not announced.
    """

    queue: AdmissionQueue
    metrics: Metrics
    command_token: str = ""

    @classmethod
    def from_settings(cls, settings: Settings, command_token: str = "") -> "GuardState":
        """Returns a state with the number of slots in the settings."""
        queue = AdmissionQueue(settings.threads or 2 * available_cores(), settings.queue)
        return cls(queue, Metrics(queue), command_token)


def add_guard(
    app: ASGIApp, settings: Settings, guard_state: GuardState, buckets: TokenBuckets | None = None
) -> ASGIApp:
    """Returns the application inside its guard.

    Args:
        app: the application.
        settings: limits, keys, hosts, proxies and origins.
        guard_state: queue and metrics.
        buckets: token buckets shared with other processes; None makes buckets for this process.
    """
    unguarded = app
    app = ConcurrencyLimit(app, guard_state.queue, settings.answer_seconds)
    app = BodyLimit(app, guard_state.queue, settings.max_body, settings.body_seconds)
    if settings.rate:
        app = RateLimit(app, buckets or TokenBuckets(settings.rate, settings.burst_capacity))
    if settings.keys:
        app = RequireKey(app, settings.keys, guard_state.command_token)
    if settings.origins:
        app = CORSMiddleware(
            app, settings.origins, allow_methods=["DELETE", "GET", "POST"], allow_headers=_CORS_HEADERS
        )
    app = HeaderLimit(HostCheck(app, settings.hosts), settings.max_head)
    if settings.proxies:
        trusted = [str(network) for network in settings.proxy_networks]
        app = ProxyHeadersMiddleware(app, trusted)  # type: ignore[arg-type, assignment]  # uvicorn's own ASGI types
    return RequestRecorder(app, unguarded, settings, guard_state.metrics)


class RequestRecorder:
    """Keeps a record of each request, and adds the request ID and the security headers to its response.

    Args:
        app: called with the record in the state of the scope.
        unguarded_app: receives the lifespan events.
        settings: trusted proxies, and whether queries are logged.
        metrics: observes each request.
    """

    def __init__(self, app: ASGIApp, unguarded_app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._unguarded_app, self._metrics = app, unguarded_app, metrics
        self._ids, self._log_queries = RequestIdSource(settings.proxy_networks), settings.log_queries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._handle_non_http(scope, receive, send)
        record = RequestRecord(self._ids.request_id(scope), peer_address(scope))
        scope.setdefault("state", {})["record"] = record
        added = (*SECURITY_HEADERS, (b"x-request-id", record.request_id.encode()))

        async def recording_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = add_missing_headers(list(message.get("headers", [])), added)
            elif message["type"] == "http.response.body":
                record.bytes_sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, recording_send)
        except Exception as error:  # noqa: BLE001  # the last place that knows which request failed
            _log.error("unhandled exception", exc_info=error, extra=self._log_fields(scope, record))
            if not record.status:
                detail = internal_error_detail(record.request_id)
                await error_response(scope, 500, detail)(scope, receive, recording_send)
        finally:
            self._finish(scope, record)

    async def _handle_non_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._unguarded_app(scope, receive, send)
        await send({"type": "websocket.close", "code": 1008})
        return None

    def _finish(self, scope: Scope, record: RequestRecord) -> None:
        record.status = record.status or _CLIENT_CLOSED_REQUEST
        self._metrics.observe_request(record, _route_template(scope), time.perf_counter() - record.started_at)
        if logs.request_logger.isEnabledFor(logging.INFO):
            logs.request_logger.info("request", extra=self._log_fields(scope, record))

    def _log_fields(self, scope: Scope, record: RequestRecord) -> dict[str, object]:
        return logs.request_fields(scope, record, _route_template(scope), log_queries=self._log_queries)


def _route_template(scope: Scope) -> str:
    """Returns the template of the path, which contains no part of the query."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"
