"""Write a row that may or may not exist: one statement wherever the database has one for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.utils.functional import LRUCache
from django.db import connections, models, router
from django.db.models.signals import post_save, pre_save

from . import orm, statements
from .plan import Plan, Write, plan_for

#: How many ids a process remembers having written, over all aliases.
REMEMBERED_IDS = 10_000

#: (alias, table, id) of rows that this process wrote lately; see ``_one_statement``.
_written: LRUCache[tuple[str, str, str], bool] = LRUCache(limit=REMEMBERED_IDS)

#: A path takes (plan, alias, write, expected) and returns the row's primary key, None where SUCCESS was kept.
Path = Callable[[Plan, str, Write, bool], Any]


def upsert(model: type[models.Model], using: str | None, write: Write, *, path: Path | None = None) -> Any:
    """Write the known columns of one row, creating it where it is missing.

    Goes to ``using``, else to the alias that the routers write ``model`` to. Returns the primary key of the
    row, or None where the row holds a SUCCESS that ``write`` must not replace. ``path`` overrides the way
    that ``path_for`` picks. Raises what the database raises; nothing is retried here.
    """
    alias = using or router.db_for_write(model)
    plan = plan_for(model)
    key = (alias, plan.table, write.values[write.key])
    pk = (path or path_for(plan, alias, write))(plan, alias, write, key in _written)
    if pk is not None:
        _written[key] = True
    return pk


def path_for(plan: Plan, alias: str, write: Write) -> Path:
    """Return how ``write`` reaches the table: one statement, the ORM's portable way, or ``Model.save``."""
    if save_reason(plan) or any(
        hasattr(value, "resolve_expression") or isinstance(value, models.Model) for value in write.values.values()
    ):
        return orm.get_then_save
    return _one_statement if statements.dialect_for(connections[alias]) else orm.update_or_insert


def save_reason(plan: Plan) -> str | None:
    """Return why rows of the model must be saved as instances, which costs four statements; None otherwise."""
    for name, signal in (("pre_save", pre_save), ("post_save", post_save)):
        if signal.has_listeners(plan.model):
            return f"something listens to {name}"
    return plan.save_reason


def _one_statement(plan: Plan, alias: str, write: Write, expected: bool) -> Any:
    """Send the vendor's own upsert.

    Every INSERT that ends in a conflict uses up an id of the 32-bit key on PostgreSQL and MySQL, so a row
    that is expected to be there is updated first, and inserted only where that found nothing.
    """
    connection = connections[alias]
    dialect = statements.dialect_for(connection)
    assert dialect is not None
    if expected:
        pk = statements.execute(connection, *dialect.update(plan, connection, write))
        if pk is not None:
            return pk
    return statements.execute(connection, *dialect.insert(plan, connection, write))
