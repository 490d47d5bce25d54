"""One running installation of the project (database, broker, worker), and the view that a caller has of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery
from celery._state import _tls  # type: ignore[attr-defined] # not in the stubs
from celery.canvas import Signature
from celery.result import AsyncResult
from django.db import connections
from django.test import override_settings

from dcr_models.models import TaskResult
from dcr_testkit import workers
from dcr_testkit.brokers import BROKERS
from dcr_testkit.databases import scratch_database

#: Alias of the installation's database in the process that runs the tests.
ALIAS = "site"

#: Seconds that a result may take.
PATIENCE = 30

#: What makes SQLite append to a log beside the file, so that readers do not stop the writer.
WAL = {"init_command": "PRAGMA journal_mode=wal"}


class SiteRouter:
    """Send everything to the database of the installation."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Return the alias."""
        return ALIAS

    db_for_write = db_for_read


@contextmanager
def installed(
    folder: Path, *, vendor: str, broker: str, options: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """Lend the settings of an installation that is migrated and has no worker yet."""
    with scratch_database(vendor, folder) as database, BROKERS[broker](folder) as broker_settings:
        settings = {
            "DATABASES": {"default": {**database, "OPTIONS": options or {}}},
            "CELERY_RESULT_BACKEND": "django-db",
            **broker_settings,
        }
        workers.migrate(settings, folder)
        yield settings


@dataclass(frozen=True)
class Site:
    """An installation whose worker runs."""

    settings: dict[str, Any]
    worker: workers.CeleryProcess


@dataclass(frozen=True)
class Caller:
    """What a process of the project has that sends tasks and reads results."""

    app: Celery
    folder: Path

    def task(self, name: str, *args: Any, **kwargs: Any) -> Signature:
        """Return a signature of the project's task."""
        signature: Signature = self.app.signature(f"shop.tasks.{name}", args, kwargs)
        return signature

    def send(self, name: str, *args: Any, **options: Any) -> AsyncResult[Any]:
        """Send the project's task; ``options`` are those of ``apply_async``."""
        return self.task(name, *args).apply_async(**options)

    def get(self, result: Any, *, propagate: bool = True) -> Any:
        """Return the value of a task or group; raise what it raised, or return it."""
        return result.get(timeout=PATIENCE, interval=0.02, propagate=propagate)

    def row(self, result: AsyncResult[Any]) -> TaskResult:
        """Return the row of a task."""
        row: TaskResult = TaskResult.objects.get(task_id=result.id)
        return row

    def path(self, name: str) -> str:
        """Return where the tasks and the test meet in the file system."""
        return str(self.folder / name)


@contextmanager
def calling(settings: dict[str, Any], folder: Path) -> Iterator[Caller]:
    """Lend a caller that shares code, database, caches and broker with the workers of ``settings``."""
    with ExitStack() as stack:
        sys.path.insert(0, str(workers.PROJECT))
        stack.callback(sys.path.remove, str(workers.PROJECT))
        if settings["DATABASES"]:
            _add_alias(settings["DATABASES"]["default"])
            stack.callback(_remove_alias)
        overridden: dict[str, Any] = {"DATABASE_ROUTERS": [SiteRouter()]}
        if "CACHES" in settings:
            overridden["CACHES"] = settings["CACHES"]
        stack.enter_context(override_settings(**overridden))
        app = Celery("caller", set_as_current=False, config_source=None)
        app.conf.update({"result_extended": True, **_celery_settings(settings)})
        stack.callback(app.close)
        stack.callback(setattr, _tls, "current_app", getattr(_tls, "current_app", None))
        app.set_current()
        yield Caller(app, folder)


def _add_alias(database: dict[str, Any]) -> None:
    connections.settings[ALIAS] = connections.configure_settings({"default": {}, ALIAS: {**database}})[ALIAS]


def _remove_alias() -> None:
    connections[ALIAS].close()
    del connections[ALIAS], connections.settings[ALIAS]


def _celery_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return those of the project's settings that are Celery's, under Celery's own names."""
    return {
        name.removeprefix("CELERY_").lower(): value for name, value in settings.items() if name.startswith("CELERY_")
    }
