"""Rate limits, compared with a bucket that is filled and emptied step by step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.guard.rate_limit import TokenBuckets


class ReferenceBucket:
    """A token bucket by definition: full at first, refilled continuously, one token per request."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst, self.tokens, self.time = rate, burst, float(burst), 0.0

    def take(self, now: float) -> tuple[bool, float]:
        self.tokens = min(self.burst, self.tokens + (now - self.time) * self.rate)
        self.time = now
        if self.tokens >= 1 - 1e-9:
            self.tokens -= 1
            return True, self.tokens
        return False, self.tokens


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 20),
    steps=st.lists(st.tuples(st.integers(0, 2), st.floats(0, 5)), max_size=60),
)
def test_buckets_are_token_buckets(rate: float, burst: int, steps: list[tuple[int, float]]) -> None:
    buckets, references, now = TokenBuckets(rate, burst), [ReferenceBucket(rate, burst) for _ in range(3)], 0.0
    for client, pause in steps:
        now += round(pause, 3)
        allowed, tokens = references[client].take(now)
        quota = buckets.take(f"client {client}", now)
        assert (quota.wait_s == 0) == allowed
        assert quota.reset_s == pytest.approx((burst - tokens) / rate, abs=1e-6)
        if allowed:
            assert quota.remaining == pytest.approx(tokens, abs=1)
            assert quota.remaining <= tokens + 1e-5
        else:
            assert quota.wait_s == pytest.approx((1 - tokens) / rate, abs=1e-6)


def test_many_callers_use_bounded_memory_and_get_their_first_request() -> None:
    buckets = TokenBuckets(1, 2)
    assert all(buckets.take(f"address {n}", 1.0).wait_s == 0 for n in range(100_000))
