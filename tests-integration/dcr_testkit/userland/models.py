"""Models that a project of 2.x or of today may have on top of the results."""

from __future__ import annotations

from django.db import models

from dcr_models.models import AbstractGroupResult, AbstractTaskResult, TaskResult


class TenantTaskResult(AbstractTaskResult):
    """A result with columns of the project's own, one of them required and filled by a default."""

    tenant = models.CharField(max_length=20, default="unknown")
    cost = models.IntegerField(null=True)


class TenantGroupResult(AbstractGroupResult):
    """A group with a column of the project's own."""

    tenant = models.CharField(max_length=20, default="unknown")


class InheritedTaskResult(TaskResult):
    """How 2.x projects extend results: multi-table inheritance."""

    note = models.CharField(max_length=20, default="")


class TaskResultProxy(TaskResult):
    """Results under another name in the admin."""

    class Meta:
        proxy = True
