"""What the tests of dcr-models share: short ways to store and to start chords, the ways to write, scratch databases."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult
from celery.utils import uuid
from django.db import connection, connections
from django.db.models.signals import pre_save
from django.test.utils import isolate_apps
from pytest_django import DjangoDbBlocker

from dcr_models.codec import Encoded
from dcr_models.models import ChordCounter, GroupResult, TaskResult
from dcr_models.queries import statements

SCRATCH = "scratch"


@pytest.fixture
def task_id() -> str:
    """Return an id that this process has not written: it remembers those that it has."""
    return uuid()


@pytest.fixture
def store() -> Callable[..., Any]:
    """Return ``store_result`` with values for what a test does not care about."""

    def store_result(task_id: str, status: str = "SUCCESS", *, manager: Any = None, **columns: Any) -> Any:
        known = {"content_type": "application/json", "content_encoding": "utf-8", "result": "1", **columns}
        return (manager or TaskResult.objects).store_result(task_id=task_id, status=status, **known)

    return store_result


@pytest.fixture
def stored() -> Callable[..., dict[str, Any]]:
    """Return a function that reads all columns of a row past managers and instances."""

    def columns(task_id: str, model: Any = TaskResult, using: str = "default") -> dict[str, Any]:
        row: dict[str, Any] = model._base_manager.using(using).values().get(task_id=task_id)
        return row

    return columns


@pytest.fixture
def header(celery_app: Celery) -> list[AsyncResult[Any]]:
    """Return the results of three tasks that have not returned."""
    return [celery_app.AsyncResult(uuid()) for _ in range(3)]


@pytest.fixture
def start() -> Callable[..., str]:
    """Return a function that creates the counter of a chord over some results; it returns the group id."""

    def start_chord(header: Iterable[Any], count: int = 0, *, group_id: str = "", **more: Any) -> str:
        group_id = group_id or uuid()
        sub_tasks = json.dumps([result.as_tuple() for result in header])
        ChordCounter.objects.start(group_id=group_id, sub_tasks=sub_tasks, count=count, **more)
        return group_id

    return start_chord


@pytest.fixture
def finished(start: Callable[..., str], header: list[AsyncResult[Any]], store: Callable[..., Any]) -> str:
    """Return the group id of a chord all of whose parts have returned."""
    for member in header:
        store(member.id)
    return start(header, body=Encoded("application/json", "utf-8", "{}"))


@pytest.fixture
def counter() -> Callable[[str], Any]:
    """Return a function that reads the counter of a chord."""
    return lambda group_id: ChordCounter.objects.get(group_id=group_id)


# SQLite has RETURNING since 3.35; the others have a statement of their own in every version.
@pytest.fixture(params=["the vendor's statement", *(["portable"] if connection.vendor == "sqlite" else [])])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Count and claim with the vendor's statement, and as a database does that has none."""
    if request.param == "portable":
        monkeypatch.setattr(connection.features, "can_return_columns_from_insert", False)
    return str(request.param)


@pytest.fixture
def few_parameters(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return how many parameters a statement may have; SQLite then refuses more, as older builds of it do."""
    limit = 999  # which Django 5.2 believes of every SQLite; later ones ask
    if connection.vendor != "sqlite":
        monkeypatch.setattr(connection.features, "max_query_params", limit)
        yield limit
        return
    before = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, limit)
    yield limit
    connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)


@pytest.fixture
def own_proxy() -> Iterator[Callable[..., Any]]:
    """Return a function that makes a project's own proxy of task results, with a manager and members of its own."""

    def proxy(manager: Any, **members: Any) -> Any:
        meta = type("Meta", (), {"app_label": "userland", "proxy": True})
        return type("Own", (TaskResult,), {"objects": manager, "Meta": meta, "__module__": __name__, **members})

    with isolate_apps("dcr_testkit.userland"):
        yield proxy


@contextmanager
def _listening(model: Any) -> Iterator[None]:
    def listen(**kwargs: Any) -> None:
        """Listen, which is all that it takes."""

    pre_save.connect(listen, sender=model)
    try:
        yield
    finally:
        pre_save.disconnect(listen, sender=model)


@pytest.fixture(params=["one statement", "update or insert", "get then save"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run a test once for each of the three ways in which a result can reach its table."""
    if request.param == "update or insert":
        # What a database without an upsert of its own, such as Oracle, gets.
        monkeypatch.delitem(statements._DIALECTS, connection.vendor)
        yield request.param
    elif request.param == "get then save":
        with _listening(TaskResult):
            yield request.param
    else:
        yield request.param


@pytest.fixture
def scratch(django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> Iterator[str]:
    """Return the alias of a new, empty database of the vendor under test: a file in the case of SQLite.

    Not together with the ``django_db`` mark, which knows the databases of the settings only.
    """
    entry = {**connections.settings["default"]}
    # TEST: two runs with test databases of their own must not meet here.
    beside = f"{entry['TEST']['NAME'] or entry['NAME']}_scratch"
    name = str(tmp_path / "scratch.sqlite3") if connection.vendor == "sqlite" else beside
    if connection.vendor == "sqlite":
        entry["OPTIONS"] = {"timeout": 20}  # seconds that a writer waits for another one
    # The handler's settings serve all threads, each of which opens a connection of its own.
    connections.settings[SCRATCH] = {**entry, "NAME": name}
    with django_db_blocker.unblock():
        create_database(name)
        try:
            yield SCRATCH
        finally:
            connections[SCRATCH].close()
            drop_database(name)
            del connections[SCRATCH]
            del connections.settings[SCRATCH]


def create_database(name: str) -> None:
    """Create the database ``name`` beside the default one; SQLite does so when it connects."""
    drop_database(name)
    if connection.vendor != "sqlite":
        with connection._nodb_cursor() as cursor:
            suffix = connection.creation.sql_table_creation_suffix()
            cursor.execute(f"CREATE DATABASE {connection.ops.quote_name(name)} {suffix}")


def drop_database(name: str) -> None:
    if connection.vendor != "sqlite":
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(name)}")


@pytest.fixture
def scratch_tables(scratch: str) -> str:
    """Return the alias of a scratch database that has the three tables and no rows."""
    with connections[scratch].schema_editor() as editor:
        for model in (TaskResult, GroupResult, ChordCounter):
            editor.create_model(model)
    return scratch


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that sets Django up with some apps in a process of its own, and then runs a script.

    ``first_on_path``: a folder that shadows what is installed.
    """

    def run(
        *apps: str, script: str = "", first_on_path: Path | None = None, **settings: Any
    ) -> subprocess.CompletedProcess[str]:
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        settings = {"INSTALLED_APPS": apps, "DATABASES": {"default": database}, **settings}
        lines = [
            "import sys",
            f"sys.path[:0] = {[str(first_on_path)] if first_on_path else []!r}",
            "import django",
            "from django.conf import settings",
            f"settings.configure(**{settings!r})",
            "django.setup()",
            script,
        ]
        command = [sys.executable, "-W", "error", "-c", "\n".join(lines)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run
