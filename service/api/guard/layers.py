"""Guard: what stands before every door. From the outside in: a record of the request (its id, its log line, its
metrics, the headers of its answer); its head; origins; keys; rates; its body; its turn.
"""

import logging
import time
from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search.cores import cores
from service.api.guard import logs
from service.api.guard.bodies import Bodies
from service.api.guard.headers import ALWAYS, Heads, completed
from service.api.guard.keys import Locked
from service.api.guard.metrics import Metrics
from service.api.guard.rates import Buckets, Rated
from service.api.guard.records import Callers, Record
from service.api.guard.slots import Slots, Turns
from service.api.problems import refused
from service.settings import Settings

_log = logging.getLogger("papers")
_GONE = 499
"""The status that the log and the metrics show where the client left before its answer."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What counts. Attributes: slots: the turns. metrics: the numbers."""

    slots: Slots
    metrics: Metrics

    @classmethod
    def of(cls, settings: Settings) -> "Watch":
        """As many turns as the settings say."""
        slots = Slots(settings.threads or 2 * cores(), settings.queue)
        return cls(slots, Metrics(slots))


def guarded(app: ASGIApp, settings: Settings, watch: Watch, buckets: Buckets | None = None) -> ASGIApp:
    """The application behind its guard.

    Args:
        app: what is guarded. settings: limits, keys, hosts, proxies, origins. watch: what counts.
        buckets: those that other processes share; without them this process has its own.
    """
    plain = app
    app = Turns(app, watch.slots, settings.answer_seconds)
    app = Bodies(app, watch.slots, settings.max_body, settings.body_seconds)
    if settings.rate:
        app = Rated(app, buckets or Buckets(settings.rate, settings.most_at_once))
    if settings.keys:
        app = Locked(app, settings.keys)
    if settings.origins:
        allowed = ["authorization", "x-api-key", "content-type"]
        app = CORSMiddleware(app, settings.origins, allow_methods=["GET", "POST"], allow_headers=allowed)
    return Guard(Heads(app, settings.max_head, settings.hosts), plain, settings, watch.metrics)


class Guard:
    """Keeps the record of each request.

    Args:
        app: asked with the record in the scope's state. plain: started and ended, unguarded.
        settings: proxies and what is logged. metrics: told of each.
    """

    def __init__(self, app: ASGIApp, plain: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._plain, self._metrics = app, plain, metrics
        self._callers, self._questions = Callers(settings.proxy_networks), settings.log_questions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._other(scope, receive, send)
        record = self._callers.record(scope)
        scope.setdefault("state", {})["record"] = record
        own = (*ALWAYS, (b"x-request-id", record.request_id.encode()))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = completed(list(message.get("headers", [])), own)
            elif message["type"] == "http.response.body":
                record.sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001  # the last place that can say which request it was
            _log.error("a fault of ours", exc_info=error, extra={"request": self._said(scope, record)})
            if not record.status:
                await refused(scope, 500, "this is our fault, and the server's log says what happened")(
                    scope, receive, answer
                )
        finally:
            self._end(scope, record)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._plain(scope, receive, send)
        await send({"type": "websocket.close", "code": 1008})
        return None

    def _end(self, scope: Scope, record: Record) -> None:
        record.status = record.status or _GONE
        self._metrics.request(record, _route(scope), time.perf_counter() - record.start)
        if logs.requests.isEnabledFor(logging.INFO):
            logs.requests.info("request", extra={"request": self._said(scope, record)})

    def _said(self, scope: Scope, record: Record) -> dict[str, object]:
        return logs.asked(scope, record, _route(scope), questions=self._questions)


def _route(scope: Scope) -> str:
    """The template of the path, which holds nothing that was asked."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"
