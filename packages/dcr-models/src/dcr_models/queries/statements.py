"""SQL text of upserts, per vendor; built once per (vendor, table, set of columns).

Every statement goes through Django's cursor, so that ``execute_wrappers``, the query log and tests that
count queries see it.
"""

from __future__ import annotations

from typing import Any

from celery import states
from django.db.backends.base.base import BaseDatabaseWrapper

from .plan import Plan, Write

#: Part of the SQL text, not a parameter: planners may then use what they know about the state's frequency.
SUCCESS = f"'{states.SUCCESS}'"

Statement = tuple[str, list[Any]]


class OnConflict:
    """PostgreSQL and SQLite: ``ON CONFLICT … DO UPDATE … WHERE``, the key back through ``RETURNING``."""

    def insert(self, plan: Plan, connection: BaseDatabaseWrapper, write: Write) -> Statement:
        """Return the statement that creates the row, or changes it where it is there already."""
        row, changes = plan.row(write)
        return _cached("insert", self._insert, plan, connection, write, tuple(row), tuple(changes)), _params(
            plan, connection, row, row
        )

    def update(self, plan: Plan, connection: BaseDatabaseWrapper, write: Write) -> Statement:
        """Return the statement that changes the row where it is there and may be changed."""
        row, changes = plan.row(write)
        return _cached("update", self._update, plan, connection, write, tuple(row), tuple(changes)), _params(
            plan, connection, row, [*changes, write.key]
        )

    def _insert(self, sql: Names, write: Write, row: tuple[str, ...], changes: tuple[str, ...]) -> str:
        assignments = ", ".join(
            f"{sql[name]} = COALESCE({sql.table}.{sql[name]}, EXCLUDED.{sql[name]})"
            if name in write.keep
            else f"{sql[name]} = EXCLUDED.{sql[name]}"
            for name in changes
        )
        guard = f" WHERE {sql.table}.{sql['status']} <> {SUCCESS}" if write.success_is_final else ""
        return f"{sql.insert(row)} ON CONFLICT ({sql[write.key]}) DO UPDATE SET {assignments}{guard} RETURNING {sql.pk}"

    def _update(self, sql: Names, write: Write, row: tuple[str, ...], changes: tuple[str, ...]) -> str:
        guard = f" AND {sql['status']} <> {SUCCESS}" if write.success_is_final else ""
        return (
            f"UPDATE {sql.table} SET {sql.assign(changes, write.keep)} "
            f"WHERE {sql[write.key]} = %s{guard} RETURNING {sql.pk}"
        )


class OnDuplicateKey(OnConflict):
    """MySQL and MariaDB: ``ON DUPLICATE KEY UPDATE``, the key back through ``LAST_INSERT_ID(value)``.

    There is no WHERE, so every column chooses between its old and new value. Assignments run from left to
    right: the status, which they ask, comes last. A SUCCESS that was kept shows as the key 0; the count of
    rows tells nothing, because Django asks the server for found rows instead of changed ones.
    """

    def _insert(self, sql: Names, write: Write, row: tuple[str, ...], changes: tuple[str, ...]) -> str:
        # BINARY: the usual collations do not tell a task's own state "Success" from SUCCESS.
        kept = f"BINARY {sql['status']} = {SUCCESS}" if write.success_is_final else ""
        pk = f"{sql.pk} + 0 * LAST_INSERT_ID(IF({kept}, 0, {sql.pk}))" if kept else f"LAST_INSERT_ID({sql.pk})"
        assignments = [f"{sql.pk} = {pk}"]
        for name in sorted(changes, key=lambda name: name == "status"):
            new = f"VALUES({sql[name]})"
            if name in write.keep:
                new = f"COALESCE({sql[name]}, {new})"
            assignments.append(f"{sql[name]} = " + (f"IF({kept}, {sql[name]}, {new})" if kept else new))
        return f"{sql.insert(row)} ON DUPLICATE KEY UPDATE {', '.join(assignments)}"

    def _update(self, sql: Names, write: Write, row: tuple[str, ...], changes: tuple[str, ...]) -> str:
        guard = f" AND BINARY {sql['status']} <> {SUCCESS}" if write.success_is_final else ""
        return (
            f"UPDATE {sql.table} SET {sql.pk} = LAST_INSERT_ID({sql.pk}), {sql.assign(changes, write.keep)} "
            f"WHERE {sql[write.key]} = %s{guard}"
        )


class Names:
    """Quoted names of one table, and the phrases that every dialect makes of them."""

    def __init__(self, plan: Plan, connection: BaseDatabaseWrapper) -> None:
        quote = connection.ops.quote_name
        self.table = quote(plan.table)
        self._columns = {name: quote(str(field.column)) for name, field in plan.fields.items()}
        self.pk = self._columns[plan.pk.name]

    def __getitem__(self, name: str) -> str:
        return self._columns[name]

    def insert(self, names: tuple[str, ...]) -> str:
        """Return ``INSERT INTO table (…) VALUES (…)``."""
        columns = ", ".join(self[name] for name in names)
        return f"INSERT INTO {self.table} ({columns}) VALUES ({', '.join(['%s'] * len(names))})"

    def assign(self, names: tuple[str, ...], keep: frozenset[str]) -> str:
        """Return ``column = value, …`` in which a kept column takes the value only where it is NULL."""
        return ", ".join(
            f"{self[name]} = COALESCE({self[name]}, %s)" if name in keep else f"{self[name]} = %s" for name in names
        )


_DIALECTS = {"postgresql": OnConflict(), "sqlite": OnConflict(), "mysql": OnDuplicateKey()}

_texts: dict[tuple[Any, ...], str] = {}


def dialect_for(connection: BaseDatabaseWrapper) -> OnConflict | None:
    """Return what speaks the vendor's upsert, or None where the vendor has none that is known."""
    if connection.vendor != "mysql" and not connection.features.can_return_columns_from_insert:
        return None  # SQLite before 3.35
    return _DIALECTS.get(connection.vendor)


def execute(connection: BaseDatabaseWrapper, sql: str, params: list[Any]) -> Any:
    """Run one upsert; return the row's primary key, None where no row was written."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        if connection.vendor == "mysql":
            return cursor.lastrowid or None
        row = cursor.fetchone()
        return row[0] if row else None


def _cached(
    verb: str,
    build: Any,
    plan: Plan,
    connection: BaseDatabaseWrapper,
    write: Write,
    row: tuple[str, ...],
    changes: tuple[str, ...],
) -> str:
    """Return the text that ``build`` makes, built at most once for the same vendor, table and columns."""
    key = (verb, connection.vendor, plan.model, row, changes, write.keep, write.success_is_final)
    text = _texts.get(key)
    if text is None:
        text = _texts[key] = build(Names(plan, connection), write, row, changes)
    return text


def _params(plan: Plan, connection: BaseDatabaseWrapper, row: dict[str, Any], names: Any) -> list[Any]:
    return [plan.fields[name].get_db_prep_save(row[name], connection) for name in names]
