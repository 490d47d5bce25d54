"""A connection that is gone: every operation is tried again on a fresh one, unless the caller has a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery
from celery.app.task import Context
from celery.exceptions import BackendStoreError
from celery.result import AsyncResult, GroupResult
from django.db import Error, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from dcr_backends import errors
from dcr_backends.database import DatabaseBackend
from dcr_models.models import ChordCounter, TaskResult

from .sessions import kill, on_a_server, session_id


def count_part(backend: DatabaseBackend) -> None:
    request = Context(id="one", group="group", chord={"task": "tests.record"}, children=[])
    backend.on_chord_part_return(request, "SUCCESS", 1)


Operation = Callable[[DatabaseBackend], Any]

OPERATIONS: dict[str, Operation] = {
    "store": lambda backend: backend.mark_as_failure("one", ValueError("no luck")),
    "store for the first time": lambda backend: backend.mark_as_done("new", 1),
    "read": lambda backend: backend.get_state("one"),
    "read what is not there": lambda backend: backend.get_state("new"),
    "forget": lambda backend: backend.forget("one"),
    "save a group": lambda backend: backend.save_group("other", GroupResult("other", [AsyncResult("one")])),
    "restore a group": lambda backend: backend.restore_group("group"),
    "delete a group": lambda backend: backend.delete_group("group"),
    "apply a chord": lambda backend: backend.apply_chord(("new", [AsyncResult("one")]), None),
    "let a chord grow": lambda backend: backend.add_to_chord("group", AsyncResult("three")),
    "count a part": count_part,
    "finish a chord": lambda backend: backend.finish_chord("group"),
    "sweep": lambda backend: backend.repair_chords(),
}


def outcome(backend: DatabaseBackend, operation: Operation) -> tuple[Any, ...]:
    """Run the operation; return its value and what the tables hold then."""
    value = operation(backend)
    return (
        value,
        list(TaskResult.objects.order_by("task_id").values_list("task_id", "status", "result")),
        [backend.restore_group(name) for name in ("group", "other")],
        list(ChordCounter.objects.order_by("group_id").values_list("group_id", "count")),
    )


@on_a_server
@pytest.mark.django_db(transaction=True)
class TestLostConnection:
    @pytest.fixture(autouse=True)
    def rows(self, app: Celery, backend: DatabaseBackend) -> None:
        backend.store_result("one", "value", "PROGRESS")
        members = [AsyncResult("one", app=app), AsyncResult("two", app=app)]
        backend.save_group("group", GroupResult("group", members, app=app))
        backend.apply_chord(("group", members), None)

    @pytest.fixture
    def expected(self, request: pytest.FixtureRequest, app: Celery) -> Any:
        """Return what the operation does on a connection that is there, without leaving a trace of it."""
        with transaction.atomic():
            expected = outcome(DatabaseBackend(app=app), OPERATIONS[request.getfixturevalue("name")])
            transaction.set_rollback(True)
        return expected

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_killed_by_the_server(
        self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float], name: str, expected: Any
    ) -> None:
        first = session_id(connection)
        kill(first, by=bystander)
        assert outcome(backend, OPERATIONS[name]) == expected
        assert len(sleeps) == 1
        assert session_id(connection) != first

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_closed_behind_djangos_back(
        self, backend: DatabaseBackend, sleeps: list[float], name: str, expected: Any
    ) -> None:
        """As a fork or a signal handler may leave it: 2.x knew "connection already closed"."""
        connection.connection.close()
        assert outcome(backend, OPERATIONS[name]) == expected
        assert len(sleeps) == 1

    def test_killed_again_and_again(
        self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float]
    ) -> None:
        def kill_again(seconds: float) -> None:
            sleeps.append(seconds)
            if len(sleeps) < 3:
                kill(session_id(connection), by=bystander)

        backend._sleep = kill_again
        kill(session_id(connection), by=bystander)
        backend.mark_as_done("one", 1)
        assert len(sleeps) == 3
        assert backend.get_result("one") == 1

    def test_gives_up(self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float]) -> None:
        def kill_again(seconds: float) -> None:
            sleeps.append(seconds)
            kill(session_id(connection), by=bystander)

        backend._sleep = kill_again
        kill(session_id(connection), by=bystander)
        with pytest.raises(BackendStoreError):
            backend.mark_as_done("one", 1)
        assert len(sleeps) == 3

    def test_not_retried_where_the_project_says_so(
        self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float]
    ) -> None:
        backend.always_retry = False
        kill(session_id(connection), by=bystander)
        with pytest.raises(Error) as raised:  # drivers differ in the class
            backend.mark_as_done("one", 1)
        assert errors.is_lost_connection(raised.value)
        assert sleeps == []

    def test_in_an_atomic_block_nothing_is_retried_or_closed(
        self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float]
    ) -> None:
        """The statements before are gone; only the caller can run them again."""

        def caller() -> None:
            with transaction.atomic():
                TaskResult.objects.create(task_id="of the caller")
                kill(session_id(connection), by=bystander)
                driver_connection = connection.connection
                with pytest.raises(Error) as raised:
                    backend.mark_as_done("one", 1)
                assert errors.is_lost_connection(raised.value)
                assert connection.connection is driver_connection
                raise raised.value

        with pytest.raises(Error):
            caller()
        assert sleeps == []
        backend.mark_as_done("one", 1)
        assert backend.get_result("one") == 1
        assert not TaskResult.objects.filter(task_id="of the caller").exists()

    def test_atomic_block_of_another_database_does_not_matter(
        self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float], scratch: str
    ) -> None:
        with transaction.atomic(using=scratch):
            kill(session_id(connection), by=bystander)
            backend.mark_as_done("one", 1)
            assert connections[scratch].in_atomic_block
        assert backend.get_result("one") == 1

    def test_server_that_is_away(self, backend: DatabaseBackend, sleeps: list[float]) -> None:
        port, connection.settings_dict["PORT"] = connection.settings_dict["PORT"], "1"
        connection.close()
        try:
            with pytest.raises(BackendStoreError):
                backend.mark_as_done("one", 1)
        finally:
            connection.settings_dict["PORT"] = port
        assert len(sleeps) == 3
        backend.mark_as_done("one", 1)
        assert backend.get_result("one") == 1


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@on_a_server
class TestLostConnectionOfAnotherAlias:
    def test_the_alias_that_was_asked_for_is_closed(
        self, backend: DatabaseBackend, bystander: BaseDatabaseWrapper, sleeps: list[float], task_id: str
    ) -> None:
        default = session_id(connection)
        kill(session_id(connections["other"]), by=bystander)
        backend.store_result(task_id, "value", "SUCCESS", using="other")
        assert TaskResult.objects.using("other").get().task_id == task_id
        assert len(sleeps) == 1
        assert session_id(connection) == default
        connections["other"].close()
