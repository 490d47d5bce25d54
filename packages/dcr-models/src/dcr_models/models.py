"""The tables: task results, group results, chord counters.

Each is a concrete model over a public abstract base. A project that wants columns of its own (tenant,
owner) derives from the base and names its model in a ``DatabaseBackend`` subclass (``TaskModel``,
``GroupModel``). Indexes are named in the concrete models: two tables cannot share a name.
"""

from __future__ import annotations

from celery import states
from django.db import models

from . import guards
from .abstract import AbstractChordCounter, AbstractGroupResult, AbstractTaskResult

__all__ = [
    "ALL_STATES",
    "TASK_STATE_CHOICES",
    "AbstractChordCounter",
    "AbstractGroupResult",
    "AbstractTaskResult",
    "ChordCounter",
    "GroupResult",
    "TaskResult",
]

guards.require_app()

ALL_STATES = sorted(states.ALL_STATES)
TASK_STATE_CHOICES = sorted(zip(ALL_STATES, ALL_STATES, strict=True))


class TaskResult(AbstractTaskResult):
    """State and result of one task."""

    class Meta(AbstractTaskResult.Meta):
        app_label = guards.APP_LABEL
        indexes = [
            models.Index(fields=["task_name"], name="django_cele_task_na_08aec9_idx"),
            models.Index(fields=["status"], name="django_cele_status_9b6201_idx"),
            models.Index(fields=["worker"], name="django_cele_worker_d54dd8_idx"),
            models.Index(fields=["date_created"], name="django_cele_date_cr_f04a50_idx"),
            models.Index(fields=["date_done"], name="django_cele_date_do_f59aad_idx"),
            models.Index(fields=["periodic_task_name"], name="django_cele_periodi_1993cf_idx"),
        ]


class GroupResult(AbstractGroupResult):
    """Members of a saved group."""

    class Meta(AbstractGroupResult.Meta):
        app_label = guards.APP_LABEL
        indexes = [
            models.Index(fields=["date_created"], name="django_cele_date_cr_bd6c1d_idx"),
            models.Index(fields=["date_done"], name="django_cele_date_do_caae0e_idx"),
        ]


class ChordCounter(AbstractChordCounter):
    """How many parts of a chord's header have still to return."""

    class Meta(AbstractChordCounter.Meta):
        app_label = guards.APP_LABEL
