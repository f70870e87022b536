"""Methods that do not keep their object alive.

An object that has a cached method of its own in an attribute refers to itself: it is freed by the garbage collector,
which a server seldom runs, and not with the generation of the index that it belongs to.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakMethod

P = ParamSpec("P")
T = TypeVar("T")


def weak_method(method: Callable[P, T]) -> Callable[P, T]:
    """Returns a function that calls a bound method, as long as something else refers to its object."""
    reference, method_name = WeakMethod(method), method.__qualname__

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if (found := reference()) is None:
            raise ReferenceError(f"the object of {method_name} is freed")
        return found(*args, **kwargs)

    return call
