"""The counter of a chord: one statement per returning part."""

from __future__ import annotations

import json
from typing import Any

from celery import states
from django.db import connections, models, transaction

#: Most ids in one statement, where the database itself allows more.
MAX_IDS = 10_000


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


def claim_finished(
    model: type[models.Model], group_id: str, alias: str, *, task_model: type[models.Model], task_alias: str
) -> Any:
    """Take the counter of a finished chord out of the table; return it as an instance, to one caller only.

    The counter is an optimisation, the rows of the header's tasks are the truth: a part that was delivered
    twice makes the counter reach zero early. Where some tasks are not ready, the counter is set to their
    number and None is returned. The transaction begins with a write, which takes the counter's lock on
    every database, SQLite included.
    """
    finished = model._base_manager.using(alias).filter(group_id=group_id, count=0)
    with transaction.atomic(using=alias):
        if not finished.update(count=0):
            return None
        counter: Any = finished.get()
        unready = count_unready(task_model, _leaf_ids(json.loads(counter.sub_tasks)), task_alias)
        if unready:
            finished.update(count=unready)
            return None
        finished.delete()
    return counter


def count_unready(task_model: type[models.Model], task_ids: list[str], alias: str) -> int:
    """Return how many of ``task_ids`` have no result yet; leans on the unique index of task_id."""
    chunk = min(connections[alias].features.max_query_params or MAX_IDS, MAX_IDS) - len(states.READY_STATES)
    rows = task_model._base_manager.using(alias).filter(status__in=states.READY_STATES)
    ids = list(dict.fromkeys(task_ids))  # once each: a row is found by every chunk that has its id
    ready = sum(rows.filter(task_id__in=ids[start : start + chunk]).count() for start in range(0, len(ids), chunk))
    return len(ids) - ready


def _leaf_ids(members: list[Any]) -> list[str]:
    """Return the task ids in a header's tuples ``((id, parent), children)``; groups have children."""
    ids: list[str] = []
    for (task_id, _parent), children in members:
        ids.extend([task_id] if children is None else _leaf_ids(children))
    return ids
