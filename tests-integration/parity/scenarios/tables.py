"""Models and managers used directly, as projects do."""

from __future__ import annotations

import io
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import management, serializers
from django.db import connections

from parity.facts import Facts, fact, outcome, sorted_facts
from parity.project import group_row, make_app, scenario, task_row


def store(task_id: str, **columns: Any) -> Any:
    """Store a result through the manager."""
    from django_celery_results.models import TaskResult

    values = {"content_type": "application/json", "content_encoding": "utf-8", "result": '"r"', "status": "STARTED"}
    return TaskResult.objects.store_result(task_id=task_id, **{**values, **columns})


@scenario("TaskResult.objects.store_result")
def store_result() -> Facts:
    from django_celery_results.models import TaskResult

    made = store("t")
    again = store("t", status="SUCCESS", result='"s"', traceback="tb", meta="{}", task_name="n", worker="w")
    positional = TaskResult.objects.store_result("application/json", "utf-8", "p", "1", "SUCCESS", None, "{}", "beat")
    return {
        "returns": (type(made), made.pk is not None, made.task_id, made.status, made.result),
        "again, returns": (again.pk == made.pk, again.status, again.result, again.worker, again.as_dict()),
        "dates of what it returns": (again.date_done, again.date_created),
        "positional": (positional.task_id, positional.result, positional.meta, positional.periodic_task_name),
        "unknown keywords": outcome(store, "u", color="red", exception_retry_count=0),
        "date_started": store("d", date_started=made.date_created).date_started,
        "using": store("o", using="other").task_id,
        "using, default": task_row("o"),
        **{f"using, other: {name}": value for name, value in task_row("o", "other").items()},
    }


@scenario("TaskResult.objects.get_task")
def get_task() -> Facts:
    from django_celery_results.models import TaskResult

    store("t", status="SUCCESS")
    known, unknown = TaskResult.objects.get_task("t"), TaskResult.objects.get_task("unknown")
    return {
        "known": (type(known), known.as_dict(), str(known)),
        "unknown": (type(unknown), unknown.pk, unknown.as_dict(), str(unknown)),
        "unknown, columns": {field.attname: getattr(unknown, field.attname) for field in unknown._meta.concrete_fields},
        "unknown, not stored": TaskResult.objects.count(),
    }


@scenario("GroupResult.objects")
def group_objects() -> Facts:
    from django_celery_results.models import GroupResult

    made = GroupResult.objects.store_group_result("application/json", "utf-8", "g", "[1]")
    again = GroupResult.objects.store_group_result("application/json", "utf-8", "g", "[2]")
    unknown = GroupResult.objects.get_group("unknown")
    GroupResult.objects.store_group_result("application/json", "utf-8", "o", "[3]", using="other")
    return {
        "store_group_result returns": (type(made), made.as_dict(), str(made)),
        "again": (again.pk == made.pk, again.as_dict()),
        **group_row("g"),
        "get_group": GroupResult.objects.get_group("g").as_dict(),
        "unknown": (type(unknown), unknown.pk, unknown.as_dict(), str(unknown)),
        "using": (group_row("o"), group_row("o", "other")),
    }


@scenario("what has expired")
def expired() -> Facts:
    from django_celery_results.models import GroupResult, TaskResult

    facts: Facts = {}
    for name, model, key in (("tasks", TaskResult, "task_id"), ("groups", GroupResult, "group_id")):
        for number in range(3):
            row = model.objects.create(**{key: f"r{number}"})
            model.objects.filter(pk=row.pk).update(date_done=row.date_done - timedelta(hours=number))
        keys = model.objects.get_all_expired(timedelta(minutes=30)).values_list(key, flat=True)
        facts[f"{name}, get_all_expired"] = (type(keys), sorted(keys))
        facts[f"{name}, in seconds"] = sorted_facts(model.objects.get_all_expired(5400).values_list(key, flat=True))
        facts[f"{name}, delete_expired returns"] = model.objects.delete_expired(timedelta(minutes=90))
        facts[f"{name}, left"] = sorted_facts(model.objects.values_list(key, flat=True))
    return facts


@scenario("cleanup")
def cleanup() -> Facts:
    from django_celery_results.models import GroupResult, TaskResult

    facts: Facts = {}
    for expires in (3600, timedelta(hours=1), 0, None):
        for number in range(2):
            rows = (
                store(f"t{number}", status="SUCCESS"),
                GroupResult.objects.store_group_result("application/json", "utf-8", f"g{number}", "[]"),
            )
            for row in rows:
                later = row.date_done - timedelta(hours=2 * number)
                type(row).objects.filter(pk=row.pk).update(date_done=later)
        returned = make_app(result_expires=expires).backend.cleanup()
        facts[f"result_expires = {fact(expires)}"] = (returned, TaskResult.objects.count(), GroupResult.objects.count())
    return facts


