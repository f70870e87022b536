"""Rate limit: how often each key or address may send a request.

Each token bucket is stored as one number, the time when it will be full again (the generic cell rate algorithm, ITU-T
I.371). The numbers are in memory that all workers share, in a table of fixed size: a full bucket equals an absent one,
so entries expire by themselves and no client can make the table grow.
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
"""Buckets in the table."""
_PROBE_LENGTH = 8
"""Entries probed for one client; if others occupy all of them, the one that is full soonest is replaced."""
_EXEMPT_PATHS = ("/healthz", "/readyz", "/static/")
"""Paths without a rate limit."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The state of a client's bucket.

    Attributes:
        remaining: requests that the client may send at once.
        wait_s: seconds until it may send one; 0 if it may now.
        reset_s: seconds until the bucket is full.
    """

    remaining: int
    wait_s: float
    reset_s: float


class TokenBuckets:
    """One bucket per client, shared by all processes forked after its creation. Two processes that change a bucket at
    the same moment can count two requests as one: a lock for every request would cost more than that is worth.

    Args:
        rate: requests per second.
        burst: capacity of a bucket, in requests.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self._memory = mmap.mmap(-1, _TABLE_SIZE * 16)
        self._full_at = memoryview(self._memory).cast("d")[:_TABLE_SIZE]
        self._owners = memoryview(self._memory).cast("Q")[_TABLE_SIZE:]
        self._hash_key = os.urandom(16)  # so that nobody can choose clients that collide

    def take(self, client_id: str, now: float, *, extra: int = 0) -> Quota:
        """Takes one request from a client's bucket unless it is empty.

        Args:
            client_id: the client.
            now: seconds of a monotonic clock that all processes share.
            extra: take so many requests in place of one, whether or not the bucket has them: the client then waits
                longer for the next one.
        """
        owner = self._hash(client_id)
        slot = self._find_slot(owner, now)
        full_at = max(self._full_at[slot], now) if self._owners[slot] == owner else now
        next_full_at = full_at + (extra or 1) / self.rate
        wait = next_full_at - self.burst / self.rate - now
        if wait > 1e-9 and not extra:
            return Quota(0, wait, full_at - now)
        self._owners[slot], self._full_at[slot] = owner, next_full_at
        remaining = math.floor(self.burst - (next_full_at - now) * self.rate + 1e-6)
        return Quota(max(0, remaining), 0.0, next_full_at - now)

    def _hash(self, client_id: str) -> int:
        """Returns a 64-bit hash other than 0, which marks a free entry."""
        digest = hashlib.blake2b(client_id.encode(), digest_size=8, key=self._hash_key).digest()
        return int.from_bytes(digest, "little") or 1

    def _find_slot(self, owner: int, now: float) -> int:
        slots = [(owner + step) % _TABLE_SIZE for step in range(_PROBE_LENGTH)]
        for slot in slots:
            if self._owners[slot] == owner:
                return slot
        return min(slots, key=lambda slot: max(self._full_at[slot], now))


class RateLimit:
    """Rejects requests of clients that exceed their rate with 429, and reports the remaining quota in every response
    (draft-ietf-httpapi-ratelimit-headers).

    Args:
        app: called with accepted requests.
        buckets: the buckets of the clients.
    """

    def __init__(self, app: ASGIApp, buckets: TokenBuckets) -> None:
        self._app, self._buckets = app, buckets
        window = math.ceil(buckets.burst / buckets.rate)
        self._policy = f'"requests";q={buckets.burst};w={window}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(_EXEMPT_PATHS):
            return await self._app(scope, receive, send)
        record, client_id = RequestRecord.from_scope(scope), _client_id(scope)
        quota = self._buckets.take(client_id, time.monotonic())
        added = self._rate_headers(quota)
        if quota.wait_s:
            seconds = math.ceil(quota.wait_s)
            detail = f"rate limit of {self._buckets.rate:g} requests per second exceeded; retry in {seconds} s"
            headers = {name.decode(): value.decode() for name, value in added} | {"retry-after": str(seconds)}
            return await error_response(scope, 429, detail, headers)(scope, receive, send)

        def take_tokens(requests: int) -> None:
            nonlocal added
            added = self._rate_headers(self._buckets.take(client_id, time.monotonic(), extra=requests))

        record.take_tokens = take_tokens

        async def send_with_quota(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = add_missing_headers(list(message.get("headers", [])), added)
            await send(message)

        return await self._app(scope, receive, send_with_quota)

    def _rate_headers(self, quota: Quota) -> list[tuple[bytes, bytes]]:
        state = f'"requests";r={quota.remaining};t={math.ceil(quota.reset_s)}'
        return [(b"ratelimit-policy", self._policy.encode()), (b"ratelimit", state.encode())]


def _client_id(scope: Scope) -> str:
    """Returns the key's name, else the address, of IPv6 its /64 network: one client has all addresses of a /64."""
    record = RequestRecord.from_scope(scope)
    if record.key_name is not None:
        return f"key {record.key_name}"
    address = record.client_address(scope)
    return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False)) if ":" in address else address
