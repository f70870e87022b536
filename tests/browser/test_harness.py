"""The test harness: requests to other hosts are blocked and reported."""

from collections.abc import Callable

import pytest

from chromium import Visit


@pytest.mark.parametrize("address", ["http://example.org/", "https://192.0.2.1/"])
def test_external_requests_are_blocked_and_fail_the_visit(visit: Callable[..., Visit], address: str) -> None:
    visitor = visit()
    visitor.page.evaluate("address => fetch(address, {mode: 'no-cors'}).catch(() => null)", address)
    with pytest.raises(AssertionError):
        visitor.close()
    assert address in visitor.requests
    assert "ERR_NAME_NOT_RESOLVED" in visitor.errors[0]
    visitor.requests.clear()
    visitor.errors.clear()


def test_page_errors_fail_the_visit(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    visitor.page.evaluate("alert('me')")
    visitor.page.evaluate("console.error('this')")
    visitor.page.evaluate("setTimeout(() => { throw Error('that') })")
    visitor.page.wait_for_timeout(50)
    with pytest.raises(AssertionError):
        visitor.close()
    assert [each[:10] for each in visitor.errors] == ["dialog: me", "this ()", "that"]
    visitor.errors.clear()
