"""The public verbs on the tables.

Reads of results go to the alias that is written to, because a replica may lag behind the worker; an
explicit ``using`` or ``db_manager(alias)`` wins over the routers everywhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import states
from django.db import connections, models, router

from . import conf
from .queries import isolation, reading, retention
from .queries.isolation import TxIsolationWarning as TxIsolationWarning
from .queries.plan import Write, plan_for
from .queries.text import shorten, storable
from .queries.transactions import transaction_retry as transaction_retry
from .queries.upsert import upsert
from .utils import now

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


#: The name that 2.x gave this text.
W_ISOLATION_REP = isolation.W_REPEATABLE_READ

#: Columns that describe a task; one that is too long is cut, where an id would be refused.
DESCRIPTIVE = ("task_name", "periodic_task_name", "worker")


class RoutedManager(models.Manager[Any]):
    """A manager whose verbs know which database they go to."""

    def write_alias(self, using: str | None = None) -> str:
        """Return the database alias for writes: ``using``, else ``db_manager``'s, else the routers'."""
        return using or self._db or router.db_for_write(self.model)


class ResultManager(RoutedManager):
    """What task and group results have in common."""

    #: Id that the last lookup did not find: a second miss in a row is somebody polling.
    _last_missing_id: str | None = None

    def connection_for_write(self) -> BaseDatabaseWrapper:
        """Return the connection that results are written through."""
        return connections[self.write_alias()]

    def connection_for_read(self) -> BaseDatabaseWrapper:
        """Return the connection that plain queries of this manager read through."""
        return connections[self.db]

    def current_engine(self) -> str:
        """Return the ``ENGINE`` of the database that plain queries of this manager read from."""
        return str(self.connection_for_read().settings_dict["ENGINE"])

    def warn_if_repeatable_read(self) -> None:
        """Issue TxIsolationWarning where MySQL or MariaDB would answer every poll from one snapshot."""
        if isolation.is_repeatable_read(self.connection_for_write()):  # which results are polled through
            warnings.warn(TxIsolationWarning(isolation.W_REPEATABLE_READ), stacklevel=2)

    def get_all_expired(self, expires: timedelta | float) -> models.QuerySet[Any]:
        """Return the rows that were last written more than ``expires`` ago (a timedelta, or seconds)."""
        return self.filter(
            date_done__lt=now() - (expires if isinstance(expires, timedelta) else timedelta(seconds=expires))
        )

    def delete_expired(self, expires: timedelta | float, batch_size: int = retention.BATCH_SIZE) -> int:
        """Delete the rows that were last written more than ``expires`` ago; return how many.

        ``expires``: a timedelta, or seconds. ``batch_size``: rows per transaction. Deletes from the alias
        that is written to.
        """
        return retention.delete_in_batches(self.get_all_expired(expires), self.write_alias(), batch_size)

    def _get_or_unsaved(self, key: str, value: str) -> Any:
        """Return the row where column ``key`` is ``value``, or an unsaved instance with that value."""
        alias = self.write_alias()
        row = self.using(alias).filter(**{key: value}).order_by().first()
        self._note(value, alias, missing=row is None)
        return self.model(**{key: value}) if row is None else row

    def _note(self, value: str, alias: str, *, missing: bool) -> None:
        """Remember an id that ``alias`` did not have; warn where it is asked for again and could never be found."""
        if not missing:
            return
        if self._last_missing_id == value:
            self.db_manager(alias).warn_if_repeatable_read()
        self._last_missing_id = value

    def _storable(self, using: str | None, values: dict[str, Any]) -> dict[str, Any]:
        """Return ``values`` with text that the database which they go to can hold."""
        connection = connections[self.write_alias(using)]
        return {name: storable(connection, value) for name, value in values.items()}

    def _upsert(self, using: str | None, write: Write) -> Any:
        """Send ``write``; return the row as an instance that loads what it was not told on first use."""
        alias = self.write_alias(using)
        pk = upsert(self.model, alias, write)
        if pk is None:  # a final SUCCESS is there: the rejected values must not be shown as stored
            return self.using(alias).get(**{write.key: write.values[write.key]})
        options = self.model._meta
        known = {options.pk.attname: pk, **{k: v for k, v in write.values.items() if k not in write.keep}}
        # In the model's order, which is how from_db wants them; other fields are deferred.
        names = [field.attname for field in options.concrete_fields if field.attname in known]
        return self.model.from_db(alias, names, [known[name] for name in names])


class TaskResultManager(ResultManager):
    """Verbs on task results."""

    @transaction_retry(max_retries=1)
    def get_task(self, task_id: str) -> Any:
        """Return the result of ``task_id``; an unsaved instance, whose state is PENDING, where there is none.

        ``exception_retry_count`` (keyword): how often to try again when the database raises; 1.
        """
        return self._get_or_unsaved("task_id", task_id)

    def get_tasks(self, task_ids: Sequence[str], using: str | None = None, *, values: bool = True) -> dict[str, Any]:
        """Return the stored results among ``task_ids``, by id: objects with the columns and ``as_dict()``.

        One narrow SELECT for up to ten thousand ids, and no model instances, unless the manager overrides
        ``get_task`` or ``get_queryset``, or the model ``as_dict``: those then make what is returned. Without
        ``values`` result, arguments and traceback may be left out.
        """
        alias = self.write_alias(using)
        rows: Iterable[Any]
        if type(self).get_task is not TaskResultManager.get_task:
            manager = self.db_manager(using) if using else self  # get_task takes no alias
            rows = (row for row in map(manager.get_task, task_ids) if row.pk is not None)
        elif reading.needs_instances(self):
            rows = reading.read_instances(self.using(alias), connections[alias], task_ids)
        else:
            rows = reading.read_tasks(self.model, connections[alias], task_ids, values=values)
        found = {row.task_id: row for row in rows}
        if len(task_ids) == 1:
            self._note(task_ids[0], alias, missing=not found)
        return found

    @transaction_retry(max_retries=2)
    def store_result(
        self,
        content_type: str,
        content_encoding: str,
        task_id: str,
        result: str | None,
        status: str,
        traceback: str | None = None,
        meta: str | None = None,
        periodic_task_name: str | None = None,
        task_name: str | None = None,
        task_args: str | None = None,
        task_kwargs: str | None = None,
        worker: str | None = None,
        using: str | None = None,
        *,
        keep: Iterable[str] = (),
        **kwargs: Any,
    ) -> Any:
        """Store state and result of a task in one statement; return what is stored.

        Result, traceback and meta are written as given. What describes the task (name, arguments, worker,
        periodic task name, and any other column of the model among ``kwargs``) is written where it is not
        None; what an earlier write knew stays. A stored ``date_started`` stays too, and so do values in the
        columns named by ``keep``. A stored SUCCESS stays as it is unless
        ``DJANGO_CELERY_RESULTS["SUCCESS_IS_FINAL"]`` is off.

        Raises ValueError for an id that is too long for its column, where a cut one would never be found.
        ``exception_retry_count`` (keyword): how often to try again when the database raises; 2.
        """
        described = {
            "periodic_task_name": periodic_task_name,
            "task_name": task_name,
            "task_args": task_args,
            "task_kwargs": task_kwargs,
            "worker": worker,
            **kwargs,
        }
        plan = plan_for(self.model)
        values = {
            "task_id": fitting_id(self.model, "task_id", task_id),
            "status": status,
            "result": result,
            "traceback": traceback,
            "meta": meta,
            "content_type": content_type,
            "content_encoding": content_encoding,
            **plan.known({name: value for name, value in described.items() if value is not None}),
        }
        values = self._storable(using, values)
        for name in DESCRIPTIVE:  # last: what was made visible is longer than it was
            if name in values:
                values[name] = shorten(values[name], plan.fields[name].max_length)
        write = Write(
            key="task_id",
            values=values,
            keep=frozenset({"date_started", *keep}).intersection(values),
            success_is_final=conf.get("SUCCESS_IS_FINAL"),
        )
        return self._upsert(using, write)

    def forget(self, *task_ids: str, using: str | None = None) -> None:
        """Delete the results of ``task_ids``; nothing happens for those that have none."""
        alias = self.write_alias(using)
        for chunk in reading.chunks(connections[alias], task_ids):
            self.using(alias).filter(task_id__in=chunk).delete()

    def clean_up(
        self,
        *,
        ready: timedelta | None,
        failed: timedelta | None,
        unready: timedelta | None,
        kept_ids: Collection[str] = (),
        using: str | None = None,
        batch_size: int = retention.BATCH_SIZE,
    ) -> int:
        """Delete what was last written longer ago than its limit; return how many rows.

        ``failed``: for FAILURE. ``ready``: for the other states that are final. ``unready``: for tasks that wait
        or run. None keeps them. Results of ``kept_ids`` stay. A manager that overrides ``delete_expired`` or
        ``get_all_expired`` decides alone, by ``ready``.
        """
        for name in ("delete_expired", "get_all_expired"):
            if getattr(type(self), name) is not getattr(ResultManager, name):
                return 0 if ready is None else self.delete_expired(ready)
        alias = self.write_alias(using)
        final = models.Q(status__in=states.READY_STATES)
        failure = models.Q(status=states.FAILURE)
        return sum(
            retention.delete_in_batches(self.get_all_expired(limit).filter(which), alias, batch_size, kept_ids=kept_ids)
            for which, limit in ((final & ~failure, ready), (failure, failed), (~final, unready))
            if limit is not None
        )


class GroupResultManager(ResultManager):
    """Verbs on group results."""

    @transaction_retry(max_retries=1)
    def get_group(self, group_id: str) -> Any:
        """Return the saved group ``group_id``; an unsaved instance where there is none.

        ``exception_retry_count`` (keyword): how often to try again when the database raises; 1.
        """
        return self._get_or_unsaved("group_id", group_id)

    @transaction_retry(max_retries=2)
    def store_group_result(
        self, content_type: str, content_encoding: str, group_id: str, result: str | None, using: str | None = None
    ) -> Any:
        """Save a group's members, replacing what was saved of it; return what is stored.

        ``exception_retry_count`` (keyword): how often to try again when the database raises; 2.
        """
        values = {
            "group_id": fitting_id(self.model, "group_id", group_id),
            "result": result,
            "content_type": content_type,
            "content_encoding": content_encoding,
        }
        return self._upsert(using, Write(key="group_id", values=self._storable(using, values)))

    def forget(self, group_id: str, using: str | None = None) -> None:
        """Delete the saved group ``group_id``; nothing happens where there is none."""
        self.using(self.write_alias(using)).filter(group_id=group_id).delete()


def fitting_id(model: type[models.Model], name: str, value: Any) -> Any:
    """Return the id as text, None as it is; raise ValueError where its column cannot hold it."""
    if value is None:  # the database refuses it
        return None
    text = str(value)  # Celery lets people pass UUIDs
    max_length = plan_for(model).fields[name].max_length
    if max_length is not None and len(text) > max_length:
        raise ValueError(
            f"{name} has {len(text)} characters and the column holds {max_length}: {text!r}. Use shorter ids, or "
            f"raise {conf.TASK_ID_MAX_LENGTH_SETTING} and widen the column with a migration of your own."
        )
    return text
