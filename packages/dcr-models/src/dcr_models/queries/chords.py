"""The counter of a chord: one statement per returning part, a claim for the last one.

``count`` is an optimisation, the rows of the header's tasks are the truth. A part that is delivered twice, or a
worker that dies between storing and counting, makes the counter wrong; whoever finds it at zero asks the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from celery import states
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    from dcr_models.managers import TaskResultManager


def count_part(model: type[models.Model], group_id: str, alias: str) -> int | None:
    """Count one returned part of the chord; return how many are left, None where there is no counter.

    Never below zero: the column is unsigned, and a part can be delivered twice. The header (``sub_tasks``,
    a megabyte for 10,000 parts) is not read.
    """
    connection = connections[alias]
    options: Any = model._meta
    quote = connection.ops.quote_name
    table, count, key = quote(options.db_table), quote("count"), quote("group_id")
    one_less = f"CASE WHEN {count} > 0 THEN {count} - 1 ELSE 0 END"
    if connection.vendor == "mysql":
        # No UPDATE … RETURNING there, and `count - 1` at zero is error 1690.
        sql = f"UPDATE {table} SET {count} = LAST_INSERT_ID({one_less}) WHERE {key} = %s"
        with connection.cursor() as cursor:
            cursor.execute(sql, [group_id])
            return cursor.lastrowid if cursor.rowcount else None
    if connection.features.can_return_columns_from_insert and connection.vendor in ("postgresql", "sqlite"):
        sql = f"UPDATE {table} SET {count} = {one_less} WHERE {key} = %s RETURNING {count}"
        with connection.cursor() as cursor:
            cursor.execute(sql, [group_id])
            row = cursor.fetchone()
            return row[0] if row else None
    counter = model._base_manager.using(alias).filter(group_id=group_id)
    with transaction.atomic(using=alias):
        changed = counter.update(count=models.Case(models.When(count__gt=0, then=models.F("count") - 1), default=0))
        return counter.values_list("count", flat=True).get() if changed else None


class ServerTime(Now):
    """The time by the database's clock, the same for all sessions.

    MySQL's CURRENT_TIMESTAMP is in the time zone of the session, and repeats an hour in autumn.
    """

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        """Return UTC, in which Django stores times there."""
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)


class Claim(NamedTuple):
    """A chord that one process has taken upon itself to finish."""

    #: Primary key of the counter.
    pk: Any
    group_id: str
    #: The header's results in tuple form, nested as the header is.
    members: list[Any]
    #: The body's signature as it was stored, None where 2.6 made the counter.
    body: tuple[str, str, str] | None
    #: What is stored of the header's tasks, by id.
    tasks: dict[str, Any]
    #: Ids of the header's tasks that have no result.
    unready: list[str]
    token: str


def claim(
    model: type[models.Model],
    group_id: str,
    alias: str,
    *,
    token: str,
    lease: timedelta,
    tasks: TaskResultManager,
    values: bool = True,
    although_unready: bool = False,
) -> Claim | None:
    """Claim the chord for ``token``; return it, or None where that cannot or need not be done.

    It cannot be done where there is no counter, another process holds a claim younger than ``lease``, or some
    tasks have no result: the counter is then set to their number. Without ``values`` results are not read.
    ``although_unready`` claims a chord that will never be complete.

    The transaction begins with a write: that takes the counter's lock on every database, and a SQLite
    transaction that began with a read could not become a writer.
    """
    # Its own claim, too: the reply to an attempt may have been lost on the way.
    free = _unheld(lease) | models.Q(claimed_by=token)
    row = model._base_manager.using(alias).filter(group_id=group_id)
    columns = ("id", "sub_tasks", "body_content_type", "body_content_encoding", "body")
    with transaction.atomic(using=alias):
        taken = _update_returning(row, free, {"claimed_by": token, "claimed_at": ServerTime()}, columns)
        if taken is None:
            return None
        pk, sub_tasks, *body = taken
        members = json.loads(sub_tasks)
        ids = list(dict.fromkeys(leaf_ids(members)))
        stored = tasks.get_tasks(ids, values=values)
        unready = [i for i in ids if i not in stored or stored[i].status not in states.READY_STATES]
        if unready and not although_unready:
            row.update(count=len(unready), claimed_by=None, claimed_at=None)
            return None
    return Claim(pk, group_id, members, tuple(body) if body[-1] is not None else None, stored, unready, token)


def renew(model: type[models.Model], group_id: str, alias: str, token: str) -> bool:
    """Make the lease of ``token`` begin again; return whether the claim was still its own."""
    held = model._base_manager.using(alias).filter(group_id=group_id, claimed_by=token)
    return bool(held.update(claimed_at=ServerTime()))


def finish(model: type[models.Model], group_id: str, pk: Any, alias: str) -> bool:
    """Delete the counter of a chord whose body was sent; return whether it was still there.

    By primary key, whoever holds the claim by then: a process that was slow to delete would leave the chord
    to a sweep, which would send the body again. The same group id may belong to a later chord already.
    ``id + 0`` keeps MySQL from looking in the primary key first: late parts come through the index of
    group_id, and whoever locks the two in another order can deadlock with them.
    """
    connection = connections[alias]
    options: Any = model._meta
    quote = connection.ops.quote_name
    where = f"{quote('group_id')} = %s AND {quote(options.pk.column)} + 0 = %s"
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {quote(options.db_table)} WHERE {where}", [group_id, pk])
        return bool(cursor.rowcount)


def release(model: type[models.Model], group_id: str, alias: str, token: str) -> None:
    """Give the claim of ``token`` back, for others to take at once."""
    model._base_manager.using(alias).filter(group_id=group_id, claimed_by=token).update(
        claimed_by=None, claimed_at=None
    )


def grow(model: type[models.Model], group_id: str, alias: str, member: Any) -> bool:
    """Add a result in tuple form to the header, and one to the count; return whether the header is open.

    A claim closes it. Growing by the same result again changes nothing: the reply to the first attempt may
    have been lost.
    """
    row = model._base_manager.using(alias).filter(group_id=group_id)
    with transaction.atomic(using=alias):
        taken = _update_returning(row, models.Q(claimed_by=None), {"count": models.F("count")}, ("sub_tasks",))
        if taken is None:
            return False
        members = json.loads(taken[0])
        if not set(leaf_ids([member])) <= set(leaf_ids(members)):
            row.update(sub_tasks=json.dumps([*members, member]), count=models.F("count") + len(leaf_ids([member])))
    return True


def unclaimed(model: type[models.Model], alias: str, lease: timedelta) -> Iterator[tuple[str, Any, bool]]:
    """Yield ``(group id, date_created, whether a body is stored)`` of counters that nobody works on, oldest first."""
    rows = model._base_manager.using(alias).filter(_unheld(lease)).order_by("pk")
    has_body = models.Case(models.When(body=None, then=False), default=True, output_field=models.BooleanField())
    yield from rows.values_list("group_id", "date_created", has_body).iterator()


def needs_recount(model: type[models.Model], group_id: str, alias: str, tasks: TaskResultManager) -> bool:
    """Return whether the count is zero, or another than the number of tasks without a result; takes no lock."""
    counter = model._base_manager.using(alias).filter(group_id=group_id).values_list("sub_tasks", "count").first()
    if counter is None:
        return False
    ids = list(dict.fromkeys(leaf_ids(json.loads(counter[0]))))
    ready = sum(row.status in states.READY_STATES for row in tasks.get_tasks(ids, values=False).values())
    return bool(counter[1] == 0 or counter[1] != len(ids) - ready)


def waiting_for(model: type[models.Model], alias: str) -> set[str]:
    """Return the ids of all tasks in the headers of chords that still count.

    Not of those without a date, which 2.6 made: it did not keep their rows, and some count for ever.
    """
    headers = model._base_manager.using(alias).exclude(date_created=None).values_list("sub_tasks", flat=True).iterator()
    return {task_id for header in headers for task_id in leaf_ids(json.loads(header))}


def leaf_ids(members: list[Any]) -> list[str]:
    """Return the task ids in a header's tuples ``((id, parent), children)``; groups have children."""
    ids: list[str] = []
    for (task_id, _parent), children in members:
        ids.extend([task_id] if children is None else leaf_ids(children))
    return ids


def _unheld(lease: timedelta) -> models.Q:
    """Return the condition that nobody has claimed a chord, or the claim is older than ``lease``."""
    return models.Q(claimed_at=None) | models.Q(claimed_at__lt=ServerTime() - lease)


def _update_returning(
    row: models.QuerySet[Any], condition: models.Q, values: dict[str, Any], columns: tuple[str, ...]
) -> Any:
    """Update ``row`` where ``condition`` holds; return its ``columns``, None where nothing was updated.

    One statement where the database has UPDATE … RETURNING, else a SELECT after it.
    """
    connection = connections[row.db]
    changing = row.filter(condition)
    if connection.vendor == "mysql" or not connection.features.can_return_columns_from_insert:
        return row.values_list(*columns).get() if changing.update(**values) else None
    query: Any = changing.query.chain(UpdateQuery)
    query.add_update_values(values)
    sql, params = query.get_compiler(row.db).as_sql()
    returning = ", ".join(connection.ops.quote_name(column) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING {returning}", params)
        return cursor.fetchone()
