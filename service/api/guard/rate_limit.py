"""Rates: how often each key or address may ask.

A token bucket kept as one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T
I.371). The numbers lie in memory that all workers share, in a table of fixed size: a bucket that is full is as good as
none, so places free themselves, and nobody can make the table grow.
"""

import hashlib
import ipaddress
import math
import mmap
import os
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.guard.headers import add_missing_headers
from service.api.guard.records import RequestRecord
from service.api.problems import error_response

_TABLE_SIZE = 65_536
_PROBE_LENGTH = 8
"""Places looked at for one caller; where all are others', the one that is full soonest is taken over."""
_EXEMPT_PATHS = ("/healthz", "/readyz", "/static/")


@dataclass(frozen=True, slots=True)
class Quota:
    """What a caller has.

    Attributes:
        left: requests it may make at once. wait: seconds until it may make one, 0 where it may now.
        full: seconds until it has all of them again.
    """

    remaining: int
    wait_s: float
    reset_s: float


class TokenBuckets:
    """A bucket for each caller, shared by all processes forked after this. Two processes that change one at the same
    moment can count two requests as one: a lock for every request would cost more than that is worth.

    Args:
        rate: requests a second. burst: capacity.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self._memory = mmap.mmap(-1, _TABLE_SIZE * 16)
        self._full_at = memoryview(self._memory).cast("d")[:_TABLE_SIZE]
        self._owners = memoryview(self._memory).cast("Q")[_TABLE_SIZE:]
        self._hash_key = os.urandom(16)  # nobody can choose callers that meet in one place

    def take(self, client_id: str, now: float) -> Quota:
        """Takes one request from a caller's bucket where there is one.

        Args:
            caller: who asks. now: seconds of a clock that all processes share and that never goes back.
        """
        mark = (
            int.from_bytes(hashlib.blake2b(client_id.encode(), digest_size=8, key=self._hash_key).digest(), "little")
            or 1
        )
        place = self._find_place(mark, now)
        full = max(self._full_at[place], now) if self._owners[place] == mark else now
        after = full + 1 / self.rate
        wait = after - self.burst / self.rate - now
        if wait > 1e-9:
            return Quota(0, wait, full - now)
        self._owners[place], self._full_at[place] = mark, after
        return Quota(math.floor(self.burst - (after - now) * self.rate + 1e-6), 0.0, after - now)

    def _find_place(self, mark: int, now: float) -> int:
        places = [(mark + step) % _TABLE_SIZE for step in range(_PROBE_LENGTH)]
        for place in places:
            if self._owners[place] == mark:
                return place
        return min(places, key=lambda place: max(self._full_at[place], now))


class RateLimit:
    """Refuses those who ask too often, and tells everybody what is left (draft-ietf-httpapi-ratelimit-headers).

    Args:
        app: asked by those who may. buckets: what each has.
    """

    def __init__(self, app: ASGIApp, buckets: TokenBuckets) -> None:
        self._app, self._buckets = app, buckets
        window = math.ceil(buckets.burst / buckets.rate)
        self._policy = f'"requests";q={buckets.burst};w={window}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(_EXEMPT_PATHS):
            return await self._app(scope, receive, send)
        allowance = self._buckets.take(_client_id(RequestRecord.from_scope(scope)), time.monotonic())
        told = self._rate_headers(allowance)
        if allowance.wait_s:
            seconds = math.ceil(allowance.wait_s)
            said = f"{self._buckets.rate:g} requests a second are allowed; ask again in {seconds} s"
            headers = {name.decode(): value.decode() for name, value in told} | {"retry-after": str(seconds)}
            return await error_response(scope, 429, said, headers)(scope, receive, send)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = add_missing_headers(list(message.get("headers", [])), told)
            await send(message)

        return await self._app(scope, receive, answer)

    def _rate_headers(self, allowance: Quota) -> list[tuple[bytes, bytes]]:
        left = f'"requests";r={allowance.remaining};t={math.ceil(allowance.reset_s)}'
        return [(b"ratelimit-policy", self._policy.encode()), (b"ratelimit", left.encode())]


def _client_id(record: RequestRecord) -> str:
    """A key's name, else an address; a network of IPv6 is one caller, as whoever has one address there has all."""
    if record.key_name is not None:
        return f"key {record.key_name}"
    if ":" in record.address:
        try:
            return str(ipaddress.ip_network(f"{record.address.partition('%')[0]}/64", strict=False))
        except ValueError:
            return record.address
    return record.address
