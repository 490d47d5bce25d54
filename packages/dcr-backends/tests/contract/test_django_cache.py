"""``django-cache`` under contract, on local memory and on Redis."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from .chords import ChordContract
from .exceptions import ExceptionContract
from .execution import ExecutionContract
from .groups import GroupContract
from .tasks import TaskContract
from .values import ValueContract


class TestCacheBackend(TaskContract, ValueContract, ExceptionContract, GroupContract, ChordContract, ExecutionContract):
    """On the cache ``default``, which is local memory."""

    result_backend = "django-cache"
    keeps_types = True  # the cache pickles what it is given
    raises_encode_error = False
    counts_parts = False


@pytest.mark.services
class TestCacheBackendOnRedis(TestCacheBackend):
    """On a cache that other processes share."""

    conf: ClassVar[dict[str, Any]] = {"cache_backend": "redis", "result_expires": 300}
