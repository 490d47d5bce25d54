"""The public bases of the tables: columns and managers, without indexes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from celery import states
from celery.result import GroupResult as CeleryGroupResult
from celery.result import result_from_tuple
from django.db import models
from django.db.models.query import QuerySet
from django.utils.translation import gettext_lazy as _

from . import conf, managers
from .counters import ChordCounterManager

if TYPE_CHECKING:
    from celery import Celery

#: Characters in columns that hold a task's, group's or chord's id.
ID_MAX_LENGTH = conf.task_id_max_length()


class AbstractResult(models.Model):
    """What a task's and a group's result have in common."""

    class Meta:
        abstract = True

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: QuerySet[Any] | None = None,
    ) -> None:
        """Load from the database that the row is on: the one that routers read from may lag behind it."""
        if using is None and from_queryset is None:
            using = self._state.db
        super().refresh_from_db(using, fields, from_queryset)


class AbstractTaskResult(AbstractResult):
    """State and result of one task, found by ``task_id``."""

    task_id = models.CharField(
        max_length=ID_MAX_LENGTH,
        unique=True,
        verbose_name=_("task ID"),
        help_text=_("Celery's id of the task"),
    )
    periodic_task_name = models.CharField(
        null=True,
        max_length=255,
        verbose_name=_("periodic task name"),
        help_text=_("The schedule entry that sent the task"),
    )
    task_name = models.CharField(
        null=True,
        max_length=ID_MAX_LENGTH,
        verbose_name=_("task name"),
        help_text=_("Registered name of the task"),
    )
    task_args = models.TextField(
        null=True,
        verbose_name=_("task positional arguments"),
        help_text=_("Positional arguments in encoded form, as the sender let them be shown"),
    )
    task_kwargs = models.TextField(
        null=True,
        verbose_name=_("task named arguments"),
        help_text=_("Named arguments in encoded form, as the sender let them be shown"),
    )
    status = models.CharField(
        max_length=50,
        default=states.PENDING,
        verbose_name=_("task state"),
        help_text=_("State that was last reported: one of Celery's, or the task's own"),
    )
    worker = models.CharField(
        max_length=100,
        default=None,
        null=True,
        verbose_name=_("worker"),
        help_text=_("Node name of the worker that ran the task"),
    )
    content_type = models.CharField(
        max_length=128,
        verbose_name=_("result content type"),
        help_text=_("MIME type of the stored value"),
    )
    content_encoding = models.CharField(
        max_length=64,
        verbose_name=_("result encoding"),
        help_text=_("Text encoding of the stored value; “binary” means base64"),
    )
    result = models.TextField(
        null=True,
        default=None,
        editable=False,
        verbose_name=_("result data"),
        help_text=_("The value in encoded form; content type and encoding tell how to read it"),
    )
    date_created = models.DateTimeField(
        auto_now_add=True,
        verbose_name=_("created at"),
        help_text=_("When the row was first written"),
    )
    date_started = models.DateTimeField(
        null=True,
        default=None,
        verbose_name=_("started at"),
        help_text=_("When a worker first reported the task as started"),
    )
    date_done = models.DateTimeField(
        auto_now=True,
        verbose_name=_("completed at"),
        help_text=_("When the row was last written: for a finished task, when it finished"),
    )
    traceback = models.TextField(
        blank=True,
        null=True,
        verbose_name=_("traceback"),
        help_text=_("Traceback of the exception that the task raised"),
    )
    meta = models.TextField(
        null=True,
        default=None,
        editable=False,
        verbose_name=_("task meta information"),
        help_text=_("Encoded like the result: child tasks and what the task put into its request's meta"),
    )

    objects = managers.TaskResultManager()

    class Meta:
        abstract = True
        ordering = ["-date_done"]
        verbose_name = _("task result")
        verbose_name_plural = _("task results")

    def __str__(self) -> str:
        return f"<Task: {self.task_id} ({self.status})>"

    def as_dict(self) -> dict[str, Any]:
        """Return the columns that make Celery's task meta, still encoded."""
        return {
            "task_id": self.task_id,
            "task_name": self.task_name,
            "task_args": self.task_args,
            "task_kwargs": self.task_kwargs,
            "status": self.status,
            "result": self.result,
            "date_done": self.date_done,
            "traceback": self.traceback,
            "meta": self.meta,
            "worker": self.worker,
        }


