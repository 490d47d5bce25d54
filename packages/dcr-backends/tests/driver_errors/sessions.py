"""Sessions of the test's database: who they are, how they end, and when they wait."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from dcr_models.models import TaskResult
from dcr_testkit.settings import VENDOR

TABLE = TaskResult._meta.db_table

on_a_server = pytest.mark.skipif(VENDOR == "sqlite", reason="SQLite has no server that could go away")
on_postgresql = pytest.mark.skipif(VENDOR != "postgresql", reason="an error of PostgreSQL's")


def session_id(of: BaseDatabaseWrapper) -> int:
    with of.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()" if VENDOR == "postgresql" else "SELECT CONNECTION_ID()")
        return int(cursor.fetchone()[0])


def kill(session: int, by: BaseDatabaseWrapper) -> None:
    """End a session on the server, and wait until it has ended."""
    with by.cursor() as cursor:
        if VENDOR == "postgresql":
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [session])
        else:
            cursor.execute("KILL %s", [session])
            alive = True
            while alive:
                cursor.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s", [session])
                alive = cursor.fetchone()[0] > 0


def execute(by: BaseDatabaseWrapper, sql: str, *params: Any) -> None:
    with by.cursor() as cursor:
        cursor.execute(sql, params)


def touch(task_id: str, by: BaseDatabaseWrapper) -> None:
    """Change a row, which takes its lock until the end of the transaction."""
    execute(by, f"UPDATE {TABLE} SET worker = 'somebody' WHERE task_id = %s", task_id)


def wait_until_blocked(thread: threading.Thread | None, by: BaseDatabaseWrapper | None = None) -> None:
    """Wait until some session waits for a lock."""
    sql = (
        "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        if VENDOR == "postgresql"
        else "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    )
    other = connection.copy("observer")
    try:
        for _ in range(500):
            with other.cursor() as cursor:
                cursor.execute(sql)
                if cursor.fetchone()[0]:
                    return
            threading.Event().wait(0.01)
        raise AssertionError("nobody waits for a lock")
    finally:
        other.close()