@scenario("cleanup of what never finished")
def cleanup_of_unready() -> Facts:
    from django_celery_results.models import TaskResult

    for status in ("SUCCESS", "FAILURE", "STARTED", "PENDING", "PACKING"):
        row = store(status.lower(), status=status)
        TaskResult.objects.filter(pk=row.pk).update(date_done=row.date_done - timedelta(days=2))
    make_app(result_expires=3600).backend.cleanup()
    return {"left": sorted_facts(TaskResult.objects.values_list("task_id", flat=True))}


@scenario("managers know their database")
def connections_of_managers() -> Facts:
    from django_celery_results.models import GroupResult, TaskResult

    facts: Facts = {}
    for model in (TaskResult, GroupResult):
        other = model.objects.db_manager("other")
        facts[model.__name__] = (
            model.objects.connection_for_write() is connections["default"],
            model.objects.connection_for_read() is connections["default"],
            model.objects.current_engine() == connections["default"].settings_dict["ENGINE"],
            other.connection_for_read() is connections["other"],
            model.objects.warn_if_repeatable_read(),
        )
    return facts


@scenario("transaction_retry")
def retry() -> Facts:
    from django.db import OperationalError

    from django_celery_results.managers import transaction_retry

    def counted(error: type[Exception], **options: Any) -> str:
        calls: list[Any] = []

        @transaction_retry(**options)
        def fail(*args: Any, **kwargs: Any) -> None:
            """Fail."""
            calls.append(kwargs)
            raise error("no")

        result = outcome(fail, 1, a=2)
        first = len(calls)
        outcome(fail, exception_retry_count=3)
        return f"{result}; {first} calls, {len(calls) - first} with exception_retry_count=3; {calls[0]}; {fail.__doc__}"

    return {
        "a database error": counted(OperationalError),
        "a database error, max_retries=2": counted(OperationalError, max_retries=2),
        "a mistake in the function": counted(TypeError),
        "returns": outcome(transaction_retry()(lambda: "value")),
    }


@scenario("models")
def models() -> Facts:
    from django_celery_results.models import ChordCounter, GroupResult, TaskResult

    task = TaskResult(task_id="t", task_name="n", status="MINE", result="1")
    return {
        "str": [str(task), str(GroupResult(group_id="g"))],
        "str of a counter": str(ChordCounter(group_id="g", count=2)),
        "as_dict of a task, in order": list(task.as_dict()),
        "as_dict of a group, in order": list(GroupResult(group_id="g").as_dict()),
        "as_dict": task.as_dict(),
        "validation of a state of one's own": outcome(task.full_clean, exclude=["content_type", "content_encoding"]),
        "validation of an id that is too long": outcome(TaskResult(task_id="x" * 256).clean_fields),
        "pickled, names its app": b"django_celery_results" in pickle.dumps(task),
        "unpickled": pickle.loads(pickle.dumps(task)).as_dict(),
    }


@scenario("utils")
def utils() -> Facts:
    from django_celery_results.utils import now, now_localtime

    aware, naive = datetime(2024, 7, 1, 12, tzinfo=UTC), datetime(2024, 7, 1, 12)  # noqa: DTZ001 - both kinds
    return {
        "now": now(),
        "now_localtime of an aware moment": outcome(lambda: str(now_localtime(aware))),
        "now_localtime of a naive moment": outcome(lambda: str(now_localtime(naive))),
        "now_localtime of nothing": outcome(lambda: now_localtime(None)),
    }


@scenario("fixtures")
def fixtures() -> Facts:
    from django_celery_results.models import TaskResult

    row = store("t", status="SUCCESS")
    TaskResult.objects.filter(pk=row.pk).update(id=1, date_created="2024-01-01T00:00", date_done="2024-01-01T00:00")
    text = serializers.serialize("json", TaskResult.objects.all())
    TaskResult.objects.all().delete()
    for loaded in serializers.deserialize("json", text):
        loaded.save()
    return {"dumped": text, "loaded": TaskResult.objects.get().as_dict()}


@scenario("the app in Django")
def the_app() -> Facts:
    from django.apps import apps
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    config = apps.get_app_config("django_celery_results")
    output = io.StringIO()
    return {
        "config": (config.name, config.label, str(config.verbose_name), config.default_auto_field),
        "models": sorted_facts(config.get_models()),
        "content types": sorted_facts(
            ContentType.objects.filter(app_label=config.label).values_list("app_label", "model")
        ),
        "permissions": sorted_facts(
            Permission.objects.filter(content_type__app_label=config.label).values_list("codename", "name")
        ),
        "makemigrations --check": outcome(
            management.call_command, "makemigrations", "django_celery_results", check=True, dry_run=True, stdout=output
        ),
        "check": outcome(management.call_command, "check", stdout=output, stderr=output),
    }
