"""Celery's own in-memory backend under contract: the check of the contract itself."""

from __future__ import annotations

from .chords import ChordContract
from .exceptions import ExceptionContract
from .execution import ExecutionContract
from .groups import GroupContract
from .tasks import TaskContract
from .values import ValueContract


class TestCeleryMemory(TaskContract, ValueContract, ExceptionContract, GroupContract, ChordContract, ExecutionContract):
    """With JSON, as ``django-db`` has it by default."""

    result_backend = "cache+memory://"
