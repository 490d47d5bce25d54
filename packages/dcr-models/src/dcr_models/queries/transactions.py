"""Try a database operation again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any, ParamSpec, TypeVar

from django.db import Error, connections

P = ParamSpec("P")
R = TypeVar("R")


def transaction_retry(max_retries: int = 1) -> Callable[[Callable[P, R]], Callable[..., R]]:
    """Decorate a function to be called again when the database raises, ``max_retries`` times at most.

    Callers of the decorated function can set another limit with the keyword ``exception_retry_count``.
    Inside an atomic block nothing is tried again: the transaction is over, and a second error would hide
    the first one.
    """

    def decorate(function: Callable[P, R]) -> Callable[..., R]:
        @wraps(function)
        def retrying(*args: Any, exception_retry_count: int = max_retries, **kwargs: Any) -> R:
            for attempt in count():
                try:
                    return function(*args, **kwargs)
                except Error:
                    if attempt >= exception_retry_count or _in_atomic_block():
                        raise
            raise AssertionError("unreachable")

        return retrying

    return decorate


def _in_atomic_block() -> bool:
    return any(connection.in_atomic_block for connection in connections.all(initialized_only=True))
