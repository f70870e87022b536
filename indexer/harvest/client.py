"""Client: the requests of a harvest, with the manners that services ask for.

One connection, a pause between requests that all processes of a user share, Retry-After, back-off with jitter, and
bounds for redirects, time and size.
"""

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self, TypeAlias

import httpx2
import tenacity

from indexer.harvest import limits
from indexer.harvest.errors import PassingError, StatusError
from search.errors import HarvestFailed
from search.files import cache_folder, make_directory

if TYPE_CHECKING:
    from indexer.harvest.service import Service

_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which a request is tried again."""
_PROJECT = "papers-search"

Check: TypeAlias = Callable[[bytes], object]
"""Raises ``PassingError`` for a body that is not complete, or not what was requested."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response.

    Attributes:
        body: The body, decompressed.
        headers: The headers; names are found in any case.
    """

    body: bytes
    headers: Mapping[str, str]


class Client:
    """Makes the requests of one harvest; used as a context manager.

    Args:
        interval: Seconds between two requests; none to this machine itself.
        contact: The mail address or page that a service can use if it has a question; empty for none.
        on_wait: Called with the seconds and the reason before a wait that a service asks for or an error causes.
        turn: What the hosts have in common that wait for each other; empty if each host has its own turn.
        sleep: Waits for a number of seconds.

    Attributes:
        contact: As the argument.
        interval: As the argument; a service that allows fewer requests at the moment may raise it.
    """

    def __init__(
        self,
        interval: float,
        contact: str = "",
        *,
        on_wait: Callable[[float, str], None] = lambda seconds, reason: None,  # noqa: ARG005
        turn: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.interval, self._on_wait, self._sleep = interval, on_wait, sleep
        self.contact, self._turn = contact, turn
        self._http = httpx2.Client(
            headers={"User-Agent": user_agent(contact), "Accept-Encoding": "gzip, deflate"},
            timeout=httpx2.Timeout(limits.READ_S, connect=limits.CONNECT_S),
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1),
        )

    @classmethod
    def of(cls, service: "Service", contact: str, on_wait: Callable[[float, str], None]) -> Self:
        """Returns a client with the pause and the turn of a service."""
        return cls(service.interval, contact, on_wait=on_wait, turn=service.turn)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def get(
        self,
        url: str,
        parameters: Mapping[str, str] | None = None,
        *,
        types: tuple[str, ...],
        check: Check = lambda body: None,  # noqa: ARG005
        secrets: Mapping[str, str] | None = None,
    ) -> Response:
        """Requests a page; tries again what may pass.

        Args:
            url: The address.
            parameters: The query string.
            types: The media types that are expected, as in ``application/xml``.
            check: Raises for an incomplete body.
            secrets: Headers such as API keys, which no other host gets by a redirect.

        Raises:
            StatusError: The service refused the request.
            HarvestFailed: It could not be reached, or answered otherwise than expected, several times.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(limits.MAX_TRIES),
            wait=self._choose_wait,
            retry=tenacity.retry_if_exception_type(PassingError),
            sleep=self._sleep,
            before_sleep=self._announce_wait,
            reraise=True,
        )
        try:
            return retrying(self._get_once, httpx2.URL(url, params=parameters), types, check, secrets or {})
        except PassingError as error:
            wait = f"; it asks to wait {error.wait:,.0f} seconds" if error.wait else ""
            raise HarvestFailed(
                url, f"{error}{wait}. What was fetched is kept; run the same command later to continue"
            ) from None

    def pause(self, seconds: float, reason: str) -> None:
        """Waits before the next request, because the last response asks for it."""
        self._on_wait(seconds, reason)
        self._sleep(seconds)

    def _choose_wait(self, state: tenacity.RetryCallState) -> float:
        """Returns the seconds that the service asks for, or else those of an exponential back-off with jitter."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, PassingError) and error.wait is not None:
            return error.wait
        first, longest = limits.FIRST_BACKOFF_S, limits.MAX_BACKOFF_S
        return tenacity.wait_exponential_jitter(multiplier=first, max=longest, jitter=first)(state)

    def _announce_wait(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._on_wait(state.next_action.sleep if state.next_action else 0.0, f"{state.args[0].host}: {error}")

    def _get_once(self, url: httpx2.URL, types: tuple[str, ...], check: Check, secrets: Mapping[str, str]) -> Response:
        request = self._http.build_request("GET", url, headers={"Accept": ", ".join(types), **secrets})
        for _ in range(limits.MAX_REDIRECTS + 1):
            response, body = self._send(request)
            target = response.next_request
            if target is None:
                return _check_response(response, body, types, check)
            is_local = _is_this_machine(target.url.host) and not _is_this_machine(url.host)
            if target.url.scheme not in (url.scheme, "https") or is_local:
                raise HarvestFailed(str(url), f"it redirects to {target.url}, which is not followed")
            if target.url.host != url.host:
                for name in secrets:
                    target.headers.pop(name, None)
            request = target
        raise HarvestFailed(str(url), f"it redirects more than {limits.MAX_REDIRECTS} times")

    def _send(self, request: httpx2.Request) -> tuple[httpx2.Response, bytes]:
        """Sends one request in its turn, and reads the body."""
        try:
            host = request.url.host
            interval = 0.0 if _is_this_machine(host) else self.interval
            with _take_turn(self._turn or f"{host}:{request.url.port}", interval, self._sleep):
                response = self._http.send(request, stream=True)
                try:
                    return response, _read_body(response)
                finally:
                    response.close()
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise HarvestFailed(str(request.url), str(error)) from None
        except httpx2.TransportError as error:
            raise PassingError(str(error) or type(error).__name__) from None
        except httpx2.HTTPError as error:
            raise PassingError(f"the body cannot be read: {error}") from None


def user_agent(contact: str) -> str:
    """Returns the program with its version and, if there is one, the contact address."""
    return f"{_PROJECT}/{version(_PROJECT)}" + (f" (+{contact})" if contact else "")


def _read_body(response: httpx2.Response) -> bytes:
    deadline, size, chunks = time.monotonic() + limits.BODY_S, 0, list[bytes]()
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > limits.MAX_BODY_BYTES:
            raise HarvestFailed(str(response.url), f"the page has more than {limits.MAX_BODY_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise PassingError(f"the page was not complete after {limits.BODY_S:,.0f} seconds")
        chunks.append(chunk)
    return b"".join(chunks)


def _check_response(response: httpx2.Response, body: bytes, types: tuple[str, ...], check: Check) -> Response:
    status, url = response.status_code, str(response.url)
    if status in _PASSING_STATUSES:
        wait = _parse_retry_after(response.headers.get("Retry-After"))
        message = f"it answered {status} {response.reason_phrase}".rstrip()
        if wait is not None and wait > limits.MAX_RETRY_AFTER_S:
            raise HarvestFailed(
                url,
                f"{message} and asks to wait {wait:,.0f} seconds. What was fetched is kept; run the same command after "
                "that time to continue",
            )
        raise PassingError(message, wait)
    if status != httpx2.codes.OK:
        raise StatusError(url, status, response.reason_phrase, body)
    found = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if found not in types:
        raise PassingError(f"it answered with {found or 'no media type'} instead of {' or '.join(types)}")
    check(body)
    return Response(body, response.headers)


def _parse_retry_after(text: str | None) -> float | None:
    """Parses the header of RFC 9110, section 10.2.3: seconds or a date; None for any other text."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _is_this_machine(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


@contextlib.contextmanager
def _take_turn(turn: str, interval: float, sleep: Callable[[float], None]) -> Iterator[None]:
    """Waits until no other process of the user makes a request in this turn, and the interval is over."""
    folder = cache_folder() / "harvest"
    make_directory(folder)
    name = hashlib.sha256(turn.encode()).hexdigest()[:16]
    lock = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status = os.fstat(lock)
        if status.st_size:  # the file was written when the last request ended
            sleep(min(interval, max(0.0, status.st_mtime + interval - time.time())))
        try:
            yield
        finally:
            os.pwrite(lock, b".", 0)
            os.utime(lock)
    finally:
        os.close(lock)
