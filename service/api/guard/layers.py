"""Guard: what stands before every door. From the outside in: a record of the request (its id, its log line, its
metrics, the headers of its answer); its head; origins; keys; rates; its body; its turn.
"""

import logging
import time
from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search.cores import available_cores
from service.api.guard import logs
from service.api.guard.body_limit import BodyLimit
from service.api.guard.concurrency import AdmissionQueue, ConcurrencyLimit
from service.api.guard.headers import SECURITY_HEADERS, HeaderLimit, add_missing_headers
from service.api.guard.keys import RequireKey
from service.api.guard.metrics import Metrics
from service.api.guard.rate_limit import RateLimit, TokenBuckets
from service.api.guard.records import ClientResolver, RequestRecord
from service.api.problems import error_response
from service.settings import Settings

_log = logging.getLogger("papers")
_CLIENT_CLOSED_REQUEST = 499
"""The status that the log and the metrics show where the client left before its answer."""


@dataclass(frozen=True, slots=True)
class GuardState:
    """What counts. Attributes: slots: the turns. metrics: the numbers."""

    queue: AdmissionQueue
    metrics: Metrics

    @classmethod
    def from_settings(cls, settings: Settings) -> "GuardState":
        """As many turns as the settings say."""
        slots = AdmissionQueue(settings.threads or 2 * available_cores(), settings.queue)
        return cls(slots, Metrics(slots))


def add_guard(
    app: ASGIApp, settings: Settings, guard_state: GuardState, buckets: TokenBuckets | None = None
) -> ASGIApp:
    """The application behind its guard.

    Args:
        app: what is guarded. settings: limits, keys, hosts, proxies, origins. watch: what counts.
        buckets: those that other processes share; without them this process has its own.
    """
    plain = app
    app = ConcurrencyLimit(app, guard_state.queue, settings.answer_seconds)
    app = BodyLimit(app, guard_state.queue, settings.max_body, settings.body_seconds)
    if settings.rate:
        app = RateLimit(app, buckets or TokenBuckets(settings.rate, settings.burst_capacity))
    if settings.keys:
        app = RequireKey(app, settings.keys)
    if settings.origins:
        allowed = ["authorization", "x-api-key", "content-type"]
        app = CORSMiddleware(app, settings.origins, allow_methods=["GET", "POST"], allow_headers=allowed)
    return RequestRecorder(HeaderLimit(app, settings.max_head, settings.hosts), plain, settings, guard_state.metrics)


class RequestRecorder:
    """Keeps the record of each request.

    Args:
        app: asked with the record in the scope's state. plain: started and ended, unguarded.
        settings: proxies and what is logged. metrics: told of each.
    """

    def __init__(self, app: ASGIApp, unguarded_app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._unguarded_app, self._metrics = app, unguarded_app, metrics
        self._client_resolver, self._log_queries = ClientResolver(settings.proxy_networks), settings.log_queries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._handle_non_http(scope, receive, send)
        record = self._client_resolver.create_record(scope)
        scope.setdefault("state", {})["record"] = record
        own = (*SECURITY_HEADERS, (b"x-request-id", record.request_id.encode()))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = add_missing_headers(list(message.get("headers", [])), own)
            elif message["type"] == "http.response.body":
                record.bytes_sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001  # the last place that can say which request it was
            _log.error("a fault of ours", exc_info=error, extra={"request": self._log_fields(scope, record)})
            if not record.status:
                await error_response(scope, 500, "this is our fault, and the server's log says what happened")(
                    scope, receive, answer
                )
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
            logs.request_logger.info("request", extra={"request": self._log_fields(scope, record)})

    def _log_fields(self, scope: Scope, record: RequestRecord) -> dict[str, object]:
        return logs.request_fields(scope, record, _route_template(scope), log_queries=self._log_queries)


def _route_template(scope: Scope) -> str:
    """The template of the path, which holds nothing that was asked."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"
