"""What the tests of dcr-models share: a short way to store, the three ways to write, scratch databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery.utils import uuid
from django.db import connection, connections
from django.db.models.signals import pre_save
from pytest_django import DjangoDbBlocker

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
    name = str(tmp_path / "scratch.sqlite3") if connection.vendor == "sqlite" else f"{entry['NAME']}_scratch"
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
