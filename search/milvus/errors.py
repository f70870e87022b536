"""Errors of Milvus as errors of this program."""

from collections.abc import Iterator
from contextlib import contextmanager

from search.errors import IndexUnavailable


@contextmanager
def reports_errors(address: str) -> Iterator[None]:
    """Reports an error of Milvus in the context with the address of the collection.

    Raises:
        IndexUnavailable: Milvus reports an error.
    """
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except MilvusException as error:
        raise IndexUnavailable(address, f"Milvus reports: {error.message}; try again, or look at its log") from None
