"""What one installation does to a database: migrate, read, store, finish a chord, clean up.

Runs inside an environment, ours or that of a published release, as ``python -m takeover.steps``: takes a
request per line (JSON) and answers each in a fork of its own, so that every request meets a fresh Django
but none waits for the imports.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any

import django
from celery import states
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from takeover.schema import read_schema
from takeover.seed import SERIALIZERS, Shop, read_chord_counters, readable

APP = "django_celery_results"

#: What most steps import, as far as the environment has it.
IMPORTS = (
    "celery.backends.base",
    "django.contrib.auth.hashers",
    "django.contrib.auth.management",
    "django.core.management.commands.makemigrations",
    "django.core.management.commands.migrate",
    "django.core.management.commands.showmigrations",
    "django.db.backends.mysql.base",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "django.views.debug",
    "kombu.transport.memory",
)


def shop(serializer: str = "json", prefix: str = "", **conf: Any) -> Shop:
    """Return a project whose app reads the results of both serializers and publishes to memory."""
    return Shop(
        serializer,
        prefix,
        accept_content=["json"],
        result_accept_content=list(SERIALIZERS),
        broker_url="memory://",
        **conf,
    )


def migrate(target: str | None = None) -> None:
    """Migrate everything to its latest, or the app alone to the migration ``target``."""
    call_command("migrate", *([APP, target] if target else []), verbosity=0)


def state() -> dict[str, Any]:
    """Return the release, its migrations that are applied or not, and whether models ask for another one."""
    listing, changes = io.StringIO(), io.StringIO()
    call_command("showmigrations", APP, stdout=listing, no_color=True)
    lines = [line.strip().partition("] ") for line in listing.getvalue().splitlines()[1:]]
    try:
        call_command("makemigrations", check_changes=True, dry_run=True, stdout=changes)
    except SystemExit:
        changed = changes.getvalue()
    else:
        changed = ""
    return {
        "release": version("django-celery-results"),
        "applied": [name for box, _, name in lines if box == "[X"],
        "unapplied": [name for box, _, name in lines if box != "[X"],
        "changes": changed,
    }


def schema(targets: list[str] | None = None) -> Any:
    """Return the tables as they are, or by name of the migration as they are after each of ``targets``."""
    if targets is None:
        return read_schema()
    schemas = {}
    for target in targets:
        migrate(target)
        schemas[target] = read_schema()
    return schemas


def read(tasks: Mapping[str, str], groups: Mapping[str, str], reader: str | None = None) -> dict[str, Any]:
    """Return what the backend reads from tasks and groups (id -> serializer), and all chord counters.

    ``reader``: the ``result_serializer`` of the project that reads; without it, the one that wrote the row.
    """
    shops = {serializer: shop(reader or serializer) for serializer in SERIALIZERS}
    return {
        "tasks": {task_id: read_task(shops[serializer], task_id) for task_id, serializer in tasks.items()},
        "groups": {group_id: shops[serializer].read_group(group_id) for group_id, serializer in groups.items()},
        "chord_counters": {counter["group_id"]: counter for counter in read_chord_counters(shops["json"].app)},
    }


def read_task(reader: Shop, task_id: str) -> dict[str, Any]:
    """Return what the backend reads from one row, and what Celery's own result object makes of it."""
    result = reader.app.AsyncResult(task_id)
    return {
        **reader.read_task(task_id),
        "async_result": {
            "state": result.state,
            "result": readable(result.result),
            "traceback": result.traceback,
            "name": result.name,
            "args": readable(result.args),
            "kwargs": readable(result.kwargs),
            "worker": result.worker,
            "date_done": result.date_done.isoformat() if result.date_done else None,
        },
    }


def store(prefix: str) -> dict[str, Any]:
    """Store tasks, groups and chords of every kind under new ids; return what the writer reads of them."""
    shops = {serializer: shop(serializer, prefix) for serializer in SERIALIZERS}
    for writer in shops.values():
        writer.write()
    return {
        "tasks": [read_task(writer, task_id) for writer in shops.values() for task_id in sorted(writer.task_ids)],
        "groups": [group for writer in shops.values() for group in writer.read_groups()],
    }


def finish_chord(serializer: str, kind: str, numbers: list[int], prefix: str = "") -> list[dict[str, Any]]:
    """Store the results of those parts of a chord's header; return the bodies that were sent."""
    writer = shop(serializer, prefix)
    for number in numbers:
        writer.finish_chord_part(kind, number)
    bodies = []
    with writer.app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        while message := channel.basic_get(writer.app.conf.task_default_queue, no_ack=True):
            bodies.append({"task": message.headers["task"], "args": message.payload[0]})
    return bodies


def clean_up(days: int) -> dict[str, list[str]]:
    """Make finished tasks and all groups ``days`` days older, run the backend's cleanup, and return what is left.

    Tasks of chords stay young: their chord may be counting.
    """
    age = dt.timedelta(days=days)
    backend = shop(result_expires=age / 2).backend
    now = dt.datetime.now(dt.UTC)
    tasks, groups = backend.TaskModel.objects, backend.GroupModel.objects
    tasks.update(date_done=now)
    tasks.filter(status__in=states.READY_STATES).exclude(task_id__contains="chord").update(date_done=now - age)
    groups.update(date_done=now - age)
    backend.cleanup()
    return {
        "tasks": sorted(tasks.values_list("task_id", flat=True)),
        "groups": sorted(groups.values_list("group_id", flat=True)),
    }


def permissions() -> list[list[str]]:
    """Return the permissions on the app's models."""
    model = apps.get_model("auth", "Permission")
    rows = model.objects.filter(content_type__app_label=APP)
    return sorted(map(list, rows.values_list("content_type__model", "codename")))


STEPS: dict[str, Callable[..., Any]] = {
    step.__name__: step for step in (migrate, state, schema, read, store, finish_chord, clean_up, permissions)
}


def run(environment: Mapping[str, str], step: str, arguments: Mapping[str, Any]) -> str:
    """Run one step in a project with those environment variables; return the answer, or what went wrong, as JSON."""
    os.environ.update(environment)
    try:
        # The line to the test is standard output.
        with contextlib.redirect_stdout(sys.stderr):
            django.setup()
            return json.dumps({"answer": STEPS[step](**arguments)})
    except Exception:  # noqa: BLE001 - whatever it is, the test shows it
        return json.dumps({"error": traceback.format_exc()})


def run_in_fork(request: Mapping[str, Any]) -> str:
    """Run a request in a child process and return what it answers; nothing where it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(writer, "w", encoding="utf-8") as pipe:
            pipe.write(run(**request))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        outcome = pipe.read()
    os.waitpid(child, 0)
    return outcome


def main() -> None:
    """Answer requests until there are no more."""
    for module in IMPORTS:
        with contextlib.suppress(ImportError, ImproperlyConfigured):
            import_module(module)
    for line in sys.stdin:
        print(run_in_fork(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
