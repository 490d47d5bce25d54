"""``django-db`` under contract, on the database of this run."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from .chords import ChordContract
from .exceptions import ExceptionContract
from .execution import ExecutionContract
from .groups import GroupContract
from .tasks import TaskContract
from .values import ValueContract


@pytest.mark.django_db
class TestDatabaseBackend(
    TaskContract, ValueContract, ExceptionContract, GroupContract, ChordContract, ExecutionContract
):
    """With Celery's default serializer, JSON."""

    result_backend = "django-db"
    names_culprits = True
    keeps_group_and_parent = False  # the tables have no columns for them


class TestDatabaseBackendWithPickle(TestDatabaseBackend):
    """With pickle, which keeps types and exceptions as they are."""

    conf: ClassVar[dict[str, Any]] = {"result_serializer": "pickle", "result_accept_content": ["pickle"]}
    keeps_types = True
