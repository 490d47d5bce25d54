"""Results with columns of the project's own."""

from __future__ import annotations

from typing import Any

from django.db import models

from django_celery_results.managers import TaskResultManager
from django_celery_results.models import TaskResult


class OrderResultManager(TaskResultManager):
    """A manager that overrides what projects override."""

    #: Names of the arguments of the last call.
    last_call: tuple[int, list[str]] = (0, [])

    def store_result(self, *args: Any, **kwargs: Any) -> Any:
        """Store a result of the shop."""
        type(self).last_call = (len(args), sorted(kwargs))
        return super().store_result(*args, **kwargs)


class OrderResult(TaskResult):
    """A task's result in a shop."""

    shop = models.CharField(max_length=20, default="main street")

    objects = OrderResultManager()
