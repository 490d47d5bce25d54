"""Fill a database through an installed release of django-celery-results.

Runs inside the environment of that release (Python 3.8 to 3.13, Django 3.1 to
5.2), after its own ``migrate``::

    python seed.py expected.json

Everything is written the way a worker writes it: by calling the release's own
result backend. ``expected.json`` then records what the release itself reads
back, so that a test can compare without knowing what is written here.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import sys
from decimal import Decimal
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

import celery
import django
from celery import Celery
from celery.app.task import Context
from celery.result import GroupResult
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

SERIALIZERS = ("json", "pickle")

# The traceback column is stored as it is, so this text reaches the database
# unescaped: four bytes of UTF-8 for the emoji, quotes, a percent sign, a
# backslash, and a line that ends like a statement of SQL.
TRACEBACK = r"""Traceback (most recent call last):
  File "shop/tasks.py", line 7, in bill
    log("C:\shop"); raise ValueError('Rücksendung 📦', 17);
ValueError: ('Rücksendung 📦', 17) isn't 100% there
"""

NESTED = {
    "order": 17,
    "paid": True,
    "total": 12.5,
    "voucher": None,
    "lines": [{"sku": "A-1", "amounts": [1, 2, 3]}, {"sku": "B-2", "amounts": []}],
}

TYPED = {
    "when": dt.datetime(2021, 3, 4, 5, 6, 7, 89, tzinfo=dt.timezone.utc),  # noqa: UP017 - dt.UTC needs Python 3.11
    "day": dt.date(2021, 3, 4),
    "price": Decimal("12.50"),
    "token": UUID("6d0f6a2e-0c4f-4c39-9f0c-4d6a2f4e1b11"),
}

SERVER_VERSION = {
    "sqlite": "SELECT sqlite_version()",
    "postgresql": "SHOW server_version",
    "mariadb": "SELECT version()",
}


class OutOfStock(Exception):  # noqa: N818 - named like an exception of a project
    """An exception whose module the reader of the database cannot import."""


OutOfStock.__module__ = "shop.errors"


class Shop:
    """A project whose workers use one result serializer."""

    def __init__(self, serializer: str, prefix: str = "", **conf: Any) -> None:
        """Connect an app with this serializer to the backend of the release; ``prefix`` begins all ids."""
        self.serializer = serializer
        self.prefix = prefix
        self.app = Celery("shop", backend="django-db", set_as_current=False)
        usual = {"result_serializer": serializer, "accept_content": list(SERIALIZERS), "result_extended": True}
        self.app.conf.update({**usual, **conf})
        self.backend: Any = self.app.backend
        self.task_ids: list[str] = []
        self.group_ids: list[str] = []

    def id(self, kind: str) -> str:
        """Name the task or group of that kind."""
        return f"{self.prefix}{self.serializer}-{kind}"

    def request(self, kind: str, **fields: Any) -> Any:
        """Note a task and describe its call, as a worker does for protocol 2."""
        task_id = self.id(kind)
        self.task_ids.append(task_id)
        return Context(
            {
                "id": task_id,
                "task": "shop.tasks.bill",
                "hostname": "celery@worker-1",
                "argsrepr": "(17, 'Zoë')",
                "kwargsrepr": "{'currency': 'EUR'}",
                "properties": {},
                **fields,
            }
        )

    def succeed(self, kind: str, value: Any, **fields: Any) -> None:
        """Store the value of a finished task."""
        request = self.request(kind, **fields)
        self.backend.mark_as_done(request.id, value, request=request)

    def fail(self, kind: str, error: Exception) -> None:
        """Store the error and the traceback of a failed task."""
        request = self.request(kind)
        self.backend.mark_as_failure(request.id, error, traceback=TRACEBACK, request=request)

    def write(self) -> None:
        """Store everything that the release has a place for."""
        self.write_tasks()
        self.write_chords()
        # 2.0 has neither the table nor the attribute. Its models module does
        # have a GroupResult, but that one is Celery's.
        if hasattr(self.backend, "GroupModel"):
            self.write_groups()

    def write_tasks(self) -> None:
        """Store one task of every kind."""
        # The usual life of a row: written at the start, overwritten at the end.
        request = self.request("success")
        self.backend.store_result(request.id, {"pid": 4711}, "STARTED", request=request)
        self.backend.mark_as_done(request.id, NESTED, request=request)

        self.succeed("text", "Grüße aus Köln, 你好, 👩‍🚀", task="shop.tasks.grüßen", hostname="celery@büro-🖨")
        self.succeed("none", None)
        self.succeed("typed", TYPED)
        if self.serializer == "pickle":
            self.succeed("python-only", ((1, 2), {3}, b"\x00\xff"))

        # Message protocol 1 has no argsrepr: the arguments themselves are stored.
        self.succeed(
            "protocol-1", 42, argsrepr=None, kwargsrepr=None, args=(17, ["Zoë"]), kwargs={"currency": "EUR", "tip": 0.5}
        )

        self.fail("failure", ValueError("Rücksendung 📦", 17))
        self.fail("failure-key", KeyError("missing"))
        if self.serializer == "json":
            # JSON stores the name of the class only; a pickle would not load.
            self.fail("failure-unknown-class", OutOfStock("A-1", 3))

        request = self.request("retry")
        self.backend.mark_as_retry(request.id, RuntimeError("try again"), traceback=TRACEBACK, request=request)

        request = self.request("started")
        self.backend.store_result(request.id, {"pid": 4711, "hostname": request.hostname}, "STARTED", request=request)

        request = self.request("revoked")
        self.backend.mark_as_revoked(request.id, "terminated", request=request)

        request = self.request("progress")
        progress = {"current": 3, "total": 10, "step": "wrapping"}
        self.backend.store_result(request.id, progress, "PROGRESS", request=request)

        self.write_task_with_children()
        self.write_tasks_without_request()

        if has_column(self.backend.TaskModel, "periodic_task_name"):
            # Up to 2.5 the name is read from the message properties, later
            # from the request itself.
            name = "nightly billing"
            self.succeed("periodic", 1, properties={"periodic_task_name": name}, periodic_task_name=name)

        if hasattr(self.backend, "_get_meta_from_request"):
            self.succeed("request-meta", 1, meta={"tenant": "north", "attempts": [1, 2]})

    def write_task_with_children(self) -> None:
        """Store a task that started a task and a group."""
        request = self.request("children")
        child = self.app.AsyncResult(self.id("child"))
        request.children.extend([child, self.group("child-group", members=["child-1", "child-2"])])
        self.backend.mark_as_done(request.id, "two calls made", request=request)

    def write_tasks_without_request(self) -> None:
        """Store tasks of which nothing but the id is known."""
        for kind in ("no-request", "no-request-failure"):
            self.task_ids.append(self.id(kind))
        self.backend.mark_as_done(self.id("no-request"), NESTED, request=None)
        self.backend.mark_as_failure(
            self.id("no-request-failure"), ValueError("lost"), traceback=TRACEBACK, request=None
        )

    def group(self, kind: str, members: list[str]) -> Any:
        """Return an unsaved group of tasks."""
        return self.app.GroupResult(self.id(kind), [self.app.AsyncResult(self.id(member)) for member in members])

    def write_groups(self) -> None:
        """Save a flat group, and a group in a group that follows another task."""
        flat = self.group("group", members=["success", "none"])
        nested = self.group("nested-group", members=["text"])
        nested.results.append(self.group("inner-group", members=["failure", "absent"]))
        nested.parent = self.app.AsyncResult(self.id("children"))
        for group in (flat, nested):
            group.save(backend=self.backend)
            self.group_ids.append(group.id)

    def write_chords(self) -> None:
        """Start two chords and let the first task of one of them finish."""
        for kind in ("chord-waiting", "chord-running"):
            header = self.group(kind, members=[f"{kind}-{number}" for number in (1, 2, 3)])
            # Celery passes the parts of the group instead of the group since 5.1.
            passed = (header.id, header.results) if celery.VERSION >= (5, 1) else header
            self.backend.apply_chord(passed, self.chord_body())
        self.finish_chord_part("chord-running", 1)

    def chord_body(self) -> Any:
        """Return the task that gets the results of a chord's header."""
        return self.app.signature("shop.tasks.add_up")

    def finish_chord_part(self, kind: str, number: int) -> None:
        """Store the result of one task in a chord's header."""
        self.succeed(f"{kind}-{number}", number, group=self.id(kind), chord=self.chord_body())

    def read_tasks(self) -> list[dict[str, Any]]:
        """Return what the release reads from each row it wrote."""
        return [self.read_task(task_id) for task_id in sorted(self.task_ids)]

    @cached_property
    def usual_keys(self) -> set[str]:
        """Name what the release tells about every task, known or not."""
        return {"children", *self.backend.get_task_meta(self.id("absent"))}

    def read_task(self, task_id: str) -> dict[str, Any]:
        """Return what the release reads from one row."""
        meta = self.backend.get_task_meta(task_id)
        children = self.app.AsyncResult(task_id).children or []
        return {
            "task_id": task_id,
            "serializer": self.serializer,
            "status": meta["status"],
            "result": readable(meta["result"]),
            "traceback": meta["traceback"],
            "args": readable(meta["task_args"]),
            "kwargs": readable(meta["task_kwargs"]),
            "children": [outline(child) for child in children],
            "request_meta": {name: meta[name] for name in sorted(meta.keys() - self.usual_keys)},
            "columns": columns(self.backend.TaskModel, task_id=task_id),
        }

    def read_groups(self) -> list[dict[str, Any]]:
        """Return what the release restores from each group it saved."""
        return [self.read_group(group_id) for group_id in sorted(self.group_ids)]

    def read_group(self, group_id: str) -> dict[str, Any]:
        """Return what the release restores from one group."""
        group: Any = self.app.GroupResult.restore(group_id, backend=self.backend)
        return {
            "serializer": self.serializer,
            **outline(group),
            "parent": group.parent and group.parent.id,
            "columns": columns(self.backend.GroupModel, group_id=group_id),
        }


