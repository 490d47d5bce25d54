"""``django-db`` without its tables: one clear line, in the worker's log and from the first operation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery, signals
from celery.app.task import Context
from celery.result import AsyncResult, GroupResult
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, connections, models
from django.db.models.signals import post_save

from dcr_backends.database import DatabaseBackend
from dcr_backends.startup import prepare_worker, report_missing_tables
from dcr_models.models import ChordCounter, TaskResult
from dcr_models.models import GroupResult as GroupRow

Operation = Callable[[DatabaseBackend], Any]


def save_group(backend: DatabaseBackend) -> None:
    backend.save_group("group", GroupResult("group", [AsyncResult("one", app=backend.app)], app=backend.app))


@contextmanager
def table_missing(model: type[models.Model]) -> Iterator[None]:
    """Take the table of ``model`` away for a while; MySQL cannot do that in a transaction."""
    table = model._meta.db_table
    with connection.schema_editor() as editor:
        editor.alter_db_table(model, table, f"{table}_away")
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(model, f"{table}_away", table)


@pytest.mark.django_db(transaction=True)
class TestOperations:
    @pytest.mark.parametrize(
        ("model", "operations"),
        [
            (
                TaskResult,
                {
                    "store": lambda backend: backend.mark_as_done("one", 1),
                    "read": lambda backend: backend.get_state("one"),
                    "forget": lambda backend: backend.forget("one"),
                    "cleanup": lambda backend: backend.cleanup(),
                },
            ),
            (
                GroupRow,
                {
                    "save": save_group,
                    "restore": lambda backend: backend.restore_group("group"),
                    "delete": lambda backend: backend.delete_group("group"),
                    "cleanup": lambda backend: backend.cleanup(),
                },
            ),
            (
                ChordCounter,
                {
                    "apply": lambda backend: backend.apply_chord(("group", [AsyncResult("one")]), None),
                    "grow": lambda backend: backend.add_to_chord("group", AsyncResult("one")),
                    "finish": lambda backend: backend.finish_chord("group"),
                    "repair": lambda backend: backend.repair_chords(),
                    "cleanup": lambda backend: backend.cleanup(),
                },
            ),
        ],
        ids=["tasks", "groups", "chords"],
    )
    def test_say_what_to_run(self, app: Celery, model: type[models.Model], operations: dict[str, Operation]) -> None:
        sleeps: list[float] = []
        app.backend._sleep = sleeps.append
        said = {}
        with table_missing(model):
            for name, operation in operations.items():
                with pytest.raises(ImproperlyConfigured) as raised:
                    operation(app.backend)
                said[name] = str(raised.value)
                assert isinstance(raised.value.__cause__, DatabaseError)
        assert set(said.values()) == {
            f"The result backend 'django-db' finds no table {model._meta.db_table} in the database 'default': "
            "run `manage.py migrate django_celery_results`."
        }
        assert sleeps == []
        app.backend.mark_as_done("one", 1)
        assert app.backend.get_result("one") == 1

    def test_part_that_cannot_be_counted(self, app: Celery, caplog: pytest.LogCaptureFixture) -> None:
        """Its result is stored: Celery would make a failure of whatever is raised."""
        request = Context(id="one", group="group", chord={"task": "tests.record"}, children=[])
        with table_missing(ChordCounter):
            app.backend.mark_as_done("one", 1, request=request)
        [record] = caplog.records
        assert "chord group could not be counted" in record.getMessage()
        assert record.exc_info is not None
        assert "run `manage.py migrate django_celery_results`" in str(record.exc_info[1])
        assert app.backend.get_state("one") == "SUCCESS"

    @pytest.mark.parametrize("model", [TaskResult, ChordCounter])
    def test_part_that_celery_does_not_store(
        self, app: Celery, model: type[models.Model], caplog: pytest.LogCaptureFixture
    ) -> None:
        request = Context(id="one", group="group", chord={"task": "tests.record"}, children=[])
        with table_missing(model):
            app.backend.mark_as_done("one", 1, request=request, store_result=False)
        assert "chord group could not be counted" in caplog.text

    def test_table_of_somebody_else_is_not_meant(self, app: Celery) -> None:
        """A receiver of the project's signals may have a table of its own to miss."""

        def receiver(**kwargs: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM table_of_the_project")

        post_save.connect(receiver, sender=TaskResult)
        try:
            with pytest.raises(DatabaseError, match="table_of_the_project"):
                app.backend.mark_as_done("one", 1)
        finally:
            post_save.disconnect(receiver, sender=TaskResult)


class Router:
    def __init__(self, alias: str) -> None:
        self.alias = alias

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return self.alias


class TestReport:
    @pytest.fixture(autouse=True)
    def routed(self, settings: Any, scratch: str) -> None:
        settings.DATABASE_ROUTERS = [Router(scratch)]

    @pytest.fixture
    def ready(self, app: Celery, consumer: Any, caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
        """Return a function that says what a worker logs when it becomes ready."""

        def ready() -> list[str]:
            assert isinstance(app.backend, DatabaseBackend)
            caplog.clear()
            with caplog.at_level(logging.WARNING):
                signals.worker_ready.send(sender=consumer)
            return [record.getMessage() for record in caplog.records]

        return ready

    def test_one_line(self, ready: Callable[[], list[str]], scratch: str) -> None:
        assert ready() == [
            "The result backend 'django-db' finds no table django_celery_results_chordcounter, "
            "django_celery_results_groupresult, django_celery_results_taskresult in the database 'scratch': "
            "run `manage.py migrate django_celery_results --database scratch`."
        ]

    def test_once_for_all_backends(self, app: Celery, ready: Callable[[], list[str]]) -> None:
        for _ in range(3):
            DatabaseBackend(app=app)
        assert len(ready()) == 1

    def test_no_connection_is_left_open(self, ready: Callable[[], list[str]], scratch: str) -> None:
        ready()
        assert connections[scratch].connection is None

    def test_connection_that_was_open_stays_open(self, ready: Callable[[], list[str]], scratch: str) -> None:
        connections[scratch].ensure_connection()
        ready()
        assert connections[scratch].connection is not None

    def test_nothing_to_say(self, ready: Callable[[], list[str]], scratch: str) -> None:
        with connections[scratch].schema_editor() as editor:
            for model in (TaskResult, GroupRow, ChordCounter):
                editor.create_model(model)
        assert ready() == []

    def test_first_operation_says_it_too(self, app: Celery, task_id: str) -> None:
        with pytest.raises(ImproperlyConfigured, match="migrate django_celery_results --database scratch"):
            app.backend.mark_as_done(task_id, 1)

    def test_database_that_does_not_answer(self, ready: Callable[[], list[str]], scratch: str) -> None:
        """A worker starts without it; its operations are tried again."""
        connections[scratch].settings_dict["NAME"] = "/no/such/directory/scratch.sqlite3"
        [line] = ready()
        assert line.startswith("The database 'scratch' of the result backend 'django-db' does not answer: ")
        assert "\n" not in line
        assert connections[scratch].connection is None

    def test_other_backends_are_not_asked(
        self, app: Celery, consumer: Any, caplog: pytest.LogCaptureFixture, scratch: str
    ) -> None:
        app.conf.result_backend = "cache+memory://"
        prepare_worker(sender=consumer)
        assert caplog.records == []
        assert connections[scratch].connection is None

    def test_says_whether_all_is_well(self, app: Celery, scratch: str) -> None:
        assert report_missing_tables(app.backend) is False
        with connections[scratch].schema_editor() as editor:
            for model in (TaskResult, GroupRow, ChordCounter):
                editor.create_model(model)
        assert report_missing_tables(app.backend) is True