class AbstractGroupResult(AbstractResult):
    """Members of a saved group, found by ``group_id``; ``result`` is the encoded tuple form of the group."""

    group_id = models.CharField(
        max_length=ID_MAX_LENGTH,
        unique=True,
        verbose_name=_("group ID"),
        help_text=_("Celery's id of the group"),
    )
    date_created = models.DateTimeField(
        auto_now_add=True,
        verbose_name=_("created at"),
        help_text=_("When the row was first written"),
    )
    date_done = models.DateTimeField(
        auto_now=True,
        verbose_name=_("completed at"),
        help_text=_("When the group was last saved"),
    )
    content_type = models.CharField(
        max_length=128,
        verbose_name=_("result content type"),
        help_text=_("MIME type of the stored value"),
    )
    content_encoding = models.CharField(
        max_length=64,
        verbose_name=_("result encoding"),
        help_text=_("Text encoding of the stored value; “binary” means base64"),
    )
    result = models.TextField(
        null=True,
        default=None,
        editable=False,
        verbose_name=_("result data"),
        help_text=_("The value in encoded form; content type and encoding tell how to read it"),
    )

    objects = managers.GroupResultManager()

    class Meta:
        abstract = True
        ordering = ["-date_done"]
        verbose_name = _("group result")
        verbose_name_plural = _("group results")

    def __str__(self) -> str:
        return f"<Group: {self.group_id}>"

    def as_dict(self) -> dict[str, str | datetime | None]:
        """Return the columns that make Celery's group meta, still encoded."""
        return {"group_id": self.group_id, "result": self.result, "date_done": self.date_done}


class AbstractChordCounter(models.Model):
    """How many parts of a chord's header have still to return."""

    group_id = models.CharField(
        max_length=ID_MAX_LENGTH,
        unique=True,
        verbose_name=_("group ID"),
        help_text=_("Celery's id of the chord's header group"),
    )
    sub_tasks = models.TextField(help_text=_("The header's results as a JSON list of tuples; group_result() reads it"))
    count = models.PositiveIntegerField(help_text=_("Parts of the header that have still to return"))
    date_created = models.DateTimeField(
        null=True,
        default=None,
        verbose_name=_("created at"),
        help_text=_("When the chord was applied"),
    )
    claimed_at = models.DateTimeField(
        null=True,
        default=None,
        verbose_name=_("claimed at"),
        help_text=_("When a process took it upon itself to send the body, by the database's clock"),
    )
    claimed_by = models.CharField(
        max_length=64,
        null=True,
        default=None,
        verbose_name=_("claimed by"),
        help_text=_("Token of the process that sends the body"),
    )
    body = models.TextField(
        null=True,
        default=None,
        verbose_name=_("body"),
        help_text=_("Signature of the body in encoded form"),
    )
    body_content_type = models.CharField(
        max_length=128,
        null=True,
        default=None,
        verbose_name=_("body content type"),
        help_text=_("MIME type of the stored signature"),
    )
    body_content_encoding = models.CharField(
        max_length=64,
        null=True,
        default=None,
        verbose_name=_("body encoding"),
        help_text=_("Text encoding of the stored signature; “binary” means base64"),
    )

    objects = ChordCounterManager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"<Chord: {self.group_id} ({self.count})>"

    def group_result(self, app: Celery | None = None) -> CeleryGroupResult:
        """Return the header as Celery's GroupResult, bound to ``app`` (default: the current one)."""
        members = [result_from_tuple(member, app=app) for member in json.loads(self.sub_tasks)]
        return CeleryGroupResult(self.group_id, members, app=app)
