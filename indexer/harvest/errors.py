"""Errors of requests, apart from the client, which needs further packages."""

from search.errors import HarvestFailed


class PassingError(Exception):
    """A request failed for a reason that may pass, so that it is tried again.

    Args:
        reason: What happened, for the message after the last try.
        wait: Seconds after which the service wants the next try; None if it does not say.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class StatusError(HarvestFailed):
    """The service answered with a status that will not pass.

    Attributes:
        status: The status.
        body: The body, in which a protocol may explain it.
    """

    def __init__(self, url: str, status: int, reason: str, body: bytes) -> None:
        super().__init__(url, f"it answered {status} {reason}".rstrip())
        self.status, self.body = status, body
