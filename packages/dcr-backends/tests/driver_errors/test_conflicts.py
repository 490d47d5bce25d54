"""A statement that lost against another one is sent again, on the same connection."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator

import pytest
from celery.exceptions import BackendStoreError
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from dcr_backends import errors
from dcr_backends.database import DatabaseBackend
from dcr_models.models import TaskResult
from dcr_testkit.settings import VENDOR

from .sessions import TABLE, execute, on_a_server, on_postgresql, session_id, touch, wait_until_blocked


@on_a_server
@pytest.mark.django_db(transaction=True)
class TestConflicts:
    """The statement lost against another one, and the connection is as good as before."""

    @pytest.fixture(autouse=True)
    def rows(self, backend: DatabaseBackend) -> None:
        for name in ("one", "two"):
            backend.store_result(name, None, "STARTED")

    def test_lock_timeout(self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float]) -> None:
        if VENDOR == "postgresql":
            execute(connection, "SET lock_timeout = '20ms'")
        else:
            execute(connection, "SET SESSION innodb_lock_wait_timeout = 0")
        session = session_id(connection)
        bystander.set_autocommit(False)
        touch("one", by=bystander)

        def release(seconds: float) -> None:
            sleeps.append(seconds)
            bystander.rollback()

        backend._sleep = release
        backend.mark_as_done("one", "value")
        assert len(sleeps) == 1
        assert backend.get_result("one") == "value"
        assert session_id(connection) == session

    def test_lock_timeout_in_an_atomic_block(
        self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float]
    ) -> None:
        bystander.set_autocommit(False)
        touch("one", by=bystander)
        with transaction.atomic():
            if VENDOR == "postgresql":
                execute(connection, "SET LOCAL lock_timeout = '20ms'")
            else:
                execute(connection, "SET SESSION innodb_lock_wait_timeout = 0")
            with pytest.raises(OperationalError) as raised:
                backend.mark_as_done("one", "value")
            transaction.set_rollback(True)
        assert errors.is_conflict(raised.value)
        assert not errors.is_lost_connection(raised.value)
        assert sleeps == []

    def test_deadlock(self, backend: DatabaseBackend, sleeps: list[float]) -> None:
        if VENDOR == "postgresql":  # whose check runs first is the one that is rolled back
            execute(connection, "SET deadlock_timeout = '10ms'")
        first_locked, second_locked = threading.Event(), threading.Event()
        attempts = []

        def rival() -> None:
            other = connection.copy("rival")
            try:
                with other.cursor() as cursor:
                    other.set_autocommit(False)
                    # More rows than ours: MariaDB rolls back who changed less.
                    cursor.execute(f"UPDATE {TABLE} SET worker = 'rival' WHERE task_id <> 'one'")
                    second_locked.set()
                    first_locked.wait(5)
                    cursor.execute(f"UPDATE {TABLE} SET worker = 'rival' WHERE task_id = 'one'")
                other.commit()
            finally:
                other.close()

        def work() -> None:
            attempts.append(1)
            with transaction.atomic():
                touch("one", by=connection)
                first_locked.set()
                assert second_locked.wait(5)
                if len(attempts) == 1:
                    wait_until_blocked(rival_thread)
                touch("two", by=connection)

        for number in range(20):
            backend.store_result(f"more {number}", None, "STARTED")
        rival_thread = threading.Thread(target=rival)
        rival_thread.start()
        backend._retrying(work)
        rival_thread.join(5)
        assert attempts == [1, 1]
        assert len(sleeps) == 1
        assert set(TaskResult.objects.filter(task_id__in=["one", "two"]).values_list("worker", flat=True)) == {
            "somebody"
        }

    def test_snapshot_that_is_out_of_date(
        self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float]
    ) -> None:
        """PostgreSQL's serialization failure; MariaDB's "record has changed since last read"."""
        attempts = []
        if VENDOR == "mariadb":
            execute(connection, "SET SESSION innodb_snapshot_isolation = ON")

        def work() -> None:
            attempts.append(1)
            if VENDOR == "mariadb":
                execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            with transaction.atomic():
                if VENDOR == "postgresql":
                    execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                assert TaskResult.objects.get(task_id="one").status == "STARTED"
                if len(attempts) == 1:
                    execute(bystander, f"UPDATE {TABLE} SET worker = 'rival' WHERE task_id = 'one'")
                touch("one", by=connection)

        backend._retrying(work)
        assert attempts == [1, 1]
        assert len(sleeps) == 1
        assert TaskResult.objects.get(task_id="one").worker == "somebody"

    @on_postgresql
    def test_isolation_level_of_the_project(self, backend: DatabaseBackend) -> None:
        """One statement in one transaction can fail there, too: the row changes while it waits for the lock."""
        execute(connection, "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        locked = threading.Event()

        def rival() -> None:
            other = connection.copy("rival")
            other.set_autocommit(False)
            touch("one", by=other)
            locked.set()
            wait_until_blocked(None, by=other)
            other.commit()
            other.close()

        thread = threading.Thread(target=rival)
        thread.start()
        assert locked.wait(5)
        backend.mark_as_done("one", "value")
        thread.join(5)
        assert backend.get_result("one") == "value"
        assert TaskResult.objects.get(task_id="one").worker == "somebody"


class TestBusyFile:
    """SQLite: another process writes."""

    @pytest.fixture
    def writer(self, scratch: str) -> Iterator[sqlite3.Connection]:
        """Return a connection that holds the file's lock."""
        with connections[scratch].schema_editor() as editor:
            editor.create_model(TaskResult)
        writer = sqlite3.connect(connections[scratch].settings_dict["NAME"], isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        yield writer
        writer.close()

    def test_is_tried_again(
        self, backend: DatabaseBackend, writer: sqlite3.Connection, sleeps: list[float], scratch: str, task_id: str
    ) -> None:
        def release(seconds: float) -> None:
            sleeps.append(seconds)
            writer.rollback()

        backend._sleep = release
        backend.store_result(task_id, "value", "SUCCESS", using=scratch)
        assert len(sleeps) == 1
        assert TaskResult.objects.using(scratch).get().result == '"value"'

    def test_gives_up(
        self, backend: DatabaseBackend, writer: sqlite3.Connection, sleeps: list[float], scratch: str, task_id: str
    ) -> None:
        with pytest.raises(BackendStoreError):
            backend.store_result(task_id, "value", "SUCCESS", using=scratch)
        assert len(sleeps) == 3
        writer.rollback()
        assert not TaskResult.objects.using(scratch).exists()

    def test_in_an_atomic_block(
        self, backend: DatabaseBackend, writer: sqlite3.Connection, sleeps: list[float], scratch: str, task_id: str
    ) -> None:
        with pytest.raises(OperationalError, match="locked"), transaction.atomic(using=scratch):
            backend.store_result(task_id, "value", "SUCCESS", using=scratch)
        assert sleeps == []

    def test_is_a_conflict_and_no_lost_connection(self, writer: sqlite3.Connection, scratch: str) -> None:
        with pytest.raises(OperationalError) as raised:
            TaskResult.objects.using(scratch).create(task_id="one")
        assert errors.is_conflict(raised.value)
        assert errors.is_conflict(raised.value.__cause__)
        assert not errors.is_lost_connection(raised.value)
        assert not errors.is_missing_table(raised.value)
