"""Upserts in terms of Django's ORM: for databases without one of their own, and for models that need ``save()``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery import states
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Coalesce

from .plan import Plan, Write


def update_or_insert(plan: Plan, alias: str, write: Write, expected: bool) -> Any:
    """UPDATE; where no row was changed INSERT in a savepoint; where another was faster UPDATE again.

    Returns the primary key, None where a SUCCESS was kept. ``expected`` changes nothing here.
    """
    row, changes = plan.row(write)
    assignments = {
        name: Coalesce(models.F(name), models.Value(row[name], output_field=plan.fields[name]))
        if name in write.keep
        else row[name]
        for name in changes
    }
    if _writable(plan, alias, write).update(**assignments):
        return _pk(plan, alias, write)
    try:
        with transaction.atomic(using=alias):
            return _rows(plan, alias).create(**row).pk
    except IntegrityError:
        if _writable(plan, alias, write).update(**assignments):
            return _pk(plan, alias, write)
        if not _row(plan, alias, write).exists():
            raise  # no duplicate: a column that must not be NULL, a constraint of the project's own
        return None


def get_then_save(plan: Plan, alias: str, write: Write, expected: bool) -> Any:
    """Load the row, or make one, and ``save()`` it, so that signals fire and overrides run.

    The transaction begins with a write to the row: that takes its lock on every database, and a SQLite
    transaction that began with a read could not become a writer while another one writes.
    """
    values = write.values
    with transaction.atomic(using=alias):
        if not _touch(plan, alias, write):
            try:
                with transaction.atomic(using=alias):
                    return _rows(plan, alias).create(**values).pk
            except IntegrityError:
                if not _touch(plan, alias, write):
                    raise
        instance = _row(plan, alias, write).get()
        if write.success_is_final and getattr(instance, "status", None) == states.SUCCESS:
            return None
        for name, value in _changes(instance, write).items():
            setattr(instance, name, value)
        instance.save(using=alias)
        return instance.pk


def _rows(plan: Plan, alias: str) -> models.QuerySet[Any]:
    return plan.model._base_manager.using(alias)


def _row(plan: Plan, alias: str, write: Write) -> models.QuerySet[Any]:
    return _rows(plan, alias).filter(**{write.key: write.values[write.key]})


def _writable(plan: Plan, alias: str, write: Write) -> models.QuerySet[Any]:
    """Return the row, unless it holds a SUCCESS that is final."""
    row = _row(plan, alias, write)
    return row.exclude(status=states.SUCCESS) if write.success_is_final else row


def _pk(plan: Plan, alias: str, write: Write) -> Any:
    return _row(plan, alias, write).values_list("pk", flat=True).get()


def _touch(plan: Plan, alias: str, write: Write) -> int:
    """Lock the row by a write that changes nothing; return how many rows there are, 0 or 1."""
    return _row(plan, alias, write).update(**{write.key: models.F(write.key)})


def _changes(instance: models.Model, write: Write) -> Mapping[str, Any]:
    return {
        name: value
        for name, value in write.values.items()
        if name not in write.keep or getattr(instance, name, None) is None
    }
