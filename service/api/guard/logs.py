"""Logs: one JSON object per line on standard error, in ASCII, so that clients cannot forge or colour a line."""

import logging
import sys
import time
import traceback
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter
from starlette.types import Scope

from service.api.guard.records import RequestRecord

request_logger = logging.getLogger("papers.requests")
"""Logs one line per request."""
_MAX_FRAMES = 12
"""Innermost stack frames of an exception that are logged."""
_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class LogFormatter(JsonFormatter):
    """Formats log records as JSON objects.

    Args:
        log_queries: include the messages of exceptions, which may contain a query.
    """

    def __init__(self, log_queries: bool) -> None:
        renamed = {"levelname": "level", "process": "pid", "exc_info": "error"}
        super().__init__(["levelname", "message", "process"], rename_fields=renamed, timestamp="time")
        self._log_queries = log_queries

    def formatException(self, ei: _ExceptionInfo) -> dict[str, Any]:  # type: ignore[override]
        """Returns the type and the stack of an exception as a JSON object."""
        _, error, trace = ei
        frames = traceback.extract_tb(trace)[-_MAX_FRAMES:]
        fields: dict[str, Any] = {
            "type": type(error).__name__,
            "traceback": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        return fields | {"message": str(error)} if self._log_queries else fields


def configure(*, log_requests: bool, log_queries: bool) -> None:
    """Sends the logs of this process to standard error.

    Args:
        log_requests: log one line per request.
        log_queries: see ``LogFormatter``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter(log_queries))
    for name in ("papers", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)
    request_logger.setLevel(logging.INFO if log_requests else logging.WARNING)


def request_fields(scope: Scope, record: RequestRecord, route: str, *, log_queries: bool) -> dict[str, Any]:
    """Returns the fields of a request's log line.

    Args:
        scope: the request.
        record: its record.
        route: template of its path.
        log_queries: include the path and the query.
    """
    fields: dict[str, Any] = {
        "request_id": record.request_id,
        "method": scope["method"],
        "route": route,
        "status": record.status,
        "ms": round(1000 * (time.perf_counter() - record.started_at), 2),
        "queued_ms": round(1000 * record.queue_wait_s, 2),
        "bytes": record.bytes_sent,
        "client": record.client_address(scope),
        "key": record.key_name,
    }
    if log_queries:
        fields |= {"path": scope["path"], "query": scope["query_string"].decode("latin-1")}
    return fields
