"""Errors of Milvus as errors of this program.

pymilvus raises errors of gRPC as they are if a request takes too long, or was refused before the server saw it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from search.errors import IndexUnavailable

_UNREACHABLE = 2
"""Code of pymilvus for a server that it cannot connect to, and of Milvus for a part of it that does not answer."""
NOT_LOADED = 101
"""Code of a collection that the server does not have in memory."""


def may_pass(error: BaseException) -> bool:
    """Whether the same request may succeed later: the server was not reached, or did not answer in time."""
    from grpc import RpcError
    from pymilvus.exceptions import MilvusException

    if isinstance(error, MilvusException):
        return error.retriable or error.code == _UNREACHABLE or not isinstance(error.code, int)
    return isinstance(error, RpcError)


def describe_error(error: Exception) -> str:
    """Says what Milvus reports, or that it does not answer."""
    from grpc import RpcError, StatusCode
    from pymilvus.exceptions import MilvusException

    code = error.code() if isinstance(error, RpcError) else getattr(error, "code", None)
    if code == StatusCode.DEADLINE_EXCEEDED:
        return "Milvus did not answer in time"
    if code in (StatusCode.UNAVAILABLE, _UNREACHABLE):
        return "Milvus cannot be reached"
    if isinstance(error, RpcError):
        return f"Milvus reports: {error.details() or code}"
    return f"Milvus reports: {error.message if isinstance(error, MilvusException) else error}"


@contextmanager
def reports_errors(address: str) -> Iterator[None]:
    """Reports an error of Milvus in the context with the address of the collection.

    Raises:
        IndexUnavailable: Milvus reports an error.
    """
    from grpc import RpcError
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, RpcError) as error:
        raise IndexUnavailable(address, f"{describe_error(error)}; try again, or look at its log") from None