def has_column(model: Any, name: str) -> bool:
    """Say whether the table of a model has that column in this release."""
    return name in {field.name for field in model._meta.get_fields()}


def columns(model: Any, **key: str) -> dict[str, Any]:
    """Return one row as it is stored, without its number."""
    row = model.objects.filter(**key).values().get()
    del row["id"]
    return {name: value.isoformat() if isinstance(value, dt.datetime) else value for name, value in row.items()}


def readable(value: Any) -> dict[str, Any]:
    """Describe a value for JSON, by its repr if JSON would change it."""
    try:
        unchanged = json.loads(json.dumps(value)) == value
    except (TypeError, ValueError):
        unchanged = False
    return {"value": value} if unchanged else {"repr": repr(value)}


def outline(result: Any) -> Any:
    """Name a task by its id, and a group by its id and its members."""
    if not isinstance(result, GroupResult):
        return result.id
    return {"group_id": result.id, "members": [outline(member) for member in result.results or []]}


def read_chord_counters(app: Celery) -> list[dict[str, Any]]:
    """Return what the release reads from its chord counters."""
    model: Any = apps.get_model("django_celery_results", "ChordCounter")
    return [
        {
            **outline(counter.group_result(app=app)),
            "count": counter.count,
            "columns": columns(model, group_id=counter.group_id),
        }
        for counter in model.objects.order_by("group_id")
    ]


def describe_environment() -> dict[str, Any]:
    """Name everything that had a part in the dump."""
    vendor = "mariadb" if getattr(connection, "mysql_is_mariadb", False) else connection.vendor
    with connection.cursor() as cursor:
        cursor.execute(SERVER_VERSION[vendor])
        server = cursor.fetchone()[0]
    applied = MigrationRecorder(connection).applied_migrations()
    return {
        "release": version("django-celery-results"),
        "vendor": vendor,
        "versions": {
            "python": platform.python_version(),
            "django": django.get_version(),
            "celery": version("celery"),
            "kombu": version("kombu"),
            "database": server,
        },
        "migrations": sorted(name for app, name in applied if app == "django_celery_results"),
    }


def main(expected: Path) -> None:
    """Write all rows, read them back and record what was read."""
    django.setup()
    shops = [Shop(serializer) for serializer in SERIALIZERS]
    for shop in shops:
        shop.write()
    record = {
        **describe_environment(),
        "tasks": [task for shop in shops for task in shop.read_tasks()],
        "groups": [group for shop in shops for group in shop.read_groups()],
        "chord_counters": read_chord_counters(shops[0].app),
    }
    expected.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
