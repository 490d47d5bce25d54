"""Cleaning: what a worker that stores notices of it, and what memory it takes."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from celery import states

from .children import Child
from .registry import BACKEND, Figures, Work, scenario
from .requests import VALUE, tasks
from .sites import Site

#: Days since the rows that are cleaned were written; Celery keeps results for one.
AGE_DAYS = 10

#: Seconds between two stores of the worker beside.
PAUSE = 0.002

#: Stores before the cleaning starts, which tell what the machine does to the slowest one anyway.
STORES_BEFORE = 100

#: Numbers below a million, in a spelling that all vendors accept.
NUMBERS = """
    WITH d(n) AS (
        SELECT 0 UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
        UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
    ), numbers(n) AS (
        SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n + 100000 * f.n
        FROM d a, d b, d c, d d, d e, d f
    )
"""


@scenario(BACKEND, "cleanup")
def cleanup(site: Site, operations: int, rows: int, receiver: bool = False) -> Work:
    """Clean ``rows`` expired results while results are stored; the slowest of those stores is what counts."""
    model = site.backend.TaskModel  # type: ignore[attr-defined]
    fill(site, model, rows)
    cleaner = Child(site, _clean)
    backend = site.backend
    stores: list[float] = []
    errors = 0

    def store() -> None:
        nonlocal errors
        ((task_id, request),) = tasks(1)
        started = time.perf_counter()
        try:
            backend.store_result(task_id, VALUE, states.SUCCESS, request=request)
        except Exception:  # noqa: BLE001 - drivers raise what they like
            errors += 1
        stores.append(time.perf_counter() - started)
        time.sleep(PAUSE)

    for _ in range(STORES_BEFORE):
        store()
    slowest_before = max(stores)
    stores.clear()

    def run() -> Figures:
        cleaner.send(receiver)
        while not cleaner.has_answered:
            store()
        outcome = cleaner.receive()
        return {
            "seconds": max(stores),
            "rows": rows,
            "slowest_before_ms": slowest_before * 1000,
            "errors": errors,
            "stores": len(stores),
            "rows_per_second": rows / outcome["seconds"],
            "memory_mb": outcome["memory_mb"],
        }

    def finish() -> Figures:
        left = model.objects.filter(task_id__startswith="expired-").count()
        assert left == 0, f"{left} of {rows} expired rows are left"
        return {}

    return Work(run, finish)


def fill(site: Site, model: Any, rows: int) -> None:
    """Add copies of one result that are too old to be kept; ``rows``: at most a million."""
    from datetime import timedelta

    from django.db import connection
    from django.utils import timezone

    (task_id,) = site.members(1)
    table = connection.ops.quote_name(model._meta.db_table)
    others = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    chosen = {column: f"t.{connection.ops.quote_name(column)}" for column in others}
    digits = f"CAST(numbers.n AS {'CHAR' if connection.vendor == 'mysql' else 'TEXT'})"
    chosen["task_id"] = f"CONCAT('expired-', {digits})" if connection.vendor == "mysql" else f"'expired-' || {digits}"
    old = connection.ops.adapt_datetimefield_value(timezone.now() - timedelta(days=AGE_DAYS))
    chosen["date_created"] = chosen["date_done"] = "%s"
    columns = ", ".join(connection.ops.quote_name(column) for column in chosen)
    statement = (
        f"INSERT INTO {table} ({columns}) {NUMBERS} SELECT {', '.join(chosen.values())} "
        f"FROM {table} t, numbers WHERE t.task_id = %s AND numbers.n < %s"
    )
    if connection.vendor == "postgresql":
        statement = statement.replace("%s", "%s::timestamptz", 2)
    with connection.cursor() as cursor:
        cursor.execute(statement, [old, old, task_id, rows])
        assert cursor.rowcount == rows


def _clean(site: Site, receiver: bool) -> dict[str, float]:
    """Clean as beat's task does; return how long it took and by how much the process grew."""
    from django.db.models.signals import post_delete

    def listen(**_: Any) -> None:
        """Do nothing; that somebody listens is what matters."""

    if receiver:
        post_delete.connect(listen, sender=site.backend.TaskModel)  # type: ignore[attr-defined]
    before, started = _most_memory_mb(), time.perf_counter()
    site.backend.cleanup()
    return {"seconds": time.perf_counter() - started, "memory_mb": _most_memory_mb() - before}


def _most_memory_mb() -> float:
    """Return the most memory that this process has had resident."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1_000_000
