"""Logs: one JSON object a line on standard error, all ASCII, so nothing a client sends can end a line or colour it."""

import json
import logging
import sys
import time
import traceback
from typing import Any

from starlette.types import Scope

from service.api.guard.records import Record

requests = logging.getLogger("papers.requests")
"""A line a request."""


class Lines(logging.Formatter):
    """Log records as lines.

    Args:
        questions: may show the messages of unexpected errors, which can hold what was asked.
    """

    def __init__(self, questions: bool) -> None:
        super().__init__()
        self._questions = questions

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "pid": record.process,
        }
        line |= getattr(record, "request", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = self._error(record.exc_info[1])
        return json.dumps(line, default=str)

    def _error(self, error: BaseException) -> dict[str, Any]:
        frames = traceback.extract_tb(error.__traceback__)
        shown: dict[str, Any] = {
            "type": type(error).__name__,
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
        }
        return shown | {"said": str(error)} if self._questions else shown


def start(*, each: bool, questions: bool) -> None:
    """Sends this process's logs to standard error.

    Args:
        each: a line a request. questions: see ``Lines``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(questions))
    for name in ("papers", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)
    requests.setLevel(logging.INFO if each else logging.WARNING)


def asked(scope: Scope, record: Record, route: str, *, questions: bool) -> dict[str, Any]:
    """What the line of a request says; what was asked only where ``questions`` are to be logged."""
    said: dict[str, Any] = {
        "request_id": record.request_id,
        "method": scope["method"],
        "route": route,
        "status": record.status,
        "ms": round(1000 * (time.perf_counter() - record.start), 2),
        "queued_ms": round(1000 * record.queued, 2),
        "bytes": record.sent,
        "client": record.address,
        "key": record.key,
    }
    if questions:
        said |= {"path": scope["path"], "query": scope["query_string"].decode("latin-1")}
    return said
