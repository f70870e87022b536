"""lazy_property: a property that is computed when it is first read, without a lock.

``functools.cached_property`` of Python 3.11 has one lock for all objects of a class. A request that computes a property
of its own object, and perhaps pauses for others there, would keep the others waiting for theirs. It is right for an
object that all requests share and that takes long to open.
"""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

ValueT = TypeVar("ValueT")


class lazy_property(Generic[ValueT]):
    """Decorates a method whose result is kept in the object.

    Two threads that read it at the same time may both compute it.

    Args:
        compute: the method.
    """

    def __init__(self, compute: Callable[[Any], ValueT]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> ValueT: ...

    def __get__(self, instance: object | None, owner: type) -> Self | ValueT:
        if instance is None:
            return self
        value = self._compute(instance)
        instance.__dict__[self._name] = value  # found from now on, before this descriptor
        return value
