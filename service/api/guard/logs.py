"""Logs: one JSON object a line on standard error, all ASCII, so nothing a client sends can end a line or colour it."""

import json
import logging
import sys
import time
import traceback
from typing import Any

from starlette.types import Scope

from service.api.guard.records import RequestRecord

request_logger = logging.getLogger("papers.requests")
"""A line a request."""


class JsonFormatter(logging.Formatter):
    """Log records as lines.

    Args:
        questions: may show the messages of unexpected errors, which can hold what was asked.
    """

    def __init__(self, log_queries: bool) -> None:
        super().__init__()
        self._log_queries = log_queries

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "pid": record.process,
        }
        line |= getattr(record, "request", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = self._error_fields(record.exc_info[1])
        return json.dumps(line, default=str)

    def _error_fields(self, error: BaseException) -> dict[str, Any]:
        frames = traceback.extract_tb(error.__traceback__)
        shown: dict[str, Any] = {
            "type": type(error).__name__,
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
        }
        return shown | {"said": str(error)} if self._log_queries else shown


def configure(*, log_requests: bool, log_queries: bool) -> None:
    """Sends this process's logs to standard error.

    Args:
        each: a line a request. questions: see ``Lines``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(log_queries))
    for name in ("papers", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)
    request_logger.setLevel(logging.INFO if log_requests else logging.WARNING)


def request_fields(scope: Scope, record: RequestRecord, route: str, *, log_queries: bool) -> dict[str, Any]:
    """What the line of a request says; what was asked only where ``questions`` are to be logged."""
    said: dict[str, Any] = {
        "request_id": record.request_id,
        "method": scope["method"],
        "route": route,
        "status": record.status,
        "ms": round(1000 * (time.perf_counter() - record.started_at), 2),
        "queued_ms": round(1000 * record.queue_wait_s, 2),
        "bytes": record.bytes_sent,
        "client": record.address,
        "key": record.key_name,
    }
    if log_queries:
        said |= {"path": scope["path"], "query": scope["query_string"].decode("latin-1")}
    return said
